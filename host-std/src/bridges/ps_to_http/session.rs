use super::destination::Destination;
use super::ledger::Outcome;
use super::probe;
use super::shared::Shared;
use crate::client::{Answers, Error, Limits, open, retry_after};
use core::pin::pin;
use core::time::Duration;
use streamgauge_core::wire::http::{Event, ResponseHead};
use tokio::io::{AsyncWriteExt, split};
use tokio::time::{Instant, sleep_until};

/// One connection to a destination, from its opening to its end.
pub(super) struct Session<'a> {
    pub(super) shared: &'a Shared,
    pub(super) lane: usize,
    pub(super) destination: &'a Destination,
    pub(super) limits: Limits,
    /// Requests in flight, if the destination can take several.
    pub(super) depth: usize,
    /// So many messages go one at a time before that.
    pub(super) careful: u64,
    /// Answers that have settled a message.
    pub(super) settled: u64,
}

/// How a session ended.
#[derive(Debug)]
pub(super) enum End {
    /// With the connection; there was nothing in flight, or it was said that this answer is the last.
    Closed,
    /// With something in flight.
    Lost(Error),
    /// The destination asks to be left alone for a while.
    NotNow(u16, Option<Duration>),
}

/// What the head of an answer says.
struct Verdict {
    status: u16,
    keep_alive: bool,
    wait: Option<Duration>,
}

impl Session<'_> {
    /// Requests waiting to be written at any time, in bytes; a single one may be longer.
    const WRITE: usize = 64 << 10;

    pub(super) async fn run(&mut self) -> End {
        match self.exchange().await {
            Ok(end) => end,
            Err(error) => End::Lost(error),
        }
    }

    async fn exchange(&mut self) -> Result<End, Error> {
        let mut stream = open(self.destination.url(), self.limits.connect).await?;
        self.shared.set_up(self.lane, true);
        let (mut reader, mut writer) = split(&mut stream);
        let mut probe = pin!(probe::pipelines(self.destination, self.limits));
        let mut undecided = self.depth > 1;
        let mut allowed = 1;
        let mut answers = Answers::new();
        let mut verdict = None;
        let (mut out, mut written) = (Vec::new(), 0);
        let mut in_flight = 0;
        let mut deadline = Instant::now();
        loop {
            let depth = if self.settled < self.careful { 1 } else { allowed };
            while Self::has_room(in_flight, depth, out.len() - written) {
                if !self.shared.take(self.lane, |message| self.destination.write(message, &mut out)) {
                    break;
                }
                if in_flight == 0 {
                    deadline = Instant::now() + self.limits.read;
                }
                in_flight += 1;
            }
            tokio::select! {
                read = answers.fill(&mut reader) => {
                    deadline = Instant::now() + self.limits.read;
                    if read.map_err(Error::io)? == 0 {
                        let _ = answers.finish()?;
                        // A body that ends with the connection is an answer too.
                        if let (Some(verdict), true) = (verdict.take(), in_flight > 0) {
                            return Ok(self.judge(&verdict).unwrap_or(End::Closed));
                        }
                        return if in_flight == 0 { Ok(End::Closed) } else { Err(Error::Closed) };
                    }
                    while let Some(event) = answers.decode(false)? {
                        match event {
                            Event::Head(_) if in_flight == 0 => return Err(Error::Encoding("an answer to no request")),
                            Event::Head(head) => verdict = Some(Verdict::of(&head)),
                            Event::Body(_) => {}
                            Event::Complete => {
                                let Some(verdict) = verdict.take() else { continue };
                                in_flight -= 1;
                                if let Some(end) = self.judge(&verdict) {
                                    return Ok(end);
                                }
                            }
                        }
                    }
                }
                wrote = writer.write(out.get(written..).unwrap_or_default()), if written < out.len() => {
                    let wrote = wrote.map_err(Error::io)?;
                    written += wrote;
                    if wrote < out.len() {
                        // It is on its way: what is long takes its time.
                        deadline = Instant::now() + self.limits.read;
                    }
                    if written == out.len() {
                        written = 0;
                        out.clear();
                        out.shrink_to(2 * Self::WRITE);
                    }
                }
                () = self.shared.work(self.lane), if Self::has_room(in_flight, depth, out.len() - written) => {}
                pipelines = &mut probe, if undecided => {
                    undecided = false;
                    allowed = if pipelines { self.depth } else { 1 };
                    tracing::debug!(destination = %self.destination.url(), in_flight = allowed, "probed");
                }
                () = sleep_until(deadline), if in_flight > 0 => return Err(Error::TimedOut),
            }
        }
    }

    /// Whether one more request may be sent.
    const fn has_room(in_flight: usize, depth: usize, unwritten: usize) -> bool {
        in_flight < depth && unwritten < Self::WRITE
    }

    /// Settles the oldest message in flight, unless the answer says to try it again; returns how
    /// the session ends, if it does.
    fn judge(&mut self, verdict: &Verdict) -> Option<End> {
        let outcome = match verdict.status {
            408 | 429 | 500.. => return Some(End::NotNow(verdict.status, verdict.wait)),
            200..300 => Outcome::Delivered,
            status => {
                tracing::warn!(destination = %self.destination.url(), status, "a message is refused");
                Outcome::Refused
            }
        };
        self.shared.settle(self.lane, outcome);
        self.settled += 1;
        (!verdict.keep_alive).then_some(End::Closed)
    }
}

impl Verdict {
    fn of(head: &ResponseHead<'_>) -> Self {
        let wait = head.field("retry-after").and_then(retry_after);
        Self { status: head.status, keep_alive: head.keep_alive, wait }
    }
}
