//! Dead letters: items whose last lease ended without acknowledgement.

use core::ops::ControlFlow;
use core::time::Duration;

use super::counters::count;
use super::note::{self, Death, Note};
use super::record::{self, Form, HEADER, Kind};
use super::slot::Slot;
use super::tree::rank_of;
use super::{Away, Held, LeaseQueue, PutError};
use crate::log::record_len;
use crate::storage::Grow;
use crate::time::Time;

/// A dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Letter<'a> {
    /// The number that it had in this queue.
    pub id: u64,
    /// What was put; nothing, if that lies elsewhere.
    pub data: &'a [u8],
    /// Where it lies, if that is elsewhere.
    pub away: Option<Away>,
    /// How often it was lent.
    pub attempts: u16,
    /// What was said when it was given back for the last time, or the beginning of it; empty if its lease ran out.
    pub reason: &'a [u8],
    /// When it was put, or brought back from the dead.
    pub accepted_at: Time,
    /// When its last lease ended.
    pub died_at: Time,
}

impl Letter<'_> {
    /// The item as the queue has it.
    pub const fn held(&self) -> Held<'_> {
        Held::of(self.data, self.away)
    }
}

impl<S, L> LeaseQueue<S, L> {
    /// Says whether its letters are being handed on by who keeps copies of them: until that has ended, they only leave by
    /// [`drop_letter`](Self::drop_letter) and [`take_dead`](Self::take_dead). They are not brought back, nor purged, and
    /// make no room for others, as if they were on lease.
    pub const fn set_handing(&mut self, handing: bool) {
        self.handing = handing;
    }

    /// Whether its letters are being handed on. O(1).
    pub const fn is_handing(&self) -> bool {
        self.handing
    }
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
            self.unbury(slot);
            self.release_slot(slot);
            count(&mut self.tally.handed_on);
            taken += 1;
        }
        taken
    }

    /// Lets the letter leave that has this id and died then, as if it had been [taken](Self::take_dead), and returns
    /// whether there was one: for those who keep a copy of it elsewhere. O(log n).
    pub fn drop_letter(&mut self, died_at: Time, id: u64) -> bool {
        let rank = (died_at.as_millis(), id);
        let found = self.dead.find(&self.slots, rank);
        let found = found.filter(|slot| self.slots.get(*slot).is_some_and(|slot| rank_of(slot) == rank));
        let Some(slot) = found else { return false };
        self.unbury(slot);
        self.release_slot(slot);
        count(&mut self.tally.handed_on);
        true
    }

    /// Shows the dead letters to `each`, those that died first before the others, until it breaks. O(letters log n).
    pub fn letters(&mut self, now: Time, mut each: impl FnMut(Letter<'_>) -> ControlFlow<()>) {
        self.settle(now);
        let mut from = (0, 0);
        while let Some(slot) = self.dead.find(&self.slots, from) {
            let Some(letter) = self.letter(slot) else { break };
            let next = letter.id.checked_add(1).map(|id| (letter.died_at.as_millis(), id));
            let goes_on = each(letter).is_continue();
            let Some(rank) = next.filter(|_| goes_on) else { break };
            from = rank;
        }
    }

    /// Puts a letter of another queue, to be got as any item: how it died goes with it ([`Item::died`](super::Item::died)) where this
    /// storage could ever hold both. O(1) and the items that leave, as [`put`](Self::put).
    ///
    /// # Errors
    /// As [`put`](Self::put); nothing is counted, since the letter is still where it was.
    pub fn put_letter(
        &mut self,
        now: Time,
        letter: &Letter<'_>,
        mut overflow: impl FnMut(Held<'_>),
    ) -> Result<u64, PutError> {
        self.told(now);
        let Letter { attempts, reason, accepted_at, died_at, .. } = *letter;
        let (held, note) = (letter.held(), Note::of_death(&Death { attempts, reason, accepted_at, died_at }));
        let fits = record::record_len(held.size().stored(), note.len()).is_some_and(|len| self.log.can_hold(len));
        let fill = |room: &mut [u8]| held.copy_to(room);
        let id = self.accept(held.size(), fits.then_some(&note), Duration::ZERO, fill, &mut overflow)?;
        if !fits {
            count(&mut self.tally.reasons_lost);
        }
        Ok(id)
    }

    /// Makes up to `letters` dead letters ready again, behind what is ready, those that died first before the others, and
    /// returns how many. O(letters log n).
    ///
    /// They are as good as new: their attempts and their age begin again, and each has a new id.
    pub fn redrive(&mut self, now: Time, letters: u64) -> u64 {
        self.settle(now);
        let mut redriven = 0;
        while redriven < letters {
            let Some(slot) = self.letter_to_leave() else { break };
            self.unbury(slot);
            let id = self.new_id();
            let Some(place) = self.slots.get_mut(slot) else { break };
            (place.id, place.attempts) = (id, 0);
            if let Some(record) = self.log.record_at_mut(place.offset()) {
                record::write_header(record, Kind::of(record), record::form_of(record), self.clock);
                note::forget(record);
            }
            self.bring_back(slot);
            count(&mut self.tally.redriven);
            redriven += 1;
        }
        redriven
    }

    /// Lets up to `items` items leave, of all but those on lease, and returns how many did: with those that are ready
    /// first, then the delayed and the dead. O(items log n).
    pub fn purge(&mut self, now: Time, items: u64) -> u64 {
        self.settle(now);
        let mut purged = 0;
        while purged < items {
            let Some(next) = self.oldest_ready() else { break };
            let size = self.size_at(next.offset);
            self.leave(&next, size);
            count(&mut self.tally.purged);
            purged += 1;
        }
        while purged < items {
            let Some(slot) = self.delayed.first().or(self.letter_to_leave()) else { break };
            self.delayed.remove(&mut self.slots, slot);
            self.unbury(slot);
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
        let (data, away) = record::held_in(record, parts.stored).told();
        Some(Letter {
            id: slot.id,
            data,
            away,
            attempts: slot.attempts,
            reason: parts.reason,
            accepted_at: record::accepted_at(record, self.clock),
            died_at: slot.key(),
        })
    }

    /// Makes a dead letter of an item that has a slot and is in no tree.
    pub(super) fn bury(&mut self, slot: u32, died_at: Time, reason: &[u8]) {
        if let Some(place) = self.slots.get_mut(slot) {
            place.set_key(died_at);
        }
        self.dead.insert(&mut self.slots, slot);
        if self.write_note(slot, &Note::of_reason(reason)).is_none() {
            let offset = self.slots.get(slot).map(Slot::offset);
            if let Some(record) = offset.and_then(|offset| self.log.record_at_mut(offset)) {
                note::forget(record);
            }
            count(&mut self.tally.reasons_lost);
        }
        // Its record may be a longer one now.
        if let Some((taken, size)) = self.taken_by(slot) {
            self.room.dead.take(taken, size);
        }
    }

    /// Takes a slot out of the dead, if it is one of them.
    pub(super) fn unbury(&mut self, slot: u32) {
        if self.dead.remove(&mut self.slots, slot)
            && let Some((taken, size)) = self.taken_by(slot)
        {
            self.room.dead.give(taken, size);
        }
    }

    /// The letter that leaves first where one has to; none while they are handed on.
    pub(super) fn letter_to_leave(&self) -> Option<u32> {
        self.dead.first().filter(|_| !self.handing)
    }

    /// Writes how the item died, where its record has room for it, or else by making it a longer record at the end of
    /// the log. No other item leaves for that.
    fn write_note(&mut self, slot: u32, note: &Note<'_>) -> Option<()> {
        let old = self.slots.get(slot)?.offset();
        let record = self.log.record_at_mut(old)?;
        let Form { is_noted, is_away } = record::form_of(record);
        if (is_noted && note.replace(record)) || (!is_noted && note.is_empty()) {
            return Some(());
        }
        let (stored, size) = (record::parts(record).stored.len(), record::held(record).size());
        let len = record::record_len(stored, note.len())?;
        self.find_room(record_len(len)?, None)?;
        // Finding room may have moved it.
        let old = self.slots.get(slot)?.offset();
        let accepted = self.accepted_at(old);
        let place = self.log.append_at(len, |room| {
            record::write_header(room, Kind::Aside(slot), Form { is_noted: true, is_away }, accepted);
            note.write(room);
        });
        let new = place.ok()?.offset();
        self.log.copy((old, HEADER), (new, HEADER), stored)?;
        self.room.take(record_len(len)?, size);
        self.slots.get_mut(slot)?.set_offset(new);
        self.release(old, size);
        Some(())
    }
}
