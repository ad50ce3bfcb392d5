//! `streamgauge bench`: loads a running server, and measures it.
//!
//! | module | idea |
//! | --- | --- |
//! | `pipe` | requests on one connection, so many in flight |
//! | `load` | the same request on several connections, counted and timed |
//! | `queue` | `put`, `get`, `mput`, `mget` |
//! | `lease` | items that are lent and acknowledged |
//! | `fanout` | subscribers, one publisher, and subscribers that are idle |
//! | `gauges` | what gauges cost on top of publishing |
//! | `resume` | subscribers that come back to a full log |
//! | `scrape` | collecting `/metrics` where there are many names |
//! | `memory` | items that wait, names that nobody uses |
//! | `names` | topics and queues of its own, removed at the end |
//! | `process` | CPU time and memory of the server, from `/proc` |
//! | `report` | a row of figures, as a table or as JSON |
//!
//! All of it runs on one thread. To see what a server can do, it gets a core and the load another one:
//! `taskset -c 0 streamgauge serve --no-bridge` and `taskset -c 1 streamgauge bench all --pid …`.

mod fanout;
mod gauges;
mod lease;
mod load;
mod memory;
mod names;
mod pipe;
mod process;
mod queue;
mod report;
mod resume;
mod scrape;

use core::time::Duration;

use clap::{Args, ValueEnum};

use super::EXIT_CODES;
use crate::client::{Url, prepare};
use crate::terminal::exit::Failure;
use crate::terminal::flags::{seconds, server};
use crate::terminal::signals::Stop;
use crate::terminal::{output, say};
use names::Names;
use process::Process;
use report::Row;

/// Load a running server, and print how fast it is and what it costs
///
/// The server should be one that holds nothing of worth, and freshly started where its memory is to be measured: what
/// is on its queue may be taken, and subscribers get what is published. CPU time is the server's own, so it can be
/// compared on a busy machine too. Latency is that of a request, and for fanout that of a message from its publish to
/// the first subscriber. Topics and queues that it makes are removed at the end.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = EXIT_CODES)]
pub struct Options {
    /// What to do
    #[arg(value_enum)]
    work: Work,
    /// Address of the pubsub
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080", value_parser = server)]
    pubsub: Url,
    /// Address of the queue
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8081", value_parser = server)]
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
    /// Get items on lease and acknowledge them, one a request, beside getting them for good
    Lease,
    /// Publish records of 350 bytes, without a gauge and with several
    Gauges,
    /// Come back to a full log of 64 MiB, with the number of the last message
    Resume,
    /// Collect /metrics of 1,000 topics and 1,000 queues more
    Scrape,
    /// Let 100,000 items wait in a queue of their own
    Queued,
    /// Let as many be lent
    Leased,
    /// Let as many be delayed
    Delayed,
    /// Make 10,000 topics that nobody uses
    Topics,
    /// Make 10,000 queues that nobody uses
    Queues,
    /// All of these, put and get with 1 and with 16 in flight, and fanout to 1, 100 and 1000 with 1 and with 64: in
    /// about a minute and a half, with at most 4 seconds for each
    All,
}

pub(super) async fn run(options: Options, mut stop: Stop) -> Result<(), Failure> {
    for url in [&options.pubsub, &options.queue] {
        prepare(url).map_err(|error| Failure::of(url, &error))?;
    }
    let process = Process::new(&options.pid)?;
    process::allow_many_connections();
    if options.pid.is_empty() {
        say("CPU time and memory of the server are not measured without --pid");
    }
    if !options.json {
        output::line(&Row::header())?;
    }
    let names = Names::default();
    let measured = stop.before(measure_each(&options, &process, &names)).await;
    // Not after each one, or the next would seem to need no memory.
    measured.and(names.remove().await)
}

async fn measure_each(options: &Options, process: &Process, names: &Names) -> Result<(), Failure> {
    for options in options.each() {
        let row = match options.work {
            Work::Fanout => fanout::measure(&options, process).await?,
            Work::Idle => fanout::measure_idle(&options, process).await?,
            Work::Lease => lease::measure(&options, process, names).await?,
            Work::Resume => resume::measure(&options, process, names).await?,
            Work::Scrape => scrape::measure(&options, process, names).await?,
            Work::Gauges => {
                for row in gauges::measure(&options, process, names).await? {
                    output::line(&if options.json { row.json() } else { row.table() })?;
                }
                continue;
            }
            Work::Queued | Work::Leased | Work::Delayed => memory::measure_items(&options, process, names).await?,
            Work::Topics | Work::Queues => memory::measure_names(&options, process, names).await?,
            Work::Put | Work::Get | Work::Mput | Work::Mget | Work::All => queue::measure(&options, process).await?,
        };
        output::line(&if options.json { row.json() } else { row.table() })?;
    }
    Ok(())
}

impl Options {
    /// One for each measurement. What measures memory comes first, while the server has not used any, and of that what
    /// takes it in the smallest pieces: they would fit into what others have given back, and seem to take nothing.
    fn each(&self) -> Vec<Self> {
        if self.work != Work::All {
            return vec![self.clone()];
        }
        let seconds = self.seconds.min(MOST_OF_MANY);
        let with = |work, subscribers, window| Self { work, subscribers, window, seconds, ..self.clone() };
        let usual = |work| with(work, self.subscribers, self.window);
        vec![
            usual(Work::Topics),
            usual(Work::Queues),
            usual(Work::Idle),
            usual(Work::Queued),
            usual(Work::Leased),
            usual(Work::Delayed),
            usual(Work::Put),
            usual(Work::Get),
            with(Work::Put, 1, 16),
            with(Work::Get, 1, 16),
            usual(Work::Lease),
            usual(Work::Mput),
            usual(Work::Mget),
            with(Work::Fanout, 1, 1),
            with(Work::Fanout, 100, 1),
            with(Work::Fanout, 1000, 1),
            with(Work::Fanout, 1, 64),
            with(Work::Fanout, 100, 64),
            with(Work::Fanout, 1000, 64),
            usual(Work::Scrape),
            usual(Work::Resume),
            usual(Work::Gauges),
        ]
    }

    /// What the messages are made of: no newline, and the mark once.
    fn message(&self) -> Vec<u8> {
        let mut message = vec![b'x'; self.size as usize];
        message[0] = MARK;
        message
    }
}

/// The most time of one measurement of many.
const MOST_OF_MANY: Duration = Duration::from_secs(4);

/// Once in each message, and in nothing else that a subscriber is sent.
const MARK: u8 = b'@';
