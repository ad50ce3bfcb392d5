//! What is kept on the disk of one machine.
//!
//! | module | idea |
//! | --- | --- |
//! | `keeper` | keeps what a shard executes, and makes checkpoints |
//! | `state` | the last checkpoint, and what was executed since |
//! | `executed` | executing something so that it can be executed again |
//! | `body` | what an entry of the log is |
//! | `journal` | entries on their way to the disk, and the threads that bring them there |
//! | `shelf` | items that queues have but the places of |
//! | `log` | entries that are there after a crash |
//! | `history` | messages of topics that stay in the log: where they are, and reading them |
//! | `checkpoint` | what was so at a place in the log |
//! | `files` | the seam to a disk |
//! | `world` | a server over a simulated one, for tests |
//! | `hostile` | what nobody has written, for tests |
//! | `at_rest` | a folder that no server has: what is there, and what a repair puts in its place |
//! | `salvage` | executing again what is left behind a loss |

mod at_rest;
mod body;
mod checkpoint;
mod executed;
mod files;
pub(crate) mod history;
#[cfg(any(test, fuzzing))]
pub mod hostile;
mod journal;
mod keeper;
mod log;
mod salvage;
#[cfg(test)]
mod seeds;
mod shelf;
mod state;
#[cfg(test)]
mod tests;
#[cfg(any(test, fuzzing))]
mod world;

pub(crate) use at_rest::{AtRest, LogFound, LostItems, rooms};
pub(crate) use body::Body;
pub(crate) use executed::{Executed, call, execute};
pub use journal::SyncMode;
pub(crate) use journal::{Failed, Full, Room};
pub use keeper::Settings;
pub(crate) use keeper::{FAILED, Keeper, Recovered, SMALL, most_bytes, refusal};
pub(crate) use log::{Damage, Position, Step};
pub(crate) use salvage::{Salvage, Salvaged};
#[cfg(test)]
use seeds::{seeds, some_seeds};
pub(crate) use shelf::{Shelf, Unreadable};
pub(crate) use state::{Notes, Restored, StateError};
