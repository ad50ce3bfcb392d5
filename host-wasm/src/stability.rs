//! How many digits of the variance each formula still has.

use streamgauge_core::generate::{Distribution, Rng};
use streamgauge_core::stats::{FixedMoments, Moments, Welford};
use wasm_bindgen::prelude::*;

/// Three formulas for the variance on one stream: numbers of deviation 1 about a large offset.
///
/// The numbers are the offset and a multiple of 2^-10, both exact, so the true variance of the numbers drawn is known
/// from integers ([`FixedMoments`]) and every digit that a formula loses is its own fault.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Stability {
    rng: Rng,
    offset: f64,
    exact: FixedMoments<i32, 10>,
    sum: f64,
    squares: f64,
    welford: Welford,
    moments: Moments,
}

#[wasm_bindgen]
impl Stability {
    /// Numbers about `offset`, which is rounded to an integer of at most 2^42.
    #[wasm_bindgen(constructor)]
    pub fn new(offset: f64, seed: u32) -> Self {
        const LARGEST: f64 = (1_u64 << 42) as f64;
        let offset = libm::round(if offset.is_finite() { offset.clamp(-LARGEST, LARGEST) } else { 0.0 });
        Self {
            rng: Rng::new(seed.into()),
            offset,
            exact: FixedMoments::new(),
            sum: 0.0,
            squares: 0.0,
            welford: Welford::new(),
            moments: Moments::new(),
        }
    }

    /// Draws `count` numbers more.
    pub fn draw(&mut self, count: u32) {
        for _ in 0..count {
            let normal = Distribution::Normal { mean: 0.0, deviation: 1024.0 }.sample(&mut self.rng);
            let steps = libm::round(normal);
            let x = self.offset + steps / 1024.0;
            self.exact.push(steps as i32);
            self.sum += x;
            self.squares += x * x;
            self.welford.push(x);
            self.moments.push(x);
        }
    }

    /// Numbers drawn so far.
    #[wasm_bindgen(getter)]
    pub fn count(&self) -> f64 {
        self.exact.count() as f64
    }

    /// The variance of the numbers drawn, from integers.
    #[wasm_bindgen(getter)]
    pub fn exact(&self) -> Option<f64> {
        self.exact.sample_variance()
    }

    /// (Σx² - (Σx)² / n) / (n - 1), as a formulary has it. It can be negative.
    #[wasm_bindgen(getter)]
    pub fn naive(&self) -> Option<f64> {
        let n = self.count();
        (n >= 2.0).then(|| (self.squares - self.sum * self.sum / n) / (n - 1.0))
    }

    /// By Welford's recurrence.
    #[wasm_bindgen(getter)]
    pub fn welford(&self) -> Option<f64> {
        self.welford.sample_variance()
    }

    /// By `Moments`.
    #[wasm_bindgen(getter)]
    pub fn moments(&self) -> Option<f64> {
        self.moments.sample_variance()
    }

    /// Correct digits of a variance: -log10 of its relative error, from 0 to 16.
    pub fn digits(&self, variance: Option<f64>) -> Option<f64> {
        let (exact, variance) = (self.exact()?, variance?);
        let error = ((variance - exact) / exact).abs();
        let digits = if error == 0.0 { 16.0 } else { -libm::log10(error) };
        Some(if digits.is_nan() { 0.0 } else { digits.clamp(0.0, 16.0) })
    }
}

#[cfg(test)]
mod tests {
    use super::Stability;

    #[test]
    fn the_naive_formula_loses_every_digit_and_moments_none() {
        let mut stability = Stability::new(1e9, 1);
        stability.draw(10_000);
        let digits = |variance| stability.digits(variance).unwrap();
        assert!(digits(stability.naive()) < 1.0);
        assert!(digits(stability.welford()) > 5.0);
        assert!(digits(stability.moments()) > 15.0);
        assert!((stability.exact().unwrap() - 1.0).abs() < 0.05);
    }

    #[test]
    fn without_an_offset_all_are_right() {
        let mut stability = Stability::new(0.0, 1);
        stability.draw(10_000);
        for variance in [stability.naive(), stability.welford(), stability.moments()] {
            assert!(stability.digits(variance).unwrap() > 12.0);
        }
    }
}
