//! What the messages of a live stream measure.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use streamgauge_core::select::{Number, find};
use wasm_bindgen::prelude::*;

use crate::records::{edge, host, path};
use crate::{Histogram, Moments};

/// Values that are seen before the range of the histogram is chosen.
const FIRST: usize = 64;
const BINS: usize = 40;

/// Measures the numbers of a stream's messages: those of one field of JSON records, or messages that are numbers.
///
/// The histogram's range is chosen from the first 64 numbers; what is outside later is counted, and
/// [`refit`](Self::refit) chooses again.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Numbers {
    field: String,
    moments: Moments,
    first: Vec<f64>,
    histogram: Option<Histogram>,
    messages: u64,
    without: u64,
}

#[wasm_bindgen]
impl Numbers {
    /// Measures the field of this name; without a name, messages that are numbers as a whole.
    #[wasm_bindgen(constructor)]
    pub fn new(field: &str) -> Self {
        Self {
            field: field.to_owned(),
            moments: Moments::new(),
            first: Vec::new(),
            histogram: None,
            messages: 0,
            without: 0,
        }
    }

    /// Takes a message in, and returns the number in it if there is one.
    pub fn push(&mut self, message: &str) -> Option<f64> {
        self.messages += 1;
        let number = self.number(message).filter(|number| number.is_finite());
        let Some(number) = number else {
            self.without += 1;
            return None;
        };
        self.moments.push(number);
        match &mut self.histogram {
            Some(histogram) => histogram.push(number),
            None => {
                self.first.push(number);
                if self.first.len() >= FIRST {
                    self.choose_range();
                }
            }
        }
        Some(number)
    }

    /// The values of two fields of a message, as an edge: two texts, or nothing if one of them is absent.
    pub fn edge(&self, message: &str, from: &str, to: &str) -> Vec<String> {
        match edge(message.as_bytes(), from, to) {
            Ok(Some((from, to))) => vec![host(&from).to_owned(), host(&to).to_owned()],
            _ => Vec::new(),
        }
    }

    /// The moments so far: a copy.
    pub fn moments(&self) -> Moments {
        self.moments.clone()
    }

    /// The histogram, once there were 64 numbers: a copy.
    pub fn histogram(&self) -> Option<Histogram> {
        self.histogram.clone()
    }

    /// Starts the histogram again with the next 64 numbers.
    pub fn refit(&mut self) {
        self.histogram = None;
        self.first.clear();
    }

    /// Messages taken in.
    #[wasm_bindgen(getter)]
    pub fn messages(&self) -> f64 {
        self.messages as f64
    }

    /// Messages without a finite number.
    #[wasm_bindgen(getter)]
    pub fn without(&self) -> f64 {
        self.without as f64
    }

    fn number(&self, message: &str) -> Option<f64> {
        if self.field.is_empty() {
            return Some(Number::parse(message.trim())?.to_f64());
        }
        let [value] = find(message.as_bytes(), &[path(&self.field)?]).ok()?;
        Some(value?.number()?.to_f64())
    }

    fn choose_range(&mut self) {
        let mut first = Moments::new();
        first.extend(&self.first);
        let (Some(mean), Some(deviation)) = (first.mean(), first.deviation()) else { return };
        let reach = if deviation > 0.0 { 4.0 * deviation } else { mean.abs().max(1.0) };
        // Numbers that are never negative are not shown with bins below 0.
        let low = if first.min() >= Some(0.0) { (mean - reach).max(0.0) } else { mean - reach };
        if let Ok(mut histogram) = Histogram::over(Box::new([0; BINS]), low, mean + reach) {
            histogram.extend(&self.first);
            self.first = Vec::new();
            self.histogram = Some(histogram);
        } else {
            self.first.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::Numbers;

    #[test]
    fn every_number_is_in_the_histogram() {
        let mut numbers = Numbers::new("x");
        for n in 0..1000 {
            assert_eq!(numbers.push(&format!("{{\"x\":{n}.5}}")), Some(f64::from(n) + 0.5));
        }
        assert_eq!(numbers.push("no"), None);
        assert_eq!((numbers.messages(), numbers.without()), (1001.0, 1.0));
        assert_eq!(numbers.histogram().unwrap().count(), 1000.0);
        assert_eq!(numbers.moments().mean(), Some(500.0));
    }

    #[test]
    fn messages_that_are_numbers() {
        let mut numbers = Numbers::new("");
        assert_eq!(numbers.push("3.25\n"), Some(3.25));
        assert_eq!(numbers.push("NaN"), None);
        assert_eq!(numbers.push("1e999"), None);
        for _ in 0..64 {
            numbers.push("0");
        }
        assert_eq!(numbers.histogram().unwrap().count(), 64.0 + 1.0);
    }
}
