//! Running statistics of random numbers, beside the true ones.

use streamgauge_core::generate::Rng;
use wasm_bindgen::prelude::*;

use crate::source::Shape;
use crate::{Histogram, Kind, Moments};

/// Draws numbers and measures them.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Sampler {
    rng: Rng,
    shape: Shape,
    moments: Moments,
    histogram: Histogram,
}

#[wasm_bindgen]
impl Sampler {
    /// A sampler of such numbers with a histogram of `bins` bins where nearly all of them lie.
    ///
    /// # Errors
    /// If the parameters leave no such range.
    #[wasm_bindgen(constructor)]
    pub fn new(kind: Kind, a: f64, b: f64, seed: u32, bins: u32) -> Result<Self, JsError> {
        let shape = Shape { kind, a, b };
        let (low, high) = shape.range();
        let histogram = Histogram::new(bins, low, high)?;
        Ok(Self { rng: Rng::new(seed.into()), shape, moments: Moments::new(), histogram })
    }

    /// Draws and measures `count` numbers more.
    pub fn draw(&mut self, count: u32) {
        let distribution = self.shape.distribution();
        for _ in 0..count {
            let x = distribution.sample(&mut self.rng);
            self.moments.push(x);
            self.histogram.push(x);
        }
    }

    /// The moments so far: a copy.
    pub fn moments(&self) -> Moments {
        self.moments.clone()
    }

    /// The histogram so far: a copy.
    pub fn histogram(&self) -> Histogram {
        self.histogram.clone()
    }

    /// The true mean; infinite if it is.
    #[wasm_bindgen(getter, js_name = trueMean)]
    pub fn true_mean(&self) -> f64 {
        self.shape.truth().mean
    }

    /// The true variance; infinite if it is.
    #[wasm_bindgen(getter, js_name = trueVariance)]
    pub fn true_variance(&self) -> f64 {
        self.shape.truth().variance
    }

    /// The true skewness; infinite if there is none.
    #[wasm_bindgen(getter, js_name = trueSkewness)]
    pub fn true_skewness(&self) -> f64 {
        self.shape.truth().skewness
    }

    /// The true excess kurtosis; infinite if there is none.
    #[wasm_bindgen(getter, js_name = trueExcessKurtosis)]
    pub fn true_excess_kurtosis(&self) -> f64 {
        self.shape.truth().excess_kurtosis
    }
}
