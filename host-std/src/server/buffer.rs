//! The body of an answer, with what it counts for.

use std::ops::Deref;

use super::budget::Share;
use super::spare;

/// The body of an answer. What of it is more than each connection has anyway may be counted already, as it was written
/// long before it is sent.
#[derive(Debug, Default)]
pub struct Buffer {
    bytes: Vec<u8>,
    /// Few have one.
    share: Option<Box<Share>>,
}

impl Buffer {
    /// What was written, and what was counted for it.
    pub(crate) fn new(bytes: Vec<u8>, share: Option<Share>) -> Self {
        Self { bytes, share: share.map(Box::new) }
    }

    /// What it counts for, if that is anything; from now on it counts for nothing.
    pub(super) fn take_share(&mut self) -> Option<Share> {
        self.share.take().map(|share| *share)
    }

    /// What was written.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Gives what was written in back to whoever needs it next.
    pub(super) fn give(self) {
        spare::give(self.bytes);
    }
}

impl From<Vec<u8>> for Buffer {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, share: None }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}
