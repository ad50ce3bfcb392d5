//! How long a reading can be.

use super::super::{Definition, Key, Measure, Scale};
use crate::engine::Name;

/// What stands around the groups: names, times and counters.
const AROUND: u64 = 1024 + 2 * Name::LONGEST as u64;

/// A value as a string: all of what is shown of it escaped, which takes six bytes for one, and its hash.
const VALUE: u64 = (6 * Key::SHOWN + '…'.len_utf8() + 16 + 2) as u64;

/// A count, and what separates it from the next.
const COUNT: u64 = 21;

/// How often something came, and by how much that may be too high: with the names of all, and what separates two.
const COUNTED: u64 = 2 * COUNT + 32;

impl Definition {
    /// No reading as one line of [JSON](super::Json) is longer than so many bytes, whatever the gauge measures. O(measures).
    ///
    /// Most readings are far shorter: this is for values whose every byte is escaped.
    #[must_use]
    pub fn longest_reading(&self) -> u64 {
        let each = self.measures.iter().map(|measure| self.longest(measure)).fold(0, u64::saturating_add);
        // One of them is `other`.
        let groups = if self.by.is_some() { u64::from(self.groups).saturating_add(1) } else { 0 };
        let grouped = groups.saturating_mul(each.saturating_add(VALUE + COUNT));
        grouped.saturating_add(each).saturating_add(AROUND)
    }

    /// The same of one measure of one group: numbers, of which none has more than 25 characters, with their names, and so
    /// many of each value, edge or bin.
    fn longest(&self, measure: Measure) -> u64 {
        let (numbers, many, each) = match measure {
            Measure::Moments | Measure::Pair => (352, 0, 0),
            Measure::Quantiles | Measure::Rate => (256, 0, 0),
            Measure::Distinct | Measure::Change => (96, 0, 0),
            Measure::Top => (64, u64::from(self.top), VALUE + COUNTED),
            Measure::Graph => (64, u64::from(self.edges), 2 * VALUE + COUNTED),
            Measure::Histogram => (192, self.histogram.bins(), COUNT),
        };
        many.saturating_mul(each).saturating_add(numbers)
    }
}

impl Scale {
    /// How many bins there are.
    fn bins(&self) -> u64 {
        match *self {
            Self::None => 0,
            Self::Range { bins, .. } => bins.into(),
            Self::Integers { low, high } => u64::from(high.abs_diff(low)).saturating_add(1),
        }
    }
}
