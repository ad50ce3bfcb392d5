//! Reading the messages of topics that are on the disk.

use std::sync::Arc;

use parking_lot::MutexGuard;
use streamgauge_core::engine::Name;
use streamgauge_core::time::Time;

use super::Keeper;
use crate::engine::disk::history::{self, Chunk, Extent, Histories, PIECE, Reader, Retelling};

/// So many read histories at a time.
pub(super) const READERS: usize = 2;

impl Keeper {
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
}
