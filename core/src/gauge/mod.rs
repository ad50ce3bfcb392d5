//! Gauges: what flows through a topic, measured where it flows, in memory that is fixed when a gauge is set up.
//!
//! | module | idea |
//! | --- | --- |
//! | [`Definition`] | what a gauge measures, of which field, in which panes; from JSON and to it |
//! | [`Gauge`] | takes messages, tells panes that are over, and is read |
//! | `sample`, [`Key`] | what is read of a message: numbers, values that are told apart, times |
//! | `groups` | which messages are measured together |
//! | `panes` | which of them are over, and how far back a reading reaches |
//! | `rules` | what is told when it begins and when it ends |
//! | [`render()`] | readings: JSON, tables, OpenMetrics, pictures |
//! | `binary` | all of its state, to be added to another one; byte for byte |
//! | `grid`, [`Measured`] | a cell for each group in each pane, with one state a measure |
//! | [`Storage`] | where all of that is kept: a host's boxes, a firmware's arrays |
//!
//! It has no clock and allocates nothing: the time is an argument, and storage is given once. The same messages at the
//! same times give the same readings to the bit on a server, in a browser and on a microcontroller.

mod binary;
mod definition;
mod grid;
mod groups;
mod hasher;
mod key;
mod measured;
mod panes;
mod render;
mod rules;
mod sample;
mod storage;

pub use binary::{Described, MergeError};
pub use definition::{
    Bound, Changes, Definition, Every, Field, Last, MOST_PANES, MOST_PATH, MOST_RULES, Measure, Measures, Rule, Scale,
    Statistic, Wrong,
};
pub use groups::Group;
pub use hasher::KeyHasher;
pub use key::Key;
pub use measured::Measured;
pub use panes::Pane;
pub use render::{Format, Json, render, write_alert};
pub use rules::Alert;
pub use sample::Unmeasured;
pub use storage::Storage;

use core::fmt;

use crate::stats::space_saving::SpaceSaving;
use crate::time::Time;
use grid::{At, Grid};
use groups::{Groups, Placed};
use panes::{Belongs, Panes};
use rules::Watch;
use sample::{Read, Reader, Sample};

/// A gauge: it measures the messages that it [takes](Self::take).
///
/// 1. [`take`](Self::take) each message, with the time.
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
    /// The row of the pane in which another gauge is being added.
    merging: Option<usize>,
    began: Option<Time>,
    latest: Time,
}

/// What came, and what became of it.
///
/// `messages == measured + filtered + late + early + unmeasured.not_json + unmeasured.no_time`: of those that are measured
/// some have a field that is missing or no number, and count for what needs none.
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
    /// Panes that were over and not told.
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

/// What a reading is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// As far back as the gauge reaches.
    Window,
    /// One pane.
    Pane(u64),
}

/// A reading, beside what is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading<'a> {
    /// What the gauge measures.
    pub definition: &'a Definition,
    /// What it has counted since the start.
    pub counters: &'a Counters,
    /// When what is read begins.
    pub from: Time,
    /// When it ends.
    pub to: Time,
    /// Messages in it.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Whose results they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose<'a> {
    /// Those of a group.
    Group(&'a Key),
    /// Those of all messages that are in no group.
    Other,
    /// Those of all.
    All,
}

impl<S: Storage> Gauge<S> {
    /// A gauge that has seen nothing. O(storage).
    ///
    /// # Errors
    /// There can be no such gauge, or no room for it.
    pub fn new(definition: &Definition, storage: &mut S) -> Result<Self, SetupError> {
        definition.check().map_err(SetupError::Wrong)?;
        Self::set_up(definition, storage).ok_or(SetupError::NoRoom)
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
            merging: None,
            began: None,
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

    /// So many messages were lost before the gauge could take them.
    pub const fn miss(&mut self, messages: u64) {
        self.counters.missed = self.counters.missed.saturating_add(messages);
    }

    /// Measures a message that came `now`. O(bytes), and what each measure takes.
    pub fn take(&mut self, message: &[u8], now: Time) {
        while let Some(pane) = self.over(now) {
            self.counters.untold = self.counters.untold.saturating_add(1);
            self.finish(pane, now);
        }
        let now = self.pass(now);
        self.counters.messages = self.counters.messages.saturating_add(1);
        match self.reader.read(message, now, &mut self.counters.unmeasured) {
            Read::Sample(sample) => self.place(sample, now),
            Read::Filtered => self.counters.filtered = self.counters.filtered.saturating_add(1),
            Read::Nothing => {}
        }
    }

    /// Whether a pane is over and has not been told.
    pub fn is_over(&self, now: Time) -> bool {
        self.over(now).is_some()
    }

    /// When the next pane is over though no message comes; `None` if that is told by messages alone.
    pub fn next_over(&self) -> Option<Time> {
        self.panes.as_ref()?.next_over()
    }

    /// Tells the pane that is over: its reading goes to `tell`, part by part as with [`read`](Self::read), and which rules
    /// begin to hold or have ended is [kept](Self::take_alerts). O(1) if there is none.
    pub fn close(&mut self, now: Time, tell: impl FnMut(&Reading<'_>, Whose<'_>, &mut [Measured<S>])) {
        let Some(pane) = self.over(now) else { return };
        self.read(Span::Pane(pane), now, tell);
        self.look_at_rules(pane, now);
        self.finish(pane, now);
    }

    /// What the rules had to tell since the last call, for each at most one thing a pane. O(1).
    pub fn take_alerts(&mut self) -> heapless::Vec<Alert, MOST_RULES> {
        core::mem::take(&mut self.alerts)
    }

    /// Looks whether rules hold as a pane ends: over all that a reading reaches back to.
    fn look_at_rules(&mut self, pane: u64, now: Time) {
        if self.definition.rules.is_empty() {
            return;
        }
        let end = self.panes.as_ref().and_then(|panes| panes.bounds(pane)).map_or(now, |(_, end)| end);
        let mut values = [None; MOST_RULES];
        let rules = self.definition.rules.clone();
        self.read_until(Some(pane), Span::Window, now, |_, whose, cell| {
            if matches!(whose, Whose::All) {
                for (value, rule) in values.iter_mut().zip(&rules) {
                    *value = rules::value(rule, cell, end);
                }
            }
        });
        self.alerts.clear();
        for (number, (rule, value)) in rules.iter().zip(values).enumerate() {
            if let Some(alert) = self.watch.look(number, rule, value, end) {
                let _ = self.alerts.push(alert);
            }
        }
    }

    fn over(&self, now: Time) -> Option<u64> {
        self.panes.as_ref()?.over(self.latest.max(now), self.counters.measured)
    }

    fn pass(&mut self, now: Time) -> Time {
        self.latest = self.latest.max(now);
        self.began.get_or_insert(self.latest);
        self.latest
    }

    /// A pane is told: where readings reach to the start its cells are added to those that last.
    fn finish(&mut self, pane: u64, now: Time) {
        let now = self.pass(now);
        let Some(panes) = &mut self.panes else { return };
        if self.definition.last.is_none()
            && let Some(row) = panes.row_of(pane)
        {
            for group in 0..self.grid.shape().groups {
                let at = At::Pane { row, group };
                self.grid.merge(at, At::Lasting { group });
                self.grid.clear(at);
            }
            panes.forget(row);
        }
        panes.told(pane, now, self.counters.measured);
        if let Some(sample) = self.pending.take() {
            self.place(sample, now);
        }
    }

    /// Measures what was read of a message.
    fn place(&mut self, sample: Sample, now: Time) {
        let counters = &mut self.counters;
        let (time, before) = (sample.time, counters.measured);
        let row = match &mut self.panes {
            None => None,
            Some(panes) => {
                if self.definition.time.is_some() && is_yet_to_come(time, now, &self.definition) {
                    counters.early = counters.early.saturating_add(1);
                    return;
                }
                panes.begin(time, before);
                match panes.belongs(time, before) {
                    Belongs::Late => {
                        counters.late = counters.late.saturating_add(1);
                        return;
                    }
                    Belongs::Ahead => {
                        self.pending = Some(sample);
                        return;
                    }
                    Belongs::Row { row, fresh } => {
                        if fresh {
                            (0..self.grid.shape().groups).for_each(|group| self.grid.clear(At::Pane { row, group }));
                        }
                        panes.count(row, time, before, sample.bytes);
                        Some(row)
                    }
                }
            }
        };
        counters.measured = counters.measured.saturating_add(1);
        counters.bytes = counters.bytes.saturating_add(sample.bytes);
        let group = self.group_of(&sample);
        if let Some(row) = row {
            self.grid.cell_mut(At::Pane { row, group }).iter_mut().for_each(|measured| measured.take(&sample));
        }
        let is_paned = row.is_some();
        for measured in self.grid.cell_mut(At::Lasting { group }) {
            if !is_paned || measured.is_lasting() {
                measured.take(&sample);
            }
        }
    }

    /// The cell that a message belongs to: 0 for those that are in no group.
    fn group_of(&mut self, sample: &Sample) -> usize {
        let (Some(groups), Some(key)) = (&mut self.groups, &sample.by) else { return 0 };
        if let Placed::In(number) = groups.held.place(key) {
            return cell_of(number);
        }
        groups.waiting.add(*key, 1);
        let weight = groups.waiting.get(key).map_or(0, |counted| counted.weight.saturating_sub(counted.error));
        let Some(number) = groups.held.gives_way(weight) else { return 0 };
        if let Some((left, messages)) = groups.held.replace(number, key, weight) {
            groups.waiting.add(left, messages);
            self.counters.moved = self.counters.moved.saturating_add(messages);
        }
        self.move_to_other(cell_of(number));
        cell_of(number)
    }

    /// Adds all that a group has to those who are in none.
    fn move_to_other(&mut self, group: usize) {
        for row in 0..self.grid.shape().rows {
            self.grid.merge(At::Pane { row, group }, At::Pane { row, group: 0 });
            self.grid.clear(At::Pane { row, group });
        }
        self.grid.merge(At::Lasting { group }, At::Lasting { group: 0 });
        self.grid.clear(At::Lasting { group });
    }

    /// Reads what is measured: `each` is called for every group in no order, for the messages that are in none, and last
    /// for all together; a gauge without groups has only the last. O(groups × panes × state).
    pub fn read(&mut self, span: Span, now: Time, each: impl FnMut(&Reading<'_>, Whose<'_>, &mut [Measured<S>])) {
        self.read_until(None, span, now, each);
    }

    /// Reads the panes that a reading reaches back to one by one, in their order, each of all groups together: how many
    /// messages came, and what was measured. O(groups × panes × state).
    pub fn read_panes(&mut self, now: Time, mut each: impl FnMut(u64, &[Measured<S>])) {
        let now = self.latest.max(now);
        let Some(panes) = &self.panes else { return };
        let (first, last) = panes.window(self.back(), now, self.counters.measured);
        let rows = self.grid.shape().rows as u64;
        for pane in first.max(last.saturating_sub(rows.saturating_sub(1)))..=last {
            self.grid.clear(At::Total);
            let row = self.panes.as_ref().and_then(|panes| panes.row_of(pane));
            let messages = row.and_then(|row| Some(self.panes.as_ref()?.get(row).messages()));
            if let Some(row) = row {
                for group in 0..self.grid.shape().groups {
                    self.grid.merge(At::Pane { row, group }, At::Total);
                }
            }
            each(messages.unwrap_or(0), self.grid.cell(At::Total));
        }
    }

    /// [`read`](Self::read), as if no pane behind `until` had begun.
    fn read_until(
        &mut self,
        until: Option<u64>,
        span: Span,
        now: Time,
        mut each: impl FnMut(&Reading<'_>, Whose<'_>, &mut [Measured<S>]),
    ) {
        let now = self.latest.max(now);
        let shape = *self.grid.shape();
        let (first, last) = match (span, &self.panes) {
            (Span::Pane(pane), _) => (pane, pane),
            (Span::Window, Some(panes)) => match (until, self.back()) {
                // No part of another pane is among them.
                (Some(until), back) => (back.map_or(0, |back| until.saturating_add(1).saturating_sub(back)), until),
                (None, back) => panes.window(back, now, self.counters.measured),
            },
            (Span::Window, None) => (0, 0),
        };
        let spanned = self.describe((first, last), now);
        let is_grouped = self.groups.is_some();
        self.grid.clear(At::Total);
        let groups = self.groups.as_ref().map_or(0, |groups| groups.held.len() as usize);
        // The one for those who are in none comes behind the groups.
        for group in (1..=groups).chain([0]) {
            self.grid.clear(At::Sum);
            let is_all = span == Span::Window;
            self.grid.merge_some(At::Lasting { group }, At::Sum, |measured| is_all || measured.is_lasting());
            for row in 0..shape.rows {
                let number = self.panes.as_ref().map(|panes| panes.get(row).number());
                if number.is_some_and(|number| number >= first && number <= last) {
                    self.grid.merge(At::Pane { row, group }, At::Sum);
                }
            }
            self.grid.merge(At::Sum, At::Total);
            if is_grouped {
                let key = group.checked_sub(1).and_then(|number| self.groups.as_ref()?.held.key(number as u32));
                let reading = spanned.of(&self.definition, &self.counters);
                each(&reading, key.map_or(Whose::Other, Whose::Group), self.grid.cell_mut(At::Sum));
            }
        }
        let reading = spanned.of(&self.definition, &self.counters);
        each(&reading, Whose::All, self.grid.cell_mut(At::Total));
    }

    /// How many cells a reading of all groups tells, without that of all of them together.
    fn cells_told(&self) -> u32 {
        self.groups.as_ref().map_or(0, |groups| groups.held.len()).saturating_add(1)
    }

    /// Counts what another gauge has counted; its cells follow.
    fn begin_to_merge(&mut self, counters: &Counters, now: Time) {
        let now = self.pass(now);
        if let Some(panes) = &mut self.panes {
            panes.begin(now, self.counters.measured);
            if self.definition.last.is_some()
                && let Belongs::Row { row, fresh } = panes.belongs(now, self.counters.measured)
            {
                if fresh {
                    (0..self.grid.shape().groups).for_each(|group| self.grid.clear(At::Pane { row, group }));
                }
                panes.add(row, now, self.counters.measured, (counters.measured, counters.bytes));
                self.merging = Some(row);
            }
        }
        self.counters.merge(counters);
    }

    /// Adds what another gauge has measured of a group, or of those in none.
    fn add(&mut self, key: Option<&Key>, measured: &Measured<S>) {
        let group = match (key, &mut self.groups) {
            (Some(key), Some(groups)) => groups.held.find_or_insert(key).map_or(0, cell_of),
            _ => 0,
        };
        let at = match self.merging.filter(|_| !measured.is_lasting()) {
            Some(row) => At::Pane { row, group },
            None => At::Lasting { group },
        };
        if let Some(same) = self.grid.cell_mut(at).iter_mut().find(|same| same.is_like(measured)) {
            same.merge(measured);
        }
    }

    /// How many panes before the newest one a reading reaches back; `None`: to the start.
    fn back(&self) -> Option<u64> {
        self.definition.every?.panes(self.definition.last?)
    }

    fn describe(&self, (first, last): (u64, u64), now: Time) -> Spanned {
        let began = self.began.unwrap_or(now);
        let Some(panes) = &self.panes else {
            return Spanned { from: began, to: now, messages: self.counters.measured, bytes: self.counters.bytes };
        };
        let rows = (0..self.grid.shape().rows).map(|row| panes.get(row));
        let within = rows.filter(|pane| pane.number() >= first && pane.number() <= last);
        let (mut messages, mut bytes) = (0_u64, 0_u64);
        for pane in within {
            messages = messages.saturating_add(pane.messages());
            bytes = bytes.saturating_add(pane.bytes());
        }
        if first == 0 && self.definition.last.is_none() {
            (messages, bytes) = (self.counters.measured, self.counters.bytes);
        }
        let is_by_field = self.definition.time.is_some();
        let begin = panes.bounds(first).map_or(began, |(begin, _)| begin);
        let end = panes.bounds(last).map_or(now, |(_, end)| end);
        // Before it was set up nothing was measured, and what is to come has not been yet.
        let from = if is_by_field && first > 0 { begin } else { begin.max(began) };
        let to = if is_by_field { end } else { end.min(now) };
        Spanned { from, to: to.max(from), messages, bytes }
    }
}

impl Spanned {
    const fn of<'a>(&self, definition: &'a Definition, counters: &'a Counters) -> Reading<'a> {
        let Self { from, to, messages, bytes } = *self;
        Reading { definition, counters, from, to, messages, bytes }
    }
}

/// Whether a message says of itself that it is yet to come, beyond what may be late.
fn is_yet_to_come(time: Time, now: Time, definition: &Definition) -> bool {
    let pane = match definition.every {
        Some(Every::Time(pane)) => pane,
        Some(Every::Messages(_)) | None => return false,
    };
    time > now.after(definition.lateness).after(pane)
}

/// What is known of a span without looking at a cell.
#[derive(Debug, Clone, Copy)]
struct Spanned {
    from: Time,
    to: Time,
    messages: u64,
    bytes: u64,
}

/// The cell of the group with this number.
const fn cell_of(number: u32) -> usize {
    (number as usize).saturating_add(1)
}
