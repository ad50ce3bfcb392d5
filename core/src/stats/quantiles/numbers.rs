//! The state of a sketch as plain numbers.

use core::cmp::Ordering;

use super::accuracy::{Accuracy, Magnitude};
use super::side::Side;
use super::{DdSketch, Summary, split_bins};

/// The state of a [`DdSketch`] beside its bins as plain numbers, to be stored elsewhere and shared between machines.
///
/// The bins belong to it as they lie in the storage, those for negative values first: the bin of an index is at the
/// index modulo the number of bins of its sign.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Numbers {
    /// The relative error that was set.
    pub accuracy: f64,
    /// How many of the bins are for negative values.
    pub negative_bins: u32,
    /// Number of values that were 0.
    pub zeros: u64,
    /// Number of values that were NaN.
    pub nan: u64,
    /// Number of values that were +∞.
    pub positive_infinities: u64,
    /// Number of values that were -∞.
    pub negative_infinities: u64,
    /// The values below 0.
    pub negative: SideNumbers,
    /// The values above 0.
    pub positive: SideNumbers,
}

/// What [`Numbers`] say of the values of one sign.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SideNumbers {
    /// How many there are.
    pub count: u64,
    /// Their least magnitude, and 0 without values.
    pub least: f64,
    /// Their greatest magnitude, and 0 without values.
    pub greatest: f64,
    /// How many collapsed.
    pub collapsed: u32,
    /// The highest index of those that collapsed, and 0 if none did.
    pub collapsed_to: u32,
}

/// Numbers and bins that no values can have led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidState {
    /// There is no such accuracy.
    Accuracy,
    /// There are fewer bins than are for negative values.
    NegativeBins,
    /// Extremes that aren't magnitudes, are the wrong way round, or don't suit the number of values.
    Extremes,
    /// A bin holds values that aren't between the extremes or that no number is, or one of an extreme is empty.
    Bins,
    /// What collapsed isn't below the window, or not between the extremes.
    Collapsed,
    /// The number of values isn't that in the bins and collapsed, and no full bin explains it.
    Count,
}

impl core::fmt::Display for InvalidState {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Accuracy => "there is no such accuracy",
            Self::NegativeBins => "there are fewer bins than are for negative values",
            Self::Extremes => "no values have such extremes",
            Self::Bins => "the bins don't suit the extremes",
            Self::Collapsed => "what collapsed doesn't suit the extremes",
            Self::Count => "the number of values isn't that of the bins",
        })
    }
}

impl core::error::Error for InvalidState {}

impl<S> DdSketch<S> {
    /// The state beside the bins as plain numbers. O(1).
    pub fn to_numbers(&self) -> Numbers {
        let Summary { accuracy, split, sides: [positive, negative], zeros, nan, .. } = self.summary;
        Numbers {
            accuracy: accuracy.relative(),
            negative_bins: split,
            zeros,
            nan,
            positive_infinities: self.positive_infinities(),
            negative_infinities: self.negative_infinities(),
            negative: negative.into(),
            positive: positive.into(),
        }
    }

    /// All bins as they lie in the storage, which the caller may store with the [numbers](Self::to_numbers).
    pub fn storage(&self) -> &S {
        &self.bins
    }
}

impl<S: AsRef<[u32]>> DdSketch<S> {
    /// The sketch of these numbers and bins, wherever they come from. O(bins), and half a microsecond for each that
    /// isn't empty.
    ///
    /// # Errors
    /// [`InvalidState`] if they contradict each other: no pushes and merges lead to what is refused.
    pub fn from_numbers(numbers: &Numbers, bins: S) -> Result<Self, InvalidState> {
        let accuracy = Accuracy::new(numbers.accuracy).map_err(|_| InvalidState::Accuracy)?;
        let split = numbers.negative_bins;
        if split as usize > bins.as_ref().len() {
            return Err(InvalidState::NegativeBins);
        }
        let (negative_bins, positive_bins) = split_bins(bins.as_ref(), split);
        let summary = Summary {
            accuracy,
            split,
            sides: [
                checked(&numbers.positive, positive_bins, accuracy)?,
                checked(&numbers.negative, negative_bins, accuracy)?,
            ],
            zeros: numbers.zeros,
            nan: numbers.nan,
            positive_infinities: numbers.positive_infinities,
            negative_infinities: numbers.negative_infinities,
        };
        Ok(Self { summary, bins })
    }
}

impl From<Side> for SideNumbers {
    fn from(Side { total, least, greatest, collapsed, collapsed_to, .. }: Side) -> Self {
        let (least, greatest) = if total == 0 { (0.0, 0.0) } else { (least.value(), greatest.value()) };
        Self { count: total, least, greatest, collapsed, collapsed_to }
    }
}

fn checked(numbers: &SideNumbers, bins: &[u32], accuracy: Accuracy) -> Result<Side, InvalidState> {
    let SideNumbers { count, least, greatest, collapsed, collapsed_to } = *numbers;
    if count == 0 {
        // Zeros of either sign are the same extreme, and NaN is none.
        return match (*numbers == SideNumbers::default(), bins.iter().all(|count| *count == 0)) {
            (true, true) => Ok(Side::EMPTY),
            (true, false) => Err(InvalidState::Bins),
            (false, _) => Err(InvalidState::Extremes),
        };
    }
    let ordered = 0.0 < least && least <= greatest && greatest < f64::INFINITY;
    if !ordered || (count == 1 && least < greatest) {
        return Err(InvalidState::Extremes);
    }
    let (least, greatest) = (Magnitude::of(least), Magnitude::of(greatest));
    let mut side = Side::over(bins, accuracy, count, least, greatest);
    (side.collapsed, side.collapsed_to) = (collapsed, collapsed_to);
    let (lowest, highest) = (accuracy.index(least), accuracy.index(greatest));
    // None is beyond the greatest's, which is the last of the window.
    let impossible = |index| index < lowest || accuracy.edge(index) > accuracy.last(index);
    let in_order = lowest <= collapsed_to && (collapsed > 1 || lowest == collapsed_to);
    let possible = in_order && side.is_below_window(bins, collapsed_to) && !impossible(collapsed_to);
    let suits = if collapsed > 0 { possible } else { collapsed_to == 0 };
    if !suits {
        return Err(InvalidState::Collapsed);
    }
    let is_empty = |extreme| !side.cells(bins).any(|cell| (cell.first..=cell.last).contains(&extreme));
    let mut window = side.cells(bins).skip(usize::from(collapsed > 0));
    if is_empty(lowest) || is_empty(highest) || window.any(|cell| impossible(cell.first)) {
        return Err(InvalidState::Bins);
    }
    let counted = side.cells(bins).fold(0_u64, |sum, cell| sum.saturating_add(cell.count.into()));
    let explained = match counted.cmp(&count) {
        Ordering::Equal => true,
        Ordering::Less => side.excess(bins).full_cells > 0,
        Ordering::Greater => false,
    };
    if explained { Ok(side) } else { Err(InvalidState::Count) }
}
