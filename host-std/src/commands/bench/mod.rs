//! `streamgauge bench`: loads a running server, and measures it.
//!
//! | module | idea |
//! | --- | --- |
//! | `pipe` | requests on one connection, so many in flight |
//! | `load` | the same request on several connections, counted and timed |
//! | `queue` | `put`, `get`, `mput`, `mget` |
//! | `fanout` | subscribers, one publisher, and subscribers that are idle |
//! | `process` | CPU time and memory of the server, from `/proc` |
//! | `report` | a row of figures, as a table or as JSON |
//!
//! All of it runs on one thread. To see what a server can do, it gets a core and the load another one:
//! `taskset -c 0 streamgauge serve --no-bridge` and `taskset -c 1 streamgauge bench all --pid …`.

mod fanout;
mod load;
mod pipe;
mod process;
mod queue;
mod report;

use core::time::Duration;

use clap::{Args, ValueEnum};

use super::EXIT_CODES;
use crate::client::Url;
use crate::terminal::exit::Failure;
use crate::terminal::flags::seconds;
use crate::terminal::output;
use crate::terminal::signals::Stop;
use process::Process;
use report::Row;

/// Load a running server, and print how fast it is and what it costs
///
/// The server should be one that holds nothing of worth, and freshly started where its memory is to be measured: what
/// is on its queue may be taken, and subscribers get what is published. CPU time is the server's own, so it can be
/// compared on a busy machine too. Latency is that of a request, and for fanout that of a message from its publish to
/// the first subscriber.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = EXIT_CODES)]
pub struct Options {
    /// What to do
    #[arg(value_enum)]
    work: Work,
    /// Address of the pubsub
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pubsub: Url,
    /// Address of the queue
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8081")]
    queue: Url,
    /// Process of the server, for its CPU time and memory (may be repeated: then their sum)
    #[arg(long)]
    pid: Vec<u32>,
    /// Connections to the queue
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    connections: u64,
    /// Messages or items, at most [default: as many as take about a second]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    messages: Option<u64>,
    /// Bytes of a message
    #[arg(long, value_name = "BYTES", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    size: u64,
    /// Items in a request of mput and mget
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    batch: u64,
    /// Subscribers of fanout and idle
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    subscribers: u64,
    /// Requests in flight on each connection
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    window: u64,
    /// Send nothing more after so long; what was done until then is measured
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    seconds: Duration,
    /// Print a JSON object for each measurement
    #[arg(long)]
    json: bool,
}

/// What a server is loaded with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Work {
    /// Put items, one a request
    Put,
    /// Get items, one a request
    Get,
    /// Put items, a batch a request
    Mput,
    /// Get items, a batch a request
    Mget,
    /// Publish messages to subscribers
    Fanout,
    /// Let subscribers wait
    Idle,
    /// All of these, fanout to 1000 and to 100, with 1 and with 64 publishes in flight
    All,
}

pub(super) async fn run(options: Options, mut stop: Stop) -> Result<(), Failure> {
    let process = Process::new(&options.pid)?;
    process::allow_many_connections();
    if options.pid.is_empty() {
        eprintln!("CPU time and memory of the server are not measured without --pid");
    }
    if !options.json {
        output::line(&Row::header())?;
    }
    for options in options.each() {
        let measuring = async {
            match options.work {
                Work::Fanout => fanout::measure(&options, &process).await,
                Work::Idle => fanout::measure_idle(&options, &process).await,
                _ => queue::measure(&options, &process).await,
            }
        };
        let row = tokio::select! {
            biased;
            () = stop.asked() => return Err(Failure::Interrupted),
            row = measuring => row?,
        };
        output::line(&if options.json { row.json() } else { row.table() })?;
    }
    Ok(())
}

impl Options {
    /// One for each measurement. What measures memory comes first, while the server has not used any.
    fn each(&self) -> Vec<Self> {
        let with = |work, subscribers, window| Self { work, subscribers, window, ..self.clone() };
        let usual = |work| with(work, self.subscribers, self.window);
        if self.work != Work::All {
            return vec![self.clone()];
        }
        vec![
            usual(Work::Idle),
            usual(Work::Put),
            usual(Work::Get),
            usual(Work::Mput),
            usual(Work::Mget),
            with(Work::Fanout, 100, 1),
            with(Work::Fanout, 1000, 1),
            with(Work::Fanout, 100, 64),
            with(Work::Fanout, 1000, 64),
        ]
    }

    /// What the messages are made of: no newline, and the mark once.
    fn message(&self) -> Vec<u8> {
        let mut message = vec![b'x'; self.size as usize];
        message[0] = MARK;
        message
    }
}

/// Once in each message, and in nothing else that a subscriber is sent.
const MARK: u8 = b'@';
