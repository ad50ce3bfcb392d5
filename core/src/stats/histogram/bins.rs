//! The counts of a histogram, whatever its bins stand for.

use super::super::rank::nearest_rank;
use super::{DifferentBins, NothingToRemove};

/// Where a value is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Below the range.
    Below,
    /// In the bin of this number.
    In(usize),
    /// At or above the end of the range.
    Above,
}

/// Where a quantile lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantile<T> {
    /// As if the values of a bin were spread evenly over it; at the end of the range if the quantile is outside.
    pub estimate: f64,
    /// The quantile is certainly not below this.
    pub lower: T,
    /// The quantile is certainly below this, or it is the largest number of its type.
    pub upper: T,
}

/// Counts by bin, and beside them those outside of all bins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bins<S> {
    storage: S,
    pub(super) below: u64,
    pub(super) above: u64,
}

impl<S: AsRef<[u64]> + AsMut<[u64]>> Bins<S> {
    pub(super) fn clear(&mut self) {
        self.storage.as_mut().fill(0);
        (self.below, self.above) = (0, 0);
    }

    #[inline]
    pub(super) fn add(&mut self, place: Counted, times: u64) {
        if let Some(count) = self.count_mut(place) {
            *count = count.saturating_add(times);
        }
    }

    pub(super) fn remove(&mut self, place: Counted) -> Result<(), NothingToRemove> {
        let count = self.count_mut(place).ok_or(NothingToRemove)?;
        *count = count.checked_sub(1).ok_or(NothingToRemove)?;
        Ok(())
    }

    pub(super) fn merge<R: AsRef<[u64]>>(&mut self, other: &Bins<R>) -> Result<(), DifferentBins> {
        if self.number() != other.number() {
            return Err(DifferentBins);
        }
        for (count, more) in self.storage.as_mut().iter_mut().zip(other.counts()) {
            *count = count.saturating_add(*more);
        }
        self.below = self.below.saturating_add(other.below);
        self.above = self.above.saturating_add(other.above);
        Ok(())
    }

    #[inline]
    fn count_mut(&mut self, place: Counted) -> Option<&mut u64> {
        match place {
            Counted::Below => Some(&mut self.below),
            Counted::In(bin) => self.storage.as_mut().get_mut(bin),
            Counted::Above => Some(&mut self.above),
        }
    }
}

impl<S> Bins<S> {
    pub(super) const fn over(storage: S) -> Self {
        Self { storage, below: 0, above: 0 }
    }
}

impl<S: AsRef<[u64]>> Bins<S> {
    pub(super) fn number(&self) -> usize {
        self.counts().len()
    }

    pub(super) fn counts(&self) -> &[u64] {
        self.storage.as_ref()
    }

    pub(super) fn total(&self) -> u64 {
        self.counts().iter().fold(self.below.saturating_add(self.above), |sum, count| sum.saturating_add(*count))
    }

    /// Where the value of rank ⌈q n⌉ is counted (1 is the least, and the rank is at least 1), and which share of the
    /// values counted there is below the middle of it.
    pub(super) fn quantile(&self, q: f64) -> Option<(Counted, f64)> {
        let rank = nearest_rank(q, self.total())?;
        let mut before = self.below;
        if rank <= before {
            return Some((Counted::Below, 0.0));
        }
        for (bin, &count) in self.counts().iter().enumerate() {
            let through = before.saturating_add(count);
            if rank <= through {
                let within = rank.saturating_sub(before) as f64 - 0.5;
                return Some((Counted::In(bin), within / count as f64));
            }
            before = through;
        }
        Some((Counted::Above, 0.0))
    }
}
