//! A TCP socket, of which it can be told that its other side has left while it holds what nobody has read.

use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use nix::sys::socket::{MsgFlags, recv};
use tokio::io::{AsyncRead as _, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::coop;

#[derive(Debug)]
pub(super) struct Plain {
    pub(super) socket: TcpStream,
    /// It may hold what its readiness does not tell of any more.
    has_more: bool,
}

impl From<TcpStream> for Plain {
    fn from(socket: TcpStream) -> Self {
        Self { socket, has_more: false }
    }
}

impl Plain {
    pub(super) fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.read_more(buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.socket.try_read(buffer),
            read => read,
        }
    }

    /// Reads without asking whether it is ready, if that is not to be trusted.
    fn read_more(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.has_more {
            return Err(ErrorKind::WouldBlock.into());
        }
        let read = recv(self.socket.as_raw_fd(), buffer, MsgFlags::MSG_DONTWAIT).map_err(io::Error::from);
        // Whatever comes once there is no more makes it ready as ever.
        self.has_more = read.as_ref().is_ok_and(|read| *read == buffer.len());
        read
    }

    pub(super) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.has_more { Poll::Ready(Ok(())) } else { self.socket.poll_read_ready(cx) }
    }

    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.has_more {
            // As tokio's own reading does, it lets others have their turn where there is always more.
            let turn = ready!(coop::poll_proceed(cx));
            match self.read_more(buffer.initialize_unfilled()) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => {
                    turn.made_progress();
                    return Poll::Ready(read.map(|read| buffer.advance(read)));
                }
            }
        }
        Pin::new(&mut self.socket).poll_read(cx, buffer)
    }

    /// Waits until the other side has closed the connection, or its side of it.
    pub(super) async fn left(&mut self) {
        // What has come, or was about to when it was asked, makes it ready at once, and the end that may follow on its
        // heels is only told to who waits. So that is taken back, and nobody reads it meanwhile.
        while let Ok(ready) = self.socket.ready(Interest::READABLE).await
            && !ready.is_read_closed()
        {
            self.has_more = true;
            let _ = self.socket.try_io(Interest::READABLE, || Err::<(), _>(ErrorKind::WouldBlock.into()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;
    use crate::transport::Transport;

    async fn pair() -> (TcpStream, Transport) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let one = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (one, listener.accept().await.unwrap().0.into())
    }

    fn on_a_runtime(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { timeout(Duration::from_secs(10), test).await }).expect("nobody waits for ever");
    }

    #[test]
    fn who_sends_more_first_is_seen_to_leave() {
        on_a_runtime(async {
            let (mut one, mut other) = pair().await;
            for byte in *b"abc" {
                one.write_all(&[byte]).await.unwrap();
                timeout(Duration::from_millis(20), other.left()).await.expect_err("it is there");
            }
            drop(one);
            other.left().await;
        });
    }

    #[test]
    fn what_had_come_is_read_when_nobody_waits_for_the_end_any_more() {
        on_a_runtime(async {
            let (mut one, mut other) = pair().await;
            let waits = async |other: &mut Transport| {
                let waiting = timeout(Duration::from_millis(20), other.left());
                waiting.await.expect_err("it is there");
            };
            one.write_all(b"abcdef").await.unwrap();
            waits(&mut other).await;
            let mut buffer = [0; 2];
            assert_eq!((other.read(&mut buffer).await.unwrap(), &buffer), (2, b"ab"));
            waits(&mut other).await;
            poll_fn(|cx| other.poll_read_ready(cx)).await.unwrap();
            assert_eq!((other.try_read(&mut buffer).unwrap(), &buffer), (2, b"cd"));
            assert_eq!(
                (other.read(&mut [0; 8]).await.unwrap(), other.read(&mut buffer).now_or_never().is_none()),
                (2, true)
            );
            // What comes later is told of as ever.
            let (read, written) = tokio::join!(other.read(&mut buffer), async {
                tokio::task::yield_now().await;
                one.write_all(b"g").await
            });
            assert_eq!((read.unwrap(), written.unwrap()), (1, ()));
            drop(one);
            assert_eq!(other.read(&mut buffer).await.unwrap(), 0);
        });
    }
}
