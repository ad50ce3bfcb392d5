use std::io;

use streamgauge_core::wire::http::{Closed, Event, Responses};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::Error;

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

    /// Whether more was read than what is decoded.
    pub(crate) const fn is_ahead(&self) -> bool {
        self.start < self.end
    }

    /// What the end of the connection means.
    pub(crate) fn finish(&mut self) -> Result<Closed, Error> {
        Ok(self.responses.finish()?)
    }
}
