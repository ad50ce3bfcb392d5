//! `put`, `get`, `mput`, `mget`.

use std::mem::take;

use super::load::Load;
use super::process::Process;
use super::report::{Growth, Row};
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
    let ready = load.prepare().await?;
    let before = process.usage();
    let tally = ready.run().await?;
    let usage = before.zip(process.usage());
    let (done, mut row) = {
        let mut tally = tally.lock();
        let latencies = take(&mut tally.latencies);
        let asked = (latencies.len() as u64 - tally.refused) * batch;
        let row = Row {
            messages: tally.messages,
            elapsed: tally.ended - tally.began,
            latencies,
            refused: tally.refused,
            missing: asked.saturating_sub(tally.messages),
            usage,
            ..Row::default()
        };
        (tally.messages, row)
    };
    // Only of the first items to come there is no doubt that memory was taken for them.
    row.growth = (options.work == Work::Put).then_some(Growth::Waiting(done));
    // It ends as it began: nothing of this is left.
    let left = if puts { done } else { messages - done.min(messages) };
    if left > 0 {
        exactly(left, |batch, items| get(options, batch, items)).await?;
    }
    let name = match options.work {
        Work::Put => "put".to_owned(),
        Work::Get => "get".to_owned(),
        Work::Mput => format!("mput of {batch}"),
        _ => format!("mget of {batch}"),
    };
    row.work = format!("{name}, {} connections, {} in flight", options.connections, options.window);
    Ok(row)
}

/// Items in a request that is not measured.
const FILL: u64 = 500;

/// Moves so many items, and no other.
async fn exactly(items: u64, load: impl Fn(u64, u64) -> Load) -> Result<(), Failure> {
    let rest = items % FILL;
    if items > rest {
        load(FILL, items - rest).prepare().await?.run().await?;
    }
    if rest > 0 {
        load(rest, rest).prepare().await?.run().await?;
    }
    Ok(())
}

/// Puts so many items, rounded up to a batch.
fn put(options: &Options, batch: u64, items: u64) -> Load {
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
fn get(options: &Options, batch: u64, items: u64) -> Load {
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
