//! What keeps a shard's topics and queues on the disk.
//!
//! Commands are executed in memory, and what has changed something is added to the log under the same lock, in the same
//! order. Nobody is told of what is not safe yet: answers wait, and so do subscribers. So what a crash takes away was never
//! seen, and after it the state is that of executing again what the log has, from the last checkpoint on.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use streamgauge_core::engine::memory::{Defaults, Memory};
use streamgauge_core::engine::{Command, Lease, Name, Refusal};
use streamgauge_core::time::Time;
use streamgauge_core::wire::units::Rfc3339;
use tokio::sync::Semaphore;

use super::body::Body;
use super::checkpoint;
use super::executed::Executed;
use super::files::{Directory, Folder as _};
use super::history::{self, Chunk, Extent, Histories, PIECE, Reader, Retelling, Taken};
use super::journal::{self, Full, Journal, Room, SyncMode};
use super::log::{self, Position};
use super::needed::{self, Lengths, Needed};
use super::shelf::{self, Shelf};
use super::space::Space;
use super::state::{self, Found, Notes, StateError};
use super::tenure::Tenure;
use crate::engine::memory::{MOST_REFUSED, Rooms};
use crate::terminal::{say, warn};

/// Where things are kept, and how.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folder.
    pub folder: PathBuf,
    /// When what was written is synced.
    pub sync: SyncMode,
    /// Bytes that it may hold.
    pub most: u64,
    /// Bytes of the longest entry: it has to fit into a segment.
    pub longest: u64,
}

impl Settings {
    /// No entry can be longer.
    pub const LONGEST: u64 = log::LONGEST as u64;

    /// Bytes that it has to hold at least.
    pub const fn least(&self) -> u64 {
        self.longest.saturating_mul(SEGMENTS)
    }

    /// Bytes that the disk has for the folder; `None` if nobody knows.
    pub fn room(&self) -> Option<u64> {
        Directory::at(self.folder.clone()).and_then(|folder| folder.room()).ok()
    }

    /// Bytes of memory that what is on its way to the disk takes at the most.
    pub fn memory(&self) -> u64 {
        journal::memory(self.segment()).saturating_add(shelf::memory(self.longest))
    }

    /// Bytes of a segment of the log. Some stay free, so the shorter they are, the more is kept.
    fn segment(&self) -> u32 {
        let bytes = SEGMENT.min(self.most / USUALLY).max(self.longest).min(self.most / SEGMENTS);
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }
}

/// There is room for so many segments at least, and for so many unless entries may be longer.
const SEGMENTS: u64 = 8;
const USUALLY: u64 = 32;

/// Bytes of a segment, if there is room for that many.
const SEGMENT: u64 = 32 << 20;

/// Keeps what a shard executes.
pub(crate) struct Keeper {
    journal: Journal,
    folder: Directory,
    /// The items that are in the log.
    shelf: Arc<Shelf>,
    lengths: Lengths,
    notes: Mutex<Notes>,
    /// Changed under the lock of the shard, with what is executed.
    histories: Mutex<Histories>,
    taken: Mutex<Taken>,
    /// For reading histories: so many do at a time, and the memory that takes is bounded.
    readers: Arc<Semaphore>,
    last: Mutex<Last>,
    /// Nobody waits for the next one before that.
    rests_until: Mutex<Instant>,
    /// Bytes that were added to the log since the last checkpoint, about.
    added: AtomicU64,
    /// Bytes that the last one had beside what an engine foresees of its own.
    saved_beside: AtomicU64,
    /// There as long as this process may write there, and locked while it makes a checkpoint.
    tenure: Mutex<Option<Tenure>>,
}

/// The last checkpoint.
#[derive(Debug, Clone)]
pub(super) struct Last {
    pub(super) from: Position,
    /// The segments before it that were needed nevertheless.
    pub(super) needed: BTreeSet<u32>,
}

impl Last {
    /// None of this process: whatever stands before the next one may be unneeded.
    pub(super) const fn none() -> Self {
        Self { from: Position::ZERO, needed: BTreeSet::new() }
    }
}

/// All wait while it is copied what a checkpoint is made of: a small part of the time, however full the disk is, and however
/// much there is to copy.
const REST: u32 = 10;

/// What a checkpoint is made of.
pub(crate) struct Saved {
    bytes: Vec<u8>,
    /// Where the log goes on behind it.
    pub(crate) from: Position,
    /// The segments that something of it lies in.
    needed: BTreeSet<u32>,
    /// Those of them that are needed for a few items and messages alone.
    sparse: BTreeSet<u32>,
}

/// A part of a segment that is little.
const LITTLE: u64 = 8;

/// Items that are lent at a time, however long the answer may be.
const MOST_LENT: u64 = 1 << 16;

/// How long a checkpoint would be is looked at whenever so much was added to the log.
const WEIGHED: u32 = 256 << 10;

/// More numbers than messages can have that were answered and not synced: as each has two bytes of the log at least, and
/// what is not synced are some MiB and a group, which is no longer than two segments.
const SKIPPED: u64 = 100_000_000;

/// So many read histories at a time.
const READERS: usize = 2;

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
    /// The machine has stopped, and what was answered was synced no more often than this.
    pub(crate) unsynced: Option<Duration>,
    /// No earlier than anything was executed.
    pub(crate) latest: Time,
    /// How long reading took.
    pub(crate) took: Duration,
}

impl Recovered {
    /// Says what there was.
    pub(crate) fn tell(&self, folder: &Path) {
        let Self { entries, is_new, is_torn, is_closed, unsynced, took, .. } = *self;
        let folder = folder.display();
        if is_new {
            return;
        }
        let how = match (is_closed, is_torn) {
            (true, _) => "it was closed",
            (false, true) => "it was not closed, and ends in the middle of what nobody was told of",
            (false, false) => "it was not closed",
        };
        say(format_args!("{folder}: {entries} entries of the log were executed again in {took:.2?}; {how}"));
        if let Some(interval) = unsynced {
            let latest = Rfc3339(self.latest);
            warn(format_args!(
                "{folder}: the machine has stopped, and --sync was interval:{interval:?}: what was answered in so long, behind {latest}, may be lost; messages go on with numbers that are {SKIPPED} higher, so that none has one that was seen before"
            ));
        }
    }
}

impl Keeper {
    /// Goes on with what a folder holds, or begins there. `heard` is told how far that is, in bytes, and of how many.
    ///
    /// # Errors
    /// [`StateError`].
    pub(crate) fn open(
        settings: &Settings,
        rooms: Rooms,
        defaults: Defaults,
        heard: &mut dyn FnMut(u64, u64),
    ) -> Result<(Self, Memory<Rooms>, Recovered), StateError> {
        let begun = Instant::now();
        let folder = Directory::at(settings.folder.clone())?;
        let tenure = Tenure::take(&settings.folder)?;
        // What was in the making when a process ended takes room that the next one may need.
        for name in
            folder.names()?.iter().filter(|name| name.as_str() == checkpoint::NEW || log::is_in_the_making(name))
        {
            folder.remove(name)?;
        }
        let segment = settings.segment();
        let mut space = Space::new(segment, settings.most);
        space.count(&folder.lengths()?);
        space.has_free(folder.free().ok());
        let found = state::find(&folder, space, rooms, defaults, heard)?;
        let Found { mut memory, notes, histories, from, log, mut space, latest, entries, is_new } = found;
        let (is_torn, is_closed) = (log.end.is_torn, log.end.is_closed);
        let unsynced = tenure.may_have_lost().filter(|_| !is_new && !is_closed);
        let took = begun.elapsed();
        let recovered = Recovered { entries, is_new, is_torn, is_closed, unsynced, latest, took };
        let (files, mut added) = (folder.lengths()?, 0);
        space.count(&files);
        let mut lengths = Lengths { segment: segment.into(), others: BTreeMap::new() };
        for (name, len) in files {
            let Some(number) = log::segment_of(&name) else { continue };
            if len != lengths.segment {
                lengths.others.insert(number, len);
            }
            // Whole files, however little is in them: each start leaves one.
            added += if (from.segment..log.tail.end().segment).contains(&number) { len } else { 0 };
        }
        let journal = Journal::new(log, settings.sync, space);
        let shelf = Arc::new(Shelf::new(folder.clone(), Some(journal.recent())));
        memory.host_mut().set_shelf(Arc::clone(&shelf));
        let keeper = Self {
            journal,
            folder,
            shelf,
            lengths,
            notes: Mutex::new(notes),
            taken: Mutex::new(Taken::new(memory.host().budget(), &histories)),
            histories: Mutex::new(histories),
            readers: Arc::new(Semaphore::new(READERS)),
            last: Mutex::new(Last::none()),
            rests_until: Mutex::new(begun),
            added: AtomicU64::new(added),
            saved_beside: AtomicU64::new(0),
            tenure: Mutex::new(Some(tenure)),
        };
        keeper.weigh(&memory);
        if unsynced.is_some() {
            // A crash before it is known comes back to it.
            memory.skip_numbers(SKIPPED);
            keeper.begin_with(&memory, latest)?;
        }
        keeper.tenure.lock().as_ref().map_or(Ok(()), |tenure| tenure.begin(settings.sync))?;
        Ok((keeper, memory, recovered))
    }

    /// Leaves the folder to another process. The journal has to be closed.
    pub(crate) fn leave(&self) {
        *self.tenure.lock() = None;
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
        if executed.is_of_topics() {
            let mut histories = self.histories.lock();
            if let Some(topic) = executed.lies((begin, end), &mut histories) {
                self.taken.lock().grew(&topic, &mut histories);
            }
        }
        self.added.fetch_add(u64::from(end.offset.saturating_sub(begin.offset)), Ordering::Relaxed);
        if begin.segment != end.segment || begin.offset / WEIGHED != end.offset / WEIGHED {
            self.weigh(executed.memory());
        }
        end
    }

    /// Takes note of how long a checkpoint would be.
    fn weigh(&self, memory: &Memory<Rooms>) {
        self.journal.foresee(memory.saved_len().saturating_add(self.saved_beside.load(Ordering::Relaxed)));
    }

    /// Items that are lent at a time at the most: an answer holds fewer, and what was drawn for each has room in the log.
    pub(crate) fn most_lent(&self) -> u64 {
        (self.lengths.segment / 16).min(MOST_LENT)
    }

    /// Bytes that it holds, and that it may hold.
    pub(crate) fn used(&self) -> (u64, u64) {
        let space = self.journal.space();
        (space.bytes(), space.most())
    }

    /// Why those wait or are refused who have something new, if they are.
    pub(crate) fn trouble(&self) -> Option<String> {
        if let Some(so_far) = self.journal.hangs() {
            let (folder, seconds) = (self.folder.path().display(), so_far.as_secs());
            return Some(format!(
                "{folder}: the disk has not answered for {seconds} s: whoever waits for it goes on waiting"
            ));
        }
        self.journal.full().map(|full| match full {
            Full::Budget(_) => format!("{full}: what is new is refused with 507"),
            Full::Disk(_) | Full::Fails(_) => {
                format!("{}: {full}: what is new is refused with 507", self.folder.path().display())
            }
        })
    }

    /// Where the messages of topics lie.
    pub(crate) fn histories(&self) -> MutexGuard<'_, Histories> {
        self.histories.lock()
    }

    /// Reads some messages of a history on another thread, when it is its turn.
    pub(crate) async fn read(&self, mut reader: Reader, extent: Extent, end: u64, earliest: Time) -> (Reader, Chunk) {
        // What was told again of late may not be there yet.
        if self.journal.safe(extent.begin.after(1)).await.is_err() {
            return std::future::pending().await;
        }
        let turn = Arc::clone(&self.readers).acquire_owned().await;
        let (folder, before) = (self.folder.clone(), reader.clone());
        let read = tokio::task::spawn_blocking(move || {
            let chunk = reader.read(&folder, &extent, end, earliest);
            drop(turn);
            (reader, chunk)
        });
        // It is never aborted, and reads again if it was.
        read.await.unwrap_or_else(|_| (before, Chunk::default()))
    }

    /// Reads extents on another thread, to tell their messages again.
    pub(crate) async fn read_again(&self, extents: Vec<(Name, Extent)>) -> Vec<Retelling> {
        let (folder, most) = (self.folder.clone(), PIECE.min(self.little()));
        let read = tokio::task::spawn_blocking(move || history::read_again(&folder, &extents, most));
        read.await.unwrap_or_default()
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

    /// Makes the first checkpoint of a process, before anything is executed; of what was before, nothing was later.
    ///
    /// # Errors
    /// The disk is full, or doesn't work.
    pub(crate) fn begin_with(&self, memory: &Memory<Rooms>, latest: Time) -> io::Result<()> {
        self.checkpoint(self.saved(memory, latest)).map(drop)
    }

    /// Whether so much was added that there should be another checkpoint.
    pub(crate) fn is_checkpoint_due(&self) -> bool {
        if Instant::now() < *self.rests_until.lock() {
            return false;
        }
        let added = self.added.load(Ordering::Relaxed);
        let is_full = self.journal.full().is_some();
        added > if is_full { 0 } else { self.journal.space().between_checkpoints() }
    }

    /// What a checkpoint is made of: while nothing is executed.
    pub(crate) fn saved(&self, memory: &Memory<Rooms>, now: Time) -> Saved {
        let begun = Instant::now();
        let notes = self.notes.lock();
        let mut histories = self.histories.lock();
        histories.expire(memory, now);
        let from = self.journal.end();
        let room = self.room(from);
        let mut needed = Needed::of(memory, &histories);
        let left = needed.make_room(&mut histories, &room);
        if left > 0 {
            tracing::warn!(left, "the oldest messages of topics leave: --disk has no room for them and what is new");
        }
        let left = self.taken.lock().recount(&histories);
        if left > 0 {
            tracing::warn!(left, "the oldest messages of topics have left: --memory has no room for where they are");
        }
        let sparse = needed.sparse(&room);
        let bytes = state::saved(memory, &notes, &histories, now);
        let (len, foreseen) = (bytes.len() as u64, memory.saved_len());
        self.saved_beside.store(len.saturating_sub(foreseen), Ordering::Relaxed);
        self.journal.foresee(len.max(foreseen));
        let ended = Instant::now();
        *self.rests_until.lock() = ended + (ended - begun) * REST;
        Saved { bytes, from, needed: needed.segments(), sparse }
    }

    /// What may be needed of the log when it has come so far.
    fn room(&self, from: Position) -> needed::Room<'_> {
        let space = self.journal.space().for_needed();
        needed::Room { now: from.segment, lengths: &self.lengths, little: self.little(), space }
    }

    /// Bytes of a segment that are little: as long is what is told again together.
    pub(crate) fn little(&self) -> u64 {
        self.lengths.segment / LITTLE
    }

    /// Makes a checkpoint of what was saved, which has to be safe, and gives back what of the log nobody needs then; returns
    /// the segments that are needed for little.
    ///
    /// # Errors
    /// The disk is full, or doesn't work: the last checkpoint is there still.
    pub(crate) fn checkpoint(&self, saved: Saved) -> io::Result<BTreeSet<u32>> {
        let tenure = self.tenure.lock();
        if tenure.is_none() {
            return Err(io::Error::other("another process may have the folder"));
        }
        let Saved { bytes: saved, from, needed, sparse } = saved;
        if self.last.lock().from > from {
            // One that was saved later is there already.
            return Ok(BTreeSet::new());
        }
        let (before, added) = (self.last.lock().clone(), self.added.load(Ordering::Relaxed));
        let unneeded = unneeded(log::segments(&self.folder)?, &before, from, &needed);
        let (takes, frees) = (saved.len() as u64, unneeded.iter().map(|segment| self.lengths.of(*segment)).sum());
        let (bytes, most) = self.used();
        // Where the budget was larger before, nothing but a checkpoint makes room.
        if bytes.saturating_add(takes) > most && takes > frees {
            return Err(io::Error::other(format!("{takes} bytes of it do not fit into --disk")));
        }
        let bytes = state::write(&self.folder, &saved, from)?;
        self.journal.space().has_checkpoint(bytes);
        *self.last.lock() = Last { from, needed };
        self.added.fetch_sub(added, Ordering::Relaxed);
        let (others, unneeded) = unneeded.into_iter().partition(|segment| self.lengths.others.contains_key(segment));
        self.journal.give_back(unneeded, others);
        Ok(sparse)
    }
}

/// Which segments nobody needs any more: those before a checkpoint that nothing of it lies in, of those that were not given
/// back before.
pub(super) fn unneeded(mut present: Vec<u32>, before: &Last, from: Position, needed: &BTreeSet<u32>) -> Vec<u32> {
    present.retain(|segment| {
        let is_there = *segment >= before.from.segment || before.needed.contains(segment);
        is_there && *segment < from.segment && !needed.contains(segment)
    });
    present
}

/// Bytes of an entry beside what it says of items, tokens and settings: of names, numbers, and requests that were refused.
pub(crate) const SMALL: usize = 512 + 4 * MOST_REFUSED;

/// What clients are told when nobody knows what became of their request.
pub(crate) const FAILED: &str = "the disk has failed: whether this has happened is known when the server runs again";

/// What a command takes in the log at the most, and whether there is more of anything afterwards.
pub(crate) fn most_bytes(command: &Command<'_>) -> (usize, bool) {
    match command {
        Command::Publish { messages: pieces, .. } | Command::Put { items: pieces, .. } => {
            (pieces.most_encoded_len().saturating_add(SMALL), true)
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
        Full::Budget(most) => Refusal::NoDisk { budget: Some(*most), fails: false },
        Full::Disk(_) => Refusal::NoDisk { budget: None, fails: false },
        Full::Fails(_) => Refusal::NoDisk { budget: None, fails: true },
    }
}
