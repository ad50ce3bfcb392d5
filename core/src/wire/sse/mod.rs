//! Server-sent events, as the WHATWG HTML standard defines them (section 9.2).

use super::digits::append_decimal;
use super::gather::Gather;
use memchr::memchr2;
use short::Short;

pub(super) mod encode;
mod event;
mod short;

pub use encode::{write_comment, write_event};
pub use event::{Event, Field, Message};

/// The longest event name and event id that [`Events`] accepts, in bytes.
pub const MAX_FIELD: usize = 64;

/// Decodes server-sent events from fragments. Line ends may be CR LF, CR or LF; a byte order mark
/// at the start and unknown fields are ignored; comments are counted.
///
/// The storage `S` holds data that has several lines or arrives in pieces; its size is the
/// longest data an event can have. Bytes are not checked to be UTF-8.
///
/// ```
/// use streamgauge_core::wire::sse::{Event, Events};
///
/// let mut events = Events::new([0; 32]);
/// let mut input = &b": hi\nid: 7\ndata: a\ndata: b\n\n"[..];
/// let Some(Event::Message(message)) = events.decode(&mut input) else { panic!() };
/// assert_eq!((message.id, message.data), (&b"7"[..], &b"a\nb"[..]));
/// assert_eq!(events.decode(&mut input), None);
/// assert_eq!((events.last_event_id(), events.comments()), (&b"7"[..], 1));
/// ```
#[derive(Clone, Debug)]
pub struct Events<S> {
    data: Gather<S>,
    has_data: bool,
    /// The value of the line at hand, unless it is data.
    value: Gather<[u8; MAX_FIELD]>,
    event: Short,
    /// The name of the event last returned, which borrows it from here.
    reported: Short,
    /// The id that the event at hand will set.
    next_id: Short,
    last_id: Short,
    retry: Option<u64>,
    oversize: Option<(Field, u64)>,
    state: State,
    line: Line,
    /// The start of the line, which is a field's name if a colon ends it.
    name: Gather<[u8; 5]>,
    after_return: bool,
    at_start: bool,
    comments: u64,
    skipped: u64,
}

/// Where in a line.
#[derive(Clone, Copy, Debug)]
enum State {
    Name,
    /// Behind the colon: one space is not part of the value.
    Space,
    Value,
}

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Data,
    Event,
    Id,
    Retry,
    Other,
}

impl<S: AsRef<[u8]> + AsMut<[u8]>> Events<S> {
    /// At the start of a stream.
    #[must_use]
    pub const fn new(storage: S) -> Self {
        Self {
            data: Gather::new(storage),
            has_data: false,
            value: Gather::new([0; MAX_FIELD]),
            event: Short::EMPTY,
            reported: Short::EMPTY,
            next_id: Short::EMPTY,
            last_id: Short::EMPTY,
            retry: None,
            oversize: None,
            state: State::Name,
            line: Line::Other,
            name: Gather::new([0; 5]),
            after_return: false,
            at_start: true,
            comments: 0,
            skipped: 0,
        }
    }

    /// Takes bytes off the front of `input` up to the end of the next event, or all of them: then
    /// `None`. O(n) in the bytes taken.
    pub fn decode<'a, 'i: 'a>(&'a mut self, input: &mut &'i [u8]) -> Option<Event<'a>> {
        // The end of the data so far, as it lies in this input: it is copied only if it isn't all there is.
        let mut direct: &'i [u8] = &[];
        loop {
            if !self.take_line(input, &mut direct) {
                self.data.push(direct);
                return None;
            }
            if self.end_line() && self.end_event() {
                return Some(self.complete(direct));
            }
        }
    }

    /// Gets ready for another stream and drops an incomplete event: returns whether there was
    /// one. The last id and the retry time stay, since the next request needs them. O(1).
    pub fn reset(&mut self) -> bool {
        let incomplete = self.has_data || !self.name.is_empty() || !matches!(self.state, State::Name);
        self.clear();
        self.next_id = self.last_id;
        self.name.clear();
        self.value.clear();
        self.state = State::Name;
        self.after_return = false;
        self.at_start = true;
        incomplete
    }

    /// The id of the last complete event that had one: what to send as `last-event-id` when
    /// connecting again. Empty when there was none. O(1).
    #[must_use]
    pub fn last_event_id(&self) -> &[u8] {
        self.last_id.as_bytes()
    }

    /// The time to wait before connecting again that the stream last asked for, in milliseconds.
    /// O(1).
    #[must_use]
    pub const fn retry(&self) -> Option<u64> {
        self.retry
    }

    /// Comments seen. O(1).
    #[must_use]
    pub const fn comments(&self) -> u64 {
        self.comments
    }

    /// Events skipped because a field was too long. O(1).
    #[must_use]
    pub const fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Goes to the end of the line at hand; false if the input ends before.
    fn take_line<'i>(&mut self, input: &mut &'i [u8], direct: &mut &'i [u8]) -> bool {
        if self.after_return
            && let Some((&byte, rest)) = input.split_first()
        {
            self.after_return = false;
            if byte == b'\n' {
                *input = rest;
            }
        }
        while let State::Name = self.state {
            let Some((&byte, rest)) = input.split_first() else {
                return false;
            };
            if matches!(byte, b'\r' | b'\n') && self.name.is_empty() {
                break;
            }
            if !matches!(byte, b'\r' | b'\n' | b':') {
                *input = rest;
                self.push_name(byte);
                continue;
            }
            self.state = State::Value;
            if byte == b':' {
                *input = rest;
                self.state = State::Space;
            }
            self.begin_value(direct);
        }
        if let State::Space = self.state {
            let Some((&byte, rest)) = input.split_first() else {
                return false;
            };
            self.state = State::Value;
            if byte == b' ' {
                *input = rest;
            }
        }
        let found = memchr2(b'\r', b'\n', input).and_then(|at| input.split_at_checked(at));
        let (piece, rest) = found.unwrap_or((input, &[]));
        *input = rest;
        if self.line != Line::Data {
            self.value.push(piece);
        } else {
            *direct = piece;
        }
        if let Some((&end, rest)) = rest.split_first() {
            *input = rest;
            self.after_return = end == b'\r';
        }
        found.is_some()
    }

    fn push_name(&mut self, byte: u8) {
        self.name.push(&[byte]);
        if self.at_start && self.name.length() == 3 {
            self.at_start = false;
            let mark = matches!(self.name.complete(&[]), Ok(b"\xef\xbb\xbf"));
            if !mark {
                self.name.restore(3);
            }
        }
    }

    fn begin_value(&mut self, direct: &mut &[u8]) {
        self.at_start = false;
        self.comments = self.comments.wrapping_add(u64::from(self.name.is_empty()));
        self.line = match self.name.complete(&[]) {
            Ok(b"data") => Line::Data,
            Ok(b"event") => Line::Event,
            Ok(b"id") => Line::Id,
            Ok(b"retry") => Line::Retry,
            _ => Line::Other,
        };
        if self.line == Line::Data {
            if self.has_data {
                self.data.push(core::mem::take(direct));
                self.data.push(b"\n");
            }
            self.has_data = true;
        }
    }

    /// Acts on the line just taken; true if it is the empty one that ends an event.
    fn end_line(&mut self) -> bool {
        self.at_start = false;
        if let State::Name = self.state {
            return true;
        }
        self.state = State::Name;
        let value = self.value.complete(&[]);
        match (core::mem::replace(&mut self.line, Line::Other), value) {
            (Line::Event, Ok(value)) => self.event.set(value),
            (Line::Id, Ok(value)) if !value.contains(&0) => self.next_id.set(value),
            (Line::Retry, Ok(value)) if !value.is_empty() => {
                let number = value.iter().copied().try_fold(0, append_decimal);
                self.retry = number.or(self.retry);
            }
            (Line::Event, Err(length)) => self.oversize = Some((Field::Event, length)),
            (Line::Id, Err(length)) => self.oversize = Some((Field::Id, length)),
            _ => {}
        }
        false
    }

    /// Acts on an empty line; true if it ends an event that is to be reported.
    fn end_event(&mut self) -> bool {
        self.last_id = self.next_id;
        let report = self.has_data || self.oversize.is_some();
        if !report {
            self.clear();
        }
        report
    }

    fn clear(&mut self) {
        self.data.clear();
        self.has_data = false;
        self.event = Short::EMPTY;
        self.oversize = None;
    }

    fn complete<'a, 'i: 'a>(&'a mut self, direct: &'i [u8]) -> Event<'a> {
        self.has_data = false;
        let event = core::mem::replace(&mut self.event, Short::EMPTY);
        let too_long = self.oversize.take();
        let data = self.data.complete(direct);
        if let Some((field, length)) = too_long.or(data.err().map(|length| (Field::Data, length))) {
            self.skipped = self.skipped.wrapping_add(1);
            return Event::TooLong { field, length };
        }
        self.reported = event;
        Event::Message(Message {
            id: self.last_id.as_bytes(),
            event: self.reported.as_bytes(),
            data: data.unwrap_or_default(),
            retry: self.retry,
        })
    }
}
