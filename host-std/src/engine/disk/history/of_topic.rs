//! The history of one topic.

use std::collections::VecDeque;

use streamgauge_core::engine::TopicSettings;
use streamgauge_core::time::Time;

use super::Extent;
use super::extent::Run;

/// Where the messages of a topic lie, in the order of their numbers. Some may be left out, that nothing is known of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct History {
    extents: VecDeque<Extent>,
    messages: u64,
    bytes: u64,
    /// When the newest message was published that has left; [`Time::ZERO`] if none has.
    left: Time,
}

/// An extent has such a part of the bytes that a topic keeps: so finely they leave, and so few extents there are.
const PART: u64 = 64;

/// But so many bytes at least.
const LEAST: u64 = 64 << 10;

impl History {
    /// What was saved.
    pub(super) fn of(extents: VecDeque<Extent>, left: Time) -> Self {
        let sum = |of: fn(&Extent) -> u64| extents.iter().map(of).fold(0, u64::saturating_add);
        let (messages, bytes) = (sum(|extent| extent.count), sum(|extent| extent.bytes));
        Self { extents, messages, bytes, left }
    }

    /// Goes on with messages that were published to a topic of so many bytes. O(1).
    pub(super) fn add(&mut self, run: &Run, limit: u64) {
        if self.next().is_some_and(|next| next > run.first) {
            // What was before is of another life of the topic: none of it is told under these numbers.
            *self = Self::default();
        }
        let most = (limit / PART).max(LEAST);
        if !self.extents.back_mut().is_some_and(|last| last.extend(run, most)) {
            self.extents.push_back(Extent::of(run));
        }
        self.messages += run.count;
        self.bytes += run.bytes;
    }

    /// Lets the oldest leave, as far as the rest still has as much as the topic keeps, or where they are too old. O(1), and
    /// what leaves.
    pub(super) fn retain(&mut self, settings: &TopicSettings, now: Time) {
        while let Some(first) = self.extents.front() {
            if self.bytes.saturating_sub(first.bytes) < settings.bytes && !is_old(first, settings, now) {
                break;
            }
            self.pop();
        }
    }

    /// Lets leave what lies in a segment and before, and returns how many messages that were.
    pub(super) fn give_up(&mut self, segment: u32) -> u64 {
        let before = self.messages;
        while self.extents.front().is_some_and(|first| first.begin.segment <= segment) {
            self.pop();
        }
        before - self.messages
    }

    pub(super) fn renumber(&mut self, by: u64) {
        self.extents.iter_mut().for_each(|extent| extent.first = extent.first.saturating_add(by));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.extents.is_empty()
    }

    /// The number of the oldest message; 0 if there is none.
    pub(crate) fn first(&self) -> u64 {
        self.extents.front().map_or(0, |extent| extent.first)
    }

    /// The number behind the newest message, if there is one.
    pub(super) fn next(&self) -> Option<u64> {
        self.extents.back().map(Extent::next)
    }

    /// When the newest message was published that has left; [`Time::ZERO`] if none has.
    pub(crate) const fn left(&self) -> Time {
        self.left
    }

    /// The number of the oldest message, how many there are and their bytes, but for extents of which all are too old.
    pub(super) fn counted(&self, settings: &TopicSettings, now: Time) -> (u64, u64, u64) {
        let mut counted = (self.first(), self.messages, self.bytes);
        for old in self.extents.iter().take_while(|extent| is_old(extent, settings, now)) {
            counted = (old.next(), counted.1.saturating_sub(old.count), counted.2.saturating_sub(old.bytes));
        }
        counted
    }

    /// All extents, the oldest first.
    pub(crate) fn extents(&self) -> impl Iterator<Item = &Extent> {
        self.extents.iter()
    }

    /// The extent with the message of a number, or the first one behind it. O(log n).
    pub(crate) fn at(&self, number: u64) -> Option<Extent> {
        self.extents.get(self.extents.partition_point(|extent| extent.next() <= number)).copied()
    }

    /// The first extent with a message that was published then or later. O(log n).
    pub(crate) fn since(&self, time: Time) -> Option<Extent> {
        self.extents.get(self.extents.partition_point(|extent| extent.until < time)).copied()
    }

    /// Payload bytes from a number on, about. O(n).
    pub(crate) fn bytes_from(&self, number: u64) -> u64 {
        let of = |extent: &Extent| {
            let left = extent.next().saturating_sub(number).min(extent.count);
            u128::from(extent.bytes) * u128::from(left) / u128::from(extent.count.max(1))
        };
        u64::try_from(self.extents.iter().map(of).sum::<u128>()).unwrap_or(u64::MAX)
    }

    fn pop(&mut self) {
        if let Some(extent) = self.extents.pop_front() {
            self.messages -= extent.count;
            self.bytes -= extent.bytes;
            self.left = self.left.max(extent.until);
        }
    }
}

/// Whether all messages of an extent are older than a topic keeps them.
fn is_old(extent: &Extent, settings: &TopicSettings, now: Time) -> bool {
    settings.max_age.is_some_and(|age| extent.until.after(age) <= now)
}
