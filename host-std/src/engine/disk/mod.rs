//! What is kept on the disk of one machine.
//!
//! | module | idea |
//! | --- | --- |
//! | `keeper` | keeps what a shard executes, and makes checkpoints |
//! | `state` | the last checkpoint, and what was executed since |
//! | `executed` | executing something so that it can be executed again |
//! | `body` | what an entry of the log is |
//! | `journal` | entries on their way to the disk, and the threads that bring them there |
//! | `space` | what the bytes of a folder are for |
//! | `needed` | which segments of the log are needed, and for how much |
//! | `tenure` | what the next process has to know of this one |
//! | `shelf` | items that queues have but the places of |
//! | `log` | entries that are there after a crash |
//! | `history` | messages of topics that stay in the log: where they are, and reading them |
//! | `checkpoint` | what was so at a place in the log |
//! | `files` | the seam to a disk |
//! | `world` | a server over a simulated one, for tests |
//! | `hostile` | what nobody has written, for tests |
//! | `at_rest` | a folder that no server has: what is there, and what a repair puts in its place |
//! | `salvage` | executing again what is left behind a loss |
//! | `few` | what is wrong in many places, in a few lines |
//!
//! # What it is, and what it is not
//! One log a shard of what was executed (a redo log), in segments of 32 MiB that are made, filled with zeros and synced ahead,
//! and checkpoints beside it. A command is executed in the core's memory engine and added to the log under one lock, so both
//! are in the same order, and what a start executes again is what was executed: leases, delays, ids that were seen, counters
//! and limits need no form of their own on the disk. What is large stays where it was written once: a queue has the place of
//! an item, a topic's history that of its messages. The design had a log of messages and one of acknowledgements for each
//! name; one log for all has one sync for all who ask at the same time, whatever names they ask for, and one order of
//! everything, which is what the law of a queue that a topic feeds needs.
//!
//! Requests know nothing of all this: a shard of [`memory`](super::memory) executes what they ask for, and hands its keeper
//! what has to be in the log. What the core asks of a host that keeps something are two functions, where an item will be
//! (`Host::place`) and what is there (`Host::fetch`).
//!
//! # Why no store that there is
//! Measured before anything was written, on two shared cores and ext4: groups of 64 records of 100 bytes, each group synced.
//!
//! | | records a second | 99 of 100 within | CPU a record | crates |
//! | --- | --- | --- | --- | --- |
//! | segments, made and filled with zeros ahead | 615,000 | 0.16 ms | 0.51 us | 2 |
//! | segments that grow | 333,000 | 0.29 ms | 1.04 us | 2 |
//! | fjall 3.1 | 323,000 | 0.28 ms | 1.34 us | 44 |
//! | redb 4.6 | 189,000 | 0.52 ms | 2.90 us | 2 |
//!
//! A million records are read back from segments in 46 ms, from fjall in 365 ms. fjall holds the lock of its journal during a
//! sync, so that those who publish can't share one; redb walks all that there is after a crash unless each write pays for a
//! quick repair. A queue's items leave in about the order in which they came: what trees are for, looking things up and keeping
//! them sorted, nothing here needs. So the log is the project's own; notes (definitions of gauges) are entries of it too.
//!
//! # What it costs
//! `cargo bench -p streamgauge-tests --bench durable` measures it beside Redis, JetStream and `fdatasync` alone, and the pages have
//! figures. Of the CPU that a put takes here more than in memory, two fifths are the write and the `fdatasync` of its
//! group, where 64 share them.
//!
//! The thread that serves writes, as long as the disk is quick (`journal`): two wake-ups from thread to thread cost as much
//! as a sync. With 64 puts in flight that took 5.6 us of CPU a put where another thread took 6.1, and with one 59 us instead
//! of 97, which was answered after 141 us instead of 204. What it costs in turn: who asks for something else waits for a
//! sync, a tenth of the time at the most where that takes over a millisecond.
//!
//! Tried, and left out, as the server took no less CPU for it: writing past the page cache (`O_DIRECT`), and answers in
//! buffers that are used again.
//!
//! # What is simulated
//! A disk that crashes at any write, keeps, tears or forgets what was not synced, fills up and fails is in memory
//! (`files::simulated`), and drives all of it from a seed: `STREAMGAUGE_SEEDS=1000000 cargo test --release -p streamgauge --lib
//! engine::disk`; a seed that fails prints itself, and `STREAMGAUGE_SEED` runs it again.

mod at_rest;
mod body;
mod checkpoint;
mod executed;
mod few;
mod files;
pub(crate) mod history;
#[cfg(any(test, fuzzing))]
pub mod hostile;
mod journal;
mod keeper;
mod log;
mod needed;
mod salvage;
#[cfg(test)]
mod seeds;
mod shelf;
mod space;
mod state;
mod tenure;
#[cfg(test)]
mod tests;
#[cfg(any(test, fuzzing))]
mod world;

pub(crate) use at_rest::{AtRest, LogFound, LostItems, rooms, time_of};
pub(crate) use body::Body;
pub(crate) use executed::{Executed, call, execute};
pub(crate) use few::few;
pub use journal::SyncMode;
pub(crate) use journal::{Brings, Failed, Full, Room, SyncTimes};
pub use keeper::Settings;
pub(crate) use keeper::{FAILED, Keeper, Recovered, SMALL, most_bytes, refusal};
pub(crate) use log::{Damage, Position, Step};
pub(crate) use salvage::{Loss, Salvage, Salvaged};
#[cfg(test)]
pub(crate) use seeds::some_seeds;
#[cfg(test)]
use seeds::{seeds, useful_seeds};
pub(crate) use shelf::{LOOKED_AT, Shelf, Unreadable};
pub(crate) use state::{Notes, Restored, StateError};
#[cfg(test)]
pub(in crate::engine) use world::is_lawful;
