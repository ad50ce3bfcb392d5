//! What became of a command.

use core::ops::ControlFlow;

use super::allowance::Allowance;
use super::refusal::Refusal;
use super::{Name, QueueSettings, TopicSettings};
use crate::queue::leases::{self, State};
use crate::time::Time;

/// What became of a command; what there is to be told at length was [taken](Sink::take) before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Messages are the newest of their topic.
    Published(Published),
    /// Items were put, or had been before under the same id.
    Put {
        /// How many.
        items: u64,
        /// Whether they had been put before.
        duplicate: bool,
    },
    /// So many items, topics, queues or counters of one were told.
    Told(u64),
    /// So many leases were settled, and so many were over.
    Settled {
        /// Done.
        done: u64,
        /// Over, or never there.
        over: u64,
    },
    /// What was asked for was done to some items.
    Moved {
        /// How many.
        items: u64,
        /// Whether there may be more: whoever asks again goes on, and others had their turn in between.
        more: bool,
    },
    /// A walk over a queue begins.
    Dump(Dump),
    /// Counters of a topic.
    TopicStats(TopicStats),
    /// It was made.
    Created,
    /// It was changed, or is as it was asked for.
    Changed,
    /// It is gone.
    Removed,
    /// Nothing has happened.
    Refused(Refusal),
}

impl Outcome {
    /// Whether the same command, executed again, goes on with what it has begun.
    pub const fn has_more(&self) -> bool {
        matches!(self, Self::Moved { more: true, .. })
    }

    /// The outcome of a command that went on, with what it had moved before.
    #[must_use]
    pub const fn after(self, before: &Self) -> Self {
        match (self, before) {
            (Self::Moved { items, more }, Self::Moved { items: moved, .. }) => {
                Self::Moved { items: items.saturating_add(*moved), more }
            }
            _ => self,
        }
    }
}

/// What a publisher is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// The topic.
    pub topic: Name,
    /// Sequence number of the first message; if there is none, the next one to be published.
    pub first: u64,
    /// How many messages there were; when they come again, how many there were the first time.
    pub messages: u64,
    /// How many of them had been published before under the same id.
    pub duplicates: u64,
    /// Subscribers of the topic.
    pub subscribers: u64,
}

/// How far a walk over a queue has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dump {
    /// The queue.
    pub queue: Name,
    /// Where in it, as only the engine understands.
    pub walk: leases::Mark,
}

/// The counters of a topic. Counts wrap at 2^64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TopicStats {
    /// Subscribers now.
    pub subscribers: u64,
    /// Subscribers so far.
    pub subscriptions: u64,
    /// Messages published, since the last reset.
    pub received: u64,
    /// Messages handed to a subscriber, counted once for each, since the last reset.
    pub sent: u64,
    /// Messages published since the topic was made, whatever was reset.
    pub received_ever: u64,
    /// Messages handed to a subscriber, counted once for each, since the topic was made.
    pub sent_ever: u64,
    /// Subscribers that were too slow and had to go.
    pub kicked: u64,
    /// Messages that came again under an id that was known.
    pub duplicates: u64,
    /// Ids that were forgotten before their window was over, for want of room: under such a one messages count again.
    pub forgotten_early: u64,
    /// Messages held, and their bytes.
    pub messages: u64,
    /// Bytes of the messages held.
    pub bytes: u64,
    /// Sequence number of the oldest message held; if there is none, the same as `next`.
    pub first: u64,
    /// Sequence number that the next message gets.
    pub next: u64,
}

/// The counters of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueStats {
    /// What the queue counts, since it was made.
    pub counters: leases::Counters,
    /// Items put and got since the last reset, as the original counts them.
    pub puts: u64,
    /// Items that were delivered, since the last reset.
    pub gets: u64,
    /// Items that came again under an id that was known.
    pub duplicates: u64,
    /// Ids that were forgotten before their window was over, for want of room: under such a one items count again.
    pub forgotten_early: u64,
    /// Messages of its topic that its filter did not let pass.
    ///
    /// These and the sampled ones were never accepted, and are in no sum of those that were.
    pub filtered: u64,
    /// Messages of its topic that passed the filter, and were passed over because only one of so many is put.
    pub sampled: u64,
    /// Items of all queues that had to leave and are in no log, if there is one.
    pub unlogged: u64,
    /// Whether it is paused.
    pub paused: bool,
    /// When the oldest item that is ready was put.
    pub oldest: Option<Time>,
}

/// One thing of those that a command has to tell.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Part<'a> {
    /// An item of a queue.
    Item(Item<'a>),
    /// A token whose lease is over, or that never was one.
    Over(&'a [u8]),
    /// A topic.
    Topic(Name, &'a TopicSettings, &'a TopicStats),
    /// A queue.
    Queue(Name, &'a QueueSettings, &'a QueueStats),
    /// Counters of a queue: those that begin anew only do once they are taken.
    QueueStats(&'a QueueStats),
}

/// An item of a queue, lent to be told.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    /// What the queue knows of it.
    pub item: leases::Item<'a>,
    /// In which state it is, once it was told.
    pub state: State,
}

/// Where a command tells what it has to tell.
pub trait Sink {
    /// Takes one part. Whoever breaks has not taken it: an item stays where it was, and nothing more is told.
    fn take(&mut self, part: Part<'_>) -> ControlFlow<()>;

    /// How much it takes of items, where that has to be known before.
    fn allowance(&self) -> Allowance {
        Allowance::ALL
    }

    /// Keeps room for so many bytes of items, as an [allowance](Allowance::cost) counts them, before they are told; returns
    /// for how many there is room, which then is there.
    fn keep(&mut self, bytes: u64) -> u64 {
        let _ = bytes;
        u64::MAX
    }
}

impl<F: FnMut(Part<'_>) -> ControlFlow<()>> Sink for F {
    fn take(&mut self, part: Part<'_>) -> ControlFlow<()> {
        self(part)
    }
}
