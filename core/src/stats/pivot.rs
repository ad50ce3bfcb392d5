//! Distances from a pivot, and where two pivots meet.

use super::dd::{Dd, Real, Split, split, two_sum};

/// The distance of a value from a pivot, exact: `parts` is rounded, `rest` is what rounding took away.
#[derive(Clone, Copy)]
pub(super) struct Distance<T> {
    pub(super) parts: Split<T>,
    pub(super) rest: T,
}

impl<T: Real> Distance<T> {
    #[inline(always)]
    pub(super) fn between(x: T, pivot: T) -> Self {
        let minus_pivot = T::default() - pivot;
        let (distance, rest) = two_sum(x, minus_pivot);
        Self { parts: split(distance), rest }
    }

    #[inline(always)]
    pub(super) fn get(self) -> (T, T) {
        (self.parts.whole, self.rest)
    }

    /// The square rounded, and a rest, good to 2^-104 of it together.
    #[inline(always)]
    pub(super) fn squared(self) -> (T, T) {
        let (d, d_rest) = self.get();
        let (square, error) = self.parts.squared();
        (square, error + (d + d) * d_rest)
    }

    /// The same of a product: to the bit the square if `other` is the same, and the same whichever is `self`.
    #[inline(always)]
    pub(super) fn times(self, other: Self) -> (T, T) {
        let ((d, d_rest), (e, e_rest)) = (self.get(), other.get());
        let (product, error) = self.parts.times(other.parts);
        (product, error + (d * e_rest + e * d_rest))
    }
}

/// A pivot, and the sum of the distances of some values from it.
#[derive(Clone, Copy)]
pub(super) struct Centre {
    pub(super) pivot: f64,
    pub(super) sum: Dd,
    pub(super) count: u64,
}

impl Centre {
    /// The mean of the values, which aren't none.
    pub(super) fn mean(self) -> Dd {
        Dd::from(self.pivot) + self.sum.over(Dd::from(self.count))
    }

    /// The mean of the values of both, rounded: a pivot for all of them. Which of the two is `self` makes no
    /// difference, not in a bit.
    pub(super) fn joint(self, other: Self) -> f64 {
        let (near, far) = if self.pivot <= other.pivot { (self, other) } else { (other, self) };
        let apart = Dd::difference(far.pivot, near.pivot) * Dd::from(far.count);
        let count = near.count.saturating_add(far.count);
        Self { pivot: near.pivot, sum: near.sum + far.sum + apart, count }.mean().hi
    }
}
