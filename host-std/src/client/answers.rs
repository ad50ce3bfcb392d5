use super::{Error, Url, https};
use crate::transport::Transport;
use core::time::Duration;
use std::io;
use streamgauge_core::wire::http::{Closed, Event, Responses};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Opens a connection that sends at once what is written to it.
pub(crate) async fn open(url: &Url, within: Duration) -> Result<Transport, Error> {
    let config = url.is_secure().then(https::config).transpose()?;
    let connecting = async {
        let socket = TcpStream::connect((url.host(), url.port())).await?;
        socket.set_nodelay(true)?;
        match config {
            Some(config) => https::secure(socket, url, config).await,
            None => Ok(socket.into()),
        }
    };
    let connected = timeout(within, connecting).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    connected.map_err(Error::Connect)
}

/// The answers on one connection: [`fill`](Self::fill) it from the socket, then
/// [`decode`](Self::decode) until there is nothing more.
#[derive(Debug)]
pub(crate) struct Answers {
    responses: Responses<Box<[u8]>>,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Answers {
    const HEAD: usize = 16 << 10;
    const READ: usize = 64 << 10;

    pub(crate) fn new() -> Self {
        Self {
            responses: Responses::new(vec![0; Self::HEAD].into()),
            buffer: vec![0; Self::READ].into(),
            start: 0,
            end: 0,
        }
    }

    /// Reads once; 0 means that the other side has ended the connection. What was read before has
    /// to be decoded by then. Nothing is lost when this is cancelled.
    pub(crate) async fn fill(&mut self, socket: &mut (impl AsyncRead + Unpin)) -> io::Result<usize> {
        let read = socket.read(&mut self.buffer).await?;
        (self.start, self.end) = (0, read);
        Ok(read)
    }

    /// The next event in what was read.
    pub(crate) fn decode(&mut self, to_head: bool) -> Result<Option<Event<'_>>, Error> {
        let mut input = self.buffer.get(self.start..self.end).unwrap_or_default();
        let event = self.responses.decode(&mut input, to_head)?;
        self.start = self.end - input.len();
        Ok(event)
    }

    /// What the end of the connection means.
    pub(crate) fn finish(&mut self) -> Result<Closed, Error> {
        Ok(self.responses.finish()?)
    }
}
