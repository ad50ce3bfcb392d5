//! How long panes are, and how far back a reading reaches.

use core::time::Duration;

use crate::time::Time;

/// The most panes that a window may have.
pub const MOST_PANES: u32 = 4096;

/// How long a pane is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Every {
    /// In time, whole milliseconds of it, counted from the beginning of [`Time`](crate::time::Time).
    Time(Duration),
    /// In messages.
    Messages(u64),
}

/// How far back a reading reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Last {
    /// In time, whole milliseconds of it.
    Time(Duration),
    /// In messages.
    Messages(u64),
}

impl Every {
    /// How many panes reach back so far, the one that has just begun beside them; `None` when one is in time and the
    /// other in messages, or a pane is empty.
    #[must_use]
    pub(in crate::gauge) fn panes(self, last: Last) -> Option<u64> {
        let (pane, all) = match (self, last) {
            (Self::Time(pane), Last::Time(all)) => (millis(pane), millis(all)),
            (Self::Messages(pane), Last::Messages(all)) => (pane, all),
            (Self::Time(_), Last::Messages(_)) | (Self::Messages(_), Last::Time(_)) => return None,
        };
        (pane > 0).then(|| all.div_ceil(pane))
    }
}

/// A duration in milliseconds, as far as a [`Time`](crate::time::Time) holds it.
pub(in crate::gauge) fn millis(duration: Duration) -> u64 {
    Time::ZERO.after(duration).as_millis()
}

/// A duration in milliseconds, if it is whole ones and a [`Time`](crate::time::Time) could hold it.
pub(super) fn whole_millis(duration: Duration) -> Option<u64> {
    let is_whole = duration.subsec_nanos().is_multiple_of(1_000_000);
    u64::try_from(duration.as_millis()).ok().filter(|_| is_whole)
}
