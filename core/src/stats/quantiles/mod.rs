//! Quantiles of a stream, within a relative error, in constant memory.
//!
//! | module | idea |
//! | --- | --- |
//! | `accuracy` | [`Accuracy`]: which magnitudes share a bin, and where bins begin |
//! | `summary` | [`Summary`]: all of a sketch but its bins |
//! | `side` | the values of one sign: a window of bins that ends at the greatest magnitude |
//! | `ranks` | from ranks to magnitudes and back, within one sign |
//! | `quantile` | [`Quantile`]: answers, and how far they can be off |
//! | `bins` | [`Bin`]: the counts, to be drawn |
//! | `numbers` | [`Numbers`]: the state as plain numbers, checked on the way back |

mod accuracy;
mod bins;
mod numbers;
mod quantile;
mod ranks;
mod side;
mod summary;

use accuracy::Magnitude;
pub use accuracy::{Accuracy, InvalidAccuracy};
pub use bins::Bin;
pub use numbers::{InvalidState, Numbers, SideNumbers};
pub use quantile::{Bounds, Quantile};
pub use summary::Summary;

/// The DDSketch of Masson, Rim and Lee ("DDSketch: a fast and fully-mergeable quantile sketch with relative-error
/// guarantees", 2019), over bins of 32 bits that the caller gives.
///
/// A [quantile](Self::quantile) is off by at most the [accuracy](Self::accuracy), relative to itself: for values of
/// both signs, from the least denormal to the largest number, whatever their distribution. Zeros, the least and the
/// greatest value are exact. What isn't finite is counted by kind and is no value.
///
/// **Bins.** Half of them are for negative values, unless the caller says how many. At 1 % an octave takes 35 bins:
/// 1024 for one sign span 8.8 decades, 2048 span 17.6. They are a window for each sign, from its greatest magnitude
/// down. Values below the window have [collapsed](Self::collapsed): all that is left of them is how many they are, and
/// between which bounds. Only answers among them have a larger error, and say so.
///
/// **Order.** The whole state, to the bit, depends on which values there were and how often: not on their order, nor
/// on how they were split and [merged](Self::merge).
///
/// **Full bins.** Bins stop at [`u32::MAX`]. One full bin for each sign costs nothing, for its count follows from the
/// others; between several full ones answers are uncertain, and say so. The number of values stops at [`u64::MAX`];
/// then answers only keep to the extremes.
///
/// ```
/// use streamgauge_core::stats::quantiles::{Accuracy, DdSketch};
///
/// let mut here = DdSketch::new([0; 2048], Accuracy::PERCENT);
/// let mut there = DdSketch::new([0; 2048], Accuracy::PERCENT);
/// for x in 1..=500 {
///     here.push(f64::from(x));
///     there.push(-2.0 * f64::from(x));
/// }
/// here.merge(&there)?;
/// let median = here.quantile(0.5).unwrap();
/// assert_eq!((median.estimate, median.error), (-2.0, 0.0));
/// let p99 = here.quantile(0.99).unwrap();
/// assert!((p99.estimate - 490.0).abs() <= 0.01 * 490.0);
/// assert!(p99.lower <= 490.0 && 490.0 <= p99.upper && p99.error <= 0.01);
/// # Ok::<(), streamgauge_core::stats::quantiles::DifferentSettings>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DdSketch<S> {
    summary: Summary,
    bins: S,
}

/// The sketches to be merged don't have the same settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DifferentSettings {
    /// They have different accuracies.
    Accuracy,
    /// They have different numbers of bins for a sign.
    Bins,
}

impl core::fmt::Display for DifferentSettings {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Accuracy => "the sketches differ in accuracy",
            Self::Bins => "the sketches differ in the number of bins",
        })
    }
}

impl core::error::Error for DifferentSettings {}

impl<S: AsRef<[u32]> + AsMut<[u32]>> DdSketch<S> {
    /// A sketch without values, half of whose bins (rounded down) are for negative ones; the bins are zeroed. O(bins).
    pub fn new(bins: S, accuracy: Accuracy) -> Self {
        let half = bins.as_ref().len() / 2;
        Self::with_negative_bins(bins, accuracy, half)
    }

    /// A sketch without values that has so many bins for negative ones, and the rest for positive ones; the bins are
    /// zeroed. O(bins).
    ///
    /// All values of a sign that has no bin collapse. At most 2^32 - 1 bins are for negative values, and no more than
    /// there are.
    pub fn with_negative_bins(bins: S, accuracy: Accuracy, negative: usize) -> Self {
        let split = u32::try_from(negative.min(bins.as_ref().len())).unwrap_or(u32::MAX);
        let summary = Summary::empty(accuracy, split);
        let mut sketch = Self { summary, bins };
        sketch.clear();
        sketch
    }

    /// Forgets all values. O(bins).
    pub fn clear(&mut self) {
        self.summary = Summary::empty(self.summary.accuracy, self.summary.split);
        self.bins.as_mut().fill(0);
    }

    /// Takes a value in. O(1), but for O(bins) at some of the values that exceed all before: all of these together move
    /// each window once over the numbers.
    #[inline]
    pub fn push(&mut self, x: f64) {
        self.push_times(x, 1);
    }

    /// Takes a value in, so many times. As [`push`](Self::push).
    #[inline]
    pub fn push_times(&mut self, x: f64, times: u64) {
        let magnitude = Magnitude::of(x);
        if times > 0 && magnitude.is_normal() {
            self.count_in_bin(x, self.summary.accuracy.index_of_normal(magnitude), times);
        } else {
            self.push_rare(x, times);
        }
    }

    /// Zero, denormals, what isn't finite, and what comes no times.
    #[cold]
    fn push_rare(&mut self, x: f64, times: u64) {
        if times > 0 && x.is_subnormal() {
            self.count_in_bin(x, self.summary.accuracy.index_of_denormal(Magnitude::of(x)), times);
        } else {
            self.summary.count_apart(x, times);
        }
    }

    #[inline]
    fn count_in_bin(&mut self, x: f64, index: u32, times: u64) {
        // From the bit itself: a comparison would be compiled to a choice for each field of the side.
        let number = (x.to_bits() >> 63) as usize;
        let (below_zero, above_zero) = split_bins_mut(self.bins.as_mut(), self.summary.split);
        let bins = if x.is_sign_positive() { above_zero } else { below_zero };
        if let Some(side) = self.summary.sides.get_mut(number) {
            side.add(bins, Magnitude::of(x), index, times);
        }
    }

    /// Takes in what `other`, of the same accuracy and numbers of bins, has seen: the same as if its values had come
    /// here. O(bins).
    ///
    /// # Errors
    /// [`DifferentSettings`]; nothing has changed.
    pub fn merge<R: AsRef<[u32]>>(&mut self, other: &DdSketch<R>) -> Result<(), DifferentSettings> {
        if self.summary.accuracy != other.summary.accuracy {
            return Err(DifferentSettings::Accuracy);
        }
        let same_number = self.bins.as_ref().len() == other.bins.as_ref().len();
        if !same_number || self.summary.split != other.summary.split {
            return Err(DifferentSettings::Bins);
        }
        let Summary { split, sides: [positive, negative], .. } = &mut self.summary;
        let (below_zero, above_zero) = split_bins_mut(self.bins.as_mut(), *split);
        let [others_positive, others_negative] = &other.summary.sides;
        negative.merge(below_zero, others_negative, other.negative_bins());
        positive.merge(above_zero, others_positive, other.positive_bins());
        self.summary.add_counts_apart(&other.summary);
        Ok(())
    }
}

impl<S> DdSketch<S> {
    /// Puts a sketch together again. O(1).
    ///
    /// The bins have to be those that [`into_parts`](Self::into_parts) gave with this summary: with others, answers
    /// are wrong. What may be so is for [`from_numbers`](Self::from_numbers) to check.
    pub const fn from_parts(summary: Summary, bins: S) -> Self {
        Self { summary, bins }
    }

    /// Takes the sketch apart. O(1).
    pub fn into_parts(self) -> (Summary, S) {
        (self.summary, self.bins)
    }

    /// The relative error that was set.
    pub const fn accuracy(&self) -> Accuracy {
        self.summary.accuracy
    }

    /// Number of finite values; it stays at `u64::MAX` once there, like all counts of 64 bits. O(1).
    pub const fn count(&self) -> u64 {
        let Summary { sides: [positive, negative], zeros, .. } = &self.summary;
        negative.total.saturating_add(*zeros).saturating_add(positive.total)
    }

    /// Number of values that were 0, of either sign.
    pub const fn zeros(&self) -> u64 {
        self.summary.zeros
    }

    /// Number of values that were NaN.
    pub const fn nan(&self) -> u64 {
        self.summary.nan
    }

    /// Number of values that were +∞.
    pub const fn positive_infinities(&self) -> u64 {
        self.summary.positive_infinities
    }

    /// Number of values that were -∞.
    pub const fn negative_infinities(&self) -> u64 {
        self.summary.negative_infinities
    }

    /// The least finite value.
    pub fn min(&self) -> Option<f64> {
        let Summary { sides: [positive, negative], zeros, .. } = &self.summary;
        match (negative.total, zeros, positive.total) {
            (0, 0, 0) => None,
            (0, 0, _) => Some(positive.least.value()),
            (0, _, _) => Some(0.0),
            _ => Some(-negative.greatest.value()),
        }
    }

    /// The greatest finite value.
    pub fn max(&self) -> Option<f64> {
        let Summary { sides: [positive, negative], zeros, .. } = &self.summary;
        match (negative.total, zeros, positive.total) {
            (0, 0, 0) => None,
            (_, 0, 0) => Some(-negative.least.value()),
            // 0 where there is no positive one.
            _ => Some(positive.greatest.value()),
        }
    }

    /// Number of values that are in no bin, because greater ones of the same sign needed all of them; the count of each
    /// sign stops at [`u32::MAX`], as in a bin. O(1).
    pub fn collapsed(&self) -> u64 {
        let [positive, negative] = &self.summary.sides;
        u64::from(negative.collapsed).saturating_add(positive.collapsed.into())
    }
}

impl<S: AsRef<[u32]>> DdSketch<S> {
    /// Number of values that full bins could not count. O(bins).
    pub fn uncounted(&self) -> u64 {
        let [positive, negative] = &self.summary.sides;
        let negative = negative.excess(self.negative_bins()).values;
        negative.saturating_add(positive.excess(self.positive_bins()).values)
    }

    fn negative_bins(&self) -> &[u32] {
        split_bins(self.bins.as_ref(), self.summary.split).0
    }

    fn positive_bins(&self) -> &[u32] {
        split_bins(self.bins.as_ref(), self.summary.split).1
    }
}

fn split_bins(bins: &[u32], split: u32) -> (&[u32], &[u32]) {
    bins.split_at_checked(split as usize).unwrap_or((bins, &[]))
}

fn split_bins_mut(bins: &mut [u32], split: u32) -> (&mut [u32], &mut [u32]) {
    let split = (split as usize).min(bins.len());
    bins.split_at_mut_checked(split).unwrap_or_default()
}
