//! Running sums in double-double.

use super::dd::{Dd, Real, two_sum};

/// Whether the `count`th value is one at which a state settles: the last of a `block`, which is a power of two, or one
/// of the first, among which pivots move soon.
#[inline(always)]
pub(super) fn is_due(count: u64, block: u64) -> bool {
    count & block.wrapping_sub(1) == 0 || count < block
}

/// Rounded sums, and beside them what rounding took away.
///
/// While terms are added the second parts grow beyond half a unit of the first ones; [`Totals::settle`] folds them in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Totals<T, const N: usize> {
    pub(super) hi: [T; N],
    pub(super) lo: [T; N],
}

impl<T: Real, const N: usize> Default for Totals<T, N> {
    fn default() -> Self {
        Self { hi: [T::default(); N], lo: [T::default(); N] }
    }
}

impl<T: Real, const N: usize> Totals<T, N> {
    /// Adds to each sum a term, given as a number and a rest.
    #[inline(always)]
    pub(super) fn add(&mut self, terms: [(T, T); N]) {
        for ((hi, lo), (term, rest)) in self.hi.iter_mut().zip(&mut self.lo).zip(terms) {
            let (sum, error) = two_sum(*hi, term);
            *hi = sum;
            *lo = *lo + (error + rest);
        }
    }
}

impl<const N: usize> Totals<f64, N> {
    pub(super) const ZERO: Self = Self { hi: [0.0; N], lo: [0.0; N] };

    /// Folds what rounding took away into the sums, as far as it fits.
    pub(super) fn settle(&mut self) {
        self.set(self.dds());
    }

    /// Adds all of the other sums.
    pub(super) fn absorb(&mut self, other: &Self) {
        let mut sums = self.dds();
        for (sum, more) in sums.iter_mut().zip(other.dds()) {
            *sum = *sum + more;
        }
        self.set(sums);
    }

    pub(super) fn dds(&self) -> [Dd; N] {
        let mut sums = [Dd::default(); N];
        for ((sum, hi), lo) in sums.iter_mut().zip(self.hi).zip(self.lo) {
            *sum = Dd::sum(hi, lo);
        }
        sums
    }

    pub(super) fn set(&mut self, sums: [Dd; N]) {
        *self = Self { hi: sums.map(|sum| sum.hi), lo: sums.map(|sum| sum.lo) };
    }

    /// Each sum as its two parts, settled.
    pub(super) fn to_parts(self) -> [[f64; 2]; N] {
        self.dds().map(|sum| [sum.hi, sum.lo])
    }

    pub(super) fn from_parts(parts: [[f64; 2]; N]) -> Self {
        Self { hi: parts.map(|[hi, _]| hi), lo: parts.map(|[_, lo]| lo) }
    }
}
