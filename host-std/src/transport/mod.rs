//! What carries the bytes of a connection: TCP, TLS over TCP, or a pipe within the process.
//!
//! | module | idea |
//! | --- | --- |
//! | `plain` | a socket that tells of its end, whatever comes before it |
//! | `secure` | a socket and its TLS session: at most one record is taken that is not sent |
//! | `pipe` | two ends with bounded room between them, for who speaks HTTP/1.1 within another protocol |
//! | `broken` | why a TLS session has not come about, or is over, in words |
//! | `pem` | certificates and keys out of files |
//!
//! Whoever uses a [`Transport`] does not know which of them it is. All of it works without waiting (`try_…`) or with a
//! task to be woken (`poll_…`), and none of it holds more than a record.

mod broken;
pub(crate) mod pem;
mod pipe;
mod plain;
mod secure;

use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice, Write};
use std::os::fd::{AsFd, AsRawFd as _};
use std::pin::Pin;
use std::task::{Context, Poll};

use nix::sys::socket::{MsgFlags, send, setsockopt, sockopt};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

pub(crate) use broken::{Broken, misfit};
pub(crate) use pipe::{End, pipe};
use plain::Plain;
pub(crate) use secure::Secure;

/// Plain bytes to the other side and back, whatever carries them.
#[derive(Debug)]
pub struct Transport(Kind);

#[derive(Debug)]
enum Kind {
    Plain(Plain),
    Secure(Box<Secure<TcpStream>>),
    Pipe(End),
}

/// Lets the operating system find out that the other side has vanished, as a machine does that loses its power: after a
/// minute of silence it asks, and after three questions without an answer the connection is over. Said of what listens, it
/// holds for each connection that is accepted.
///
/// # Errors
/// The operating system refuses.
pub(crate) fn keep_alive(socket: &impl AsFd) -> io::Result<()> {
    setsockopt(socket, sockopt::KeepAlive, &true)?;
    #[cfg(target_os = "linux")]
    {
        setsockopt(socket, sockopt::TcpKeepIdle, &60)?;
        setsockopt(socket, sockopt::TcpKeepInterval, &20)?;
        setsockopt(socket, sockopt::TcpKeepCount, &3)?;
    }
    Ok(())
}

/// A transport on its way to the runtime of another thread.
#[derive(Debug)]
pub(crate) enum Detached {
    Plain(std::net::TcpStream),
    Secure(Box<Secure<std::net::TcpStream>>),
    Pipe(End),
}

impl From<TcpStream> for Transport {
    fn from(socket: TcpStream) -> Self {
        Self(Kind::Plain(socket.into()))
    }
}

impl From<Secure<TcpStream>> for Transport {
    fn from(secure: Secure<TcpStream>) -> Self {
        Self(Kind::Secure(Box::new(secure)))
    }
}

impl From<End> for Transport {
    fn from(end: End) -> Self {
        Self(Kind::Pipe(end))
    }
}

impl Transport {
    /// Reads what has come, without waiting.
    ///
    /// # Errors
    /// `WouldBlock` when that is nothing; others end the connection.
    pub fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Plain(plain) => plain.try_read(buffer),
            Kind::Secure(secure) => secure.try_read(buffer),
            Kind::Pipe(end) => end.try_read(buffer),
        }
    }

    /// Writes as much as there is room for, without waiting; of what is taken, a record may still be
    /// [unsent](Self::has_unsent).
    ///
    /// # Errors
    /// `WouldBlock` when there is none; others end the connection.
    pub fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Plain(plain) => plain.socket.try_write(bytes),
            Kind::Secure(secure) => secure.try_write(&[IoSlice::new(bytes)]),
            Kind::Pipe(end) => end.try_write(bytes),
        }
    }

    /// Writes what there is any room for, where waiting for room has come to nothing: how much of `bytes` that is, or
    /// `None` when nothing at all has gone, of what was taken before either.
    ///
    /// The operating system says that a socket has room once a third of its buffer is free, which may be more than a
    /// megabyte. Whoever reads slowly has taken much by then, and only this tells it from who takes nothing.
    ///
    /// # Errors
    /// They end the connection.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> io::Result<Option<usize>> {
        let pushed = match &mut self.0 {
            Kind::Plain(plain) => Pushed(&plain.socket).write(bytes).map(Some),
            Kind::Secure(secure) => secure.push(bytes),
            Kind::Pipe(end) => end.try_write(bytes).map(Some),
        };
        match pushed {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            pushed => pushed,
        }
    }

    /// Lets the socket be reset where it is dropped, with what is not sent yet, or no more.
    pub(crate) fn set_reset(&self, resets: bool) {
        // Who has the other end of a pipe knows by its own protocol what is whole.
        let Some(socket) = self.socket() else { return };
        let linger = nix::libc::linger { l_onoff: resets.into(), l_linger: 0 };
        if let Err(error) = setsockopt(socket, sockopt::Linger, &linger) {
            tracing::debug!(%error, "a connection can't be reset");
        }
    }

    /// The socket that it is.
    pub(crate) fn socket(&self) -> Option<&TcpStream> {
        match &self.0 {
            Kind::Plain(plain) => Some(&plain.socket),
            Kind::Secure(secure) => Some(secure.socket()),
            Kind::Pipe(_) => None,
        }
    }

    /// Whether something that was taken is not sent. It goes when there is room again, if somebody
    /// [waits](Self::poll_write_ready) for that.
    pub fn has_unsent(&self) -> bool {
        matches!(&self.0, Kind::Secure(secure) if secure.has_unsent())
    }

    /// Whether [`try_read`](Self::try_read) may find something; otherwise `cx` is woken when it may.
    pub fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Kind::Plain(plain) => plain.poll_read_ready(cx),
            Kind::Secure(secure) => secure.poll_read_ready(cx),
            Kind::Pipe(end) => end.poll_read_ready(cx).map(Ok),
        }
    }

    /// Whether nothing is unsent and [`try_write`](Self::try_write) may have room; otherwise `cx` is woken when it may.
    pub fn poll_write_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Kind::Plain(plain) => plain.socket.poll_write_ready(cx),
            Kind::Secure(secure) => secure.poll_flush(cx),
            Kind::Pipe(end) => end.poll_write_ready(cx).map(Ok),
        }
    }

    /// Whether the connection is broken, as far as the operating system knows by now: it costs a system call.
    pub(crate) fn is_broken(&self) -> bool {
        match &self.0 {
            Kind::Plain(plain) => is_broken(&plain.socket),
            Kind::Secure(secure) => is_broken(secure.socket()),
            Kind::Pipe(end) => end.is_left(),
        }
    }

    /// Waits until the other side has closed the connection, or its side of it. Once it has sent a record that nobody has
    /// read, that can't be known over TLS.
    pub(crate) async fn left(&mut self) {
        match &mut self.0 {
            Kind::Plain(plain) => plain.left().await,
            Kind::Secure(secure) => poll_fn(|cx| secure.poll_left(cx)).await,
            Kind::Pipe(end) => poll_fn(|cx| end.poll_left(cx)).await,
        }
    }

    /// Tells the other side that no more comes, if that needs words and there is room for them now: the end of the
    /// socket alone could be anybody's.
    pub(crate) fn say_goodbye(&mut self) {
        if let Kind::Secure(secure) = &mut self.0 {
            secure.say_goodbye();
        }
    }

    /// Takes it from the runtime of this thread.
    ///
    /// # Errors
    /// Only a descriptor that is none could not be.
    pub(crate) fn detach(self) -> io::Result<Detached> {
        Ok(match self.0 {
            Kind::Plain(plain) => Detached::Plain(plain.socket.into_std()?),
            Kind::Secure(secure) => Detached::Secure(Box::new(secure.map(TcpStream::into_std)?)),
            Kind::Pipe(end) => Detached::Pipe(end),
        })
    }
}

impl Detached {
    /// Gives it to the runtime of this thread.
    ///
    /// # Errors
    /// Only a descriptor that is none could not be watched there.
    pub(crate) fn attach(self) -> io::Result<Transport> {
        Ok(Transport(match self {
            Self::Plain(socket) => Kind::Plain(TcpStream::from_std(socket)?.into()),
            Self::Secure(secure) => Kind::Secure(Box::new(secure.map(TcpStream::from_std)?)),
            Self::Pipe(end) => Kind::Pipe(end),
        }))
    }
}

/// A socket that is written whatever is known of its room.
struct Pushed<'a>(&'a TcpStream);

impl Write for Pushed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(send(self.0.as_raw_fd(), bytes, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether the other side has reset it. What came with the last bytes does not say enough: who sends and resets at once
/// does so in two packets, and the first of them can be what woke this task.
fn is_broken(socket: &TcpStream) -> bool {
    socket.try_io(Interest::ERROR, || Ok(())).is_ok() || !matches!(socket.take_error(), Ok(None))
}

impl AsyncRead for Transport {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Kind::Plain(plain) => plain.poll_read(cx, buffer),
            Kind::Secure(secure) => secure.poll_read(cx, buffer),
            Kind::Pipe(end) => end.poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.0 {
            Kind::Plain(plain) => Pin::new(&mut plain.socket).poll_write(cx, bytes),
            Kind::Secure(secure) => secure.poll_write(cx, &[IoSlice::new(bytes)]),
            Kind::Pipe(end) => end.poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.0 {
            Kind::Plain(plain) => Pin::new(&mut plain.socket).poll_write_vectored(cx, slices),
            Kind::Secure(secure) => secure.poll_write(cx, slices),
            Kind::Pipe(end) => {
                let first = slices.iter().find(|slice| !slice.is_empty());
                end.poll_write(cx, first.map_or(&[], |slice| slice))
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        !matches!(self.0, Kind::Pipe(_))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Kind::Secure(secure) => secure.poll_flush(cx),
            Kind::Plain(_) | Kind::Pipe(_) => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Kind::Plain(plain) => Pin::new(&mut plain.socket).poll_shutdown(cx),
            Kind::Secure(secure) => secure.poll_shutdown(cx),
            Kind::Pipe(end) => {
                end.shutdown();
                Poll::Ready(Ok(()))
            }
        }
    }
}
