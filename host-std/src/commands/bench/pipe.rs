//! Requests on one connection, so many in flight.

use std::collections::VecDeque;

use streamgauge_core::queue::leases;
use streamgauge_core::wire::http::{Event, Responses};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use crate::client::{Error, Limits, Url, open};
use crate::transport::Transport;

/// A connection whose answers are only counted and timed.
#[derive(Debug)]
pub(super) struct Pipe {
    stream: Transport,
    responses: Responses<Box<[u8]>>,
    buffer: Box<[u8]>,
    requests: Vec<u8>,
    sent_at: VecDeque<Instant>,
}

/// A token as it is written.
pub(super) type Token = [u8; leases::Token::LEN];

/// What an answer comes to.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: u64,
    /// The token of the item in it, if that was lent.
    pub(super) lease: Option<Token>,
    pub(super) sent_at: Instant,
    pub(super) came_at: Instant,
}

impl Pipe {
    pub(super) async fn open(url: &Url) -> Result<Self, Error> {
        Ok(Self {
            stream: open(url, Limits::default().connect).await?,
            responses: Responses::new(vec![0; 16 << 10].into()),
            buffer: vec![0; 64 << 10].into(),
            requests: Vec::new(),
            sent_at: VecDeque::new(),
        })
    }

    /// Keeps `window` requests in flight until `next` appends no more when all answers are there. It is asked again
    /// after each answer.
    pub(super) async fn run(
        &mut self,
        window: usize,
        mut next: impl FnMut(&mut Vec<u8>, Instant) -> bool,
        mut done: impl FnMut(&Answer),
    ) -> Result<(), Error> {
        let (mut status, mut body, mut lease) = (0, 0, None);
        loop {
            let now = Instant::now();
            while self.sent_at.len() < window && self.requests.len() < MOST_UNSENT && next(&mut self.requests, now) {
                self.sent_at.push_back(now);
            }
            if self.sent_at.is_empty() {
                return Ok(());
            }
            // Either requests or answers are short, so neither side ever waits for the other to read.
            self.stream.write_all(&self.requests).await.map_err(Error::io)?;
            self.stream.flush().await.map_err(Error::io)?;
            self.requests.clear();
            let read = self.stream.read(&mut self.buffer).await.map_err(Error::io)?;
            let came_at = Instant::now();
            let mut input = self.buffer.get(..read).filter(|input| !input.is_empty()).ok_or(Error::Closed)?;
            while let Some(event) = self.responses.decode(&mut input, false)? {
                match event {
                    Event::Head(head) => {
                        (status, body) = (head.status, 0);
                        lease = head.field("X-Lease").and_then(|token| token.try_into().ok());
                    }
                    Event::Body(bytes) => body += bytes.len() as u64,
                    Event::Complete => {
                        let sent_at = self.sent_at.pop_front().ok_or(Error::Closed)?;
                        done(&Answer { status, body, lease, sent_at, came_at });
                    }
                }
            }
        }
    }
}

/// Bytes of requests that are written at once.
const MOST_UNSENT: usize = 256 << 10;
