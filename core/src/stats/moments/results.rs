//! What is read from [`Moments`].

use super::sums::Central;
use super::{Moments, NonFinite};
use crate::stats::dd::Dd;

impl Moments {
    /// The least value; `None` without values, or poisoned by NaN.
    pub fn min(&self) -> Option<f64> {
        self.extreme(self.min, f64::NEG_INFINITY, self.negative_infinities)
    }

    /// The largest value; `None` without values, or poisoned by NaN.
    pub fn max(&self) -> Option<f64> {
        self.extreme(self.max, f64::INFINITY, self.positive_infinities)
    }

    /// Arithmetic mean; `None` without values, or poisoned by NaN or infinities of both signs.
    pub fn mean(&self) -> Option<f64> {
        if self.is_poisoned() {
            return match (self.nan, self.positive_infinities, self.negative_infinities) {
                (0, _, 0) => Some(f64::INFINITY),
                (0, 0, _) => Some(f64::NEG_INFINITY),
                _ => None,
            };
        }
        if self.count == 0 {
            return None;
        }
        Some(self.sums.mean(self.count).to_f64(self.scale.exponent.saturating_neg()))
    }

    /// Variance of the values themselves (divided by n); `None` without values.
    pub fn population_variance(&self) -> Option<f64> {
        Some(self.variance(self.count)?.to_f64(self.scale.exponent.saturating_mul(-2)))
    }

    /// Unbiased estimate of the variance that the values are a sample of (divided by n - 1); `None` below two values.
    pub fn sample_variance(&self) -> Option<f64> {
        Some(self.variance(self.count.checked_sub(1)?)?.to_f64(self.scale.exponent.saturating_mul(-2)))
    }

    /// Square root of the [population variance](Self::population_variance).
    pub fn population_stddev(&self) -> Option<f64> {
        Some(self.variance(self.count)?.sqrt().to_f64(self.scale.exponent.saturating_neg()))
    }

    /// Square root of the [sample variance](Self::sample_variance).
    pub fn sample_stddev(&self) -> Option<f64> {
        Some(self.variance(self.count.checked_sub(1)?)?.sqrt().to_f64(self.scale.exponent.saturating_neg()))
    }

    /// Skewness g1 = m3 / m2^1.5; `None` without spread.
    pub fn skewness(&self) -> Option<f64> {
        let Central { m2, m3, .. } = self.spread()?;
        Some(m3.over(m2).over(m2.over(Dd::from(self.count)).sqrt()).hi)
    }

    /// Excess kurtosis g2 = m4 / m2² - 3; `None` without spread.
    pub fn excess_kurtosis(&self) -> Option<f64> {
        let Central { m2, m4, .. } = self.spread()?;
        Some((m4.over(m2).over(m2.over(Dd::from(self.count))) - Dd::from(3.0)).hi)
    }

    fn variance(&self, divisor: u64) -> Option<Dd> {
        if divisor == 0 || self.is_poisoned() {
            return None;
        }
        Some(self.spread().map_or(Dd::default(), |central| central.m2.over(Dd::from(divisor))))
    }

    /// The central sums, of which m2 is above 0; `None` if all values are the same.
    fn spread(&self) -> Option<Central> {
        if self.is_poisoned() || self.min >= self.max {
            return None;
        }
        let central = self.sums.central(self.count);
        (central.m2.hi > 0.0).then_some(central)
    }

    fn is_poisoned(&self) -> bool {
        let seen = self.nan | self.positive_infinities | self.negative_infinities;
        self.non_finite == NonFinite::Poison && seen != 0
    }

    /// The extreme value on the side of the infinity `beyond`, which was seen this often.
    fn extreme(&self, finite: f64, beyond: f64, seen: u64) -> Option<f64> {
        if self.is_poisoned() {
            if self.nan > 0 {
                return None;
            }
            if seen > 0 {
                return Some(beyond);
            }
            if self.count == 0 {
                // Then it was the other infinity.
                return Some(-beyond);
            }
        }
        (self.count > 0).then_some(finite)
    }
}
