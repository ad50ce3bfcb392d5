//! Messages of topics that stay in the log: where they are.
//!
//! A message is in the log once, in the entry that published it, and stays there as long as its topic keeps it; or in one
//! that tells it again, if it held a segment of which little else was needed. What is
//! in memory of a topic are the newest of its messages, for those who follow it; whoever asks for older ones is served
//! from here.
//!
//! | module | idea |
//! | --- | --- |
//! | [`Histories`] | those of all topics, kept up to date with what is executed |
//! | [`History`] | that of one topic: its extents, and when they leave |
//! | [`Extent`] | messages of a topic that lie in one segment, with what is between them |
//! | `saved` | the bytes of it in a checkpoint |
//! | `told` | what an entry tells of a topic |
//! | `breaks` | what is damaged of an extent, and the numbers of what is behind it |
//! | [`Reader`] | the messages, read from the disk some at a time |
//! | [`Taken`] | the memory of all that |
//! | [`Retelling`] | those that hold a segment, read to be told again |

mod breaks;
mod extent;
mod of_topic;
mod reader;
mod retelling;
mod saved;
mod taken;
#[cfg(test)]
mod tests;
mod told;

pub(crate) use extent::Extent;
pub(crate) use of_topic::{History, LEAST as PIECE};
pub(crate) use reader::{Chunk, Lost, Reader};
pub(crate) use retelling::{Retelling, read as read_again};
pub(crate) use saved::Forged;
pub(crate) use taken::Taken;

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use streamgauge_core::engine::journal::Call;
use streamgauge_core::engine::memory::Memory;
use streamgauge_core::engine::{Command, Kind, Name, TopicSettings, TopicStats};
use streamgauge_core::time::Time;

use super::files::Folder;
use super::log::{Damage, Position};
use crate::engine::memory::Rooms;
use breaks::read_whole;
use extent::Run;

/// The histories of all topics that have one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Histories {
    of: BTreeMap<Name, History>,
}

impl Histories {
    /// Whether [`executed`](Self::executed) does anything about it.
    pub(crate) const fn heed(call: &Call<'_>) -> bool {
        matches!(
            call,
            Call::Execute(
                Command::Publish { .. } | Command::Remove { kind: Kind::Topic, .. } | Command::SetTopic { .. }
            ) | Call::Advance(Kind::Topic, _)
                | Call::Retell(..)
        )
    }

    /// Takes note of something that was executed, and whose entry lies between two places, and returns the topic that has
    /// an extent more by it. The same whenever it is executed: the first time, and again after a crash.
    pub(crate) fn executed(
        &mut self,
        call: &Call<'_>,
        memory: &Memory<Rooms>,
        now: Time,
        (begin, end): (Position, Position),
    ) -> Option<Name> {
        match call {
            Call::Execute(Command::Publish { topic, messages, .. }) if !messages.are_bare() => {
                let log = memory.topic(topic).map(|topic| topic.log())?;
                let bytes = messages.iter().fold(0, |sum, message| sum + message.len() as u64);
                let (count, next) = (messages.count(), log.end().sequence());
                let run = Run { first: next.wrapping_sub(count), count, bytes, begin, end: end.offset, at: now };
                if count > 0 {
                    let limit = memory.topic_settings(topic).map_or(0, |settings| settings.bytes);
                    let is_more = self.of.entry(*topic).or_default().add(&run, limit);
                    self.retain(topic, memory, now);
                    return is_more.then_some(*topic);
                }
            }
            Call::Execute(Command::Remove { kind: Kind::Topic, name }) => drop(self.of.remove(name)),
            Call::Execute(Command::SetTopic { name, .. }) | Call::Advance(Kind::Topic, name) => {
                self.retain(name, memory, now);
            }
            Call::Retell(topic, retold) => {
                if let Some(history) = self.of.get_mut(topic) {
                    history.retell(retold, begin, end.offset);
                    // What is in smaller parts leaves in these.
                    self.retain(topic, memory, now);
                }
            }
            _ => {}
        }
        None
    }

    /// Lets the oldest extent of a topic leave, unless it is the last one; and returns how many messages that were.
    fn shorten(&mut self, topic: &Name) -> u64 {
        self.of.get_mut(topic).map_or(0, History::shorten)
    }

    /// That of a topic, if anything of it is there.
    pub(crate) fn of(&self, topic: &Name) -> Option<&History> {
        self.of.get(topic).filter(|history| !history.is_empty())
    }

    /// All topics that have had one.
    #[cfg(any(test, fuzzing))]
    pub(super) fn topics(&self) -> impl Iterator<Item = &Name> {
        self.of.keys()
    }

    /// Lets leave what is too old.
    pub(crate) fn expire(&mut self, memory: &Memory<Rooms>, now: Time) {
        for (topic, history) in &mut self.of {
            if let Some(settings) = memory.topic_settings(topic) {
                history.retain(settings, now);
            }
        }
    }

    /// The segments that something of it lies in.
    pub(crate) fn segments(&self) -> BTreeSet<u32> {
        self.all().map(|(_, extent)| extent.begin.segment).collect()
    }

    /// The same, and about how many bytes of each are needed for it.
    pub(crate) fn needed(&self) -> BTreeMap<u32, u64> {
        let mut needed = BTreeMap::new();
        for (_, extent) in self.all() {
            *needed.entry(extent.begin.segment).or_default() += extent.told_len();
        }
        needed
    }

    /// The extents of all topics.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Name, Extent)> {
        self.of.iter().flat_map(|(topic, history)| history.extents().map(|extent| (*topic, *extent)))
    }

    /// Where something of it lies: places from which to which extents go on, and what is between them.
    pub(crate) fn spans(&self) -> Vec<(Position, Position)> {
        let behind = |extent: Extent| extent.begin.with_offset(extent.end);
        let mut all: Vec<_> = self.all().map(|(_, extent)| (extent.begin, behind(extent))).collect();
        all.sort_unstable();
        all.dedup_by(|(begin, end), (_, last)| {
            let goes_on = *begin <= *last;
            if goes_on {
                *last = (*last).max(*end);
            }
            goes_on
        });
        all
    }

    /// Lets all leave that is not what was written, and what has no number because of that: in one of these places.
    /// Returns the topics that have lost messages by it, and how many. O(bytes of the extents in these places).
    ///
    /// # Errors
    /// A file can't be read.
    pub(crate) fn lose(&mut self, folder: &impl Folder, damage: &[Damage]) -> io::Result<Vec<(Name, u64)>> {
        let mut lost = Vec::new();
        for (topic, history) in &mut self.of {
            let before = history.messages();
            history.lose(|extent| {
                if damage.iter().any(|damage| damage.is_in(extent.begin, extent.end)) {
                    read_whole(folder, topic, extent)
                } else {
                    Ok(vec![*extent])
                }
            })?;
            lost.push((*topic, before - history.messages()));
        }
        lost.retain(|(_, messages)| *messages > 0);
        Ok(lost)
    }

    /// Lets leave what lies in a segment, whatever topics keep, of those that have most of it, until only so many bytes of
    /// it are needed; and returns how many messages that were.
    pub(crate) fn give_up(&mut self, segment: u32, most: u64) -> u64 {
        let mut needed = BTreeMap::<Name, u64>::new();
        for (topic, extent) in self.all().filter(|(_, extent)| extent.begin.segment == segment) {
            *needed.entry(topic).or_default() += extent.told_len();
        }
        let mut topics: Vec<_> = needed.into_iter().map(|(topic, bytes)| (bytes, topic)).collect();
        topics.sort_unstable();
        let mut sum = 0_u64;
        let mut is_kept = |(bytes, _): &(u64, Name)| {
            sum = sum.saturating_add(*bytes);
            sum <= most
        };
        let kept = topics.iter().take_while(|one| is_kept(one)).count();
        let mut give_up = |topic| self.of.get_mut(topic).map_or(0, |history| history.give_up(segment));
        topics.iter().skip(kept).map(|(_, topic)| give_up(topic)).sum()
    }

    /// Lets counters of a topic tell of the messages on the disk, where these are more than are in memory.
    pub(crate) fn tell(&self, topic: &Name, settings: &TopicSettings, now: Time, stats: &mut TopicStats) {
        let Some(history) = self.of(topic) else { return };
        let (first, messages, bytes) = history.counted(settings, now);
        if first < stats.first {
            (stats.first, stats.messages, stats.bytes) = (first, messages, bytes);
        }
    }

    fn retain(&mut self, topic: &Name, memory: &Memory<Rooms>, now: Time) {
        if let (Some(history), Some(settings)) = (self.of.get_mut(topic), memory.topic_settings(topic)) {
            history.retain(settings, now);
        }
    }
}
