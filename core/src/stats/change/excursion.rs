//! One side of the test.

/// A cumulative sum and how long it has been above 0.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Excursion {
    /// The sum, in sigmas; never negative, and at most `f64::MAX`.
    pub sum: f64,
    /// Number of finite values since the sum was last 0: with the first of these the change is likely to have begun.
    pub values: u64,
}

impl Excursion {
    pub(super) const NONE: Self = Self { sum: 0.0, values: 0 };

    #[inline]
    pub(super) fn add(&mut self, distance: f64) {
        let sum = self.sum + distance;
        *self =
            if sum > 0.0 { Self { sum: sum.min(f64::MAX), values: self.values.saturating_add(1) } } else { Self::NONE };
    }

    /// The one of the larger sum, or the longer one.
    pub(super) fn or_larger(self, other: Self) -> Self {
        if (other.sum, other.values) > (self.sum, self.values) { other } else { self }
    }
}
