//! Random numbers whose true moments are known.

use alloc::vec::Vec;

use core::f64::consts::PI;

use libm::{exp, log, pow, sqrt};
use streamgauge_core::generate::{Distribution, Rng};
use wasm_bindgen::prelude::*;

use crate::boxes::room;

/// Kinds of distribution, and what their two parameters are.
#[wasm_bindgen]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Mean, standard deviation.
    Normal,
    /// Least, largest.
    Uniform,
    /// Rate; the second one has no meaning.
    Exponential,
    /// Mean and standard deviation of the logarithm.
    LogNormal,
    /// Least, alpha.
    Pareto,
}

/// Random numbers from a seed: the same on every machine, to the last bit.
#[wasm_bindgen]
#[derive(Debug, Clone)]
pub struct Source {
    rng: Rng,
    shape: Shape,
}

#[wasm_bindgen]
impl Source {
    /// Numbers of this kind, with its parameters.
    #[wasm_bindgen(constructor)]
    pub fn new(kind: Kind, a: f64, b: f64, seed: u32) -> Self {
        Self { rng: Rng::new(seed.into()), shape: Shape { kind, a, b } }
    }

    /// The next number.
    #[expect(clippy::should_implement_trait, reason = "a class of JavaScript has no traits")]
    pub fn next(&mut self) -> f64 {
        self.shape.distribution().sample(&mut self.rng)
    }

    /// The next `count` numbers.
    ///
    /// # Errors
    /// There is no memory for so many; none was taken.
    pub fn take(&mut self, count: u32) -> Result<Vec<f64>, JsError> {
        Ok((0..room::<f64>(count)?).map(|_| self.next()).collect())
    }
}

/// A distribution as the page talks about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) kind: Kind,
    pub(crate) a: f64,
    pub(crate) b: f64,
}

/// Mean, variance, skewness and excess kurtosis; infinite or NaN where the integral is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Truth {
    pub(crate) mean: f64,
    pub(crate) variance: f64,
    pub(crate) skewness: f64,
    pub(crate) excess_kurtosis: f64,
}

impl Shape {
    pub(crate) const fn distribution(&self) -> Distribution {
        let Self { kind, a, b } = *self;
        match kind {
            Kind::Normal => Distribution::Normal { mean: a, deviation: b },
            Kind::Uniform => Distribution::Uniform { min: a, max: b },
            Kind::Exponential => Distribution::Exponential { rate: a },
            Kind::LogNormal => Distribution::LogNormal { mean: a, deviation: b },
            Kind::Pareto => Distribution::Pareto { min: a, alpha: b },
        }
    }

    /// The moments by the textbook (Johnson, Kotz and Balakrishnan, *Continuous Univariate Distributions*, 1994).
    pub(crate) fn truth(&self) -> Truth {
        let Self { kind, a, b } = *self;
        let (mean, variance, skewness, excess_kurtosis) = match kind {
            Kind::Normal => (a, b * b, 0.0, 0.0),
            Kind::Uniform => ((a + b) / 2.0, (b - a) * (b - a) / 12.0, 0.0, -1.2),
            Kind::Exponential => (1.0 / a, 1.0 / (a * a), 2.0, 6.0),
            Kind::LogNormal => {
                let w = exp(b * b);
                let kurtosis = pow(w, 4.0) + 2.0 * pow(w, 3.0) + 3.0 * w * w - 6.0;
                (exp(a + b * b / 2.0), (w - 1.0) * exp(2.0 * a + b * b), (w + 2.0) * sqrt(w - 1.0), kurtosis)
            }
            Kind::Pareto => {
                let beyond = |order: f64, moment: f64| if b > order { moment } else { f64::INFINITY };
                let skewness = 2.0 * (1.0 + b) / (b - 3.0) * sqrt((b - 2.0) / b);
                let kurtosis = 6.0 * (b * b * b + b * b - 6.0 * b - 2.0) / (b * (b - 3.0) * (b - 4.0));
                let variance = a * a * b / ((b - 1.0) * (b - 1.0) * (b - 2.0));
                (beyond(1.0, b * a / (b - 1.0)), beyond(2.0, variance), beyond(3.0, skewness), beyond(4.0, kurtosis))
            }
        };
        Truth { mean, variance, skewness, excess_kurtosis }
    }

    /// The parameters that give this mean and variance, if any do; an exponential distribution has only the mean.
    pub(crate) fn fitted(kind: Kind, mean: f64, variance: f64) -> Option<Self> {
        let positive = matches!(kind, Kind::Exponential | Kind::LogNormal | Kind::Pareto);
        if !(variance > 0.0 && variance < f64::INFINITY && (mean > 0.0 || !positive)) {
            return None;
        }
        let deviation = sqrt(variance);
        let (a, b) = match kind {
            Kind::Normal => (mean, deviation),
            Kind::Uniform => (mean - sqrt(3.0) * deviation, mean + sqrt(3.0) * deviation),
            Kind::Exponential => (1.0 / mean, 0.0),
            Kind::LogNormal => {
                let s2 = log(1.0 + variance / (mean * mean));
                (log(mean) - s2 / 2.0, sqrt(s2))
            }
            Kind::Pareto => {
                let alpha = 1.0 + sqrt(1.0 + mean * mean / variance);
                (mean * (alpha - 1.0) / alpha, alpha)
            }
        };
        Some(Self { kind, a, b })
    }

    /// The density at `x`.
    pub(crate) fn density(&self, x: f64) -> f64 {
        let Self { kind, a, b } = *self;
        let gauss = |z: f64, deviation: f64| exp(-z * z / 2.0) / (deviation * sqrt(2.0 * PI));
        match kind {
            Kind::Normal => gauss((x - a) / b, b),
            Kind::Uniform if x >= a && x < b => 1.0 / (b - a),
            Kind::Exponential if x >= 0.0 => a * exp(-a * x),
            Kind::LogNormal if x > 0.0 => gauss((log(x) - a) / b, b) / x,
            Kind::Pareto if x >= a => b * pow(a / x, b) / x,
            _ => 0.0,
        }
    }

    /// Where nearly all numbers lie: what a histogram should span.
    pub(crate) fn range(&self) -> (f64, f64) {
        let Self { kind, a, b } = *self;
        match kind {
            Kind::Normal => (a - 4.5 * b, a + 4.5 * b),
            Kind::Uniform => (a - 0.05 * (b - a), b + 0.05 * (b - a)),
            Kind::Exponential => (0.0, 8.0 / a),
            Kind::LogNormal => (0.0, exp(a + 2.8 * b)),
            Kind::Pareto => (a, a * pow(0.004, -1.0 / b)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Shape};

    #[test]
    fn the_density_has_the_true_moments() {
        for (kind, a, b, range) in [
            (Kind::Normal, 3.0, 0.5, (-2.0, 8.0)),
            (Kind::Uniform, -1.0, 4.0, (-2.0, 5.0)),
            (Kind::Exponential, 2.0, 0.0, (0.0, 40.0)),
            (Kind::LogNormal, 0.1, 0.4, (0.0, 60.0)),
            (Kind::Pareto, 1.0, 9.0, (1.0, 200.0)),
        ] {
            let shape = Shape { kind, a, b };
            let steps = 2_000_000;
            let width = (range.1 - range.0) / f64::from(steps);
            let mut raw = [0.0; 5];
            for step in 0..steps {
                let x = range.0 + width * (f64::from(step) + 0.5);
                let mut term = shape.density(x) * width;
                for sum in &mut raw {
                    *sum += term;
                    term *= x;
                }
            }
            let truth = shape.truth();
            let [total, m1, m2, m3, m4] = raw;
            let variance = m2 - m1 * m1;
            let third = m3 - 3.0 * m1 * m2 + 2.0 * m1 * m1 * m1;
            let fourth = m4 - 4.0 * m1 * m3 + 6.0 * m1 * m1 * m2 - 3.0 * m1.powi(4);
            let close = |a: f64, b: f64, what: &str| assert!((a - b).abs() < 2e-3, "{kind:?} {what}: {a} {b}");
            close(total, 1.0, "total");
            close(m1, truth.mean, "mean");
            close(variance, truth.variance, "variance");
            close(third / variance.powf(1.5), truth.skewness, "skewness");
            close(fourth / variance.powi(2) - 3.0, truth.excess_kurtosis, "kurtosis");
            let fitted = Shape::fitted(kind, truth.mean, truth.variance).unwrap();
            close(fitted.a, a, "first parameter");
            close(fitted.b, b, "second parameter");
        }
    }

    #[test]
    fn nothing_is_fitted_to_what_a_kind_cannot_be() {
        for kind in [Kind::Normal, Kind::Uniform, Kind::Exponential, Kind::LogNormal, Kind::Pareto] {
            let of_any_mean = matches!(kind, Kind::Normal | Kind::Uniform);
            assert!(Shape::fitted(kind, 3.0, 0.0).is_none() && Shape::fitted(kind, 3.0, f64::INFINITY).is_none());
            assert!(Shape::fitted(kind, 3.0, 2.0).is_some());
            for mean in [0.0, -3.0] {
                assert_eq!(Shape::fitted(kind, mean, 2.0).is_some(), of_any_mean, "{kind:?} {mean}");
            }
        }
    }
}
