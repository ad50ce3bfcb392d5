//! What commands take of the log at the most, and why they are refused where it has no room.

use streamgauge_core::engine::{Command, Lease, Refusal};

use crate::engine::disk::journal::{Brings, Full};
use crate::engine::memory::MOST_REFUSED;

/// Bytes of an entry beside what it says of items, tokens and settings: of names, numbers, and requests that were refused.
pub(crate) const SMALL: usize = 512 + 4 * MOST_REFUSED;

/// What clients are told when nobody knows what became of their request.
pub(crate) const FAILED: &str = "the disk has failed: whether this has happened is known when the server runs again";

/// What a command takes in the log at the most, and what it does to how much is kept.
pub(crate) fn most_bytes(command: &Command<'_>) -> (usize, Brings) {
    match command {
        Command::Publish { messages: pieces, .. } | Command::Put { items: pieces, .. } => {
            (pieces.most_encoded_len().saturating_add(SMALL), Brings::More)
        }
        // A random number for each lease.
        Command::Get { items, lease: Lease::For(_), .. } => {
            (usize::try_from(*items).unwrap_or(usize::MAX).saturating_mul(8).saturating_add(SMALL), Brings::Less)
        }
        Command::Settle { tokens, .. } => (tokens.bytes().saturating_add(SMALL), Brings::Less),
        Command::SetTopic { .. } | Command::SetQueue { .. } => (SETTINGS, Brings::More),
        _ => (SMALL, Brings::Less),
    }
}

/// Bytes of settings.
const SETTINGS: usize = 8 << 10;

/// Why a command is refused that there is no room for.
pub(crate) fn refusal(full: &Full) -> Refusal {
    match full {
        Full::Budget(most) => Refusal::NoDisk { budget: Some(*most), fails: false },
        Full::Disk(_) => Refusal::NoDisk { budget: None, fails: false },
        Full::Fails(_) => Refusal::NoDisk { budget: None, fails: true },
    }
}
