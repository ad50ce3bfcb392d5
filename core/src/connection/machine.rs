//! One connection as a state machine: bytes in, bytes out.

use super::answer::AnswerFull;
use super::inbox::Inbox;
use super::outbox::{Ending, Head, OVERHEAD, Outbox};
use super::{Reply, Service};
use crate::endpoints::{Headers, Method, Request, Response, Status};
use crate::engine::Dump;
use crate::wire::chunked::Chunked;
use crate::wire::http::{Body, FIELD_ROOM, HttpError, Parsed, RequestHead};
use crate::wire::query::split_target;
use crate::wire::write_fmt;

/// The server's side of one HTTP/1.1 connection, over storage that the caller owns.
///
/// `I` holds a request, its head and its body together: that is the limit of both (a body in chunks has to leave a
/// byte, to read what follows it). `O` holds an answer, and
/// [`OVERHEAD`](Self::OVERHEAD) bytes for its head. `FIELDS` is the limit of a request's fields; they take 16 bytes
/// of stack each on a 32-bit machine while a head is read.
///
/// Requests are answered in their order, each once the answer before it has been taken; what the client sends
/// meanwhile waits in `I`, then in the transport. After a request that can't be understood the connection has to
/// end, since nobody knows where the next one would begin.
///
/// [`serve`](super::serve) and [`serve_async`](super::serve_async) drive it; or do it yourself:
///
/// ```
/// use streamgauge_core::connection::{Connection, Next, Served};
/// use streamgauge_core::endpoints::Surface;
/// use streamgauge_core::engine::memory::{Fixed, Memory};
///
/// let mut queue = Served::new(Memory::new(<Fixed>::default()), Surface::Simplequeue);
/// let mut connection: Connection<_, _> = Connection::new([0; 512], [0; 1024]);
/// let mut sent = Vec::new();
/// // 1. Bytes go in as they come.
/// let mut input = &b"POST /put HTTP/1.1\r\nContent-Length: 5\r\n\r\nH3110GET /get HTTP/1.1\r\n\r\n"[..];
/// loop {
///     // 2. What to do next?
///     match connection.poll(&mut queue) {
///         Next::Read if input.is_empty() => break,
///         Next::Read => input = &input[connection.handle_bytes(input)..],
///         // 3. Answers go out as the transport takes them.
///         Next::Write => {
///             sent.extend_from_slice(connection.unsent());
///             connection.handle_sent(connection.unsent().len());
///         }
///         Next::Close => break,
///     }
/// }
/// assert!(sent.starts_with(b"HTTP/1.1 200 OK\r\n"));
/// assert!(sent.ends_with(b"Content-Length: 5\r\n\r\nH3110"));
/// ```
#[derive(Debug)]
pub struct Connection<I, O, const FIELDS: usize = 32> {
    inbox: Inbox<I>,
    outbox: Outbox<O>,
    state: State,
    /// Bytes of a head that was looked at and is not whole.
    looked_at: usize,
    /// Whether the client sends no more.
    ended: bool,
    counters: Counters,
}

/// What [`Connection::poll`] waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Bytes from the client.
    Read,
    /// [`Connection::unsent`] to be sent.
    Write,
    /// The end: close the connection, or [`reset`](Connection::reset) for another one.
    Close,
}

/// What connections have done. Counts wrap at 2^64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Requests that the service answered, or began to.
    pub answered: u64,
    /// Requests that were refused: not HTTP, over a limit, or with an answer over its limit.
    pub refused: u64,
    /// Requests that ended before they were whole, and answers that did.
    pub cut: u64,
}

#[derive(Debug)]
enum State {
    /// Before or in a head.
    Head,
    /// Behind a head of so many bytes, in its body.
    Body { head_len: usize, body: Incoming },
    /// In an answer of many parts.
    Dump { dump: Dump, begun: bool, ending: Ending, close: bool },
    /// Once all is sent, the connection ends.
    Last,
}

#[derive(Debug)]
enum Incoming {
    /// It ends so many bytes behind the start of the head.
    Until(usize),
    /// Decoded so far.
    Chunks { decoder: Chunked, end: usize },
}

/// The methods that are answered somewhere.
const METHODS: &str = "GET, POST, HEAD, PUT, DELETE";

/// What says what was done, or why not, fits into this: the longest are counters that were reset, as JSON.
const SMALLEST: usize = 384;

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

impl<I: AsRef<[u8]> + AsMut<[u8]>, O: AsRef<[u8]> + AsMut<[u8]>, const FIELDS: usize> Connection<I, O, FIELDS> {
    /// Bytes of `O` that no body can have: a smaller `O` can send nothing at all, and every request ends the
    /// connection. With less than 384 more every request is refused (503), as none that changes something could say so.
    pub const OVERHEAD: usize = OVERHEAD;

    /// A new connection.
    pub const fn new(input: I, output: O) -> Self {
        Self {
            inbox: Inbox::new(input),
            outbox: Outbox::new(output),
            state: State::Head,
            looked_at: 0,
            ended: false,
            counters: Counters { answered: 0, refused: 0, cut: 0 },
        }
    }

    /// Gets ready for another connection: what is not answered or not sent is dropped, and counted. O(1).
    pub fn reset(&mut self) {
        let answering = matches!(self.state, State::Dump { .. }) || !self.outbox.is_empty();
        if answering || !self.inbox.bytes().is_empty() || matches!(self.state, State::Body { .. }) {
            self.counters.cut = self.counters.cut.wrapping_add(1);
        }
        self.inbox.clear();
        self.outbox.clear();
        self.state = State::Head;
        self.looked_at = 0;
        self.ended = false;
    }

    /// What this and the connections before [`reset`](Self::reset) have done. O(1).
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Whether no request has begun that is not answered: the time for an idle timeout, not for one of a request.
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Head) && self.inbox.bytes().is_empty() && self.outbox.is_empty()
    }

    /// Room for bytes from the client, never empty after [`Next::Read`] (unless `I` is). O(1).
    pub fn room(&mut self) -> &mut [u8] {
        self.inbox.room()
    }

    /// The first `count` bytes of the [`room`](Self::room) have come. O(1).
    pub fn handle_read(&mut self, count: usize) {
        self.inbox.fill(count);
    }

    /// Takes bytes from the client, as many as there is room for: returns how many. O(n).
    pub fn handle_bytes(&mut self, bytes: &[u8]) -> usize {
        let mut count = 0_usize;
        for (to, from) in self.inbox.room().iter_mut().zip(bytes) {
            *to = *from;
            count = count.saturating_add(1);
        }
        self.inbox.fill(count);
        count
    }

    /// The client sends no more. What is whole is still answered. O(1).
    pub const fn handle_end(&mut self) {
        self.ended = true;
    }

    /// What has to be sent; not empty after [`Next::Write`]. O(1).
    pub fn unsent(&self) -> &[u8] {
        self.outbox.unsent()
    }

    /// The first `count` bytes of [`unsent`](Self::unsent) have been sent. O(1).
    pub fn handle_sent(&mut self, count: usize) {
        self.outbox.sent(count);
    }

    /// Goes on as far as it can, answering at most one request. O(bytes that came since), but for a head in many
    /// pieces, which is read again at each of its line ends, a line in many, which is searched for its end again, and
    /// requests that wait behind the one that is answered, which move up.
    pub fn poll(&mut self, service: &mut impl Service) -> Next {
        // A head leads to its body, and that to the answer: a bounded number of steps.
        loop {
            if !self.outbox.is_empty() {
                return Next::Write;
            }
            let next = match &self.state {
                State::Head => self.poll_head(),
                State::Body { .. } => self.poll_body(service),
                State::Dump { .. } => self.poll_dump(service),
                State::Last => Some(Next::Close),
            };
            if let Some(next) = next {
                return next;
            }
        }
    }

    fn poll_head(&mut self) -> Option<Next> {
        let bytes = self.inbox.bytes();
        let news = bytes.get(self.looked_at..).unwrap_or_default();
        // No head becomes whole without a line end; the first look tells what can't become one early, and the last
        // what never did.
        let is_last = self.ended || self.inbox.is_full();
        if news.is_empty() || (self.looked_at > 0 && memchr::memchr(b'\n', news).is_none() && !is_last) {
            return self.read_more();
        }
        let mut fields = [FIELD_ROOM; FIELDS];
        let (head, head_len) = match RequestHead::parse(bytes, &mut fields, self.inbox.capacity(), u64::MAX) {
            Ok(Parsed::Complete(head, head_len)) => (head, head_len),
            Ok(Parsed::Partial) => {
                self.looked_at = bytes.len();
                return self.read_more();
            }
            Err(error) => return self.refuse(error),
        };
        if Method::named(head.method.as_bytes()).is_none() {
            return self.refuse_with(405, format_args!("only {METHODS} are answered here\n"));
        }
        let body = match head.body {
            Body::Chunked => Incoming::Chunks { decoder: Chunked::new(), end: head_len },
            Body::None | Body::UntilClose => Incoming::Until(head_len),
            Body::Length(length) => {
                let end = usize::try_from(length).ok().and_then(|length| length.checked_add(head_len));
                match end.filter(|end| *end <= self.inbox.capacity()) {
                    Some(end) => Incoming::Until(end),
                    None => return self.refuse(HttpError::BodyTooLarge),
                }
            }
        };
        let waits = head.expect_continue && bytes.len() == head_len && head.body != Body::None;
        if waits {
            self.outbox.push_interim(CONTINUE);
        }
        self.state = State::Body { head_len, body };
        None
    }

    fn poll_body(&mut self, service: &mut impl Service) -> Option<Next> {
        let State::Body { head_len, body } = &mut self.state else { return None };
        let head_len = *head_len;
        let end = match body {
            Incoming::Until(end) => (self.inbox.bytes().len() >= *end).then_some(*end),
            Incoming::Chunks { decoder, end } => match self.inbox.unchunk(decoder, *end) {
                Ok((decoded, true)) => Some(decoded),
                Ok((decoded, false)) => {
                    *end = decoded;
                    None
                }
                Err(_) => return self.refuse(HttpError::BadChunk),
            },
        };
        match end {
            Some(end) => self.answer(service, head_len, end),
            None if self.inbox.is_full() => self.refuse(HttpError::BodyTooLarge),
            None => self.read_more(),
        }
    }

    /// Answers the request whose body lies in `head_len..end`.
    fn answer(&mut self, service: &mut impl Service, head_len: usize, end: usize) -> Option<Next> {
        let bytes = self.inbox.bytes();
        let mut fields = [FIELD_ROOM; FIELDS];
        // It has been read before, but what it says could not be kept beside the bytes that it borrows.
        let Ok(Parsed::Complete(head, _)) = RequestHead::parse(bytes, &mut fields, self.inbox.capacity(), u64::MAX)
        else {
            return self.refuse(HttpError::Malformed);
        };
        // Those that are not answered were refused before.
        let method = Method::named(head.method.as_bytes()).unwrap_or_default();
        // A client of HTTP/1.0 that wants to stay would have to be told that it may.
        let (head_only, close, minor) = (method == Method::Head, !head.keep_alive || head.minor == 0, head.minor);
        let (path, query) = split_target(head.target.as_bytes());
        let request = Request {
            method,
            path,
            query,
            body: bytes.get(head_len..end).unwrap_or_default(),
            accept: head.field("accept").unwrap_or_default(),
            content_type: head.field("content-type").unwrap_or_default(),
            last_event_id: head.field("last-event-id").unwrap_or_default(),
            message_id: head.field("message-id").unwrap_or_default(),
        };
        let mut answer = self.outbox.body();
        // What changes something could not take it back: it says so in a line, and its room is kept.
        let reply = if answer.capacity() < SMALLEST { Err(AnswerFull) } else { service.call(request, &mut answer) };
        let length = answer.len();
        let ending = match reply {
            _ if head_only => Ending::NoBody,
            Ok(Reply::Dump(_)) if minor >= 1 => Ending::Chunks,
            Ok(Reply::Dump(_)) => Ending::Close,
            // Nothing may be said of the length of what can't be there.
            Ok(Reply::Response(Response { status: Status::NoContent, .. })) => Ending::NoBody,
            _ => Ending::Length,
        };
        match reply {
            Ok(Reply::Response(response)) => {
                let head = Head::of(&response, ending, close);
                if self.outbox.send(&head, length).is_err() {
                    return self.cut();
                }
                self.state = if close { State::Last } else { State::Head };
                self.counters.answered = self.counters.answered.wrapping_add(1);
            }
            Ok(Reply::Dump(dump)) => {
                self.state = State::Dump { dump, begun: false, ending, close: close || ending == Ending::Close };
            }
            Err(AnswerFull) => return self.refuse_answer(),
        }
        self.inbox.remove(0..end);
        self.looked_at = 0;
        None
    }

    fn poll_dump(&mut self, service: &mut impl Service) -> Option<Next> {
        let State::Dump { dump, begun, ending, close } = &mut self.state else { return None };
        let (first, ending, close) = (!core::mem::replace(begun, true), *ending, *close);
        let head = Head::of(&Response::text(Status::Ok), ending, close);
        let mut body = self.outbox.body();
        let (more, length) = if ending == Ending::NoBody {
            (false, 0)
        } else {
            match service.dump(dump, &mut body) {
                // To write nothing and have more would go on for ever.
                Ok(true) if body.is_empty() => return self.cut(),
                Ok(more) => (more, body.len()),
                Err(AnswerFull) if first => return self.refuse_answer(),
                Err(AnswerFull) => return self.cut(),
            }
        };
        if self.outbox.send_chunk(first.then_some(&head), ending, length, !more).is_err() {
            return self.cut();
        }
        self.counters.answered = self.counters.answered.wrapping_add(u64::from(first));
        if !more {
            self.state = if close { State::Last } else { State::Head };
        }
        None
    }

    fn read_more(&mut self) -> Option<Next> {
        if !self.ended {
            return Some(Next::Read);
        }
        if !self.inbox.bytes().is_empty() {
            return self.cut();
        }
        Some(Next::Close)
    }

    /// Ends the connection where it is.
    fn cut(&mut self) -> Option<Next> {
        self.counters.cut = self.counters.cut.wrapping_add(1);
        self.inbox.clear();
        self.outbox.clear();
        self.state = State::Last;
        None
    }

    fn refuse_answer(&mut self) -> Option<Next> {
        let limit = self.outbox.body().capacity();
        self.refuse_with(503, format_args!("the answer is over the limit answer-bytes {limit}\n"))
    }

    fn refuse(&mut self, error: HttpError) -> Option<Next> {
        let bytes = self.inbox.capacity();
        match error {
            HttpError::HeadTooLarge => {
                self.refuse_with(431, format_args!("the head is over the limit request-bytes {bytes}\n"))
            }
            HttpError::TooManyFields => {
                self.refuse_with(431, format_args!("the head is over the limit header-fields {FIELDS}\n"))
            }
            HttpError::BodyTooLarge => {
                self.refuse_with(413, format_args!("head and body are over the limit request-bytes {bytes}\n"))
            }
            _ => self.refuse_with(error.status(), format_args!("{error}\n")),
        }
    }

    /// Answers with a line of text, and ends the connection.
    fn refuse_with(&mut self, status: u16, text: core::fmt::Arguments<'_>) -> Option<Next> {
        self.counters.refused = self.counters.refused.wrapping_add(1);
        self.inbox.clear();
        self.state = State::Last;
        let mut answer = self.outbox.body();
        // A line that doesn't fit is left out: the status says the same.
        let length = write_fmt(&mut answer, text).map_or(0, |()| answer.len());
        let text = Response::text(Status::Ok);
        let headers = if status == 405 { Headers::Allow(METHODS) } else { Headers::None };
        let head = Head { status, headers, ..Head::of(&text, Ending::Length, true) };
        if self.outbox.send(&head, length).is_err() {
            return self.cut();
        }
        None
    }
}
