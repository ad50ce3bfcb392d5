//! What becomes of a lease: the item is acknowledged, given back, or kept longer.

use core::time::Duration;

use super::counters::count;
use super::due::is_due;
use super::slot::{Slot, kept};
use super::{LeaseQueue, Token};
use crate::storage::Grow;
use crate::time::Time;

/// The lease is over, or there never was one of this token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseOver;

impl core::fmt::Display for LeaseOver {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the lease is over")
    }
}

impl core::error::Error for LeaseOver {}

/// What became of an item that was given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nacked {
    /// It is ready again.
    Ready,
    /// It will be ready at this time.
    Delayed(Time),
    /// It was lent as often as it may be.
    Dead,
}

impl<S: AsRef<[u8]> + AsMut<[u8]>, L: Grow<Slot>> LeaseQueue<S, L> {
    /// Removes the item that is on lease by `token`: it was dealt with. O(log n).
    ///
    /// # Errors
    /// [`LeaseOver`]; nothing has changed.
    pub fn ack(&mut self, now: Time, token: Token) -> Result<(), LeaseOver> {
        let slot = self.held(now, token)?;
        self.end_lease(slot);
        self.release_slot(slot);
        count(&mut self.tally.acked);
        Ok(())
    }

    /// Gives back the item that is on lease by `token`: it will be ready after `delay`, or it is dead, and `reason`
    /// says why. Of that 128 bytes are kept, if there is room for them. O(log n).
    ///
    /// # Errors
    /// [`LeaseOver`]; nothing has changed.
    pub fn nack(&mut self, now: Time, token: Token, delay: Duration, reason: &[u8]) -> Result<Nacked, LeaseOver> {
        let slot = self.held(now, token)?;
        self.end_lease(slot);
        count(&mut self.tally.nacked);
        if self.is_worn(slot) {
            self.bury(slot, self.clock, reason);
            return Ok(Nacked::Dead);
        }
        count(&mut self.tally.requeued);
        if delay.is_zero() {
            self.bring_back(slot);
            return Ok(Nacked::Ready);
        }
        let due = kept(self.clock.after(delay));
        self.delay(slot, due);
        Ok(Nacked::Delayed(due))
    }

    /// Lets the lease by `token` end at `span` from `now`, and returns that time. It may be earlier than before.
    /// O(log n).
    ///
    /// # Errors
    /// [`LeaseOver`]; nothing has changed.
    pub fn touch(&mut self, now: Time, token: Token, span: Duration) -> Result<Time, LeaseOver> {
        let slot = self.held(now, token)?;
        let until = kept(self.clock.after(span));
        self.leased.remove(&mut self.slots, slot);
        if let Some(place) = self.slots.get_mut(slot) {
            place.set_key(until);
        }
        self.leased.insert(&mut self.slots, slot);
        Ok(until)
    }

    /// The slot of the item that is on lease by `token`.
    fn held(&mut self, now: Time, token: Token) -> Result<u32, LeaseOver> {
        let now = self.told(now);
        let slot = self.slots.get(token.slot).filter(|slot| token.has_bits(slot.token)).ok_or(LeaseOver)?;
        if is_due(slot.key(), now) { Err(LeaseOver) } else { Ok(token.slot) }
    }

    /// From here on the token is worth nothing; the item is in no tree.
    pub(super) fn end_lease(&mut self, slot: u32) {
        self.leased.remove(&mut self.slots, slot);
        let Some(place) = self.slots.get_mut(slot) else { return };
        place.token = 0;
        let Some((taken, size)) = self.taken_by(slot) else { return };
        self.room.leased.give(taken, size);
    }

    /// Whether the item was lent as often as it may be.
    pub(super) fn is_worn(&self, slot: u32) -> bool {
        let attempts = self.slots.get(slot).map_or(0, |slot| slot.attempts);
        self.settings.max_attempts.is_some_and(|most| attempts >= most)
    }

    /// Makes ready an item that has a slot and is in no tree.
    pub(super) fn bring_back(&mut self, slot: u32) {
        if let Some(place) = self.slots.get_mut(slot) {
            place.set_key(Time::ZERO);
        }
        self.back.insert(&mut self.slots, slot);
        self.has_risen();
    }

    /// Sets aside until then an item that has a slot and is in no tree.
    pub(super) fn delay(&mut self, slot: u32, due: Time) {
        if let Some(place) = self.slots.get_mut(slot) {
            place.set_key(due);
        }
        self.delayed.insert(&mut self.slots, slot);
    }
}
