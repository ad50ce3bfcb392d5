//! Dead letters: items whose last lease ended without acknowledgement.

use core::iter::once;
use core::ops::ControlFlow;

use super::LeaseQueue;
use super::counters::count;
use super::record::{self, HEADER, Kind};
use super::slot::Slot;
use crate::log::record_len;
use crate::storage::Grow;
use crate::time::Time;

/// A dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Letter<'a> {
    /// The number that it had in this queue.
    pub id: u64,
    /// What was put.
    pub data: &'a [u8],
    /// How often it was lent.
    pub attempts: u16,
    /// What was said when it was given back for the last time, or the beginning of it; empty if its lease ran out.
    pub reason: &'a [u8],
    /// When it was put, or brought back from the dead.
    pub accepted_at: Time,
    /// When its last lease ended.
    pub died_at: Time,
}

impl<S: AsRef<[u8]> + AsMut<[u8]>, L: Grow<Slot>> LeaseQueue<S, L> {
    /// Hands on up to `letters` dead letters to `each`, those that died first before the others, and returns how many
    /// were removed: for those who keep them elsewhere. They stay counted as dead. O(letters log n).
    ///
    /// A letter leaves the queue when `each` has returned [`ControlFlow::Continue`] for it.
    pub fn take_dead(&mut self, now: Time, letters: u64, mut each: impl FnMut(Letter<'_>) -> ControlFlow<()>) -> u64 {
        self.settle(now);
        let mut taken = 0;
        while taken < letters {
            let Some(slot) = self.dead.first() else { break };
            let Some(letter) = self.letter(slot) else { break };
            if each(letter).is_break() {
                break;
            }
            self.dead.remove(&mut self.slots, slot);
            self.release_slot(slot);
            count(&mut self.tally.handed_on);
            taken += 1;
        }
        taken
    }

    /// Makes all dead letters ready again, behind what is ready, those that died first before the others, and returns
    /// how many. O(n log n) for n letters.
    ///
    /// They are as good as new: their attempts and their age begin again, and each has a new id.
    pub fn redrive(&mut self, now: Time) -> u64 {
        self.settle(now);
        let mut redriven = 0;
        while let Some(slot) = self.dead.first() {
            self.dead.remove(&mut self.slots, slot);
            let id = self.new_id();
            let Some(place) = self.slots.get_mut(slot) else { break };
            (place.id, place.attempts) = (id, 0);
            if let Some(record) = self.log.record_at_mut(place.offset()) {
                record::write_header(record, Kind::of(record), self.clock);
                record::forget_reason(record);
            }
            self.bring_back(slot);
            count(&mut self.tally.redriven);
            redriven += 1;
        }
        redriven
    }

    /// Empties the queue of all but what is on lease, and returns how many items left. O(n log n).
    pub fn purge(&mut self, now: Time) -> u64 {
        self.settle(now);
        let mut purged = 0;
        while let Some(next) = self.oldest_ready() {
            let bytes = self.data_at(next.offset).len();
            self.leave(&next, bytes);
            count(&mut self.tally.purged);
            purged += 1;
        }
        while let Some(slot) = self.delayed.first().or(self.dead.first()) {
            self.delayed.remove(&mut self.slots, slot);
            self.dead.remove(&mut self.slots, slot);
            self.release_slot(slot);
            count(&mut self.tally.purged);
            purged += 1;
        }
        purged
    }

    /// The letter in `slot`.
    pub(super) fn letter(&self, slot: u32) -> Option<Letter<'_>> {
        let slot = self.slots.get(slot)?;
        let record = self.log.record_at(slot.offset())?;
        let parts = record::parts(record);
        Some(Letter {
            id: slot.id,
            data: parts.data,
            attempts: slot.attempts,
            reason: parts.reason,
            accepted_at: record::accepted_at(record, self.clock),
            died_at: Time::from_millis(slot.key),
        })
    }

    /// Makes a dead letter of an item that has a slot and is in no tree.
    pub(super) fn bury(&mut self, slot: u32, died_at: Time, reason: &[u8]) {
        if let Some(place) = self.slots.get_mut(slot) {
            place.key = died_at.as_millis();
        }
        self.dead.insert(&mut self.slots, slot);
        if self.write_reason(slot, record::kept(reason)).is_none() {
            count(&mut self.tally.reasons_lost);
        }
    }

    /// Writes why the item died, where its record has room for it, or else by making it a longer record at the end of
    /// the log. No other item leaves for that.
    fn write_reason(&mut self, slot: u32, reason: &[u8]) -> Option<()> {
        let old = self.slots.get(slot)?.offset();
        let record = self.log.record_at_mut(old)?;
        let reasoned = matches!(Kind::of(record), Kind::Reasoned(_));
        if (reasoned && record::replace_reason(record, reason)) || (!reasoned && reason.is_empty()) {
            return Some(());
        }
        let bytes = record::parts(record).data.len();
        let len = record::reasoned_len(bytes, reason.len())?;
        self.find_room(once(len), None)?;
        // Finding room may have moved it.
        let old = self.slots.get(slot)?.offset();
        let accepted = self.accepted_at(old);
        let place = self.log.append_at(len, |room| {
            record::write_header(room, Kind::Reasoned(slot), accepted);
            record::write_reason(room, reason);
        });
        let new = place.ok()?.offset();
        self.log.copy((old, HEADER), (new, HEADER), bytes)?;
        self.room.live = self.room.live.wrapping_add(record_len(len)?);
        self.slots.get_mut(slot)?.set_offset(new);
        // The item is still held, only elsewhere.
        self.release(old, 0);
        Some(())
    }
}
