//! Handing items out: for good, or on lease.

use core::ops::ControlFlow;
use core::time::Duration;

use super::away::Size;
use super::counters::count;
use super::due::MOST_STEPS;
use super::note::Death;
use super::record::{self, Kind};
use super::slot::{Slot, kept};
use super::{Away, Held, LeaseQueue, Token};
use crate::log::{Position, record_len};
use crate::storage::Grow;
use crate::time::Time;

/// An item, as it is handed out or looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Item<'a> {
    /// Its number, which no other item of the queue has or had: a later one has a higher number.
    pub id: u64,
    /// What was put; nothing, if that lies elsewhere.
    pub data: &'a [u8],
    /// Where it lies, if that is elsewhere.
    pub away: Option<Away>,
    /// Which attempt this is, from 1 on; where one only looks, how many there were. Beyond 65,535 it stays there.
    pub attempt: u16,
    /// When it was put, or brought back from the dead. Of an item older than 2^40 milliseconds (34 years) that many
    /// are forgotten.
    pub accepted_at: Time,
    /// By what it is acknowledged; `None` if it was not lent to the caller.
    pub token: Option<Token>,
    /// When the lease or the delay is over, or when it died; `None` if it is ready.
    pub until: Option<Time>,
    /// Why it died in this queue, as far as anyone has said; empty otherwise.
    pub reason: &'a [u8],
    /// How it died in another queue, if that handed it on to this one and it has not died here since.
    pub died: Option<Death<'a>>,
}

impl<'a> Item<'a> {
    /// An item of which nothing else is known: who tells again what a queue has told adds the rest. O(1).
    pub const fn new(id: u64, data: &'a [u8], accepted_at: Time) -> Self {
        Self { id, data, away: None, attempt: 0, accepted_at, token: None, until: None, reason: &[], died: None }
    }
}

impl Item<'_> {
    /// The item as the queue has it.
    pub const fn held(&self) -> Held<'_> {
        Held::of(self.data, self.away)
    }

    pub(super) const fn size(&self) -> Size {
        self.held().size()
    }
}

/// Every slot is taken, so that no item can be set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoSlot {
    /// How many there are.
    pub slots: usize,
}

impl core::fmt::Display for NoSlot {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "all {} slots for items that are set aside are taken", self.slots)
    }
}

impl core::error::Error for NoSlot {}

/// The item that goes out next.
#[derive(Debug, Clone, Copy)]
pub(super) struct Next {
    pub(super) id: u64,
    /// Where its record begins.
    pub(super) offset: usize,
    pub(super) from: From,
}

/// Where it comes from.
#[derive(Debug, Clone, Copy)]
pub(super) enum From {
    /// It was never set aside; its record has this length, and this position behind it.
    Fresh(usize, Position),
    /// It has this slot.
    Back(u32),
}

impl<S: AsRef<[u8]> + AsMut<[u8]>, L: Grow<Slot>> LeaseQueue<S, L> {
    /// Gives up to `items` of the oldest ready items to `each`, for good, and returns how many were removed.
    /// O(items), and O(log n) for each that was set aside before.
    ///
    /// An item leaves the queue when `each` has returned [`ControlFlow::Continue`] for it: what `each` breaks on
    /// stays, so nothing is lost when there is no room for it.
    pub fn get(&mut self, now: Time, items: u64, mut each: impl FnMut(Item<'_>) -> ControlFlow<()>) -> u64 {
        self.settle(now);
        let (mut taken, mut steps) = (0, MOST_STEPS);
        while taken < items {
            let Some(next) = self.next_ready(&mut steps) else { break };
            let Some(item) = self.item_of(&next) else { break };
            let size = item.size();
            if each(item).is_break() {
                break;
            }
            // At once: `each` may panic at the next one.
            self.leave(&next, size);
            count(&mut self.tally.delivered);
            taken += 1;
        }
        taken
    }

    /// Lends up to `items` of the oldest ready items to `each`, each until `span` from `now`, and returns how many
    /// were lent. O(items log n).
    ///
    /// An item is on lease when `each` has returned [`ControlFlow::Continue`] for it. Its token is made of a number
    /// that `random` gives, which nobody must be able to guess. (Of a source that is stuck at one number each token is
    /// another one all the same.)
    ///
    /// # Errors
    /// [`NoSlot`] if there is a ready item but no place to remember the lease of a single one.
    pub fn lease(
        &mut self,
        now: Time,
        items: u64,
        span: Duration,
        mut random: impl FnMut() -> u64,
        mut each: impl FnMut(Item<'_>) -> ControlFlow<()>,
    ) -> Result<u64, NoSlot> {
        self.lease_with(now, items, span, &mut random, |random| random(), |_, item| each(item))
    }

    /// [`lease`](Self::lease) for who needs one thing for both: random numbers and items.
    ///
    /// # Errors
    /// As [`lease`](Self::lease).
    pub(crate) fn lease_with<C>(
        &mut self,
        now: Time,
        items: u64,
        span: Duration,
        context: &mut C,
        mut random: impl FnMut(&mut C) -> u64,
        mut each: impl FnMut(&mut C, Item<'_>) -> ControlFlow<()>,
    ) -> Result<u64, NoSlot> {
        self.settle(now);
        let until = kept(self.clock.after(span));
        let (mut taken, mut steps) = (0, MOST_STEPS);
        while taken < items {
            let Some(next) = self.next_ready(&mut steps) else { break };
            let slot = match next.from {
                From::Back(slot) => slot,
                From::Fresh(..) => match self.slots.reserve() {
                    Some(slot) => slot,
                    None if taken == 0 => return Err(NoSlot { slots: self.slots.len() }),
                    None => break,
                },
            };
            let bits = self.token_bits(random(context));
            let Some(item) = self.item_of(&next) else { break };
            let (attempts, size) = (item.attempt, item.size());
            if each(context, Item { token: Some(Token { slot, bits }), until: Some(until), ..item }).is_break() {
                break;
            }
            let mut lease = Slot::of(next.id).due(until);
            (lease.token, lease.attempts) = (bits, attempts);
            self.lend(&next, lease, size);
            taken += 1;
        }
        Ok(taken)
    }

    /// The ready item of the lowest id. It was accepted first as well, so that no other is too old if it is not.
    pub(super) fn oldest_ready(&mut self) -> Option<Next> {
        let fresh = self.oldest_fresh();
        let Some((slot, back)) = self.back.first().and_then(|slot| Some((slot, self.slots.get(slot)?))) else {
            return fresh;
        };
        if fresh.is_some_and(|fresh| fresh.id < back.id) {
            return fresh;
        }
        Some(Next { id: back.id, offset: back.offset(), from: From::Back(slot) })
    }

    /// The oldest item that was never set aside. O(1), but once O(n) for n others in front of it.
    pub(super) fn oldest_fresh(&mut self) -> Option<Next> {
        if self.fresh.len == 0 {
            return None;
        }
        if self.log.missed(&self.fresh.at) > 0 {
            self.fresh.at = self.log.start();
        }
        loop {
            let mut after = self.fresh.at;
            let (offset, record) = self.log.read_at(&mut after)?;
            if let Kind::Fresh(number) = Kind::of(record) {
                let id = record::id_from(self.fresh.id, number);
                return Some(Next { id, offset, from: From::Fresh(record.len(), after) });
            }
            self.fresh.at = after;
        }
    }

    fn item_of(&self, next: &Next) -> Option<Item<'_>> {
        let (record, attempts) = match next.from {
            From::Fresh(len, after) => (self.log.record_before(after, len)?, 0),
            From::Back(slot) => (self.log.record_at(next.offset)?, self.slots.get(slot)?.attempts),
        };
        Some(self.shown(record, next.id, attempts.saturating_add(1)))
    }

    /// Takes a ready item of that size out of the queue.
    pub(super) fn leave(&mut self, next: &Next, size: Size) {
        match next.from {
            From::Fresh(_, after) => {
                self.skip_fresh(next.id, after);
                if next.offset == self.log.start().offset() {
                    // As `release` does, for what is got most often.
                    self.room.give(after.offset().wrapping_sub(next.offset), size);
                    self.log.pop_to(after);
                    self.reclaim();
                } else {
                    self.release(next.offset, size);
                }
            }
            From::Back(slot) => {
                self.back.remove(&mut self.slots, slot);
                self.release_slot(slot);
            }
        }
    }

    /// The oldest fresh item is none any more.
    const fn skip_fresh(&mut self, id: u64, after: Position) {
        self.fresh.len = self.fresh.len.wrapping_sub(1);
        self.fresh.at = after;
        self.fresh.id = id.wrapping_add(1);
    }

    /// Puts a ready item on lease.
    fn lend(&mut self, next: &Next, lease: Slot, size: Size) {
        let slot = match next.from {
            From::Fresh(_, after) => {
                let Some(slot) = self.slots.take(lease) else { return };
                self.skip_fresh(next.id, after);
                self.set_kind(next.offset, Kind::Aside(slot));
                slot
            }
            From::Back(slot) => {
                self.back.remove(&mut self.slots, slot);
                slot
            }
        };
        if let Some(place) = self.slots.get_mut(slot) {
            *place = lease;
            place.set_offset(next.offset);
        }
        self.leased.insert(&mut self.slots, slot);
        let taken = self.log.record_at(next.offset).and_then(|record| record_len(record.len())).unwrap_or_default();
        self.room.leased.take(taken, size);
        count(&mut self.tally.lent);
    }

    /// The bits of the next token.
    ///
    /// The number of the lease is mixed in, so that a source that is stuck doesn't make a token twice.
    const fn token_bits(&self, random: u64) -> u64 {
        match random ^ self.tally.lent {
            0 => !self.tally.lent,
            bits => bits,
        }
    }
}
