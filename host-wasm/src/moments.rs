//! Moments.

use alloc::vec::Vec;

use streamgauge_core::stats::Moments as Core;
use wasm_bindgen::prelude::*;

use crate::source::{Kind, Shape};

/// Count, mean, variance, skewness, kurtosis, least and largest of a stream of numbers, to the last digit or the one
/// before, in constant memory. Results that need more values or more spread than there is are `undefined`, never NaN.
#[wasm_bindgen]
#[derive(Debug, Clone, Default)]
pub struct Moments {
    pub(crate) core: Core,
}

#[wasm_bindgen]
impl Moments {
    /// Nothing seen yet.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a value in. One that isn't finite is counted apart, and makes results what IEEE 754 says or `undefined`.
    pub fn push(&mut self, value: f64) {
        self.core.push(value);
    }

    /// Takes many values in, for one call into the module.
    pub fn extend(&mut self, values: &[f64]) {
        // Not `extend_from_slice`, whose lanes would take a tenth of the module.
        values.iter().for_each(|value| self.core.push(*value));
    }

    /// Takes in what `other` has seen.
    pub fn merge(&mut self, other: &Self) {
        self.core.merge(&other.core);
    }

    /// Number of finite values.
    #[wasm_bindgen(getter)]
    pub fn count(&self) -> f64 {
        self.core.count() as f64
    }

    /// Number of values that were NaN or infinite.
    #[wasm_bindgen(getter, js_name = nonFinite)]
    pub fn non_finite(&self) -> f64 {
        (self.core.nan() as f64) + self.core.positive_infinities() as f64 + self.core.negative_infinities() as f64
    }

    /// The least value.
    #[wasm_bindgen(getter)]
    pub fn min(&self) -> Option<f64> {
        self.core.min()
    }

    /// The largest value.
    #[wasm_bindgen(getter)]
    pub fn max(&self) -> Option<f64> {
        self.core.max()
    }

    /// Arithmetic mean.
    #[wasm_bindgen(getter)]
    pub fn mean(&self) -> Option<f64> {
        self.core.mean()
    }

    /// Variance, divided by n - 1.
    #[wasm_bindgen(getter, js_name = sampleVariance)]
    pub fn sample_variance(&self) -> Option<f64> {
        self.core.sample_variance()
    }

    /// Variance, divided by n.
    #[wasm_bindgen(getter, js_name = populationVariance)]
    pub fn population_variance(&self) -> Option<f64> {
        self.core.population_variance()
    }

    /// Square root of the sample variance.
    #[wasm_bindgen(getter)]
    pub fn deviation(&self) -> Option<f64> {
        self.core.sample_stddev()
    }

    /// Skewness g1 = m3 / m2^1.5.
    #[wasm_bindgen(getter)]
    pub fn skewness(&self) -> Option<f64> {
        self.core.skewness()
    }

    /// Excess kurtosis g2 = m4 / m2² - 3: 0 for normal numbers.
    #[wasm_bindgen(getter, js_name = excessKurtosis)]
    pub fn excess_kurtosis(&self) -> Option<f64> {
        self.core.excess_kurtosis()
    }

    /// The density of the distribution of this kind with the mean and the sample variance seen so far, at each of
    /// `xs`; empty if there is none: before there are two different numbers, or if the kind's mean can't be this one.
    #[wasm_bindgen(js_name = fittedDensity)]
    pub fn fitted_density(&self, kind: Kind, xs: &[f64]) -> Vec<f64> {
        let fitted =
            self.mean().zip(self.sample_variance()).and_then(|(mean, variance)| Shape::fitted(kind, mean, variance));
        fitted.map_or_else(Vec::new, |shape| xs.iter().map(|x| shape.density(*x)).collect())
    }
}
