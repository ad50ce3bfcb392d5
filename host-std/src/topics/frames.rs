//! Messages encoded once for all the subscribers that lack the same ones.

use std::convert::Infallible;

use streamgauge_core::engine::Name;
use streamgauge_core::log::Position;
use streamgauge_core::wire::{Framing, Stream};

use super::plan::Plan;
pub(super) use crate::engine::memory::TopicLog as Messages;

/// How much is encoded at a time, unless one message is longer.
const MOST: usize = 256 << 10;

/// How much for one that shares it with nobody.
const ALONE: usize = MOST / 4;

/// One for each kind of stream, for those who keep up; and one for those who don't.
const KINDS: usize = 8;
const STRAGGLER: usize = KINDS - 1;

/// Where those are encoded who are served message by message.
const SINGLE: usize = KINDS;

/// What subscribers are sent next: encoded while the log is at hand, written when it no longer is.
///
/// A set belongs to one fan-out at a time: positions in another would be mistaken for places in this one.
pub(super) struct Frames {
    topic: Option<Name>,
    kinds: [Kind; KINDS],
    /// Messages for those who are served one by one, and room to edit one.
    single: Vec<u8>,
    edited: Vec<u8>,
}

struct Kind {
    stream: Stream,
    start: Position,
    end: Position,
    bytes: Vec<u8>,
    /// Somebody is about to be sent some of it.
    in_use: bool,
}

/// Part of what is encoded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    kind: usize,
    from: usize,
    to: usize,
    /// Where the subscriber stands when it has all of it.
    pub(super) end: Position,
}

impl Piece {
    pub(super) const fn len(&self) -> usize {
        self.to.saturating_sub(self.from)
    }
}

impl Default for Frames {
    fn default() -> Self {
        let stream = Stream { framing: Framing::Lines, chunked: false };
        let place = Position::default();
        let kind = |_| Kind { stream, start: place, end: place, bytes: Vec::new(), in_use: false };
        Self { topic: None, kinds: std::array::from_fn(kind), single: Vec::new(), edited: Vec::new() }
    }
}

impl Frames {
    /// The most bytes that all of it takes, if no message is longer than `max_message`.
    pub(super) const fn worst_case(max_message: usize) -> usize {
        // Each CR of an event begins another line with `data: `.
        let event = max_message.saturating_mul(7);
        let most = max_message.saturating_mul(KINDS - 3).saturating_add(event.saturating_mul(3));
        // A byte of an edited message was at least an eighth of one, as a hash has 34 for one and its key.
        let single = max_message.saturating_mul(16);
        most.saturating_add(single).saturating_add((KINDS + 1) * (MOST + 256))
    }

    /// What is encoded is of this topic from now on. O(1), where it was so before.
    pub(super) fn belong_to(&mut self, topic: &Name) {
        if self.topic.as_ref() != Some(topic) {
            self.topic = Some(*topic);
            // Their room is kept for others; without bytes a place in the log means nothing.
            self.kinds.iter_mut().for_each(|kind| kind.bytes.clear());
        }
    }

    /// A topic of this name, if there is another one, has other messages.
    pub(super) fn forget(&mut self, topic: &Name) {
        self.topic.take_if(|known| known == topic);
    }

    /// What was encoded before need not be kept any longer.
    pub(super) fn begin(&mut self) {
        self.kinds.iter_mut().for_each(|kind| kind.in_use = false);
        for bytes in [&mut self.single, &mut self.edited] {
            bytes.clear();
            if bytes.capacity() > MOST * 2 {
                *bytes = Vec::new();
            }
        }
    }

    /// What a subscriber at `start` is sent, without the first `from` bytes: all that there is, or just `one`
    /// message. `None` if there is no room for it before the next [`begin`](Self::begin).
    ///
    /// What was encoded for another one is used again if it stood at the same place, with what was published since.
    pub(super) fn load(
        &mut self,
        messages: &Messages,
        stream: Stream,
        start: Position,
        from: usize,
        one: bool,
    ) -> Option<Piece> {
        let at = self.choose(stream, start)?;
        let kind = &mut self.kinds[at];
        kind.in_use = true;
        if !kind.is_at(stream, start) {
            kind.bytes.clear();
            if kind.bytes.capacity() > MOST * 2 {
                kind.bytes = Vec::new();
            }
            (kind.stream, kind.start, kind.end) = (stream, start, start);
        }
        kind.extend(messages);
        let (mut to, mut end) = (kind.bytes.len(), kind.end);
        if one {
            let mut rest = messages.messages(start);
            let message = rest.next()?;
            (to, end) = (stream.framed_len(start.sequence(), message), rest.position());
        }
        Some(Piece { kind: at, from, to, end })
    }

    /// The message at `start` as its subscriber's plan has it, without the first `from` bytes. `None` if it is gone, or
    /// if there is no room for it before the next [`begin`](Self::begin).
    pub(super) fn load_single(
        &mut self,
        messages: &Messages,
        stream: Stream,
        start: Position,
        from: usize,
        plan: &mut Plan,
    ) -> Option<Piece> {
        if self.single.len() >= MOST {
            return None;
        }
        let mut rest = messages.messages(start);
        let message = plan.edit(rest.next()?, &mut self.edited);
        let (begin, sequence) = (self.single.len(), start.sequence());
        make_room(&mut self.single, stream.framed_len(sequence, message));
        let Ok(()) = stream.encode(sequence, message, &mut self.single) as Result<(), Infallible>;
        Some(Piece { kind: SINGLE, from: begin + from, to: self.single.len(), end: rest.position() })
    }

    /// As [`load`](Self::load), for a subscriber with a log of its own, with whom nobody shares what is encoded.
    pub(super) fn load_alone(
        &mut self,
        messages: &Messages,
        stream: Stream,
        start: Position,
        from: usize,
        one: bool,
    ) -> Option<Piece> {
        if self.single.len() >= MOST {
            return None;
        }
        let (begin, mut rest) = (self.single.len(), messages.messages(start));
        let mut end = start;
        loop {
            let sequence = rest.position().sequence();
            let Some(message) = rest.next() else { break };
            make_room(&mut self.single, stream.framed_len(sequence, message));
            let Ok(()) = stream.encode(sequence, message, &mut self.single) as Result<(), Infallible>;
            end = rest.position();
            if one || self.single.len() - begin >= ALONE {
                break;
            }
        }
        Some(Piece { kind: SINGLE, from: begin + from, to: self.single.len(), end })
    }

    /// The bytes of a piece.
    pub(super) fn bytes(&self, piece: Piece) -> &[u8] {
        if piece.kind == SINGLE {
            return self.single.get(piece.from..piece.to).unwrap_or_default();
        }
        self.kinds[piece.kind].bytes.get(piece.from..piece.to).unwrap_or_default()
    }

    /// Where to encode what follows `start`.
    ///
    /// Those who keep up stand where the last frames ended; a straggler must not take these frames from them.
    fn choose(&self, stream: Stream, start: Position) -> Option<usize> {
        let own = match stream {
            Stream { framing: Framing::WebSocket, .. } => STRAGGLER - 1,
            Stream { framing, chunked } => framing as usize * 2 + usize::from(chunked),
        };
        let [mine, spare] = [&self.kinds[own], &self.kinds[STRAGGLER]];
        match () {
            () if mine.is_at(stream, start) => Some(own),
            () if spare.is_at(stream, start) => Some(STRAGGLER),
            () if !mine.in_use && (mine.bytes.is_empty() || mine.end.sequence() == start.sequence()) => Some(own),
            () if !spare.in_use => Some(STRAGGLER),
            () if !mine.in_use => Some(own),
            () => None,
        }
    }
}

impl Kind {
    fn is_at(&self, stream: Stream, start: Position) -> bool {
        self.stream == stream && self.start.sequence() == start.sequence() && !self.bytes.is_empty()
    }

    /// Encodes what was published since.
    fn extend(&mut self, messages: &Messages) {
        let mut rest = messages.messages(self.end);
        while self.bytes.len() < MOST {
            let sequence = rest.position().sequence();
            let Some(message) = rest.next() else { break };
            self.reserve(sequence, message);
            let Ok(()) = self.stream.encode(sequence, message, &mut self.bytes) as Result<(), Infallible>;
            self.end = rest.position();
        }
    }

    /// Makes room for a message, and for no more than [`MOST`] and one message: a `Vec` would double.
    fn reserve(&mut self, sequence: u64, message: &[u8]) {
        let free = self.bytes.capacity() - self.bytes.len();
        if free < message.len().saturating_mul(7).saturating_add(128) {
            let needed = self.stream.framed_len(sequence, message);
            let doubled = self.bytes.capacity().saturating_mul(2).clamp(1 << 10, MOST);
            let room = doubled.saturating_sub(self.bytes.len());
            if free < needed {
                self.bytes.reserve_exact(needed.max(room));
            }
        }
    }
}

/// Makes room for one more message of those who are served one by one: a `Vec` would double.
fn make_room(single: &mut Vec<u8>, needed: usize) {
    if single.capacity() - single.len() < needed {
        single.reserve_exact(needed.max(single.capacity().clamp(1 << 10, MOST / 2)));
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
