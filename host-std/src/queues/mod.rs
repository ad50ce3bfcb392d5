//! Queues, as far as they need more than the engine: the file of the items that had to leave.

mod overflow;

pub(crate) use overflow::OverflowLog;

use std::sync::Arc;

use parking_lot::Mutex;
use std::ops::ControlFlow;
use streamgauge_core::engine::Name;
use streamgauge_core::engine::{Command, Engine as _, Lease, Part};

use crate::engine::memory::Shard;

/// Writes what has to leave the queues of all shards to a file, if there is one.
pub(crate) struct Overflow {
    shards: Vec<Arc<Shard>>,
    log: Option<Mutex<OverflowLog>>,
}

impl Overflow {
    /// With a file or without.
    pub(crate) fn new(shards: Vec<Arc<Shard>>, log: Option<OverflowLog>) -> Self {
        Self { shards, log: log.map(Mutex::new) }
    }

    /// Opens the file again, as after it was renamed.
    pub(crate) fn reopen(&self) {
        if let Some(log) = &self.log {
            log.lock().reopen();
        }
    }

    /// Writes whatever has to leave the queues of a shard, for ever.
    pub(crate) async fn write(&self, shard: &Shard) {
        let Some(log) = &self.log else { return std::future::pending().await };
        loop {
            let lines = shard.take_overflow().await;
            log.lock().write(&lines);
        }
    }

    /// Writes what is still queued as `main` when everything else has ended.
    pub(crate) fn write_rest(&self) {
        self.shards.iter().for_each(|shard| self.write_rest_of(shard));
    }

    fn write_rest_of(&self, shard: &Shard) {
        let depth = shard.with(|memory| {
            let now = shard.clock().now();
            let stats = Command::QueueStats { queue: Name::MAIN, reset: false };
            match memory.execute(&stats, now, &mut |_: Part<'_>| ControlFlow::Continue(())) {
                streamgauge_core::engine::Outcome::QueueStats(stats, _) => stats.counters.ready,
                _ => 0,
            }
        });
        let Some(log) = &self.log else {
            if depth > 0 {
                tracing::warn!(
                    depth,
                    "items were still queued when the queue stopped, and no --overflow-log keeps them"
                );
            }
            return;
        };
        let mut log = log.lock();
        log.write(&shard.overflow_now());
        let mut left = depth;
        while left > 0 {
            let mut lines = Vec::new();
            let taken = shard.with(|memory| {
                let get = Command::Get { queue: Name::MAIN, items: 1_000, lease: Lease::None };
                memory.execute(&get, shard.clock().now(), &mut |part: Part<'_>| {
                    if let Part::Item(item) = part {
                        lines.extend_from_slice(item.item.data);
                        lines.push(b'\n');
                    }
                    ControlFlow::Continue(())
                })
            });
            if !matches!(taken, streamgauge_core::engine::Outcome::Told(1..)) {
                break;
            }
            left = left.saturating_sub(1_000);
            log.write(&lines);
        }
    }
}
