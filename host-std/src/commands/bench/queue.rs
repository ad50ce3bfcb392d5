//! `put`, `get`, `mput`, `mget`.

use std::mem::take;

use super::load::Load;
use super::process::Process;
use super::report::Row;
use super::{Options, Work};
use crate::terminal::exit::Failure;

pub(super) async fn measure(options: &Options, process: &Process) -> Result<Row, Failure> {
    let one = matches!(options.work, Work::Put | Work::Get);
    let puts = matches!(options.work, Work::Put | Work::Mput);
    let batch = if one { 1 } else { options.batch };
    let messages = options.messages.unwrap_or(if one { 200_000 } else { 2_000_000 }).next_multiple_of(batch);
    let mut load = if puts { put(options, batch, messages) } else { get(options, batch, messages) };
    if !puts {
        // What is to be taken has to be there.
        exactly(messages, |batch, items| put(options, batch, items)).await?;
    }
    (load.connections, load.window) = (options.connections, options.window);
    let mut row = timed(load, process).await?;
    let done = row.messages;
    // It ends as it began: nothing of this is left.
    let left = if puts { done } else { messages - done.min(messages) };
    exactly(left, |batch, items| get(options, batch, items)).await?;
    let name = match options.work {
        Work::Put => "put".to_owned(),
        Work::Get => "get".to_owned(),
        Work::Mput => format!("mput of {batch}"),
        _ => format!("mget of {batch}"),
    };
    row.work = format!("{name}, {} connections, {} in flight", options.connections, options.window);
    Ok(row)
}

/// Puts a load on the server, and measures what comes of it.
pub(super) async fn timed(load: Load, process: &Process) -> Result<Row, Failure> {
    let batch = load.batch;
    let ready = load.prepare().await?;
    let before = process.usage();
    let tally = ready.run().await?;
    let usage = before.zip(process.usage());
    let mut tally = tally.lock();
    let latencies = take(&mut tally.latencies);
    let asked = (latencies.len() as u64 - tally.refused) * batch;
    Ok(Row {
        messages: tally.messages,
        elapsed: tally.ended - tally.began,
        latencies,
        refused: tally.refused,
        missing: asked.saturating_sub(tally.messages),
        usage,
        ..Row::default()
    })
}

/// Items in a request that is not measured.
const FILL: u64 = 500;

/// Moves so many items, and no other; returns how many requests were refused.
pub(super) async fn exactly(items: u64, load: impl Fn(u64, u64) -> Load) -> Result<u64, Failure> {
    let rest = items % FILL;
    let mut refused = 0;
    for (batch, items) in [(FILL, items - rest), (rest, rest)] {
        if items > 0 {
            refused += load(batch, items).prepare().await?.run().await?.lock().refused;
        }
    }
    Ok(refused)
}

/// Puts so many items, rounded up to a batch.
pub(super) fn put(options: &Options, batch: u64, items: u64) -> Load {
    let item = options.message();
    let path = if batch == 1 { "/put" } else { "/mput?separator=%0A" };
    Load {
        url: options.queue.join(path),
        body: Some(vec![item; batch as usize].join(&b'\n')),
        requests: items.div_ceil(batch),
        connections: 1,
        window: 1,
        seconds: options.seconds,
        messages: |load, _| load.batch,
        size: options.size,
        batch,
    }
}

/// Gets so many items, rounded up to a batch, if they are there.
pub(super) fn get(options: &Options, batch: u64, items: u64) -> Load {
    let path = if batch == 1 { "/get".to_owned() } else { format!("/mget?items={batch}&separator=%0A") };
    Load {
        url: options.queue.join(&path),
        body: None,
        requests: items.div_ceil(batch),
        connections: 1,
        window: 1,
        seconds: options.seconds,
        // The separator follows every item, but not the last one of a full answer.
        messages: |load, body| (body + load.size) / (load.size + 1),
        size: options.size,
        batch,
    }
}
