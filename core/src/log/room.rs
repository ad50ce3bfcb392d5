//! What has no room.

/// A record that can't be stored now: the log would have to be emptier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl core::fmt::Display for Full {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the log is full")
    }
}

impl core::error::Error for Full {}

/// An item or a message that the storage could not hold even if it were empty. It was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TooLarge {
    /// Its length in bytes.
    pub len: usize,
    /// Size of the storage in bytes.
    pub capacity: usize,
}

impl core::fmt::Display for TooLarge {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} bytes do not fit into a storage of {} bytes", self.len, self.capacity)
    }
}

impl core::error::Error for TooLarge {}
