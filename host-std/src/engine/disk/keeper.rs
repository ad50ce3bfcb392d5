//! What keeps a shard's topics and queues on the disk.
//!
//! Commands are executed in memory, and what has changed something is added to the log under the same lock, in the same
//! order. Nobody is told of what is not safe yet: answers wait, and so do subscribers. So what a crash takes away was never
//! seen, and after it the state is that of executing again what the log has, from the last checkpoint on.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use streamgauge_core::engine::memory::{Defaults, Memory};
use streamgauge_core::engine::{Command, Lease, Name, Refusal};
use streamgauge_core::time::Time;

use super::body::Body;
use super::checkpoint;
use super::executed::Executed;
use super::files::{Directory, File as _, Folder as _, lock};
use super::journal::{Full, Journal, Room, SyncMode};
use super::log::{self, Position};
use super::shelf::Shelf;
use super::state::{self, Found, Notes, StateError};
use crate::engine::memory::Rooms;

/// Where things are kept, and how.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folder.
    pub folder: PathBuf,
    /// When what was written is synced.
    pub sync: SyncMode,
    /// Bytes that it may hold.
    pub most: u64,
}

impl Settings {
    /// Bytes of a segment of the log.
    pub fn segment(&self) -> u64 {
        (self.most / 8).min(SEGMENT)
    }
}

/// Bytes of a segment, if there is room for some of these.
const SEGMENT: u64 = 32 << 20;

/// A checkpoint is made when so much was added to the log since the last one, or twice as much as that one was long.
const LEAST: u64 = 64 << 20;

/// Keeps what a shard executes.
pub(crate) struct Keeper {
    journal: Journal,
    folder: Directory,
    /// The items that are in the log.
    shelf: Arc<Shelf>,
    /// Bytes that all of it may have.
    most: u64,
    notes: Mutex<Notes>,
    last: Mutex<Last>,
    /// Held as long as this process may write there.
    _lock: File,
}

/// The last checkpoint.
#[derive(Debug, Clone)]
struct Last {
    from: Position,
    bytes: u64,
    /// Segments before it that are needed still.
    held: BTreeSet<u32>,
    /// Bytes that were added to the log since, about.
    added: u64,
}

/// What a checkpoint is made of.
pub(crate) struct Saved {
    bytes: Vec<u8>,
    /// Where the log goes on behind it.
    pub(crate) from: Position,
    /// The segments before that which are needed still.
    needed: BTreeSet<u32>,
}

/// What a folder held.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recovered {
    /// Entries that were executed again.
    pub(crate) entries: u64,
    pub(crate) is_new: bool,
    /// Whether the log ended in the middle of something.
    pub(crate) is_torn: bool,
    /// Whether it was closed.
    pub(crate) is_closed: bool,
    /// The latest time of what was executed.
    pub(crate) latest: Time,
    /// How long reading took.
    pub(crate) took: Duration,
}

impl Recovered {
    /// Says what there was.
    pub(crate) fn tell(&self, folder: &Path) {
        let Self { entries, is_new, is_torn, is_closed, took, .. } = *self;
        let folder = folder.display();
        if is_new {
            return;
        }
        let how = match (is_closed, is_torn) {
            (true, _) => "it was closed",
            (false, true) => "it was not closed, and ends in the middle of what nobody was told of",
            (false, false) => "it was not closed",
        };
        eprintln!("{folder}: {entries} entries of the log were executed again in {took:.2?}; {how}");
    }
}

impl Keeper {
    /// Goes on with what a folder holds, or begins there.
    ///
    /// # Errors
    /// [`StateError`].
    pub(crate) fn open(
        settings: &Settings,
        rooms: Rooms,
        defaults: Defaults,
    ) -> Result<(Self, Memory<Rooms>, Recovered), StateError> {
        let begun = Instant::now();
        let folder = Directory::at(settings.folder.clone())?;
        let lock = lock(&settings.folder)?;
        let segment = u32::try_from(settings.segment()).unwrap_or(u32::MAX);
        let Found { mut memory, notes, log, latest, entries, is_new } = state::find(&folder, segment, rooms, defaults)?;
        let took = begun.elapsed();
        let recovered =
            Recovered { entries, is_new, is_torn: log.end.is_torn, is_closed: log.end.is_closed, latest, took };
        let (mut bytes, mut checkpoint) = (0, 0);
        for name in folder.names()? {
            let len = folder.open(&name)?.len()?;
            bytes += len;
            checkpoint = if name == checkpoint::NAME { len } else { checkpoint };
        }
        let journal = Journal::start(log, settings.sync, bytes, settings.most)?;
        let last = Last { from: Position::ZERO, bytes: checkpoint, held: BTreeSet::new(), added: 0 };
        let most = settings.most;
        let shelf = Arc::new(Shelf::new(folder.clone(), Some(journal.recent())));
        memory.host_mut().set_shelf(Arc::clone(&shelf));
        let keeper =
            Self { journal, folder, shelf, most, notes: Mutex::new(notes), last: Mutex::new(last), _lock: lock };
        Ok((keeper, memory, recovered))
    }

    /// Where it is written.
    pub(crate) const fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The items that are in the log.
    pub(crate) const fn shelf(&self) -> &Arc<Shelf> {
        &self.shelf
    }

    /// The notes that are kept.
    pub(crate) fn notes(&self) -> Notes {
        self.notes.lock().clone()
    }

    /// Adds what was executed to the log, and returns where that ends then.
    pub(crate) fn executed(&self, room: Room<'_>, executed: &Executed<'_>) -> Position {
        let added = room.add(|out| executed.write(out));
        let Some((begin, end)) = added else {
            // There was room: whoever asked for it counted wrongly, and what is in memory must not be told to anybody.
            self.journal.fail("an entry is longer than was foreseen");
            return self.journal.end();
        };
        self.last.lock().added += u64::from(end.offset.saturating_sub(begin.offset));
        end
    }

    /// Keeps a note, or keeps it no more, and returns where the log ends then: while nothing is executed.
    pub(crate) fn note(&self, room: Room<'_>, name: &Name, note: Option<&[u8]>) -> Position {
        let mut notes = self.notes.lock();
        match note {
            Some(note) => drop(notes.insert(*name, note.into())),
            None => drop(notes.remove(name)),
        }
        room.add(|out| Body::write_note(name, note, out)).map_or_else(|| self.journal.end(), |(_, end)| end)
    }

    /// Makes the first checkpoint of a process, before anything is executed.
    ///
    /// # Errors
    /// The disk is full, or doesn't work.
    pub(crate) fn begin_with(&self, memory: &Memory<Rooms>) -> io::Result<()> {
        self.checkpoint(&self.saved(memory))
    }

    /// Whether so much was added that there should be another checkpoint.
    pub(crate) fn is_checkpoint_due(&self) -> bool {
        let last = self.last.lock();
        if self.journal.full().is_some() {
            return last.added > 0;
        }
        let is_tight = self.journal.bytes() > self.most / 2;
        let least = if is_tight { self.most / 16 } else { LEAST };
        last.added > least.max(last.bytes.saturating_mul(2))
    }

    /// What a checkpoint is made of now: while nothing is executed.
    pub(crate) fn saved(&self, memory: &Memory<Rooms>) -> Saved {
        let bytes = state::saved(memory, &self.notes.lock());
        Saved { bytes, from: self.journal.end(), needed: state::needed(memory) }
    }

    /// Makes a checkpoint of what was saved, which has to be safe, and gives back what of the log nobody needs then.
    ///
    /// # Errors
    /// The disk is full, or doesn't work: the last checkpoint is there still.
    pub(crate) fn checkpoint(&self, saved: &Saved) -> io::Result<()> {
        let before = self.last.lock().clone();
        let Saved { bytes: saved, from, needed } = saved;
        if self.journal.bytes().saturating_add(saved.len() as u64) > self.most {
            return Err(io::Error::other(
                format_args!("{} bytes of it do not fit into --disk", saved.len()).to_string(),
            ));
        }
        let bytes = state::write(&self.folder, saved, *from)?;
        self.journal.count(bytes, before.bytes);
        // Those before the last one that were not held were given back then.
        let passed = before.from.segment..from.segment;
        let mut segments = log::segments(&self.folder)?;
        segments.retain(|segment| passed.contains(segment) || before.held.contains(segment));
        let held = segments.iter().copied().filter(|segment| needed.contains(segment)).collect();
        segments.retain(|segment| !needed.contains(segment));
        let mut last = self.last.lock();
        *last = Last { from: *from, bytes, held, added: last.added.saturating_sub(before.added) };
        drop(last);
        self.journal.give_back(segments);
        Ok(())
    }
}

/// Bytes of an entry beside what it says of items, tokens and settings.
pub(crate) const SMALL: usize = 512;

/// What clients are told when nobody knows what became of their request.
pub(crate) const FAILED: &str = "the disk has failed: whether this has happened is known when the server runs again";

/// What a command takes in the log at the most, and whether there is more of anything afterwards.
pub(crate) fn most_bytes(command: &Command<'_>) -> (usize, bool) {
    const PREFIX: usize = 5;
    match command {
        Command::Publish { messages: pieces, .. } | Command::Put { items: pieces, .. } => {
            let bytes = pieces.iter().fold(SMALL, |sum, piece| sum.saturating_add(piece.len()).saturating_add(PREFIX));
            (bytes, true)
        }
        // A random number for each lease.
        Command::Get { items, lease: Lease::For(_), .. } => {
            (usize::try_from(*items).unwrap_or(usize::MAX).saturating_mul(8).saturating_add(SMALL), false)
        }
        Command::Settle { tokens, .. } => (tokens.bytes().saturating_add(SMALL), false),
        Command::SetTopic { .. } | Command::SetQueue { .. } => (SETTINGS, true),
        _ => (SMALL, false),
    }
}

/// Bytes of settings.
const SETTINGS: usize = 8 << 10;

/// Why a command is refused that there is no room for.
pub(crate) fn refusal(full: &Full) -> Refusal {
    match full {
        Full::Budget(most) => Refusal::NoDisk { budget: Some(*most) },
        Full::Disk(_) => Refusal::NoDisk { budget: None },
    }
}
