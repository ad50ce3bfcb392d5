//! The storage of a gauge: boxes, from the budget of all topics and queues.

use streamgauge_core::gauge::{Group, Key, Measured, Pane, Storage};
use streamgauge_core::stats::graph::Edge;
use streamgauge_core::stats::space_saving::Slot;

use crate::engine::memory::{Budget, Held};

/// Takes the bytes of each box from a budget before it makes it.
#[derive(Debug)]
pub(crate) struct Boxes {
    held: Held,
}

impl Boxes {
    /// What it makes is of the budget that `held` holds something of.
    pub(crate) const fn new(held: Held) -> Self {
        Self { held }
    }

    /// What it makes is of no budget.
    pub(crate) fn unbounded() -> Self {
        Self::new(Budget::new(u64::MAX).nothing())
    }

    /// What holds the bytes of all that was made, until it is dropped.
    pub(crate) fn into_held(self) -> Held {
        self.held
    }

    fn filled<T: Clone>(&mut self, len: usize, with: T) -> Option<Box<[T]>> {
        let bytes = (len as u64).checked_mul(size_of::<T>() as u64)?;
        self.held.extend(bytes).then(|| vec![with; len].into_boxed_slice())
    }
}

impl Storage for Boxes {
    type Bins = Box<[u32]>;
    type Registers = Box<[u8]>;
    type Counts = Box<[u64]>;
    type Slots = Box<[Slot<Key>]>;
    type Edges = Box<[Slot<Edge<Key>>]>;
    type Cells = Box<[Measured<Self>]>;
    type Panes = Box<[Pane]>;
    type Groups = Box<[Group]>;

    fn bins(&mut self, len: usize) -> Option<Self::Bins> {
        self.filled(len, 0)
    }

    fn registers(&mut self, len: usize) -> Option<Self::Registers> {
        self.filled(len, 0)
    }

    fn counts(&mut self, len: usize) -> Option<Self::Counts> {
        self.filled(len, 0)
    }

    fn slots(&mut self, len: usize) -> Option<Self::Slots> {
        self.filled(len, Slot::EMPTY)
    }

    fn edges(&mut self, len: usize) -> Option<Self::Edges> {
        self.filled(len, Slot::EMPTY)
    }

    fn cells(
        &mut self,
        len: usize,
        mut make: impl FnMut(&mut Self, usize) -> Option<Measured<Self>>,
    ) -> Option<Self::Cells> {
        let bytes = (len as u64).checked_mul(size_of::<Measured<Self>>() as u64)?;
        if !self.held.extend(bytes) {
            return None;
        }
        (0..len).map(|number| make(self, number)).collect()
    }

    fn panes(&mut self, len: usize) -> Option<Self::Panes> {
        self.filled(len, Pane::EMPTY)
    }

    fn groups(&mut self, len: usize) -> Option<Self::Groups> {
        self.filled(len, Group::EMPTY)
    }
}
