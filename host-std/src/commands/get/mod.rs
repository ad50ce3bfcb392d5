//! `streamgauge get`: items from a queue.
//!
//! | module | idea |
//! | --- | --- |
//! | here | items that are gone from the queue once it has answered |
//! | `lent` | items that are gone once they are printed |

mod lent;

use core::time::Duration;

use clap::Args;
use tokio::time::{Instant, sleep};

use super::EXIT_CODES;
use super::at::{Expected, QueueAt, explain};
use super::sender::Sender;
use crate::client::{Backoff, Connection, Limits, Url};
use crate::terminal::exit::{Failure, accepted};
use crate::terminal::flags::seconds;
use crate::terminal::json;
use crate::terminal::output;
use crate::terminal::signals::Stop;

/// Take items from a queue, the oldest first, and print each on a line
///
/// Each is printed before the next is asked for. One that could not be printed goes back on the queue, at its end.
///
/// With --lease each item is only lent, and acknowledged when it has been written to stdout: whatever becomes of this
/// command or of the queue's answer, an item that was not written comes back. With --json too it is not acknowledged:
/// its token is printed beside it, for ack, nack and touch.
#[derive(Debug, Args)]
#[command(after_long_help = EXIT_CODES)]
pub struct Options {
    #[command(flatten)]
    at: QueueAt,
    /// Take up to so many
    #[arg(long, value_name = "N", default_value_t = 1)]
    items: u64,
    /// Take all that there are
    #[arg(long, conflicts_with = "items")]
    all: bool,
    /// When the queue is empty, wait for the next item: so many seconds each time, or for as long as it takes
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    wait: Option<Option<Duration>>,
    /// Only borrow each item, for so long [default: as long as the queue has it]; one that isn't acknowledged by then
    /// comes back
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    lease: Option<Option<Duration>>,
    /// Print {"data": "…"} for each, or {"hex": "…"} for what is no UTF-8
    #[arg(long)]
    json: bool,
    /// Print items as they are, without a newline behind each
    #[arg(long, conflicts_with = "json")]
    raw: bool,
}

pub(super) async fn run(options: Options, stop: Stop) -> Result<(), Failure> {
    let end = match options.lease {
        Some(lease) => lent::run(&options, lease, stop).await,
        None => take(&options, stop).await,
    };
    match end {
        Err(failure) => Err(explain(failure, &options.at.url, Expected::Queue, "sub").await),
        done => done,
    }
}

async fn take(options: &Options, mut stop: Stop) -> Result<(), Failure> {
    let url = options.at.verb("/get");
    let most = if options.all { u64::MAX } else { options.items };
    let mut connection = Connection::new(Limits::default());
    for taken in 0..most {
        match next(&mut connection, &url, options.wait, &mut stop).await? {
            Some(item) => print(options, &item).await?,
            None if stop.is_asked() => return options.interrupted(),
            None if taken == 0 => return Err(Failure::Nothing),
            None => break,
        }
    }
    Ok(())
}

/// The next item; `None` if there is none, or a signal came before it.
async fn next(
    connection: &mut Connection,
    url: &Url,
    wait: Option<Option<Duration>>,
    stop: &mut Stop,
) -> Result<Option<Vec<u8>>, Failure> {
    let until = wait.map(|wait| wait.and_then(|wait| Instant::now().checked_add(wait)));
    let mut backoff = Backoff::new(Duration::from_millis(20), Duration::from_millis(500));
    loop {
        // What is asked for is taken, so this is never given up half-way, and only when somebody reads.
        if stop.is_asked() {
            return Ok(None);
        }
        if output::is_closed() {
            return Err(Failure::NobodyReads);
        }
        let answer = connection.call("GET", url, None).await.map_err(|error| Failure::of(url, &error))?;
        let item = accepted(url, answer)?;
        if !item.is_empty() {
            return Ok(Some(item));
        }
        let now = Instant::now();
        let pause = match until {
            None => return Ok(None),
            Some(Some(until)) if until <= now => return Ok(None),
            Some(Some(until)) => backoff.next().min(until - now),
            Some(None) => backoff.next(),
        };
        tokio::select! {
            biased;
            () = stop.asked() => return Ok(None),
            () = output::closed() => return Err(Failure::NobodyReads),
            () = sleep(pause) => {}
        }
    }
}

async fn print(options: &Options, item: &[u8]) -> Result<(), Failure> {
    let printed = if options.json { output::line(&format!("{{{}}}", json::data(item))) } else { options.print(item) };
    if printed.is_err() {
        Sender::new().send(&options.at.verb("/put"), item, 1).await?;
    }
    printed
}

impl Options {
    /// How it ends at a signal: what has no end is all done then.
    fn interrupted(&self) -> Result<(), Failure> {
        if self.all && self.wait == Some(None) { Ok(()) } else { Err(Failure::Interrupted) }
    }

    /// Prints an item for people.
    fn print(&self, item: &[u8]) -> Result<(), Failure> {
        if self.raw { output::write(item) } else { output::write(&[item, b"\n"].concat()) }
    }
}
