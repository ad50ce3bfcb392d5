//! What is added up of a stream, in any order and any split: the measures fill it, the states keep it.
//!
//! Moments and histograms of a range are measured by gauges of the core. A graph is not: its nodes have whole names, which
//! are keys in Redis, and 7 and "7" are one of them; a gauge knows a value by a hash, its kind and its first bytes. And
//! what is on its way to Redis has to be every edge, in memory that nobody has fixed.

mod graph;
mod histogram;
mod moments;
mod numbers;

pub use graph::{Counters, GraphTally, WeightedEdges};
pub(crate) use histogram::whole;
pub use histogram::{Bars, HistogramTally, Outside, Shape};
pub use moments::{MomentsTally, Summary};

/// What can be added up, in any order and any split.
pub trait Tally {
    /// What is shown of it.
    type Total;

    /// What is shown of it, as of now.
    fn total(&self) -> Self::Total;
}
