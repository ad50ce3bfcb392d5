//! What a gauge measures, and where.
//!
//! | file | idea |
//! | --- | --- |
//! | `change`, `measures`, `rule`, `window` | parts of a [`Definition`] |
//! | `check` | whether there can be such a gauge |
//! | `read`, `write` | a definition from JSON, and to it |
//! | `setting`, `wrong` | settings by name; what one of them is not |

mod change;
mod check;
mod measures;
mod read;
mod rule;
mod setting;
mod window;
mod write;
mod wrong;

pub use change::Changes;
pub use measures::{Measure, Measures};
pub use rule::{Bound, MOST_RULES, Rule, Statistic};
pub use window::{Every, Last, MOST_PANES};
pub use wrong::Wrong;

pub(super) use window::millis;

use setting::Setting;

use core::time::Duration;

use crate::engine::{Filter, Name, Short};

/// The longest path of a field, in bytes.
pub const MOST_PATH: usize = 64;

/// Where a field is, as a definition keeps it.
pub type Field = Short<MOST_PATH>;

/// What a gauge measures: settings by value, of which each gauge has one.
///
/// One that is [valid](Self::check) says how much storage it needs, and two gauges merge when their definitions
/// [measure the same](Self::measures_like). It is [read](Self::from_json) from JSON and [written](Self::write_json) as it.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// The topic that it stands in.
    pub topic: Name,
    /// Which messages it measures; the others pass by, and are counted.
    pub filter: Filter,
    /// The field that is measured; without one, the message itself.
    pub field: Option<Field>,
    /// The second field, of a pair or where an edge leads.
    pub with: Option<Field>,
    /// The field by whose values messages are grouped.
    pub by: Option<Field>,
    /// Groups at the same time; what is in none is in a group of its own, `other`.
    pub groups: u16,
    /// What is measured.
    pub measures: Measures,
    /// The relative error of quantiles.
    pub accuracy: f64,
    /// Bins of each sign, for quantiles.
    pub bins: u16,
    /// Distinct values: 2^precision registers. It is 4 at least: in fewer registers the error is 1.07 of what theory says.
    pub precision: u8,
    /// How many of the most frequent values are held.
    pub top: u16,
    /// How many edges of a graph are held.
    pub edges: u32,
    /// Whether an edge from a to b is another one than from b to a.
    pub directed: bool,
    /// Where the bins of a histogram are.
    pub histogram: Scale,
    /// What is taken for a change.
    pub change: Changes,
    /// How long a pane is.
    pub every: Option<Every>,
    /// How far back a reading reaches; without it, to the start.
    pub last: Option<Last>,
    /// The field that says when a message was, as seconds or milliseconds since 1970 or in RFC 3339; without one it is
    /// when the message came. One that is yet to come by more than a pane and [`lateness`](Self::lateness), or by a minute
    /// where there are no panes, is counted and not measured.
    pub time: Option<Field>,
    /// For so long a pane that is over still takes messages that come late.
    pub lateness: Duration,
    /// That it measures what all servers publish that have its topic together. They all see every message, so it does so
    /// said or not: a definition is good for any of them.
    pub shared: bool,
    /// What is told when it begins and when it ends.
    pub rules: heapless::Vec<Rule, MOST_RULES>,
}

/// Where the bins of a histogram are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scale {
    /// Nowhere: there is no histogram.
    None,
    /// So many of equal width over `[low, high)`.
    Range {
        /// Where the first begins.
        low: f64,
        /// Where the last ends.
        high: f64,
        /// How many.
        bins: u32,
    },
    /// One for each whole number from `low` to `high`.
    Integers {
        /// The least.
        low: i32,
        /// The largest.
        high: i32,
    },
}

impl Definition {
    /// The settings that a gauge has which was not told otherwise; what it measures has to be said.
    #[must_use]
    pub const fn new(topic: Name, measures: Measures) -> Self {
        Self {
            topic,
            filter: Filter::NONE,
            field: None,
            with: None,
            by: None,
            groups: 64,
            measures,
            accuracy: 0.01,
            bins: 1024,
            precision: 11,
            top: 32,
            edges: 1024,
            directed: true,
            histogram: Scale::None,
            change: Changes::DEFAULT,
            every: None,
            last: None,
            time: None,
            lateness: Duration::ZERO,
            shared: false,
            rules: heapless::Vec::new(),
        }
    }

    /// Whether gauges of both measure the same, so that what one has measured can be added to the other: the same fields
    /// ([`field`](Self::field), [`with`](Self::with), [`by`](Self::by)), the same measures, and the same settings of each
    /// of them. O(1).
    ///
    /// Settings of what neither measures don't count. Nor does where and when it was measured: topic, filter, panes,
    /// and rules are what tells two gauges apart that are added up. Whether a field tells the time counts, and not which:
    /// when messages came is no time of the stream. The most groups count where there are any: gauges that hold more or
    /// fewer would not be the same in either order.
    #[must_use]
    pub fn measures_like(&self, other: &Self) -> bool {
        let has = |measure| self.measures.has(measure);
        self.measures == other.measures
            && (self.field, self.with, self.by) == (other.field, other.with, other.by)
            && self.time.is_some() == other.time.is_some()
            && (self.by.is_none() || self.groups == other.groups)
            && (!has(Measure::Quantiles) || (self.accuracy, self.bins) == (other.accuracy, other.bins))
            && (!has(Measure::Distinct) || self.precision == other.precision)
            && (!has(Measure::Top) || self.top == other.top)
            && (!has(Measure::Graph) || (self.edges, self.directed) == (other.edges, other.directed))
            && (!has(Measure::Histogram) || self.histogram == other.histogram)
            && (!has(Measure::Change) || self.change == other.change)
    }
}
