//! The state of a shard on the disk: the last checkpoint, and what was executed since.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::ControlFlow;

use embedded_io::{ErrorType, Read};
use streamgauge_core::engine::Name;
use streamgauge_core::engine::journal::Entry;
use streamgauge_core::engine::memory::{Defaults, Diverged, Memory, RestoreError};
use streamgauge_core::time::Time;

use super::body::Body;
use super::checkpoint::{self, Unreadable};
use super::few::few;
use super::files::{File as _, Folder};
use super::history::{Forged, Histories};
use super::log::{self, Damage, Opened, Position, Step};
use super::space::Space;
use crate::engine::memory::Rooms;

/// Notes by their names: the definitions of gauges.
pub(crate) type Notes = BTreeMap<Name, Box<[u8]>>;

/// What a folder holds.
pub(crate) struct Found<F: Folder> {
    pub(crate) memory: Memory<Rooms>,
    pub(crate) notes: Notes,
    pub(crate) histories: Histories,
    /// Where what the checkpoint does not have begins.
    pub(crate) from: Position,
    pub(crate) log: Opened<F>,
    /// What all of it takes, before the log was gone on with.
    pub(crate) space: Space,
    /// No earlier than anything was executed: a clock goes on from there.
    pub(crate) latest: Time,
    /// Entries that were executed again.
    pub(crate) entries: u64,
    /// Whether there was nothing before.
    pub(crate) is_new: bool,
}

/// Why what a folder holds can't be gone on with.
#[derive(Debug)]
pub(crate) enum StateError {
    /// The disk doesn't work, or is full.
    Io(io::Error),
    /// The checkpoint can't be read.
    Checkpoint(Unreadable),
    /// It is not what an engine saves, or there is no room for it.
    Restore(RestoreError<Unreadable>),
    /// There are segments of a log, and no checkpoint.
    NoCheckpoint,
    /// Parts of the log are lost that are needed.
    Damaged(Vec<Damage>),
    /// An entry is none of this version.
    Unknown(Position),
    /// What was executed does not do the same again.
    Diverged(Position),
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Checkpoint(error) => error.fmt(f),
            Self::Restore(RestoreError::Read(error)) => error.fmt(f),
            Self::Restore(error) => write!(f, "{}: {error}", checkpoint::NAME),
            Self::NoCheckpoint => write!(f, "there is a log, but no {}", checkpoint::NAME),
            Self::Damaged(damage) => f.write_str(&few(damage, |damage| damage.at).join("; ")),
            Self::Unknown(at) => write!(f, "{at}: no entry that this version can read"),
            Self::Diverged(at) => write!(f, "{at}: {Diverged}"),
        }
    }
}

impl std::error::Error for StateError {}

impl StateError {
    /// Whether something of what was kept is lost: without a repair no later start comes further.
    pub(crate) const fn is_loss(&self) -> bool {
        match self {
            Self::Io(_)
            | Self::Checkpoint(Unreadable::Io(_))
            | Self::Restore(RestoreError::Read(Unreadable::Io(_))) => false,
            Self::Checkpoint(_) | Self::Restore(_) | Self::NoCheckpoint => true,
            Self::Damaged(_) | Self::Unknown(_) | Self::Diverged(_) => true,
        }
    }
}

impl From<Forged> for StateError {
    fn from(Forged: Forged) -> Self {
        Self::Checkpoint(Unreadable::Unknown)
    }
}

impl From<io::Error> for StateError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads what a folder holds into an engine with `rooms`, which have room for everything meanwhile; or begins there, with
/// these defaults, by segments as they have room in a space. `heard` is told how many bytes of the log were executed again, and how many there are.
///
/// # Errors
/// [`StateError`]; nothing in the folder has changed then.
pub(crate) fn find<F: Folder + Clone>(
    folder: &F,
    mut space: Space,
    rooms: Rooms,
    defaults: Defaults,
    heard: &mut dyn FnMut(u64, u64),
) -> Result<Found<F>, StateError> {
    let checkpoint = checkpoint::Reader::open(folder).map_err(StateError::Checkpoint)?;
    let is_new = checkpoint.is_none();
    let mut there = match checkpoint {
        Some(reader) => restore(reader, rooms)?,
        None if log::segments(folder)?.is_empty() => {
            let there = Restored::new(Memory::with_defaults(rooms, defaults), Position::ZERO);
            // Whatever comes later begins with what is so now.
            write(folder, &saved(&there.memory, &there.notes, &there.histories, there.latest), Position::ZERO)?;
            there
        }
        None => return Err(StateError::NoCheckpoint),
    };
    let (mut latest, mut entries, mut wrong, mut damage) = (there.latest, 0, None, Vec::new());
    let (mut bytes, all) = (0, log::len(folder, there.from)?);
    let end = log::read(folder, there.from, |step| {
        bytes += step.len();
        heard(bytes, all);
        let (at, body) = match step {
            Step::Entry(at, body) => (at, body),
            Step::Damaged(some) => {
                damage.push(some);
                return ControlFlow::Continue(());
            }
        };
        entries += 1;
        // What comes behind a loss is not what it was.
        let again = if damage.is_empty() { there.again(at, body) } else { Ok(Time::ZERO) };
        match again {
            Ok(time) => {
                latest = latest.max(time);
                ControlFlow::Continue(())
            }
            Err(error) => {
                wrong = Some(error);
                ControlFlow::Break(())
            }
        }
    });
    if let Some(wrong) = wrong {
        return Err(wrong);
    }
    if !damage.is_empty() {
        return Err(StateError::Damaged(damage));
    }
    there.memory.host_mut().set_place(None);
    there.memory.host_mut().go_on();
    let lengths = folder.lengths()?;
    space.count(&lengths);
    space.foresee(there.memory.saved_len());
    let log = log::go_on(folder.clone(), space.capacity(), end?)?;
    let Restored { memory, notes, histories, from, .. } = there;
    Ok(Found { memory, notes, histories, from, log, space, latest, entries, is_new })
}

/// What a checkpoint holds, and where the log goes on behind it.
pub(crate) struct Restored {
    pub(crate) memory: Memory<Rooms>,
    pub(crate) notes: Notes,
    pub(crate) histories: Histories,
    pub(crate) from: Position,
    /// Nothing of it was executed later.
    pub(crate) latest: Time,
}

impl Restored {
    /// An engine with nothing beside it.
    pub(crate) fn new(memory: Memory<Rooms>, from: Position) -> Self {
        Self { memory, notes: Notes::new(), histories: Histories::default(), from, latest: Time::ZERO }
    }

    /// Takes note of where an entry lies that was executed again.
    pub(crate) fn note(&mut self, entry: &Entry<'_>, places: (Position, Position)) {
        self.histories.executed(&entry.call, &self.memory, entry.now, places);
    }

    /// Executes an entry of the log again, and returns when it was executed.
    pub(crate) fn again(&mut self, at: Position, body: &[u8]) -> Result<Time, StateError> {
        let Self { memory, notes, .. } = self;
        match Body::read(body).ok_or(StateError::Unknown(at))? {
            Body::Executed { refused, entry, .. } => {
                let entry = Entry::decode(entry, Time::ZERO).map_err(|_| StateError::Unknown(at))?;
                memory.host_mut().go_back(entry.random.iter(), refused);
                memory.host_mut().set_place(Some(at));
                memory.replay(&entry).map_err(|Diverged| StateError::Diverged(at))?;
                if !memory.host().is_back() {
                    return Err(StateError::Diverged(at));
                }
                self.note(&entry, (at, log::behind(at, body)));
                Ok(entry.now)
            }
            Body::Note(name, note) => {
                notes.insert(name, note.into());
                Ok(Time::ZERO)
            }
            Body::NoNote(name) => {
                notes.remove(&name);
                Ok(Time::ZERO)
            }
        }
    }
}

/// Reads a checkpoint to its end.
///
/// # Errors
/// [`StateError`].
pub(crate) fn restore<F: Folder>(reader: checkpoint::Reader<F>, rooms: Rooms) -> Result<Restored, StateError> {
    let from = reader.from();
    let mut input = Input { reader, piece: Vec::new(), taken: 0 };
    let mut latest = [0; 8];
    input.fill(&mut latest)?;
    let latest = Time::from_millis(u64::from_le_bytes(latest));
    let notes = read_notes(&mut input)?;
    let histories = Histories::restore(|bytes| input.fill(bytes))?;
    let memory = Memory::restore(rooms, &mut input).map_err(StateError::Restore)?;
    // Only its end says that it is whole.
    while input.read(&mut [0; 512]).map_err(StateError::Checkpoint)? > 0 {}
    histories.check(&memory)?;
    Ok(Restored { memory, notes, histories, from, latest })
}

/// The segments that items of queues lie in, and how many bytes these are.
pub(crate) fn needed(memory: &Memory<Rooms>) -> BTreeMap<u32, u64> {
    let mut needed = BTreeMap::new();
    memory.elsewhere(|_, _, away| {
        *needed.entry(Position::from_number(away.place).segment).or_default() += u64::from(away.len);
    });
    needed
}

/// What a checkpoint is made of: a time no earlier than any at which something was executed, in milliseconds (8 bytes,
/// little-endian), notes, histories and the engine.
pub(crate) fn saved(memory: &Memory<Rooms>, notes: &Notes, histories: &Histories, latest: Time) -> Vec<u8> {
    let mut bytes = latest.as_millis().to_le_bytes().to_vec();
    bytes.extend_from_slice(&(notes.len() as u32).to_le_bytes());
    for (name, note) in notes {
        let name = name.as_bytes();
        bytes.push(name.len() as u8);
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(&(note.len() as u32).to_le_bytes());
        bytes.extend_from_slice(note);
    }
    histories.save(&mut bytes);
    let Ok(()) = memory.save(&mut bytes);
    bytes
}

/// Makes a checkpoint of what was [`saved`] at a place in the log.
///
/// # Errors
/// The disk is full, or doesn't work. The earlier one is there then.
pub(crate) fn write<F: Folder>(folder: &F, saved: &[u8], from: Position) -> io::Result<u64> {
    let mut writer = checkpoint::Writer::new(folder, from)?;
    let held = writer.held();
    let written = writer.write(saved).and_then(|()| writer.finish());
    if written.is_err() {
        // Part of it is of no use, and takes room.
        let _ = match held {
            0 => folder.remove(checkpoint::NEW),
            _ => folder.open(checkpoint::NEW).and_then(|file| file.cut(held)),
        };
    }
    written
}

fn read_notes<F: Folder>(input: &mut Input<F>) -> Result<Notes, StateError> {
    let wrong = || StateError::Checkpoint(Unreadable::Unknown);
    let mut notes = Notes::new();
    let mut count = [0; 4];
    input.fill(&mut count)?;
    for _ in 0..u32::from_le_bytes(count) {
        let mut len = [0; 1];
        input.fill(&mut len)?;
        let mut name = vec![0; len[0].into()];
        input.fill(&mut name)?;
        let mut len = [0; 4];
        input.fill(&mut len)?;
        let len = u32::from_le_bytes(len) as usize;
        if len > LONGEST_NOTE {
            return Err(wrong());
        }
        let mut note = vec![0; len];
        input.fill(&mut note)?;
        notes.insert(Name::new(&name).map_err(|_| wrong())?, note.into());
    }
    Ok(notes)
}

/// Bytes of the longest note.
const LONGEST_NOTE: usize = 64 << 10;

/// A checkpoint as a stream.
struct Input<F: Folder> {
    reader: checkpoint::Reader<F>,
    piece: Vec<u8>,
    /// So much of the piece was read.
    taken: usize,
}

impl<F: Folder> Input<F> {
    fn fill(&mut self, mut into: &mut [u8]) -> Result<(), StateError> {
        while !into.is_empty() {
            let read = self.read(into).map_err(StateError::Checkpoint)?;
            if read == 0 {
                return Err(StateError::Checkpoint(Unreadable::Unknown));
            }
            into = into.get_mut(read..).unwrap_or_default();
        }
        Ok(())
    }
}

impl embedded_io::Error for Unreadable {
    fn kind(&self) -> embedded_io::ErrorKind {
        embedded_io::ErrorKind::InvalidData
    }
}

impl std::error::Error for Unreadable {}

impl<F: Folder> ErrorType for Input<F> {
    type Error = Unreadable;
}

impl<F: Folder> Read for Input<F> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, Unreadable> {
        if self.taken == self.piece.len() {
            self.taken = 0;
            if !self.reader.next(&mut self.piece)? {
                return Ok(0);
            }
        }
        let rest = self.piece.get(self.taken..).unwrap_or_default();
        let len = rest.len().min(into.len());
        into[..len].copy_from_slice(&rest[..len]);
        self.taken += len;
        Ok(len)
    }
}
