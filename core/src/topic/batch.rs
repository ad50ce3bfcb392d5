//! Many messages of one body.

/// Messages that are published together or not at all, and what has to be known about them before.
///
/// Made before any lock is taken, so that only the checks and the copying happen under it.
///
/// ```
/// use streamgauge_core::topic::{Batch, Fanout, Place};
///
/// let batch = Batch::of(b"one\ntwo\nthree".split(|byte| *byte == b'\n'));
/// assert_eq!((batch.count(), batch.bytes(), batch.longest()), (3, 11, 5));
/// let mut fanout = Fanout::new([0; 64], [Place::FREE; 1]);
/// assert_eq!(fanout.publish_all(batch).unwrap().last(), Some(2));
/// ```
#[derive(Debug, Clone)]
pub struct Batch<I> {
    messages: I,
    count: u64,
    bytes: u64,
    longest: usize,
}

impl<'m, I: Iterator<Item = &'m [u8]> + Clone> Batch<I> {
    /// These messages, which a clone of the iterator must give again. O(messages).
    pub fn of(messages: I) -> Self {
        let (mut count, mut bytes, mut longest) = (0_u64, 0_u64, 0);
        for message in messages.clone() {
            count = count.saturating_add(1);
            bytes = bytes.saturating_add(message.len() as u64);
            longest = message.len().max(longest);
        }
        Self { messages, count, bytes, longest }
    }
}

impl<I> Batch<I> {
    /// How many messages. O(1).
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Payload bytes of all of them. O(1).
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Length of the longest in bytes. O(1).
    pub const fn longest(&self) -> usize {
        self.longest
    }

    /// The messages. O(1).
    pub fn into_messages(self) -> I {
        self.messages
    }
}

/// What was published at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// The number of the first message, or of the next one to come if there was none.
    pub first: u64,
    /// How many messages.
    pub messages: u64,
}

impl Published {
    /// The number of the last message, if there was any. O(1).
    pub const fn last(&self) -> Option<u64> {
        match self.messages.checked_sub(1) {
            Some(after) => Some(self.first.wrapping_add(after)),
            None => None,
        }
    }
}
