//! The heaviest keys of a stream, in bounded memory.

use core::hash::{BuildHasher, Hash};

/// The Space-Saving sketch of Metwally, Agrawal and El Abbadi ("Efficient computation of frequent and top-k elements
/// in data streams", 2005), over slots that the caller gives.
///
/// While there are no more distinct keys than slots every weight is exact. Beyond, a new key takes the slot of the
/// lightest one with its weight, which is then the new key's [`error`](Counted::error): its true weight is at least
/// `weight - error` and at most `weight`. A key that is not held weighs at most [`floor`](SpaceSaving::floor), which
/// never exceeds the total weight divided by the number of slots.
///
/// ```
/// use core::hash::BuildHasherDefault;
/// use std::hash::DefaultHasher;
/// use streamgauge_core::stats::space_saving::{Slot, SpaceSaving};
///
/// let hasher = BuildHasherDefault::<DefaultHasher>::default();
/// let mut heaviest = SpaceSaving::new([const { Slot::EMPTY }; 2], hasher);
/// for word in ["tea", "tea", "rum", "tea", "gin"] {
///     heaviest.add(word, 1);
/// }
/// let gin = heaviest.get(&"gin").unwrap();
/// assert_eq!((gin.weight, gin.error), (2, 1));
/// assert_eq!(heaviest.get(&"tea").unwrap().weight, 3);
/// assert_eq!(heaviest.total(), 5);
/// assert_eq!(heaviest.evicted(), 1);
/// ```
#[derive(Debug, Clone)]
pub struct SpaceSaving<K, S, H> {
    slots: S,
    hasher: H,
    len: usize,
    total: u64,
    evicted: u64,
    key: core::marker::PhantomData<K>,
}

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

impl<K> Slot<K> {
    /// A slot that holds nothing.
    pub const EMPTY: Self = Self { held: None, next: NONE, place: NONE, chain: NONE, heap: NONE };
}

const NONE: u32 = u32::MAX;

/// A key and its weight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted<K> {
    /// The key.
    pub key: K,
    /// Its weight, or too much by at most `error`.
    pub weight: u64,
    /// How much of the weight may belong to keys that were here before.
    pub error: u64,
}

impl<K, S: AsMut<[Slot<K>]>, H> SpaceSaving<K, S, H> {
    /// A sketch that holds nothing; what was in `slots` is dropped. At most 2^32 - 1 of them are used. O(slots).
    pub fn new(mut slots: S, hasher: H) -> Self {
        slots.as_mut().fill_with(|| Slot::EMPTY);
        Self { slots, hasher, len: 0, total: 0, evicted: 0, key: core::marker::PhantomData }
    }
}

impl<K, S, H> SpaceSaving<K, S, H> {
    /// The number of keys held. O(1).
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether no key is held. O(1).
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The weight of all that was added, held or not; it stops at 2^64 - 1. O(1).
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// How often a key had to give its slot to another. O(1).
    pub const fn evicted(&self) -> u64 {
        self.evicted
    }
}

impl<K: Eq + Hash, S: AsRef<[Slot<K>]> + AsMut<[Slot<K>]>, H: BuildHasher> SpaceSaving<K, S, H> {
    /// Adds `weight` to `key`. O(log slots). Weights stop at 2^64 - 1.
    pub fn add(&mut self, key: K, weight: u64) {
        self.total = self.total.saturating_add(weight);
        let chain = self.chain_of(&key);
        let slot = match self.find(chain, &key) {
            Some(slot) => slot,
            None if self.len < self.capacity() => self.insert(chain, key),
            None => match self.replace_lightest(chain, key) {
                Some(slot) => slot,
                None => return,
            },
        };
        if let Some(counted) = self.slot_mut(slot).and_then(|slot| slot.held.as_mut()) {
            counted.weight = counted.weight.saturating_add(weight);
        }
        self.settle(slot);
    }

    /// The key and its weight, if it is held. O(1) on average.
    pub fn get(&self, key: &K) -> Option<&Counted<K>> {
        self.slot(self.find(self.chain_of(key), key)?)?.held.as_ref()
    }

    /// The keys held and their weights, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Counted<K>> {
        self.slots.as_ref().iter().filter_map(|slot| slot.held.as_ref())
    }

    /// The most that a key which is not held can weigh: nothing while every key has a slot. O(1).
    pub fn floor(&self) -> u64 {
        match (self.capacity(), self.evicted) {
            (0, _) => self.total,
            (_, 0) => 0,
            _ => self.weight(self.at(0)),
        }
    }

    /// How many keys can be held.
    pub fn capacity(&self) -> usize {
        self.slots.as_ref().len().min(NONE as usize)
    }

    fn chain_of(&self, key: &K) -> u32 {
        let chains = self.capacity() as u64;
        self.hasher.hash_one(key).checked_rem(chains).unwrap_or(0) as u32
    }

    fn find(&self, chain: u32, key: &K) -> Option<u32> {
        let mut number = self.slot(chain)?.chain;
        loop {
            let slot = self.slot(number)?;
            if slot.held.as_ref().is_some_and(|counted| counted.key == *key) {
                return Some(number);
            }
            number = slot.next;
        }
    }

    fn insert(&mut self, chain: u32, key: K) -> u32 {
        let number = self.len as u32;
        self.len = self.len.saturating_add(1);
        if let Some(slot) = self.slot_mut(number) {
            slot.held = Some(Counted { key, weight: 0, error: 0 });
            (slot.place, slot.heap) = (number, number);
        }
        self.link(chain, number);
        number
    }

    fn replace_lightest(&mut self, chain: u32, key: K) -> Option<u32> {
        let number = self.at(0);
        let old_chain = self.chain_of(&self.slot(number)?.held.as_ref()?.key);
        self.unlink(old_chain, number);
        let counted = self.slot_mut(number)?.held.as_mut()?;
        (counted.key, counted.error) = (key, counted.weight);
        self.link(chain, number);
        self.evicted = self.evicted.saturating_add(1);
        Some(number)
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
        while let Some(slot) = self.slot_mut(before) {
            if slot.next == number {
                slot.next = after;
                return;
            }
            before = slot.next;
        }
    }

    /// Moves a slot to where it belongs in the heap, up or down.
    fn settle(&mut self, number: u32) {
        let Some(mut place) = self.slot(number).map(|slot| slot.place) else { return };
        while place > 0 && self.weight(self.at(place.wrapping_sub(1) / 2)) > self.weight(number) {
            let parent = place.wrapping_sub(1) / 2;
            self.swap(place, parent);
            place = parent;
        }
        loop {
            let left = place.saturating_mul(2).saturating_add(1);
            let child = if self.weight(self.at(left.saturating_add(1))) < self.weight(self.at(left)) {
                left.saturating_add(1)
            } else {
                left
            };
            if self.weight(self.at(child)) >= self.weight(number) {
                return;
            }
            self.swap(place, child);
            place = child;
        }
    }

    fn swap(&mut self, a: u32, b: u32) {
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

    /// The slot at a place of the heap.
    fn at(&self, place: u32) -> u32 {
        self.slot(place).map_or(NONE, |slot| slot.heap)
    }

    /// Beyond the heap everything is heavier than anything.
    fn weight(&self, number: u32) -> u64 {
        self.slot(number).and_then(|slot| slot.held.as_ref()).map_or(u64::MAX, |counted| counted.weight)
    }

    fn slot(&self, number: u32) -> Option<&Slot<K>> {
        self.slots.as_ref().get(number as usize)
    }

    fn slot_mut(&mut self, number: u32) -> Option<&mut Slot<K>> {
        self.slots.as_mut().get_mut(number as usize)
    }
}
