//! What a histogram adds up, and the bars that are drawn of it.
//!
//! A range is a gauge's. Whole numbers are not: here each that comes has a bin, wherever it is in 64 bits, and bins are
//! made as they come; a gauge has its bins from the beginning, side by side.

use std::collections::BTreeMap;

use streamgauge_core::gauge::{Bar, Measure, Scale};
use streamgauge_core::stats::Histogram;
use streamgauge_core::stats::histogram::InvalidRange;

use super::Tally;
use super::numbers::Numbers;

/// What the bins are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// `[min, max)` in bins of equal width.
    Range {
        /// Where the first bin begins.
        min: f64,
        /// Where the last one ends.
        max: f64,
        /// How many there are.
        bins: u32,
    },
    /// A bin for each whole number from `min` to `max` that comes.
    Integers {
        /// The least.
        min: i64,
        /// The largest.
        max: i64,
        /// Most different numbers.
        most: usize,
    },
}

/// As a state notes it: `range MIN MAX BINS` or `integers MIN MAX`.
impl core::fmt::Display for Shape {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Range { min, max, bins } => write!(f, "range {min} {max} {bins}"),
            Self::Integers { min, max, .. } => write!(f, "integers {min} {max}"),
        }
    }
}

impl core::str::FromStr for Shape {
    type Err = InvalidRange;

    fn from_str(text: &str) -> Result<Self, InvalidRange> {
        let words: Vec<_> = text.split(' ').collect();
        let shape = match words.as_slice() {
            ["range", min, max, bins] => min
                .parse()
                .ok()
                .zip(max.parse().ok())
                .zip(bins.parse().ok())
                .map(|((min, max), bins)| Self::Range { min, max, bins }),
            ["integers", min, max] => {
                min.parse().ok().zip(max.parse().ok()).map(|(min, max)| Self::Integers { min, max, most: usize::MAX })
            }
            _ => None,
        };
        shape.ok_or(InvalidRange)
    }
}

/// Counts of values by bin.
pub struct HistogramTally {
    shape: Shape,
    bins: Bins,
    /// What is in no bin.
    outside: Outside,
}

enum Bins {
    Range(Numbers),
    Integers(BTreeMap<i64, u64>),
}

/// Values in no bin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outside {
    /// Below the first bin.
    pub underflow: u64,
    /// At the end of the last bin, or above.
    pub overflow: u64,
    /// Whole numbers beyond as many different ones as may have a bin.
    pub other: u64,
    /// Not whole, where only whole numbers count.
    pub not_whole: u64,
    /// NaN.
    pub nan: u64,
    /// Records without a number.
    pub not_a_number: u64,
}

/// A histogram to be drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Bars {
    /// What the bins are.
    pub shape: Shape,
    /// The count in each bin, in order of the bins; of whole numbers only those that came.
    pub bins: Vec<Bar>,
    /// What is in no bin.
    pub outside: Outside,
}

impl HistogramTally {
    /// An empty one.
    ///
    /// # Errors
    /// There is no such range, or it can't be divided into so many bins.
    pub fn new(shape: Shape) -> Result<Self, InvalidRange> {
        let bins = match shape {
            Shape::Range { min: low, max: high, bins } => {
                let numbers = Numbers::new(Measure::Histogram, Scale::Range { low, high, bins });
                Bins::Range(numbers.map_err(|_| InvalidRange)?)
            }
            Shape::Integers { min, max, .. } if min > max => return Err(InvalidRange),
            Shape::Integers { .. } => Bins::Integers(BTreeMap::new()),
        };
        Ok(Self { shape, bins, outside: Outside::default() })
    }

    /// Takes values in. O(1) each; of whole numbers O(log of the bins).
    pub fn extend(&mut self, values: &[f64]) {
        match &mut self.bins {
            Bins::Range(numbers) => numbers.take(values),
            Bins::Integers(_) => values.iter().for_each(|&x| self.count_whole(x)),
        }
    }

    /// Counts records without a number.
    pub const fn reject(&mut self, records: u64) {
        self.outside.not_a_number = self.outside.not_a_number.saturating_add(records);
    }

    /// What the bins are.
    pub(crate) const fn shape(&self) -> Shape {
        self.shape
    }

    /// The histogram of a range.
    fn range(&self) -> Option<&Histogram<Box<[u64]>>> {
        match &self.bins {
            Bins::Range(numbers) => numbers.histogram(),
            Bins::Integers(_) => None,
        }
    }

    /// The bins that aren't empty, by number or, of whole numbers, by the number itself.
    pub(crate) fn counts(&self) -> Box<dyn Iterator<Item = (i64, u64)> + '_> {
        match &self.bins {
            Bins::Range(numbers) => {
                let bins = numbers.histogram().map(Histogram::bins).unwrap_or_default();
                Box::new((0..).zip(bins.iter().copied()).filter(|(_, count)| *count > 0))
            }
            Bins::Integers(counts) => Box::new(counts.iter().map(|(&x, &count)| (x, count))),
        }
    }

    /// What is in no bin.
    pub(crate) fn outside(&self) -> Outside {
        self.range().map_or(self.outside, |range| Outside {
            underflow: range.underflow(),
            overflow: range.overflow(),
            nan: range.nan(),
            ..self.outside
        })
    }

    /// The histogram of the same shape with these counts.
    pub(crate) fn bars(&self, counts: &BTreeMap<i64, u64>, outside: Outside) -> Bars {
        let bins = match self.range() {
            Some(range) => (0..range.bins().len())
                .map(|bin| {
                    let count = i64::try_from(bin).ok().and_then(|bin| counts.get(&bin)).copied().unwrap_or(0);
                    Bar { low: range.edge(bin), high: range.edge(bin + 1), count }
                })
                .collect(),
            None => counts.iter().map(|(&x, &count)| Bar { low: x as f64, high: x as f64 + 1.0, count }).collect(),
        };
        Bars { shape: self.shape, bins, outside }
    }

    fn count_whole(&mut self, x: f64) {
        let (Shape::Integers { min, max, most }, Bins::Integers(counts)) = (self.shape, &mut self.bins) else { return };
        let counter = match whole(x) {
            Some(x) if x < min => &mut self.outside.underflow,
            Some(x) if x > max => &mut self.outside.overflow,
            Some(x) if counts.len() < most || counts.contains_key(&x) => counts.entry(x).or_default(),
            Some(_) => &mut self.outside.other,
            None if x.is_nan() => &mut self.outside.nan,
            // Beyond where doubles are exact, up to the infinities: in no bin, whatever the bounds are.
            None if x.trunc() == x && x > 0.0 => &mut self.outside.overflow,
            None if x.trunc() == x => &mut self.outside.underflow,
            None => &mut self.outside.not_whole,
        };
        *counter = counter.saturating_add(1);
    }
}

impl Tally for HistogramTally {
    type Total = Bars;

    fn total(&self) -> Bars {
        self.bars(&self.counts().collect(), self.outside())
    }
}

impl Outside {
    /// All counters, with the names that they have in a state.
    pub(crate) const fn named(&self) -> [(&'static str, u64); 6] {
        let Self { underflow, overflow, other, not_whole, nan, not_a_number } = *self;
        [
            ("underflow", underflow),
            ("overflow", overflow),
            ("other", other),
            ("not_whole", not_whole),
            ("nan", nan),
            ("not_a_number", not_a_number),
        ]
    }

    /// The counters by these names.
    pub(crate) fn read(counter: impl Fn(&str) -> u64) -> Self {
        Self {
            underflow: counter("underflow"),
            overflow: counter("overflow"),
            other: counter("other"),
            not_whole: counter("not_whole"),
            nan: counter("nan"),
            not_a_number: counter("not_a_number"),
        }
    }
}

impl Bars {
    /// Values in bins and beside them.
    pub fn count(&self) -> u64 {
        let outside = [self.outside.underflow, self.outside.overflow, self.outside.other];
        self.bins.iter().map(|bar| bar.count).chain(outside).fold(0, u64::saturating_add)
    }

    /// What is in no bin, with a name each.
    pub(crate) fn rejected(&self) -> [(&'static str, u64); 3] {
        let Outside { not_a_number, nan, not_whole, .. } = self.outside;
        [("not_a_number", not_a_number), ("nan", nan), ("not_whole", not_whole)]
    }
}

/// A number without a fraction, as far as doubles have one each: 2^53 is that of 2^53 + 1, too.
pub(crate) fn whole(x: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (x.abs() < EXACT && x.trunc() == x).then_some(x as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_have_a_bin_each() {
        let mut tally = HistogramTally::new(Shape::Integers { min: -1, max: 9, most: 2 }).unwrap();
        tally.extend(&[3.0, -1.0, 3.0, 4.0, -2.0, 10.0, 2.5, f64::NAN, f64::INFINITY, -0.0]);
        tally.extend(&[1e300, -9_007_199_254_740_994.0]);
        tally.reject(1);
        let bars = tally.total();
        let counts: Vec<_> = bars.bins.iter().map(|bar| (bar.low, bar.count)).collect();
        assert_eq!(counts, [(-1.0, 1), (3.0, 2)]);
        let outside = Outside { underflow: 2, overflow: 3, other: 2, not_whole: 1, nan: 1, not_a_number: 1 };
        assert_eq!((bars.outside, bars.count()), (outside, 10));
    }

    #[test]
    fn only_what_is_one_number_has_a_bin() {
        let mut tally = HistogramTally::new(Shape::Integers { min: i64::MIN, max: i64::MAX, most: 9 }).unwrap();
        // The second is 2^53, and what 2^53 + 1 is read as.
        tally.extend(&[9_007_199_254_740_991.0, 9_007_199_254_740_992.0, -9_007_199_254_740_992.0]);
        let bars = tally.total();
        assert_eq!((bars.bins.len(), bars.outside.underflow, bars.outside.overflow), (1, 1, 1));
    }

    #[test]
    fn a_range_has_bins() {
        let mut tally = HistogramTally::new(Shape::Range { min: 0.0, max: 1.0, bins: 4 }).unwrap();
        tally.extend(&[0.0, 0.25, 0.3, 1.0, -1.0, f64::NAN]);
        let bars = tally.total();
        assert_eq!(bars.bins.iter().map(|bar| bar.count).collect::<Vec<_>>(), [1, 2, 0, 0]);
        assert_eq!((bars.bins[1].low, bars.bins[1].high), (0.25, 0.5));
        assert_eq!((bars.outside.underflow, bars.outside.overflow, bars.outside.nan, bars.count()), (1, 1, 1, 5));
        assert!(HistogramTally::new(Shape::Range { min: 1.0, max: 1.0, bins: 4 }).is_err());
        assert!(HistogramTally::new(Shape::Integers { min: 1, max: 0, most: 4 }).is_err());
    }
}
