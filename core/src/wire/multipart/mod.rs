//! `multipart/x-mixed-replace` with a content-length for each part, as pubsub streams it.

use super::gather::Gather;
use head::{Head, Step};

mod head;

/// The boundary that pubsub uses.
pub const BOUNDARY: &[u8] = b"xXPubSubXx";

/// The longest boundary, in bytes (RFC 2046, section 5.1.1).
pub const MAX_BOUNDARY: usize = 70;

/// The longest headers of a part that [`Multipart`] accepts, in bytes.
pub const MAX_HEADERS: u32 = 16384;

/// What [`Multipart`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A part's body.
    Message(&'a [u8]),
    /// A part was skipped because its body is longer than the storage.
    TooLong {
        /// The body's bytes.
        length: u64,
    },
    /// The server says that so many messages were left out here: a part without a body, with `x-pubsub-gap`.
    Gap(u64),
    /// The stream is not as it should be. Decoding goes on at the next boundary.
    Malformed(Malformed),
    /// The closing boundary: there are no more parts, and what follows is skipped.
    End,
}

/// What is wrong with a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Malformed {
    /// It has no `content-length`.
    NoLength,
    /// Its `content-length` is not one number that a `u64` can hold.
    BadLength,
    /// Its headers are longer than [`MAX_HEADERS`].
    HeadersTooLong,
    /// Something else than a boundary follows its body.
    NoBoundary,
}

/// Decodes the parts of a multipart stream from fragments. A message is found by its
/// `content-length`, so it may hold any bytes, and is there with its last byte: nothing waits for
/// the boundary behind it.
///
/// The names of headers are read without regard to case, others than `content-length` and
/// `x-pubsub-gap` are ignored, lines may end in CR LF or LF. The storage `S` holds a message that arrives in pieces; its size is the longest
/// message there can be.
///
/// ```
/// use streamgauge_core::wire::multipart::{Event, Multipart};
///
/// let mut parts = Multipart::subscription([0; 64]);
/// let mut input = &b"--xXPubSubXx\r\nContent-Length: 2\r\n\r\nhi\r\n--xXPubSubXx\r\n"[..];
/// assert_eq!(parts.decode(&mut input), Some(Event::Message(b"hi")));
/// assert_eq!(parts.decode(&mut input), None);
/// ```
#[derive(Clone, Debug)]
pub struct Multipart<S> {
    message: Gather<S>,
    head: Head,
    state: State,
    malformed: u64,
    ignored: u64,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Between two bodies.
    Head,
    /// So many bytes of the body are still to come.
    Body(u64),
    Ended,
}

impl<S: AsRef<[u8]> + AsMut<[u8]>> Multipart<S> {
    /// A stream with this boundary, given without the dashes before it; `None` if it is empty or
    /// longer than [`MAX_BOUNDARY`]. O(1).
    #[must_use]
    pub fn new(storage: S, boundary: &[u8]) -> Option<Self> {
        Some(Self {
            message: Gather::new(storage),
            head: Head::new(boundary)?,
            state: State::Head,
            malformed: 0,
            ignored: 0,
        })
    }

    /// What `GET /sub` streams: with pubsub's own boundary. O(1).
    #[must_use]
    pub fn subscription(storage: S) -> Self {
        Self { message: Gather::new(storage), head: Head::pubsub(), state: State::Head, malformed: 0, ignored: 0 }
    }

    /// Takes bytes off the front of `input` up to the end of the next message, or all of them:
    /// then `None`. O(n) in the bytes taken.
    pub fn decode<'a, 'i: 'a>(&'a mut self, input: &mut &'i [u8]) -> Option<Event<'a>> {
        loop {
            match self.state {
                State::Body(remaining) => {
                    let wanted = usize::try_from(remaining).unwrap_or(usize::MAX);
                    let Some((piece, rest)) = input.split_at_checked(wanted) else {
                        let remaining = remaining.wrapping_sub(input.len() as u64);
                        self.state = State::Body(remaining);
                        self.message.push(core::mem::take(input));
                        return None;
                    };
                    *input = rest;
                    self.state = State::Head;
                    return Some(match self.message.complete(piece) {
                        Ok(message) => Event::Message(message),
                        Err(length) => Event::TooLong { length },
                    });
                }
                State::Ended => {
                    let ignored = core::mem::take(input).len() as u64;
                    self.ignored = self.ignored.wrapping_add(ignored);
                    return None;
                }
                State::Head => {}
            }
            let (&byte, rest) = input.split_first()?;
            *input = rest;
            match self.head.step(byte) {
                Step::More => {}
                Step::Body(length) => self.state = State::Body(length),
                Step::Gap(messages) => return Some(Event::Gap(messages)),
                Step::End => {
                    self.state = State::Ended;
                    return Some(Event::End);
                }
                Step::Malformed(malformed) => {
                    self.malformed = self.malformed.wrapping_add(1);
                    return Some(Event::Malformed(malformed));
                }
            }
        }
    }

    /// Gets ready for another stream and drops an incomplete message: returns whether there was
    /// one. O(1).
    pub fn reset(&mut self) -> bool {
        let incomplete = matches!(self.state, State::Body(_)) || self.head.in_headers();
        self.message.clear();
        self.head.reset();
        self.state = State::Head;
        incomplete
    }

    /// Messages skipped because they were too long. O(1).
    #[must_use]
    pub const fn skipped(&self) -> u64 {
        self.message.too_long()
    }

    /// [`Malformed`] events so far. O(1).
    #[must_use]
    pub const fn malformed(&self) -> u64 {
        self.malformed
    }

    /// Bytes that belong to no part: before the first boundary, behind the closing one, and what
    /// was passed over in search of a boundary. O(1).
    #[must_use]
    pub const fn ignored(&self) -> u64 {
        self.ignored.wrapping_add(self.head.ignored())
    }
}
