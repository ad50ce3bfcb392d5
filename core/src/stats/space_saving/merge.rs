//! What several sketches have seen, in one.

use core::hash::{BuildHasher, Hash};

use super::{Slot, SpaceSaving};

impl<K: Eq + Hash, S: AsRef<[Slot<K>]> + AsMut<[Slot<K>]>, H: BuildHasher> SpaceSaving<K, S, H> {
    /// Takes in what `other` has seen; it may have another number of slots. O((slots + slots of `other`) log slots).
    ///
    /// Weights and errors of a key add up, where a key that one of them doesn't hold counts for that one's
    /// [`floor`](Self::floor), as weight and as error. The heaviest are kept (P. K. Agarwal, G. Cormode, Z. Huang, J. M.
    /// Phillips, Z. Wei and K. Yi, *Mergeable summaries*, 2012; M. Cafaro, M. Pulimeno and P. Tempesta, *A parallel
    /// Space Saving algorithm for frequent items*, 2016). All bounds hold after any merges, in any order. With as many
    /// slots `a.merge(&b)` and `b.merge(&a)` have the same weights, errors and floor, but where keys of the same weight
    /// can't all be kept, which of them; merged in another order bounds may be wider or narrower.
    pub fn merge<R: AsRef<[Slot<K>]>, G: BuildHasher>(&mut self, other: &SpaceSaving<K, R, G>)
    where
        K: Clone,
    {
        let (floor, others_floor) = (self.floor(), other.floor());
        for number in 0..self.state.len as u32 {
            let Some(counted) = self.held_mut(number) else { continue };
            let (weight, error) = match other.get(&counted.key) {
                Some(others) => (others.weight, others.error),
                None => (others_floor, others_floor),
            };
            counted.weight = counted.weight.saturating_add(weight);
            counted.error = counted.error.saturating_add(error);
            self.settle(number);
        }
        self.state.totals = self.state.totals.merged(other.state.totals, floor.saturating_add(others_floor));
        for others in other.iter() {
            let chain = self.chain_of(&others.key);
            if self.find(chain, &others.key).is_some() {
                continue;
            }
            // A key that both held, and that has had to leave here since, has no less weight than this in the floor: it
            // does not come back.
            let weight = others.weight.saturating_add(floor);
            if self.state.len >= self.capacity() && weight <= self.weight(self.at(0)) {
                self.evict(weight);
                continue;
            }
            let Some(slot) = self.place(chain, others.key.clone()) else { continue };
            if let Some(counted) = self.held_mut(slot) {
                (counted.weight, counted.error) = (weight, others.error.saturating_add(floor));
            }
            self.settle(slot);
        }
    }
}
