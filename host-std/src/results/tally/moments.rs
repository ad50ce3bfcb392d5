//! What moments add up.

use streamgauge_core::gauge::{Measure, Scale};
use streamgauge_core::stats::Moments;

use super::Tally;
use super::numbers::Numbers;

/// A gauge of moments, and the number of records that held no number.
pub struct MomentsTally {
    numbers: Numbers,
    not_a_number: u64,
}

/// Moments to be shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// NaN and infinities are counted and left out.
    pub moments: Moments,
    /// Records without a number.
    pub not_a_number: u64,
}

impl Default for MomentsTally {
    fn default() -> Self {
        let numbers = Numbers::new(Measure::Moments, Scale::None).expect("moments have no settings");
        Self { numbers, not_a_number: 0 }
    }
}

impl MomentsTally {
    /// Takes values in. O(1) each.
    pub fn extend(&mut self, values: &[f64]) {
        self.numbers.take(values);
    }

    /// Counts records without a number.
    pub const fn reject(&mut self, records: u64) {
        self.not_a_number = self.not_a_number.saturating_add(records);
    }
}

impl Tally for MomentsTally {
    type Total = Summary;

    fn total(&self) -> Summary {
        Summary { moments: self.numbers.moments().copied().unwrap_or_default(), not_a_number: self.not_a_number }
    }
}
