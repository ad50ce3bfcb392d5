//! Histograms: bins of equal width, over storage that the caller owns.

mod bins;
mod integer;

use super::between::{between, half_distance};
use bins::Bins;
pub use bins::{Counted, Quantile};
pub use integer::IntHistogram;

/// A histogram of `f64` values: `[low, high)` in bins of equal width, one for each `u64` of the storage.
///
/// A bin holds what is at or above its [lower edge](Self::edge) and below the next one's, to the bit. What is below
/// `low` and what is at or above `high` is counted on either side, infinities among it, and NaN apart. Counts stay at
/// `u64::MAX` once there. A range may reach over all finite numbers, though the distance of its ends is none then.
///
/// ```
/// use streamgauge_core::stats::Histogram;
///
/// let mut seen = Histogram::new([0; 10], 0.0, 1.0)?;
/// for x in [0.05, 0.31, 0.32, 0.95, 1.5] {
///     seen.push(x);
/// }
/// assert_eq!(seen.bins(), [1, 0, 0, 2, 0, 0, 0, 0, 0, 1]);
/// assert_eq!(seen.overflow(), 1);
/// let median = seen.quantile(0.5).unwrap();
/// assert!(median.lower <= 0.32 && 0.32 < median.upper);
/// # Ok::<(), streamgauge_core::stats::histogram::InvalidRange>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Histogram<S> {
    bins: Bins<S>,
    low: f64,
    high: f64,
    /// Bins by unit of value.
    density: f64,
    nan: u64,
}

/// There is no bin, or a bin would have no width, or one that isn't finite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidRange;

impl core::fmt::Display for InvalidRange {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the range can't be divided into so many bins")
    }
}

impl core::error::Error for InvalidRange {}

/// The histograms to be merged don't have the same range and number of bins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DifferentBins;

impl core::fmt::Display for DifferentBins {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the histograms differ in range or number of bins")
    }
}

impl core::error::Error for DifferentBins {}

/// No value of that bin is left to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NothingToRemove;

impl core::fmt::Display for NothingToRemove {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("no value of that bin is left to be removed")
    }
}

impl core::error::Error for NothingToRemove {}

impl<S: AsRef<[u64]> + AsMut<[u64]>> Histogram<S> {
    /// An empty histogram; the storage is zeroed, its length is the number of bins.
    ///
    /// # Errors
    /// [`InvalidRange`] if the storage is empty, `low` isn't below `high`, the range isn't finite, or so narrow that
    /// neighbouring edges would be the same number.
    pub fn new(storage: S, low: f64, high: f64) -> Result<Self, InvalidRange> {
        let mut bins = Bins::over(storage);
        bins.clear();
        let density = density(bins.number() as f64, low, high).ok_or(InvalidRange)?;
        Ok(Self { bins, low, high, density, nan: 0 })
    }

    /// Forgets all values. O(bins).
    pub fn clear(&mut self) {
        self.bins.clear();
        self.nan = 0;
    }

    /// Takes so many values in that belong to this place; false if there is no such bin. O(1).
    pub fn add(&mut self, place: Counted, times: u64) -> bool {
        let is_there = !matches!(place, Counted::In(bin) if bin >= self.bins.number());
        self.bins.add(place, times);
        is_there
    }

    /// Takes a value in. O(1).
    #[inline]
    pub fn push(&mut self, x: f64) {
        match self.place(x) {
            Some(place) => self.bins.add(place, 1),
            None => self.nan = self.nan.saturating_add(1),
        }
    }

    /// Removes a value that was taken in before. O(1).
    ///
    /// # Errors
    /// [`NothingToRemove`] if its bin is empty; nothing has changed.
    pub fn remove(&mut self, x: f64) -> Result<(), NothingToRemove> {
        match self.place(x) {
            Some(place) => self.bins.remove(place),
            None => {
                self.nan = self.nan.checked_sub(1).ok_or(NothingToRemove)?;
                Ok(())
            }
        }
    }

    /// Takes in what `other`, of the same range and number of bins, has seen. O(bins), the same in any order.
    ///
    /// # Errors
    /// [`DifferentBins`]; nothing has changed.
    pub fn merge<R: AsRef<[u64]>>(&mut self, other: &Histogram<R>) -> Result<(), DifferentBins> {
        if (self.low, self.high) != (other.low, other.high) {
            return Err(DifferentBins);
        }
        self.bins.merge(&other.bins)?;
        self.nan = self.nan.saturating_add(other.nan);
        Ok(())
    }

    /// Where `x` is counted; `None`: it is NaN.
    fn place(&self, x: f64) -> Option<Counted> {
        if x < self.low {
            return Some(Counted::Below);
        }
        if x >= self.high {
            return Some(Counted::Above);
        }
        if x.is_nan() {
            return None;
        }
        let last = self.bins.number().saturating_sub(1);
        // Each by itself, as their distance may be none; rounding can be one bin off next to an edge.
        let near = ((x * self.density - self.low * self.density) as usize).min(last);
        let bin = if x < self.edge(near) {
            near.saturating_sub(1)
        } else if x >= self.edge(near.saturating_add(1)) {
            near.saturating_add(1)
        } else {
            near
        };
        Some(Counted::In(bin))
    }
}

impl<S: AsRef<[u64]>> Histogram<S> {
    /// The lower edge of a bin, and of the one after the last: the end of the range.
    pub fn edge(&self, bin: usize) -> f64 {
        let number = self.bins.number();
        if bin >= number {
            return self.high;
        }
        between(self.low, self.high, bin as f64 / number as f64)
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

    /// Number of values that were NaN; [`count`](Self::count) leaves them out.
    pub const fn nan(&self) -> u64 {
        self.nan
    }

    /// Number of values, below and above the range included. O(bins).
    pub fn count(&self) -> u64 {
        self.bins.total()
    }

    /// Where the `q` quantile lies: the value that a share `q` of all values (at least one) doesn't exceed, and no
    /// smaller value of them does so. O(bins).
    ///
    /// `None` without values, or unless 0 <= `q` <= 1.
    pub fn quantile(&self, q: f64) -> Option<Quantile<f64>> {
        let (place, share) = self.bins.quantile(q)?;
        Some(match place {
            Counted::Below => Quantile { estimate: self.low, lower: f64::NEG_INFINITY, upper: self.low },
            Counted::Above => Quantile { estimate: self.high, lower: self.high, upper: f64::INFINITY },
            Counted::In(bin) => {
                let (lower, upper) = (self.edge(bin), self.edge(bin.saturating_add(1)));
                Quantile { estimate: between(lower, upper, share).min(upper), lower, upper }
            }
        })
    }
}

/// Bins by unit of value, if the range can be divided into so many.
pub(crate) fn density(number: f64, low: f64, high: f64) -> Option<f64> {
    let half = half_distance(low, high);
    let density = number * 0.5 / half;
    // The widest gaps between numbers are at the ends of the range.
    let gap = low.abs().max(high.abs()) * f64::EPSILON;
    let possible = number >= 1.0 && low < high && half.is_finite() && density.is_finite();
    (possible && half / number > 2.0 * gap).then_some(density)
}
