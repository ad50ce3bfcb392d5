//! Where things are kept, and how.

use std::path::PathBuf;

use crate::engine::disk::files::Directory;
use crate::engine::disk::journal::{self, SyncMode};
use crate::engine::disk::{log, shelf, space};

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

    /// Bytes that the disk has for the folder; `None` if nobody knows, or it is not there: who asks makes none.
    pub fn room(&self) -> Option<u64> {
        Directory::to_read(self.folder.clone()).and_then(|folder| folder.room()).ok()
    }

    /// Bytes that the disk has to have at least for what a folder has from the start.
    pub(crate) const fn least_room(&self) -> u64 {
        space::least_room(self.longest)
    }

    /// Bytes of memory that what is on its way to the disk takes at the most.
    pub fn memory(&self) -> u64 {
        journal::memory(self.segment(None)).saturating_add(shelf::memory(self.longest))
    }

    /// Bytes of a segment of the log, where the disk has room for so many. Some stay free, so the shorter they are, the more is
    /// kept.
    pub(super) fn segment(&self, room: Option<u64>) -> u32 {
        // As long at the next start, though others have taken or left some of it.
        let room = room.and_then(u64::checked_ilog2).map_or(u64::MAX, |power| 1 << power);
        let usually = SEGMENT.min(self.most.min(room) / USUALLY);
        let bytes = usually.max(self.longest).min(self.most / SEGMENTS);
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }
}

/// There is room for so many segments at least, and for so many unless entries may be longer.
const SEGMENTS: u64 = 8;
const USUALLY: u64 = 32;

/// Bytes of a segment, if there is room for that many.
const SEGMENT: u64 = 32 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_the_room_of_a_folder_makes_none() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("data");
        let settings = Settings { folder: folder.clone(), sync: SyncMode::Always, most: 1, longest: 1 };
        assert_eq!((settings.room(), folder.exists()), (None, false));
        std::fs::create_dir(&folder).unwrap();
        assert!(settings.room().is_some_and(|room| room > 0));
    }

    #[test]
    fn files_of_the_log_are_shorter_where_the_disk_or_the_budget_is_small() {
        let settings = |most, longest| Settings { folder: PathBuf::new(), sync: SyncMode::Always, most, longest };
        let segment = |most: u64, room: Option<u64>| settings(most << 20, 1 << 20).segment(room.map(|room| room << 20));
        assert_eq!(
            (segment(8192, None), segment(8192, Some(1024)), segment(8192, Some(1023))),
            (32 << 20, 32 << 20, 16 << 20)
        );
        assert_eq!(
            (segment(8192, Some(110)), segment(8192, Some(65)), segment(8192, Some(0))),
            (2 << 20, 2 << 20, 32 << 20)
        );
        assert_eq!((segment(256, Some(8192)), segment(256, Some(40))), (8 << 20, 1 << 20));
        assert_eq!(settings(8 << 30, 10 << 20).segment(Some(60 << 20)), 10 << 20, "an entry has to fit");
    }
}
