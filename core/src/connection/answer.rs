//! Where an answer's body is written.

use core::fmt;

use embedded_io::{ErrorKind, ErrorType, Write};

/// Room for a body, in storage that never grows.
///
/// A write goes in whole or not at all, and no write panics: unlike the `write_all` that embedded-io provides, this
/// one can't meet an `Ok(0)`.
#[derive(Debug)]
pub struct Answer<'a> {
    storage: &'a mut [u8],
    length: usize,
}

impl<'a> Answer<'a> {
    /// An empty answer that may grow as long as `storage`.
    pub const fn new(storage: &'a mut [u8]) -> Self {
        Self { storage, length: 0 }
    }

    /// What was written.
    pub fn as_bytes(&self) -> &[u8] {
        self.storage.get(..self.length).unwrap_or_default()
    }

    /// Bytes written.
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Whether nothing was written.
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The longest body there can be.
    pub const fn capacity(&self) -> usize {
        self.storage.len()
    }

    /// Takes back all but the first `length` bytes.
    pub fn truncate(&mut self, length: usize) {
        self.length = length.min(self.length);
    }
}

/// What was to be written is longer than the room that is left; nothing of it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnswerFull;

impl fmt::Display for AnswerFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answer is longer than its buffer")
    }
}

impl core::error::Error for AnswerFull {}

impl embedded_io::Error for AnswerFull {
    fn kind(&self) -> ErrorKind {
        ErrorKind::OutOfMemory
    }
}

impl ErrorType for Answer<'_> {
    type Error = AnswerFull;
}

impl Write for Answer<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, AnswerFull> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> Result<(), AnswerFull> {
        Ok(())
    }

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), AnswerFull> {
        let end = self.length.checked_add(bytes.len()).ok_or(AnswerFull)?;
        self.storage.get_mut(self.length..end).ok_or(AnswerFull)?.copy_from_slice(bytes);
        self.length = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_goes_in_whole_or_not_at_all() {
        let mut storage = [0; 4];
        let mut answer = Answer::new(&mut storage);
        assert!(answer.is_empty());
        assert_eq!(answer.write_all(b"abc"), Ok(()));
        assert!(!answer.is_empty());
        assert_eq!(answer.write(b"de"), Err(AnswerFull));
        assert_eq!(answer.write(b""), Ok(0));
        assert_eq!(answer.as_bytes(), b"abc");
        answer.truncate(1);
        assert_eq!(answer.write_all(b"xyz"), Ok(()));
        assert_eq!((answer.as_bytes(), answer.capacity()), (&b"axyz"[..], 4));
    }
}
