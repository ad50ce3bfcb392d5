//! What collecting `/metrics` costs where there are many names.

use tokio::time::Instant;

use super::Options;
use super::names::Names;
use super::process::Process;
use super::report::{Growth, Row};
use crate::client::{Connection, Limits};
use crate::terminal::exit::{Failure, accepted};

/// Topics, and as many queues.
const NAMES: u64 = 1_000;

const SCRAPES: u64 = 1_000;

/// Scrapes before it is measured: then everything has been allocated once.
const FIRST: u64 = 100;

/// One scrape after the other; memory is what the server has grown by over all of them.
pub(super) async fn measure(options: &Options, process: &Process, names: &Names) -> Result<Row, Failure> {
    for (server, kind) in [(&options.pubsub, "topics"), (&options.queue, "queues")] {
        let url = |i| server.join(&format!("/{kind}/{}", Names::of(&format!("scrape-{i}"))));
        names.make((0..NAMES).map(url).collect(), "{\"bytes\":\"1KiB\"}").await?;
    }
    let url = options.pubsub.join("/metrics");
    let mut connection = Connection::new(Limits::default());
    let number = options.messages.unwrap_or(SCRAPES);
    let mut row = Row { work: format!("scrape of {NAMES} topics and {NAMES} queues"), ..Row::default() };
    let (mut before, mut began) = (process.usage(), Instant::now());
    for scrape in 0..FIRST + number {
        if scrape == FIRST {
            (before, began) = (process.usage(), Instant::now());
        }
        if began.elapsed() > options.seconds {
            break;
        }
        let sent_at = Instant::now();
        let answer = connection.call("GET", &url, None).await;
        accepted(&url, answer.map_err(|error| Failure::of(&url, &error))?)?;
        if scrape >= FIRST {
            row.latencies.push(sent_at.elapsed());
        }
    }
    row.messages = row.latencies.len() as u64;
    row.growth = Some(Growth { each: "scrape", number: row.messages });
    (row.elapsed, row.usage) = (began.elapsed(), before.zip(process.usage()));
    Ok(row)
}
