//! One subscriber: a socket, what of the stream is on its way to it, and how it ends.

mod disk;
mod ends;

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::task::{Context, Poll, Waker};

use jiff::Timestamp;
use streamgauge_core::engine::Short;
use streamgauge_core::log::Position;
use streamgauge_core::time::Time;
use streamgauge_core::topic::{Decision, Id, Lag};
use streamgauge_core::wire::{Framing, Stream};
use tokio::sync::OwnedSemaphorePermit;

use super::StillMay;
use super::frames::{Frames, Piece, after};
use super::listener::Listener;
use super::past::Past;
use super::places::{Place, Places};
use super::plan::{Plan, Step};
use super::words::{self, Words};
use crate::engine::memory::TopicLog as Messages;
use crate::transport::Transport;

/// A subscriber and its socket.
///
/// It owns no copy of any message: what is not sent yet is a position in the log, and the number of bytes of the
/// message there that are sent already. A message that has begun is finished before anything else is sent.
pub(super) struct Subscriber {
    pub(super) id: Id,
    pub(super) stream: Stream,
    end: End,
    /// Seconds since anything was sent, or since the end began.
    idle: u8,
    pub(super) client: Box<Client>,
    /// What it asked for beyond every message as it comes.
    pub(super) plan: Option<Box<Plan>>,
    socket: Transport,
    sent_of_next: usize,
    words: Words,
    /// For a WebSocket: what the client says.
    listener: Option<Box<Listener>>,
    waker: Option<Waker>,
    /// While it is served from the disk.
    past: Option<Box<Past>>,
    /// Whether the log that it is served from is its own.
    is_alone: bool,
    /// It began with what was published before it came, and has yet to catch up: what it asked for is not its lag.
    is_catching_up: bool,
}

/// Who a subscriber is. That is looked at when somebody asks, or when it is sent away, and takes a place of its own.
pub(super) struct Client {
    pub(super) peer: SocketAddr,
    pub(super) since: Timestamp,
    /// What it calls itself, if it does.
    pub(super) name: Option<Box<Short<64>>>,
    /// What lets it go on, if it needs anything.
    pub(super) still: Option<StillMay>,
    /// Its places among the subscribers and the connections.
    pub(super) _places: (Place, OwnedSemaphorePermit),
}

/// How near its end a subscription is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Open,
    /// It ends when the subscriber has everything.
    WhenSent,
    /// It ends when the message that has begun and the words are sent.
    AfterWords,
    Over,
}

/// What a subscriber is to be sent.
#[derive(Debug, Clone, Copy)]
pub(super) enum Send {
    Words,
    Frames { start: Position, piece: Piece },
}

/// What is to be done for a subscriber.
#[derive(Debug, Clone, Copy)]
pub(super) enum Next {
    Send(Send),
    /// It has everything.
    Nothing,
    /// Others first: there may be more for it.
    Again,
    /// The log has gone past it.
    Missed,
    /// Its frames can't be encoded before others are written.
    Later,
    Over,
}

/// Where a subscriber stands after a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// There may be more for it.
    Whole,
    /// It has everything that there is.
    Everything,
    /// Its socket is full.
    Part,
    Over,
}

impl Subscriber {
    /// `opening` is sent first. A client of a WebSocket has sent `read` already.
    pub(super) fn new(
        id: Id,
        stream: Stream,
        client: Client,
        socket: Transport,
        opening: Vec<u8>,
        read: &[u8],
    ) -> Self {
        let mut listener = (stream.framing == Framing::WebSocket).then(Box::<Listener>::default);
        let heard = listener.as_mut().is_some_and(|listener| listener.hear(read));
        Self {
            id,
            stream,
            end: if heard { End::AfterWords } else { End::Open },
            idle: 0,
            client: Box::new(client),
            plan: None,
            socket,
            sent_of_next: 0,
            words: Words::of(opening),
            listener,
            waker: None,
            past: None,
            is_alone: false,
            is_catching_up: false,
        }
    }

    /// What the client calls itself; nothing, if it doesn't.
    pub(super) fn name(&self) -> Short<64> {
        self.client.name.as_deref().copied().unwrap_or(Short::EMPTY)
    }

    /// What `/clients` calls the state: the original's 7 for a connection that is being written to, and 0 for one
    /// that is ending.
    pub(super) const fn state_number(&self) -> u8 {
        match self.end {
            End::Open => 7,
            End::WhenSent | End::AfterWords | End::Over => 0,
        }
    }

    /// What is to be done next. Encodes messages, and writes nothing.
    pub(super) fn next(&mut self, messages: &mut Messages, frames: &mut Frames, now: Time) -> Next {
        if self.end == End::Over {
            return Next::Over;
        }
        if self.sent_of_next == 0 {
            self.speak();
            if !self.words.is_empty() {
                return Next::Send(Send::Words);
            }
            if self.end == End::AfterWords {
                self.socket.say_goodbye();
                return self.over();
            }
        }
        let half = self.words.half();
        if half.is_none() && self.plan.is_some() {
            return self.next_planned(messages, frames, now);
        }
        let position = half.or_else(|| messages.position(self.id).ok());
        let Some(start) = position else { return self.over() };
        if messages.log().missed(&start) > 0 {
            // The rest of a message that has begun is gone: nothing that could follow would be understood.
            return if half.is_some() { self.over() } else { Next::Missed };
        }
        // Who came while a message was not safe yet begins behind it, and so behind all that may be seen.
        if start.sequence() >= messages.visible_end().sequence() {
            self.is_catching_up = false;
            if self.end != End::WhenSent {
                return Next::Nothing;
            }
            self.begin_end();
            return self.next(messages, frames, now);
        }
        if let Some(plan) = &mut self.plan {
            let piece = frames.load_single(messages, self.stream, start, self.sent_of_next, plan);
            return piece.map_or(Next::Later, |piece| Next::Send(Send::Frames { start, piece }));
        }
        let (from, one) = (self.sent_of_next, self.has_words());
        let piece = match self.is_alone {
            true => frames.load_alone(messages, self.stream, start, from, one),
            false => frames.load(messages, self.stream, start, from, one),
        };
        piece.map_or(Next::Later, |piece| Next::Send(Send::Frames { start, piece }))
    }

    /// What is next for one with a plan.
    fn next_planned(&mut self, messages: &mut Messages, frames: &mut Frames, now: Time) -> Next {
        let (Some(plan), Ok(position)) = (&mut self.plan, messages.position(self.id)) else { return self.over() };
        if messages.log().missed(&position) > 0 {
            if !plan.outlives_gaps() {
                return Next::Missed;
            }
            if self.sent_of_next > 0 {
                return self.over();
            }
            let to = messages.log().start();
            plan.gap = plan.gap.saturating_add(messages.skip_to(self.id, to).unwrap_or_default());
        }
        if self.sent_of_next == 0 {
            let _ = self.mind_the_lag(messages, now, None);
        }
        let Some(plan) = &mut self.plan else { return self.over() };
        if self.sent_of_next == 0 && plan.gap > 0 {
            let gap = std::mem::take(&mut plan.gap);
            let mut words = Vec::new();
            let Ok(()) = self.stream.gap(gap, &mut words) as Result<(), Infallible>;
            self.words = Words::of(words);
            if !self.words.is_empty() {
                return Next::Send(Send::Words);
            }
        }
        let start = match plan.step(self.id, messages, now) {
            Step::Send(start) => start,
            Step::Again => return Next::Again,
            Step::Wait if self.end != End::WhenSent => return Next::Nothing,
            Step::Wait | Step::End => {
                self.begin_end();
                return self.next(messages, frames, now);
            }
        };
        let piece = frames.load_single(messages, self.stream, start, self.sent_of_next, plan);
        piece.map_or(Next::Later, |piece| Next::Send(Send::Frames { start, piece }))
    }

    /// Asks the plan what to do about the lag, and moves the subscriber on if it says so. Of a message that has begun
    /// the rest is copied if there is room for it among `farewells`; else the subscriber stays where it is.
    pub(super) fn mind_the_lag(&mut self, messages: &mut Messages, now: Time, farewells: Option<&Places>) -> Decision {
        if self.is_alone {
            return Decision::Go;
        }
        let (Ok(account), Ok(position)) = (messages.delivery(self.id), messages.position(self.id)) else {
            return Decision::Go;
        };
        let (Some(plan), End::Open | End::WhenSent) = (&mut self.plan, self.end) else { return Decision::Go };
        self.is_catching_up &= account.bytes_behind > plan.near;
        let decision = match self.is_catching_up {
            true => plan.decide_behind(messages, &position),
            false => plan.decide(Lag::from(&account), now),
        };
        let to = match decision {
            Decision::MoveOn { keep } => messages.within(keep),
            Decision::Newest => messages.newest(),
            Decision::Go | Decision::SendAway | Decision::Hold(_) => return decision,
        };
        if self.sent_of_next > 0 {
            let Ok(position) = messages.position(self.id) else { return Decision::Go };
            let copied = farewells.and_then(|farewells| self.rest_of(messages, position, farewells));
            let Some((rest, after)) = copied else { return Decision::Go };
            self.sent_of_next = 0;
            // As it goes on, that counts here.
            self.words = Words::rest(rest, true);
            let _ = messages.advance(self.id, after);
            if let Some(plan) = &mut self.plan {
                plan.extent.count(1);
            }
        }
        let gap = messages.skip_to(self.id, to).unwrap_or_default();
        if let Some(plan) = &mut self.plan {
            plan.gap = plan.gap.saturating_add(gap);
        }
        decision
    }

    /// What is not sent yet of the message at `position`, and where the next one is; `None` if it is gone, or longer
    /// than what is left of `farewells`.
    fn rest_of(
        &mut self,
        messages: &Messages,
        position: Position,
        farewells: &Places,
    ) -> Option<(words::Rest, Position)> {
        let mut messages = messages.messages(position);
        let mut edited = Vec::new();
        let mut message = messages.next()?;
        if let Some(plan) = &mut self.plan {
            message = plan.edit(message, &mut edited);
        }
        let missing = self.stream.framed_len(position.sequence(), message).saturating_sub(self.sent_of_next);
        let paid = farewells.take(missing)?;
        let mut bytes = Vec::with_capacity(missing);
        let mut out = Rest { skip: self.sent_of_next, out: &mut bytes };
        let Ok(()) = self.stream.encode(position.sequence(), message, &mut out) as Result<(), Infallible>;
        Some((words::Rest { bytes, paid }, messages.position()))
    }

    /// Whether something waits for the end of the message that has begun.
    fn has_words(&self) -> bool {
        let says = self.listener.as_ref().is_some_and(|listener| listener.has_words());
        self.sent_of_next > 0 && (says || self.end == End::AfterWords || !self.words.is_empty())
    }

    /// Writes what the listener has to say, if nothing else is being said.
    fn speak(&mut self) {
        if let Some(listener) = self.listener.as_mut().filter(|listener| listener.has_words())
            && self.words.is_empty()
        {
            let mut words = Vec::new();
            listener.speak(&mut words);
            self.words = Words::of(words);
        }
    }

    /// Writes as much as the socket takes.
    pub(super) fn write(&mut self, send: Send, frames: &Frames) -> std::io::Result<usize> {
        let bytes = match send {
            Send::Words => self.words.unsent(),
            Send::Frames { piece, .. } => frames.bytes(piece),
        };
        let mut written = 0;
        // A socket that took a part is asked again: only then is it known to be full, and worth waiting for.
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            match self.socket.try_write(rest) {
                Ok(n) => written += n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(written)
    }

    /// Takes note of what was written.
    pub(super) fn settle(&mut self, send: Send, written: std::io::Result<usize>, messages: &mut Messages) -> Sent {
        match self.note(send, written, messages) {
            // Somebody has to wait for the socket, or the rest of a record would stay here.
            Sent::Whole | Sent::Everything if self.socket.has_unsent() => Sent::Part,
            sent => sent,
        }
    }

    fn note(&mut self, send: Send, written: std::io::Result<usize>, messages: &mut Messages) -> Sent {
        let Ok(written) = written else {
            self.over();
            return Sent::Over;
        };
        if written > 0 {
            self.idle = 0;
        }
        match send {
            Send::Words => {
                if self.words.sent(written) {
                    messages.count_delivered();
                }
                if self.words.is_empty() { Sent::Whole } else { Sent::Part }
            }
            Send::Frames { piece, .. } if written == piece.len() => {
                self.sent_of_next = 0;
                if self.words.finish_half() {
                    messages.count_delivered();
                } else {
                    let _ = messages.advance(self.id, piece.end);
                    if let Some(plan) = &mut self.plan {
                        plan.extent.count(1);
                        return Sent::Whole;
                    }
                }
                let all = piece.end.sequence() == messages.visible_end().sequence() && self.end == End::Open;
                self.is_catching_up &= !all;
                if all && !self.has_words() { Sent::Everything } else { Sent::Whole }
            }
            Send::Frames { .. } if self.plan.is_some() => {
                self.sent_of_next += written;
                Sent::Part
            }
            Send::Frames { start, .. } => {
                let (at, sent) = after(messages, self.stream, start, self.sent_of_next + written);
                if self.words.half().is_none() {
                    let _ = messages.advance(self.id, at);
                }
                self.sent_of_next = sent;
                Sent::Part
            }
        }
    }

    /// What wakes the subscriber's own task.
    pub(super) fn waker(&self) -> Option<Waker> {
        self.waker.clone()
    }

    pub(super) fn set_waker(&mut self, cx: &Context<'_>) {
        if !self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
        }
    }

    pub(super) const fn is_over(&self) -> bool {
        matches!(self.end, End::Over)
    }

    /// Whether the socket has room again; otherwise `cx` is woken when it has.
    pub(super) fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.socket.poll_write_ready(cx).map(drop)
    }

    /// Reads what the client says, which ends the subscription when it leaves. Whether there is something to do after
    /// it.
    pub(super) fn read(&mut self, cx: &mut Context<'_>) -> bool {
        let mut buffer = [0; 512];
        for _ in 0..8 {
            let read = match self.socket.poll_read_ready(cx) {
                Poll::Pending => return self.listener.as_ref().is_some_and(|listener| listener.has_words()),
                Poll::Ready(ready) => ready.and_then(|()| self.socket.try_read(&mut buffer)),
            };
            match read {
                Ok(n) if n > 0 => {
                    if let Some(listener) = &mut self.listener
                        && listener.hear(buffer.get(..n).unwrap_or_default())
                        && !matches!(self.end, End::AfterWords | End::Over)
                    {
                        self.end_after_words();
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Ok(_) | Err(_) => {
                    self.over();
                    return false;
                }
            }
        }
        cx.waker().wake_by_ref();
        self.listener.as_ref().is_some_and(|listener| listener.has_words())
    }
}

/// What is written, without its beginning.
struct Rest<'a> {
    skip: usize,
    out: &'a mut Vec<u8>,
}

impl embedded_io::ErrorType for Rest<'_> {
    type Error = Infallible;
}

impl embedded_io::Write for Rest<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        let skipped = self.skip.min(bytes.len());
        self.skip -= skipped;
        self.out.extend_from_slice(bytes.get(skipped..).unwrap_or_default());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
