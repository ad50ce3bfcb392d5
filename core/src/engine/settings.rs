//! What a topic or a queue may hold, and how it behaves.

use core::time::Duration;

use super::{Filter, Name};
use crate::queue::leases::Overflow;

/// Settings of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicSettings {
    /// Bytes of messages that are kept for those who lag or come back.
    pub bytes: u64,
    /// Older messages leave.
    pub max_age: Option<Duration>,
    /// The longest message in bytes.
    pub max_message_bytes: u64,
    /// Subscribers at the same time.
    pub max_subscribers: u64,
    /// For so long a message with the id of another is taken for the same.
    pub dedupe_window: Duration,
}

impl TopicSettings {
    /// What a topic has that was not told otherwise.
    pub const DEFAULT: Self = Self {
        bytes: 8 << 20,
        max_age: None,
        max_message_bytes: 1 << 20,
        max_subscribers: 10_000,
        dedupe_window: Duration::from_secs(120),
    };
}

/// Settings of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueSettings {
    /// Bytes that the items may take, with what is kept beside each.
    pub bytes: u64,
    /// The most items that are held, ready, delayed or on lease: all but dead letters; `None` for no limit.
    pub max_depth: Option<u64>,
    /// The most payload bytes of all items that are held, dead letters too; `None` for no limit.
    pub max_bytes: Option<u64>,
    /// The longest item in bytes.
    pub max_item_bytes: u64,
    /// What leaves when a limit is reached.
    pub overflow: Overflow,
    /// How long a lease is that doesn't say so.
    pub lease: Duration,
    /// How long one may be.
    pub max_lease: Duration,
    /// After so many attempts an item is dead; `None`: never.
    pub max_attempts: Option<u16>,
    /// The queue that takes the dead; `None`: they stay in this one, apart.
    pub dead_letter: Option<Name>,
    /// Items that are older are expired.
    pub ttl: Option<Duration>,
    /// For so long an item with the id of another is taken for the same.
    pub dedupe_window: Duration,
    /// The topic whose messages are put here.
    pub topic: Option<Name>,
    /// Which of them: the others are passed over, and counted.
    pub filter: Filter,
    /// Of those that pass the filter, one of so many is put here.
    pub sample: u32,
}

impl QueueSettings {
    /// What a queue has that was not told otherwise.
    pub const DEFAULT: Self = Self {
        bytes: 8 << 20,
        max_depth: None,
        max_bytes: None,
        max_item_bytes: 1 << 20,
        overflow: Overflow::DropOldest,
        lease: Duration::from_secs(60),
        max_lease: Duration::from_secs(15 * 60),
        max_attempts: None,
        dead_letter: None,
        ttl: None,
        dedupe_window: Duration::from_secs(120),
        topic: None,
        filter: Filter::NONE,
        sample: 1,
    };
}

/// The settings that a request names, as changes of those that there are.
///
/// Each member is `None` unless it is named; those that may be absent have an `Option` in it, which `null` empties.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "they are those of TopicSettings")]
pub struct TopicChange {
    pub bytes: Option<u64>,
    pub max_age: Option<Option<Duration>>,
    pub max_message_bytes: Option<u64>,
    pub max_subscribers: Option<u64>,
    pub dedupe_window: Option<Duration>,
}

impl TopicChange {
    /// `settings` with what is named here.
    #[must_use]
    pub fn applied_to(&self, settings: &TopicSettings) -> TopicSettings {
        TopicSettings {
            bytes: self.bytes.unwrap_or(settings.bytes),
            max_age: self.max_age.unwrap_or(settings.max_age),
            max_message_bytes: self.max_message_bytes.unwrap_or(settings.max_message_bytes),
            max_subscribers: self.max_subscribers.unwrap_or(settings.max_subscribers),
            dedupe_window: self.dedupe_window.unwrap_or(settings.dedupe_window),
        }
    }
}

/// The settings of a queue that a request names, as [`TopicChange`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "they are those of QueueSettings")]
pub struct QueueChange {
    pub bytes: Option<u64>,
    pub max_depth: Option<Option<u64>>,
    pub max_bytes: Option<Option<u64>>,
    pub max_item_bytes: Option<u64>,
    pub overflow: Option<Overflow>,
    pub lease: Option<Duration>,
    pub max_lease: Option<Duration>,
    pub max_attempts: Option<Option<u16>>,
    pub dead_letter: Option<Option<Name>>,
    pub ttl: Option<Option<Duration>>,
    pub dedupe_window: Option<Duration>,
    pub topic: Option<Option<Name>>,
    pub filter: Option<Filter>,
    pub sample: Option<u32>,
}

impl QueueChange {
    /// `settings` with what is named here.
    #[must_use]
    pub fn applied_to(&self, settings: &QueueSettings) -> QueueSettings {
        QueueSettings {
            bytes: self.bytes.unwrap_or(settings.bytes),
            max_depth: self.max_depth.unwrap_or(settings.max_depth),
            max_bytes: self.max_bytes.unwrap_or(settings.max_bytes),
            max_item_bytes: self.max_item_bytes.unwrap_or(settings.max_item_bytes),
            overflow: self.overflow.unwrap_or(settings.overflow),
            lease: self.lease.unwrap_or(settings.lease),
            max_lease: self.max_lease.unwrap_or(settings.max_lease),
            max_attempts: self.max_attempts.unwrap_or(settings.max_attempts),
            dead_letter: self.dead_letter.unwrap_or(settings.dead_letter),
            ttl: self.ttl.unwrap_or(settings.ttl),
            dedupe_window: self.dedupe_window.unwrap_or(settings.dedupe_window),
            topic: self.topic.unwrap_or(settings.topic),
            filter: self.filter.unwrap_or(settings.filter),
            sample: self.sample.unwrap_or(settings.sample),
        }
    }
}
