//! What histories take of the memory that all topics and queues share.

use std::sync::Arc;

use streamgauge_core::engine::Name;

use super::{Extent, Histories};
use crate::engine::memory::{Budget, Held};

/// Bytes of an extent: they grow by doubling.
const EACH: u64 = 2 * size_of::<Extent>() as u64;

/// Bytes that are taken at a time.
const CHUNK: u64 = 64 << 10;

/// Memory of histories, taken as they grow.
#[derive(Debug)]
pub(crate) struct Taken {
    held: Held,
    /// So many at the last recount, and those that came since.
    extents: u64,
    /// Messages that left for want of memory, since the last recount.
    left: u64,
}

impl Taken {
    /// For what there is, as far as there is memory.
    pub(crate) fn new(budget: &Arc<Budget>, histories: &Histories) -> Self {
        let mut taken = Self { held: budget.nothing(), extents: 0, left: 0 };
        taken.recount(histories);
        taken
    }

    /// Takes as much as is needed for what there is, and gives back the rest; returns how many messages left before, for
    /// want of memory. O(extents).
    pub(crate) fn recount(&mut self, histories: &Histories) -> u64 {
        self.extents = histories.all().count() as u64;
        self.held.shrink(self.needed().next_multiple_of(CHUNK));
        self.has_enough();
        std::mem::take(&mut self.left)
    }

    /// A topic has an extent more, for which its oldest one leaves if there is no memory. O(log topics).
    pub(crate) fn grew(&mut self, topic: &Name, histories: &mut Histories) {
        self.extents += 1;
        if !self.has_enough() {
            self.left += histories.shorten(topic);
            self.extents -= 1;
        }
    }

    fn needed(&self) -> u64 {
        self.extents.saturating_mul(EACH)
    }

    fn has_enough(&mut self) -> bool {
        while self.needed() > self.held.bytes() {
            if !self.held.extend(CHUNK) {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::used;
    use super::*;

    #[test]
    fn the_oldest_leave_where_there_is_no_memory_for_more() {
        let (_, running) = used(7);
        let mut histories = running.histories;
        let (topic, extents) =
            histories.of.iter().map(|(topic, of)| (*topic, of.extents().count())).max_by_key(|of| of.1).unwrap();
        assert!(extents > 1);
        let all = histories.all().count() as u64;
        let budget = Budget::telling(CHUNK);
        let mut taken = Taken::new(&budget, &histories);
        assert_eq!((budget.held(), taken.extents), (CHUNK, all));
        let before = histories.clone();
        for _ in all..CHUNK / EACH {
            taken.grew(&topic, &mut histories);
        }
        assert_eq!((&histories, budget.held()), (&before, CHUNK), "there is memory for these");
        let oldest = *histories.of[&topic].extents().next().unwrap();
        taken.grew(&topic, &mut histories);
        assert_eq!(histories.of[&topic].extents().count(), extents - 1);
        assert_eq!(histories.of[&topic].first(), oldest.next());
        assert_eq!((taken.recount(&histories), taken.extents), (oldest.count, all - 1));

        histories.of.clear();
        taken.recount(&histories);
        assert_eq!(budget.held(), 0, "it is given back");
        taken.grew(&topic, &mut histories);
        drop(taken);
        assert_eq!(budget.held(), 0);
    }
}
