//! The power of two that values are multiplied by, so that their fourth powers neither overflow nor vanish.

/// Multiplied values lie below 2^`CEILING`: 2^64 fourth powers of their differences stay below 2^1000.
const CEILING: i32 = 220;
/// When a scale is chosen the largest value goes from here to below 2^`STEP` times this.
///
/// Two different values are at least 2^-54 of the larger one apart, so the fourth powers that matter are above 2^-740,
/// and what rounding took away from them above 2^-850.
const FLOOR: i32 = -130;
/// Exponents are multiples of this, so that states from different places mostly have the same.
const STEP: i32 = 300;
/// The largest exponent. It takes the least `f64` to 2^-174, of which differences are whole multiples.
const LARGEST: i32 = 900;

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
            return Self { exponent: 0, factor: 1.0, limit: 0.0 };
        }
        let steps = (FLOOR + STEP - 1).saturating_sub(libm::ilogb(magnitude)).div_euclid(STEP);
        let exponent = steps.saturating_mul(STEP).min(LARGEST);
        let limit = libm::scalbn(1.0, CEILING.saturating_sub(exponent)).min(f64::MAX);
        Self { exponent, factor: libm::scalbn(1.0, exponent), limit }
    }

    /// The scale of this exponent, if it is one that values can have of which `magnitude` is the largest.
    pub(super) fn from_exponent(exponent: i32, magnitude: f64) -> Option<Self> {
        let now = Self::for_magnitude(magnitude);
        if now.exponent == exponent {
            return Some(now);
        }
        // Chosen for a smaller value, which left room for this one.
        let earlier = Self::for_magnitude(libm::scalbn(magnitude, FLOOR + STEP - 1 - CEILING));
        (earlier.exponent == exponent && magnitude <= earlier.limit).then_some(earlier)
    }

    /// The one of two that is good for larger values.
    pub(super) fn wider(self, other: Self) -> Self {
        if other.reaches_beyond(&self) { other } else { self }
    }

    /// Whether it is the one to be kept of two: that which is good for larger values.
    pub(super) fn reaches_beyond(&self, other: &Self) -> bool {
        self.limit > other.limit
    }
}
