//! A connection's socket, with the time that its client has.

use std::cell::OnceCell;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::BufMut as _;
use tokio::io::{AsyncReadExt as _, AsyncWrite as _, AsyncWriteExt as _};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until};

use super::spare;
use crate::transport::Transport;

pub(super) struct Socket {
    stream: Transport,
    /// Fires at a deadline or before it, so that most deadlines never touch it.
    timer: Pin<Box<Sleep>>,
    /// Who is woken when it does, unless it was set anew.
    waits_for_timer: Option<Waker>,
    stop: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// Who is woken when that is over.
    waits_for_stop: Option<Waker>,
    shutdown: watch::Receiver<bool>,
    /// The server was stopping when the connection came here.
    was_stopping: bool,
    io_timeout: Duration,
}

/// What reading came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    Some,
    /// The client sends no more.
    End,
    /// The deadline is over.
    Late,
    /// The server stops, and nothing had come.
    Stopped,
}

/// What is known of a connection when requests are answered.
#[derive(Debug)]
pub(super) struct Standing<'a> {
    /// The server stops.
    pub(super) stopping: bool,
    stream: &'a Transport,
    gone: OnceCell<bool>,
}

impl Standing<'_> {
    /// Whether nobody is there any more who could get an answer. The operating system is asked once.
    pub(super) fn is_gone(&self) -> bool {
        *self.gone.get_or_init(|| self.stream.is_broken())
    }
}

/// The connection is broken, or its client takes nothing.
#[derive(Debug)]
pub(super) struct Gone;

impl From<io::Error> for Gone {
    fn from(_: io::Error) -> Self {
        Self
    }
}

impl Socket {
    pub(super) fn new(stream: Transport, mut shutdown: watch::Receiver<bool>, io_timeout: Duration) -> Self {
        let mut stopping = shutdown.clone();
        let was_stopping = *shutdown.borrow_and_update();
        Self {
            stream,
            timer: Box::pin(sleep_until(Instant::now() + io_timeout)),
            waits_for_timer: None,
            stop: Box::pin(async move { drop(stopping.wait_for(|stop| *stop).await) }),
            waits_for_stop: None,
            shutdown,
            was_stopping,
            io_timeout,
        }
    }

    pub(super) fn into_stream(self) -> Transport {
        self.stream
    }

    /// Whether the server stops.
    pub(super) fn is_stopping(&self) -> bool {
        // Its lock is taken only where there is something new.
        self.was_stopping || (self.shutdown.has_changed().unwrap_or(true) && *self.shutdown.borrow())
    }

    /// What is known now.
    pub(super) fn standing(&self) -> Standing<'_> {
        Standing { stopping: self.is_stopping(), stream: &self.stream, gone: OnceCell::new() }
    }

    /// Waits until the client has closed the connection, or its side of it.
    pub(super) async fn left(&mut self) {
        self.stream.left().await;
    }

    /// Waits for the first bytes of a request. Until they come, `buffer` takes no memory, and a server that stops soon ends
    /// the waiting.
    pub(super) async fn read_first(&mut self, buffer: &mut Vec<u8>, mut deadline: Instant) -> Result<Read, Gone> {
        let mut last_call = false;
        poll_fn(|cx| {
            let mut into = spare::input();
            let read = loop {
                let read = self.poll_read(cx, &mut into, spare::INPUT, deadline);
                if last_call || read.is_ready() || !(self.is_stopping() || self.has_stopped(cx)) {
                    break read;
                }
                (last_call, deadline) = (true, deadline.min(Instant::now() + LAST_CALL));
            };
            if matches!(read, Poll::Ready(Ok(Read::Some))) {
                *buffer = into;
            } else {
                spare::give(into);
            }
            match read {
                Poll::Ready(Ok(Read::Late)) if last_call => Poll::Ready(Ok(Read::Stopped)),
                read => read,
            }
        })
        .await
    }

    /// Whether the server stops; otherwise `cx` is woken when it does. A task that is told once is not asked again.
    fn has_stopped(&mut self, cx: &mut Context<'_>) -> bool {
        if is_woken(&self.waits_for_stop, cx) {
            return false;
        }
        self.waits_for_stop = Some(cx.waker().clone());
        self.stop.as_mut().poll(cx).is_ready()
    }

    /// Waits for more, and puts it behind what is in `buffer`, `room` bytes at most.
    pub(super) async fn read_more(&mut self, to: &mut Vec<u8>, room: usize, deadline: Instant) -> Result<Read, Gone> {
        poll_fn(|cx| self.poll_read(cx, to, room, deadline)).await
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        to: &mut Vec<u8>,
        room: usize,
        deadline: Instant,
    ) -> Poll<Result<Read, Gone>> {
        let read = pin!(self.stream.read_buf(&mut to.limit(room))).poll(cx);
        match read {
            Poll::Ready(Ok(0)) => Poll::Ready(Ok(Read::End)),
            Poll::Ready(Ok(_)) => Poll::Ready(Ok(Read::Some)),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error.into())),
            Poll::Pending if self.is_late(cx, deadline) => Poll::Ready(Ok(Read::Late)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Writes all of both.
    pub(super) async fn write(&mut self, first: &[u8], second: &[u8]) -> Result<(), Gone> {
        let mut both = [IoSlice::new(first), IoSlice::new(second)];
        let mut left = both.as_mut_slice();
        // What is empty goes.
        IoSlice::advance_slices(&mut left, 0);
        let mut deadline = None;
        poll_fn(|cx| {
            loop {
                let stream = Pin::new(&mut self.stream);
                let written = match &*left {
                    [] => match stream.poll_flush(cx) {
                        Poll::Ready(flushed) => return Poll::Ready(flushed.map_err(Gone::from)),
                        Poll::Pending => Poll::Pending,
                    },
                    [all] => stream.poll_write(cx, all),
                    slices => stream.poll_write_vectored(cx, slices),
                };
                let taken = match written {
                    Poll::Ready(Ok(0)) => return Poll::Ready(Err(Gone)),
                    Poll::Ready(Ok(taken)) => taken,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
                    Poll::Pending => {
                        let deadline = *deadline.get_or_insert_with(|| Instant::now() + self.io_timeout);
                        if !self.is_late(cx, deadline) {
                            return Poll::Pending;
                        }
                        match self.stream.push(left.first().map_or(&[], |next| next)) {
                            Ok(Some(taken)) => taken,
                            Ok(None) => return Poll::Ready(Err(Gone)),
                            Err(error) => return Poll::Ready(Err(error.into())),
                        }
                    }
                };
                IoSlice::advance_slices(&mut left, taken);
                deadline = None;
            }
        })
        .await
    }

    /// From now on the client finds the connection reset if it ends here, or no more.
    pub(super) fn set_reset(&mut self, resets: bool) {
        self.stream.set_reset(resets);
    }

    /// Tells the client that no more comes, if there is room for it now.
    pub(super) fn say_goodbye(&mut self) {
        self.stream.say_goodbye();
    }

    /// Closes the socket so that the last answer arrives: closing one with unread bytes would reset it, and a client
    /// that sends all before it reads would never see why.
    pub(super) async fn linger(mut self) {
        let shutdown = tokio::time::timeout(SILENCE, self.stream.shutdown());
        if !matches!(shutdown.await, Ok(Ok(()))) {
            return;
        }
        let (end, mut left) = (Instant::now() + LINGER, MOST_LINGERED);
        let mut buffer = spare::input();
        while left > 0 {
            buffer.clear();
            let deadline = end.min(Instant::now() + SILENCE);
            if !matches!(self.read_more(&mut buffer, spare::INPUT, deadline).await, Ok(Read::Some)) {
                break;
            }
            left = left.saturating_sub(buffer.len());
        }
        spare::give(buffer);
    }

    /// Whether `deadline` is over; otherwise `cx` is woken at it, or before.
    fn is_late(&mut self, cx: &mut Context<'_>, deadline: Instant) -> bool {
        if self.timer.deadline() > deadline {
            self.set_timer(deadline);
        } else if !self.timer.is_elapsed() && is_woken(&self.waits_for_timer, cx) {
            return false;
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            if Instant::now() >= deadline {
                return true;
            }
            self.set_timer(deadline);
        }
        self.waits_for_timer = Some(cx.waker().clone());
        false
    }

    fn set_timer(&mut self, deadline: Instant) {
        self.timer.as_mut().reset(deadline);
        self.waits_for_timer = None;
    }
}

/// Whether the task of `cx` is who waits.
fn is_woken(waits: &Option<Waker>, cx: &Context<'_>) -> bool {
    waits.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()))
}

/// How long a request may be on its way to a server that stops: whoever has sent one to a connection that was taken has an
/// answer.
pub(super) const LAST_CALL: Duration = Duration::from_millis(250);

/// How long a client whose connection ends may go on sending, in silence, in all, and how much.
pub(super) const SILENCE: Duration = Duration::from_secs(2);
pub(super) const LINGER: Duration = Duration::from_secs(30);
pub(super) const MOST_LINGERED: usize = 1 << 30;

/// What tells a client that its body may come.
pub(super) const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
