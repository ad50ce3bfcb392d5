//! `streamgauge ack`, `nack` and `touch`: what becomes of items that are lent.

use clap::Args;

use super::EXIT_CODES;
use super::at::{Expected, QueueAt, explain};
use crate::client::leases::{JSON, Settle, Settled};
use crate::client::{Connection, Limits};
use crate::terminal::exit::{Failure, accepted};
use crate::terminal::input::Lines;
use crate::terminal::json;
use crate::terminal::output;
use crate::terminal::signals::Stop;

/// Acknowledge items on lease: they were dealt with, and leave the queue
///
/// Leases that are over already are said on stderr: their items have gone back on the queue.
#[derive(Debug, Args)]
#[command(after_long_help = EXIT_CODES)]
pub struct Ack {
    #[command(flatten)]
    of: Tokens,
}

/// Give items on lease back to their queue
///
/// What was lent as often as the queue's max_attempts goes to the dead letters.
#[derive(Debug, Args)]
#[command(after_long_help = EXIT_CODES)]
pub struct Nack {
    /// Nobody can get them before: a number of seconds, or such as 500ms, 5m or 1h
    #[arg(long, value_name = "TIME")]
    delay: Option<String>,
    /// Why: kept with the item if it is dead by now, as peek tells
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    of: Tokens,
}

/// Let leases last longer, from now on
#[derive(Debug, Args)]
#[command(after_long_help = EXIT_CODES)]
pub struct Touch {
    /// So long: a number of seconds, or such as 500ms, 5m or 1h [default: as long as the queue has it]
    #[arg(long, value_name = "TIME")]
    seconds: Option<String>,
    #[command(flatten)]
    of: Tokens,
}

/// The leases that are meant.
#[derive(Debug, Args)]
struct Tokens {
    #[command(flatten)]
    at: QueueAt,
    /// Print {"acked": N, "over": ["TOKEN", …]}, or nacked, or touched; "more": how many were over beyond those that are named
    #[arg(long)]
    json: bool,
    /// Tokens of leases; without any, each line of stdin is one
    #[arg(value_name = "TOKEN")]
    tokens: Vec<String>,
}

pub(super) async fn ack(options: Ack, stop: Stop) -> Result<(), Failure> {
    options.of.settle("acked", &Settle::Ack, stop).await
}

pub(super) async fn nack(options: Nack, stop: Stop) -> Result<(), Failure> {
    let how = Settle::Nack(options.delay.as_deref(), options.reason.as_deref());
    options.of.settle("nacked", &how, stop).await
}

pub(super) async fn touch(options: Touch, stop: Stop) -> Result<(), Failure> {
    options.of.settle("touched", &Settle::Touch(options.seconds.as_deref()), stop).await
}

impl Tokens {
    async fn settle(&self, verb: &str, how: &Settle<'_>, stop: Stop) -> Result<(), Failure> {
        let mut settled = Settled::default();
        let end = self.settle_all(how, stop, &mut settled).await;
        let Settled { done, over, more } = &settled;
        if *done == 0 && over.is_empty() && end.as_ref().is_err_and(Failure::is_said) {
            return end;
        }
        if self.json {
            let over: Vec<_> = over.iter().map(|token| json::string(token)).collect();
            let more = if *more > 0 { format!(", \"more\": {more}") } else { String::new() };
            output::line(&format!("{{\"{verb}\": {done}, \"over\": [{}]{more}}}", over.join(", ")))?;
        } else {
            output::line(&format!("{verb} {done}"))?;
        }
        end?;
        let all = over.len() as u64 + more;
        match (over.first(), all) {
            (_, 0) => Ok(()),
            (Some(token), 1) => Err(Failure::Refused(format!("the lease {token} is over"))),
            (Some(token), 2) => Err(Failure::Refused(format!("the lease {token} and another one are over"))),
            (Some(token), _) => Err(Failure::Refused(format!("the lease {token} and {} others are over", all - 1))),
            (None, _) => Err(Failure::Refused(format!("{all} leases are over"))),
        }
    }

    async fn settle_all(&self, how: &Settle<'_>, mut stop: Stop, settled: &mut Settled) -> Result<(), Failure> {
        let mut connection = Connection::new(Limits::default());
        if !self.tokens.is_empty() {
            return self.send(&mut connection, how, self.tokens.join("\n").as_bytes(), settled).await;
        }
        let mut lines = Lines::new(tokio::io::stdin());
        loop {
            let batch = tokio::select! {
                biased;
                () = stop.asked() => return Err(Failure::Interrupted),
                batch = lines.next() => batch?,
            };
            let Some(batch) = batch else { return Ok(()) };
            if !batch.trim_ascii().is_empty() {
                self.send(&mut connection, how, batch, settled).await?;
            }
        }
    }

    async fn send(
        &self,
        connection: &mut Connection,
        how: &Settle<'_>,
        tokens: &[u8],
        settled: &mut Settled,
    ) -> Result<(), Failure> {
        let url = how.address(&self.at.leases());
        let answer = connection.call_with("POST", &url, &[JSON], Some(tokens)).await;
        let answer = answer.map_err(|error| Failure::of(&url, &error))?;
        // All were over: that is an answer too.
        if let Some(more) = Settled::parse(answer.body()) {
            settled.done += more.done;
            settled.over.extend(more.over);
            settled.more += more.more;
            return Ok(());
        }
        let failure = match accepted(&url, answer) {
            Err(failure) => failure,
            Ok(_) => Failure::Refused(format!("{url}: its answer says nothing of leases")),
        };
        Err(explain(failure, &self.at.url, Expected::Queue, "the address of a queue").await)
    }
}
