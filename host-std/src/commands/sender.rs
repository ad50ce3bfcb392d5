//! Batches of lines to a server, counted.

use http::{Response, StatusCode};
use tokio::io::AsyncRead;

use crate::client::{Connection, Error, Limits, Url};
use crate::terminal::exit::{Failure, accepted};
use crate::terminal::input::Lines;
use crate::terminal::output;
use crate::terminal::signals::Stop;

/// Sends messages or items, and counts those that the server has taken.
#[derive(Debug)]
pub(crate) struct Sender {
    connection: Connection,
    accepted: u64,
}

impl Sender {
    pub(crate) fn new() -> Self {
        Self { connection: Connection::new(Limits::default()), accepted: 0 }
    }

    /// Sends lines as they come, up to their end or to a signal; what has been read is sent.
    pub(crate) async fn send_all<R: AsyncRead + Unpin>(
        &mut self,
        url: &Url,
        mut lines: Lines<R>,
        mut stop: Stop,
    ) -> Result<(), Failure> {
        loop {
            let batch = tokio::select! {
                biased;
                () = stop.asked() => return Err(Failure::Interrupted),
                batch = lines.next() => batch?,
            };
            let Some(batch) = batch else { return Ok(()) };
            self.send_lines(url, batch).await?;
        }
    }

    /// Sends `body`, which counts as `count`.
    pub(crate) async fn send(&mut self, url: &Url, body: &[u8], count: u64) -> Result<(), Failure> {
        let answer = self.post(url, body, count).await?;
        accepted(url, answer)?;
        self.accepted += count;
        Ok(())
    }

    /// Sends all the lines of `batch`; empty ones are neither messages nor items. Where the server refuses the whole
    /// as too large, they are sent one by one, up to the one that it means.
    pub(crate) async fn send_lines(&mut self, url: &Url, batch: &[u8]) -> Result<(), Failure> {
        let lines = || batch.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let count = lines().count() as u64;
        if count == 0 {
            return Ok(());
        }
        let answer = self.post(url, batch, count).await?;
        if answer.status() == StatusCode::PAYLOAD_TOO_LARGE && count > 1 {
            for line in lines() {
                self.send(url, line, 1).await?;
            }
            return Ok(());
        }
        accepted(url, answer)?;
        self.accepted += count;
        Ok(())
    }

    /// Says how many the server has taken, whatever the `end` was, unless that has said why it was none.
    pub(crate) fn finish(self, taken: &str, json: bool, end: Result<(), Failure>) -> Result<(), Failure> {
        let Self { accepted, .. } = self;
        if accepted > 0 || !end.as_ref().is_err_and(Failure::is_said) {
            let line = if json { format!("{{\"{taken}\": {accepted}}}") } else { format!("{taken} {accepted}") };
            output::line(&line)?;
        }
        end
    }

    async fn post(&mut self, url: &Url, body: &[u8], count: u64) -> Result<Response<Vec<u8>>, Failure> {
        self.connection.call("POST", url, Some(body)).await.map_err(|error| match Failure::of(url, &error) {
            // Once a request is under way nobody can tell.
            Failure::Unreachable(text) if !matches!(error, Error::Connect(_)) => {
                Failure::Unreachable(format!("{text}; {count} more may have been accepted"))
            }
            failure => failure,
        })
    }
}
