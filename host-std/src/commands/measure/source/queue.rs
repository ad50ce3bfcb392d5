//! The items of a queue.

use core::time::Duration;

use http::Response;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::{Block, MAX_RECORD, RECORD_SEPARATOR};
use crate::client::{Backoff, Connection, Error, Limits, Url};
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
                Some(block) => return Ok(Some(block)),
                None if self.drain && self.connection.is_some() => return Ok(None),
                None if self.connection.is_some() => self.empty.next(),
                None => self.lost.next(),
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
        answer
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

    /// The items of the answer that is on its way; `None` if the queue is empty, or lost: then there is no connection.
    async fn answer(&mut self) -> Result<Option<Block>, Failure> {
        let Some(call) = &mut self.call else { return Ok(None) };
        let answer = call.await;
        self.call = None;
        let Ok((connection, answer)) = answer else { return Ok(None) };
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if !self.trusted || matches!(error, Error::Setup(_)) => {
                return Err(Failure::of(&self.url, &error));
            }
            Err(error) => {
                let source = &self.url;
                tracing::warn!(%source, %error, "queue lost; if it had sent items, they are lost with it");
                return Ok(None);
            }
        };
        self.lost.reset();
        self.connection = Some(connection);
        let mut bytes = match accepted(&self.url, answer) {
            Ok(bytes) => bytes,
            Err(failure) => {
                let root = self.url.root();
                let topic = format!("--source {}", root.join("/sub"));
                return Err(explain(failure, &root, Expected::Queue, &topic).await);
            }
        };
        self.trusted = true;
        if bytes.is_empty() {
            return Ok(None);
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
        Ok(Some(Block { bytes, separator: RECORD_SEPARATOR }))
    }
}
