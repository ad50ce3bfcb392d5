//! The rank of a quantile.

/// ⌈`q` `total`⌉, the product rounded to `f64`, and at least 1: the place of the `q` quantile among `total` values in
/// order, the least at 1. `None` without values, or unless 0 <= `q` <= 1.
pub(super) fn nearest_rank(q: f64, total: u64) -> Option<u64> {
    if total == 0 || !(0.0..=1.0).contains(&q) {
        return None;
    }
    Some((libm::ceil(q * total as f64) as u64).clamp(1, total))
}
