//! What values between two extremes can have led to.

use super::scale::Scale;

/// More than this doubles don't count.
pub(super) const MAX_COUNT: u64 = 1 << 53;

/// The extremes of some values, multiplied by a power of two.
pub(super) struct Extent {
    pub(super) scale: Scale,
    min: f64,
    max: f64,
}

impl Extent {
    /// `None` if no values have these extremes, or not with this exponent. Comparisons are such that NaN fails them.
    pub(super) fn of(min: f64, max: f64, exponent: i32) -> Option<Self> {
        let ordered = min <= max;
        if !ordered {
            return None;
        }
        let scale = Scale::from_exponent(exponent, min.abs().max(max.abs()))?;
        Some(Self { scale, min: min * scale.factor, max: max * scale.factor })
    }

    pub(super) fn range(&self) -> f64 {
        self.max - self.min
    }

    /// No distance from a pivot is longer.
    pub(super) fn widest(&self) -> f64 {
        self.range() * 1.000_001
    }

    /// Nothing lies between infinite extremes. The pivot is a rounded mean, so it can lie a rounding error beyond them.
    pub(super) fn holds_pivot(&self, pivot: f64) -> bool {
        let slack = 1e-9 * self.range();
        pivot >= self.min - slack && pivot <= self.max + slack
    }
}

/// Whether it is a sum from `least` to `most` and what rounding took away from it.
pub(super) fn is_sum([hi, lo]: [f64; 2], least: f64, most: f64) -> bool {
    hi >= least && hi <= most && hi + lo == hi
}
