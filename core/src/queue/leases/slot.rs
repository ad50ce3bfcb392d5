//! Places for the items that are set aside: on lease, delayed, back from either, or dead.

use crate::storage::Grow;
use crate::time::Time;

/// Room for one item that is set aside, of 38 bytes.
// There may be millions of them: they lie close together, though some processors read them in two halves.
#[derive(Debug, Clone, Copy)]
#[repr(C, packed(2))]
pub struct Slot {
    pub(super) id: u64,
    /// The random bits of the lease; 0 while there is none.
    pub(super) token: u64,
    /// Links of the tree that it is in; in a free slot `left` is the next free one.
    pub(super) left: u32,
    pub(super) right: u32,
    /// What the tree that it is in is ordered by, before the id: when it is due, or when it died.
    key: Bits48,
    /// Where its record begins in the storage, which is more than a processor of today can address.
    offset: Bits48,
    /// How often it was lent.
    pub(super) attempts: u16,
}

const _: () = assert!(size_of::<Slot>() == 38);

/// No slot.
pub(super) const NONE: u32 = u32::MAX;

/// Slots that can be told apart in the header of a record.
pub(super) const MOST: u32 = 1 << super::record::NUMBER_BITS;

impl Slot {
    /// A slot that no item has.
    pub const FREE: Self =
        Self { id: 0, token: 0, left: NONE, right: NONE, key: Bits48::of(0), offset: Bits48::of(0), attempts: 0 };

    /// One that is yet to be restored. No item has its id: a queue has a next one.
    const UNKNOWN: Self = Self { id: u64::MAX, ..Self::FREE };

    /// That of an item, which is not lent and in no tree.
    pub(super) const fn of(id: u64) -> Self {
        Self { id, ..Self::FREE }
    }

    pub(super) const fn key(&self) -> Time {
        match self.key.get() {
            Bits48::MAX => Time::NEVER,
            millis => Time::from_millis(millis),
        }
    }

    pub(super) const fn set_key(&mut self, key: Time) {
        self.key = Bits48::of(key.as_millis());
    }

    /// The same with this key.
    pub(super) const fn due(mut self, key: Time) -> Self {
        self.set_key(key);
        self
    }

    pub(super) const fn offset(&self) -> usize {
        self.offset.get() as usize
    }

    pub(super) const fn set_offset(&mut self, offset: usize) {
        self.offset = Bits48::of(offset as u64);
    }
}

/// The time that a slot keeps of this one: what is due in the year 10,889 or later never is.
pub(super) const fn kept(time: Time) -> Time {
    Slot::FREE.due(time).key()
}

/// A number that is kept in 48 bits; for any beyond them, the highest of those.
#[derive(Debug, Clone, Copy)]
struct Bits48([u16; 3]);

impl Bits48 {
    const MAX: u64 = (1 << 48) - 1;

    const fn of(number: u64) -> Self {
        let number = if number < Self::MAX { number } else { Self::MAX };
        Self([number as u16, (number >> 16) as u16, (number >> 32) as u16])
    }

    const fn get(self) -> u64 {
        let [low, middle, high] = self.0;
        low as u64 | (middle as u64) << 16 | (high as u64) << 32
    }
}

impl Default for Slot {
    fn default() -> Self {
        Self::FREE
    }
}

/// All the slots, and which of them are free.
#[derive(Debug, Clone)]
pub(super) struct Slots<L> {
    storage: L,
    /// Slots below this index have been used; those of them that are free form a list.
    pub(super) touched: u32,
    free: u32,
    used: u64,
    seed: u64,
}

impl<L> Slots<L> {
    pub(super) const fn new(storage: L, seed: u64) -> Self {
        Self { storage, touched: 0, free: NONE, used: 0, seed }
    }

    pub(super) const fn used(&self) -> u64 {
        self.used
    }

    pub(super) const fn seed(&self) -> u64 {
        self.seed
    }

    /// How near the root of its tree a slot stands, which nobody can foretell who doesn't know the seed.
    pub(super) const fn priority(&self, slot: u32) -> u64 {
        // The finaliser of SplitMix64 (Steele, Lea, Flood 2014).
        let mut bits = self.seed.wrapping_add((slot as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}

impl<L: Grow<Slot>> Slots<L> {
    pub(super) fn get(&self, slot: u32) -> Option<&Slot> {
        self.storage.as_ref().get(slot as usize)
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut Slot> {
        self.storage.as_mut().get_mut(slot as usize)
    }

    /// Slots there are, free or not.
    pub(super) fn len(&self) -> usize {
        self.storage.as_ref().len()
    }

    /// The slot that [`take`](Self::take) takes next, if there is any.
    pub(super) fn reserve(&mut self) -> Option<u32> {
        if self.free != NONE {
            return Some(self.free);
        }
        let room = |slots: &Self| slots.touched < MOST && (slots.touched as usize) < slots.len();
        (room(self) || (self.storage.grow() && room(self))).then_some(self.touched)
    }

    /// Whether so many more can be taken.
    pub(super) fn has_room_for(&mut self, more: u64) -> bool {
        loop {
            let most = (self.len() as u64).min(u64::from(MOST));
            if most.saturating_sub(self.used) >= more {
                return true;
            }
            if !self.storage.grow() {
                return false;
            }
        }
    }

    /// Takes the [reserved](Self::reserve) slot for `item`.
    pub(super) fn take(&mut self, item: Slot) -> Option<u32> {
        let taken = self.reserve()?;
        let slot = self.storage.as_mut().get_mut(taken as usize)?;
        if self.free == NONE {
            self.touched = taken.wrapping_add(1);
        } else {
            self.free = slot.left;
        }
        *slot = item;
        self.used = self.used.wrapping_add(1);
        Some(taken)
    }

    /// The free ones of those that have been used, in the order in which they will be taken.
    pub(super) fn free(&self) -> impl Iterator<Item = u32> {
        core::iter::successors((self.free != NONE).then_some(self.free), |at| {
            self.get(*at).map(|slot| slot.left).filter(|next| *next != NONE)
        })
    }

    /// Begins to restore so many slots, of which the first `touched` were used: none of these is known yet. `None` if
    /// there are not as many.
    pub(super) fn begin(&mut self, len: u64, touched: u64) -> Option<()> {
        while (self.len() as u64) < len && self.storage.grow() {}
        let touched = u32::try_from(touched).ok().filter(|touched| *touched <= MOST && self.len() as u64 == len)?;
        self.storage.as_mut().get_mut(..touched as usize)?.fill(Slot::UNKNOWN);
        self.touched = touched;
        Some(())
    }

    /// Restores the slot of an item; where its record is will be known later.
    pub(super) fn occupy(&mut self, at: u32, item: Slot) -> Option<()> {
        let slot = self.unknown(at)?;
        *slot = Slot { offset: Bits48::of(Bits48::MAX), ..item };
        self.used = self.used.wrapping_add(1);
        Some(())
    }

    /// Whether the slot is one of an item whose record is not known yet.
    pub(super) fn awaits_record(&self, at: u32) -> bool {
        at < self.touched && self.get(at).is_some_and(|slot| slot.offset.get() == Bits48::MAX)
    }

    /// Restores a free slot, which is taken after another one, or is the first.
    pub(super) fn vacate(&mut self, after: Option<u32>, at: u32) -> Option<()> {
        *self.unknown(at)? = Slot::FREE;
        match after {
            Some(after) => self.get_mut(after)?.left = at,
            None => self.free = at,
        }
        Some(())
    }

    fn unknown(&mut self, at: u32) -> Option<&mut Slot> {
        let touched = self.touched;
        self.get_mut(at).filter(|slot| at < touched && slot.id == Slot::UNKNOWN.id)
    }

    pub(super) fn release(&mut self, slot: u32) {
        let free = self.free;
        if let Some(place) = self.get_mut(slot) {
            *place = Slot { left: free, ..Slot::FREE };
            self.free = slot;
            self.used = self.used.wrapping_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_has_48_bits() {
        let mut slot = Slot::FREE;
        for offset in [0, 1, u32::MAX as usize, (1_u64 << 47) as usize, ((1_u64 << 48) - 1) as usize] {
            slot.set_offset(offset);
            assert_eq!(slot.offset(), offset);
        }
    }

    #[test]
    fn a_key_is_kept_to_the_millisecond_and_beyond_its_bits_it_is_never() {
        for millis in [0, 1, 0xffff, 0x1_0000, 0xffff_ffff, 0x1_0000_0000, (1 << 48) - 2] {
            assert_eq!(kept(Time::from_millis(millis)), Time::from_millis(millis));
        }
        for millis in [(1 << 48) - 1, 1 << 48, 1 << 63, u64::MAX] {
            assert_eq!(kept(Time::from_millis(millis)), Time::NEVER);
        }
        assert_eq!(Slot::FREE.key(), Time::ZERO);
    }

    #[test]
    fn a_slot_is_taken_once_until_it_is_released() {
        let mut slots = Slots::new([Slot::FREE; 2], 0);
        assert_eq!(slots.reserve(), Some(0));
        assert_eq!((slots.take(Slot::FREE), slots.take(Slot::FREE), slots.take(Slot::FREE)), (Some(0), Some(1), None));
        slots.release(0);
        slots.release(1);
        assert_eq!((slots.take(Slot::FREE), slots.take(Slot::FREE), slots.reserve()), (Some(1), Some(0), None));
        assert_eq!(slots.used(), 2);
        assert_eq!(Slots::new([Slot::FREE; 0], 0).reserve(), None);
    }
}
