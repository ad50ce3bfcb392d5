//! What the server's memory grows by: items that wait, are lent or delayed, and names that nobody uses.

use tokio::time::{Duration, Instant, sleep};

use super::names::Names;
use super::process::Process;
use super::queue::{exactly, get, put};
use super::report::{Growth, Row};
use super::{Options, Work};
use crate::terminal::exit::Failure;

/// Items that are measured, or names.
const ITEMS: u64 = 100_000;
const NAMES: u64 = 10_000;

/// How long the server is given to settle.
const PAUSE: Duration = Duration::from_millis(200);

/// Items in a queue of their own, in one of three states.
pub(super) async fn measure_items(options: &Options, process: &Process, names: &Names) -> Result<Row, Failure> {
    let items = options.messages.unwrap_or(ITEMS);
    let (each, delay) = match options.work {
        Work::Leased => ("leased item", "0"),
        Work::Delayed => ("delayed item", "1h"),
        _ => ("queued item", "0"),
    };
    // Twelve bytes in front of an item are enough up to 16 KiB, and an eighth more for what lies between them.
    let bytes = items * (options.size + 16) + (1 << 20);
    let settings = format!("{{\"bytes\":{bytes},\"max_lease\":\"1h\"}}");
    let queue = names.queue(options, &each.replace(' ', "-"), &settings).await?;
    let (before, began) = (process.usage(), Instant::now());
    let put = |batch, items| put(options, batch, items).with("queue", &queue).with("delay", delay);
    let mut refused = exactly(items, put).await?;
    if options.work == Work::Leased {
        let lend = |batch, items| get(options, batch, items).with("queue", &queue).with("lease", "1h");
        refused += exactly(items, lend).await?;
    }
    sleep(PAUSE).await;
    Ok(Row {
        work: format!("{items} {each}s of {} bytes", options.size),
        elapsed: began.elapsed(),
        usage: before.zip(process.usage()),
        growth: Some(Growth { each, number: items }),
        refused,
        ..Row::default()
    })
}

/// Topics or queues that are only made.
pub(super) async fn measure_names(options: &Options, process: &Process, names: &Names) -> Result<Row, Failure> {
    let number = options.messages.unwrap_or(NAMES);
    let (each, server, path) = match options.work {
        Work::Topics => ("idle topic", &options.pubsub, "/topics"),
        _ => ("idle queue", &options.queue, "/queues"),
    };
    let urls = (0..number).map(|i| server.join(&format!("{path}/{}", Names::of(&i.to_string())))).collect();
    let (before, began) = (process.usage(), Instant::now());
    // Small ones: they hold it from the budget, and take nothing of it before they are used.
    names.make(urls, "{\"bytes\":\"1KiB\"}").await?;
    sleep(PAUSE).await;
    Ok(Row {
        work: format!("{number} {each}s"),
        elapsed: began.elapsed(),
        usage: before.zip(process.usage()),
        growth: Some(Growth { each, number }),
        ..Row::default()
    })
}
