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

    /// Takes so many, if they are left, until they are dropped.
    pub(super) fn take(&self, count: usize) -> Option<Place> {
        let left = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(count));
        left.is_ok().then(|| Place { left: Arc::clone(&self.left), count })
    }
}

/// Some of them, taken.
#[derive(Debug)]
pub(super) struct Place {
    left: Arc<AtomicUsize>,
    count: usize,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.left.fetch_add(self.count, Ordering::Relaxed);
    }
}
