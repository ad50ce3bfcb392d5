//! Messages encoded once for all the subscribers that lack the same ones.

use std::convert::Infallible;

use streamgauge_core::log::Position;
use streamgauge_core::topic::{Fanout, Place};
use streamgauge_core::wire::Stream;

/// The fan-out as the host stores it.
pub(super) type Messages = Fanout<Box<[u8]>, Box<[Place]>>;

/// How much is encoded at a time, unless one message is longer.
pub(super) const MOST: usize = 256 << 10;

/// What a subscriber at one position is sent next.
#[derive(Debug)]
pub(super) struct Frames {
    stream: Stream,
    start: Position,
    end: Position,
    bytes: Vec<u8>,
}

impl Frames {
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream, start: Position::default(), end: Position::default(), bytes: Vec::new() }
    }

    /// The bytes for a subscriber at `start`, and the position after them.
    ///
    /// Those encoded for the last one are used again if it stood at the same place, with what was published since.
    pub(super) fn from(&mut self, messages: &Messages, stream: Stream, start: Position) -> (&[u8], Position) {
        if self.start != start || self.stream != stream || self.bytes.is_empty() {
            self.bytes.clear();
            if self.bytes.capacity() > MOST * 2 {
                self.bytes = Vec::new();
            }
            (self.stream, self.start, self.end) = (stream, start, start);
        }
        let mut rest = messages.messages(self.end);
        while self.bytes.len() < MOST {
            let sequence = rest.position().sequence();
            let Some(message) = rest.next() else { break };
            let Ok(()) = stream.encode(sequence, message, &mut self.bytes) as Result<(), Infallible>;
            self.end = rest.position();
        }
        (&self.bytes, self.end)
    }
}

/// Where a subscriber at `position` stands after `written` bytes: at the message that is not sent whole, of which
/// so many bytes are.
pub(super) fn after(messages: &Messages, stream: Stream, position: Position, written: usize) -> (Position, usize) {
    let mut rest = messages.messages(position);
    let mut left = written;
    loop {
        let before = rest.position();
        let Some(message) = rest.next() else { return (before, left) };
        let len = stream.framed_len(before.sequence(), message);
        if left < len {
            return (before, left);
        }
        left -= len;
    }
}
