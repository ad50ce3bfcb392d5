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
    /// When the first message was published, and the last.
    pub(crate) since: Time,
    pub(crate) until: Time,
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
        Self { first, count, bytes, begin, end, since: at, until: at }
    }

    /// The number behind the last message.
    pub(crate) const fn next(&self) -> u64 {
        self.first.saturating_add(self.count)
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
