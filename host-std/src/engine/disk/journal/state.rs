//! What is under the lock of a journal: where the next entry goes, and whether there is room for it.

use std::fs::File;
use std::sync::Arc;
use std::time::Instant;

use super::full::Full;
use super::recent::Groups;
use super::wish::Wish;
use super::{Failed, gather, not_written};
use crate::engine::disk::log::{Group, Made, OVERHEAD, Position, Tail};
use crate::engine::disk::space::Space;

/// What is under the lock of a journal.
pub(super) struct State {
    pub(super) tail: Tail,
    pub(super) recent: Groups,
    /// Bytes that were taken and are not written yet, and whether somebody waits until they are.
    pub(super) being_written: usize,
    pub(super) is_waited_for: bool,
    /// For who writes.
    pub(super) made: Vec<Made<File>>,
    /// Where the group ends that was taken to be written.
    pub(super) taken: Position,
    /// Whether entries [gather](super::Journal::gather), and whether a group is to be written now.
    pub(super) gathers: bool,
    pub(super) is_rung: bool,
    /// Whether who gathers was told that there is something.
    pub(super) is_begun: bool,
    /// When what was written is to be synced, unless it is.
    pub(super) due: Option<Instant>,
    pub(super) space: Space,
    /// Segments that nobody needs any more, and that are of no use.
    pub(super) useless: Vec<u32>,
    pub(super) wish: Wish,
    /// Whether what removes and makes segments is at it: what it said before may not be so any more.
    pub(super) is_making: bool,
    /// Why there is no segment to go on in.
    pub(super) full: Option<Full>,
    pub(super) failed: Option<Failed>,
    pub(super) is_closing: bool,
}

/// Who is told that something was added.
pub(super) enum Bell {
    /// Nobody: it is known already.
    None,
    /// Who lets groups gather.
    Begun,
    /// Who writes.
    Gathered,
}

impl State {
    /// Nothing was added behind what the tail has.
    pub(super) fn new(tail: Tail, space: Space) -> Self {
        Self {
            taken: tail.end(),
            tail,
            recent: Groups::default(),
            being_written: 0,
            is_waited_for: false,
            made: Vec::new(),
            gathers: false,
            // The head of the first segment is there already.
            is_rung: true,
            is_begun: false,
            due: None,
            space,
            useless: Vec::new(),
            wish: Wish::default(),
            is_making: false,
            full: None,
            failed: None,
            is_closing: false,
        }
    }

    /// Something was added to the group.
    pub(super) fn has_grown(&mut self) -> Bell {
        let gathers = self.gathers && self.tail.waiting() < gather::MOST;
        self.is_rung |= !gathers;
        match (gathers, std::mem::replace(&mut self.is_begun, true)) {
            (false, _) => Bell::Gathered,
            (true, false) => Bell::Begun,
            (true, true) => Bell::None,
        }
    }

    /// Bytes of another segment, unless there is one to go on in. So one is left to what makes room.
    pub(super) fn another(&self) -> u64 {
        if self.tail.has_next() { 0 } else { self.space.segment().into() }
    }

    /// Why there is no room for another segment, and beside it for checkpoints; if there is none.
    pub(super) fn lacks_room(&self) -> Option<Full> {
        self.space.lacks(self.another())
    }

    /// How many segments in reserve are to be removed.
    pub(super) fn too_many(&self) -> usize {
        self.space.too_many(self.another())
    }

    /// Bytes of the longest entry that has room in a segment.
    pub(super) const fn longest(&self) -> usize {
        self.space.segment().saturating_sub(OVERHEAD) as usize
    }

    /// Whether so much was added that is not written that another entry has to wait: a disk may be slower than those who
    /// add, or hang.
    pub(super) fn has_too_much(&self, bytes: usize) -> bool {
        let before = self.being_written.saturating_add(self.tail.waiting());
        before > 0 && before.saturating_add(bytes) as u64 > not_written(self.space.segment())
    }

    /// Takes what was added, to be written: it stays at hand for a while.
    pub(super) fn take(&mut self, is_proof: bool) -> Arc<Group> {
        self.is_begun = false;
        let group = Arc::new(self.tail.take(is_proof));
        if !group.is_empty() {
            self.being_written = group.len();
            self.recent.add(Arc::clone(&group));
        }
        group
    }

    /// Lets go of what was added before the last few MiB, now that all of it is written; whether somebody has waited for
    /// that.
    pub(super) fn let_go(&mut self) -> bool {
        self.being_written = 0;
        self.recent.let_go();
        std::mem::take(&mut self.is_waited_for)
    }
}
