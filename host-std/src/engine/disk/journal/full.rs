//! Why nothing can be added.

use std::fmt;
use std::io;

/// Why there is no room for an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Full {
    /// The log has all that it may have.
    Budget(u64),
    /// The disk says so, or has only as much left as giving room back takes.
    Disk(String),
    /// The disk doesn't work.
    Fails(String),
}

impl From<io::Error> for Full {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Disk(error.to_string()),
            _ => Self::Fails(error.to_string()),
        }
    }
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Budget(most) => write!(f, "--disk has {most} bytes, and all are taken"),
            Self::Disk(why) | Self::Fails(why) => f.write_str(why),
        }
    }
}
