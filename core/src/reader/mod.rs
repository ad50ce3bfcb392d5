//! Readers: they take items off a queue, try tasks on them, and put back what has to be tried again.
//!
//! The state is here; the requests, the tasks and the clock are the caller's. Time is since the Unix epoch, because
//! envelopes carry it from one reader to another; a [`Round`] is told that of a clock which nobody sets back.
//!
//! | module | idea |
//! | --- | --- |
//! | `envelope` | [`Envelope`]: what a queue item carries beside its data |
//! | `attempt` | [`Reader`]: what becomes of an item, step by step |
//! | `backoff` | [`BackoffTimer`]: how long to rest when tasks fail |
//! | `round` | [`Round`]: when to ask a queue that holds items which are not due |
//!
//! One item, from the queue to its end:
//!
//! ```
//! use core::time::Duration;
//! use streamgauge_core::reader::{Outcome, Policy, Reader, Step, Task, Verdict};
//!
//! let mut reader = Reader::new(Policy::default(), [Task::new("print"), Task::new("store")]).unwrap();
//! let now = Duration::from_secs(1_331_923_247);
//! // 1. Whatever the queue gave goes in.
//! let Ok(Step::Attempt(mut attempt)) = reader.handle_item(br#"{"msg": "H4110!"}"#, now) else { panic!() };
//! // 2. Preprocess and validate its data, then run the tasks that are left, one after another.
//! reader.handle_ready(&mut attempt);
//! while let Some(task) = reader.poll_task(&attempt) {
//!     let outcome = if task == 0 { Outcome::Done } else { Outcome::Failed };
//!     reader.handle_outcome(&mut attempt, task, outcome);
//! }
//! // 3. What becomes of it.
//! let Verdict::Requeue { retry_on } = reader.handle_end(&attempt, now) else { panic!() };
//! let mut item = Vec::new();
//! reader.write(&attempt, Some(retry_on), &mut item)?;
//! assert_eq!(
//!     item,
//!     br#"{"data": {"msg": "H4110!"}, "tries": 1, "retry_on": 1331923337.000000, "started": 1331923247, "tasks_left": ["store"]}"#
//! );
//! // 4. Rest as long as failures ask for.
//! assert_eq!(reader.poll_rest(), Duration::from_millis(3360));
//! # Ok::<(), core::convert::Infallible>(())
//! ```

mod attempt;
mod backoff;
mod envelope;
mod round;

pub use crate::wire::json::DEPTH;
pub use attempt::{Attempt, Counters, MAX_TASKS, Outcome, Policy, Reader, Step, Task, TaskCounters, Verdict};
pub use backoff::BackoffTimer;
pub use envelope::{Envelope, Malformed};
pub use round::{Poll, Round};
