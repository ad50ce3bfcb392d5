//! From ranks to magnitudes and back, within one sign.
//!
//! What full counts could not count (the excess) belongs to some of the full ones. If there is one, it is all there,
//! and nothing is lost; if there are more, ranks between the lowest and the highest of them are uncertain.

use super::accuracy::{Accuracy, Magnitude};
use super::quantile::{Bounds, Quantile};
use super::side::{Cell, Excess, Side};

/// The values in some cells, in order of magnitude.
struct Ranks {
    excess: Excess,
    counted: u64,
    full_cells: u64,
}

impl Side {
    /// The least and the largest magnitude that the one of this rank can be (1 is the least). O(bins).
    pub(super) fn at_rank(&self, bins: &[u32], accuracy: Accuracy, rank: u64) -> (Magnitude, Magnitude) {
        if rank <= 1 {
            return (self.least, self.least);
        }
        if rank >= self.total {
            return (self.greatest, self.greatest);
        }
        let mut ranks = Ranks::of(self.excess(bins));
        let mut first = None;
        for cell in self.cells(bins) {
            ranks.take(cell);
            if ranks.at_most() >= rank {
                first = first.or(Some(cell.first));
            }
            if ranks.at_least() >= rank {
                return self.span(accuracy, first.unwrap_or(cell.first), cell.last);
            }
        }
        (self.least, self.greatest)
    }

    /// How many magnitudes don't exceed this one. O(bins).
    pub(super) fn at_most(&self, bins: &[u32], accuracy: Accuracy, magnitude: Magnitude) -> Bounds {
        if magnitude < self.least {
            return Bounds { lower: 0, upper: 0 };
        }
        if magnitude >= self.greatest {
            return Bounds { lower: self.total, upper: self.total };
        }
        let index = accuracy.index(magnitude);
        let is_last = magnitude == accuracy.last(index);
        let excess = self.excess(bins);
        let (mut certain, mut possible) = (Ranks::of(excess), Ranks::of(excess));
        for cell in self.cells(bins).take_while(|cell| cell.first <= index) {
            possible.take(cell);
            if cell.last < index || (cell.last == index && is_last) {
                certain.take(cell);
            }
        }
        // The least is among them, and the greatest isn't.
        let (lower, upper) = (certain.at_least().max(1), possible.at_most().min(self.total.saturating_sub(1)));
        Bounds { lower: lower.min(upper), upper }
    }

    /// The largest relative error that an answer can have. O(bins).
    pub(super) fn error(&self, bins: &[u32], accuracy: Accuracy) -> f64 {
        let mut error = accuracy.relative();
        let mut allow = |(lower, upper): (Magnitude, Magnitude)| {
            error = error.max(Quantile::between(lower.value(), upper.value()).error);
        };
        if self.collapsed > 0 {
            allow(self.span(accuracy, 0, self.collapsed_to));
        }
        let excess = self.excess(bins);
        if excess.values > 0 {
            // With one that is full it is known where they are.
            let mut full = self.cells(bins).filter(|cell| cell.is_full());
            if let (Some(lowest), Some(highest)) = (full.next(), full.next_back()) {
                allow(self.span(accuracy, lowest.first, highest.last));
            }
        }
        error
    }

    fn span(&self, accuracy: Accuracy, first: u32, last: u32) -> (Magnitude, Magnitude) {
        (accuracy.edge(first).max(self.least), accuracy.last(last).min(self.greatest))
    }
}

impl Ranks {
    const fn of(excess: Excess) -> Self {
        Self { excess, counted: 0, full_cells: 0 }
    }

    fn take(&mut self, cell: Cell) {
        self.counted = self.counted.saturating_add(cell.count.into());
        self.full_cells = self.full_cells.saturating_add(cell.is_full().into());
    }

    /// As if no excess were here, unless all of it has to be.
    fn at_least(&self) -> u64 {
        let all = self.full_cells == self.excess.full_cells;
        self.counted.saturating_add(if all { self.excess.values } else { 0 })
    }

    /// As if all of the excess were here, if any can be.
    fn at_most(&self) -> u64 {
        let any = self.full_cells > 0;
        self.counted.saturating_add(if any { self.excess.values } else { 0 })
    }
}
