use std::collections::VecDeque;

/// Messages by sequence number, within a bound of bytes.
///
/// Each message is charged [`COST`](Self::COST) bytes beyond its own, which covers what it takes
/// to keep it, also in the queues that refer to it. A message may leave out of order; its place is
/// charged until all before it have left too.
#[derive(Debug)]
pub(super) struct Buffer {
    slots: VecDeque<Option<Box<[u8]>>>,
    first: u64,
    /// INVARIANT: the sum over the slots of their charges, at most `limit`.
    charged: usize,
    limit: usize,
}

impl Buffer {
    /// Two words a slot and one a reference, in queues that double, and the allocator's own.
    pub(super) const COST: usize = 64;

    pub(super) const fn new(limit: usize) -> Self {
        Self { slots: VecDeque::new(), first: 0, charged: 0, limit }
    }

    /// The sequence number of the oldest message here.
    pub(super) const fn first(&self) -> u64 {
        self.first
    }

    /// The sequence number of the next message to come.
    pub(super) fn end(&self) -> u64 {
        self.first + self.slots.len() as u64
    }

    /// Whether a message of that length fits if nothing else is here.
    pub(super) const fn could_hold(&self, length: usize) -> bool {
        length.saturating_add(Self::COST) <= self.limit
    }

    /// Whether a message of that length fits now.
    pub(super) const fn has_room(&self, length: usize) -> bool {
        length.saturating_add(Self::COST) <= self.limit - self.charged
    }

    /// Keeps a message for which there [is room](Self::has_room), and returns its number.
    pub(super) fn push(&mut self, message: &[u8]) -> u64 {
        debug_assert!(self.has_room(message.len()), "make room first");
        let sequence = self.end();
        self.charged += message.len() + Self::COST;
        self.slots.push_back(Some(message.into()));
        sequence
    }

    pub(super) fn get(&self, sequence: u64) -> Option<&[u8]> {
        let index = usize::try_from(sequence.checked_sub(self.first)?).ok()?;
        self.slots.get(index)?.as_deref()
    }

    /// Lets a message go, if it is here.
    pub(super) fn remove(&mut self, sequence: u64) {
        let index = sequence.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
        if let Some(message) = index.and_then(|index| self.slots.get_mut(index)?.take()) {
            self.charged -= message.len();
        }
        while let Some(None) = self.slots.front() {
            self.slots.pop_front();
            self.first += 1;
            self.charged -= Self::COST;
        }
    }

    /// Lets all messages before `sequence` go.
    pub(super) fn remove_before(&mut self, sequence: u64) {
        while self.first < sequence.min(self.end()) {
            self.remove(self.first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_exactly_what_it_was_given_room_for() {
        let each = Buffer::COST + 4;
        let mut buffer = Buffer::new(3 * each);
        for sequence in 0..3 {
            assert!(buffer.has_room(4));
            assert_eq!(buffer.push(b"four"), sequence);
        }
        assert!(!buffer.has_room(0));
        buffer.remove(1);
        assert_eq!((buffer.get(0), buffer.get(1), buffer.first()), (Some(&b"four"[..]), None, 0));
        assert!(!buffer.has_room(0), "its place is still charged");
        buffer.remove(0);
        assert_eq!((buffer.first(), buffer.end()), (2, 3));
        assert!(buffer.has_room(4 + each) && !buffer.has_room(5 + each));
        buffer.remove_before(100);
        assert_eq!((buffer.first(), buffer.end(), buffer.charged), (3, 3, 0));
    }

    #[test]
    fn a_buffer_without_room_holds_nothing() {
        for limit in [0, 1, Buffer::COST - 1] {
            assert!(!Buffer::new(limit).has_room(0) && !Buffer::new(limit).could_hold(0));
        }
        assert!(Buffer::new(Buffer::COST).could_hold(0) && !Buffer::new(Buffer::COST).could_hold(usize::MAX));
    }
}
