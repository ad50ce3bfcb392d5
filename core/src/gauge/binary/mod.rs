//! The binary form of a gauge: all that is needed to add it to another one, the same bytes on every machine.
//!
//! Whole numbers are little-endian, `f64`s the bits of theirs as a `u64`.
//!
//! | bytes | what |
//! | --- | --- |
//! | 4 | `SGG1`: the form, and its version |
//! | 4, n | length of the definition, and the definition as JSON |
//! | 8 × 13 | counters: messages, measured, bytes, filtered, late, early, not JSON, missing, not a number, infinite, without a time, moved, missed; of a window the first three are of its own messages, and the others 0 |
//! | 8, 8 | from when to when, in milliseconds |
//! | 4 | number of cells |
//! | … | each cell: whose it is (0: of those in no group; 1, a value and its messages (8) since it has a place: of a group), then what is measured of it, in the order of [`Measure::ALL`](super::Measure::ALL) |
//! | 8 | XXH3, 64 bits, of everything before it |
//!
//! A value is its hash (8), its kind (1: 0 text, 1 a text that is cut, 2 number, 3 `true` or `false`), the length of what
//! is shown of it (1) and that. What is measured:
//!
//! | measure | bytes |
//! | --- | --- |
//! | moments | the [parts](crate::stats::moments::Parts), in their order: 8, 8, 8, 4, 8, 8 × 8, 8, 8, 8 |
//! | quantiles | the [numbers](crate::stats::quantiles::Numbers) without the accuracy: zeros, NaN, ∞, -∞ (8 each), and for each sign count (8), least (8), greatest (8), collapsed (4), collapsed to (4); then the number (4) of the bins that are not empty, and of each its place (4) and count (4) |
//! | distinct | the registers |
//! | top, graph | total (8), evicted (8), floor (8), the number of keys (4), and of each the value, or two, its weight (8) and error (8) |
//! | histogram | below, above, what is no integer (8 each), the number (4) of the bins that are not empty, and of each its place (4) and count (8) |
//! | rate | the [parts](crate::stats::rate::Parts): 8, 8, 8, 8 × 6, 8 × 6 |
//! | change | the [parts](crate::stats::change::Parts): 8, 8, 8, 16, 16, 8, 8, 8, 8, 8, 8 |
//! | pair | the [parts](crate::stats::pair::Parts): 8; 8, 8, 4, 8, 8 × 4 for x and the same for y; 8 × 2, 8, 8 |
//!
//! Where they are kept makes no difference: a gauge of windows writes what it would [read](super::Gauge::read).

mod cells;
mod input;
mod output;

use core::fmt;

use embedded_io::Write;

use super::definition::millis;
use super::grid::At;
use super::groups::Placed;
use super::panes::{Belongs, Came};
use super::{Counters, Definition, Every, Gauge, Key, Measured, Span, Storage, Unmeasured, Whose, cell_of};
use crate::time::Time;
pub(super) use input::Input;
pub(super) use output::Output;

const MAGIC: &[u8; 4] = b"SGG1";

/// Why one gauge is not added to another; nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MergeError {
    /// It is not the binary form of a gauge, or of a later version.
    NotAGauge,
    /// It is not whole, or not as it was written.
    Corrupt,
    /// No messages can have led to what it says of a measure.
    Impossible(super::Measure),
    /// It measures something else.
    Different,
    /// There is no room to look at it.
    NoRoom,
}

impl fmt::Display for MergeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAGauge => f.write_str("this is not the binary form of a gauge, or that of a later version"),
            Self::Corrupt => {
                f.write_str("the binary form is not whole, or not as it was written: its checksum differs")
            }
            Self::Impossible(measure) => write!(f, "no messages have led to such {}", measure.name()),
            Self::Different => f.write_str("it measures something else: what is measured, and how, has to be the same"),
            Self::NoRoom => f.write_str("there is no room to look at it"),
        }
    }
}

impl core::error::Error for MergeError {}

/// What a binary form says of itself, before anything of it is merged.
#[derive(Debug, Clone)]
pub struct Described {
    /// What it measures.
    pub definition: Definition,
    /// What it has counted.
    pub counters: Counters,
    /// When what it has measured begins.
    pub from: Time,
    /// When it ends.
    pub to: Time,
}

impl Described {
    /// Reads the beginning of a binary form, whose checksum is checked. O(n).
    ///
    /// # Errors
    /// It is none, or corrupt.
    pub fn of(bytes: &[u8]) -> Result<Self, MergeError> {
        Ok(open(bytes)?.0)
    }

    /// What is measured in it.
    fn came(&self) -> Came {
        let Counters { measured, bytes, .. } = self.counters;
        Came::between(self.from, self.to, measured, bytes)
    }

    /// Where a field tells the time: its latest message was then at the earliest.
    fn latest(&self) -> Time {
        match self.definition.every {
            // It ends with the pane of that one, which may not be over.
            Some(Every::Time(pane)) => Time::from_millis(self.to.as_millis().saturating_sub(millis(pane))),
            _ => self.to,
        }
    }
}

impl<S: Storage> Gauge<S> {
    /// Writes the binary form of what would be [read](Gauge::read) now. O(groups × panes × state).
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_binary<W: Write>(&mut self, now: Time, out: &mut W) -> Result<(), W::Error> {
        let cells = self.cells_told();
        let mut out = Output::new(out);
        let mut result = Ok(());
        let mut begun = false;
        let is_grouped = self.definition().by.is_some();
        self.read_until(None, Span::Window, now, &mut |reading, whose, messages, cell| {
            if result.is_err() {
                return;
            }
            if !core::mem::replace(&mut begun, true) {
                result = output::head(reading, cells, &mut out);
            }
            // With groups what is told of all is the sum of what was told before.
            if result.is_ok() && !(is_grouped && matches!(whose, Whose::All)) {
                result = output::whose(&whose, messages, &mut out).and_then(|()| cells::write_all(cell, &mut out));
            }
        });
        result?;
        out.finish()
    }

    /// Adds what another gauge has measured, of which `bytes` is the [binary form](Self::write_binary): the same as if its
    /// messages had come here `now`, for what is since the start; for a window, as if they had come in this pane. `storage`
    /// gives what it takes to look at it, for one measure of one cell after another, and for all of them twice: never more
    /// than [`room_to_merge`](Self::room_to_merge) is in use. O(n).
    ///
    /// # Errors
    /// It is refused as a whole, if `storage` gives the second time what it gave the first.
    pub fn merge(&mut self, bytes: &[u8], now: Time, storage: &mut S) -> Result<(), MergeError> {
        let (described, input) = open(bytes)?;
        if !self.definition().measures_like(&described.definition) {
            return Err(MergeError::Different);
        }
        // First it is looked at, so that nothing is merged of what can't be merged whole.
        each_cell(&described.definition, input.clone(), storage, |_, _, _| {})?;
        let row = self.row_to_merge_into(&described, now);
        self.counters.merge(&described.counters);
        self.came.add(&described.came());
        if self.definition.last.is_none() {
            self.began = self.began.map(|began| began.min(described.from));
        }
        each_cell(&described.definition, input, storage, |key, messages, measured| {
            self.add(row, key, messages, measured)
        })
    }
}

impl<S: Storage> Gauge<S> {
    /// How many cells a reading of all groups tells, without that of all of them together.
    fn cells_told(&self) -> u32 {
        self.groups.as_ref().map_or(0, |groups| groups.held.len()).saturating_add(1)
    }

    /// Where in the ring another gauge is added to a window; `None` where it is added to what lasts.
    fn row_to_merge_into(&mut self, described: &Described, now: Time) -> Option<usize> {
        let (now, back) = (self.catch_up(now), self.back());
        // Of nothing there is no time of the stream.
        let panes = self.panes.as_mut().filter(|_| described.counters.measured > 0)?;
        // Where a field tells the time, now is no time of the stream.
        let by_field = self.definition.time.map(|_| panes.latest().unwrap_or_else(|| described.latest()));
        let time = by_field.unwrap_or(now);
        panes.begin(time, self.own);
        self.definition.last?;
        match panes.belongs(time, self.own, back) {
            Belongs::Row { row, fresh } => {
                let mut came = described.came();
                if by_field.is_none() {
                    came = Came::at(time, came.messages, came.bytes);
                }
                Some(self.enter(row, fresh, time, &came))
            }
            // Neither is: the latest time there was is in a pane that is open.
            Belongs::Late | Belongs::Ahead => None,
        }
    }

    /// Adds what another gauge has measured of a group, and so many messages, or of those in none.
    fn add(&mut self, row: Option<usize>, key: Option<&Key>, messages: u64, measured: &Measured<S>) {
        let group = match (key, &mut self.groups) {
            (Some(key), Some(groups)) => match groups.held.place(key, messages) {
                Placed::In(number) => cell_of(number),
                Placed::Nowhere => {
                    if messages > 0 {
                        groups.waiting.add(*key, messages);
                    }
                    0
                }
            },
            _ => 0,
        };
        let at = match row.filter(|_| !measured.is_lasting()) {
            Some(row) => At::Pane { row, group },
            None => At::Lasting { group },
        };
        if let Some(same) = self.grid.cell_mut(at).iter_mut().find(|same| same.is_like(measured)) {
            same.merge(measured);
        }
    }
}

/// Checks the frame of a binary form, and reads what stands before its cells.
fn open(bytes: &[u8]) -> Result<(Described, Input<'_>), MergeError> {
    if !bytes.starts_with(MAGIC) {
        return Err(MergeError::NotAGauge);
    }
    let (body, sum) =
        bytes.len().checked_sub(8).and_then(|end| bytes.split_at_checked(end)).ok_or(MergeError::Corrupt)?;
    if output::sum_of(body).to_le_bytes() != sum {
        return Err(MergeError::Corrupt);
    }
    let mut input = Input::new(body.get(MAGIC.len()..).unwrap_or_default());
    let described = read_head(&mut input).ok_or(MergeError::Corrupt)?;
    Ok((described, input))
}

fn read_head(input: &mut Input<'_>) -> Option<Described> {
    let len = usize::try_from(input.u32()?).ok()?;
    let definition = Definition::from_json(input.bytes(len)?).ok()?;
    let [messages, measured, bytes, filtered, late, early] = input.u64s()?;
    let [not_json, missing, not_a_number, infinite, no_time, moved, missed] = input.u64s()?;
    let unmeasured = Unmeasured { not_json, missing, not_a_number, infinite, no_time };
    let counters = Counters { messages, measured, bytes, filtered, late, early, unmeasured, untold: 0, moved, missed };
    let [from, to] = input.u64s()?.map(Time::from_millis);
    Some(Described { definition, counters, from, to })
}

/// Reads every cell, and calls `each` with all that is measured of it, one by one; the messages of a group are told with
/// the first.
fn each_cell<S: Storage>(
    definition: &Definition,
    mut input: Input<'_>,
    storage: &mut S,
    mut each: impl FnMut(Option<&Key>, u64, &Measured<S>),
) -> Result<(), MergeError> {
    let cells = input.u32().ok_or(MergeError::Corrupt)?;
    // One for each group, and one for all others.
    let most = definition.by.as_ref().map_or(0, |_| u32::from(definition.groups)).saturating_add(1);
    if cells > most {
        return Err(MergeError::Corrupt);
    }
    for _ in 0..cells {
        let group = match input.u8().ok_or(MergeError::Corrupt)? {
            0 => None,
            1 if definition.by.is_some() => {
                Key::read(&mut input).zip(input.u64()).map(Some).ok_or(MergeError::Corrupt)?
            }
            _ => return Err(MergeError::Corrupt),
        };
        let mut messages = group.map_or(0, |(_, messages)| messages);
        for measure in definition.measures.iter() {
            let measured = cells::read(measure, definition, &mut input, storage)?;
            each(group.as_ref().map(|(key, _)| key), core::mem::take(&mut messages), &measured);
        }
    }
    if input.is_empty() { Ok(()) } else { Err(MergeError::Corrupt) }
}
