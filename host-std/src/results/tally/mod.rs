//! What is added up of a stream, in any order and any split: the measures fill it, the states keep it.

mod graph;
mod histogram;
mod moments;

pub use graph::{Counters, GraphTally, WeightedEdges};
pub(crate) use histogram::whole;
pub use histogram::{Bar, Bars, HistogramTally, Outside, Shape};
pub use moments::MomentsTally;

/// What can be added up, in any order and any split.
pub trait Tally {
    /// What is shown of it.
    type Total;

    /// What is shown of it, as of now.
    fn total(&self) -> Self::Total;
}
