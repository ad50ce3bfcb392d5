//! The fixed part of a sketch.

use super::accuracy::Accuracy;
use super::side::Side;

/// All of a [`DdSketch`](super::DdSketch) but its bins, for those who keep the bins of many in one piece.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    pub(super) accuracy: Accuracy,
    /// How many of the bins are for negative values: the first ones.
    pub(super) split: u32,
    /// The positive one and the negative one, so that the bit of the sign is the place of its side.
    pub(super) sides: [Side; 2],
    pub(super) zeros: u64,
    pub(super) nan: u64,
    pub(super) positive_infinities: u64,
    pub(super) negative_infinities: u64,
}

impl Summary {
    pub(super) const fn empty(accuracy: Accuracy, split: u32) -> Self {
        Self {
            accuracy,
            split,
            sides: [Side::EMPTY; 2],
            zeros: 0,
            nan: 0,
            positive_infinities: 0,
            negative_infinities: 0,
        }
    }

    #[cold]
    pub(super) fn count_apart(&mut self, x: f64, times: u64) {
        let counter = match x {
            0.0 => &mut self.zeros,
            f64::INFINITY => &mut self.positive_infinities,
            f64::NEG_INFINITY => &mut self.negative_infinities,
            // Or a value that came no times.
            _ => &mut self.nan,
        };
        *counter = counter.saturating_add(times);
    }

    pub(super) fn add_counts_apart(&mut self, other: &Self) {
        self.zeros = self.zeros.saturating_add(other.zeros);
        self.nan = self.nan.saturating_add(other.nan);
        self.positive_infinities = self.positive_infinities.saturating_add(other.positive_infinities);
        self.negative_infinities = self.negative_infinities.saturating_add(other.negative_infinities);
    }
}
