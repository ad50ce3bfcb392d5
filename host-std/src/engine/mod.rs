//! What keeps topics and queues, and tells others what happens in it.
//!
//! | module | idea |
//! | --- | --- |
//! | `shard` | [`Shard`]: the core's memory engine behind a lock that is never held while anything is waited for |
//! | `rooms` | what that engine is given: bytes, places, tables and random numbers |
//! | [`Budget`] | the memory that all topics and queues share |
//! | `clock` | Unix time that never goes back |

mod budget;
mod clock;
mod rooms;
mod shard;

pub use budget::Budget;
pub use clock::Clock;
pub(crate) use shard::TopicLog;
pub use shard::{Settings, Shard};
