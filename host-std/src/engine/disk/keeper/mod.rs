//! What keeps a shard's topics and queues on the disk.
//!
//! Commands are executed in memory, and what has changed something is added to the log under the same lock, in the same
//! order. Nobody is told of what is not safe yet: answers wait, and so do subscribers. So what a crash takes away was never
//! seen, and after it the state is that of executing again what the log has, from the last checkpoint on.
//!
//! | module | idea |
//! | --- | --- |
//! | `settings` | where things are kept, and how |
//! | `opening` | going on with what a folder holds |
//! | `checkpoints` | making them, and giving back what nobody needs of the log then |
//! | `reading` | messages of topics that are on the disk |
//! | `commands` | what they take of the log at the most, and why they are refused |

mod checkpoints;
mod commands;
mod opening;
mod reading;
mod settings;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use streamgauge_core::engine::Name;
use streamgauge_core::engine::memory::Memory;
use tokio::sync::Semaphore;

pub(super) use checkpoints::Last;
#[cfg(any(test, fuzzing))]
pub(super) use checkpoints::unneeded;
pub(crate) use commands::{FAILED, SMALL, most_bytes, refusal};
pub(crate) use opening::Recovered;
pub use settings::Settings;

use super::body::Body;
use super::executed::Executed;
use super::files::Directory;
use super::history::{Histories, Taken};
use super::journal::{Full, Journal, Room};
use super::log::Position;
use super::needed::Lengths;
use super::shelf::Shelf;
use super::state::Notes;
use super::tenure::Tenure;
use crate::engine::memory::Rooms;

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

/// Items that are lent at a time, however long the answer may be.
const MOST_LENT: u64 = 1 << 16;

/// How long a checkpoint would be is looked at whenever so much was added to the log.
const WEIGHED: u32 = 256 << 10;

impl Keeper {
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

    /// Keeps a note, or keeps it no more, and returns where the log ends then: while nothing is executed.
    pub(crate) fn note(&self, room: Room<'_>, name: &Name, note: Option<&[u8]>) -> Position {
        let mut notes = self.notes.lock();
        match note {
            Some(note) => drop(notes.insert(*name, note.into())),
            None => drop(notes.remove(name)),
        }
        room.add(|out| Body::write_note(name, note, out)).map_or_else(|| self.journal.end(), |(_, end)| end)
    }
}
