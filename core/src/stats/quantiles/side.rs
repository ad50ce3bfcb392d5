//! The values of one sign, by magnitude.

use core::hint::select_unpredictable;

use super::accuracy::{Accuracy, Magnitude};

/// What is known of the values of one sign beside its bins.
///
/// The bins are a window over the numbers that [`Accuracy`] gives to magnitudes: it ends with the number of the
/// greatest magnitude. The number modulo the bins there are is the place, so the window moves and no count does. What
/// lies below the window is `collapsed`, a count without a bin. So each number here, and each bin, depends on which
/// values there were and how often, and neither on their order nor on what was merged with what: a value is in its
/// bin, or below the window that ends at the greatest; and counts of 32 bits that stop when they are full come to the
/// same whether they are stopped one by one or added up first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Side {
    pub(super) total: u64,
    /// Above the greatest while there is no value.
    pub(super) least: Magnitude,
    pub(super) greatest: Magnitude,
    /// The number of the greatest magnitude's bin.
    top: u32,
    /// `top` modulo the bins there are.
    place_of_top: u32,
    /// How many values are below the window.
    pub(super) collapsed: u32,
    /// The highest number of those below the window.
    pub(super) collapsed_to: u32,
}

/// The values of some consecutive numbers of bins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) count: u32,
}

/// What full counts could not count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Excess {
    pub(super) values: u64,
    pub(super) full_cells: u64,
}

impl Side {
    pub(super) const EMPTY: Self = Self {
        total: 0,
        least: Magnitude(u64::MAX),
        greatest: Magnitude(0),
        top: 0,
        place_of_top: 0,
        collapsed: 0,
        collapsed_to: 0,
    };

    /// With all but `total` counted nowhere yet.
    pub(super) fn over(bins: &[u32], accuracy: Accuracy, total: u64, least: Magnitude, greatest: Magnitude) -> Self {
        let top = accuracy.index(greatest);
        Self { total, least, greatest, top, place_of_top: place_in(bins, top), ..Self::EMPTY }
    }

    #[inline]
    pub(super) fn add(&mut self, bins: &mut [u32], magnitude: Magnitude, index: u32, times: u64) {
        self.total = self.total.saturating_add(times);
        // Both at once: each is rare, and one branch is cheaper than two.
        if (magnitude < self.least) | (magnitude > self.greatest) {
            self.extend(bins, index, magnitude);
        }
        self.count(bins, index, u32::try_from(times).unwrap_or(u32::MAX));
    }

    /// O(bins); the bins are as many as `others`.
    pub(super) fn merge(&mut self, bins: &mut [u32], other: &Self, others: &[u32]) {
        self.total = self.total.saturating_add(other.total);
        self.least = self.least.min(other.least);
        self.greatest = self.greatest.max(other.greatest);
        if other.top > self.top {
            self.advance(bins, other.top);
        }
        if other.collapsed > 0 {
            self.collapse(other.collapsed_to, other.collapsed);
        }
        for (index, count) in other.window(others) {
            self.count(bins, index, count);
        }
    }

    /// The counts in order of magnitude, those that are 0 left out.
    pub(super) fn cells<'a>(&self, bins: &'a [u32]) -> impl DoubleEndedIterator<Item = Cell> + use<'a> {
        let collapsed = Cell { first: 0, last: self.collapsed_to, count: self.collapsed };
        let counted = self.window(bins).map(|(index, count)| Cell { first: index, last: index, count });
        (self.collapsed > 0).then_some(collapsed).into_iter().chain(counted)
    }

    pub(super) fn is_below_window(&self, bins: &[u32], index: u32) -> bool {
        index <= self.top && self.place(bins.len(), index).is_none()
    }

    /// What full counts could not count. O(bins) if there can be any.
    pub(super) fn excess(&self, bins: &[u32]) -> Excess {
        let mut excess = Excess { values: 0, full_cells: 0 };
        if self.total < u64::from(u32::MAX) {
            return excess;
        }
        let mut counted = 0_u64;
        for cell in self.cells(bins) {
            counted = counted.saturating_add(cell.count.into());
            excess.full_cells = excess.full_cells.saturating_add(cell.is_full().into());
        }
        excess.values = self.total.saturating_sub(counted);
        excess
    }

    /// Indices that have a bin, and their counts unless they are 0, in order.
    fn window<'a>(&self, bins: &'a [u32]) -> impl DoubleEndedIterator<Item = (u32, u32)> + use<'a> {
        let newer_bins = (self.place_of_top as usize).saturating_add(1);
        let (newer, older) = bins.split_at_checked(newer_bins).unwrap_or((bins, &[]));
        let first_newer = i64::from(self.top).saturating_sub(self.place_of_top.into());
        let first_older = first_newer.saturating_sub(older.len() as i64);
        numbered(older, first_older).chain(numbered(newer, first_newer))
    }

    #[inline]
    fn count(&mut self, bins: &mut [u32], index: u32, times: u32) {
        match self.place(bins.len(), index).and_then(|place| bins.get_mut(place)) {
            Some(bin) => *bin = bin.saturating_add(times),
            None => self.collapse(index, times),
        }
    }

    /// Where this index, at most `top`, is counted; `None`: below the window.
    #[inline]
    fn place(&self, bins: usize, index: u32) -> Option<usize> {
        let below_top = self.top.wrapping_sub(index) as usize;
        let (place, is_before_first) = (self.place_of_top as usize).overflowing_sub(below_top);
        // Where the ring is closed is as good as random, so a branch would be mispredicted half the time.
        let lap = select_unpredictable(is_before_first, bins, 0);
        (below_top < bins).then(|| place.wrapping_add(lap))
    }

    /// Takes in an extreme.
    #[cold]
    fn extend(&mut self, bins: &mut [u32], index: u32, magnitude: Magnitude) {
        self.least = self.least.min(magnitude);
        self.greatest = self.greatest.max(magnitude);
        if index > self.top {
            self.advance(bins, index);
        }
    }

    /// Moves the window up. O(bins), and over all values O(indices).
    fn advance(&mut self, bins: &mut [u32], top: u32) {
        // A new index takes the place of the one that leaves.
        let steps = (top.wrapping_sub(self.top) as usize).min(bins.len());
        let mut place = self.place_of_top as usize;
        for step in 1..=steps {
            place = place.wrapping_add(1);
            place = if place < bins.len() { place } else { 0 };
            let Some(bin) = bins.get_mut(place) else { break };
            let count = core::mem::take(bin);
            if count > 0 {
                let leaving = (self.top as usize).wrapping_add(step).wrapping_sub(bins.len());
                self.collapse(leaving as u32, count);
            }
        }
        self.top = top;
        self.place_of_top = place_in(bins, top);
    }

    #[cold]
    fn collapse(&mut self, index: u32, times: u32) {
        self.collapsed = self.collapsed.saturating_add(times);
        self.collapsed_to = self.collapsed_to.max(index);
    }
}

impl Cell {
    pub(super) const fn is_full(self) -> bool {
        self.count == u32::MAX
    }
}

fn place_in(bins: &[u32], index: u32) -> u32 {
    u64::from(index).checked_rem(bins.len() as u64).unwrap_or(0) as u32
}

/// Bins of consecutive indices; a bin whose index would be negative is empty, as one is that holds nothing.
fn numbered(bins: &[u32], first: i64) -> impl DoubleEndedIterator<Item = (u32, u32)> {
    let counts = bins.iter().enumerate().filter(|(_, count)| **count > 0);
    counts.map(move |(offset, count)| (first.saturating_add(offset as i64) as u32, *count))
}
