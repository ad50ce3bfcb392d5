//! A socket and the TLS session over it.

use std::io::{self, ErrorKind, IoSlice, Read as _, Write as _};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustls::Connection;
use tokio::io::{AsyncWrite as _, ReadBuf};
use tokio::net::TcpStream;

use super::{Broken, Pushed};

/// A TLS session over `S`: a socket, on this thread or on its way to another one.
///
/// What is written becomes one record, and the next is only begun when all of that is sent. So there is never more than
/// one record that is taken and unsent, and a socket that is full is known to be.
#[derive(Debug)]
pub(crate) struct Secure<S> {
    socket: S,
    session: Connection,
    /// Bytes that have been decrypted and nobody has read.
    plain: usize,
    /// The other side has said that it sends no more.
    ended: bool,
}

/// Bytes of the longest record.
const RECORD: usize = 16 << 10;

impl<S> Secure<S> {
    /// The same over a socket that is made of this one.
    pub(super) fn map<T>(self, f: impl FnOnce(S) -> io::Result<T>) -> io::Result<Secure<T>> {
        Ok(Secure { socket: f(self.socket)?, session: self.session, plain: self.plain, ended: self.ended })
    }

    pub(super) const fn socket(&self) -> &S {
        &self.socket
    }

    pub(super) fn has_unsent(&self) -> bool {
        self.session.wants_write()
    }
}

impl Secure<TcpStream> {
    /// Agrees with the other side on a session.
    ///
    /// # Errors
    /// When it does not come about; the other side has been told, if it listens.
    pub(crate) async fn handshake(socket: TcpStream, session: impl Into<Connection>) -> io::Result<Self> {
        let mut secure = Self { socket, session: session.into(), plain: 0, ended: false };
        std::future::poll_fn(|cx| secure.poll_handshake(cx)).await?;
        Ok(secure)
    }

    fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_flush(cx))?;
            if !self.session.is_handshaking() {
                return Poll::Ready(Ok(()));
            }
            match self.receive() {
                Ok(0) => return Poll::Ready(Err(ErrorKind::UnexpectedEof.into())),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => ready!(self.socket.poll_read_ready(cx))?,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// The protocol that both sides have agreed on.
    pub(crate) fn protocol(&self) -> Option<&[u8]> {
        self.session.alpn_protocol()
    }

    pub(super) fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.session.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => {
                    self.plain = self.plain.saturating_sub(*read.as_ref().unwrap_or(&0));
                    return read;
                }
            }
            self.receive()?;
            // What it says in return is said as soon as there is room; nobody has to be asked for it.
            let _ = self.flush();
        }
    }

    /// Reads once from the socket, and decrypts what is whole. 0 says that the socket has ended.
    fn receive(&mut self) -> io::Result<usize> {
        let read = self.session.read_tls(&mut Unblocked(&self.socket))?;
        match self.session.process_new_packets() {
            Ok(state) => {
                (self.plain, self.ended) = (state.plaintext_bytes_to_read(), state.peer_has_closed());
                Ok(read)
            }
            Err(error) => {
                // It tells the other side why.
                let _ = self.flush();
                Err(io::Error::new(ErrorKind::InvalidData, Broken(error)))
            }
        }
    }

    /// Takes one record, if the one before it is sent.
    pub(super) fn try_write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.flush()?;
        let taken = match slices {
            [one] => self.session.writer().write(one.get(..RECORD).unwrap_or(one))?,
            many => {
                let mut left = RECORD;
                let cut = many.iter().map(|slice| {
                    let first = slice.get(..left).unwrap_or(slice);
                    left = left.saturating_sub(first.len());
                    IoSlice::new(first)
                });
                self.session.writer().write_vectored(&cut.collect::<Vec<_>>())?
            }
        };
        match self.flush() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(taken),
        }
    }

    /// Sends what is unsent: `WouldBlock` when that is not all.
    fn flush(&mut self) -> io::Result<()> {
        while self.session.wants_write() {
            if self.session.write_tls(&mut Unblocked(&self.socket))? == 0 {
                return Err(ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }

    /// See [`Transport::push`](super::Transport::push): a part of what is unsent, or else a record of `bytes`.
    pub(super) fn push(&mut self, bytes: &[u8]) -> io::Result<Option<usize>> {
        let mut taken = 0;
        if !self.session.wants_write() {
            taken = self.session.writer().write(bytes.get(..RECORD).unwrap_or(bytes))?;
        }
        let sent = self.session.write_tls(&mut Pushed(&self.socket));
        match sent {
            // It is unsent now, and was not before.
            Err(error) if error.kind() == ErrorKind::WouldBlock && taken > 0 => Ok(Some(taken)),
            sent => sent.map(|_| Some(taken)),
        }
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.flush() {
                Err(error) if error.kind() == ErrorKind::WouldBlock => ready!(self.socket.poll_write_ready(cx))?,
                flushed => return Poll::Ready(flushed),
            }
        }
    }

    pub(super) fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.plain > 0 || self.ended {
            return Poll::Ready(Ok(()));
        }
        // Who waits for an answer waits for what it asked to be sent, too.
        if let Poll::Ready(Err(error)) = self.poll_flush(cx) {
            return Poll::Ready(Err(error));
        }
        self.socket.poll_read_ready(cx)
    }

    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // The socket is asked first, as it lets others have their turn where there is always more.
        loop {
            ready!(self.poll_read_ready(cx))?;
            match self.try_read(buffer.initialize_unfilled()) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return Poll::Ready(read.map(|read| buffer.advance(read))),
            }
        }
    }

    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.socket.poll_write_ready(cx))?;
            match self.try_write(slices) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    /// Sends what is unsent, and says that no more comes.
    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.session.send_close_notify();
        ready!(self.poll_flush(cx))?;
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }

    /// Says that no more comes, if there is room for it now.
    pub(super) fn say_goodbye(&mut self) {
        self.session.send_close_notify();
        let _ = self.flush();
    }

    /// Whether the other side is gone. What it sends first is read, but no more than a record.
    pub(super) fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.ended {
                return Poll::Ready(());
            }
            if self.plain >= RECORD {
                return Poll::Pending;
            }
            match self.receive() {
                Ok(0) => return Poll::Ready(()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if ready!(self.socket.poll_read_ready(cx)).is_err() {
                        return Poll::Ready(());
                    }
                }
                Err(_) => return Poll::Ready(()),
            }
        }
    }
}

/// A socket that is read and written without waiting.
struct Unblocked<'a>(&'a TcpStream);

impl io::Read for Unblocked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buffer)
    }
}

impl io::Write for Unblocked<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
