//! The counts, to be drawn.

use super::DdSketch;
use super::side::{Cell, Side};

/// Values that are counted together. Of its edges, the bin contains the one nearer to 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    /// The edge below.
    pub lower: f64,
    /// The edge above. The edge away from 0 is infinite if no number lies beyond the bin.
    pub upper: f64,
    /// How many values there are; if it is [`u32::MAX`] there may be more, except of zeros.
    pub count: u64,
}

impl<S: AsRef<[u32]>> DdSketch<S> {
    /// The bins that aren't empty, in order of value. Zeros are a bin without width, and what
    /// [collapsed](Self::collapsed) is one bin for each sign, from the least magnitude on. O(bins), and half a
    /// microsecond a bin.
    pub fn bins(&self) -> impl Iterator<Item = Bin> {
        let [positive, negative] = self.summary.sides;
        let accuracy = self.accuracy();
        let bin = move |side: &Side, cell: Cell| {
            let lower = if cell.first < cell.last { side.least } else { accuracy.edge(cell.first) };
            let upper = accuracy.edge(cell.last.saturating_add(1));
            Bin { lower: lower.value(), upper: upper.value(), count: cell.count.into() }
        };
        let below_zero = negative.cells(self.negative_bins()).rev().map(move |cell| {
            let Bin { lower, upper, count } = bin(&negative, cell);
            Bin { lower: -upper, upper: -lower, count }
        });
        let zeros = (self.zeros() > 0).then_some(Bin { lower: 0.0, upper: 0.0, count: self.zeros() });
        let above_zero = positive.cells(self.positive_bins()).map(move |cell| bin(&positive, cell));
        below_zero.chain(zeros).chain(above_zero)
    }
}
