//! Where generated messages go.

use core::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::client::{Backoff, Connection, Error, Limits, Url};
use crate::commands::at::{Expected, explain};
use crate::terminal::exit::{Failure, accepted};
use crate::terminal::progress::beside;
use crate::terminal::{output, say};

/// How long a server that was there may be away.
const PATIENCE: Duration = Duration::from_secs(60);

/// One of the places.
#[derive(Debug)]
pub(super) enum Target {
    Stdout,
    Server(Box<Server>),
}

/// A pubsub or a queue.
#[derive(Debug)]
pub(super) struct Server {
    connection: Connection,
    expected: Expected,
    /// As it was given.
    root: Url,
    /// Where messages go.
    url: Url,
    /// It has taken something.
    is_known: bool,
    /// Messages that were sent again although they may have arrived.
    repeated: u64,
}

impl Target {
    pub(super) fn pubsub(url: &Url) -> Self {
        Self::server(Expected::Pubsub, url, "/pub")
    }

    pub(super) fn queue(url: &Url) -> Self {
        Self::server(Expected::Queue, url, "/mput")
    }

    fn server(expected: Expected, root: &Url, verb: &str) -> Self {
        let connection = Connection::new(Limits::default());
        let (root, url) = (root.clone(), root.behind(verb));
        Self::Server(Box::new(Server { connection, expected, root, url, is_known: false, repeated: 0 }))
    }

    /// Sends lines.
    pub(super) async fn send(&mut self, lines: &[u8], stop: &mut watch::Receiver<bool>) -> Result<(), Failure> {
        match self {
            Self::Stdout => output::write(lines),
            Self::Server(server) => server.send(lines.strip_suffix(b"\n").unwrap_or(lines), stop).await,
        }
    }

    /// What whoever counts the messages has to know.
    pub(super) fn note(&self) -> Option<String> {
        match self {
            Self::Server(server) if server.repeated > 0 => Some(format!(
                "{}: {} messages were sent again, and may be there twice: their answer was lost",
                server.url, server.repeated
            )),
            _ => None,
        }
    }
}

impl Server {
    /// Sends lines, and again if a server that was there before goes away and comes back in time.
    async fn send(&mut self, lines: &[u8], stop: &mut watch::Receiver<bool>) -> Result<(), Failure> {
        let url = &self.url;
        let (mut lost, mut backoff) = (None, Backoff::default());
        loop {
            let error = match self.connection.call("POST", url, Some(lines)).await {
                Ok(answer) => {
                    if let Err(failure) = accepted(url, answer) {
                        return Err(self.explain(failure).await);
                    }
                    if lost.is_some() {
                        beside(|| say(format_args!("generate: {url}: reached again")));
                    }
                    self.is_known = true;
                    return Ok(());
                }
                Err(error) => error,
            };
            if !self.is_known || lost.is_some_and(|lost: Instant| lost.elapsed() >= PATIENCE) || *stop.borrow() {
                return Err(Failure::of(url, &error));
            }
            if !matches!(error, Error::Connect(_)) {
                let messages = lines.split(|byte| *byte == b'\n').count();
                self.repeated = self.repeated.saturating_add(u64::try_from(messages).unwrap_or(u64::MAX));
            }
            if lost.is_none() {
                beside(|| {
                    say(format_args!("generate: {url}: {error}; trying again for up to {} s", PATIENCE.as_secs()))
                });
                lost = Some(Instant::now());
            }
            tokio::select! {
                () = sleep(backoff.next()) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
    }

    /// Names the flag of a server that does not know the path: it may be another kind of server, or none.
    async fn explain(&self, failure: Failure) -> Failure {
        let (flag, other, what) = match self.expected {
            Expected::Pubsub => ("--pubsub", "--queue", "pubsub"),
            Expected::Queue => ("--queue", "--pubsub", "queue"),
        };
        match explain(failure, &self.root, self.expected, &format!("{other} {}", self.root)).await {
            Failure::NotThere(text) => Failure::NotThere(format!("{text}; there is no {what} at {flag} {}", self.root)),
            failure => failure,
        }
    }
}
