//! Gauges: what flows through a topic, measured where it flows, in memory that is fixed when a gauge is set up.
//!
//! | module | idea |
//! | --- | --- |
//! | [`Definition`] | what a gauge measures, of which field, in which panes; from JSON and to it |
//! | [`Gauge`] | takes messages, tells panes that are over, and is read |
//! | `taking`, `reading` | the gauge's two sides: messages in, results out |
//! | `sample`, [`Key`] | what is read of a message: numbers, values that are told apart, times |
//! | [`Named`] | what such a value is called, no two the same |
//! | `groups` | which messages are measured together |
//! | `panes` | which of them are over, and how far back a reading reaches |
//! | [`readings()`] | the topic where they are told, and whose a topic has |
//! | `rules` | what is told when it begins and when it ends |
//! | [`render()`] | readings: JSON, tables, OpenMetrics, pictures |
//! | `binary` | all of its state, to be added to another one; byte for byte |
//! | `grid`, [`Measured`] | a cell for each group in each pane, with one state a measure |
//! | [`Storage`], [`Blocks`] | where all of that is kept: a host's boxes, a firmware's blocks |
//!
//! It has no clock and allocates nothing: the time is an argument, and storage is given once. The same messages at the
//! same times give the same readings to the bit on a server, in a browser and on a microcontroller.

mod binary;
mod blocks;
mod definition;
mod grid;
mod groups;
mod hasher;
mod key;
mod measured;
mod name;
mod panes;
mod reading;
mod readings;
mod render;
mod rules;
mod sample;
mod storage;
mod taking;

pub use binary::{Described, MergeError};
pub use blocks::{Blank, Block, Blocks, Never, Pool};
pub use definition::{
    Bound, Changes, Definition, Every, Field, Last, MOST_PANES, MOST_PATH, MOST_RULES, Measure, Measures, Rule, Scale,
    Statistic, Wrong,
};
pub use groups::Group;
pub use hasher::KeyHasher;
pub use key::Key;
pub use measured::Measured;
pub use name::{KeyName, Named};
pub use panes::Pane;
pub use reading::{Reading, Span, Whose};
pub use readings::{readings, whose_readings};
pub use render::{Bar, Format, Json, render, write_alert, write_histogram, write_json, write_svg};
pub use rules::Alert;
pub use sample::Unmeasured;
pub use storage::Storage;

use core::fmt;

use crate::stats::space_saving::{Slot, SpaceSaving};
use crate::time::Time;
use grid::{Grid, Shape};
use groups::Groups;
use panes::{Came, Panes};
use rules::Watch;
use sample::{Reader, Sample};

/// A gauge: it measures the messages that it [takes](Self::take).
///
/// 1. [`take`](Self::take) each message, with the time; or [numbers](Self::take_numbers) that are in no message.
/// 2. While a pane [is over](Self::is_over), [close](Self::close) it: its reading is told once. What is not told before
///    the next message is taken is lost, and counted.
/// 3. [`read`](Self::read) it whenever someone asks.
pub struct Gauge<S: Storage> {
    definition: Definition,
    reader: Reader,
    grid: Grid<S>,
    panes: Option<Panes<S::Panes>>,
    groups: Option<Grouping<S>>,
    counters: Counters,
    watch: Watch,
    alerts: heapless::Vec<Alert, MOST_RULES>,
    /// A message that belongs to a pane for which others have to be told first.
    pending: Option<Sample>,
    /// Messages that were measured here, by which panes of messages are numbered: not those of gauges that were added.
    own: u64,
    began: Option<Time>,
    /// What is measured since the start, and when that was.
    came: Came,
    latest: Time,
}

/// What came, and what became of it.
///
/// `messages == measured + filtered + late + early + unmeasured.not_json + unmeasured.no_time`: of those that are measured
/// some have a field that is missing or no number, and count for what needs none. (A message that waits for the panes before
/// its own to be told is among the first only, until it is measured.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Messages taken.
    pub messages: u64,
    /// Those that are in a cell.
    pub measured: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The filter did not let them pass.
    pub filtered: u64,
    /// They came when their pane had been told.
    pub late: u64,
    /// Their time is yet to come, beyond what may be late.
    pub early: u64,
    /// What could not be measured.
    pub unmeasured: Unmeasured,
    /// Panes that were over and not told, or whose reading could not be [passed on](Gauge::untell).
    pub untold: u64,
    /// Messages of groups that gave way to heavier ones: they are in the group `other`.
    pub moved: u64,
    /// Messages that the topic no longer had when the gauge came to them.
    pub missed: u64,
}

impl Counters {
    const fn merge(&mut self, other: &Self) {
        self.messages = self.messages.saturating_add(other.messages);
        self.measured = self.measured.saturating_add(other.measured);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.filtered = self.filtered.saturating_add(other.filtered);
        self.late = self.late.saturating_add(other.late);
        self.early = self.early.saturating_add(other.early);
        self.unmeasured.merge(&other.unmeasured);
        self.moved = self.moved.saturating_add(other.moved);
        self.missed = self.missed.saturating_add(other.missed);
    }
}

/// The groups, and those who may become one.
struct Grouping<S: Storage> {
    held: Groups<S::Groups>,
    /// The heaviest of those that have no place.
    waiting: SpaceSaving<Key, S::Slots, KeyHasher>,
}

/// There is no room for a gauge, or it can't be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetupError {
    /// Its definition is wrong.
    Wrong(Wrong),
    /// Its storage is not given.
    NoRoom,
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong(wrong) => wrong.fmt(f),
            Self::NoRoom => f.write_str("there is no room for what the gauge would keep"),
        }
    }
}

impl core::error::Error for SetupError {}

impl<S: Storage> Gauge<S> {
    /// A gauge that has seen nothing. O(storage).
    ///
    /// # Errors
    /// There can be no such gauge, or no room for it.
    pub fn new(definition: &Definition, storage: &mut S) -> Result<Self, SetupError> {
        definition.check().map_err(SetupError::Wrong)?;
        Self::set_up(definition, storage).ok_or(SetupError::NoRoom)
    }

    /// Bytes of storage that a gauge of this definition takes, where each piece is as long as is asked for: what a host has
    /// to have left. O(measures).
    #[must_use]
    pub fn room(definition: &Definition) -> u64 {
        let shape = Shape::of(definition);
        let (rows, groups) = (shape.rows as u64, shape.groups as u64);
        let mut bytes = 0_u64;
        let mut add = |many: u64, each: u64| bytes = bytes.saturating_add(many.saturating_mul(each));
        let paned = rows.saturating_mul(groups);
        for (cells, measures) in [(paned, shape.paned), (groups, shape.lasting), (2, shape.all)] {
            for measure in measures.iter() {
                let each = Measured::<S>::room(measure, definition).saturating_add(size_of::<Measured<S>>() as u64);
                add(cells, each);
            }
        }
        if definition.every.is_some() {
            add(rows, size_of::<Pane>() as u64);
        }
        if definition.by.is_some() {
            let slots = (size_of::<Slot<Key>>() as u64).saturating_mul(2);
            add(u64::from(definition.groups), slots.saturating_add(size_of::<Group>() as u64));
        }
        bytes
    }

    /// Bytes of storage that [`merge`](Self::merge) has of a gauge of this definition at a time. O(measures).
    #[must_use]
    pub fn room_to_merge(definition: &Definition) -> u64 {
        let each = definition.measures.iter().map(|measure| Measured::<S>::room(measure, definition));
        each.max().unwrap_or(0)
    }

    fn set_up(definition: &Definition, storage: &mut S) -> Option<Self> {
        let grid = Grid::new(definition, storage)?;
        let rows = grid.shape().rows;
        let panes = match definition.every {
            Some(every) => Some(Panes::new(storage.panes(rows)?, every, definition)),
            None => None,
        };
        let groups = match definition.by {
            Some(_) => {
                let groups = usize::from(definition.groups);
                let waiting = SpaceSaving::new(storage.slots(groups.saturating_mul(2))?, KeyHasher::default());
                Some(Grouping { held: Groups::new(storage.groups(groups)?), waiting })
            }
            None => None,
        };
        Some(Self {
            definition: definition.clone(),
            reader: Reader::new(definition),
            grid,
            panes,
            groups,
            counters: Counters::default(),
            watch: Watch::default(),
            alerts: heapless::Vec::new(),
            pending: None,
            own: 0,
            began: None,
            came: Came::NOTHING,
            latest: Time::ZERO,
        })
    }

    /// What it measures.
    pub const fn definition(&self) -> &Definition {
        &self.definition
    }

    /// What came, and what became of it.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Whether a message waits for panes to be told before it can be counted. O(1).
    pub const fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// So many panes were told, and what was told could not be passed on.
    pub const fn untell(&mut self, panes: u64) {
        self.counters.untold = self.counters.untold.saturating_add(panes);
    }

    /// So many messages were lost before the gauge could take them.
    pub const fn miss(&mut self, messages: u64) {
        self.counters.missed = self.counters.missed.saturating_add(messages);
    }
}

/// The cell of the group with this number.
const fn cell_of(number: u32) -> usize {
    (number as usize).saturating_add(1)
}
