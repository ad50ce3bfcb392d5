//! Two ends within the process, and bounded room between them in both directions.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read as _};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use parking_lot::Mutex;
use tokio::io::ReadBuf;

/// Two ends: what is written to one is read from the other. Each belongs to one task, and they may be on two threads.
pub(crate) fn pipe() -> (End, End) {
    let ways = Arc::new(Mutex::new([Way::default(), Way::default()]));
    (End { ways: Arc::clone(&ways), side: 0 }, End { ways, side: 1 })
}

/// One end of a pipe. The other one sees it leave when it is dropped.
#[derive(Debug)]
pub(crate) struct End {
    ways: Arc<Mutex<[Way; 2]>>,
    /// The way that this end writes to.
    side: usize,
}

/// One direction.
#[derive(Debug, Default)]
struct Way {
    bytes: VecDeque<u8>,
    /// Nothing more is written.
    ended: bool,
    /// Nothing more is read.
    abandoned: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// Bytes that are written and not read, at most.
pub(crate) const ROOM: usize = 16 << 10;

/// An empty way keeps so much of its memory.
const KEPT: usize = 1 << 10;

impl End {
    pub(crate) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut ways = self.ways.lock();
        let [_, way] = self.sides(&mut ways);
        if way.bytes.is_empty() {
            return if way.ended { Ok(0) } else { Err(ErrorKind::WouldBlock.into()) };
        }
        let read = way.bytes.read(buffer)?;
        if way.bytes.is_empty() {
            way.bytes.shrink_to(KEPT);
        }
        let writer = way.writer.take();
        drop(ways);
        wake(writer);
        Ok(read)
    }

    /// Appends all that there is.
    pub(crate) fn take(&self, to: &mut Vec<u8>) {
        let mut ways = self.ways.lock();
        let [_, way] = self.sides(&mut ways);
        let (first, second) = way.bytes.as_slices();
        to.extend_from_slice(first);
        to.extend_from_slice(second);
        way.bytes.clear();
        way.bytes.shrink_to(KEPT);
        let writer = way.writer.take();
        drop(ways);
        wake(writer);
    }

    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut ways = self.ways.lock();
        let [way, _] = self.sides(&mut ways);
        if way.abandoned {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let room = ROOM.saturating_sub(way.bytes.len());
        let taken = bytes.split_at_checked(room).map_or(bytes, |(taken, _)| taken);
        if taken.is_empty() && !bytes.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        way.bytes.extend(taken);
        let reader = way.reader.take();
        drop(ways);
        wake(reader);
        Ok(taken.len())
    }

    /// Whether there is something to read, or an end; otherwise `cx` is woken when there is.
    pub(crate) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut ways = self.ways.lock();
        let [_, way] = self.sides(&mut ways);
        if way.ended || !way.bytes.is_empty() {
            return Poll::Ready(());
        }
        way.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Whether there is room, or nobody who reads; otherwise `cx` is woken when there is.
    pub(crate) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut ways = self.ways.lock();
        let [way, _] = self.sides(&mut ways);
        if way.abandoned || way.bytes.len() < ROOM {
            return Poll::Ready(());
        }
        way.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    pub(super) fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.try_read(buffer.initialize_unfilled()) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => ready!(self.poll_read_ready(cx)),
                read => return Poll::Ready(read.map(|read| buffer.advance(read))),
            }
        }
    }

    pub(crate) fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            match self.try_write(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => ready!(self.poll_write_ready(cx)),
                written => return Poll::Ready(written),
            }
        }
    }

    /// Whether the other end writes nothing more.
    pub(crate) fn is_left(&self) -> bool {
        let mut ways = self.ways.lock();
        let [_, way] = self.sides(&mut ways);
        way.ended
    }

    /// The same; otherwise `cx` is woken when it is so.
    pub(super) fn poll_left(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut ways = self.ways.lock();
        let [_, way] = self.sides(&mut ways);
        if way.ended {
            return Poll::Ready(());
        }
        way.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Writes nothing more.
    pub(super) fn shutdown(&self) {
        let mut ways = self.ways.lock();
        let [way, _] = self.sides(&mut ways);
        way.ended = true;
        let reader = way.reader.take();
        drop(ways);
        wake(reader);
    }

    /// The way that is written to, and the one that is read from.
    fn sides<'w>(&self, ways: &'w mut [Way; 2]) -> [&'w mut Way; 2] {
        let [first, second] = ways;
        if self.side == 0 { [first, second] } else { [second, first] }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let mut ways = self.ways.lock();
        let [written, read] = self.sides(&mut ways);
        (written.ended, read.abandoned) = (true, true);
        read.bytes = VecDeque::new();
        let wakers = [written.reader.take(), read.writer.take()];
        drop(ways);
        wakers.into_iter().for_each(wake);
    }
}

/// No lock is held where somebody is woken.
fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn what_is_written_is_read_and_never_more_waits_than_there_is_room_for() {
        let (one, other) = pipe();
        let bytes: Vec<u8> = (0..ROOM * 2).map(|at| (at % 251) as u8).collect();
        let (mut written, mut read) = (0, Vec::new());
        let mut buffer = [0; 1_000];
        while read.len() < bytes.len() {
            written += one.try_write(&bytes[written..]).unwrap_or(0);
            assert!(written - read.len() <= ROOM);
            let n = other.try_read(&mut buffer).unwrap();
            read.extend_from_slice(&buffer[..n]);
        }
        assert_eq!(read, bytes);
        assert_eq!(other.try_read(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
    }

    #[test]
    fn both_ends_see_the_other_one_leave() {
        let (one, other) = pipe();
        one.try_write(b"last").unwrap();
        assert!(!other.is_left());
        drop(one);
        assert!(other.is_left());
        let mut buffer = [0; 8];
        assert_eq!((other.try_read(&mut buffer).unwrap(), &buffer[..4]), (4, &b"last"[..]));
        assert_eq!(other.try_read(&mut buffer).unwrap(), 0);
        assert_eq!(other.try_write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    }

    #[test]
    fn who_waits_is_woken() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (one, other) = pipe();
            let writing = async {
                while one.try_write(&[0; 4_096]).is_ok() {}
                poll_fn(|cx| one.poll_write_ready(cx)).await;
                drop(one);
            };
            let reading = async {
                tokio::task::yield_now().await;
                let mut all = 0;
                loop {
                    poll_fn(|cx| other.poll_read_ready(cx)).await;
                    match other.try_read(&mut [0; 100]).unwrap() {
                        0 => return all,
                        n => all += n,
                    }
                }
            };
            let both = async { tokio::join!(writing, reading).1 };
            let read = tokio::time::timeout(std::time::Duration::from_secs(10), both).await;
            assert_eq!(read.expect("nobody waits for ever"), ROOM);
            let (one, other) = pipe();
            assert!(poll_fn(|cx| one.poll_left(cx)).now_or_never().is_none());
            drop(other);
            poll_fn(|cx| one.poll_left(cx)).now_or_never().expect("it has left");
        });
    }
}
