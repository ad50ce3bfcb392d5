//! Numbers with a given distribution.

use core::f64::consts::TAU;

use super::Rng;

/// How numbers are distributed. A parameter that makes no sense (a negative deviation, a rate of 0) gives numbers
/// that make none, NaN and infinities among them; nothing panics.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Distribution {
    /// All between two numbers are as likely; the upper one is excluded, but for rounding.
    Uniform {
        /// The lower number.
        min: f64,
        /// The upper one.
        max: f64,
    },
    /// Gaussian. No number is further than 8.58 deviations from the mean.
    Normal {
        /// Its mean.
        mean: f64,
        /// Its standard deviation.
        deviation: f64,
    },
    /// The time between events that happen so often. Mean 1 / rate, variance 1 / rate^2.
    Exponential {
        /// Events in a unit of time.
        rate: f64,
    },
    /// Numbers whose logarithm is normal.
    LogNormal {
        /// The mean of the logarithm.
        mean: f64,
        /// The standard deviation of the logarithm.
        deviation: f64,
    },
    /// P(X > x) = (min / x)^alpha.
    Pareto {
        /// The least number.
        min: f64,
        /// How fast the tail falls; at 2 and below the variance is infinite, at 1 and below the mean.
        alpha: f64,
    },
    /// All integers between two numbers, which are included, are as likely.
    Integers {
        /// The least one.
        min: i64,
        /// The greatest one.
        max: i64,
    },
}

impl Distribution {
    /// The next number. O(1): two draws for normal and log-normal, one for the others (rarely more for integers).
    ///
    /// Normal numbers are those of Box and Muller (1958), of whose pair one is used, so that numbers don't depend on
    /// what else was drawn; the others invert the distribution function.
    pub fn sample(&self, rng: &mut Rng) -> f64 {
        match *self {
            Self::Uniform { min, max } => uniform(rng, min, max),
            Self::Normal { mean, deviation } => mean + deviation * normal(rng),
            Self::Exponential { rate } => exponential(rng) / rate,
            Self::LogNormal { mean, deviation } => libm::exp(mean + deviation * normal(rng)),
            Self::Pareto { min, alpha } => min * libm::exp(exponential(rng) / alpha),
            Self::Integers { min, max } => integer(rng, min, max) as f64,
        }
    }

    /// The next integer of [`Integers`](Self::Integers), exactly; `None` for another distribution. O(1).
    pub fn sample_integer(&self, rng: &mut Rng) -> Option<i64> {
        match *self {
            Self::Integers { min, max } => Some(integer(rng, min, max)),
            _ => None,
        }
    }
}

fn exponential(rng: &mut Rng) -> f64 {
    // 1 - u is never 0.
    -libm::log(1.0 - rng.uniform())
}

fn normal(rng: &mut Rng) -> f64 {
    let radius = libm::sqrt(2.0 * exponential(rng));
    radius * libm::cos(TAU * rng.uniform())
}

/// Between two numbers that may be further apart than there are numbers.
fn uniform(rng: &mut Rng, min: f64, max: f64) -> f64 {
    let (range, share) = (max - min, rng.uniform());
    if range.is_finite() { min + range * share } else { min * (1.0 - share) + max * share }
}

fn integer(rng: &mut Rng, min: i64, max: i64) -> i64 {
    let last = max.wrapping_sub(min) as u64;
    let offset = match last.checked_add(1) {
        Some(end) => rng.below(end),
        None => rng.bits(),
    };
    min.wrapping_add(offset as i64)
}
