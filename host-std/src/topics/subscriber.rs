//! One subscriber: a socket, what of the stream is on its way to it, and how it ends.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use jiff::Timestamp;
use streamgauge_core::endpoints::Pubsub;
use streamgauge_core::log::Position;
use streamgauge_core::topic::{Id, Place};
use streamgauge_core::wire::{Framing, Stream};
use tokio::net::TcpStream;

use super::frames::{Frames, Messages, after};

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

/// Idle event streams get a comment this often.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Batches that one subscriber is sent before others get their turn.
const ROUNDS: usize = 4;

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

    /// For one without a socket here: whether its task has to wait for the client.
    pub(super) const fn set_blocked(&mut self, blocked: bool) {
        self.blocked = blocked;
    }

    /// Sends the subscriber away if the client takes too long to take what is unsent, or the log has already gone past
    /// it. A burst that nobody has tried to send yet is not its fault.
    ///
    /// What it had missed before it came back, and was told, does not count.
    pub(super) fn kick_if_too_slow(&mut self, service: &mut Pubsub<Box<[u8]>, Box<[Place]>>, max_lag: u64) {
        let Ok(position) = service.fanout().position(self.id) else { return };
        let log = service.fanout().log();
        let pending = log.bytes_behind(&position);
        if !(self.blocked && pending > max_lag) && log.missed(&position) == 0 {
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

    /// Whether it is gone; otherwise `cx` is woken when there is something to do. Goes on sending once a full socket
    /// has room again.
    pub(super) fn poll(&mut self, messages: &mut Messages, frames: &mut Frames, cx: &mut Context<'_>) -> Poll<()> {
        if self.poll_over(cx).is_ready() || self.poll_left(cx).is_ready() {
            return Poll::Ready(());
        }
        if !self.blocked {
            return Poll::Pending;
        }
        if self.poll_writable(cx).is_ready() {
            self.send(messages, frames);
        }
        if self.blocked && self.poll_writable(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
        self.poll_over(cx)
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

/// How many bytes the socket took: 0 when it is full.
fn try_write(socket: Option<&TcpStream>, bytes: &[u8]) -> std::io::Result<usize> {
    match socket.map(|socket| socket.try_write(bytes)) {
        Some(Err(error)) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        Some(written) => written,
        None => Ok(0),
    }
}
