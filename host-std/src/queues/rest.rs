//! What is still queued when everything else has ended.

use std::ops::ControlFlow;

use streamgauge_core::engine::memory::{Host, Memory};
use streamgauge_core::engine::{Command, Engine as _, Kind, Name, Part, Prefix};
use streamgauge_core::queue::leases::State;
use streamgauge_core::time::Time;

use super::OverflowLog;
use crate::engine::Shard;

/// Writes all that is in the queues of a shard to the overflow log: first `main`, and of each queue first what is ready,
/// in its order. Without a log says how many items are lost.
///
/// It waits for the disk, with the lock of the shard: nothing else may go on there any more.
pub(crate) fn leave(shard: &Shard, log: Option<&OverflowLog>) {
    let now = shard.clock().now();
    shard.with(|memory| {
        let mut queues = held(memory, now);
        queues.sort_by_key(|(name, _)| *name != Name::MAIN);
        let items: u64 = queues.iter().map(|(_, items)| items).sum();
        match log {
            Some(log) => queues.iter().for_each(|(name, _)| write(memory, name, now, log)),
            None if items > 0 => {
                tracing::warn!(
                    "{items} items were still queued when the server stopped, and no --overflow-log keeps them"
                );
            }
            None => {}
        }
    });
    let unlogged = log.map_or(0, OverflowLog::finish);
    if unlogged > 0 {
        tracing::warn!(
            "{unlogged} items that had to leave, or were still queued when the server stopped, are in no file"
        );
    }
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
