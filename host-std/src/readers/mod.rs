//! Readers: they take items off simplequeues, run tasks on them, and put back what has to be tried again.
//!
//! What becomes of an item is decided in [`streamgauge_core::reader`]; here are the requests, the tasks and the clock.
//! Envelopes are those of pysimplehttp's `BaseReader`: what one has begun the other finishes.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use streamgauge::readers::Reader;
//! use tokio::sync::watch;
//!
//! let reader = Reader::builder("http://127.0.0.1:8081".parse()?)
//!     .name("message_printer")
//!     .task("print", |message| async move { println!("{}", String::from_utf8_lossy(message.data())) })
//!     .build()?;
//! let stop = watch::Sender::new(false);
//! reader.run(stop.subscribe()).await;
//! # Ok(())
//! # }
//! ```
//!
//! # What is in hand when a reader dies
//! From a queue that has leases every item is lent, and acknowledged when it is done: whatever becomes of the reader,
//! what it had in hand comes back when its [lease](Builder::lease) is over. The queue counts the attempts and keeps
//! what has to be tried again later, so items stay as they are; an envelope is made only where some of several tasks
//! are done, so that those are not done again: it is put first, and then the old item acknowledged. Each item is done
//! at least once: a reader that dies between doing and acknowledging does it twice.
//!
//! From a queue without leases, such as the original, or [not asked for any](Builder::no_leases), items are gone when
//! they are got. A reader that dies loses as many as it got at once: one (or [`mget_items`](Builder::mget_items)) for each of its
//! [workers](Builder::concurrency). Items that have to wait are never kept in memory: they go back to the queue, and
//! [`Round`](streamgauge_core::reader::Round) sees to it that they rest there.
//!
//! | module | idea |
//! | --- | --- |
//! | `builder` | [`Builder`]: what is to be done, and how |
//! | `message` | [`Message`]: what a task is given, and what it gives back |
//! | `worker` | from getting items to resting |
//! | `attempt` | one item through preprocessing, validation and tasks |
//! | `queue` | one queue, as a reader asks it |
//! | `retry` | whether a queue that failed is asked again |
//! | `waiting` | how a worker waits, for queues and for time to pass |
//! | `keeper` | leases that don't run out while a worker works |
//! | `names` | names for what is put, so that it is put once |
//! | `clock` | what time it is: for what goes on here, and as a date |
//! | `pool` | which of several queues to ask next |
//! | `failed` | where messages go that nothing can be done with |
//! | `heartbeat` | a file whose time says that the reader lives |
//! | `status` | [`Monitor`]: what it has done so far |
//! | [`exec`] | a command as a task |

mod attempt;
mod builder;
mod clock;
pub mod exec;
mod failed;
mod heartbeat;
mod keeper;
mod message;
mod names;
mod pool;
mod queue;
mod retry;
mod status;
mod waiting;
mod worker;

pub use builder::{BuildError, Builder};
pub use message::{IntoReport, Message, Refusal, Report};
pub use status::{Monitor, Status, TaskStatus};
pub use streamgauge_core::reader::Outcome;

use std::sync::Arc;

use parking_lot::Mutex;
use streamgauge_core::stats::Moments;
use tokio::sync::{Semaphore, watch};

use crate::client::{Limits, Url};
use builder::{GiveUp, Preprocess, Run, Settings, Validate};
use clock::Clock;
use failed::Failed;
use heartbeat::Heartbeat;
use pool::Pool;
use status::Counts;

type State = streamgauge_core::reader::Reader<Vec<streamgauge_core::reader::Task<String>>, String>;

/// A reader that is ready to run.
pub struct Reader {
    shared: Arc<Shared>,
}

/// What the workers of a reader have in common.
struct Shared {
    settings: Settings,
    queues: Vec<Url>,
    limits: Limits,
    tasks: Vec<Task>,
    preprocess: Option<Preprocess>,
    validate: Option<Validate>,
    on_giveup: Option<GiveUp>,
    failed: Failed,
    heartbeat: Option<Mutex<Heartbeat>>,
    clock: Clock,
    state: Mutex<State>,
    pool: Mutex<Pool>,
    times: Mutex<Vec<Moments>>,
    counts: Mutex<Counts>,
    /// Of each queue, why it can't be drained.
    refusals: Mutex<Vec<Option<String>>>,
}

impl Shared {
    /// Says that the reader lives, if it is time to.
    fn beat(&self) {
        if let Some(heartbeat) = &self.heartbeat {
            heartbeat.lock().beat();
        }
    }
}

struct Task {
    run: Run,
    places: Option<Semaphore>,
}

impl Reader {
    /// Begins to describe a reader of the queue at `queue`.
    pub fn builder(queue: Url) -> Builder {
        Builder::new(queue)
    }

    /// What it has done, to be read while it runs.
    #[must_use]
    pub fn monitor(&self) -> Monitor {
        Monitor(Arc::clone(&self.shared))
    }

    /// Reads until `stop` says true, or all is read that there was to [drain](Builder::drain); what is in hand then is
    /// finished, and of several items got at once those not yet begun are put back.
    pub async fn run(self, stop: watch::Receiver<bool>) {
        let workers = 0..self.shared.settings.concurrency.max(1);
        let workers: Vec<_> =
            workers.map(|_| tokio::spawn(worker::run(Arc::clone(&self.shared), stop.clone()))).collect();
        for worker in workers {
            // A worker does not panic: what its tasks do is caught.
            if let Err(error) = worker.await {
                tracing::error!("a worker has ended: {error}");
            }
        }
    }
}
