//! The power of two that values are multiplied by, so that their fourth powers neither overflow nor vanish.

/// Multiplied values lie below 2^`CEILING`: 2^64 fourth powers of their differences stay far below 2^1024.
const CEILING: i32 = 220;
/// Where the largest value goes when a scale has to be chosen; it leaves room for larger ones to come.
const TARGET: i32 = 100;
/// Values whose largest lies from here to the ceiling are left as they are. Two different values are at least 2^-54 of
/// the larger one apart, so the fourth powers that matter are above 2^-740, and what rounding took away above 2^-850.
const FLOOR: i32 = -130;
/// The largest exponent whose power of two is certain to be an `f64`; it lifts the least `f64` to 2^-74.
const LARGEST: i32 = 1000;

/// A multiplier, and the values it is good for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    pub(super) exponent: i32,
    /// 2^`exponent`.
    pub(super) factor: f64,
    /// The largest magnitude it is good for; below 0: none.
    pub(super) limit: f64,
}

impl Scale {
    /// Good for no value at all.
    pub(super) const NONE: Self = Self { exponent: 0, factor: 1.0, limit: -1.0 };

    /// The scale for finite values of which `magnitude` is the largest so far.
    pub(super) fn for_magnitude(magnitude: f64) -> Self {
        if magnitude == 0.0 {
            return Self { limit: 0.0, ..Self::NONE };
        }
        let at = libm::ilogb(magnitude);
        let exponent = if (FLOOR..CEILING).contains(&at) { 0 } else { TARGET.saturating_sub(at).min(LARGEST) };
        Self::with_exponent(exponent)
    }

    /// The scale of this exponent, if it is one that values can have of which `magnitude` is the largest.
    pub(super) fn from_exponent(exponent: i32, magnitude: f64) -> Option<Self> {
        if magnitude == 0.0 {
            return (exponent == 0).then(|| Self::for_magnitude(0.0));
        }
        if !(TARGET - f64::MAX_EXP..=LARGEST).contains(&exponent) {
            return None;
        }
        let scale = Self::with_exponent(exponent);
        let fits = magnitude <= scale.limit && libm::ilogb(magnitude).saturating_add(exponent) >= FLOOR;
        fits.then_some(scale)
    }

    fn with_exponent(exponent: i32) -> Self {
        let limit = libm::scalbn(1.0, CEILING.saturating_sub(exponent)).min(f64::MAX);
        Self { exponent, factor: libm::scalbn(1.0, exponent), limit }
    }
}
