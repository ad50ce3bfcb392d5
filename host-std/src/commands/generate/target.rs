//! Where generated messages go.

use core::time::Duration;
use std::io::{self, Write as _};

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::client::{Backoff, Connection, Error, Limits, Url};
use crate::terminal::progress::beside;

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
    url: Url,
    /// It has taken something.
    is_known: bool,
    /// Messages that were sent again although they may have arrived.
    repeated: u64,
}

impl Target {
    pub(super) fn pubsub(url: &Url) -> Self {
        Self::server(url.join("/pub"))
    }

    pub(super) fn queue(url: &Url) -> Self {
        Self::server(url.join("/mput"))
    }

    fn server(url: Url) -> Self {
        let connection = Connection::new(Limits::default());
        Self::Server(Box::new(Server { connection, url, is_known: false, repeated: 0 }))
    }

    /// Sends lines. False if nobody wants any more.
    pub(super) async fn send(&mut self, lines: &[u8], stop: &mut watch::Receiver<bool>) -> Result<bool, String> {
        match self {
            Self::Stdout => {
                let mut out = io::stdout().lock();
                match out.write_all(lines).and_then(|()| out.flush()) {
                    Ok(()) => Ok(true),
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
                    Err(error) => Err(format!("stdout: {error}")),
                }
            }
            Self::Server(server) => server.send(lines.strip_suffix(b"\n").unwrap_or(lines), stop).await.map(|()| true),
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
    async fn send(&mut self, lines: &[u8], stop: &mut watch::Receiver<bool>) -> Result<(), String> {
        let url = &self.url;
        let (mut lost, mut backoff) = (None, Backoff::default());
        loop {
            let error = match self.connection.call("POST", url, Some(lines)).await {
                Ok(answer) if answer.status().is_success() => {
                    if lost.is_some() {
                        beside(|| eprintln!("generate: {url}: reached again"));
                    }
                    self.is_known = true;
                    return Ok(());
                }
                Ok(answer) => {
                    let text = String::from_utf8_lossy(answer.body());
                    return Err(format!("{url} answered {}: {}", answer.status(), text.trim_end()));
                }
                Err(error) => error,
            };
            if !self.is_known || lost.is_some_and(|lost: Instant| lost.elapsed() >= PATIENCE) || *stop.borrow() {
                return Err(format!("{url}: {error}"));
            }
            if !matches!(error, Error::Connect(_)) {
                let messages = lines.split(|byte| *byte == b'\n').count();
                self.repeated = self.repeated.saturating_add(u64::try_from(messages).unwrap_or(u64::MAX));
            }
            if lost.is_none() {
                beside(|| eprintln!("generate: {url}: {error}; trying again for up to {} s", PATIENCE.as_secs()));
                lost = Some(Instant::now());
            }
            tokio::select! {
                () = sleep(backoff.next()) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
    }
}
