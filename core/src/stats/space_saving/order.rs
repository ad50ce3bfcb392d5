//! The keys by weight.

use super::{Counted, Slot, SpaceSaving};

impl<K, S: AsRef<[Slot<K>]> + AsMut<[Slot<K>]>, H> SpaceSaving<K, S, H> {
    /// The keys held and their weights, the heaviest first; keys of the same weight in no order. O(slots log slots), and
    /// O(slots) if no weight has changed since.
    ///
    /// It sorts the heap of the slots, which a heap doesn't mind: so it needs no storage, and changes nothing else.
    pub fn heaviest(&mut self) -> impl Iterator<Item = &Counted<K>> {
        self.sorted().1
    }

    /// The same, and the sketch, to be asked for other keys meanwhile.
    pub(crate) fn sorted(&mut self) -> (&Self, impl Iterator<Item = &Counted<K>>) {
        self.sort();
        let sorted = &*self;
        (sorted, (0..sorted.state.len as u32).rev().filter_map(|place| sorted.held(sorted.at(place))))
    }

    /// The lightest first.
    fn sort(&mut self) {
        let len = self.state.len as u32;
        let is_sorted = (1..len).all(|at| self.weight(self.at(at.wrapping_sub(1))) <= self.weight(self.at(at)));
        if is_sorted {
            return;
        }
        for end in (1..len).rev() {
            self.swap(0, end);
            self.sink(0, end);
        }
        for place in 0..len / 2 {
            self.swap(place, len.wrapping_sub(1).wrapping_sub(place));
        }
    }
}
