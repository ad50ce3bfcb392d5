//! What a topic may keep, and what became of what it was given.

use core::time::Duration;

/// What a [`Topic`](super::Topic) keeps and accepts, beside what its storage has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Messages leave when they are older; `None` for never.
    pub max_age: Option<Duration>,
    /// The longest message in bytes.
    pub max_message_bytes: usize,
    /// The most subscribers at a time.
    pub max_subscribers: usize,
}

impl Settings {
    /// Only the storage limits the topic.
    pub const NONE: Self = Self { max_age: None, max_message_bytes: usize::MAX, max_subscribers: usize::MAX };
}

impl Default for Settings {
    fn default() -> Self {
        Self::NONE
    }
}

/// What a [`Topic`](super::Topic) has done and holds. Counts wrap at 2^64.
///
/// `published == held + evicted + expired`, always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Messages that were published.
    pub published: u64,
    /// Their payload bytes.
    pub published_bytes: u64,
    /// Messages in the log.
    pub held: u64,
    /// Their payload bytes.
    pub held_bytes: u64,
    /// Messages that left to make room for newer ones.
    pub evicted: u64,
    /// Messages that left because of their age.
    pub expired: u64,
    /// Messages that were refused because of a limit, each of a batch counted.
    pub refused: u64,
    /// Messages handed to subscribers, over all of them.
    pub delivered: u64,
    /// Subscribers now.
    pub subscribers: u64,
    /// Subscribers so far.
    pub subscribed: u64,
}

/// A limit on the length of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// [`Settings::max_message_bytes`].
    MessageBytes,
    /// The log's storage.
    LogBytes,
}

impl Limit {
    /// What it is called in flags and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MessageBytes => "max-message-bytes",
            Self::LogBytes => "log-bytes",
        }
    }
}

/// A message that is too large for a topic. It was not published, and nothing with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct OverLimit {
    /// Length of the message in bytes: of the longest, in a batch.
    pub len: usize,
    /// The limit that it is over.
    pub limit: Limit,
    /// What the limit is, in bytes.
    pub most: usize,
}

impl core::fmt::Display for OverLimit {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { len, limit, most } = self;
        write!(f, "message of {len} bytes is over the limit {} {most}", limit.name())
    }
}

impl core::error::Error for OverLimit {}
