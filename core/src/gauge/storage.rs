//! Where gauges keep what they have seen.

use super::groups::Group;
use super::key::Key;
use super::measured::Measured;
use super::panes::Pane;
use crate::stats::graph::Edge;
use crate::stats::space_saving::Slot;

/// Gives a gauge its storage, once, when it is set up; each has exactly the length that is asked for, whatever is in it.
///
/// A host counts the bytes, and gives `None` where there is no room.
pub trait Storage: Sized {
    /// Bins of quantiles.
    type Bins: AsRef<[u32]> + AsMut<[u32]>;
    /// Registers of distinct values.
    type Registers: AsRef<[u8]> + AsMut<[u8]>;
    /// Bins of histograms.
    type Counts: AsRef<[u64]> + AsMut<[u64]>;
    /// Frequent values.
    type Slots: AsRef<[Slot<Key>]> + AsMut<[Slot<Key>]>;
    /// Edges of a graph.
    type Edges: AsRef<[Slot<Edge<Key>>]> + AsMut<[Slot<Edge<Key>>]>;
    /// What is measured, of each group in each pane.
    type Cells: AsRef<[Measured<Self>]> + AsMut<[Measured<Self>]>;
    /// The panes.
    type Panes: AsRef<[Pane]> + AsMut<[Pane]>;
    /// The groups.
    type Groups: AsRef<[Group]> + AsMut<[Group]>;

    /// So many bins.
    fn bins(&mut self, len: usize) -> Option<Self::Bins>;
    /// So many registers.
    fn registers(&mut self, len: usize) -> Option<Self::Registers>;
    /// So many counts.
    fn counts(&mut self, len: usize) -> Option<Self::Counts>;
    /// So many slots.
    fn slots(&mut self, len: usize) -> Option<Self::Slots>;
    /// So many slots for edges.
    fn edges(&mut self, len: usize) -> Option<Self::Edges>;
    /// So many cells, as `make` makes them; `None` as well when that gives none.
    fn cells(
        &mut self,
        len: usize,
        make: impl FnMut(&mut Self, usize) -> Option<Measured<Self>>,
    ) -> Option<Self::Cells>;
    /// So many panes.
    fn panes(&mut self, len: usize) -> Option<Self::Panes>;
    /// So many groups.
    fn groups(&mut self, len: usize) -> Option<Self::Groups>;
}
