//! What is read of x or y alone.

use super::Bivariate;
use super::variable::Variable;
use crate::stats::dd::Dd;

/// One variable of [`Bivariate`] alone: what [`Moments`](crate::stats::Moments) of the values in whole pairs would say.
///
/// Where the other value of a pair isn't finite, this one isn't counted either.
#[derive(Debug, Clone, Copy)]
pub struct Marginal<'a> {
    /// `None` if there are no values, or they are poisoned.
    seen: Option<(&'a Variable, u64)>,
}

impl Bivariate {
    /// x alone.
    pub fn x(&self) -> Marginal<'_> {
        Marginal { seen: self.seen().map(|count| (&self.x, count)) }
    }

    /// y alone.
    pub fn y(&self) -> Marginal<'_> {
        Marginal { seen: self.seen().map(|count| (&self.y, count)) }
    }
}

impl Marginal<'_> {
    /// The least value; `None` without values.
    pub fn min(&self) -> Option<f64> {
        self.seen.map(|(variable, _)| variable.min)
    }

    /// The largest value; `None` without values.
    pub fn max(&self) -> Option<f64> {
        self.seen.map(|(variable, _)| variable.max)
    }

    /// Arithmetic mean; `None` without values.
    pub fn mean(&self) -> Option<f64> {
        let (variable, count) = self.seen?;
        Some(variable.centre(count).mean().to_f64(variable.scale.exponent.saturating_neg()))
    }

    /// Variance of the values themselves (divided by n); `None` without values.
    pub fn population_variance(&self) -> Option<f64> {
        self.variance(0, |variance| variance, 2)
    }

    /// Unbiased estimate of the variance that the values are a sample of (divided by n - 1); `None` below two values.
    pub fn sample_variance(&self) -> Option<f64> {
        self.variance(1, |variance| variance, 2)
    }

    /// Square root of the [population variance](Self::population_variance).
    pub fn population_stddev(&self) -> Option<f64> {
        self.variance(0, Dd::sqrt, 1)
    }

    /// Square root of the [sample variance](Self::sample_variance).
    pub fn sample_stddev(&self) -> Option<f64> {
        self.variance(1, Dd::sqrt, 1)
    }

    /// A function of the variance by n - `less`, in units of the values to this power.
    fn variance(&self, less: u64, of: impl Fn(Dd) -> Dd, power: i32) -> Option<f64> {
        let (variable, count) = self.seen?;
        let variance = over_counts(variable.spread(count), count, less)?;
        Some(of(variance).to_f64(variable.scale.exponent.saturating_mul(power).saturating_neg()))
    }
}

/// `central` / (n (n - `less`)); `None` if there are no more than so many.
pub(super) fn over_counts(central: Dd, count: u64, less: u64) -> Option<Dd> {
    let divisor = count.checked_sub(less).filter(|divisor| *divisor > 0)?;
    Some(central.over(Dd::from(count) * Dd::from(divisor)))
}
