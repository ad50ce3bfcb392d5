//! Power sums about a pivot, in double-double.

use crate::stats::dd::{Dd, Lanes, Real, split, two_sum};

/// Values that are summed side by side from a slice.
pub(super) const LANES: usize = 4;

/// The sums of the first four powers of the distances from a pivot.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sums {
    pub(super) pivot: f64,
    pub(super) powers: Powers<f64>,
}

/// Sums of x, x², x³ and x⁴: rounded sums, and beside them what rounding took away.
///
/// While values are added the second parts grow beyond half a unit of the first ones; [`Sums::settle`] folds them in.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Powers<T> {
    pub(super) hi: [T; 4],
    pub(super) lo: [T; 4],
}

impl<T: Real> Powers<T> {
    /// Adds the powers of `x - pivot`.
    #[inline(always)]
    pub(super) fn add(&mut self, x: T, pivot: T) {
        let minus_pivot = T::default() - pivot;
        let (d, d_rest) = two_sum(x, minus_pivot);
        let d_parts = split(d);
        let (d2, error) = d_parts.squared();
        let d2_rest = error + (d + d) * d_rest;
        let d2_parts = split(d2);
        // Products of halves are exact, and what they leave out is some 2^-26 of them, so that plain arithmetic is good
        // to 2^-79 of these powers. They needn't be rounded first, as nothing is multiplied by them.
        let d3 = d2_parts.high * d_parts.high;
        let d3_rest = d2_parts.high * d_parts.low + d2 * d_rest + (d2_parts.low + d2_rest) * d;
        let d4 = d2_parts.high * d2_parts.high;
        let d4_rest = d2_parts.low * (d2 + d2_parts.high) + (d2 + d2) * d2_rest;
        let powers = [(d, d_rest), (d2, d2_rest), (d3, d3_rest), (d4, d4_rest)];
        for ((hi, lo), (power, rest)) in self.hi.iter_mut().zip(&mut self.lo).zip(powers) {
            let (sum, error) = two_sum(*hi, power);
            *hi = sum;
            *lo = *lo + (error + rest);
        }
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
        let mut lanes = Powers::<Lanes<LANES>>::default();
        let (blocks, rest) = values.as_chunks::<LANES>();
        let (pivot, factors) = (Lanes::from(self.pivot), Lanes::from(factor));
        for block in blocks {
            lanes.add(Lanes(*block) * factors, pivot);
        }
        for x in rest {
            self.powers.add(x * factor, self.pivot);
        }
        let mut sums = self.dds();
        for ((sum, hi), lo) in sums.iter_mut().zip(lanes.hi).zip(lanes.lo) {
            for (hi, lo) in hi.0.into_iter().zip(lo.0) {
                *sum = *sum + Dd::sum(hi, lo);
            }
        }
        self.set(sums);
    }

    /// Folds what rounding took away into the sums, as far as it fits.
    pub(super) fn settle(&mut self) {
        self.set(self.dds());
    }

    /// The mean of all `count` values.
    pub(super) fn mean(&self, count: u64) -> Dd {
        let [s1, ..] = self.dds();
        Dd::from(self.pivot) + s1.over(Dd::from(count))
    }

    /// Moves the pivot: with e the distance it moves, S1' = S1 - n e, S2' = S2 - e (2 S1 - n e), and so on by the
    /// binomial identities.
    pub(super) fn move_pivot(&mut self, count: u64, pivot: f64) {
        let [s1, s2, s3, s4] = self.dds();
        let e = Dd::difference(pivot, self.pivot);
        let ne = Dd::from(count) * e;
        let t2 = s1.times(2.0) - ne;
        let t3 = s2.times(3.0) - e * (s1.times(3.0) - ne);
        let t4 = s3.times(4.0) - e * (s2.times(6.0) - e * (s1.times(4.0) - ne));
        self.pivot = pivot;
        self.set([s1 - ne, s2 - e * t2, s3 - e * t3, s4 - e * t4]);
    }

    /// The sums of `self` and `other` about the mean of all their values. Which of the two is `self` makes no
    /// difference, not in a bit.
    pub(super) fn merged(mut self, count: u64, mut other: Self, other_count: u64) -> Self {
        let total = count.saturating_add(other_count);
        let (near, far, far_count) =
            if self.pivot <= other.pivot { (&self, &other, other_count) } else { (&other, &self, count) };
        let ([near_s1, ..], [far_s1, ..]) = (near.dds(), far.dds());
        let apart = Dd::difference(far.pivot, near.pivot) * Dd::from(far_count);
        let pivot = (Dd::from(near.pivot) + (near_s1 + far_s1 + apart).over(Dd::from(total))).hi;
        self.move_pivot(count, pivot);
        other.move_pivot(other_count, pivot);
        let mut sums = self.dds();
        for (sum, more) in sums.iter_mut().zip(other.dds()) {
            *sum = *sum + more;
        }
        self.set(sums);
        self
    }

    /// The same sums of values that are 2^`exponent` times as large.
    pub(super) fn scale(&mut self, exponent: i32) {
        self.pivot = libm::scalbn(self.pivot, exponent);
        let mut sums = self.dds();
        let mut power = 0_i32;
        for sum in &mut sums {
            power = power.saturating_add(exponent);
            *sum = sum.scaled(power);
        }
        self.set(sums);
    }

    /// The central sums of all `count` values, which aren't none.
    pub(super) fn central(&self, count: u64) -> Central {
        let [s1, s2, s3, s4] = self.dds();
        let offset = s1.over(Dd::from(count));
        let square = s1 * offset;
        Central {
            m2: s2 - square,
            m3: s3 - offset * (s2.times(3.0) - square.times(2.0)),
            m4: s4 - offset * (s3.times(4.0) - offset * (s2.times(6.0) - square.times(3.0))),
        }
    }

    fn dds(&self) -> [Dd; 4] {
        let mut sums = [Dd::default(); 4];
        for ((sum, hi), lo) in sums.iter_mut().zip(self.powers.hi).zip(self.powers.lo) {
            *sum = Dd::sum(hi, lo);
        }
        sums
    }

    fn set(&mut self, sums: [Dd; 4]) {
        self.powers = Powers { hi: sums.map(|sum| sum.hi), lo: sums.map(|sum| sum.lo) };
    }
}
