//! Where an answer's body is written, with a bound.

use std::fmt;

use embedded_io::{ErrorKind, ErrorType, Write};

use crate::server::spare;

/// An answer with a bound. What does not fit is not written at all, so that an item is whole or stays queued.
#[derive(Debug)]
pub(super) struct Room {
    bytes: Vec<u8>,
    most: usize,
}

/// Kept for the separator behind an item that just fits.
pub(super) const SEPARATOR: usize = 16;

impl Room {
    /// For at most so many bytes.
    pub(super) const fn new(most: usize) -> Self {
        Self { bytes: Vec::new(), most }
    }

    pub(super) fn into_bytes(mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        spare::give(std::mem::take(&mut self.bytes));
    }
}

/// What was to be written is longer than the room that is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoRoom;

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no room for the answer")
    }
}

impl std::error::Error for NoRoom {}

impl embedded_io::Error for NoRoom {
    fn kind(&self) -> ErrorKind {
        ErrorKind::OutOfMemory
    }
}

impl ErrorType for Room {
    type Error = NoRoom;
}

impl Write for Room {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, NoRoom> {
        let room = self.most.saturating_sub(self.bytes.len());
        let is_tight = bytes.len() > SEPARATOR && bytes.len().saturating_add(SEPARATOR) > room;
        if is_tight || bytes.len() > room {
            return Err(NoRoom);
        }
        if self.bytes.capacity() == 0 {
            self.bytes = spare::output();
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), NoRoom> {
        Ok(())
    }
}
