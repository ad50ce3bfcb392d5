//! Power sums about a pivot, in double-double.

use crate::stats::dd::{Dd, Lanes, Real, split};
use crate::stats::pivot::{Centre, Distance};
use crate::stats::totals::Totals;

/// Values that are summed side by side from a slice.
pub(super) const LANES: usize = 4;

/// The sums of the first four powers of the distances from a pivot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sums {
    pub(super) pivot: f64,
    pub(super) powers: Totals<f64, 4>,
}

impl<T: Real> Totals<T, 4> {
    /// Adds the powers of `x - pivot`.
    #[inline(always)]
    pub(super) fn add_powers(&mut self, x: T, pivot: T) {
        let distance = Distance::between(x, pivot);
        let ((d, d_rest), d_parts) = (distance.get(), distance.parts);
        let (d2, d2_rest) = distance.squared();
        let d2_parts = split(d2);
        // Products of halves are exact, and what they leave out is some 2^-26 of them, so that plain arithmetic is good
        // to 2^-79 of these powers. They needn't be rounded first, as nothing is multiplied by them.
        let d3 = d2_parts.high * d_parts.high;
        let d3_rest = d2_parts.high * d_parts.low + d2 * d_rest + (d2_parts.low + d2_rest) * d;
        let d4 = d2_parts.high * d2_parts.high;
        let d4_rest = d2_parts.low * (d2 + d2_parts.high) + (d2 + d2) * d2_rest;
        self.add([(d, d_rest), (d2, d2_rest), (d3, d3_rest), (d4, d4_rest)]);
    }
}

/// The distances of all values from their mean, to the second, third and fourth power, summed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Central {
    pub(super) m2: Dd,
    pub(super) m3: Dd,
    pub(super) m4: Dd,
}

impl Sums {
    /// Adds `values`, all of them finite and in range once multiplied by `factor`.
    pub(super) fn add_slice(&mut self, values: &[f64], factor: f64) {
        let mut lanes = Totals::<Lanes<LANES>, 4>::default();
        let (blocks, rest) = values.as_chunks::<LANES>();
        let (pivot, factors) = (Lanes::from(self.pivot), Lanes::from(factor));
        for block in blocks {
            lanes.add_powers(Lanes(*block) * factors, pivot);
        }
        for x in rest {
            self.powers.add_powers(x * factor, self.pivot);
        }
        let mut sums = self.powers.dds();
        for ((sum, hi), lo) in sums.iter_mut().zip(lanes.hi).zip(lanes.lo) {
            for (hi, lo) in hi.0.into_iter().zip(lo.0) {
                *sum = *sum + Dd::sum(hi, lo);
            }
        }
        self.powers.set(sums);
    }

    /// The mean of all `count` values.
    pub(super) fn mean(&self, count: u64) -> Dd {
        self.centre(count).mean()
    }

    /// Moves the pivot: with e the distance it moves, S1' = S1 - n e, S2' = S2 - e (2 S1 - n e), and so on by the
    /// binomial identities.
    pub(super) fn move_pivot(&mut self, count: u64, pivot: f64) {
        let [s1, s2, s3, s4] = self.powers.dds();
        let e = Dd::difference(pivot, self.pivot);
        let ne = Dd::from(count) * e;
        let t2 = s1.times(2.0) - ne;
        let t3 = s2.times(3.0) - e * (s1.times(3.0) - ne);
        let t4 = s3.times(4.0) - e * (s2.times(6.0) - e * (s1.times(4.0) - ne));
        self.pivot = pivot;
        self.powers.set([s1 - ne, s2 - e * t2, s3 - e * t3, s4 - e * t4]);
    }

    /// The sums of `self` and `other` about the mean of all their values. Which of the two is `self` makes no
    /// difference, not in a bit.
    pub(super) fn merged(mut self, count: u64, mut other: Self, other_count: u64) -> Self {
        let pivot = self.centre(count).joint(other.centre(other_count));
        self.move_pivot(count, pivot);
        other.move_pivot(other_count, pivot);
        self.powers.absorb(&other.powers);
        self
    }

    /// The same sums of values that are 2^`exponent` times as large.
    pub(super) fn scale(&mut self, exponent: i32) {
        self.pivot = libm::scalbn(self.pivot, exponent);
        let mut sums = self.powers.dds();
        let mut power = 0_i32;
        for sum in &mut sums {
            power = power.saturating_add(exponent);
            *sum = sum.scaled(power);
        }
        self.powers.set(sums);
    }

    /// The central sums of all `count` values, which aren't none.
    pub(super) fn central(&self, count: u64) -> Central {
        let [s1, s2, s3, s4] = self.powers.dds();
        let offset = s1.over(Dd::from(count));
        let square = s1 * offset;
        Central {
            m2: s2 - square,
            m3: s3 - offset * (s2.times(3.0) - square.times(2.0)),
            m4: s4 - offset * (s3.times(4.0) - offset * (s2.times(6.0) - square.times(3.0))),
        }
    }

    fn centre(&self, count: u64) -> Centre {
        let [sum, ..] = self.powers.dds();
        Centre { pivot: self.pivot, sum, count }
    }
}
