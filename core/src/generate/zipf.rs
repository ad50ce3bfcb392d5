//! Ranks, the first ones most often.

use super::Rng;

/// Zipf's distribution: rank k of n is drawn with a probability in proportion to k^-exponent.
///
/// Drawn by rejection-inversion (Hörmann and Derflinger 1996): O(1) for any n, without a table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Zipf {
    ranks: f64,
    exponent: f64,
    first: f64,
    last: f64,
}

impl Zipf {
    /// Ranks from 1 to `ranks` (at least 1, exact up to 2^53). An exponent of 0 makes all as likely; a negative or
    /// not finite one counts as 0.
    #[must_use]
    pub fn new(ranks: u64, exponent: f64) -> Self {
        let exponent = if exponent.is_finite() { exponent.max(0.0) } else { 0.0 };
        let ranks = ranks.max(1) as f64;
        let mut zipf = Self { ranks, exponent, first: 0.0, last: 0.0 };
        zipf.first = zipf.integral(1.5) - 1.0;
        zipf.last = zipf.integral(ranks + 0.5);
        zipf
    }

    /// The next rank, from 1. Two draws on average at most.
    pub fn sample(&self, rng: &mut Rng) -> u64 {
        let mut rank = 1.0;
        // More than half of them are taken: so many refusals don't happen.
        for _ in 0..64 {
            let area = self.last + rng.uniform() * (self.first - self.last);
            let x = self.inverse(area);
            // Not `clamp`, which panics unless it knows that its bounds are in order.
            rank = libm::floor(x + 0.5).max(1.0).min(self.ranks);
            if area >= self.integral(rank + 0.5) - self.height(rank) {
                break;
            }
        }
        rank as u64
    }

    fn height(&self, x: f64) -> f64 {
        libm::exp(-self.exponent * libm::log(x))
    }

    /// The area under `height`, up to a constant.
    fn integral(&self, x: f64) -> f64 {
        let log = libm::log(x);
        let t = (1.0 - self.exponent) * log;
        // (e^t - 1) / t, and its limit
        let ratio = if t == 0.0 { 1.0 } else { libm::expm1(t) / t };
        ratio * log
    }

    fn inverse(&self, area: f64) -> f64 {
        let t = ((1.0 - self.exponent) * area).max(-1.0);
        // ln(1 + t) / t, and its limit
        let ratio = if t == 0.0 { 1.0 } else { libm::log1p(t) / t };
        libm::exp(ratio * area)
    }
}
