//! The heaviest keys of a stream, in bounded memory.

mod merge;
mod order;
mod parts;
mod slots;

use core::hash::{BuildHasher, Hash};

pub use parts::{InvalidKeys, State, Totals};
pub use slots::Slot;

/// The Space-Saving sketch of Metwally, Agrawal and El Abbadi ("Efficient computation of frequent and top-k elements
/// in data streams", 2005), over slots that the caller gives.
///
/// While there are no more distinct keys than slots every weight is exact. Beyond, a new key takes the slot of the
/// lightest one with its weight, which is then the new key's [`error`](Counted::error): its true weight is at least
/// `weight - error` and at most `weight`. A key that is not held weighs at most [`floor`](SpaceSaving::floor), which
/// never exceeds the total weight divided by the number of slots. All of it holds for what is
/// [merged](SpaceSaving::merge) as well (divided by the least number of slots, if they differ).
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
    state: State,
    key: core::marker::PhantomData<K>,
}

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
        Self::from_parts(State::EMPTY, slots, hasher)
    }

    /// Forgets all keys. O(slots).
    pub fn clear(&mut self) {
        self.slots.as_mut().fill_with(|| Slot::EMPTY);
        self.state = State::EMPTY;
    }
}

impl<K, S, H> SpaceSaving<K, S, H> {
    /// The number of keys held. O(1).
    pub const fn len(&self) -> usize {
        self.state.len
    }

    /// Whether no key is held. O(1).
    pub const fn is_empty(&self) -> bool {
        self.state.len == 0
    }

    /// The weight of all that was added, held or not; it stops at 2^64 - 1. O(1).
    pub const fn total(&self) -> u64 {
        self.state.totals.total
    }

    /// How often a key had to give its slot to another, or its slot in what was merged in. O(1).
    pub const fn evicted(&self) -> u64 {
        self.state.totals.evicted
    }
}

impl<K: Eq + Hash, S: AsRef<[Slot<K>]> + AsMut<[Slot<K>]>, H: BuildHasher> SpaceSaving<K, S, H> {
    /// Adds `weight` to `key`; a weight of 0 is nothing. O(log slots). Weights stop at 2^64 - 1.
    pub fn add(&mut self, key: K, weight: u64) {
        if weight == 0 {
            return;
        }
        self.state.totals.total = self.state.totals.total.saturating_add(weight);
        let chain = self.chain_of(&key);
        let Some(slot) = self.find(chain, &key).or_else(|| self.place(chain, key)) else { return };
        if let Some(counted) = self.held_mut(slot) {
            counted.weight = counted.weight.saturating_add(weight);
        }
        self.settle(slot);
    }
}

impl<K: Eq + Hash, S: AsRef<[Slot<K>]>, H: BuildHasher> SpaceSaving<K, S, H> {
    /// The key and its weight, if it is held. O(1) on average.
    pub fn get(&self, key: &K) -> Option<&Counted<K>> {
        self.held(self.find(self.chain_of(key), key)?)
    }
}

impl<K, S: AsRef<[Slot<K>]>, H> SpaceSaving<K, S, H> {
    /// The keys held and their weights, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Counted<K>> {
        self.slots.as_ref().iter().filter_map(Slot::held)
    }

    /// The most that a key which is not held can weigh: nothing while every key has a slot. O(1).
    pub fn floor(&self) -> u64 {
        if self.capacity() == 0 { self.state.totals.total } else { self.state.totals.floor }
    }

    /// How many keys can be held.
    pub fn capacity(&self) -> usize {
        self.slots.as_ref().len().min(slots::MOST)
    }
}
