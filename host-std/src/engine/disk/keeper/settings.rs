//! Where things are kept, and how.

use std::path::PathBuf;

use crate::engine::disk::files::Directory;
use crate::engine::disk::journal::{self, SyncMode};
use crate::engine::disk::{log, shelf};

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
    pub(super) fn segment(&self) -> u32 {
        let bytes = SEGMENT.min(self.most / USUALLY).max(self.longest).min(self.most / SEGMENTS);
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }
}

/// There is room for so many segments at least, and for so many unless entries may be longer.
const SEGMENTS: u64 = 8;
const USUALLY: u64 = 32;

/// Bytes of a segment, if there is room for that many.
const SEGMENT: u64 = 32 << 20;
