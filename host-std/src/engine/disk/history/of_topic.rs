//! The history of one topic.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;

use streamgauge_core::engine::TopicSettings;
use streamgauge_core::engine::journal::Retold;
use streamgauge_core::time::Time;

use super::Extent;
use super::extent::Run;
use crate::engine::disk::log::Position;

/// Where the messages of a topic lie, in the order of their numbers, which is not that of their places: what was told again
/// lies behind what came later. Some may be left out, that nothing is known of.
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

/// But so many bytes at least, as what is told again together.
pub(crate) const LEAST: u64 = 64 << 10;

impl History {
    /// What was saved.
    pub(super) fn of(extents: VecDeque<Extent>, left: Time) -> Self {
        let sum = |of: fn(&Extent) -> u64| extents.iter().map(of).fold(0, u64::saturating_add);
        let (messages, bytes) = (sum(|extent| extent.count), sum(|extent| extent.bytes));
        Self { extents, messages, bytes, left }
    }

    /// Goes on with messages that were published to a topic of so many bytes; whether that takes an extent more. O(1).
    pub(super) fn add(&mut self, run: &Run, limit: u64) -> bool {
        if self.next().is_some_and(|next| next > run.first) {
            // What was before is of another life of the topic: none of it is told under these numbers.
            *self = Self::default();
        }
        let most = (limit / PART).max(LEAST);
        let is_more = !self.extents.back_mut().is_some_and(|last| last.extend(run, most));
        if is_more {
            self.extents.push_back(Extent::of(run));
        }
        self.messages += run.count;
        self.bytes += run.bytes;
        is_more
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

    /// Lets messages lie in an entry between two places from now on that were told again there, if all of them lie where
    /// they are said to have. O(n).
    pub(super) fn retell(&mut self, retold: &Retold<'_>, begin: Position, end: u32) {
        let Some((of, told, rest)) = self.told_again(retold) else { return };
        let at = of.start;
        self.extents.drain(of);
        self.extents.insert(at, Extent { begin, end, is_retold: true, ..told });
        if let Some(rest) = rest {
            self.extents.insert(at + 1, rest);
        }
    }

    /// Whether all of them lie where they are said to. O(messages).
    pub(crate) fn has(&self, retold: &Retold<'_>) -> bool {
        self.told_again(retold).is_some()
    }

    /// The extents that messages are of which are told again, these messages as one, and what is left of the last extent.
    fn told_again(&self, retold: &Retold<'_>) -> Option<(Range<usize>, Extent, Option<Extent>)> {
        let (from, behind) = (Position::from_number(retold.from), Position::from_number(retold.behind));
        let at = self.extents.partition_point(|extent| extent.first < retold.first);
        let first = self.extents.get(at).filter(|extent| extent.first == retold.first && extent.begin == from)?;
        let mut told = Extent { count: 0, bytes: 0, since: Time::from_millis(u64::MAX), until: Time::ZERO, ..*first };
        for message in retold.iter() {
            told.count += 1;
            told.bytes += message.data.len() as u64;
            (told.since, told.until) = (told.since.min(message.at), told.until.max(message.at));
        }
        let (mut next, mut count, mut bytes) = (told.first, told.count, told.bytes);
        for (at_last, extent) in self.extents.iter().enumerate().skip(at) {
            if extent.first != next || count == 0 {
                return None;
            }
            let of = at..at_last + 1;
            if count < extent.count {
                let is_in = Position { offset: behind.offset, ..extent.begin } == behind
                    && (extent.begin.offset + 1..extent.end).contains(&behind.offset);
                let rest = Extent {
                    first: next.saturating_add(count),
                    count: extent.count - count,
                    bytes: extent.bytes.checked_sub(bytes)?,
                    begin: behind,
                    is_retold: false,
                    ..*extent
                };
                return is_in.then_some((of, told, Some(rest)));
            }
            (next, count, bytes) = (extent.next(), count - extent.count, bytes.checked_sub(extent.bytes)?);
            if count == 0 {
                let is_all = bytes == 0 && behind == extent.begin.with_offset(extent.end);
                return is_all.then_some((of, told, None));
            }
        }
        None
    }

    /// Lets all leave that lies in a segment, and what is older, and returns how many messages that were.
    pub(super) fn give_up(&mut self, segment: u32) -> u64 {
        let last = self.extents.iter().rposition(|extent| extent.begin.segment == segment);
        self.leave(last.map_or(0, |last| last + 1))
    }

    /// Lets the oldest extent leave, unless it is the last one, and returns how many messages that were.
    pub(super) fn shorten(&mut self) -> u64 {
        self.leave(usize::from(self.extents.len() > 1))
    }

    /// Puts in the place of each extent what `whole` says of it.
    ///
    /// # Errors
    /// Those of `whole`.
    pub(super) fn lose(&mut self, mut whole: impl FnMut(&Extent) -> io::Result<Vec<Extent>>) -> io::Result<()> {
        let (mut left, mut kept) = (self.left, VecDeque::new());
        for extent in &self.extents {
            let whole = whole(extent)?;
            if kept.is_empty() && whole.first().is_none_or(|first| first.first > extent.first) {
                // Nothing is in front of what is lost, as of what has left.
                left = left.max(if whole.is_empty() { extent.until } else { extent.since });
            }
            kept.extend(whole);
        }
        *self = Self::of(kept, left);
        Ok(())
    }

    /// How many messages there are.
    pub(super) const fn messages(&self) -> u64 {
        self.messages
    }

    /// Lets so many of the oldest extents leave, and returns how many messages that were.
    fn leave(&mut self, extents: usize) -> u64 {
        let before = self.messages;
        (0..extents).for_each(|_| self.pop());
        before - self.messages
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
