//! All the memory that there is for what gauges measure, in `static`s.

use streamgauge_core::connection::Gauges;
use streamgauge_core::gauge::{Block, Measured, Never, Pane, Pool, Storage};

/// Gauges at a time.
const GAUGES: usize = 2;
/// The measures in all cells of one gauge, and of the other.
const CELLS: [usize; GAUGES] = [12, 9];
/// Bins of quantiles, of both signs together, and how many sketches have so many.
const BINS: usize = 256;
const SKETCHES: usize = 4;
/// Bins of histograms, and how many of these there are.
const COUNTS: usize = 32;
const HISTOGRAMS: usize = 4;
/// Panes of each gauge.
const PANES: usize = 7;

/// The most blocks of a kind.
const MOST: usize = 6;

/// All gauges.
pub type Gauged = Gauges<&'static Room, GAUGES>;

/// The gauges, of which there is none yet; `None` if they were taken before.
#[inline(never)]
pub fn take() -> Option<&'static mut Gauged> {
    let room = Room::take()?;
    cortex_m::singleton!(: Gauged = Gauges::new(room))
}

/// What the gauges share. Distinct and frequent values, graphs and groups have no block, and no code either, for which this
/// chip's flash has no room. Where there is, [`Blocks`](streamgauge_core::gauge::Blocks) has all kinds.
pub struct Room {
    bins: Pool<u32, MOST>,
    counts: Pool<u64, MOST>,
    cells: Pool<Measured<&'static Self>, MOST>,
    panes: Pool<Pane, MOST>,
}

impl Room {
    /// The memory; `None` if it was taken before.
    fn take() -> Option<&'static Self> {
        let room = cortex_m::singleton!(: Room = Room {
            bins: Pool::new(),
            counts: Pool::new(),
            cells: Pool::new(),
            panes: Pool::new(),
        })?;
        room.bins.cut(cortex_m::singleton!(: [u32; BINS * SKETCHES] = [0; BINS * SKETCHES])?, BINS);
        room.counts.cut(cortex_m::singleton!(: [u64; COUNTS * HISTOGRAMS] = [0; COUNTS * HISTOGRAMS])?, COUNTS);
        room.cells
            .cut(cortex_m::singleton!(: [Measured<&'static Room>; CELLS[0]] = [Measured::BLANK; CELLS[0]])?, CELLS[0]);
        room.cells
            .cut(cortex_m::singleton!(: [Measured<&'static Room>; CELLS[1]] = [Measured::BLANK; CELLS[1]])?, CELLS[1]);
        room.panes.cut(cortex_m::singleton!(: [Pane; PANES * GAUGES] = [Pane::EMPTY; PANES * GAUGES])?, PANES);
        Some(room)
    }
}

impl Storage for &'static Room {
    type Bins = Block<u32, MOST>;
    type Registers = Never;
    type Counts = Block<u64, MOST>;
    type Slots = Never;
    type Edges = Never;
    type Cells = Block<Measured<Self>, MOST>;
    type Panes = Block<Pane, MOST>;
    type Groups = Never;

    fn bins(&mut self, len: usize) -> Option<Self::Bins> {
        self.bins.take(len)
    }

    fn registers(&mut self, _: usize) -> Option<Never> {
        None
    }

    fn counts(&mut self, len: usize) -> Option<Self::Counts> {
        self.counts.take(len)
    }

    fn slots(&mut self, _: usize) -> Option<Never> {
        None
    }

    fn edges(&mut self, _: usize) -> Option<Never> {
        None
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

    fn groups(&mut self, _: usize) -> Option<Never> {
        None
    }
}
