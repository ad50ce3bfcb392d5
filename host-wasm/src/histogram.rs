//! Histograms.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use streamgauge_core::stats::Histogram as Core;
use streamgauge_core::stats::histogram::InvalidRange;
use wasm_bindgen::prelude::*;

use crate::boxes::room;

/// A histogram of bins of equal width; what is outside of all bins is counted on either side, and NaN apart.
#[wasm_bindgen]
#[derive(Debug, Clone)]
pub struct Histogram {
    core: Core<Box<[u64]>>,
}

impl Histogram {
    pub(crate) fn over(bins: Box<[u64]>, low: f64, high: f64) -> Result<Self, InvalidRange> {
        Ok(Self { core: Core::new(bins, low, high)? })
    }
}

#[wasm_bindgen]
impl Histogram {
    /// `bins` bins from `low` to `high`.
    ///
    /// # Errors
    /// If there is no bin, or a bin would have no width, or one that isn't finite; or there is no memory for so many.
    #[wasm_bindgen(constructor)]
    pub fn new(bins: u32, low: f64, high: f64) -> Result<Self, JsError> {
        Ok(Self::over(vec![0; room::<u64>(bins)?].into_boxed_slice(), low, high)?)
    }

    /// Takes a value in.
    pub fn push(&mut self, value: f64) {
        self.core.push(value);
    }

    /// Takes many values in.
    pub fn extend(&mut self, values: &[f64]) {
        values.iter().for_each(|value| self.core.push(*value));
    }

    /// Takes in what `other` has seen.
    ///
    /// # Errors
    /// If its bins aren't the same.
    pub fn merge(&mut self, other: &Self) -> Result<(), JsError> {
        Ok(self.core.merge(&other.core)?)
    }

    /// The counts of all bins.
    pub fn bins(&self) -> Vec<f64> {
        self.core.bins().iter().map(|count| *count as f64).collect()
    }

    /// The edges of all bins, one more than there are bins.
    pub fn edges(&self) -> Vec<f64> {
        (0..=self.core.bins().len()).map(|bin| self.core.edge(bin)).collect()
    }

    /// Number of values but NaN.
    #[wasm_bindgen(getter)]
    pub fn count(&self) -> f64 {
        self.core.count() as f64
    }

    /// Number of values below all bins.
    #[wasm_bindgen(getter)]
    pub fn underflow(&self) -> f64 {
        self.core.underflow() as f64
    }

    /// Number of values above all bins.
    #[wasm_bindgen(getter)]
    pub fn overflow(&self) -> f64 {
        self.core.overflow() as f64
    }

    /// An estimate of the `q` quantile, as if the values of a bin were spread evenly over it.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        self.core.quantile(q).map(|quantile| quantile.estimate)
    }
}
