//! Why a command was refused.

use core::fmt;

use super::{Kind, Name};

/// Why a command was refused; it has changed nothing.
///
/// As text it is one line, without its end, that names the limit it met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// A message or an item is longer than a limit.
    TooLarge {
        /// `message` or `item`.
        what: &'static str,
        /// How long it is in bytes.
        len: usize,
        /// The limit, as its flag or setting is called.
        limit: &'static str,
        /// The limit in bytes.
        bytes: u64,
    },
    /// A queue that refuses rather than drops is full, or all that it holds is leased.
    Full {
        /// The queue.
        queue: Name,
        /// The limit that it met.
        limit: &'static str,
        /// The limit: items, or bytes.
        most: u64,
    },
    /// There is none of that name.
    Missing(Kind, Name),
    /// The budget has no room for it.
    NoRoom {
        /// Bytes that it needs.
        needed: u64,
        /// Bytes of the budget.
        budget: u64,
        /// Bytes that are held already, by how many topics and queues.
        held: u64,
        /// How many topics and queues hold them.
        names: u64,
    },
    /// As many topics or queues as there may be.
    TooMany {
        /// Of which kind.
        kind: Kind,
        /// How many there may be.
        limit: u64,
    },
    /// As many items as there may be are leased, delayed or dead.
    TooManySetAside {
        /// The queue.
        queue: Name,
        /// How many there may be.
        limit: u64,
    },
    /// As many subscribers as there may be.
    TooManySubscribers {
        /// How many there may be.
        limit: u64,
    },
    /// What is kept has no room on the disk.
    NoDisk {
        /// Bytes that it may take there, if that is why.
        budget: Option<u64>,
        /// Whether the disk doesn't work; if it does, and there is no budget, it is full.
        fails: bool,
    },
    /// What is done has no room in the log that several servers follow.
    LogFull {
        /// The most bytes of it, if there is a bound of its own.
        most: Option<u64>,
    },
    /// Not now: why, and it may be asked for again.
    Busy(&'static str),
    /// What is asked for contradicts what there is.
    Conflict(&'static str),
    /// No engine of this server does it.
    NotImplemented(&'static str),
}

impl Refusal {
    /// What kind of problem it is, for programs: the last part of its address. It never changes.
    pub const fn problem(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too-large",
            Self::Full { .. } => "queue-full",
            Self::Missing(Kind::Topic, _) => "no-such-topic",
            Self::Missing(Kind::Queue, _) => "no-such-queue",
            Self::NoRoom { .. } => "no-room",
            Self::NoDisk { .. } => "no-disk",
            Self::LogFull { .. } => "log-full",
            Self::TooMany { .. } => "too-many-names",
            Self::TooManySetAside { .. } => "too-many-set-aside",
            Self::TooManySubscribers { .. } => "too-many-subscribers",
            Self::Busy(_) => "busy",
            Self::Conflict(_) => "conflict",
            Self::NotImplemented(_) => "not-implemented",
        }
    }

    /// The limit that was met, as its flag or setting is called.
    pub const fn limit(&self) -> Option<(&'static str, u64)> {
        match self {
            Self::TooLarge { limit, bytes: most, .. } | Self::Full { limit, most, .. } => Some((limit, *most)),
            Self::NoRoom { budget, .. } => Some(("memory", *budget)),
            Self::NoDisk { budget: Some(budget), .. } => Some(("disk", *budget)),
            Self::LogFull { most: Some(most) } => Some(("engine-bytes", *most)),
            Self::TooMany { limit, .. } => Some(("max-names", *limit)),
            Self::TooManySetAside { limit, .. } => Some(("max-set-aside", *limit)),
            Self::TooManySubscribers { limit } => Some(("max-subscribers", *limit)),
            _ => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { what, len, limit, bytes } => {
                write!(f, "{what} of {len} bytes is over the limit {limit} {bytes}")
            }
            Self::Full { queue, limit, most } => {
                write!(f, "the queue {queue} is full: the limit {limit} {most} is reached")
            }
            Self::Missing(kind, name) => write!(f, "there is no {} {name}", kind.as_str()),
            Self::NoRoom { needed, budget, held, names } => write!(
                f,
                "{needed} bytes do not fit into the budget memory {budget}: {names} topics and queues hold {held}"
            ),
            Self::NoDisk { budget: Some(budget), .. } => {
                write!(f, "the limit disk {budget} is reached: what is kept takes all of it")
            }
            Self::NoDisk { fails: true, .. } => f.write_str("the disk fails, and what can't be kept is not accepted"),
            Self::NoDisk { .. } => f.write_str("the disk is full, and what can't be kept is not accepted"),
            Self::LogFull { most: Some(most) } => {
                write!(f, "the limit engine-bytes {most} is reached: the engine's log is full")
            }
            Self::LogFull { .. } => f.write_str("the engine has no room for its log"),
            Self::TooMany { kind, limit } => {
                write!(f, "the limit max-names {limit} is reached: no more {}s", kind.as_str())
            }
            Self::TooManySetAside { queue, limit } => {
                write!(f, "{limit} items of the queue {queue} are leased, delayed or dead: no more fit into memory")
            }
            Self::TooManySubscribers { limit } => write!(f, "the limit max-subscribers {limit} is reached"),
            Self::Busy(why) | Self::Conflict(why) | Self::NotImplemented(why) => f.write_str(why),
        }
    }
}

impl core::error::Error for Refusal {}
