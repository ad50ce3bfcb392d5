use super::framing::Framing;
use super::{Body, HttpError};
use crate::wire::chunked::{self, Chunked};
use core::mem;
use httparse::{EMPTY_HEADER, Header, Status};

/// Decodes the answers that come back on one connection, in the order of their requests.
///
/// Bytes go in as they come off the socket, cut anywhere; events come out, the
/// same ones wherever the cuts are. A head that lies whole in the input is
/// borrowed from it; one in pieces is gathered in the storage `S`, whose size
/// is the limit of a head. `FIELDS` is the limit of its fields. Bodies are
/// never stored.
///
/// Interim answers (1xx other than 101) are passed over.
///
/// ```
/// use streamgauge_core::wire::http::{Event, Responses};
/// let mut responses: Responses<_> = Responses::new([0; 256]);
/// let mut statuses = Vec::new();
/// for read in ["HTTP/1.1 200 OK\r\nContent-Le", "ngth: 2\r\n\r\nhiHTTP/1.1 204 No Content\r\n\r\n"] {
///     let mut input = read.as_bytes();
///     while let Some(event) = responses.decode(&mut input, false)? {
///         match event {
///             Event::Head(head) => statuses.push(head.status),
///             Event::Body(bytes) => assert_eq!(bytes, b"hi"),
///             Event::Complete => {}
///         }
///     }
/// }
/// assert_eq!(statuses, [200, 204]);
/// # Ok::<(), streamgauge_core::wire::http::HttpError>(())
/// ```
#[derive(Debug)]
pub struct Responses<S, const FIELDS: usize = 64> {
    storage: S,
    /// Bytes of a head in the storage.
    gathered: usize,
    state: State,
    /// Whether another answer can follow the one at hand.
    lives_on: bool,
}

/// A part of an answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// An answer begins.
    Head(ResponseHead<'a>),
    /// The next bytes of its body, never empty.
    Body(&'a [u8]),
    /// It is whole; the next one may begin.
    Complete,
}

/// The head of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseHead<'a> {
    /// The status.
    pub status: u16,
    /// Where the body ends.
    pub body: Body,
    /// Whether the connection can be used again.
    pub keep_alive: bool,
    raw: &'a [u8],
}

/// What the end of a connection means, if it is no error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// It ended between answers.
    Idle,
    /// It ended the body of the last answer, which is now whole.
    Complete,
}

#[derive(Debug)]
enum State {
    Head,
    Length(u64),
    Chunked(Chunked),
    UntilClose,
    /// The body is over, which has not been said yet.
    Ended,
    Closed,
}

impl<S: AsRef<[u8]> + AsMut<[u8]>, const FIELDS: usize> Responses<S, FIELDS> {
    /// A decoder for a new connection.
    pub const fn new(storage: S) -> Self {
        Self { storage, gathered: 0, state: State::Head, lives_on: true }
    }

    /// Gets ready for another connection. O(1).
    pub fn reset(&mut self) {
        self.gathered = 0;
        self.state = State::Head;
        self.lives_on = true;
    }

    /// Whether no answer has begun that is not whole. O(1).
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.gathered == 0 && matches!(self.state, State::Head | State::Closed)
    }

    /// Takes bytes off the front of `input` and returns the next event, or
    /// `None` once they are used up. `to_head` says whether the answer that is
    /// due is to a HEAD request, which has no body whatever its head says.
    ///
    /// O(n) in the bytes taken, but for a head in many pieces, which is read
    /// again at each piece.
    ///
    /// # Errors
    /// The connection can't be used further.
    pub fn decode<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
        to_head: bool,
    ) -> Result<Option<Event<'a>>, HttpError> {
        match self.state {
            State::Head => self.decode_head(input, to_head),
            State::Ended => {
                self.state = if self.lives_on { State::Head } else { State::Closed };
                Ok(Some(Event::Complete))
            }
            State::Closed if input.is_empty() => Ok(None),
            State::Closed => Err(HttpError::AfterClose),
            _ if input.is_empty() => Ok(None),
            State::UntilClose => Ok(Some(Event::Body(mem::take(input)))),
            State::Length(left) => {
                let at = usize::try_from(left).unwrap_or(usize::MAX);
                let (body, rest) = input.split_at_checked(at).unwrap_or((*input, &[]));
                *input = rest;
                let left = left.saturating_sub(body.len() as u64);
                self.state = if left == 0 { State::Ended } else { State::Length(left) };
                Ok(Some(Event::Body(body)))
            }
            State::Chunked(ref mut chunks) => match chunks.decode(input) {
                Ok(Some(chunked::Event::Data(data))) => Ok(Some(Event::Body(data))),
                Ok(Some(chunked::Event::End)) => {
                    self.state = if self.lives_on { State::Head } else { State::Closed };
                    Ok(Some(Event::Complete))
                }
                Ok(None) => Ok(None),
                Err(_) => Err(HttpError::BadChunk),
            },
        }
    }

    /// Says that the connection has ended. O(1).
    ///
    /// # Errors
    /// [`HttpError::Truncated`] if it ended inside an answer.
    pub fn finish(&mut self) -> Result<Closed, HttpError> {
        let closed = match self.state {
            State::Ended | State::UntilClose => Closed::Complete,
            _ if self.is_idle() => Closed::Idle,
            _ => return Err(HttpError::Truncated),
        };
        self.state = State::Closed;
        Ok(closed)
    }

    fn decode_head<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
        to_head: bool,
    ) -> Result<Option<Event<'a>>, HttpError> {
        loop {
            if input.is_empty() {
                return Ok(None);
            }
            let before = self.gathered;
            let room = self.storage.as_ref().len().saturating_sub(before);
            let piece = input.get(..room).unwrap_or(input);
            let found = if before == 0 {
                read_head::<FIELDS>(piece)?
            } else {
                self.gather(piece);
                read_head::<FIELDS>(self.gathered_head(self.gathered))?
            };
            let Some((length, status, framing)) = found else {
                if piece.len() == room {
                    return Err(HttpError::HeadTooLarge);
                }
                if before == 0 {
                    self.gather(piece);
                }
                *input = &[];
                return Ok(None);
            };
            let used = length.saturating_sub(before);
            let (used, rest) = input.split_at_checked(used).unwrap_or((*input, &[]));
            *input = rest;
            self.gathered = 0;
            if (100..200).contains(&status) && status != 101 {
                continue;
            }
            let body = body_of(status, &framing, to_head);
            self.lives_on = framing.lives_on() && body != Body::UntilClose;
            self.state = match body {
                Body::None => State::Ended,
                Body::Length(length) => State::Length(length),
                Body::Chunked => State::Chunked(Chunked::new()),
                Body::UntilClose => State::UntilClose,
            };
            let keep_alive = self.lives_on;
            let raw = if before == 0 { used } else { self.gathered_head(length) };
            return Ok(Some(Event::Head(ResponseHead { status, body, keep_alive, raw })));
        }
    }

    fn gather(&mut self, piece: &[u8]) {
        let room = self.storage.as_mut().get_mut(self.gathered..);
        if let Some(room) = room.and_then(|room| room.get_mut(..piece.len())) {
            room.copy_from_slice(piece);
            self.gathered = self.gathered.saturating_add(piece.len());
        }
    }

    fn gathered_head(&self, length: usize) -> &[u8] {
        self.storage.as_ref().get(..length).unwrap_or_default()
    }
}

impl<'a> ResponseHead<'a> {
    /// The value of the first field of that name, in any case of letters. O(n) in the head.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'a [u8]> {
        let mut fields = self.fields();
        let (_, value) = fields.find(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes()))?;
        Some(value)
    }

    /// The number in the first field of that name, if it is one. O(n) in the head.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        super::framing::decimal(self.field(name)?)
    }

    /// All fields, as name and value, in the order they came.
    pub fn fields(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        // httparse has accepted these lines: no folded ones, each with a colon.
        let lines = self.raw.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        lines.skip_while(|line| line.is_empty()).skip(1).filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let (name, value) = line.split_at_checked(colon)?;
            Some((name, value.get(1..)?.trim_ascii()))
        })
    }
}

/// The length of the head at the front of `bytes`, its status, and what its fields say.
fn read_head<const FIELDS: usize>(bytes: &[u8]) -> Result<Option<(usize, u16, Framing)>, HttpError> {
    let mut fields: [Header<'_>; FIELDS] = [EMPTY_HEADER; FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    let Status::Complete(length) = response.parse(bytes).map_err(HttpError::from_httparse)? else {
        return Ok(None);
    };
    let framing = Framing::of(response.headers, response.version.unwrap_or_default())?;
    Ok(Some((length, response.code.unwrap_or_default(), framing)))
}

/// RFC 9112, section 6.3.
fn body_of(status: u16, framing: &Framing, to_head: bool) -> Body {
    match framing.length {
        _ if to_head || matches!(status, 204 | 304) => Body::None,
        _ if status == 101 => Body::UntilClose,
        _ if framing.chunked => Body::Chunked,
        Some(0) => Body::None,
        Some(length) => Body::Length(length),
        None => Body::UntilClose,
    }
}

#[cfg(test)]
mod tests;
