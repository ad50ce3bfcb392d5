//! Items that are in the log, at hand for queues that have but their places.
//!
//! What was added of late is in memory still, as it was written. Older items are read from the disk, some hundred KiB of
//! the log at a time, as a queue gives its items in the order in which they came; that is never done under a lock that
//! others wait for: who needs an item that is not at hand lets go, loads it, and asks again.

use std::collections::VecDeque;
use std::io;

use parking_lot::Mutex;
use streamgauge_core::queue::leases::Away;

use super::files::{Directory, Folder};
use super::journal::Recent;
use super::log::{Position, from_entry, name_of, read_run, salt_of, told_len, whole_frames};

/// Items by their places.
pub(crate) struct Shelf<F: Folder = Directory> {
    folder: F,
    /// What was added of late; nothing, where nobody adds anything.
    recent: Option<Recent>,
    /// Parts of the log that were read of late, the last one at the end.
    read: Mutex<VecDeque<Part>>,
}

impl<F: Folder> std::fmt::Debug for Shelf<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shelf").finish_non_exhaustive()
    }
}

/// Whole entries from a place on.
struct Part {
    at: Position,
    bytes: Box<[u8]>,
}

/// Why an item can't be had.
#[derive(Debug)]
pub(crate) enum Unreadable {
    /// What is in its place is not what was written.
    Lost(Position),
    /// The disk doesn't work.
    Io(Position, io::Error),
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lost(at) => write!(f, "{at}: what is there is not what was written"),
            Self::Io(at, error) => write!(f, "{at}: {error}"),
        }
    }
}

/// Bytes of all parts that are kept, but for the one that was read last.
const KEPT: usize = 4 << 20;

/// Bytes of items that somebody looks at, unless it is one.
pub(crate) const LOOKED_AT: usize = 8 << 20;

/// Bytes of memory that it takes at the most, where no entry is longer, with what is copied out of it.
pub(super) const fn memory(longest: u64) -> u64 {
    // The part that was read last, and a copy that is made of an item in it, and the only one that is looked at.
    longest.saturating_mul(3).saturating_add((KEPT + LOOKED_AT) as u64)
}

impl<F: Folder> Shelf<F> {
    /// Over the log in a folder, whose newest entries are in memory.
    pub(crate) const fn new(folder: F, recent: Option<Recent>) -> Self {
        Self { folder, recent, read: Mutex::new(VecDeque::new()) }
    }

    /// Copies an item, if it is at hand, in place of what `into` has; says whether it is.
    pub(crate) fn get(&self, away: &Away, into: &mut Vec<u8>) -> bool {
        into.clear();
        let at = Position::from_number(away.place);
        let is_recent = self.recent.as_ref().is_some_and(|recent| recent.with(at, |frame| copy(frame, away, into)));
        is_recent || self.get_read(at, away, into)
    }

    /// Whether an item is at hand.
    pub(crate) fn has(&self, away: &Away) -> bool {
        let at = Position::from_number(away.place);
        self.recent.as_ref().is_some_and(|recent| recent.with(at, |_| true))
            || self.read.lock().iter().any(|part| part.from(at).is_some())
    }

    fn get_read(&self, at: Position, away: &Away, into: &mut Vec<u8>) -> bool {
        let read = self.read.lock();
        // The one that was read last is the one that is mostly asked for.
        read.iter().rev().find_map(|part| part.from(at)).is_some_and(|frame| copy(frame, away, into))
    }

    /// Reads an item, with what is behind its entry, so that they are at hand. It may take as long as the disk needs.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub(crate) fn load(&self, away: &Away) -> Result<(), Unreadable> {
        let at = Position::from_number(away.place);
        let io = |error| Unreadable::Io(at, error);
        let file = self.folder.open(&name_of(at.segment)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Unreadable::Lost(at),
            _ => io(error),
        })?;
        let salt = salt_of(&file, at.segment).map_err(io)?;
        let mut bytes = read_run(&file, at, u32::MAX, salt).map_err(io)?;
        bytes.truncate(whole_frames(&bytes, at, salt));
        // An entry that has no such item never will: whoever came again for it would come for ever.
        if !copy(&bytes, away, &mut Vec::new()) {
            return Err(Unreadable::Lost(at));
        }
        let mut parts = self.read.lock();
        let mut kept: usize = parts.iter().map(|part| part.bytes.len()).sum();
        while kept > KEPT
            && let Some(oldest) = parts.pop_front()
        {
            kept -= oldest.bytes.len();
        }
        parts.push_back(Part { at, bytes: bytes.into() });
        Ok(())
    }

    /// An item, wherever it is: it may take as long as the disk needs.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub(crate) fn fetch(&self, away: &Away, into: &mut Vec<u8>) -> Result<(), Unreadable> {
        while !self.get(away, into) {
            self.load(away)?;
        }
        Ok(())
    }
}

impl Part {
    /// From an entry on, if it is in here.
    fn from(&self, at: Position) -> Option<&[u8]> {
        from_entry(&self.bytes, self.at, at)
    }
}

/// Copies an item out of an entry that begins there.
pub(super) fn copy(bytes: &[u8], away: &Away, into: &mut Vec<u8>) -> bool {
    let item = told_len(bytes).and_then(|len| {
        let begin = len.checked_sub(away.back as usize)?;
        bytes.get(begin..)?.get(..away.len as usize)
    });
    into.extend_from_slice(item.unwrap_or_default());
    item.is_some()
}
