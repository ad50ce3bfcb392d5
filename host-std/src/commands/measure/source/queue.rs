//! The items of a queue.

use core::time::Duration;

use http::Response;
use http::header::RETRY_AFTER;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::{Block, MAX_RECORD, RECORD_SEPARATOR};
use crate::client::{Backoff, Connection, Error, Limits, Url, retry_after};
use crate::commands::at::{Expected, explain};
use crate::terminal::exit::{Failure, accepted};

/// Items asked for at a time. What is asked for is off the queue: this is the most that a crash can lose here.
const ITEMS: u64 = 1000;

/// As many are asked for at first, as nobody knows yet how long they are; and as have so many bytes, about, later on.
const FIRST: u64 = 16;
const BYTES: usize = 8 << 20;

/// How long the end waits for what was asked for.
const LAST: Duration = Duration::from_secs(2);

/// A queue that is taken from.
#[derive(Debug)]
pub(crate) struct Queue {
    url: Url,
    drain: bool,
    /// It has been there once, or may come later.
    trusted: bool,
    connection: Option<Connection>,
    /// Items that are asked for next.
    items: u64,
    /// What was asked for is off the queue, so a call is a task of its own, which nobody gives up half-way.
    call: Option<JoinHandle<Call>>,
    empty: Backoff,
    lost: Backoff,
}

type Call = (Connection, Result<Response<Vec<u8>>, Error>);

/// What came of a call.
enum Came {
    Items(Block),
    /// The queue is empty.
    Nothing,
    /// The queue can't be had now: for so long, if it has said that.
    Later(Duration),
}

impl Queue {
    /// With `drain` the end of the queue is the end of the source; with `retry` one that can't be reached may come later.
    pub(super) fn new(url: &Url, drain: bool, retry: bool) -> Self {
        Self {
            url: url.root().join("/mget").and("queue", url.parameter("queue")),
            drain,
            trusted: retry,
            connection: None,
            items: FIRST,
            call: None,
            empty: Backoff::new(Duration::from_millis(5), Duration::from_millis(200)),
            lost: Backoff::default(),
        }
    }

    pub(super) async fn next(&mut self, most: u64) -> Result<Option<Block>, Failure> {
        loop {
            if self.call.is_none() {
                self.call = Some(self.ask(self.items.min(most).max(1)));
            }
            let wait = match self.answer().await? {
                Came::Items(block) => return Ok(Some(block)),
                Came::Nothing if self.drain => return Ok(None),
                Came::Nothing => self.empty.next(),
                Came::Later(wait) => self.lost.next().max(wait),
            };
            sleep(wait).await;
        }
    }

    /// What was asked for already when nobody wants more, if that comes soon.
    pub(super) async fn last(&mut self) -> Result<Option<Block>, Failure> {
        if self.call.is_none() {
            return Ok(None);
        }
        let Ok(answer) = timeout(LAST, self.answer()).await else {
            let line = format!("{}: no answer within {} s", self.url, LAST.as_secs());
            if !self.trusted {
                return Err(Failure::Unreachable(line));
            }
            tracing::warn!("{line}; if items are on their way, they are lost");
            return Ok(None);
        };
        Ok(match answer? {
            Came::Items(block) => Some(block),
            Came::Nothing | Came::Later(_) => None,
        })
    }

    fn ask(&mut self, items: u64) -> JoinHandle<Call> {
        let separator = format!("%{RECORD_SEPARATOR:02X}");
        let url = self.url.with_query("separator", separator).with_query("items", items);
        let mut connection = self.connection.take().unwrap_or_else(|| Connection::new(Limits::default()));
        // What was taken must not be refused because it is long.
        connection.expect_at_most(MAX_RECORD.saturating_mul(items as usize));
        tokio::spawn(async move {
            let answer = connection.call("GET", &url, None).await;
            (connection, answer)
        })
    }

    /// What comes of the call that is on its way.
    async fn answer(&mut self) -> Result<Came, Failure> {
        let Some(call) = &mut self.call else { return Ok(Came::Nothing) };
        let answer = call.await;
        self.call = None;
        let Ok((connection, answer)) = answer else { return Ok(Came::Later(Duration::ZERO)) };
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if !self.trusted || matches!(error, Error::Setup(_)) => {
                return Err(Failure::of(&self.url, &error));
            }
            Err(error) => {
                let source = &self.url;
                tracing::warn!(%source, %error, "queue lost; if it had sent items, they are lost with it");
                return Ok(Came::Later(Duration::ZERO));
            }
        };
        self.connection = Some(connection);
        let passes = self.trusted && !Error::Status(answer.status().as_u16()).is_final();
        let wait = answer.headers().get(RETRY_AFTER).and_then(|wait| retry_after(wait.as_bytes()));
        let mut bytes = match accepted(&self.url, answer) {
            Ok(bytes) => bytes,
            Err(failure) if passes => {
                tracing::warn!(source = %self.url, error = failure.text(), ?wait, "queue refuses for now");
                return Ok(Came::Later(wait.unwrap_or_default()));
            }
            Err(failure) => {
                let root = self.url.root();
                let topic = format!("--source {}", root.join("/sub"));
                return Err(explain(failure, &root, Expected::Queue, &topic).await);
            }
        };
        self.lost.reset();
        self.trusted = true;
        if bytes.is_empty() {
            return Ok(Came::Nothing);
        }
        self.empty.reset();
        if bytes.len() > BYTES {
            self.items = (self.items / 2).max(1);
        } else if bytes.len() <= BYTES / 2 {
            self.items = (self.items * 2).min(ITEMS);
        }
        if bytes.last() != Some(&RECORD_SEPARATOR) {
            bytes.push(RECORD_SEPARATOR);
        }
        Ok(Came::Items(Block { bytes, separator: RECORD_SEPARATOR }))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    /// A server that gives one answer after another, whatever it is asked.
    fn answering(answers: &'static [&'static str]) -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/get", listener.local_addr().unwrap()).parse().unwrap();
        std::thread::spawn(move || {
            let mut answers = answers.iter();
            while let Ok((mut client, _)) = listener.accept() {
                let mut request = Vec::new();
                let mut byte = [0];
                while client.read_exact(&mut byte).is_ok() {
                    request.push(byte[0]);
                    if request.ends_with(b"\r\n\r\n") {
                        request.clear();
                        let Some(answer) = answers.next() else { return };
                        client.write_all(answer.as_bytes()).unwrap();
                    }
                }
            }
        });
        url
    }

    const ITEM: &str = "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx";
    const EMPTY: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    const BUSY: &str = "HTTP/1.1 503 Busy\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n";
    const MANY: &str = "HTTP/1.1 429 Slower\r\ncontent-length: 0\r\n\r\n";
    const GONE: &str = "HTTP/1.1 403 No\r\ncontent-length: 9\r\n\r\nnot here\n";

    #[tokio::test]
    async fn a_queue_that_refuses_for_now_is_asked_again() {
        let mut queue = Queue::new(&answering(&[ITEM, BUSY, MANY, ITEM, EMPTY]), true, false);
        assert_eq!(queue.next(9).await.unwrap().unwrap().bytes, [b'x', RECORD_SEPARATOR]);
        let began = std::time::Instant::now();
        assert_eq!(queue.next(9).await.unwrap().unwrap().bytes, [b'x', RECORD_SEPARATOR]);
        assert!(began.elapsed() >= Duration::from_secs(1), "it asked for that long: {:?}", began.elapsed());
        assert!(queue.next(9).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn what_refuses_for_good_is_the_end() {
        let mut queue = Queue::new(&answering(&[ITEM, GONE, EMPTY]), true, false);
        assert!(queue.next(9).await.unwrap().is_some());
        assert!(matches!(queue.next(9).await, Err(Failure::Refused(line)) if line.contains("answered 403: not here")));
        // Nobody has seen that it is a queue.
        assert!(Queue::new(&answering(&[BUSY, ITEM]), true, false).next(9).await.is_err());
    }
}
