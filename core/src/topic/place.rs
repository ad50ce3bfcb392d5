//! Subscribers: their places, what they get, their accounts.

use crate::log::Position;

/// Room for one subscriber.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place {
    pub(super) state: State,
    pub(super) generation: u32,
}

impl Place {
    /// A place that no subscriber has.
    pub const FREE: Self = Self { state: State::Free { next: None }, generation: 0 };
}

#[derive(Debug, Clone, Copy)]
pub(super) enum State {
    Free { next: Option<u32> },
    Used(Account),
}

/// What is kept of a subscriber.
#[derive(Debug, Clone, Copy)]
pub(super) struct Account {
    pub(super) position: Position,
    pub(super) since: u64,
    pub(super) received: u64,
    pub(super) lagged: u64,
    pub(super) skipped: u64,
    pub(super) sampled_out: u64,
    pub(super) filtered: u64,
}

impl Account {
    pub(super) const fn new(position: Position) -> Self {
        let since = position.sequence();
        Self { position, since, received: 0, lagged: 0, skipped: 0, sampled_out: 0, filtered: 0 }
    }
}

impl Default for State {
    fn default() -> Self {
        Self::Free { next: None }
    }
}

/// A subscriber. An id that was given back is never mistaken for the next one in its place
/// (until 2^32 subscribers have had that place).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Id {
    pub(super) slot: u32,
    pub(super) generation: u32,
}

impl Id {
    /// The index of its place.
    pub(crate) const fn slot(&self) -> u32 {
        self.slot
    }
}

/// What [`Fanout::next`](super::Fanout::next) has for a subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next<'a> {
    /// The oldest message that the subscriber has not seen.
    Message(&'a [u8]),
    /// So many messages left before the subscriber read them; the next call goes on after them.
    Lagged(u64),
    /// The subscriber has seen everything.
    Empty,
}

/// A subscriber's account. Counts wrap at 2^64.
///
/// `published == received + lagged + skipped + sampled_out + filtered + pending`, always: each message has one fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Delivery {
    /// Messages published since it subscribed (or since the message it resumed from).
    pub published: u64,
    /// Messages handed to it, and not withheld since.
    pub received: u64,
    /// Messages that left before it read them.
    pub lagged: u64,
    /// Messages that a lag policy passed over while they were held
    /// ([`skip_to`](super::Fanout::skip_to)).
    pub skipped: u64,
    /// Messages that were withheld because they come too fast for it.
    pub sampled_out: u64,
    /// Messages that were withheld because a filter dropped them.
    pub filtered: u64,
    /// Messages in the log that it has yet to read.
    pub pending: u64,
    /// Payload bytes published since it subscribed that it has neither read nor been told it lost. Of what had left
    /// the log before it resumed nobody knows the size.
    pub bytes_behind: u64,
}

/// Why a message was not given to a subscriber, though it was its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withheld {
    /// It came sooner than the subscriber's rate allows: see [`Pacer`](super::Pacer).
    Sampled,
    /// A filter of the subscriber's drops it.
    Filtered,
}

/// Every place is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TooManySubscribers {
    /// How many there are, and can be.
    pub limit: usize,
}

impl core::fmt::Display for TooManySubscribers {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "all {} subscriber places are taken", self.limit)
    }
}

impl core::error::Error for TooManySubscribers {}

/// The id belongs to nobody: it was unsubscribed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsubscribed;

impl core::fmt::Display for Unsubscribed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the subscription has ended")
    }
}

impl core::error::Error for Unsubscribed {}
