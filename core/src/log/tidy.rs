//! Moving records within the log, so that those which stay long don't hold the room of those which left.

use core::ops::Range;

use super::{Log, Position, read_prefix, record_len};

impl<S: AsRef<[u8]>> Log<S> {
    /// The record that begins at `offset` of the storage, which is that of a record. O(1).
    pub(crate) fn record_at(&self, offset: usize) -> Option<&[u8]> {
        let rest = self.storage.as_ref().get(offset..)?;
        let (len, prefix) = read_prefix(rest)?;
        rest.get(prefix..)?.get(..len)
    }

    /// Whether what is at `offset` of the storage is part of a record that is held. O(1).
    pub(crate) fn holds(&self, offset: usize) -> bool {
        !self.is_empty()
            && match self.wrapped_at {
                None => (self.head..self.tail).contains(&offset),
                Some(end) => (self.head..end).contains(&offset) || offset < self.tail,
            }
    }

    /// The record of `len` bytes, behind which is `position`. O(1).
    pub(crate) fn record_before(&self, position: Position, len: usize) -> Option<&[u8]> {
        self.storage.as_ref().get(position.offset.checked_sub(len)?..position.offset)
    }

    /// Whether the newest records lie before the oldest. O(1).
    pub(crate) const fn is_wrapped(&self) -> bool {
        self.wrapped_at.is_some()
    }

    /// Whether records of these lengths can be appended one after the other. O(lengths).
    pub(crate) fn has_room_for(&self, lens: impl Iterator<Item = usize>) -> bool {
        let capacity = self.capacity();
        let (mut tail, mut limit) = match self.wrapped_at {
            _ if self.is_empty() => (0, capacity),
            Some(_) => (self.tail, self.head),
            None => (self.tail, capacity),
        };
        // Whether there is room before the oldest record as well.
        let mut start = !self.is_empty() && self.wrapped_at.is_none();
        for len in lens {
            let Some(needed) = record_len(len) else { return false };
            if needed > limit.saturating_sub(tail) {
                if !start || needed > self.head {
                    return false;
                }
                (tail, limit, start) = (0, self.head, false);
            }
            tail = tail.saturating_add(needed);
        }
        true
    }
}

impl<S: AsRef<[u8]> + AsMut<[u8]>> Log<S> {
    /// The record that begins at `offset` of the storage, which is that of a record. O(1).
    pub(crate) fn record_at_mut(&mut self, offset: usize) -> Option<&mut [u8]> {
        let rest = self.storage.as_mut().get_mut(offset..)?;
        let (len, prefix) = read_prefix(rest)?;
        rest.get_mut(prefix..)?.get_mut(..len)
    }

    /// Moves the oldest record behind the newest and returns its new place. O(its length).
    ///
    /// That is always possible: its own room is free once it is gone, and it lies next to what is free already.
    ///
    /// ```
    /// use streamgauge_core::log::{Full, Log};
    ///
    /// let mut log = Log::new([0; 12]);
    /// for record in [b"abc", b"def", b"ghi"] {
    ///     log.append(3, |room| room.copy_from_slice(record)).unwrap();
    /// }
    /// // Not a byte is free.
    /// assert_eq!(log.append(0, |_| ()), Err(Full));
    /// assert_eq!(log.recycle().map(|place| place.sequence()), Some(3));
    /// assert!(log.iter(log.start()).eq([b"def", b"ghi", b"abc"]));
    /// ```
    pub fn recycle(&mut self) -> Option<Position> {
        let (from, len) = (self.head, self.pop()?.len());
        let needed = record_len(len)?;
        let at = self.place(needed)?;
        move_within(self.storage.as_mut(), from..from.checked_add(needed)?, at);
        Some(self.extend(at, at.checked_add(needed)?, len))
    }

    /// Copies the `len` bytes at `from` of one record to `to` of another; both are given by their offsets in the
    /// storage.
    pub(crate) fn copy(&mut self, from: (usize, usize), to: (usize, usize), len: usize) -> Option<()> {
        let begin = |log: &Self, (record, at): (usize, usize)| {
            let (whole, prefix) = read_prefix(log.storage.as_ref().get(record..)?)?;
            (at.checked_add(len)? <= whole).then_some(())?;
            record.checked_add(prefix)?.checked_add(at)
        };
        let (from, to) = (begin(self, from)?, begin(self, to)?);
        move_within(self.storage.as_mut(), from..from.checked_add(len)?, to);
        Some(())
    }

    /// Lets the storage become longer as `grow` does, and returns what that says. What is new is used when the log comes
    /// round to it.
    pub(crate) fn grow(&mut self, grow: impl FnOnce(&mut S) -> bool) -> bool {
        grow(&mut self.storage)
    }

    /// Moves all records to the start of the storage, so that what is free is in one piece, and leaves out those that
    /// `keep` doesn't want; it is told where each will be. O(storage).
    ///
    /// The order stays; but the records are numbered anew from the oldest on, and no earlier position is valid.
    pub(crate) fn compact(&mut self, mut keep: impl FnMut(&[u8], Position) -> bool) {
        self.straighten();
        let (mut from, mut to) = (0, 0);
        let (mut sequence, mut bytes) = (self.first, self.removed);
        for _ in 0..self.len() {
            let Some(len) = self.record_at(from).map(<[u8]>::len) else { break };
            let Some(end) = record_len(len).and_then(|needed| from.checked_add(needed)) else { break };
            let place = Position { sequence, offset: to, bytes };
            if self.record_at(from).is_some_and(|record| keep(record, place)) {
                move_within(self.storage.as_mut(), from..end, to);
                to = to.wrapping_add(end.wrapping_sub(from));
                sequence = sequence.wrapping_add(1);
                bytes = bytes.wrapping_add(len as u64);
            }
            from = end;
        }
        (self.tail, self.next, self.appended) = (to, sequence, bytes);
    }

    /// Lets the oldest record begin at 0, and the others follow it without a gap.
    fn straighten(&mut self) {
        let (head, tail) = (self.head, self.tail);
        let storage = self.storage.as_mut();
        match self.wrapped_at {
            None => {
                move_within(storage, head..tail, 0);
                self.tail = tail.saturating_sub(head);
            }
            Some(end) => {
                // To the end of the storage, so that the whole can be turned by the rest.
                let upper = end.saturating_sub(head);
                let turn = storage.len().saturating_sub(upper);
                move_within(storage, head..end, turn);
                if turn <= storage.len() {
                    storage.rotate_left(turn);
                }
                self.tail = tail.saturating_add(upper);
            }
        }
        (self.head, self.wrapped_at) = (0, None);
    }
}

/// Moves bytes, which may overlap with where they go.
fn move_within(storage: &mut [u8], from: Range<usize>, to: usize) {
    let Some(count) = from.end.checked_sub(from.start) else { return };
    let Some(last) = storage.len().checked_sub(count) else { return };
    if from.end <= storage.len() && to <= last && from.start != to {
        storage.copy_within(from, to);
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::collections::VecDeque;
    use std::vec::Vec;

    use super::*;

    /// Logs of many sizes, filled to the last byte and at every turn of the ring.
    fn logs() -> impl Iterator<Item = (Log<Vec<u8>>, VecDeque<Vec<u8>>)> {
        // Miri is a thousand times slower.
        let step = if cfg!(miri) { 13 } else { 1 };
        (1..40_usize).step_by(step).flat_map(move |capacity| {
            (0..60_usize).step_by(step).map(move |turns| {
                let (mut log, mut model) = (Log::new(std::vec![0; capacity]), VecDeque::new());
                for turn in 0..turns {
                    let record: Vec<u8> = (0..turn * 7 % 9).map(|i| (turn * 16 + i) as u8).collect();
                    if record.len() < capacity {
                        while log.append(record.len(), |room| room.copy_from_slice(&record)).is_err() {
                            log.pop();
                            model.pop_front();
                        }
                        model.push_back(record);
                    }
                }
                (log, model)
            })
        })
    }

    fn held(log: &Log<Vec<u8>>) -> Vec<Vec<u8>> {
        log.iter(log.start()).map(<[u8]>::to_vec).collect()
    }

    #[test]
    fn the_oldest_record_can_always_be_moved_to_the_end() {
        for (mut log, mut model) in logs() {
            let (bytes, end) = (log.bytes(), log.end().sequence());
            for moved in 0..2 * model.len() as u64 {
                let place = log.recycle().unwrap();
                model.rotate_left(1);
                assert_eq!(place.sequence(), end + moved);
                assert_eq!(model, held(&log));
                assert_eq!(log.read(&mut { place }), model.back().map(|record| &record[..]));
                assert_eq!(log.record_at(place.offset), model.back().map(|record| &record[..]));
            }
            assert_eq!(log.bytes(), bytes);
            // What is free can still be used.
            while log.append(0, |_| ()).is_ok() {
                model.push_back(Vec::new());
            }
            assert_eq!(model, held(&log));
        }
    }

    #[test]
    fn compacting_leaves_what_is_free_in_one_piece() {
        for (mut log, mut model) in logs() {
            let mut places = Vec::new();
            log.compact(|record, place| {
                let keep = record.first().is_none_or(|byte| byte & 0x10 == 0);
                places.extend(keep.then_some((record.to_vec(), place)));
                keep
            });
            model.retain(|record| record.first().is_none_or(|byte| byte & 0x10 == 0));
            assert_eq!(model, held(&log));
            assert_eq!(log.bytes(), model.iter().map(|record| record.len() as u64).sum::<u64>());
            for (record, mut place) in places {
                assert_eq!(log.record_at(place.offset), Some(&record[..]));
                assert_eq!(log.read(&mut place), Some(&record[..]));
            }
            let used: usize = model.iter().map(|record| record.len() + 1).sum();
            if let Some(rest) = (log.capacity() - used).checked_sub(1) {
                log.append(rest, |room| room.fill(1)).unwrap();
            }
            assert!(log.append(0, |_| ()).is_err());
        }
    }

    #[test]
    fn room_for_several_is_told_before_any_is_appended() {
        for (log, _) in logs() {
            for lens in [&[0][..], &[3, 3], &[8], &[1, 5, 0, 7], &[0; 30], &[]] {
                let mut copy = log.clone();
                let fits = lens.iter().all(|len| copy.append(*len, |_| ()).is_ok());
                assert_eq!(log.has_room_for(lens.iter().copied()), fits, "{lens:?} in {log:?}");
            }
        }
    }

    #[test]
    fn bytes_are_copied_from_one_record_to_another_and_never_beyond() {
        let mut log = Log::new([0; 16]);
        let from = log.append_at(5, |room| room.copy_from_slice(b"hello")).unwrap().offset;
        let to = log.append_at(4, |room| room.copy_from_slice(b"....")).unwrap().offset;
        assert_eq!(log.copy((from, 1), (to, 2), 2), Some(()));
        assert_eq!(log.record_at(to), Some(&b"..el"[..]));
        assert_eq!(log.copy((from, 1), (to, 2), 3), None);
        assert_eq!(log.copy((from, 4), (to, 0), 2), None);
        assert_eq!(log.record_at(to), Some(&b"..el"[..]));
    }
}
