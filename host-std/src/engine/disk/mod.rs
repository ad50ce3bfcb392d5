//! What is kept on the disk of one machine.
//!
//! | module | idea |
//! | --- | --- |
//! | `Keeper` | keeps what a shard executes, and makes checkpoints |
//! | `state` | the last checkpoint, and what was executed since |
//! | `executed` | executing something so that it can be executed again |
//! | `body` | what an entry of the log is |
//! | `journal` | entries on their way to the disk, and the threads that bring them there |
//! | `log` | entries that are there after a crash |
//! | `checkpoint` | what was so at a place in the log |
//! | `files` | the seam to a disk |

mod body;
mod checkpoint;
mod executed;
mod files;
mod journal;
mod keeper;
mod log;
mod state;
#[cfg(test)]
mod tests;

pub(crate) use executed::{Executed, call, execute};
pub use journal::SyncMode;
pub(crate) use journal::{Failed, Reserved};
pub use keeper::Settings;
pub(crate) use keeper::{FAILED, Keeper, Recovered, SMALL, most_bytes, refusal};
pub(crate) use log::Position;
pub(crate) use state::Notes;
pub(crate) use state::StateError;

/// Runs a test for many seeds, or for the one that failed.
#[cfg(test)]
fn seeds(test: impl Fn(u64) + std::panic::RefUnwindSafe) {
    let number = |name| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let range = match number("STREAMGAUGE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("STREAMGAUGE_SEEDS").unwrap_or(10_000),
    };
    for seed in range {
        if std::panic::catch_unwind(|| test(seed)).is_err() {
            panic!("STREAMGAUGE_SEED={seed} runs it again");
        }
    }
}
