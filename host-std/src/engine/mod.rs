//! What keeps topics and queues.
//!
//! The seam is the [`Engine`](streamgauge_core::engine::Engine) of the core: what is above it knows HTTP and no store, what
//! is below it knows stores and no HTTP. Requests come to it by way of the `Shards` of [`memory`], which wait where it can't.
//! A shard executes everything in memory, and subscribers read the logs there; the stores differ in what becomes of what was
//! executed: nothing, an entry in a log on the disk, or it was one in the log of many gateways before.
//!
//! | module | idea |
//! | --- | --- |
//! | [`disk`] | what keeps them on the disk of this machine |
//! | [`memory`] | the core's memory engine, in shards of a thread each |
//! | [`remote`] | what many gateways keep together, in an engine that orders what they do |
//! | `clock` | Unix time that never goes back |

mod clock;
pub(crate) mod disk;
pub(crate) mod memory;
pub(crate) mod remote;

pub(crate) use clock::Clock;

/// A moment in what an engine executes: opaque, and later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(disk::Position);

impl Mark {
    /// Before everything: nothing has to be waited for.
    pub const NONE: Self = Self(disk::Position::ZERO);

    /// One that is greater with each number.
    #[cfg(test)]
    pub(crate) const fn of_test(number: u32) -> Self {
        Self(disk::Position { segment: 0, offset: number })
    }
}
