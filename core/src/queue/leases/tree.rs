//! Slots in order: by when they are due, by when they died, or by their number.

use super::slot::{NONE, Slot, Slots};
use crate::storage::Grow;
use crate::time::Time;

/// A treap of slots (Aragon and Seidel 1989) whose links are in the slots: to insert, remove or find takes
/// O(log n), for all but those who can guess the seed of the slots.
///
/// A slot is in one tree at a time, so that one pair of links is enough for all of them. A heap would do for what is
/// due, but not for looking at the items in order, nor for going on where one left off.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tree {
    root: u32,
    first: u32,
    len: u32,
}

/// What slots are ordered by: the key, and the id among equal ones; which are different, unless somebody made them up who
/// let a queue be restored: then the number of the slot decides.
pub(super) type Rank = (u64, u64);

/// A link in the tree, by whom it belongs to.
#[derive(Debug, Clone, Copy)]
enum Link {
    Root,
    Left(u32),
    Right(u32),
}

impl Tree {
    pub(super) const EMPTY: Self = Self { root: NONE, first: NONE, len: 0 };

    pub(super) const fn len(&self) -> u64 {
        self.len as u64
    }

    /// The slot of the lowest rank. O(1).
    pub(super) const fn first(&self) -> Option<u32> {
        if self.first == NONE { None } else { Some(self.first) }
    }

    /// The key of the first slot. O(1).
    pub(super) fn first_key<L: Grow<Slot>>(&self, slots: &Slots<L>) -> Option<Time> {
        Some(slots.get(self.first()?)?.key())
    }

    /// The slot of the lowest rank that is not below `rank`. O(log n).
    pub(super) fn find<L: Grow<Slot>>(&self, slots: &Slots<L>, rank: Rank) -> Option<u32> {
        let (mut at, mut found) = (self.root, None);
        while let Some(slot) = slots.get(at) {
            at = if rank_of(slot) < rank {
                slot.right
            } else {
                found = Some(at);
                slot.left
            };
        }
        found
    }

    /// All slots in their order. O(n log n).
    pub(super) fn iter<L: Grow<Slot>>(&self, slots: &Slots<L>) -> impl Iterator<Item = u32> {
        let mut next = self.first();
        core::iter::from_fn(move || {
            let at = next?;
            let (key, id) = slots.get(at).map(rank_of)?;
            next = id.checked_add(1).and_then(|id| self.find(slots, (key, id)));
            Some(at)
        })
    }

    /// Adds a slot that is in no tree.
    pub(super) fn insert<L: Grow<Slot>>(&mut self, slots: &mut Slots<L>, new: u32) {
        let Some(rank) = slots.get(new).map(rank_of) else { return };
        let is_less = |at, slot: &Slot| (rank_of(slot), at) < (rank, new);
        let priority = slots.priority(new);
        let (mut link, mut at) = (Link::Root, self.root);
        while let Some(slot) = slots.get(at).filter(|_| slots.priority(at) >= priority) {
            (link, at) = if is_less(at, slot) { (Link::Right(at), slot.right) } else { (Link::Left(at), slot.left) };
        }
        self.set(slots, link, new);
        // What was there goes below the new one, parted by its rank.
        let (mut less, mut more) = (Link::Left(new), Link::Right(new));
        while let Some(slot) = slots.get(at) {
            let (below, next) = if is_less(at, slot) {
                (core::mem::replace(&mut less, Link::Right(at)), slot.right)
            } else {
                (core::mem::replace(&mut more, Link::Left(at)), slot.left)
            };
            self.set(slots, below, at);
            at = next;
        }
        self.set(slots, less, NONE);
        self.set(slots, more, NONE);
        if slots.get(self.first).is_none_or(|first| !is_less(self.first, first)) {
            self.first = new;
        }
        self.len = self.len.wrapping_add(1);
    }

    /// Takes out a slot that is in this tree, and returns whether it is; nothing happens if not.
    pub(super) fn remove<L: Grow<Slot>>(&mut self, slots: &mut Slots<L>, old: u32) -> bool {
        let Some((rank, mut less, mut more)) = slots.get(old).map(|slot| (rank_of(slot), slot.left, slot.right)) else {
            return false;
        };
        let (mut link, mut at) = (Link::Root, self.root);
        while at != old {
            let Some(slot) = slots.get(at) else { return false };
            let is_less = (rank_of(slot), at) < (rank, old);
            (link, at) = if is_less { (Link::Right(at), slot.right) } else { (Link::Left(at), slot.left) };
        }
        // The two below it become one, which takes its place.
        while let (Some(low), Some(high)) = (slots.get(less), slots.get(more)) {
            let (from, next) = if slots.priority(less) >= slots.priority(more) {
                (less, (Link::Right(less), low.right, more))
            } else {
                (more, (Link::Left(more), less, high.left))
            };
            self.set(slots, link, from);
            (link, less, more) = next;
        }
        self.set(slots, link, if less == NONE { more } else { less });
        self.len = self.len.wrapping_sub(1);
        if self.first == old {
            self.first = self.leftmost(slots);
        }
        true
    }

    fn leftmost<L: Grow<Slot>>(&self, slots: &Slots<L>) -> u32 {
        let (mut at, mut found) = (self.root, NONE);
        while let Some(slot) = slots.get(at) {
            (found, at) = (at, slot.left);
        }
        found
    }

    fn set<L: Grow<Slot>>(&mut self, slots: &mut Slots<L>, link: Link, to: u32) {
        match link {
            Link::Root => self.root = to,
            Link::Left(of) => {
                if let Some(slot) = slots.get_mut(of) {
                    slot.left = to;
                }
            }
            Link::Right(of) => {
                if let Some(slot) = slots.get_mut(of) {
                    slot.right = to;
                }
            }
        }
    }
}

pub(super) const fn rank_of(slot: &Slot) -> Rank {
    (slot.key().as_millis(), slot.id)
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::collections::BTreeMap;
    use std::vec::Vec;

    use super::*;

    fn in_order(tree: &Tree, slots: &Slots<[Slot; 200]>) -> Vec<u32> {
        let mut found: Vec<u32> = Vec::new();
        let mut from = (0, 0);
        while let Some(next) = tree.find(slots, from) {
            let (key, id) = rank_of(slots.get(next).unwrap());
            from = (key, id + 1);
            found.push(next);
        }
        found
    }

    fn height(slots: &Slots<[Slot; 200]>, at: u32) -> u32 {
        slots.get(at).map_or(0, |slot| 1 + height(slots, slot.left).max(height(slots, slot.right)))
    }

    #[test]
    fn a_tree_is_a_sorted_map() {
        let mut slots = Slots::new([Slot::FREE; 200], 7);
        let (mut tree, mut model, mut random) = (Tree::EMPTY, BTreeMap::new(), 1_u64);
        for id in 0..if cfg!(miri) { 300 } else { 4000_u64 } {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(id | 1);
            let key = random >> 60;
            if let Some(slot) = slots.take(Slot::of(id).due(Time::from_millis(key))) {
                tree.insert(&mut slots, slot);
                model.insert((key, id), slot);
            }
            if slots.reserve().is_none() || random >> 32 & 3 == 0 {
                let nth = (random >> 40) as usize % model.len();
                let (rank, slot) = model.iter().nth(nth).map(|(rank, slot)| (*rank, *slot)).unwrap();
                model.remove(&rank);
                assert!(tree.remove(&mut slots, slot));
                assert!(!tree.remove(&mut slots, slot), "it is in the tree no more");
                slots.release(slot);
            }
            assert_eq!(tree.len(), model.len() as u64);
            assert_eq!(tree.first(), model.values().next().copied());
            assert!(id % 50 != 0 || in_order(&tree, &slots).iter().eq(model.values()));
        }
    }

    #[test]
    fn a_tree_stays_low_whatever_the_order_is() {
        for order in [|id: u64| id, |id: u64| 1000 - id, |_: u64| 5] {
            let mut slots = Slots::new([Slot::FREE; 200], 0x5eed);
            let mut tree = Tree::EMPTY;
            for id in 0..200 {
                let slot = slots.take(Slot::of(id).due(Time::from_millis(order(id)))).unwrap();
                tree.insert(&mut slots, slot);
            }
            assert!(height(&slots, tree.root) < 25, "{}", height(&slots, tree.root));
        }
    }
}
