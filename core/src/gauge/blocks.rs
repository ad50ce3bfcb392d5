//! A gauge's storage where nothing is allocated: blocks that are given once, and come back.

use core::cell::Cell;

use critical_section::Mutex;

use super::groups::Group;
use super::key::Key;
use super::measured::Measured;
use super::panes::Pane;
use super::storage::Storage;
use crate::stats::graph::Edge;
use crate::stats::space_saving::Slot;

/// Blocks of every kind that gauges need, at most `N` of each, for all gauges of a microcontroller.
///
/// Each state of a measure takes a block of its kind; so do the cells, the panes and the groups of a gauge. A gauge that
/// is dropped gives all of them back. A kind that has no block is one that no gauge can measure there.
///
/// ```
/// use streamgauge_core::gauge::{Blocks, Definition, Gauge, Measured, SetupError};
///
/// // On a microcontroller both are `cortex_m::singleton!`s.
/// let blocks: &'static Blocks<4> = Box::leak(Box::new(Blocks::new()));
/// blocks.cells.cut(Box::leak(Box::new([const { Measured::BLANK }; 12])), 12);
/// blocks.bins.cut(Box::leak(Box::new([0; 3 * 128])), 128);
///
/// let set_up = |definition: &[u8]| Gauge::new(&Definition::from_json(definition).unwrap(), &mut &*blocks);
/// let definition = br#"{"field":"t","measure":["moments","quantiles"],"bins":64}"#;
/// let first = set_up(definition).unwrap();
/// assert_eq!(set_up(definition).err(), Some(SetupError::NoRoom));
/// drop(first);
/// assert!(set_up(definition).is_ok());
/// ```
pub struct Blocks<const N: usize> {
    /// Bins of quantiles: twice as many as the definition has for a sign.
    pub bins: Pool<u32, N>,
    /// Registers of distinct values.
    pub registers: Pool<u8, N>,
    /// Bins of histograms.
    pub counts: Pool<u64, N>,
    /// Frequent values; of groups, those who wait for a place.
    pub slots: Pool<Slot<Key>, N>,
    /// Edges of graphs.
    pub edges: Pool<Slot<Edge<Key>>, N>,
    /// What is measured: `(rows * paned + lasting) * places + 2 * all` of each gauge. `all` is the number of its measures.
    /// `rows` is 0 without `every`, else one more than the panes that `last` and `lateness` reach over; `places` is 1 without
    /// `by`, else one more than `groups`. `paned` counts the measures but for rates and changes, which go on over panes:
    /// with `last` they alone are `lasting`, without it all are.
    pub cells: Pool<Measured<&'static Self>, N>,
    /// Panes: `rows` of each gauge.
    pub panes: Pool<Pane, N>,
    /// Groups: `groups` of each gauge.
    pub groups: Pool<Group, N>,
}

impl<const N: usize> Blocks<N> {
    /// No block of any kind.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            bins: Pool::new(),
            registers: Pool::new(),
            counts: Pool::new(),
            slots: Pool::new(),
            edges: Pool::new(),
            cells: Pool::new(),
            panes: Pool::new(),
            groups: Pool::new(),
        }
    }
}

impl<const N: usize> Default for Blocks<N> {
    fn default() -> Self {
        Self::new()
    }
}

/// Blocks of one kind that nobody has.
///
/// They are behind a critical section, so that tasks and interrupts may each have gauges of the same blocks, or hand one
/// over.
pub struct Pool<T: 'static, const N: usize> {
    free: Mutex<Cell<Free<T, N>>>,
}

type Free<T, const N: usize> = heapless::Vec<&'static mut [T], N>;

impl<T: Blank, const N: usize> Pool<T, N> {
    /// No block.
    #[must_use]
    pub const fn new() -> Self {
        Self { free: Mutex::new(Cell::new(heapless::Vec::new())) }
    }

    /// Cuts `storage` into blocks of so many, the last of which may be shorter; returns how many blocks it became: those
    /// beyond `N` have no place. O(blocks).
    pub fn cut(&self, storage: &'static mut [T], len: usize) -> usize {
        storage.chunks_mut(len.max(1)).map(|block| usize::from(self.give(block))).sum()
    }

    /// How many blocks nobody has. O(N).
    pub fn len(&self) -> usize {
        self.with(|free| free.len())
    }

    /// Whether somebody has each of them. O(N).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The shortest block that is long enough. O(N).
    pub fn take(&'static self, len: usize) -> Option<Block<T, N>> {
        let room = self.with(|free| {
            let enough = free.iter().enumerate().filter(|(_, block)| block.len() >= len);
            let (at, _) = enough.min_by_key(|(_, block)| block.len())?;
            let last = free.pop()?;
            // The last takes the place of the one that leaves, unless it is that one.
            Some(match free.get_mut(at) {
                Some(block) => core::mem::replace(block, last),
                None => last,
            })
        })?;
        Some(Block { pool: self, room, len })
    }

    fn give(&self, block: &'static mut [T]) -> bool {
        self.with(|free| free.push(block).is_ok())
    }

    /// Nobody else has what is free meanwhile. O(N) beside what `f` does.
    fn with<R>(&self, f: impl FnOnce(&mut Free<T, N>) -> R) -> R {
        critical_section::with(|section| {
            let cell = self.free.borrow(section);
            let mut free = cell.take();
            let result = f(&mut free);
            cell.set(free);
            result
        })
    }
}

impl<T: Blank, const N: usize> Default for Pool<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

/// The first so many of a block, which goes back when this is dropped.
pub struct Block<T: Blank, const N: usize> {
    pool: &'static Pool<T, N>,
    room: &'static mut [T],
    len: usize,
}

impl<T: Blank, const N: usize> AsRef<[T]> for Block<T, N> {
    fn as_ref(&self) -> &[T] {
        self.room.get(..self.len).unwrap_or_default()
    }
}

impl<T: Blank, const N: usize> AsMut<[T]> for Block<T, N> {
    fn as_mut(&mut self) -> &mut [T] {
        self.room.get_mut(..self.len).unwrap_or_default()
    }
}

impl<T: Blank, const N: usize> Drop for Block<T, N> {
    fn drop(&mut self) {
        // What is measured in a cell has blocks of its own, which go back with it.
        self.as_mut().fill_with(|| T::BLANK);
        self.pool.give(core::mem::take(&mut self.room));
    }
}

/// The storage of a kind that there is none of: what would measure with it is not even linked.
pub enum Never {}

impl<T> AsRef<[T]> for Never {
    fn as_ref(&self) -> &[T] {
        match *self {}
    }
}

impl<T> AsMut<[T]> for Never {
    fn as_mut(&mut self) -> &mut [T] {
        match *self {}
    }
}

/// What there are blocks of.
pub trait Blank: Sized + 'static {
    /// What is in a block that nobody has.
    const BLANK: Self;
}

impl Blank for u8 {
    const BLANK: Self = 0;
}

impl Blank for u32 {
    const BLANK: Self = 0;
}

impl Blank for u64 {
    const BLANK: Self = 0;
}

impl<K: 'static> Blank for Slot<K> {
    const BLANK: Self = Self::EMPTY;
}

impl Blank for Pane {
    const BLANK: Self = Self::EMPTY;
}

impl Blank for Group {
    const BLANK: Self = Self::EMPTY;
}

impl<S: Storage + 'static> Blank for Measured<S> {
    const BLANK: Self = Self::BLANK;
}

impl<const N: usize> Storage for &'static Blocks<N> {
    type Bins = Block<u32, N>;
    type Registers = Block<u8, N>;
    type Counts = Block<u64, N>;
    type Slots = Block<Slot<Key>, N>;
    type Edges = Block<Slot<Edge<Key>>, N>;
    type Cells = Block<Measured<Self>, N>;
    type Panes = Block<Pane, N>;
    type Groups = Block<Group, N>;

    fn bins(&mut self, len: usize) -> Option<Self::Bins> {
        self.bins.take(len)
    }

    fn registers(&mut self, len: usize) -> Option<Self::Registers> {
        self.registers.take(len)
    }

    fn counts(&mut self, len: usize) -> Option<Self::Counts> {
        self.counts.take(len)
    }

    fn slots(&mut self, len: usize) -> Option<Self::Slots> {
        self.slots.take(len)
    }

    fn edges(&mut self, len: usize) -> Option<Self::Edges> {
        self.edges.take(len)
    }

    fn cells(
        &mut self,
        len: usize,
        mut make: impl FnMut(&mut Self, usize) -> Option<Measured<Self>>,
    ) -> Option<Self::Cells> {
        let mut cells = self.cells.take(len)?;
        for (number, cell) in cells.as_mut().iter_mut().enumerate() {
            *cell = make(self, number)?;
        }
        Some(cells)
    }

    fn panes(&mut self, len: usize) -> Option<Self::Panes> {
        self.panes.take(len)
    }

    fn groups(&mut self, len: usize) -> Option<Self::Groups> {
        self.groups.take(len)
    }
}
