//! Where a subscriber begins.

use super::Id;
use crate::time::Time;

/// Where a subscriber of a [`Topic`](super::Topic) begins.
///
/// Sequence numbers are compared as numbers: those below the topic's first are from an earlier life of the server,
/// of which nothing is known; those above its newest are yet to come, which nobody can have seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum From {
    /// With what is published from now on.
    #[default]
    Now,
    /// With the first message of all; what has left counts as lagged.
    First,
    /// With the message of this number. One of an earlier life counts as the first of all, one that is yet to come
    /// as [`Now`](Self::Now).
    Sequence(u64),
    /// After the message of this number, the last one that the subscriber saw (a `Last-Event-ID`). One of an earlier
    /// life begins with the first of all, one that is yet to come counts as the newest.
    After(u64),
    /// With the first message that was published then or later.
    Time(Time),
}

/// A new subscriber, and where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Begun {
    /// The subscriber.
    pub id: Id,
    /// The number of the first message that it will get, if none leaves before.
    pub first: u64,
    /// What it asked for and won't get.
    pub missed: Missed,
}

/// How many messages a subscriber asked for that are gone. If that is not 0, its first
/// [`Next`](super::Next) is [`Lagged`](super::Next::Lagged) by as many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    /// So many.
    Exactly(u64),
    /// So many, and nobody knows how many before: of an earlier life, or between a time long gone and what is held.
    AtLeast(u64),
}

/// What a number is to those that messages have here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// A message published here.
    Known,
    /// Of an earlier life, whose numbers were lower.
    EarlierLife,
    /// Higher than the newest.
    YetToCome,
}

/// What `sequence` is, where the first message has the number `origin` and so many were published.
pub(super) const fn asked(sequence: u64, origin: u64, published: u64) -> Asked {
    if sequence.wrapping_sub(origin) < published {
        Asked::Known
    } else if sequence < origin {
        Asked::EarlierLife
    } else {
        Asked::YetToCome
    }
}
