//! What has come from a client and is not answered.

use super::spare;

/// A buffer that is only there while there is something in it.
#[derive(Debug, Default)]
pub(super) struct Input {
    pub(super) bytes: Vec<u8>,
    /// Bytes at the front that are answered.
    start: usize,
}

impl Input {
    pub(super) fn unread(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.len() <= self.start
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.bytes.len());
    }

    /// Makes what is unread the whole of `bytes`; without any, the buffer is given back.
    pub(super) fn settle(&mut self) {
        if self.is_empty() {
            spare::give(std::mem::take(&mut self.bytes));
        } else {
            self.bytes.drain(..self.start);
        }
        self.start = 0;
    }

    /// Takes `range` out of what is unread, which has been [settled](Self::settle).
    pub(super) fn remove(&mut self, range: std::ops::Range<usize>) {
        let end = range.end.min(self.bytes.len());
        self.bytes.drain(range.start.min(end)..end);
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        spare::give(std::mem::take(&mut self.bytes));
    }
}
