//! Looking at items, which changes nothing.

use core::ops::ControlFlow;

use super::note;
use super::record::{self, Kind};
use super::slot::Slot;
use super::tree::{Tree, rank_of};
use super::{Item, LeaseQueue};
use crate::log::Position;
use crate::storage::Grow;
use crate::time::Time;

/// What an item of the queue is at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// A get would give it.
    Ready,
    /// It is on lease.
    Leased,
    /// It can be got later.
    Delayed,
    /// It was lent as often as it may be.
    Dead,
}

impl State {
    /// What it is called in requests and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Leased => "leased",
            Self::Delayed => "delayed",
            Self::Dead => "dead",
        }
    }
}

/// Where one is in going through the ready items, from [`LeaseQueue::mark`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The queue that it is of, by its secret.
    queue: u64,
    /// Items from here on were not seen, and those from `end` on came later.
    next: u64,
    end: u64,
    hint: Option<Hint>,
}

/// Where to look for the next item that was never set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hint {
    at: Position,
    /// The lowest id that it can have.
    least: u64,
    /// How often all records had been moved when this was true.
    compacted: u64,
}

impl<S, L> LeaseQueue<S, L> {
    /// The beginning of a way through all items that are ready now. O(1).
    pub const fn mark(&self) -> Mark {
        Mark { queue: self.slots.seed(), next: 0, end: self.next_id, hint: None }
    }
}

impl<S: AsRef<[u8]> + AsMut<[u8]>, L: Grow<Slot>> LeaseQueue<S, L> {
    /// Shows `each` the ready items from `mark` on, in the order in which they would be got, and returns whether it
    /// saw all. O(items log n), and O(ready items) to begin with when the storage was put in order in between.
    ///
    /// Between two calls the queue may change: each item that was ready when the mark was made and still is comes
    /// exactly once, and none that came later. The item that `each` breaks on comes again. A mark of another queue shows
    /// nothing.
    pub fn dump(&self, mark: &mut Mark, mut each: impl FnMut(Item<'_>) -> ControlFlow<()>) -> bool {
        if mark.queue != self.slots.seed() {
            return true;
        }
        loop {
            let fresh = self.fresh_from(mark);
            let back = self.back.find(&self.slots, (0, mark.next));
            let back = back.and_then(|slot| self.slots.get(slot)).filter(|slot| slot.id < mark.end);
            let (id, offset, attempt) = match (fresh, back) {
                (Some((id, offset)), None) => (id, offset, 0),
                (Some((id, offset)), Some(back)) if id < back.id => (id, offset, 0),
                (_, Some(back)) => (back.id, back.offset(), back.attempts),
                (None, None) => return true,
            };
            let Some(record) = self.log.record_at(offset) else { return true };
            if each(self.shown(record, id, attempt)).is_break() {
                return false;
            }
            mark.next = id.wrapping_add(1);
        }
    }

    /// Shows `each` up to `items` of the items in this state, and returns how many it wanted: those that are ready in
    /// the order in which they would be got, those on lease or delayed in the order in which that is over, dead letters
    /// in the order in which they died. O(items log n).
    ///
    /// No token is shown: only who lent an item can acknowledge it.
    pub fn peek(
        &mut self,
        now: Time,
        state: State,
        items: u64,
        mut each: impl FnMut(Item<'_>) -> ControlFlow<()>,
    ) -> u64 {
        self.settle(now);
        let mut shown = 0;
        let mut show = |item: Item<'_>| {
            if shown == items {
                return ControlFlow::Break(());
            }
            each(item)?;
            shown += 1;
            ControlFlow::Continue(())
        };
        match state {
            State::Ready => _ = self.dump(&mut self.mark(), show),
            State::Leased => _ = self.walk(&self.leased, &mut show),
            State::Delayed => _ = self.walk(&self.delayed, &mut show),
            State::Dead => _ = self.walk(&self.dead, &mut show),
        }
        shown
    }

    /// When the item was accepted that a get would give, for its age. O(1).
    pub fn oldest(&mut self, now: Time) -> Option<Time> {
        self.settle(now);
        let oldest = self.oldest_ready()?;
        Some(self.accepted_at(oldest.offset))
    }

    fn walk(&self, tree: &Tree, each: &mut impl FnMut(Item<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
        let mut from = (0, 0);
        while let Some(slot) = tree.find(&self.slots, from).and_then(|slot| self.slots.get(slot)) {
            let Some(record) = self.log.record_at(slot.offset()) else { break };
            let item = self.shown(record, slot.id, slot.attempts);
            each(Item { until: Some(slot.key()), ..item })?;
            let (key, id) = rank_of(slot);
            let Some(next) = id.checked_add(1) else { break };
            from = (key, next);
        }
        ControlFlow::Continue(())
    }

    /// What is told of the item in `record`.
    pub(super) fn shown<'r>(&self, record: &'r [u8], id: u64, attempt: u16) -> Item<'r> {
        let parts = record::parts(record);
        let accepted_at = record::accepted_at(record, self.clock);
        let died = note::death(&parts, self.clock);
        let reason = if died.is_some() { &[] } else { parts.reason };
        let (data, away) = record::held_in(record, parts.stored).told();
        Item { id, data, away, attempt, accepted_at, token: None, until: None, reason, died }
    }

    /// The first item from `mark` on that was never set aside: its id, and where it lies.
    fn fresh_from(&self, mark: &mut Mark) -> Option<(u64, usize)> {
        if self.fresh.len == 0 {
            return None;
        }
        let valid = |hint: &Hint| hint.compacted == self.compacted && self.log.missed(&hint.at) == 0;
        let (mut at, mut least) = match mark.hint.filter(valid) {
            Some(hint) => (hint.at, hint.least),
            None if self.log.missed(&self.fresh.at) > 0 => (self.log.start(), self.fresh.id),
            None => (self.fresh.at, self.fresh.id),
        };
        loop {
            let mut after = at;
            let (offset, record) = self.log.read_at(&mut after)?;
            if let Kind::Fresh(number) = Kind::of(record) {
                let id = record::id_from(least, number);
                if id >= mark.next {
                    mark.hint = Some(Hint { at, least, compacted: self.compacted });
                    return (id < mark.end).then_some((id, offset));
                }
                least = id.wrapping_add(1);
            }
            at = after;
        }
    }
}
