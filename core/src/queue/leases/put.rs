//! Accepting items.

use core::time::Duration;

use super::away::{Away, Held, Size};
use super::counters::count;
use super::note::Note;
use super::record::{self, Form, HEADER, Kind};
use super::room::Leaving;
use super::slot::Slot;
use super::take::NoSlot;
use super::{LeaseQueue, Overflow};
use crate::log::{TooLarge, record_len};
use crate::storage::Grow;
use crate::time::Time;

/// Why an item was not accepted. Nothing has changed, but for counting it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PutError {
    /// The storage could not hold it even if the queue were empty.
    TooLarge(TooLarge),
    /// There is no room, and nothing that may leave for it.
    Full,
    /// It was to be delayed, and every slot is taken.
    NoSlot(NoSlot),
}

impl core::fmt::Display for PutError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::TooLarge(too_large) => too_large.fmt(f),
            Self::Full => f.write_str("the queue is full"),
            Self::NoSlot(no_slot) => no_slot.fmt(f),
        }
    }
}

impl core::error::Error for PutError {}

impl<S: AsRef<[u8]> + AsMut<[u8]>, L: Grow<Slot>> LeaseQueue<S, L> {
    /// Whether an item of `len` bytes fits into the storage at all. O(1).
    ///
    /// # Errors
    /// [`TooLarge`] if it doesn't; [`put`](Self::put) would say the same.
    pub fn check(&self, len: usize) -> Result<(), TooLarge> {
        let fits = if self.grows() {
            record::whole_len(len, 0) <= self.most && u32::try_from(len).is_ok()
        } else {
            record::record_len(len, 0).is_some_and(|len| self.log.can_hold(len))
        };
        let capacity = || usize::try_from(self.most_bytes()).unwrap_or(usize::MAX);
        if fits { Ok(()) } else { Err(TooLarge { len, capacity: capacity() }) }
    }

    /// Appends `item` and returns its id; every item that has to leave for it goes to `overflow`, in the order that
    /// [`Overflow::DropOldest`] tells. O(1) and the items that leave; at worst O(storage), when what stays for long
    /// has to be moved out of the way.
    ///
    /// An item that is beyond a limit by itself leaves at once, after all that is ready. What has to leave and lies
    /// [elsewhere](Away) is not handed over.
    ///
    /// # Errors
    /// [`PutError`].
    pub fn put(&mut self, now: Time, item: &[u8], overflow: impl FnMut(&[u8])) -> Result<u64, PutError> {
        self.put_with(now, item.len(), Duration::ZERO, |room| room.copy_from_slice(item), overflow)
    }

    /// [`put`](Self::put) for an item of `len` bytes that `fill` writes in place, and that can be got after `delay`.
    /// O(log n) if it is delayed.
    ///
    /// # Errors
    /// As [`put`](Self::put); `fill` was not called then.
    pub fn put_with(
        &mut self,
        now: Time,
        len: usize,
        delay: Duration,
        fill: impl FnOnce(&mut [u8]),
        mut overflow: impl FnMut(&[u8]),
    ) -> Result<u64, PutError> {
        self.put_sized(now, Size::here(len), delay, fill, &mut |held| {
            if let Held::Here(item) = held {
                overflow(item);
            }
        })
    }

    /// [`put_with`](Self::put_with) in a queue that may hold items that lie [elsewhere](Away).
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub(crate) fn put_among(
        &mut self,
        now: Time,
        len: usize,
        delay: Duration,
        fill: impl FnOnce(&mut [u8]),
        mut overflow: impl FnMut(Held<'_>),
    ) -> Result<u64, PutError> {
        self.put_sized(now, Size::here(len), delay, fill, &mut overflow)
    }

    /// [`put`](Self::put)s an item that lies elsewhere, and is of [some length](Away::LEAST): in a queue that
    /// [grows](Self::growing_to).
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn put_away(
        &mut self,
        now: Time,
        item: Away,
        delay: Duration,
        mut overflow: impl FnMut(Held<'_>),
    ) -> Result<u64, PutError> {
        let held = Held::Away(item);
        self.put_sized(now, held.size(), delay, |room| held.copy_to(room), &mut overflow)
    }

    fn put_sized(
        &mut self,
        now: Time,
        size: Size,
        delay: Duration,
        fill: impl FnOnce(&mut [u8]),
        overflow: Leaving<'_>,
    ) -> Result<u64, PutError> {
        self.told(now);
        let result = self.accept(size, None, delay, fill, overflow);
        if result.is_err() {
            count(&mut self.tally.refused);
        }
        result
    }

    /// [`put`](Self::put)s all `items`, if each of them can be, and returns how many there were. O(items), and as
    /// `put`.
    ///
    /// # Errors
    /// As [`put`](Self::put), if one of them can't be; then none was. All of them count as refused.
    pub fn mput<'i>(
        &mut self,
        now: Time,
        items: impl Iterator<Item = &'i [u8]> + Clone,
        mut overflow: impl FnMut(&[u8]),
    ) -> Result<u64, PutError> {
        self.told(now);
        if let Err(refused) = self.check_all(items.clone().map(<[u8]>::len)) {
            self.count_refused(items.count() as u64);
            return Err(refused);
        }
        let mut put = 0;
        for item in items {
            self.put(now, item, &mut overflow)?;
            put += 1;
        }
        Ok(put)
    }

    /// Counts items as refused that were not even put, because somebody knew better: a check, or a limit of its own.
    pub const fn count_refused(&mut self, items: u64) {
        self.tally.refused = self.tally.refused.wrapping_add(items);
    }

    /// Whether items of these lengths can be put one after the other, to be got after `delay`. O(items).
    ///
    /// # Errors
    /// As [`put`](Self::put), for the first one that can't be; nothing is counted.
    pub fn check_many(
        &mut self,
        now: Time,
        lens: impl Iterator<Item = usize> + Clone,
        delay: Duration,
    ) -> Result<(), PutError> {
        self.told(now);
        // Slots come out of a budget, and are not given back: so they are the last thing that is asked for.
        self.check_all(lens.clone())?;
        if !delay.is_zero() {
            let items = lens.filter(|len| !self.is_beyond_alone(*len)).count() as u64;
            if !self.slots.has_room_for(items) {
                self.settle(self.clock);
            }
            if !self.slots.has_room_for(items) {
                return Err(PutError::NoSlot(NoSlot { slots: self.slots.len() }));
            }
        }
        Ok(())
    }

    /// Whether items of these lengths can be put one after the other.
    fn check_all(&mut self, lens: impl Iterator<Item = usize> + Clone) -> Result<(), PutError> {
        for len in lens.clone() {
            self.check(len).map_err(PutError::TooLarge)?;
        }
        let grows = self.grows();
        let sizes = lens.map(move |len| Size { len, is_away: grows && len >= Away::LEAST });
        match self.settings.overflow {
            Overflow::DropOldest => {
                if !sizes.clone().all(|size| self.can_make_room(size, 0)) {
                    return Err(PutError::Full);
                }
                if !grows {
                    return Ok(());
                }
            }
            Overflow::Reject => {
                let (mut items, mut bytes, mut whole) = (0_u64, 0_u64, 0_u64);
                for size in sizes.clone() {
                    items = items.saturating_add(1);
                    bytes = bytes.saturating_add(size.len as u64);
                    whole = whole.saturating_add(record::whole_len(size.len, 0));
                }
                if items == 0 {
                    return Ok(());
                }
                if self.is_beyond(items, bytes, whole) {
                    self.settle(self.clock);
                }
                if self.is_beyond(items, bytes, whole) {
                    return Err(PutError::Full);
                }
            }
        }
        let records = sizes.map(|size| record::record_len(size.stored(), 0).unwrap_or(usize::MAX));
        if self.log.has_room_for(records.clone()) {
            return Ok(());
        }
        self.settle(self.clock);
        let needed = records.map(record_len).try_fold(0_usize, |sum, len| sum.checked_add(len?));
        needed.and_then(|needed| self.find_room(needed, None)).ok_or(PutError::Full)
    }

    /// Accepts an item of that size, which may have a note behind it.
    pub(super) fn accept(
        &mut self,
        size: Size,
        note: Option<&Note<'_>>,
        delay: Duration,
        fill: impl FnOnce(&mut [u8]),
        overflow: Leaving<'_>,
    ) -> Result<u64, PutError> {
        let len = size.len;
        self.check(len).map_err(PutError::TooLarge)?;
        // It would leave at once.
        let delayed = !delay.is_zero() && !self.is_beyond_alone(len);
        if delayed && self.slots.reserve().is_none() {
            self.settle(self.clock);
            self.slots.reserve().ok_or(PutError::NoSlot(NoSlot { slots: self.slots.len() }))?;
        }
        let note_len = note.map_or(0, Note::len);
        self.make_room(size, note_len, overflow).ok_or(PutError::Full)?;
        let slot = if delayed { self.slots.reserve() } else { None };
        let kind = slot.map_or(Kind::fresh(self.next_id), Kind::Aside);
        let (whole, accepted) = (record::record_len(size.stored(), note_len).ok_or(PutError::Full)?, self.clock);
        let written = self.log.append_at(whole, |room| {
            record::write_header(room, kind, Form { is_noted: note.is_some(), is_away: size.is_away }, accepted);
            if let Some(note) = note {
                note.write(room);
            }
            fill(room.get_mut(HEADER..whole.saturating_sub(note_len)).unwrap_or_default());
        });
        let place = written.map_err(|_| PutError::Full)?;
        let id = self.new_id();
        self.room.take(record_len(whole).unwrap_or_default(), size);
        count(&mut self.tally.accepted);
        if delayed {
            let mut item = Slot::of(id);
            item.set_offset(place.offset());
            if let Some(slot) = self.slots.take(item) {
                self.delay(slot, accepted.after(delay));
            }
            return Ok(id);
        }
        if self.fresh.len == 0 {
            (self.fresh.at, self.fresh.id) = (place, id);
        }
        self.fresh.len = self.fresh.len.wrapping_add(1);
        if self.is_beyond_alone(len) {
            self.drop_ready(overflow);
        }
        self.has_risen();
        Ok(id)
    }

    /// The number of an item that is new to those who get it.
    pub(super) const fn new_id(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        id
    }
}
