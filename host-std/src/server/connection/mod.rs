//! One connection: its requests are answered in their order, and all that came at once with one write.

mod collect;
#[cfg(test)]
mod tests;
mod turn;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use streamgauge_core::wire::chunked;
use streamgauge_core::wire::http::Body as Incoming;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;

use super::answer::Ending;
use super::budget::{Budget, Share};
use super::input::Input;
use super::pages::Pages;
use super::refusal::Refusal;
use super::socket::{CONTINUE, Gone, Read, Socket};
use super::{Handler, Handlers, Limits, NextPiece, TakeOver, spare};
use crate::engine::Mark;
use crate::transport::Transport;

/// A socket that was taken over, after a request that has not been answered.
pub struct Taken {
    /// The socket.
    pub stream: Transport,
    /// What the client has sent beyond the request.
    pub read: Bytes,
    /// Keeps the connection counted as one until it is dropped.
    pub place: OwnedSemaphorePermit,
    /// Says true once the server stops.
    pub shutdown: watch::Receiver<bool>,
}

/// What all connections of a server share.
pub(super) struct Shared<H> {
    pub(super) handlers: Handlers<H>,
    pub(super) limits: Limits,
    pub(super) pages: Pages,
    pub(super) budget: Arc<Budget>,
}

pub(super) struct Connection<H> {
    pub(super) peer: SocketAddr,
    /// The address that the client has come to, if it is known.
    pub(super) local: Option<IpAddr>,
    /// The thread that it is on.
    pub(super) thread: usize,
    pub(super) shared: Arc<Shared<H>>,
}

/// How a connection ends.
enum End {
    /// Without a word.
    Closed,
    /// Behind the last answer.
    Finished,
    TakenOver(TakeOver),
    /// Here, to go on with what has come on another thread.
    Moved(usize),
}

/// What follows once all that could be answered at once is.
enum Step {
    /// More has to come.
    Read,
    /// There is more than enough to be written.
    Flush,
    /// The body has to come, behind a head of so many bytes.
    Collect {
        head: usize,
        body: Incoming,
        expects: bool,
    },
    /// The handler has to wait, with the request of so many bytes.
    Wait {
        head: usize,
        len: usize,
    },
    /// A long answer goes on behind its head.
    Send {
        body: Sending,
        last: bool,
    },
    /// What is written was the last.
    Last,
    TakeOver(TakeOver),
    /// What has come belongs to another thread.
    Move(usize),
    /// The client has gone.
    Left,
}

/// What of an answer does not stand with its head; what it takes is counted until it is dropped.
enum Sending {
    Whole(Bytes, Option<Share>),
    Pieces(Box<dyn FnMut() -> NextPiece + Send>, Ending, Option<Share>),
}

impl<H: Handler> Connection<H> {
    /// Answers what has come in `input`, and what comes behind it.
    pub(super) async fn run(
        self,
        stream: Transport,
        mut input: Input,
        shutdown: watch::Receiver<bool>,
        place: OwnedSemaphorePermit,
    ) {
        let mut socket = Socket::new(stream, shutdown.clone(), self.shared.limits.io_timeout);
        match self.answer_all(&mut socket, &mut input).await {
            Ok(End::Finished) => socket.linger().await,
            Ok(End::Closed) => socket.say_goodbye(),
            Err(Gone) => {}
            Ok(End::TakenOver(how)) => {
                let read = Bytes::copy_from_slice(input.unread());
                drop(input);
                // What it spawns is a task of its own: this one ends.
                how(Taken { stream: socket.into_stream(), read, place, shutdown });
            }
            Ok(End::Moved(thread)) => self.go_on(thread, socket.into_stream(), input, shutdown, place),
        }
    }

    /// Goes on on another thread.
    fn go_on(
        self,
        thread: usize,
        stream: Transport,
        input: Input,
        shutdown: watch::Receiver<bool>,
        place: OwnedSemaphorePermit,
    ) {
        let Ok(stream) = stream.detach() else { return };
        let threads = self.shared.handlers.threads.clone();
        let connection = Self { thread, ..self };
        threads.on(thread, move || {
            if let Ok(stream) = stream.attach() {
                tokio::spawn(connection.run(stream, input, shutdown, place));
            }
        });
    }

    /// Who answers on this thread.
    fn handler(&self) -> &Arc<H> {
        &self.shared.handlers.each[self.thread]
    }

    async fn answer_all(&self, socket: &mut Socket, input: &mut Input) -> Result<End, Gone> {
        let limits = &self.shared.limits;
        let (mut fresh, mut head_began) = (true, None);
        loop {
            let mut out = spare::output();
            let mut mark = Mark::NONE;
            let mut step = self.turn(input, &mut out, &mut mark, &socket.standing());
            if mark != Mark::NONE {
                input.settle();
                out = spare::packed(out);
                step = self.once_safe(mark, &mut out, step).await;
            }
            if !out.is_empty() && !matches!(step, Step::Send { .. }) {
                socket.write(&out, &[]).await?;
                (fresh, head_began) = (false, None);
            }
            match step {
                Step::Flush => spare::give(out),
                Step::Read => {
                    spare::give(out);
                    input.settle();
                    let now = Instant::now();
                    let read = if input.is_empty() {
                        let limit = if fresh { limits.header_timeout } else { limits.idle_timeout };
                        socket.read_first(&mut input.bytes, now + limit).await?
                    } else {
                        let deadline = *head_began.get_or_insert(now) + limits.header_timeout;
                        self.read_line(socket, input, deadline).await?
                    };
                    match read {
                        Read::Some => {}
                        Read::Late if !input.is_empty() => {
                            socket.write(&self.said_to_stranger(&Refusal::slow_head(limits)), &[]).await?;
                            return Ok(End::Finished);
                        }
                        // Nothing has come for a while, so nothing is on its way that could reset the last answer; and who
                        // stops, or lets another process go on, need not wait for a client that keeps what it does not use.
                        Read::End | Read::Late | Read::Stopped => return Ok(End::Closed),
                    }
                }
                Step::Collect { head, body, expects } => {
                    spare::give(out);
                    input.settle();
                    if expects && !is_whole(input, head, body) {
                        socket.write(CONTINUE, &[]).await?;
                    }
                    match self.collect(socket, input, head, body).await? {
                        Ok(None) => {}
                        Ok(Some((body, share))) => {
                            let end = self.answer_collected(socket, input, head, &body).await?;
                            drop(share);
                            if let Some(end) = end {
                                return Ok(end);
                            }
                        }
                        Err(refusal) => {
                            let mut out = spare::output();
                            self.refuse_read(input.unread(), &refusal, &mut out);
                            return self.finish(socket, out, Step::Last).await.map(|_| End::Finished);
                        }
                    }
                    (fresh, head_began) = (false, None);
                }
                Step::Wait { head, len } => {
                    out.clear();
                    let request = input.unread().get(..len).unwrap_or_default();
                    let request = request.split_at_checked(head).unwrap_or_default();
                    let step = Box::pin(self.answer_slowly(socket, request, true, &mut out)).await;
                    if !matches!(step, Step::Move(_)) {
                        input.consume(len);
                    }
                    if let Some(end) = self.finish(socket, out, step).await? {
                        return Ok(end);
                    }
                    (fresh, head_began) = (false, None);
                }
                step => {
                    (fresh, head_began) = (false, None);
                    if !matches!(step, Step::Send { .. }) {
                        out.clear();
                    }
                    if let Some(end) = self.finish(socket, out, step).await? {
                        return Ok(end);
                    }
                }
            }
        }
    }

    /// Answers the request whose head is in `input`, and whose body is not.
    async fn answer_collected(
        &self,
        socket: &mut Socket,
        input: &mut Input,
        head: usize,
        body: &[u8],
    ) -> Result<Option<End>, Gone> {
        let mut out = spare::output();
        let bytes = input.unread().get(..head).unwrap_or_default();
        let mut step = Box::pin(self.answer_slowly(socket, (bytes, body), false, &mut out)).await;
        if let Step::Move(_) = step {
            // Its body is not where another thread would look for it.
            self.refuse_read(bytes, &Refusal::moved(), &mut out);
            step = Step::Last;
        }
        input.consume(head);
        self.finish(socket, out, step).await
    }

    /// Does what a step other than reading asks for, once `out` is written; `None` when the connection goes on.
    async fn finish(&self, socket: &mut Socket, mut out: Vec<u8>, step: Step) -> Result<Option<End>, Gone> {
        if let Step::Left = step {
            return Err(Gone);
        }
        let Step::Send { body, last } = step else {
            socket.write(&out, &[]).await?;
            spare::give(out);
            return Ok(match step {
                Step::TakeOver(how) => Some(End::TakenOver(how)),
                Step::Move(thread) => Some(End::Moved(thread)),
                Step::Last => Some(End::Finished),
                _ => None,
            });
        };
        match body {
            Sending::Whole(body, _share) => socket.write(&out, &body).await?,
            Sending::Pieces(mut pieces, ending, _share) => {
                // Where the connection ends before the body does, that must not look like its end.
                let ends_with_body = ending == Ending::Close;
                if ends_with_body {
                    socket.set_reset(true);
                }
                let mut left = if let Ending::Length(length) = ending { Some(length) } else { None };
                while let Some(piece) = pieces().await? {
                    if let Some(left) = &mut left {
                        // One that is longer than was announced would be taken for the next answer.
                        *left = left.checked_sub(piece.len() as u64).ok_or(Gone)?;
                    }
                    let in_chunk = ending == Ending::Chunks && !piece.is_empty();
                    if in_chunk {
                        let Ok(()) = chunked::write_head(piece.len(), &mut out) as Result<(), std::convert::Infallible>;
                    }
                    socket.write(&out, &piece).await?;
                    out.clear();
                    if in_chunk {
                        out.extend_from_slice(b"\r\n");
                    }
                }
                if left.is_some_and(|left| left > 0) {
                    return Err(Gone);
                }
                if ending == Ending::Chunks {
                    out.extend_from_slice(chunked::LAST_CHUNK);
                }
                socket.write(&out, &[]).await?;
                if ends_with_body {
                    socket.set_reset(false);
                }
            }
        }
        spare::give(out);
        Ok(last.then_some(End::Finished))
    }

    /// Reads on until a line of a head may have ended: before, looking at it again would find nothing new.
    async fn read_line(&self, socket: &mut Socket, input: &mut Input, deadline: Instant) -> Result<Read, Gone> {
        loop {
            let before = input.bytes.len();
            let room = self.shared.limits.input_room().saturating_sub(before);
            let read = socket.read_more(&mut input.bytes, room, deadline).await?;
            let new = input.bytes.get(before..).unwrap_or_default();
            if read != Read::Some || new.contains(&b'\n') || input.bytes.len() >= self.shared.limits.max_header {
                return Ok(read);
            }
        }
    }
}

/// Whether nothing of a body is still to come.
fn is_whole(input: &Input, head: usize, body: Incoming) -> bool {
    let come = input.bytes.len().saturating_sub(head) as u64;
    matches!(body, Incoming::Length(length) if length <= come)
}
