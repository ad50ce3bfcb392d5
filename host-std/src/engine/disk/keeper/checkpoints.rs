//! Making checkpoints, and giving back what nobody needs of the log then.

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::Ordering;
use std::time::Instant;

use streamgauge_core::engine::memory::Memory;
use streamgauge_core::time::Time;

use super::Keeper;
use crate::engine::disk::checkpoint;
use crate::engine::disk::log::{self, Position};
use crate::engine::disk::needed::{self, Needed};
use crate::engine::disk::state;
use crate::engine::memory::Rooms;

/// The last checkpoint.
#[derive(Debug, Clone)]
pub(in crate::engine::disk) struct Last {
    pub(in crate::engine::disk) from: Position,
    /// The segments before it that were needed nevertheless.
    pub(in crate::engine::disk) needed: BTreeSet<u32>,
}

impl Last {
    /// None of this process: whatever stands before the next one may be unneeded.
    pub(in crate::engine::disk) const fn none() -> Self {
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
    /// Whether somebody has needed room, so that nothing stays that can leave for that.
    has_made_room: bool,
}

/// A part of a segment that is little.
const LITTLE: u64 = 8;

impl Keeper {
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
            || self.journal.is_room_waited_for()
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
        let has_made_room = self.journal.take_wish();
        let left = if has_made_room { needed.make_room(&mut histories, &room) } else { 0 };
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
        Saved { bytes, from, needed: needed.segments(), sparse, has_made_room }
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
        let has_made_room = saved.has_made_room;
        let made = self.make_checkpoint(saved);
        if has_made_room {
            self.journal.settle_wish(made.as_ref().is_ok_and(|(_, given_back)| *given_back > 0));
        }
        made.map(|(sparse, _)| sparse)
    }

    /// The same; and returns, too, how many segments were given back.
    fn make_checkpoint(&self, saved: Saved) -> io::Result<(BTreeSet<u32>, usize)> {
        let tenure = self.tenure.lock();
        if tenure.is_none() {
            return Err(io::Error::other("another process may have the folder"));
        }
        let Saved { bytes: saved, from, needed, sparse, has_made_room: _ } = saved;
        if self.last.lock().from > from {
            // One that was saved later is there already.
            return Ok((BTreeSet::new(), 0));
        }
        let (before, added) = (self.last.lock().clone(), self.added.load(Ordering::Relaxed));
        let unneeded = unneeded(log::segments(&self.folder)?, &before, from, &needed);
        let (takes, frees) = (saved.len() as u64, unneeded.iter().map(|segment| self.lengths.of(*segment)).sum());
        if !self.journal.space().has_room_for_checkpoint(takes, frees) {
            return Err(io::Error::other(format!("{takes} bytes of it do not fit into --disk")));
        }
        let bytes = state::write(&self.folder, &saved, from)?;
        self.journal.space().has_checkpoint(bytes);
        *self.last.lock() = Last { from, needed };
        self.added.fetch_sub(added, Ordering::Relaxed);
        let given_back = unneeded.len();
        let (others, unneeded) = unneeded.into_iter().partition(|segment| self.lengths.others.contains_key(segment));
        self.journal.give_back(unneeded, others);
        Ok((sparse, given_back))
    }
}

impl Keeper {
    /// Whether less room is held for the next checkpoint than it takes.
    pub(crate) fn holds_too_little(&self) -> bool {
        self.journal.space().to_hold().is_some()
    }

    /// Holds room on the disk for the next checkpoint: without one nothing is ever given back, and others may fill the disk
    /// to its end.
    pub(crate) fn hold_room(&self) {
        let tenure = self.tenure.lock();
        let to_hold = self.journal.space().to_hold();
        let Some((_, bytes)) = tenure.as_ref().zip(to_hold) else { return };
        match self.folder.hold(checkpoint::NEW, bytes) {
            Ok(()) => self.journal.space().hold(bytes),
            Err(error) => tracing::debug!(%error, "the disk has no room to hold for the next checkpoint"),
        }
    }
}

/// Which segments nobody needs any more: those before a checkpoint that nothing of it lies in, of those that were not given
/// back before.
pub(in crate::engine::disk) fn unneeded(
    mut present: Vec<u32>,
    before: &Last,
    from: Position,
    needed: &BTreeSet<u32>,
) -> Vec<u32> {
    present.retain(|segment| {
        let is_there = *segment >= before.from.segment || before.needed.contains(segment);
        is_there && *segment < from.segment && !needed.contains(segment)
    });
    present
}
