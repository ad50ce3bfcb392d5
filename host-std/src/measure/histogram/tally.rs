//! What a histogram adds up, and the bars that are drawn of it.

use std::collections::BTreeMap;

use streamgauge_core::stats::Histogram;
use streamgauge_core::stats::histogram::InvalidRange;

use crate::state::Tally;

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
        bins: usize,
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

/// Counts of values by bin.
#[derive(Debug, Clone, PartialEq)]
pub struct HistogramTally {
    shape: Shape,
    bins: Bins,
    /// What is in no bin.
    outside: Outside,
}

#[derive(Debug, Clone, PartialEq)]
enum Bins {
    Range(Histogram<Box<[u64]>>),
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

/// A bin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    /// Where it begins: of whole numbers, the number.
    pub low: f64,
    /// Where it ends: the next bin's beginning.
    pub high: f64,
    /// Values in it.
    pub count: u64,
}

impl HistogramTally {
    /// An empty one.
    ///
    /// # Errors
    /// There is no such range, or it can't be divided into so many bins.
    pub fn new(shape: Shape) -> Result<Self, InvalidRange> {
        let bins = match shape {
            Shape::Range { min, max, bins } => Bins::Range(Histogram::new(vec![0; bins].into_boxed_slice(), min, max)?),
            Shape::Integers { min, max, .. } if min > max => return Err(InvalidRange),
            Shape::Integers { .. } => Bins::Integers(BTreeMap::new()),
        };
        Ok(Self { shape, bins, outside: Outside::default() })
    }

    /// Takes values in. O(1) each; of whole numbers O(log of the bins).
    pub fn extend(&mut self, values: &[f64]) {
        match &mut self.bins {
            Bins::Range(histogram) => values.iter().for_each(|&x| histogram.push(x)),
            Bins::Integers(_) => values.iter().for_each(|&x| self.count_whole(x)),
        }
    }

    /// Counts records without a number.
    pub const fn reject(&mut self, records: u64) {
        self.outside.not_a_number = self.outside.not_a_number.saturating_add(records);
    }

    fn count_whole(&mut self, x: f64) {
        let (Shape::Integers { min, max, most }, Bins::Integers(counts)) = (self.shape, &mut self.bins) else { return };
        let counter = match whole(x) {
            Some(x) if x < min => &mut self.outside.underflow,
            Some(x) if x > max => &mut self.outside.overflow,
            Some(x) if counts.len() < most || counts.contains_key(&x) => counts.entry(x).or_default(),
            Some(_) => &mut self.outside.other,
            None if x.is_nan() => &mut self.outside.nan,
            None if x == f64::INFINITY => &mut self.outside.overflow,
            None if x == f64::NEG_INFINITY => &mut self.outside.underflow,
            None => &mut self.outside.not_whole,
        };
        *counter = counter.saturating_add(1);
    }
}

impl Tally for HistogramTally {
    type Total = Bars;

    fn total(&self) -> Bars {
        let mut outside = self.outside;
        let bins = match &self.bins {
            Bins::Range(histogram) => {
                outside.underflow = histogram.underflow();
                outside.overflow = histogram.overflow();
                outside.nan = histogram.nan();
                let edges = |bin| (histogram.edge(bin), histogram.edge(bin + 1));
                let bar = |(bin, &count): (usize, &u64)| Bar { low: edges(bin).0, high: edges(bin).1, count };
                histogram.bins().iter().enumerate().map(bar).collect()
            }
            Bins::Integers(counts) => {
                counts.iter().map(|(&x, &count)| Bar { low: x as f64, high: x as f64 + 1.0, count }).collect()
            }
        };
        Bars { shape: self.shape, bins, outside }
    }
}

impl Bars {
    /// Values in bins and beside them.
    pub fn count(&self) -> u64 {
        let outside = [self.outside.underflow, self.outside.overflow, self.outside.other];
        self.bins.iter().map(|bar| bar.count).chain(outside).fold(0, u64::saturating_add)
    }

    /// What is in no bin, with a name each.
    pub(super) fn rejected(&self) -> [(&'static str, u64); 3] {
        let Outside { not_a_number, nan, not_whole, .. } = self.outside;
        [("not_a_number", not_a_number), ("nan", nan), ("not_whole", not_whole)]
    }
}

/// A number without a fraction, as far as doubles have one each.
pub(super) fn whole(x: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (x.abs() <= EXACT && x.trunc() == x).then_some(x as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_have_a_bin_each() {
        let mut tally = HistogramTally::new(Shape::Integers { min: -1, max: 9, most: 2 }).unwrap();
        tally.extend(&[3.0, -1.0, 3.0, 4.0, -2.0, 10.0, 2.5, f64::NAN, f64::INFINITY, -0.0]);
        tally.reject(1);
        let bars = tally.total();
        let counts: Vec<_> = bars.bins.iter().map(|bar| (bar.low, bar.count)).collect();
        assert_eq!(counts, [(-1.0, 1), (3.0, 2)]);
        let outside = Outside { underflow: 1, overflow: 2, other: 2, not_whole: 1, nan: 1, not_a_number: 1 };
        assert_eq!((bars.outside, bars.count()), (outside, 8));
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
