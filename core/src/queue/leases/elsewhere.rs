//! What a host asks that keeps items elsewhere: which there are, and what to do when they move or are lost.

use super::LeaseQueue;
use super::away::{Away, Held};
use super::counters::count;
use super::record::{self, HEADER, Kind};
use super::slot::Slot;
use crate::storage::Grow;

impl<S: AsRef<[u8]> + AsMut<[u8]>, L: Grow<Slot>> LeaseQueue<S, L> {
    /// Whether there is one that lies elsewhere. O(1).
    pub(crate) const fn has_elsewhere(&self) -> bool {
        self.room.elsewhere > 0
    }

    /// Tells of every item that lies elsewhere where that is, and where its record is: by that it can be
    /// [moved](Self::relocate). O(items).
    pub(crate) fn elsewhere(&self, mut each: impl FnMut(u64, Away)) {
        let mut at = self.log.start();
        while let Some((offset, record)) = self.log.read_at(&mut at) {
            if let Some(away) = away_in(record) {
                each(offset as u64, away);
            }
        }
    }

    /// The item of the record there, if it still lies at `from`, lies at `to` now; returns whether that is so. O(1).
    pub(crate) fn relocate(&mut self, offset: u64, from: &Away, to: &Away) -> bool {
        // What has left may lie there still.
        let offset = usize::try_from(offset).ok().filter(|offset| self.log.holds(*offset));
        let Some(record) = offset.and_then(|offset| self.log.record_at_mut(offset)) else { return false };
        let is_there = away_in(record).as_ref() == Some(from) && from.len == to.len;
        if let Some(stored) = record.get_mut(HEADER..).and_then(<[u8]>::first_chunk_mut).filter(|_| is_there) {
            *stored = to.to_bytes();
        }
        is_there
    }

    /// All items that lie in a place are lost: they leave, whatever their state, and are counted as purged; returns how
    /// many there were. O(items).
    pub(crate) fn lose(&mut self, place: u64) -> u64 {
        let (mut at, mut lost) = (self.log.start(), 0_u64);
        loop {
            if self.log.missed(&at) > 0 {
                // What was before it has left, and so has what was done behind it.
                at = self.log.start();
            }
            let Some((offset, record)) = self.log.read_at(&mut at) else { return lost };
            if away_in(record).is_none_or(|away| away.place != place) {
                continue;
            }
            match Kind::of(record) {
                Kind::Fresh(_) => {
                    let size = record::held(record).size();
                    self.fresh.len = self.fresh.len.wrapping_sub(1);
                    self.release(offset, size);
                }
                Kind::Aside(slot) => self.lose_aside(slot),
                Kind::Done => continue,
            }
            count(&mut self.tally.purged);
            lost = lost.wrapping_add(1);
        }
    }

    fn lose_aside(&mut self, slot: u32) {
        if self.slots.get(slot).is_some_and(|slot| slot.token != 0) {
            self.end_lease(slot);
        }
        for tree in [&mut self.back, &mut self.delayed] {
            tree.remove(&mut self.slots, slot);
        }
        self.unbury(slot);
        self.release_slot(slot);
    }
}

/// Where the item of a record lies, if there is one and it lies elsewhere.
fn away_in(record: &[u8]) -> Option<Away> {
    match record::held(record) {
        Held::Away(away) if Kind::of(record) != Kind::Done => Some(away),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec;
    use std::vec::Vec;

    use core::ops::ControlFlow;
    use core::time::Duration;

    use super::*;
    use crate::queue::leases::{Overflow, PutError, Settings, Token};
    use crate::time::Time;

    type Queue = LeaseQueue<Vec<u8>, [Slot; 8]>;

    const LEASE: Duration = Duration::from_secs(1);

    fn at(millis: u64) -> Time {
        Time::from_millis(millis)
    }

    fn queue(memory: usize, items: u64, settings: Settings) -> Queue {
        // Each takes 110 bytes if all of it is here.
        LeaseQueue::new(vec![0; memory], [Slot::FREE; 8], settings, 1).growing_to(110 * items)
    }

    fn away(place: u64) -> Away {
        Away { place, back: 100, len: 100 }
    }

    /// Puts an item that lies in that place, and returns where those lie that left for it.
    fn put(queue: &mut Queue, place: u64, delay: Duration) -> Result<Vec<u64>, PutError> {
        let mut left = Vec::new();
        queue.put_away(at(0), away(place), delay, |item| match item {
            Held::Away(away) => left.push(away.place),
            Held::Here(item) => panic!("{item:?} lies here"),
        })?;
        Ok(left)
    }

    fn got(queue: &mut Queue, items: u64) -> Vec<u64> {
        let mut got = Vec::new();
        queue.get(at(0), items, |item| {
            assert_eq!((item.data, item.held().len()), (&b""[..], 100));
            got.extend(item.away.map(|away| away.place));
            ControlFlow::Continue(())
        });
        got
    }

    fn lend(queue: &mut Queue, items: u64) -> Vec<Token> {
        let mut tokens = Vec::new();
        let each = |item: crate::queue::leases::Item<'_>| {
            tokens.extend(item.token);
            ControlFlow::Continue(())
        };
        assert_eq!(queue.lease(at(0), items, LEASE, || 5, each), Ok(items));
        tokens
    }

    fn grow(queue: &mut Queue) -> bool {
        queue.grow(|storage| {
            storage.extend([0xa5; 64]);
            true
        })
    }

    #[test]
    fn limits_are_of_whole_items_wherever_they_lie() {
        let mut queue = queue(200, 3, Settings::DEFAULT);
        for place in 1..=3 {
            assert_eq!(put(&mut queue, place, Duration::ZERO), Ok(vec![]));
        }
        assert_eq!((queue.counters().bytes, queue.counters().stored), (300, 3 * 26));
        assert_eq!(put(&mut queue, 4, Duration::ZERO), Ok(vec![1]), "the oldest leaves");
        let token = lend(&mut queue, 1)[0];
        assert_eq!(put(&mut queue, 5, Duration::ZERO), Ok(vec![3]), "what is on lease stays");
        assert_eq!(queue.check(319), Ok(()));
        assert!(queue.check(320).is_err(), "it would take more than all");
        queue.ack(at(1), token).unwrap();
        assert_eq!(got(&mut queue, 9), [4, 5]);
        assert_eq!((queue.counters().bytes, queue.counters().balanced()), (0, true));
        let mut full = self::queue(200, 3, Settings { overflow: Overflow::Reject, ..Settings::DEFAULT });
        assert_eq!(full.check_many(at(0), [100; 4].into_iter(), Duration::ZERO), Err(PutError::Full));
        assert_eq!(full.check_many(at(0), [100; 3].into_iter(), Duration::ZERO), Ok(()));
    }

    /// All else could be lost for it, and others want what it takes.
    #[test]
    fn nothing_leaves_for_want_of_memory() {
        let mut queue = queue(3 * 26, 9, Settings::DEFAULT);
        for place in 1..=3 {
            assert_eq!(queue.is_short_of(26), place > 2, "a quarter is kept free");
            assert_eq!(put(&mut queue, place, Duration::ZERO), Ok(vec![]));
        }
        assert_eq!(put(&mut queue, 4, Duration::ZERO), Err(PutError::Full));
        assert_eq!(queue.check_many(at(0), [100].into_iter(), Duration::ZERO), Err(PutError::Full));
        assert!(grow(&mut queue) && !queue.is_short_of(26));
        assert_eq!(put(&mut queue, 4, Duration::ZERO), Ok(vec![]));
        assert_eq!(got(&mut queue, 9), [1, 2, 3, 4]);
        assert!(
            !LeaseQueue::new([0; 8], [Slot::FREE; 0], Settings::DEFAULT, 1).is_short_of(1_000),
            "it is all there is"
        );
    }

    #[test]
    fn what_grows_keeps_its_items_in_their_order() {
        let mut queue = queue(10 * 26 + 5, 99, Settings::DEFAULT);
        let mut next = 0;
        for round in 0..12 {
            while put(&mut queue, next, Duration::ZERO).is_ok() {
                next += 1;
            }
            let tokens = lend(&mut queue, 2);
            assert!(grow(&mut queue));
            queue.nack(at(0), tokens[0], Duration::ZERO, b"").unwrap();
            queue.ack(at(0), tokens[1]).unwrap();
            let some = got(&mut queue, 5);
            assert_eq!(some.len(), 5);
            assert!(some.is_sorted(), "{round}: {some:?}");
        }
        let rest = got(&mut queue, u64::MAX);
        assert!(rest.is_sorted() && rest.last() == Some(&(next - 1)), "{rest:?}");
        assert!(queue.counters().balanced());
    }

    #[test]
    fn what_is_lost_leaves_whatever_its_state() {
        let settings = Settings { max_attempts: Some(1), ..Settings::DEFAULT };
        let mut queue = queue(1_000, 99, settings);
        // Ready, on lease, dead, delayed; and others of the same kinds between them.
        for place in [1, 1, 2, 1, 2, 1, 1, 2] {
            put(&mut queue, place, Duration::ZERO).unwrap();
        }
        let tokens = lend(&mut queue, 5);
        for token in &tokens[3..] {
            queue.nack(at(0), *token, Duration::ZERO, b"worn out").unwrap();
        }
        for place in [1, 2] {
            put(&mut queue, place, LEASE).unwrap();
        }
        let before = queue.counters();
        assert_eq!((before.ready, before.leased, before.letters, before.delayed), (3, 3, 2, 2));
        assert_eq!(queue.lose(7), 0);
        assert_eq!(queue.lose(1), 6);
        let left = queue.counters();
        assert_eq!((left.ready, left.leased, left.letters, left.delayed), (1, 1, 1, 1));
        assert_eq!((left.purged, left.bytes, left.balanced()), (6, 400, true));
        assert_eq!(queue.ack(at(0), tokens[2]), Ok(()), "of the other place");
        assert!(queue.ack(at(0), tokens[0]).is_err());
        assert_eq!(got(&mut queue, 9), [2]);
        assert_eq!(queue.lose(2), 2);
        assert_eq!((queue.counters().bytes, queue.counters().stored, queue.counters().slots), (0, 0, 0));
    }

    #[test]
    fn an_item_moves_if_it_is_where_it_was() {
        let mut queue = queue(200, 9, Settings::DEFAULT);
        for place in 1..=3 {
            put(&mut queue, place, Duration::ZERO).unwrap();
        }
        let mut found = Vec::new();
        queue.elsewhere(|record, away| found.push((record, away)));
        let (record, second) = found[1];
        assert_eq!(second, away(2));
        let to = Away { place: 9, back: 300, ..second };
        assert!(!queue.relocate(record, &away(1), &to) && !queue.relocate(5_000, &second, &to));
        assert!(!queue.relocate(record, &second, &Away { len: 99, ..to }), "it would be another item");
        assert!(queue.relocate(record, &second, &to) && !queue.relocate(record, &second, &to));
        assert_eq!(got(&mut queue, 2), [1, 9]);
        assert!(!queue.relocate(record, &to, &second), "it has left");
    }
}
