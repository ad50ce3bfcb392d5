//! One subscriber: a socket, what of the stream is on its way to it, and how it ends.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::task::{Context, Poll, Waker};

use jiff::Timestamp;
use streamgauge_core::engine::Short;
use streamgauge_core::log::Position;
use streamgauge_core::time::Time;
use streamgauge_core::topic::{Decision, Delivery, Id, Lag};
use streamgauge_core::wire::{Framing, Stream};
use tokio::sync::OwnedSemaphorePermit;

use super::StillMay;
use super::frames::{Frames, Piece, after};
use super::listener::Listener;
use super::past::{Ahead, Past, Step as Catch};
use super::plan::{Plan, Step};
use super::words::Words;
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
    /// Bytes of the words that are the rest of a message.
    pub(super) copied: u32,
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
}

/// Who a subscriber is. That is looked at when somebody asks, or when it is sent away, and takes a place of its own.
pub(super) struct Client {
    pub(super) peer: SocketAddr,
    pub(super) since: Timestamp,
    /// What it calls itself, if it does.
    pub(super) name: Option<Box<Short<64>>>,
    /// What lets it go on, if it needs anything.
    pub(super) still: Option<StillMay>,
    /// Its place among the connections.
    pub(super) _place: OwnedSemaphorePermit,
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

/// How long a client that is kicked may take to receive the line that says so, in seconds.
const FAREWELL: u8 = 10;

/// A subscriber that is served from the disk goes on with the topic when it lacks no more bytes: there it has to keep up.
const NEAR: u64 = 256 << 10;

/// A subscriber that is served from the disk and takes nothing for so many seconds has to go: nobody else needs what it
/// holds in memory, and no publisher leaves it behind.
const STALLED: u8 = 60;

/// Idle event streams get a comment after so many seconds.
const KEEP_ALIVE: u8 = 15;

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
            copied: 0,
            client: Box::new(client),
            plan: None,
            socket,
            sent_of_next: 0,
            words: Words::of(opening),
            listener,
            waker: None,
            past: None,
            is_alone: false,
        }
    }

    /// Serves it from the disk at first.
    pub(super) fn begin_in(&mut self, past: Box<Past>) {
        (self.id, self.is_alone) = (past.id, true);
        self.past = Some(past);
    }

    /// What it has while it is served from the disk.
    pub(super) fn past(&self) -> Option<&Past> {
        self.past.as_deref()
    }

    /// Does something with the log that it is served from: its own, or that of the topic.
    pub(super) fn on_its_log<R>(
        &mut self,
        messages: &mut Messages,
        f: impl FnOnce(&mut Self, &mut Messages) -> R,
    ) -> R {
        let Some(mut past) = self.past.take() else { return f(self, messages) };
        let result = f(self, &mut past.log);
        if past.has_room() {
            past.bell().notify_one();
        }
        self.past = Some(past);
        result
    }

    /// Puts what was read into its log, as far as there is room; or lets it go on with the topic, when that has what it
    /// gets next, and it is not too far behind there.
    pub(super) fn catch_up(&mut self, live: &mut Messages, ahead: &mut Ahead, max_lag: u64) -> Catch {
        let Some(past) = &mut self.past else { return Catch::Nothing };
        if !matches!(self.end, End::Open | End::WhenSent) {
            return Catch::Wait;
        }
        let is_drained = past.is_drained() && self.sent_of_next == 0;
        while let Some((published, message)) = ahead.chunk.get(ahead.taken) {
            let missing = (ahead.chunk.first + ahead.taken as u64).saturating_sub(past.next());
            if missing > 0 {
                // Behind all that it has yet to get.
                if !past.is_drained() || self.sent_of_next > 0 {
                    return Catch::Wait;
                }
                self.miss(missing);
                return self.catch_up(live, ahead, max_lag);
            }
            match past.log.fill(past.id, message, published) {
                Ok(true) => ahead.taken += 1,
                // It is longer than any that is published now.
                Ok(false) if past.is_drained() => ahead.taken += 1,
                _ => return Catch::Wait,
            }
        }
        let (next, end, start) = (ahead.reader.next(), live.visible_end().sequence(), live.log().start().sequence());
        let is_there = (start..=end).contains(&next);
        let is_near = is_there && (next == end || live.log().bytes_behind(&live.seek(next)) <= NEAR.min(max_lag / 2));
        if is_near || ahead.is_all {
            if !is_drained || !past.is_drained() {
                return Catch::Wait;
            }
            // Of what is neither here nor there it is told.
            let next = next.clamp(start, end);
            let missing = next.saturating_sub(past.next());
            if missing > 0 {
                self.miss(missing);
            }
            self.go_on(live);
            return Catch::Nothing;
        }
        if past.has_room() { Catch::Read } else { Catch::Wait }
    }

    /// Tells it that messages are missing.
    fn miss(&mut self, missing: u64) {
        let Some(past) = &mut self.past else { return };
        past.skip(missing);
        if let Some(plan) = &mut self.plan {
            plan.gap = plan.gap.saturating_add(missing);
            return;
        }
        let mut words = self.words.take();
        let Ok(()) = self.stream.gap(missing, &mut words) as Result<(), Infallible>;
        self.words = Words::of(words);
    }

    /// Goes on with the topic, having all that is in its own log.
    fn go_on(&mut self, live: &mut Messages) {
        let Some((id, next, account)) = self.end_of_past() else { return };
        let _ = live.go_on(id, next, &account);
        if let Some(plan) = &mut self.plan {
            plan.was_full = false;
        }
    }

    /// Its place in the topic from now on, what it gets next there, and its account so far; if it was served from the disk.
    pub(super) fn end_of_past(&mut self) -> Option<(Id, u64, Delivery)> {
        let past = self.past.take()?;
        let account = past.account();
        (self.id, self.is_alone) = (past.live, false);
        Some((past.live, past.next() - account.pending, account))
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
            if self.end != End::WhenSent {
                return Next::Nothing;
            }
            self.begin_end(messages, None, b"", 0);
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
            let _ = self.mind_the_lag(messages, now, 0);
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
                self.begin_end(messages, None, b"", 0);
                return self.next(messages, frames, now);
            }
        };
        let piece = frames.load_single(messages, self.stream, start, self.sent_of_next, plan);
        piece.map_or(Next::Later, |piece| Next::Send(Send::Frames { start, piece }))
    }

    /// Asks the plan what to do about the lag, and moves the subscriber on if it says so. Of a message that has begun
    /// the rest may be copied if that takes no more than `budget` bytes; else the subscriber stays where it is.
    pub(super) fn mind_the_lag(&mut self, messages: &mut Messages, now: Time, budget: usize) -> Decision {
        if self.is_alone {
            return Decision::Go;
        }
        let account = messages.delivery(self.id);
        let (Some(plan), Ok(account), End::Open | End::WhenSent) = (&mut self.plan, account, self.end) else {
            return Decision::Go;
        };
        let decision = plan.decide(Lag::from(&account), now);
        let to = match decision {
            Decision::MoveOn { keep } => messages.within(keep),
            Decision::Newest => messages.newest(),
            Decision::Go | Decision::SendAway | Decision::Hold(_) => return decision,
        };
        if self.sent_of_next > 0 {
            let Ok(position) = messages.position(self.id) else { return Decision::Go };
            let Some((rest, after)) = self.rest_of(messages, position, budget) else { return Decision::Go };
            (self.copied, self.sent_of_next) = (rest.len() as u32, 0);
            self.words = Words::of(rest);
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
    /// than `budget`.
    fn rest_of(&mut self, messages: &Messages, position: Position, budget: usize) -> Option<(Vec<u8>, Position)> {
        let mut messages = messages.messages(position);
        let mut edited = Vec::new();
        let mut message = messages.next()?;
        if let Some(plan) = &mut self.plan {
            message = plan.edit(message, &mut edited);
        }
        let missing = self.stream.framed_len(position.sequence(), message).saturating_sub(self.sent_of_next);
        if missing > budget {
            return None;
        }
        let mut rest = Vec::with_capacity(missing);
        let mut out = Rest { skip: self.sent_of_next, out: &mut rest };
        let Ok(()) = self.stream.encode(position.sequence(), message, &mut out) as Result<(), Infallible>;
        Some((rest, messages.position()))
    }

    /// Says what ends the stream, as when its topic is gone, if the socket takes it at once, and ends it.
    pub(super) fn say_goodbye(&mut self, why: &str) {
        if self.end != End::Over && self.sent_of_next == 0 {
            let mut words = self.words.take();
            let Ok(()) = self.stream.end_because(why, &mut words) as Result<(), Infallible>;
            // Beyond what the socket takes nothing is promised: the topic's place is given to others.
            let _ = self.socket.try_write(&words);
            self.socket.say_goodbye();
        }
        self.over();
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
                self.words.sent(written);
                if self.words.is_empty() { Sent::Whole } else { Sent::Part }
            }
            Send::Frames { piece, .. } if written == piece.len() => {
                self.sent_of_next = 0;
                if !self.words.finish_half() {
                    let _ = messages.advance(self.id, piece.end);
                    if let Some(plan) = &mut self.plan {
                        plan.extent.count(1);
                        return Sent::Whole;
                    }
                }
                let all = piece.end.sequence() == messages.visible_end().sequence() && self.end == End::Open;
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

    /// Sends the subscriber away with a line that says how many bytes were `pending`. What is missing of the message
    /// that has begun may be copied if that takes no more than `budget` bytes; else it ends with the log.
    pub(super) fn kick(&mut self, messages: &Messages, pending: u64, budget: usize) {
        let line = format!("ERROR_TOO_SLOW. kicked for having {pending} pending bytes\n");
        let line = match self.stream.framing {
            Framing::Events => format!("event: error\ndata: {line}\n"),
            Framing::Lines | Framing::Multipart | Framing::WebSocket => line,
        };
        let position = messages.position(self.id).ok().filter(|_| self.sent_of_next > 0);
        self.begin_end(messages, position, line.as_bytes(), budget);
    }

    /// Ends the stream after the message at `half`, of which a part is sent, and `last_words`.
    fn begin_end(&mut self, messages: &Messages, half: Option<Position>, last_words: &[u8], budget: usize) {
        let mut words = self.words.take();
        let mut first = None;
        if let Some(position) = half {
            if messages.messages(position).next().is_none() {
                // The other half is gone, so nothing that could follow would be understood.
                self.over();
                return;
            }
            words = Vec::new();
            if let Some((rest, _)) = self.rest_of(messages, position, budget) {
                (self.copied, self.sent_of_next) = (rest.len() as u32, 0);
                words = rest;
            } else {
                first = Some(position);
            }
        }
        let Ok(()) = self.stream.raw(last_words, &mut words) as Result<(), Infallible>;
        let Ok(()) = self.stream.end(&mut words) as Result<(), Infallible>;
        self.words = Words::behind(first, words);
        (self.end, self.idle) = (End::AfterWords, 0);
    }

    /// Lets the stream end as soon as the subscriber has everything.
    pub(super) fn end_when_sent(&mut self) {
        if self.end == End::Open {
            self.end = End::WhenSent;
        }
    }

    /// Ends the subscription now.
    pub(super) const fn over(&mut self) -> Next {
        self.end = End::Over;
        Next::Over
    }

    /// Counts a second in which nothing happened, and says whether there is something to do after it.
    pub(super) fn tick(&mut self, is_blocked: bool) -> bool {
        self.idle = self.idle.saturating_add(1);
        if self.end == End::AfterWords && self.idle > FAREWELL {
            self.over();
            return true;
        }
        if self.client.still.as_ref().is_some_and(|still| !still()) && self.end != End::AfterWords {
            self.say_goodbye("the token is over");
            return true;
        }
        if is_blocked && self.is_alone && self.idle >= STALLED {
            tracing::info!(peer = %self.client.peer, "a subscriber takes nothing of what is read from the disk for it");
            self.over();
            return true;
        }
        if is_blocked || self.end != End::Open {
            return false;
        }
        match &mut self.listener {
            Some(listener) => {
                if listener.tick() {
                    tracing::info!(peer = %self.client.peer, "a WebSocket client answers no ping");
                    self.over();
                    return true;
                }
                listener.has_words()
            }
            None if self.idle >= KEEP_ALIVE && self.words.is_empty() && self.sent_of_next == 0 => {
                self.idle = 0;
                let mut words = Vec::new();
                let Ok(()) = self.stream.comment(&mut words) as Result<(), Infallible>;
                self.words = Words::of(words);
                !self.words.is_empty()
            }
            None => false,
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
                        && self.end != End::AfterWords
                    {
                        (self.end, self.idle) = (End::AfterWords, 0);
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
