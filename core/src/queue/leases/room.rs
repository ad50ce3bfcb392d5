//! Room for an item that is put: what leaves for it, and what is moved out of its way.

use super::away::{Held, Size};
use super::counters::count;
use super::record::{self, Kind};
use super::slot::Slot;
use super::{LeaseQueue, Overflow, Part};
use crate::log::record_len;
use crate::storage::Grow;

/// Who is handed the items that leave.
pub(super) type Leaving<'a> = &'a mut dyn FnMut(Held<'_>);

impl<S, L> LeaseQueue<S, L> {
    /// Whether so many more items of so many bytes in all are beyond a limit, which take so much if all of it is here.
    pub(super) fn is_beyond(&self, items: u64, bytes: u64, whole: u64) -> bool {
        self.is_beyond_depth(items) || self.is_beyond_bytes(bytes, whole)
    }

    fn is_beyond_depth(&self, items: u64) -> bool {
        let held = self.ready().saturating_add(self.delayed.len()).saturating_add(self.leased.len());
        self.settings.limits.depth.is_some_and(|most| held.saturating_add(items) > most)
    }

    fn is_beyond_bytes(&self, bytes: u64, whole: u64) -> bool {
        self.settings.limits.bytes.is_some_and(|most| self.room.bytes.saturating_add(bytes) > most)
            || self.whole().saturating_add(whole) > self.most
    }

    /// What all records would take if their items lay in them.
    const fn whole(&self) -> u64 {
        (self.room.live as u64).saturating_add(self.room.elsewhere)
    }

    /// Whether the storage is one that grows.
    pub(crate) const fn grows(&self) -> bool {
        self.most < u64::MAX
    }

    /// Bytes that the items may take, with what is kept beside each.
    pub(crate) fn most_bytes(&self) -> u64
    where
        S: AsRef<[u8]>,
    {
        if self.grows() { self.most } else { self.log.capacity() as u64 }
    }

    /// Whether an item of `len` bytes is beyond a limit even when it is the only one.
    pub(super) fn is_beyond_alone(&self, len: usize) -> bool {
        let limits = self.settings.limits;
        self.settings.overflow == Overflow::DropOldest
            && (limits.depth == Some(0) || limits.bytes.is_some_and(|most| len as u64 > most))
    }
}

impl<S: AsRef<[u8]> + AsMut<[u8]>, L: Grow<Slot>> LeaseQueue<S, L> {
    /// Makes room for an item of that size and a note of `note`, or changes nothing if there is none to be made.
    pub(super) fn make_room(&mut self, size: Size, note: usize, overflow: Leaving<'_>) -> Option<()> {
        let (bytes, whole) = (size.len as u64, record::whole_len(size.len, note));
        let needed = record_len(record::record_len(size.stored(), note)?)?;
        let beyond = self.is_beyond(1, bytes, whole);
        if !beyond && self.log.place(needed).is_some() {
            return Some(());
        }
        self.settle(self.clock);
        match self.settings.overflow {
            Overflow::Reject => {
                if self.is_beyond(1, bytes, whole) {
                    return None;
                }
                self.find_room(needed, None)
            }
            Overflow::DropOldest => {
                if !self.can_make_room(size, note) {
                    return None;
                }
                if self.is_beyond_alone(size.len) {
                    // All that are ready leave with it, so that no letter does if that is enough.
                    while self.drop_ready(overflow) {}
                } else {
                    while self.is_beyond_depth(1) && self.drop_one(false, overflow) {}
                    while self.is_beyond_bytes(bytes, whole) && self.drop_one(true, overflow) {}
                }
                // Nothing leaves because there is no memory for where it lies.
                let leaving = if self.grows() { None } else { Some(overflow) };
                self.find_room(needed, leaving)
            }
        }
    }

    /// Whether there is room for an item of that size and a note of `note` if all leave that may.
    pub(super) fn can_make_room(&mut self, size: Size, note: usize) -> bool {
        let (len, whole) = (size.len, record::whole_len(size.len, note));
        let possible = |queue: &Self| {
            let limits = queue.settings.limits;
            let (leased, dead) = (&queue.room.leased, if queue.handing { &queue.room.dead } else { &Part::NONE });
            let bytes = leased.bytes.saturating_add(dead.bytes);
            let beyond = limits.depth.is_some_and(|most| queue.leased.len() >= most)
                || limits.bytes.is_some_and(|most| bytes.saturating_add(len as u64) > most);
            let stays = leased.whole.saturating_add(dead.whole);
            (!beyond || queue.is_beyond_alone(len)) && stays.saturating_add(whole) <= queue.most_bytes()
        };
        possible(self) || {
            self.settle(self.clock);
            possible(self)
        }
    }

    /// Whether items of these lengths have room beside all that is there. O(items).
    pub(crate) fn has_room_beside(&self, lens: impl Iterator<Item = usize>) -> bool {
        let (mut items, mut bytes, mut whole) = (0_u64, 0_u64, 0_u64);
        for len in lens {
            items = items.saturating_add(1);
            bytes = bytes.saturating_add(len as u64);
            whole = whole.saturating_add(record::whole_len(len, 0));
        }
        !self.is_beyond(items, bytes, whole) && (self.grows() || whole <= self.free() as u64)
    }

    /// Lets the log have room in one piece for `needed` bytes of records. Without `overflow` no item leaves for that.
    ///
    /// At most each record is moved to the end once, and all of them together once.
    pub(super) fn find_room(&mut self, needed: usize, mut overflow: Option<Leaving<'_>>) -> Option<()> {
        let mut moves = self.log.len();
        while self.log.place(needed).is_none() {
            let enough = needed <= self.free();
            let oldest = self.log.front().map(Kind::of);
            if enough && moves > 0 && matches!(oldest, Some(Kind::Aside(_))) {
                moves -= 1;
                self.recycle();
            } else if enough && (moves == 0 || self.is_worth_compacting()) {
                self.compact();
            } else if let Some(overflow) = overflow.as_deref_mut() {
                if !self.drop_one(true, overflow) {
                    // Only what may not leave is left.
                    if !enough {
                        return None;
                    }
                    self.compact();
                }
            } else {
                return None;
            }
        }
        Some(())
    }

    /// Whether so many more bytes of records should only be put when the storage has [grown](Self::grow). O(1).
    pub(crate) fn is_short_of(&self, bytes: usize) -> bool {
        self.grows() && self.free() < bytes.saturating_add(self.spare())
    }

    /// Bytes of a storage that grows which are kept free, so that moving records costs little. O(1).
    pub(crate) fn spare(&self) -> usize {
        self.log.capacity() / 4
    }

    /// Lets the storage grow as `grow` does, and returns what that says. O(storage) if it did and records lie on both sides
    /// of its old end: what is new is of use only in one piece with what is free.
    pub(crate) fn grow(&mut self, grow: impl FnOnce(&mut S) -> bool) -> bool {
        let has_grown = self.log.grow(grow);
        if has_grown && self.log.is_wrapped() {
            self.compact();
        }
        has_grown
    }

    /// Bytes of the storage that no item needs.
    fn free(&self) -> usize {
        self.log.capacity().saturating_sub(self.room.live)
    }

    /// To move all bytes for the sake of a few would make every put as slow as that: so there must be an eighth of
    /// them to be won, and each byte put moves eight at most.
    fn is_worth_compacting(&self) -> bool {
        self.free() >= self.log.capacity() / 8
    }

    /// Moves the oldest record, which has a slot, behind the newest.
    fn recycle(&mut self) {
        let oldest = self.log.front().map(|record| (Kind::of(record), record.len()));
        let Some((Kind::Aside(slot), len)) = oldest else { return };
        let Some(place) = self.log.recycle() else { return };
        self.tally.moved = self.tally.moved.wrapping_add(len as u64);
        if let Some(slot) = self.slots.get_mut(slot) {
            slot.set_offset(place.offset());
        }
        self.reclaim();
    }

    /// Moves all records together.
    fn compact(&mut self) {
        let Self { log, slots, fresh, tally, .. } = self;
        log.compact(|record, place| {
            match Kind::of(record) {
                Kind::Done => return false,
                Kind::Fresh(_) => (),
                Kind::Aside(slot) => {
                    if let Some(slot) = slots.get_mut(slot) {
                        slot.set_offset(place.offset());
                    }
                }
            }
            tally.moved = tally.moved.wrapping_add(record.len() as u64);
            true
        });
        fresh.at = log.start();
        self.room.waste = 0;
        self.compacted = self.compacted.wrapping_add(1);
    }

    /// Lets one item leave, and returns whether there was one that may. The dead come first, where that helps: nobody
    /// works on them, and they would stay until nothing else has room.
    fn drop_one(&mut self, or_dead: bool, overflow: Leaving<'_>) -> bool {
        let dead = self.letter_to_leave().filter(|_| or_dead);
        if dead.is_none() && self.drop_ready(overflow) {
            return true;
        }
        let Some(slot) = dead.or(self.delayed.first()) else { return false };
        self.unbury(slot);
        self.delayed.remove(&mut self.slots, slot);
        let Some(offset) = self.slots.get(slot).map(Slot::offset) else { return false };
        self.release_slot(slot);
        self.hand_over(offset, overflow);
        true
    }

    /// Lets the oldest ready item leave, and returns whether there was one.
    pub(super) fn drop_ready(&mut self, overflow: Leaving<'_>) -> bool {
        let Some(next) = self.oldest_ready() else { return false };
        let size = self.size_at(next.offset);
        self.leave(&next, size);
        self.hand_over(next.offset, overflow);
        true
    }

    /// Counts an item that has left, and hands it over: its bytes stay in place until the next append.
    fn hand_over(&mut self, offset: usize, overflow: Leaving<'_>) {
        count(&mut self.tally.overflow);
        overflow(self.log.record_at(offset).map_or(Held::Here(&[]), record::held));
    }
}
