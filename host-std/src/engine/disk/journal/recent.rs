//! What was added to a log of late: who asks for an item soon needs no disk.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Shared;
use crate::engine::disk::log::{Group, Position};

/// Bytes of the log that stay in memory when they are on the disk.
pub(super) const MOST: usize = 8 << 20;

/// Groups that were taken to be written of late, and how many bytes they have.
#[derive(Default)]
pub(super) struct Groups {
    groups: VecDeque<Arc<Group>>,
    bytes: usize,
}

impl Groups {
    pub(super) fn add(&mut self, group: Arc<Group>) {
        self.bytes += group.len();
        self.groups.push_back(group);
    }

    /// Lets go of all but the last few MiB.
    pub(super) fn let_go(&mut self) {
        while self.bytes > MOST
            && let Some(oldest) = self.groups.pop_front()
        {
            self.bytes -= oldest.len();
        }
    }

    /// The log from an entry on, as far as it lies in one piece, if that is here.
    fn from(&self, at: Position) -> Option<&[u8]> {
        let behind = self.groups.partition_point(|group| group.begin().is_none_or(|begin| begin <= at));
        self.groups.get(behind.checked_sub(1)?)?.from(at)
    }
}

/// What was added to a log of late.
pub(crate) struct Recent(pub(super) Arc<Shared>);

impl Recent {
    /// Gives the log from an entry on to `f`, as far as it lies in one piece, if that is in memory still.
    pub(crate) fn with(&self, at: Position, f: impl FnOnce(&[u8]) -> bool) -> bool {
        let state = self.0.state.lock();
        state.tail.group().from(at).or_else(|| state.recent.from(at)).is_some_and(f)
    }
}
