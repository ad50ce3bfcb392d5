//! One subscriber: a socket, what of the stream is on its way to it, and how it ends.

use std::convert::Infallible;
use std::io::{ErrorKind, Write as _};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use http::HeaderValue;
use jiff::Timestamp;
use streamgauge_core::fanout::Cursor;
use streamgauge_core::fanout::Id;
use streamgauge_core::log::Position;
use streamgauge_core::service::Pubsub;
use streamgauge_core::wire::{Framing, Stream};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

use super::frames::{Frames, Messages, after};
use super::hub::{Admission, Hub, KEEP_ALIVE, State};
use crate::server::Taken;

/// A subscriber and its socket.
///
/// It owns no copy of any message: what is not sent yet is a position in the log, and the number of bytes of the
/// message there that are sent already.
pub(super) struct Subscriber {
    pub(super) id: Id,
    pub(super) stream: Stream,
    pub(super) peer: SocketAddr,
    pub(super) since: Timestamp,
    /// `None`: a task of its own reads the log and writes the socket.
    socket: Option<TcpStream>,
    sent_of_next: usize,
    /// What has to be sent before any other message, and how much of it is sent: the head, a comment, the end.
    /// INVARIANT: it is only ever set between two messages.
    control: Vec<u8>,
    control_sent: usize,
    blocked: bool,
    end: End,
    /// Seconds since anything was sent, or since the end began.
    idle: u8,
    waker: Option<Waker>,
}

/// How near its end a subscription is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Open,
    /// It ends when the subscriber has everything.
    WhenSent,
    /// It ends when what is in `control` is sent.
    AfterControl,
    Over,
}

/// How long a client that is kicked may take to receive the line that says so, in seconds.
const FAREWELL: u8 = 10;

/// Batches that one subscriber is sent before others get their turn.
const ROUNDS: usize = 4;

/// The head of the answer, and what opens the stream.
pub(super) fn opening(stream: Stream, admission: &Admission, origin: Option<&HeaderValue>) -> Vec<u8> {
    let mut opening = head(stream, origin);
    let (first, epoch) = (admission.first, admission.epoch);
    let _ = write!(opening, "x-pubsub-sequence: {first}\r\nx-pubsub-epoch: {epoch}\r\n");
    opening.extend_from_slice(if stream.chunked { b"\r\n" } else { b"connection: close\r\n\r\n" });
    let Ok(()) = stream.opening(&mut opening) as Result<(), Infallible>;
    if let Some(missed) = admission.missed {
        let Ok(()) = stream.gap(missed, &mut opening) as Result<(), Infallible>;
    }
    opening
}

/// The fields that every stream's head has.
pub(super) fn head(stream: Stream, origin: Option<&HeaderValue>) -> Vec<u8> {
    let mut head = Vec::with_capacity(512);
    let date = httpdate::HttpDate::from(std::time::SystemTime::now());
    let content_type = stream.framing.content_type();
    let _ =
        write!(head, "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncache-control: no-cache\r\ndate: {date}\r\n");
    if let Some(origin) = origin {
        head.extend_from_slice(b"access-control-allow-origin: ");
        head.extend_from_slice(origin.as_bytes());
        head.extend_from_slice(b"\r\nvary: origin\r\n");
    }
    if stream.chunked {
        head.extend_from_slice(b"transfer-encoding: chunked\r\n");
    }
    head
}

/// A subscriber's own task: it notices the end, and writes whenever a full socket has room again.
pub(super) struct Task {
    hub: Arc<Hub>,
    key: usize,
    _admission: Admission,
    _place: OwnedSemaphorePermit,
}

impl Task {
    /// Hands a socket to the pump.
    pub(super) fn new(
        hub: Arc<Hub>,
        admission: Admission,
        stream: Stream,
        opening: Vec<u8>,
        peer: SocketAddr,
        taken: Taken,
    ) -> Self {
        let key = hub.insert(Subscriber::new(admission.id, stream, peer, Some(taken.stream), opening));
        Self { hub, key, _admission: admission, _place: taken.place }
    }
}

impl Future for Task {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.hub.with(|state| state.poll(self.key, cx))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        // The socket closes with it.
        self.hub.remove(self.key);
    }
}

impl Subscriber {
    pub(super) fn new(id: Id, stream: Stream, peer: SocketAddr, socket: Option<TcpStream>, opening: Vec<u8>) -> Self {
        Self {
            id,
            stream,
            peer,
            since: Timestamp::now(),
            socket,
            sent_of_next: 0,
            control: opening,
            control_sent: 0,
            blocked: false,
            end: End::Open,
            idle: 0,
            waker: None,
        }
    }

    /// What `/clients` calls the state: the original's 7 for a connection that is being written to, and 0 for one
    /// that is ending.
    pub(super) const fn state_number(&self) -> u8 {
        match self.end {
            End::Open => 7,
            End::WhenSent | End::AfterControl | End::Over => 0,
        }
    }

    /// What the subscriber is still told, if it has no socket of its own here.
    pub(super) fn last_words(&self) -> &[u8] {
        &self.control
    }

    pub(super) const fn is_over(&self) -> bool {
        matches!(self.end, End::Over)
    }

    /// Whether only its own task can send to it now: its socket is full, or it is no plain socket.
    pub(super) const fn is_blocked(&self) -> bool {
        self.blocked || self.socket.is_none()
    }

    /// Sends what the subscriber lacks, as far as the socket takes it.
    pub(super) fn send(&mut self, messages: &mut Messages, frames: &mut Frames) {
        self.blocked = false;
        for _ in 0..ROUNDS {
            if !self.send_control() || self.end == End::Over {
                return;
            }
            let Ok(position) = messages.position(self.id) else { return self.finish() };
            let (bytes, end) = frames.from(messages, self.stream, position);
            let rest = bytes.get(self.sent_of_next..).unwrap_or_default();
            if rest.is_empty() {
                if messages.log().missed(&position) > 0 {
                    // The pump has yet to see that the log has left it behind.
                    self.block();
                } else if self.end == End::WhenSent {
                    self.begin_end(messages, position, &[]);
                    continue;
                }
                return;
            }
            self.idle = 0;
            match try_write(self.socket.as_ref(), rest) {
                Ok(n) if n == rest.len() => {
                    self.sent_of_next = 0;
                    let _ = messages.advance(self.id, end);
                    if end.sequence() == messages.log().end().sequence() && self.end == End::Open {
                        return;
                    }
                }
                Ok(n) => {
                    let (at, sent) = after(messages, self.stream, position, self.sent_of_next + n);
                    let _ = messages.advance(self.id, at);
                    self.sent_of_next = sent;
                    return self.block();
                }
                Err(_) => return self.finish(),
            }
        }
        self.block();
    }

    /// Whether all of it is sent.
    fn send_control(&mut self) -> bool {
        if let Some(rest) = self.control.get(self.control_sent..).filter(|rest| !rest.is_empty()) {
            match try_write(self.socket.as_ref(), rest) {
                Ok(n) if n == rest.len() => self.control = Vec::new(),
                Ok(n) => {
                    self.control_sent += n;
                    self.block();
                    return false;
                }
                Err(_) => self.finish(),
            }
            self.control_sent = 0;
        }
        if self.end == End::AfterControl {
            self.finish();
        }
        true
    }

    /// Sends the subscriber away if it has too much unsent, or the log has already gone past it.
    ///
    /// What it had missed before it came back, and was told, does not count.
    pub(super) fn kick_if_too_slow(&mut self, service: &mut Pubsub<Box<[u8]>, Box<[Cursor]>>, max_lag: u64) {
        let Ok(position) = service.fanout().position(self.id) else { return };
        let log = service.fanout().log();
        let pending = log.bytes_behind(&position);
        if pending <= max_lag && log.missed(&position) == 0 {
            return;
        }
        tracing::warn!(peer = %self.peer, pending, "kicking a slow subscriber");
        service.count_kick();
        let line = format!("ERROR_TOO_SLOW. kicked for having {pending} pending bytes\n");
        let line = match self.stream.framing {
            Framing::Events => format!("event: error\ndata: {line}\n"),
            Framing::Lines | Framing::Multipart => line,
        };
        self.begin_end(service.fanout(), position, line.as_bytes());
        let _ = service.fanout_mut().unsubscribe(self.id);
        self.wake();
    }

    /// Ends the stream after `last_words`, and what is missing of the message that is half sent.
    fn begin_end(&mut self, messages: &Messages, position: Position, last_words: &[u8]) {
        let mut control = self.control.split_off(self.control_sent.min(self.control.len()));
        if self.sent_of_next > 0 {
            let mut half = Vec::new();
            match messages.messages(position).next() {
                Some(message) => {
                    let Ok(()) = self.stream.encode(position.sequence(), message, &mut half) as Result<(), Infallible>;
                    control.extend_from_slice(half.get(self.sent_of_next..).unwrap_or_default());
                }
                // The other half is gone, so nothing that could follow would be understood.
                None => return self.finish(),
            }
        }
        let Ok(()) = self.stream.raw(last_words, &mut control) as Result<(), Infallible>;
        let Ok(()) = self.stream.end(&mut control) as Result<(), Infallible>;
        (self.control, self.control_sent, self.sent_of_next) = (control, 0, 0);
        (self.end, self.idle) = (End::AfterControl, 0);
    }

    /// Lets the stream end as soon as the subscriber has everything.
    pub(super) fn end_when_sent(&mut self) {
        if self.end == End::Open {
            self.end = End::WhenSent;
        }
        self.wake();
    }

    /// Ends the subscription now.
    pub(super) fn finish(&mut self) {
        self.end = End::Over;
        self.wake();
    }

    /// Counts a second in which nothing happened.
    pub(super) fn tick(&mut self) {
        self.idle = self.idle.saturating_add(1);
        if self.end == End::AfterControl && self.idle > FAREWELL {
            self.finish();
        } else if u64::from(self.idle) >= KEEP_ALIVE.as_secs()
            && !self.is_blocked()
            && self.control.is_empty()
            && self.end == End::Open
        {
            self.idle = 0;
            let Ok(()) = self.stream.comment(&mut self.control) as Result<(), Infallible>;
        }
    }

    fn block(&mut self) {
        self.blocked = true;
        self.wake();
    }

    pub(super) fn wake(&mut self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    /// Whether it is over; otherwise `waker` is woken when that may have changed.
    pub(super) fn poll_over(&mut self, cx: &Context<'_>) -> Poll<()> {
        if !self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
        }
        if self.is_over() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Reads and forgets what the client sends, to notice when it leaves.
    fn poll_left(&self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(socket) = &self.socket else { return Poll::Pending };
        let mut buffer = [0; 512];
        for _ in 0..8 {
            match socket.poll_read_ready(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Ready(Ok(())) => match socket.try_read(&mut buffer) {
                    Ok(0) => return Poll::Ready(()),
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(_) => return Poll::Ready(()),
                },
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<()> {
        match &self.socket {
            Some(socket) => socket.poll_write_ready(cx).map(drop),
            None => Poll::Pending,
        }
    }
}

impl State {
    /// Whether a subscriber is gone; otherwise its task is woken when there is something to do.
    fn poll(&mut self, key: usize, cx: &mut Context<'_>) -> Poll<()> {
        let Some(subscriber) = self.subscribers.get_mut(key) else { return Poll::Ready(()) };
        if subscriber.poll_over(cx).is_ready() || subscriber.poll_left(cx).is_ready() {
            return Poll::Ready(());
        }
        if !subscriber.blocked {
            return Poll::Pending;
        }
        if subscriber.poll_writable(cx).is_ready() {
            self.resume(key);
        }
        let Some(subscriber) = self.subscribers.get_mut(key) else { return Poll::Ready(()) };
        if subscriber.blocked && subscriber.poll_writable(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
        subscriber.poll_over(cx)
    }
}

/// How many bytes the socket took: 0 when it is full.
fn try_write(socket: Option<&TcpStream>, bytes: &[u8]) -> std::io::Result<usize> {
    match socket.map(|socket| socket.try_write(bytes)) {
        Some(Err(error)) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        Some(written) => written,
        None => Ok(0),
    }
}
