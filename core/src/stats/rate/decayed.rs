//! Sums of weights that decay with time.

use core::num::NonZeroU64;

use super::PerSecond;
use crate::stats::dd::{Dd, quick_two_sum, two_sum};
use crate::time::Time;

/// What the rates are over, in milliseconds.
pub(super) const SPANS: [NonZeroU64; 3] = [span(60_000), span(300_000), span(900_000)];

/// Less than this is nothing: from here on a product of double-doubles would lose bits of its lower part.
pub(super) const LEAST: f64 = 1e-270;

/// Sums stop here. Pushes alone don't get there, but merging a sum with itself over and over would; and at some 2^996
/// double-double arithmetic ends.
pub(super) const MOST: f64 = 1.606_938_044_258_990_3e60;

const fn span(millis: u64) -> NonZeroU64 {
    match NonZeroU64::new(millis) {
        Some(span) => span,
        None => NonZeroU64::MIN,
    }
}

/// A count, and its decayed sums: of weights w at the times t, Σ w e^((t - begin) / span), where `begin` is the last
/// whole multiple of `span` up to the latest event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Decayed {
    pub(super) total: u64,
    /// What came at the latest time and isn't in the sums yet.
    fresh: u64,
    /// INVARIANT: each is 0, or at least [`LEAST`] and at most [`MOST`].
    pub(super) sums: [Dd; 3],
}

impl Decayed {
    pub(super) const NOTHING: Self = Self::of(0, [Dd { hi: 0.0, lo: 0.0 }; 3]);

    /// Nothing fresh.
    pub(super) const fn of(total: u64, sums: [Dd; 3]) -> Self {
        Self { total, fresh: 0, sums }
    }

    /// What comes at the latest time.
    #[inline]
    pub(super) fn add(&mut self, weight: u64) {
        self.total = self.total.saturating_add(weight);
        self.fresh = self.fresh.saturating_add(weight);
    }

    /// What came before the latest time, and counts for these [`shares`].
    pub(super) fn add_late(&mut self, weight: u64, shares: [f64; 3]) {
        self.total = self.total.saturating_add(weight);
        self.add_to_sums(weight, shares);
    }

    /// What came at the latest time, whose [`weights`] these are, goes to the sums.
    pub(super) fn settle(&mut self, weights: [f64; 3]) {
        self.add_to_sums(self.fresh, weights);
        self.fresh = 0;
    }

    /// To a later time: by its [`decay`].
    pub(super) fn decay(&mut self, decay: [Option<Dd>; 3]) {
        for (sum, decay) in self.sums.iter_mut().zip(decay) {
            let Some(decay) = decay else { continue };
            let left = *sum * decay;
            *sum = if left.hi >= LEAST { left } else { Dd::default() };
        }
    }

    /// Of the same latest time.
    pub(super) fn merge(&mut self, other: &Self) {
        self.total = self.total.saturating_add(other.total);
        self.fresh = self.fresh.saturating_add(other.fresh);
        for (sum, more) in self.sums.iter_mut().zip(other.sums) {
            let both = *sum + more;
            *sum = if both.hi <= MOST { both } else { Dd::from(MOST) };
        }
    }

    /// The rates at the latest time; all is settled.
    pub(super) fn per_second(&self, latest: Time) -> PerSecond {
        let mut rates = [0.0; 3];
        for (((rate, sum), span), rest) in rates.iter_mut().zip(self.sums).zip(SPANS).zip(rests(latest)) {
            *rate = sum.hi * libm::exp(-rest) / (span.get() as f64 / 1e3);
        }
        let [one_minute, five_minutes, fifteen_minutes] = rates;
        PerSecond { one_minute, five_minutes, fifteen_minutes }
    }

    fn add_to_sums(&mut self, weight: u64, factors: [f64; 3]) {
        if weight == 0 {
            return;
        }
        for (sum, factor) in self.sums.iter_mut().zip(factors) {
            let (hi, carry) = two_sum(sum.hi, weight as f64 * factor);
            let (hi, lo) = quick_two_sum(hi, carry + sum.lo);
            *sum = Dd { hi, lo };
        }
    }
}

/// How much an event at this time weighs in the sums, if it is the latest.
pub(super) fn weights(at: Time) -> [f64; 3] {
    rests(at).map(libm::exp)
}

/// How much an event weighs in the sums, if it is not later than the latest.
pub(super) fn shares(at: Time, latest: Time) -> [f64; 3] {
    let mut shares = weights(at);
    for (share, decay) in shares.iter_mut().zip(decay(at, latest)) {
        let left = *share * decay.map_or(1.0, |decay| decay.hi);
        *share = if left >= LEAST { left } else { 0.0 };
    }
    shares
}

/// What the sums are multiplied by from one time to a later one; `None`: by 1.
pub(super) fn decay(from: Time, to: Time) -> [Option<Dd>; 3] {
    SPANS.map(|span| match (to.as_millis() / span).wrapping_sub(from.as_millis() / span) {
        0 => None,
        spans => Some(falling(spans)),
    })
}

/// Which part of each span is over.
pub(super) fn rests(at: Time) -> [f64; 3] {
    SPANS.map(|span| (at.as_millis() % span) as f64 / span.get() as f64)
}

/// e^-n.
fn falling(n: u64) -> Dd {
    if n >> POWERS.len() != 0 {
        return Dd::default();
    }
    let mut product = Dd::from(1.0);
    for (bit, power) in POWERS.into_iter().enumerate() {
        if n >> bit & 1 == 1 {
            product = product * power;
        }
    }
    product
}

/// e^-1, e^-2, e^-4, e^-8, … e^-512.
const POWERS: [Dd; 10] = [
    Dd { hi: 0.36787944117144233, lo: -1.2428753672788363e-17 },
    Dd { hi: 0.1353352832366127, lo: -1.042381423288669e-17 },
    Dd { hi: 0.01831563888873418, lo: 1.6250688994271399e-18 },
    Dd { hi: 0.00033546262790251185, lo: -1.4402182510425795e-20 },
    Dd { hi: 1.1253517471925912e-07, lo: -1.94396212385793e-24 },
    Dd { hi: 1.2664165549094176e-14, lo: 1.858907962674809e-31 },
    Dd { hi: 1.603810890548638e-28, lo: -7.361325221284214e-45 },
    Dd { hi: 2.572209372642415e-56, lo: 1.513636755305348e-73 },
    Dd { hi: 6.616261056709485e-112, lo: -1.5834289269115768e-129 },
    Dd { hi: 4.377491037053051e-223, lo: 2.706079830228623e-239 },
];

#[cfg(test)]
mod tests {
    use super::*;

    /// e^-1 by its series 1 - 1 + 1/2 - 1/6 + …, and the others as squares of the one before, all to 2^-98.
    #[test]
    fn powers_are_those_of_e() {
        let (mut term, mut series) = (Dd::from(1.0), Dd::from(1.0));
        for n in 1..35_u32 {
            term = term.over(Dd::from(f64::from(n)));
            series = if n % 2 == 0 { series + term } else { series - term };
        }
        let mut expected = series;
        for power in POWERS {
            let error = (power - expected).hi.abs();
            assert!(error <= power.hi * libm::scalbn(1.0, -98), "{power:?} {expected:?}");
            expected = power * power;
        }
        assert_eq!(falling(0), Dd::from(1.0));
        assert_eq!([falling(1024), falling(u64::MAX)], [Dd::default(); 2]);
        assert!((falling(0b10_0110).hi / libm::exp(-38.0) - 1.0).abs() < 1e-15);
    }
}
