//! One of two variables: what is kept of it alone.

use crate::stats::dd::Dd;
use crate::stats::pivot::{Centre, Distance};
use crate::stats::scale::Scale;
use crate::stats::totals::Totals;

/// Extremes of a variable, and the sums of its distances from a pivot and of their squares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Variable {
    pub(super) scale: Scale,
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) pivot: f64,
    pub(super) sums: Totals<f64, 2>,
}

/// How far a pivot moves, and the sum of the distances from where it was.
#[derive(Clone, Copy)]
pub(super) struct Shift {
    by: Dd,
    sum: Dd,
}

/// The sum of the products of `count` distances a and b once their pivots have moved by e and f:
/// Σ(a - e)(b - f) = Σab - (e Σb + f Σa - n e f). It is the same to the bit whichever is which.
pub(super) fn shifted(products: Dd, count: Dd, a: Shift, b: Shift) -> Dd {
    products - (a.by * b.sum + b.by * a.sum - count * (a.by * b.by))
}

impl Variable {
    pub(super) const NONE: Self =
        Self { scale: Scale::NONE, min: f64::INFINITY, max: f64::NEG_INFINITY, pivot: 0.0, sums: Totals::ZERO };

    /// Whether the scale is good for a value; it isn't for NaN.
    #[inline(always)]
    pub(super) fn reaches(&self, value: f64) -> bool {
        value.abs() <= self.scale.limit
    }

    /// The scale that is good for a finite value and all before it.
    pub(super) fn scale_for(&self, value: f64) -> Scale {
        if self.reaches(value) { self.scale } else { Scale::for_magnitude(value.abs()) }
    }

    /// Takes in a value that the scale is good for, and tells its distance from the pivot.
    #[inline(always)]
    pub(super) fn add(&mut self, value: f64) -> Distance<f64> {
        let distance = Distance::between(value * self.scale.factor, self.pivot);
        self.sums.add([distance.get(), distance.squared()]);
        self.min = if value < self.min { value } else { self.min };
        self.max = if value > self.max { value } else { self.max };
        distance
    }

    /// Adds what another with the same pivot and scale has seen.
    pub(super) fn absorb(&mut self, other: &Self) {
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.sums.absorb(&other.sums);
    }

    /// Changes the scale, and tells by which power of two.
    pub(super) fn rescale(&mut self, scale: Scale) -> i32 {
        let exponent = scale.exponent.saturating_sub(self.scale.exponent);
        self.scale = scale;
        if exponent != 0 {
            self.pivot = libm::scalbn(self.pivot, exponent);
            let [sum, squares] = self.sums.dds();
            self.sums.set([sum.scaled(exponent), squares.scaled(exponent.saturating_mul(2))]);
        }
        exponent
    }

    pub(super) fn move_pivot(&mut self, count: Dd, pivot: f64) -> Shift {
        let [sum, squares] = self.sums.dds();
        let shift = Shift { by: Dd::difference(pivot, self.pivot), sum };
        self.pivot = pivot;
        self.sums.set([sum - count * shift.by, shifted(squares, count, shift, shift)]);
        shift
    }

    pub(super) fn centre(&self, count: u64) -> Centre {
        let [sum, _] = self.sums.dds();
        Centre { pivot: self.pivot, sum, count }
    }

    /// n Σ(value - mean)².
    pub(super) fn spread(&self, count: u64) -> Dd {
        let [sum, squares] = self.sums.dds();
        Dd::from(count) * squares - sum * sum
    }
}
