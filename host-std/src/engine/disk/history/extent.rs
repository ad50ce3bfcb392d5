//! Messages of a topic that lie in one segment.

use streamgauge_core::time::Time;

use crate::engine::disk::log::Position;

/// Messages of a topic with consecutive numbers, in the entries of one segment between two places. What other entries
/// are between them is not part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    /// The number of the first message.
    pub(crate) first: u64,
    /// How many there are, which is not 0.
    pub(crate) count: u64,
    /// Their payload bytes.
    pub(crate) bytes: u64,
    /// Where the first entry begins.
    pub(crate) begin: Position,
    /// Behind the last entry, in the same segment.
    pub(crate) end: u32,
    /// No message was published before, and none after.
    pub(crate) since: Time,
    pub(crate) until: Time,
    /// Whether the first entry tells them again, and has not published them.
    pub(crate) is_retold: bool,
}

/// Messages that were published together, and their entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) first: u64,
    pub(super) count: u64,
    pub(super) bytes: u64,
    pub(super) begin: Position,
    pub(super) end: u32,
    pub(super) at: Time,
}

impl Extent {
    pub(super) const fn of(run: &Run) -> Self {
        let Run { first, count, bytes, begin, end, at } = *run;
        Self { first, count, bytes, begin, end, since: at, until: at, is_retold: false }
    }

    /// The number behind the last message.
    pub(crate) const fn next(&self) -> u64 {
        self.first.saturating_add(self.count)
    }

    /// Bytes that its messages take in an entry that tells them again, about.
    pub(crate) const fn told_len(&self) -> u64 {
        told_len(self.count, self.bytes).saturating_add(BESIDE)
    }

    /// Goes on with messages that follow in the same segment, unless it has so many bytes; whether it does.
    pub(super) fn extend(&mut self, run: &Run, most: u64) -> bool {
        let follows = run.begin.segment == self.begin.segment && run.first == self.next();
        let extends = follows && self.bytes < most;
        if extends {
            self.count += run.count;
            self.bytes += run.bytes;
            self.end = run.end;
            self.until = self.until.max(run.at);
        }
        extends
    }
}

/// Bytes of an entry beside its messages, and what stands beside each of these, about.
const BESIDE: u64 = 64;
const BESIDE_EACH: u64 = 4;

/// Bytes that so many messages of so many bytes take in an entry, about.
pub(super) const fn told_len(messages: u64, bytes: u64) -> u64 {
    messages.saturating_mul(BESIDE_EACH).saturating_add(bytes)
}
