//! Numbers between two others, whose distance may be more than a double holds: half of it is one.

/// What is a share of the way from one number to another.
pub(crate) fn between(from: f64, to: f64, share: f64) -> f64 {
    (from * 0.5 + half_distance(from, to) * share) * 2.0
}

/// Which share of the way from one number to another, which is not less, lies before `x`: from 0, also where there is no
/// way, to 1.
pub(crate) fn share(from: f64, to: f64, x: f64) -> f64 {
    // Where there is no way it is NaN, than which 0 is more.
    (half_distance(from, x.max(from).min(to)) / half_distance(from, to)).max(0.0)
}

/// Half of the way from one number to another: what that is rounded to, but for the last bit of a denormal.
pub(crate) fn half_distance(from: f64, to: f64) -> f64 {
    to * 0.5 - from * 0.5
}
