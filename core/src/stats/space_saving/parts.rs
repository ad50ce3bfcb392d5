//! A sketch taken apart: to have its slots elsewhere, or to be stored and shared.

use core::hash::{BuildHasher, Hash};

use super::{Counted, Slot, SpaceSaving};

/// What a sketch has beside its slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    pub(super) len: usize,
    pub(super) totals: Totals,
}

impl State {
    pub(super) const EMPTY: Self = Self { len: 0, totals: Totals { total: 0, evicted: 0, floor: 0 } };
}

/// What a sketch knows beside its keys, as plain numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// The weight of all that was added.
    pub total: u64,
    /// How often a key had to leave.
    pub evicted: u64,
    /// The most that a key which is not held can weigh.
    pub floor: u64,
}

impl Totals {
    pub(super) const fn merged(self, other: Self, floor: u64) -> Self {
        Self {
            total: self.total.saturating_add(other.total),
            evicted: self.evicted.saturating_add(other.evicted),
            floor,
        }
    }
}

/// Keys and totals that nothing added can have led to, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidKeys {
    /// There are more of them than slots.
    TooMany,
    /// One is there twice.
    Twice,
    /// An error is above the floor, or a weight below it: each key that is held weighs at least as much as one that
    /// isn't can.
    Floor,
    /// The weights don't go with the total: one, or the floor, is above it; what the keys weigh at least is together; or
    /// they are exact and come to something else.
    Total,
}

impl core::fmt::Display for InvalidKeys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::TooMany => "there are more keys than slots",
            Self::Twice => "a key is there twice",
            Self::Floor => "an error is above the floor, or a weight below it",
            Self::Total => "the weights don't go with the total",
        })
    }
}

impl core::error::Error for InvalidKeys {}

impl<K, S, H> SpaceSaving<K, S, H> {
    /// From what [`into_parts`](Self::into_parts) gave, and the same hasher. O(1), nothing is checked: other slots give
    /// answers that mean nothing.
    pub const fn from_parts(state: State, slots: S, hasher: H) -> Self {
        Self { slots, hasher, state, key: core::marker::PhantomData }
    }

    /// What it is made of. O(1).
    pub fn into_parts(self) -> (State, S, H) {
        (self.state, self.slots, self.hasher)
    }
}

impl<K, S: AsRef<[Slot<K>]>, H> SpaceSaving<K, S, H> {
    /// What is known beside the keys: to be stored with [those](Self::iter), and [restored](Self::restore). O(1).
    pub fn totals(&self) -> Totals {
        Totals { floor: self.floor(), ..self.state.totals }
    }
}

impl<K: Eq + Hash, S: AsRef<[Slot<K>]> + AsMut<[Slot<K>]>, H: BuildHasher> SpaceSaving<K, S, H> {
    /// A sketch of these keys, in any order; what was in `slots` is dropped. There may be more slots, and another hasher,
    /// than when it was stored. O(slots + keys log slots).
    ///
    /// # Errors
    /// [`InvalidKeys`] if a key or a number contradicts another, or there is no room for them.
    pub fn restore(
        slots: S,
        hasher: H,
        totals: Totals,
        keys: impl IntoIterator<Item = Counted<K>>,
    ) -> Result<Self, InvalidKeys> {
        let mut sketch = Self::new(slots, hasher);
        sketch.state.totals = totals;
        let (mut weights, mut least) = (0_u64, 0_u64);
        for Counted { key, weight, error } in keys {
            if error > totals.floor || weight < totals.floor {
                return Err(InvalidKeys::Floor);
            }
            weights = weights.saturating_add(weight);
            least = least.saturating_add(weight.saturating_sub(error));
            let chain = sketch.chain_of(&key);
            if sketch.find(chain, &key).is_some() {
                return Err(InvalidKeys::Twice);
            }
            if sketch.state.len >= sketch.capacity() || weight > totals.total {
                return Err(if weight > totals.total { InvalidKeys::Total } else { InvalidKeys::TooMany });
            }
            let Some(slot) = sketch.place(chain, key) else { return Err(InvalidKeys::TooMany) };
            if let Some(counted) = sketch.held_mut(slot) {
                (counted.weight, counted.error) = (weight, error);
            }
            sketch.settle(slot);
        }
        // Without a key nothing is known of any, and without a floor everything of all.
        let enough =
            (totals.floor > 0 || weights == totals.total) && (!sketch.is_empty() || totals.floor == totals.total);
        if least <= totals.total && totals.floor <= totals.total && enough {
            Ok(sketch)
        } else {
            Err(InvalidKeys::Total)
        }
    }
}
