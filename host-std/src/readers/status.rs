//! What a reader has done so far.

use core::fmt::{self, Display};
use core::time::Duration;
use std::sync::Arc;

use streamgauge_core::reader::{Counters, TaskCounters};
use streamgauge_core::stats::Moments;

use super::Shared;

/// Looks at a reader while it runs.
#[derive(Clone)]
pub struct Monitor(pub(super) Arc<Shared>);

/// What a reader has done.
#[derive(Debug, Clone)]
pub struct Status {
    /// What has become of the items.
    pub counters: Counters,
    /// Messages that were written to files.
    pub kept: u64,
    /// Requests to queues that failed.
    pub queue_failures: u64,
    /// Leases that were over before they could be settled: their items are done again.
    pub leases_lost: u64,
    /// Queues that were to be drained, and refuse: a line each.
    pub refused: Vec<String>,
    /// How long to rest between items now, because tasks fail.
    pub backoff: Duration,
    /// Each task, in the order of its reader.
    pub tasks: Vec<TaskStatus>,
}

/// How a task has gone.
#[derive(Debug, Clone)]
pub struct TaskStatus {
    /// Its name.
    pub name: String,
    /// How often it ended in which way.
    pub counters: TaskCounters,
    /// How long it took, in seconds, whichever way it ended.
    pub time: Moments,
}

impl Monitor {
    /// What the reader has done by now. O(tasks).
    #[must_use]
    pub fn status(&self) -> Status {
        let Counts { kept, queue_failures, leases_lost } = *self.0.counts.lock();
        let state = self.0.state.lock();
        let times = self.0.times.lock();
        let tasks = state.tasks().iter().zip(times.iter()).map(|(task, time)| TaskStatus {
            name: task.name().clone(),
            counters: task.counters(),
            time: *time,
        });
        Status {
            counters: state.counters(),
            kept,
            queue_failures,
            leases_lost,
            refused: self.0.refusals.lock().iter().flatten().cloned().collect(),
            backoff: state.poll_rest(),
            tasks: tasks.collect(),
        }
    }
}

impl Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counters { items, finished, dropped, requeued, given_up, waiting, malformed } = self.counters;
        write!(f, "{items} items: {finished} finished")?;
        for (count, what) in [
            (dropped, "dropped"),
            (requeued, "requeued"),
            (given_up, "given up"),
            (waiting, "not due"),
            (malformed, "malformed"),
            (self.kept, "kept as files"),
            (self.queue_failures, "requests failed"),
            (self.leases_lost, "leases lost"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        for TaskStatus { name, counters, time } in &self.tasks {
            let TaskCounters { done, failed, failed_without_backoff } = counters;
            write!(f, "; {name}: {done} done")?;
            match failed + failed_without_backoff {
                0 => {}
                failed => write!(f, ", {failed} failed")?,
            }
            if let Some(mean) = time.mean() {
                let deviation = time.sample_stddev().unwrap_or_default();
                write!(f, ", {:.3} ms on average (deviation {:.3})", mean * 1e3, deviation * 1e3)?;
            }
        }
        Ok(())
    }
}

/// What the core does not count.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Counts {
    pub(super) kept: u64,
    pub(super) queue_failures: u64,
    pub(super) leases_lost: u64,
}
