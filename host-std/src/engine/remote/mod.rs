//! What many gateways keep together, in an engine that is replicated and trusted: NATS JetStream.
//!
//! # The idea
//! All gateways have the same topics and queues in memory, and one log orders what is done to them: a stream of JetStream.
//! Whoever asks a gateway for something that changes them has it **proposed** there; whatever comes from the log is
//! **executed** by every gateway, at the time that the engine has given it, with random numbers of a key that stands with
//! it. So they all come to the same (Lamport 1978, Schneider 1990: a replicated state machine), and whoever proposed it
//! answers. Sequence numbers, tokens of leases, attempts, ids that count once, dead letters, filters and settings are those
//! of the memory engine, to the byte, at every gateway; nothing had to be left out or imitated.
//!
//! It was built with a stream for each topic and consumers for queues in mind first. Then a lease would be as long as its
//! consumer says, whatever a client asks for, `touch` too; a delay would be a lease that is given back; a message that was
//! delivered too often stays in a work queue for ever; ids would count once for all queues' windows alike; peek, counters,
//! redrive and the law would be guesses; and each message would be a publish of its own, where a message of this log has
//! all that gathered while the last one was on its way. What it costs in exchange: every gateway executes every publish,
//! put, get and ack, so that gateways add subscribers, connections and safety, but not puts a second.
//!
//! # What is where
//! | module | idea |
//! | --- | --- |
//! | `batch` | a message of the log, byte for byte |
//! | `Order` | what is proposed, and who waits for what becomes of it |
//! | `Told` | what a command has told, for whoever asked |
//! | `Replica` | how far the log was followed; whether another gateway came to the same |
//! | `saved` | the state as bytes, for who joins later |
//! | `nats` | the log and what was saved, as streams of JetStream |
//!
//! Executing it is the business of [`memory`](super::memory): `ordered`.
//!
//! # What follows
//! - **Linearizable**: what changes something happens when it is executed, between question and answer. Looks (counters,
//!   peek, lists) show what the gateway has executed, which is what its own clients were told, and may be a moment behind
//!   what another one's were.
//! - **Time** is the engine's. Gateways' clocks only say when to propose that something is due.
//! - **A gateway that is killed** takes nothing with it: leases end by their time, whoever has a token has it everywhere.
//! - **The engine away**: what would change something is refused with 503; subscribers' streams stay open, and looks are
//!   answered. Where an answer did not come in time, nobody knows whether it happened: the same `Message-Id` counts once.
//!   What the log takes after that, as when a network holds it back for minutes, does nothing at any gateway: each
//!   proposal says until when it may be executed, by the engine's clock.
//! - **Faults**: a message of the log says how far its gateway was, and the digest of all outcomes until there. Who has
//!   another one stops at once, and begins anew from what was saved.

mod batch;
#[cfg(feature = "nats")]
pub(crate) mod nats;
mod order;
mod replica;
mod saved;
#[cfg(test)]
mod tests;
mod told;
#[cfg(test)]
mod world;

pub(crate) use batch::{Head, Proposal, Seen};
#[cfg(feature = "nats")]
pub(crate) use order::Batch;
#[cfg(any(test, feature = "nats"))]
pub(crate) use order::UNKNOWN;
pub(crate) use order::{AWAY, Order, TOO_LATE};
pub(crate) use replica::{Replica, Stop};
pub(crate) use saved::{Group, Saved, Unreadable, save};
pub(crate) use told::Told;

use std::path::PathBuf;
use std::time::Duration;

/// The most bytes that are on their way to the engine, and from there.
pub(crate) const MOST_ON_ITS_WAY: u64 = 64 << 20;

/// Where the engine is, and what is told to it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its servers: any of them will do.
    pub servers: Vec<String>,
    /// The name of the group: of its streams, and what their subjects begin with.
    pub group: String,
    /// How many servers keep what the group has; `None`: three of a cluster, and one without.
    pub replicas: Option<usize>,
    /// How long a client waits for the engine.
    pub patience: Duration,
    /// Bytes of the log after which the state is saved.
    pub save_after: u64,
    /// The most bytes of the log; `None`: as many as the engine has.
    pub most: Option<u64>,
    /// How this gateway proves to it who it is, and it to this gateway.
    pub credentials: Credentials,
}

impl Settings {
    /// Its servers for a person. None has a password: that is refused.
    pub(crate) fn servers_shown(&self) -> String {
        self.servers.join(",")
    }
}

/// How this gateway proves to the engine who it is, and the engine to it.
#[derive(Clone, Default)]
pub struct Credentials {
    /// A file with a user's JWT and seed.
    pub file: Option<PathBuf>,
    /// A token, or a user and a password behind a colon.
    pub token: Option<String>,
    /// Certificates to trust.
    pub ca: Option<PathBuf>,
    /// An own certificate, and its key.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A token is nobody's business.
        f.debug_struct("Credentials").field("file", &self.file).finish_non_exhaustive()
    }
}
