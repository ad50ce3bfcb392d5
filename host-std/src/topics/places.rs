//! What all subscribers share: how many there may be, and how much may be copied for those that are sent away.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes for the rests of messages that subscribers of a shard are still sent when they have lost their place in the log.
pub(super) const FAREWELLS: usize = 1 << 20;

/// Something of which there is only so much, shared by all who have a clone.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    left: Arc<AtomicUsize>,
    all: usize,
}

impl Places {
    /// So many of them.
    pub(crate) fn new(all: usize) -> Self {
        Self { left: Arc::new(AtomicUsize::new(all)), all }
    }

    /// How many there are, taken or not.
    pub(super) const fn all(&self) -> usize {
        self.all
    }

    /// How many are left.
    pub(super) fn left(&self) -> usize {
        self.left.load(Ordering::Relaxed)
    }

    /// Takes so many, if they are left.
    pub(super) fn take(&self, count: usize) -> bool {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(count)).is_ok()
    }

    /// Gives so many back.
    pub(super) fn give(&self, count: usize) {
        self.left.fetch_add(count, Ordering::Relaxed);
    }
}
