//! What is still queued when everything else has ended.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::sync::Arc;

use streamgauge_core::engine::memory::{Host, Memory};
use streamgauge_core::engine::{Command, Engine as _, Kind, Name, Part, Prefix};
use streamgauge_core::queue::leases::State;
use streamgauge_core::time::Time;

use crate::engine::disk::Notes;
use crate::engine::memory::{Shard, Shards};
use crate::operations::service::{Heir, Refused};
use crate::queues::OverflowLog;

/// Writes all that is in the queues of some shards to the overflow log: of each shard first `main`, and of each queue
/// first what is ready, in its order. Without a log says how many items are lost.
///
/// It waits for the disk, with the lock of a shard: nothing else may go on there any more.
pub(super) fn leave(shards: &[Arc<Shard>], log: Option<&OverflowLog>) {
    let not_kept = shards.iter().filter(|shard| !is_elsewhere(shard));
    let items: u64 = not_kept.map(|shard| leave_shard(shard, log)).sum();
    if log.is_none() && items > 0 {
        tracing::warn!("{items} items were still queued when the server stopped, and no --overflow-log keeps them");
    }
    finish(log);
}

/// Hands what is in memory to the process that goes on, or leaves it the folder.
///
/// # Errors
/// Why it does not go on.
pub(super) fn hand(engine: &Shards, notes: &[Notes], heir: Heir) -> Result<(), Refused> {
    heir.hand(|channel| {
        engine.all().iter().filter_map(|shard| shard.keeper()).for_each(|keeper| keeper.leave());
        write_left(engine, notes, channel)
    })
}

/// Writes what is in memory and nowhere else.
///
/// # Errors
/// Those of `to`.
pub(super) fn write_left(engine: &Shards, notes: &[Notes], mut to: &mut dyn Write) -> io::Result<()> {
    if is_elsewhere(engine.own()) { Ok(()) } else { engine.hand(notes, &mut to) }
}

/// Waits until all is in the log that is on its way there.
pub(super) fn finish(log: Option<&OverflowLog>) {
    let unlogged = log.map_or(0, OverflowLog::finish);
    if unlogged > 0 {
        tracing::warn!(
            "{unlogged} items that had to leave, or were still queued when the server stopped, are in no file"
        );
    }
}

/// Whether what is in a shard is kept on a disk, or together with others.
fn is_elsewhere(shard: &Shard) -> bool {
    shard.keeper().is_some() || shard.order().is_some()
}

/// Writes what is in the queues of a shard, and returns how many items that is.
fn leave_shard(shard: &Shard, log: Option<&OverflowLog>) -> u64 {
    let now = shard.clock().now();
    shard.with(|memory| {
        let mut queues = held(memory, now);
        queues.sort_by_key(|(name, _)| *name != Name::MAIN);
        if let Some(log) = log {
            queues.iter().for_each(|(name, _)| write(memory, name, now, log));
        }
        queues.iter().map(|(_, items)| items).sum()
    })
}

/// The queues that hold anything, and how many items.
fn held<H: Host>(memory: &mut Memory<H>, now: Time) -> Vec<(Name, u64)> {
    let mut queues = Vec::new();
    let list = Command::List { kind: Kind::Queue, prefix: Prefix::cut(b"") };
    memory.execute(&list, now, &mut |part: Part<'_>| {
        if let Part::Queue(name, _, stats) = part {
            let counters = &stats.counters;
            let items = counters.ready + counters.leased + counters.delayed + counters.letters;
            queues.extend((items > 0).then_some((name, items)));
        }
        ControlFlow::Continue(())
    });
    queues
}

fn write<H: Host>(memory: &mut Memory<H>, queue: &Name, now: Time, log: &OverflowLog) {
    for state in [State::Ready, State::Leased, State::Delayed, State::Dead] {
        let all = Command::Peek { queue: *queue, state, items: u64::MAX };
        memory.execute(&all, now, &mut |part: Part<'_>| {
            if let Part::Item(item) = part {
                log.push_patiently(queue, item.item.data);
            }
            ControlFlow::Continue(())
        });
    }
}
