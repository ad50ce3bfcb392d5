//! The histogram of integers.

use super::bins::{Bins, Counted, Quantile};
use super::{DifferentBins, InvalidRange, NothingToRemove};

/// A histogram of `i32` values: bins of `width` consecutive integers each, from `low` on, one for each `u64` of the
/// storage. No floating point except to estimate quantiles, so it suits chips without an FPU.
///
/// What is below and above is counted on either side. Counts stay at `u64::MAX` once there.
///
/// ```
/// use streamgauge_core::stats::IntHistogram;
///
/// let mut dice = IntHistogram::new([0; 6], 1, 1)?;
/// for x in [1, 6, 6, 7] {
///     dice.push(x);
/// }
/// assert_eq!(dice.bins(), [1, 0, 0, 0, 0, 2]);
/// assert_eq!(dice.overflow(), 1);
/// assert_eq!(dice.quantile(0.5).unwrap().lower, 6);
/// # Ok::<(), streamgauge_core::stats::histogram::InvalidRange>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntHistogram<S> {
    bins: Bins<S>,
    low: i32,
    width: u32,
}

impl<S: AsRef<[u64]> + AsMut<[u64]>> IntHistogram<S> {
    /// An empty histogram; the storage is zeroed, its length is the number of bins.
    ///
    /// # Errors
    /// [`InvalidRange`] if the storage is empty, `width` 0, or the last bin would begin above `i32::MAX`.
    pub fn new(storage: S, low: i32, width: u32) -> Result<Self, InvalidRange> {
        let mut bins = Bins::over(storage);
        bins.clear();
        let last = bins.number().checked_sub(1).ok_or(InvalidRange)?;
        let histogram = Self { bins, low, width };
        let room = i64::from(i32::MAX).wrapping_sub(i64::from(low)).unsigned_abs();
        let fits = (last as u64).checked_mul(u64::from(width)).is_some_and(|begin| begin <= room);
        if width > 0 && fits { Ok(histogram) } else { Err(InvalidRange) }
    }

    /// Forgets all values. O(bins).
    pub fn clear(&mut self) {
        self.bins.clear();
    }

    /// Takes so many values in that belong to this place; false if there is no such bin. O(1).
    pub fn add(&mut self, place: Counted, times: u64) -> bool {
        let is_there = !matches!(place, Counted::In(bin) if bin >= self.bins.number());
        self.bins.add(place, times);
        is_there
    }

    /// Takes a value in. O(1), one division of 32 bits.
    #[inline]
    pub fn push(&mut self, x: i32) {
        self.bins.add(self.place(x), 1);
    }

    /// Removes a value that was taken in before. O(1).
    ///
    /// # Errors
    /// [`NothingToRemove`] if its bin is empty; nothing has changed.
    pub fn remove(&mut self, x: i32) -> Result<(), NothingToRemove> {
        self.bins.remove(self.place(x))
    }

    /// Takes in what `other`, of the same bins, has seen. O(bins), the same in any order.
    ///
    /// # Errors
    /// [`DifferentBins`]; nothing has changed.
    pub fn merge<R: AsRef<[u64]>>(&mut self, other: &IntHistogram<R>) -> Result<(), DifferentBins> {
        if (self.low, self.width) != (other.low, other.width) {
            return Err(DifferentBins);
        }
        self.bins.merge(&other.bins)
    }

    #[inline]
    fn place(&self, x: i32) -> Counted {
        if x < self.low {
            return Counted::Below;
        }
        // Not negative, so below 2^32.
        let distance = x.wrapping_sub(self.low) as u32;
        match usize::try_from(distance.checked_div(self.width).unwrap_or(u32::MAX)) {
            Ok(bin) if bin < self.bins.number() => Counted::In(bin),
            _ => Counted::Above,
        }
    }
}

impl<S: AsRef<[u64]>> IntHistogram<S> {
    /// The least integer of a bin; beyond the last bin: the end of the range.
    pub fn edge(&self, bin: usize) -> i64 {
        let bin = bin.min(self.bins.number()) as u64;
        i64::from(self.low).saturating_add_unsigned(bin.saturating_mul(u64::from(self.width)))
    }

    /// The counts of all bins.
    pub fn bins(&self) -> &[u64] {
        self.bins.counts()
    }

    /// Number of values below the range.
    pub const fn underflow(&self) -> u64 {
        self.bins.below
    }

    /// Number of values at or above the end of the range.
    pub const fn overflow(&self) -> u64 {
        self.bins.above
    }

    /// Number of values, below and above the range included. O(bins).
    pub fn count(&self) -> u64 {
        self.bins.total()
    }

    /// Where the `q` quantile lies, as [`Histogram::quantile`](super::Histogram::quantile) defines it. O(bins).
    ///
    /// `None` without values, or unless 0 <= `q` <= 1.
    pub fn quantile(&self, q: f64) -> Option<Quantile<i64>> {
        let (place, share) = self.bins.quantile(q)?;
        let (low, high) = (self.edge(0), self.edge(usize::MAX));
        Some(match place {
            Counted::Below => Quantile { estimate: low as f64, lower: i64::from(i32::MIN), upper: low },
            Counted::Above => Quantile { estimate: high as f64, lower: high, upper: i64::from(i32::MAX) },
            Counted::In(bin) => {
                let lower = self.edge(bin);
                // Integers stand for the middle of what rounds to them.
                let estimate = lower as f64 - 0.5 + f64::from(self.width) * share;
                Quantile { estimate, lower, upper: self.edge(bin.saturating_add(1)) }
            }
        })
    }
}
