//! The same request on several connections, counted and timed.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, timeout_at};

use super::pipe::{Answer, Pipe};
use crate::client::{Error, Url, write};
use crate::commands::at::refusal;
use crate::terminal::exit::Failure;

/// What to send, and how often.
pub(super) struct Load {
    pub(super) url: Url,
    pub(super) body: Option<Vec<u8>>,
    pub(super) requests: u64,
    pub(super) connections: u64,
    pub(super) window: u64,
    pub(super) seconds: Duration,
    /// Messages in an answer of status 200, whose body has so many bytes.
    pub(super) messages: fn(&Load, u64) -> u64,
    /// What [`messages`](Self::messages) needs to know.
    pub(super) size: u64,
    pub(super) batch: u64,
}

/// What has come of it.
#[derive(Debug)]
pub(super) struct Tally {
    left: u64,
    pub(super) messages: u64,
    pub(super) refused: u64,
    /// The status of the latest one that was refused.
    refused_with: Option<u16>,
    pub(super) latencies: Vec<Duration>,
    /// When each request was sent; only one connection sends them in this order.
    pub(super) sent_at: Vec<Instant>,
    pub(super) began: Instant,
    pub(super) ended: Instant,
}

/// Connections that are open, and have not been used.
pub(super) struct Ready {
    load: Arc<Load>,
    request: Arc<[u8]>,
    pipes: Vec<Pipe>,
    pub(super) tally: Arc<Mutex<Tally>>,
}

/// How long answers may take that are still due when the time is over.
pub(super) const GRACE: Duration = Duration::from_secs(5);

impl Load {
    /// The same with one more parameter.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.url = self.url.and(name, Some(value));
        self
    }

    /// Opens the connections.
    pub(super) async fn prepare(self) -> Result<Ready, Failure> {
        let mut request = Vec::new();
        let method = if self.body.is_some() { "POST" } else { "GET" };
        write(&mut request, method, &self.url, &[], self.body.as_deref())
            .ok_or_else(|| Failure::of(&self.url, &Error::Invalid))?;
        let mut pipes = Vec::new();
        for _ in 0..self.connections {
            pipes.push(Pipe::open(&self.url).await.map_err(|error| Failure::of(&self.url, &error))?);
        }
        let tally = Tally::of(self.requests);
        Ok(Ready { load: Arc::new(self), request: request.into(), pipes, tally: Arc::new(Mutex::new(tally)) })
    }
}

impl Ready {
    /// Sends everything, or what there is time for.
    pub(super) async fn run(self) -> Result<Arc<Mutex<Tally>>, Failure> {
        let Self { load, request, pipes, tally } = self;
        let began = Instant::now();
        {
            let mut tally = tally.lock();
            (tally.began, tally.ended) = (began, began);
        }
        let until = began + load.seconds;
        let mut tasks = JoinSet::new();
        for mut pipe in pipes {
            let (load, request, tally) = (Arc::clone(&load), Arc::clone(&request), Arc::clone(&tally));
            tasks.spawn(async move {
                let next = |out: &mut Vec<u8>, now: Instant| {
                    let mut tally = tally.lock();
                    let more = now < until && tally.take_one();
                    if more {
                        tally.sent_at.push(now);
                        out.extend_from_slice(&request);
                    }
                    more
                };
                pipe.run(load.window as usize, next, |answer| tally.lock().count(&load, answer)).await
            });
        }
        let mut failed = None;
        // What is not done by then is not counted.
        let _ = timeout_at(until + GRACE, async {
            while let Some(done) = tasks.join_next().await {
                if let Ok(Err(error)) = done {
                    failed = Some(error);
                }
            }
        })
        .await;
        let Some(error) = failed else { return Ok(tally) };
        // Who refuses ends the connection: that it has ended says nothing where nothing else was answered.
        let refused_with = {
            let tally = tally.lock();
            tally.refused_with.filter(|_| tally.messages == 0)
        };
        Err(match refused_with {
            Some(status) => refusal(&load.url, status).await,
            None => Failure::of(&load.url, &error),
        })
    }
}

impl Default for Tally {
    fn default() -> Self {
        let now = Instant::now();
        let (latencies, sent_at) = (Vec::new(), Vec::new());
        Self { left: 0, messages: 0, refused: 0, refused_with: None, latencies, sent_at, began: now, ended: now }
    }
}

impl Tally {
    /// Nothing yet of so many.
    pub(super) fn of(requests: u64) -> Self {
        Self { left: requests, ..Self::default() }
    }

    /// Whether there is one more to be sent, which is then counted.
    pub(super) const fn take_one(&mut self) -> bool {
        let more = self.left > 0;
        self.left -= more as u64;
        more
    }

    fn count(&mut self, load: &Load, answer: &Answer) {
        if answer.status == 200 {
            self.messages += (load.messages)(load, answer.body);
        } else {
            self.refused += 1;
            self.refused_with = Some(answer.status);
        }
        self.time(answer);
    }

    pub(super) fn time(&mut self, answer: &Answer) {
        self.latencies.push(answer.came_at - answer.sent_at);
        self.ended = answer.came_at;
    }
}
