//! The slots: keys, hash chains and a heap in one storage.

use core::hash::{BuildHasher, Hash};

use super::{Counted, SpaceSaving};

/// Room for one key.
///
/// The slots are three structures in one storage: the keys where they came to lie, the heads of the hash chains
/// (`chain`), and a binary heap of slot numbers, the lightest first (`heap`).
#[derive(Debug, Clone)]
pub struct Slot<K> {
    held: Option<Counted<K>>,
    /// The next slot in this key's hash chain.
    next: u32,
    /// Where the heap has this slot.
    place: u32,
    /// First slot of the hash chain with this number.
    chain: u32,
    /// The slot at this place of the heap.
    heap: u32,
}

const NONE: u32 = u32::MAX;

/// As many slots have a number.
pub(super) const MOST: usize = NONE as usize;

impl<K> Slot<K> {
    /// A slot that holds nothing.
    pub const EMPTY: Self = Self { held: None, next: NONE, place: NONE, chain: NONE, heap: NONE };

    pub(super) fn held(&self) -> Option<&Counted<K>> {
        self.held.as_ref()
    }
}

impl<K: Eq + Hash, S: AsRef<[Slot<K>]>, H: BuildHasher> SpaceSaving<K, S, H> {
    pub(super) fn chain_of(&self, key: &K) -> u32 {
        let chains = self.capacity() as u64;
        self.hasher.hash_one(key).checked_rem(chains).unwrap_or(0) as u32
    }

    pub(super) fn find(&self, chain: u32, key: &K) -> Option<u32> {
        let mut number = self.slot(chain)?.chain;
        // A chain has no more slots than there are, whatever slots this was put together from.
        for _ in 0..self.state.len {
            let slot = self.slot(number)?;
            if slot.held()?.key == *key {
                return Some(number);
            }
            number = slot.next;
        }
        None
    }
}

impl<K: Eq + Hash, S: AsRef<[Slot<K>]> + AsMut<[Slot<K>]>, H: BuildHasher> SpaceSaving<K, S, H> {
    /// A slot for a key that is not held; what it may have weighed unseen is its weight and its error. It has to be
    /// [settled](Self::settle). `None`: there are no slots.
    pub(super) fn place(&mut self, chain: u32, key: K) -> Option<u32> {
        if self.state.len < self.capacity() { self.insert(chain, key) } else { self.replace_lightest(chain, key) }
    }

    fn insert(&mut self, chain: u32, key: K) -> Option<u32> {
        let (number, floor) = (self.state.len as u32, self.state.totals.floor);
        self.state.len = self.state.len.saturating_add(1);
        let slot = self.slot_mut(number)?;
        slot.held = Some(Counted { key, weight: floor, error: floor });
        (slot.place, slot.heap) = (number, number);
        self.link(chain, number);
        Some(number)
    }

    fn replace_lightest(&mut self, chain: u32, key: K) -> Option<u32> {
        let number = self.at(0);
        let old_chain = self.chain_of(&self.held(number)?.key);
        self.unlink(old_chain, number);
        let counted = self.held_mut(number)?;
        (counted.key, counted.error) = (key, counted.weight);
        let weight = counted.weight;
        self.link(chain, number);
        self.evict(weight);
        Some(number)
    }

    /// A key of this weight is not held any more.
    pub(super) fn evict(&mut self, weight: u64) {
        let totals = &mut self.state.totals;
        totals.evicted = totals.evicted.saturating_add(1);
        totals.floor = totals.floor.max(weight);
    }

    fn link(&mut self, chain: u32, number: u32) {
        let Some(head) = self.slot_mut(chain) else { return };
        let next = core::mem::replace(&mut head.chain, number);
        if let Some(slot) = self.slot_mut(number) {
            slot.next = next;
        }
    }

    fn unlink(&mut self, chain: u32, number: u32) {
        let after = self.slot(number).map_or(NONE, |slot| slot.next);
        let Some(head) = self.slot_mut(chain) else { return };
        if head.chain == number {
            head.chain = after;
            return;
        }
        let mut before = head.chain;
        for _ in 0..self.state.len {
            let Some(slot) = self.slot_mut(before) else { return };
            if slot.next == number {
                slot.next = after;
                return;
            }
            before = slot.next;
        }
    }
}

impl<K, S: AsRef<[Slot<K>]> + AsMut<[Slot<K>]>, H> SpaceSaving<K, S, H> {
    /// Moves a slot to where it belongs in the heap, up or down.
    pub(super) fn settle(&mut self, number: u32) {
        let Some(mut place) = self.slot(number).map(|slot| slot.place) else { return };
        while place > 0 && self.weight(self.at(place.wrapping_sub(1) / 2)) > self.weight(number) {
            let parent = place.wrapping_sub(1) / 2;
            self.swap(place, parent);
            place = parent;
        }
        self.sink(place, self.state.len as u32);
    }

    /// Moves what is at this place of the heap down to where it belongs, if the heap ends at `end`.
    pub(super) fn sink(&mut self, mut place: u32, end: u32) {
        let weight = self.weight(self.at(place));
        loop {
            let left = place.saturating_mul(2).saturating_add(1);
            let right = left.saturating_add(1);
            let is_right = right < end && self.weight(self.at(right)) < self.weight(self.at(left));
            let child = if is_right { right } else { left };
            if child >= end || self.weight(self.at(child)) >= weight {
                return;
            }
            self.swap(place, child);
            place = child;
        }
    }

    pub(super) fn swap(&mut self, a: u32, b: u32) {
        let (at_a, at_b) = (self.at(a), self.at(b));
        for (place, number) in [(a, at_b), (b, at_a)] {
            if let Some(slot) = self.slot_mut(place) {
                slot.heap = number;
            }
            if let Some(slot) = self.slot_mut(number) {
                slot.place = place;
            }
        }
    }

    pub(super) fn held_mut(&mut self, number: u32) -> Option<&mut Counted<K>> {
        self.slot_mut(number)?.held.as_mut()
    }

    fn slot_mut(&mut self, number: u32) -> Option<&mut Slot<K>> {
        self.slots.as_mut().get_mut(number as usize)
    }
}

impl<K, S: AsRef<[Slot<K>]>, H> SpaceSaving<K, S, H> {
    /// The slot at a place of the heap.
    pub(super) fn at(&self, place: u32) -> u32 {
        self.slot(place).map_or(NONE, |slot| slot.heap)
    }

    /// Where nothing is held, that is heavier than anything.
    pub(super) fn weight(&self, number: u32) -> u64 {
        self.held(number).map_or(u64::MAX, |counted| counted.weight)
    }

    pub(super) fn held(&self, number: u32) -> Option<&Counted<K>> {
        self.slot(number)?.held()
    }

    fn slot(&self, number: u32) -> Option<&Slot<K>> {
        self.slots.as_ref().get(number as usize)
    }
}
