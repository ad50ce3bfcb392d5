//! The topics of the memory engine.

use embedded_io::{Read, Write};

use super::{Host, Memory, Table, TopicRoom};
use crate::dedupe::Dedupe;
use crate::engine::{Id, Kind, Name, Outcome, Pieces, Published, Refusal, TopicSettings, TopicStats};
use crate::saved::{Get, Input, Output};
use crate::time::Time;
use crate::topic::{Batch, Begun, From, Limit, OverLimit, Settings, Topic};

/// The log of a topic, and its subscribers.
pub type TopicOf<H> = Topic<<H as Host>::Bytes, <H as Host>::Places, <H as Host>::Marks>;

/// A topic, and what the engine keeps beside it.
pub(super) struct TopicEntry<H: Host> {
    pub(super) topic: TopicOf<H>,
    seen: Dedupe<H::Seen>,
    pub(super) settings: TopicSettings,
    kicked: u64,
    duplicates: u64,
    /// What the topic had counted when the statistics were last reset.
    received_before: u64,
    sent_before: u64,
    /// The first of the queues that it feeds.
    pub(super) feeds: Option<Name>,
}

impl<H: Host> TopicEntry<H> {
    pub(super) fn new(room: TopicRoom<H>, settings: TopicSettings, first: u64, key: [u64; 2]) -> Self {
        Self {
            topic: Topic::new(room.bytes, room.places, room.marks, within(&settings), first),
            seen: Dedupe::new(room.seen, key, settings.dedupe_window),
            settings,
            kicked: 0,
            duplicates: 0,
            received_before: 0,
            sent_before: 0,
            feeds: None,
        }
    }

    /// How many bytes [`save`](Self::save) writes, about. O(1).
    pub(super) const fn saved_len(&self) -> u64 {
        self.seen.saved_len()
    }

    pub(super) fn save<W: Write>(
        &self,
        mut feeds: impl Iterator<Item = Name>,
        out: &mut Output<'_, W>,
    ) -> Result<(), W::Error> {
        let TopicStats { kicked, duplicates, received, sent, .. } = self.stats();
        out.topic_settings(&self.settings)?;
        out.numbers(&[kicked, duplicates, received, sent])?;
        feeds.try_for_each(|queue| {
            out.flag(true)?;
            out.name(&queue)
        })?;
        out.flag(false)?;
        self.seen.save(out)?;
        self.topic.save(out)
    }

    /// What was saved, behind the names of the queues that it feeds; before them stand these counters.
    pub(super) fn restore<R: Read>(
        room: TopicRoom<H>,
        settings: TopicSettings,
        [kicked, duplicates, received, sent]: [u64; 4],
        input: &mut Input<R>,
    ) -> Get<Self, R> {
        let seen = Dedupe::restore(room.seen, settings.dedupe_window, input)?;
        let topic = Topic::restore(room.bytes, room.places, room.marks, within(&settings), input)?;
        let counters = topic.counters();
        let (received_before, sent_before) =
            (counters.published.wrapping_sub(received), counters.delivered.wrapping_sub(sent));
        Ok(Self { topic, seen, settings, kicked, duplicates, received_before, sent_before, feeds: None })
    }

    pub(super) const fn forget_deliveries(&mut self) {
        self.topic.forget_deliveries();
        (self.kicked, self.sent_before) = (0, 0);
    }

    pub(super) fn change(&mut self, settings: TopicSettings) {
        self.topic.set_settings(within(&settings));
        self.seen.set_window(settings.dedupe_window);
        self.settings = settings;
    }

    pub(super) fn stats(&self) -> TopicStats {
        let counters = self.topic.counters();
        TopicStats {
            subscribers: counters.subscribers,
            subscriptions: counters.subscribed,
            received: counters.published.wrapping_sub(self.received_before),
            sent: counters.delivered.wrapping_sub(self.sent_before),
            received_ever: counters.published,
            sent_ever: counters.delivered,
            kicked: self.kicked,
            duplicates: self.duplicates,
            forgotten_early: self.seen.counters().evicted,
            messages: counters.held,
            bytes: counters.held_bytes,
            first: self.topic.log().start().sequence(),
            next: self.topic.log().end().sequence(),
        }
    }
}

/// The settings that the topic itself has to know.
fn within(settings: &TopicSettings) -> Settings {
    let bound = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    Settings {
        max_age: settings.max_age,
        max_message_bytes: bound(settings.max_message_bytes),
        max_subscribers: bound(settings.max_subscribers),
    }
}

impl<H: Host> Memory<H> {
    pub(super) fn publish(&mut self, name: &Name, messages: &Pieces<'_>, id: Option<&Id>, now: Time) -> Outcome {
        let Some(entry) = self.topics.get_mut(name) else {
            return Outcome::Refused(Refusal::Missing(Kind::Topic, *name));
        };
        let mut published = Published {
            topic: *name,
            first: 0,
            messages: messages.count(),
            duplicates: 0,
            subscribers: entry.topic.counters().subscribers,
        };
        // What is empty is nothing that could come again.
        let id = id.filter(|_| messages.count() > 0);
        if let Some(known) = id.and_then(|id| entry.seen.check(id.as_bytes(), now)) {
            entry.duplicates = entry.duplicates.wrapping_add(messages.count());
            let (first, messages) = told_before(known, entry.topic.log().end().sequence());
            return Outcome::Published(Published { first, messages, duplicates: messages, ..published });
        }
        if messages.are_bare() {
            // Nobody has what they were.
            let checked = entry.topic.check(messages.longest());
            return checked.map_or_else(
                |over| {
                    entry.topic.count_refused(messages.count());
                    Outcome::Refused(too_large(name, &over))
                },
                |()| Outcome::Published(Published { messages: 0, ..published }),
            );
        }
        let batch = Batch::of(messages.plain());
        let bytes = batch.bytes();
        match entry.topic.publish_all(batch, now) {
            Ok(all) => (published.first, published.messages) = (all.first, all.messages),
            Err(over) => return Outcome::Refused(too_large(name, &over)),
        }
        if let Some(id) = id {
            entry.seen.remember(id.as_bytes(), now, to_tell_again(&published));
        }
        let expires = entry.topic.expires_at();
        let mut fed = entry.feeds;
        if published.messages > 0 {
            self.host.published(name, bytes);
            if let Some(at) = expires {
                self.host.due(Kind::Topic, name, at);
            }
        }
        while let Some(queue) = fed {
            fed = self.feed(&queue, messages, now);
        }
        Outcome::Published(published)
    }

    pub(super) fn topic_stats(&mut self, name: &Name, reset: bool) -> Outcome {
        let Some(entry) = self.topics.get_mut(name) else {
            return self.absent(Kind::Topic, name, Outcome::TopicStats(TopicStats::default()));
        };
        let stats = entry.stats();
        if reset {
            let counters = entry.topic.counters();
            (entry.received_before, entry.sent_before) = (counters.published, counters.delivered);
        }
        Outcome::TopicStats(stats)
    }

    /// Lets somebody subscribe to a topic, which is made if it has to be.
    ///
    /// # Errors
    /// What the engine refuses.
    pub fn subscribe(&mut self, name: &Name, from: From, now: Time) -> Result<Begun, Refusal> {
        self.ensure_topic(name, now)?;
        let missing = Refusal::Missing(Kind::Topic, *name);
        let topic = self.topic_mut(name).ok_or(missing)?;
        topic.expire(now);
        topic.subscribe_from(from).map_err(|full| Refusal::TooManySubscribers { limit: full.limit as u64 })
    }

    /// A topic's log and subscribers, for those who send messages on.
    pub fn topic(&self, name: &Name) -> Option<&TopicOf<H>> {
        self.topics.get(name).map(|entry| &entry.topic)
    }

    /// A topic's log and subscribers, for those who send messages on.
    pub fn topic_mut(&mut self, name: &Name) -> Option<&mut TopicOf<H>> {
        self.topics.get_mut(name).map(|entry| &mut entry.topic)
    }

    /// The settings of a topic. O(1), as far as the table goes.
    pub fn topic_settings(&self, name: &Name) -> Option<&TopicSettings> {
        self.topics.get(name).map(|entry| &entry.settings)
    }

    /// Counts subscribers of a topic that were sent away because they were too slow.
    pub fn count_kicked(&mut self, name: &Name, subscribers: u64) {
        if let Some(entry) = self.topics.get_mut(name) {
            entry.kicked = entry.kicked.wrapping_add(subscribers);
        }
    }

    pub(super) fn advance_topic(&mut self, name: &Name, now: Time) {
        if let Some(entry) = self.topics.get_mut(name) {
            entry.topic.expire(now);
            if let Some(at) = entry.topic.expires_at() {
                self.host.due(Kind::Topic, name, at);
            }
        }
    }
}

/// Bits that are kept of a sequence number, which is less than 2^40 before the end of the log while an id is remembered;
/// the others are for the number of messages.
const SEQUENCE_BITS: u32 = 40;
const SEQUENCE: u64 = (1 << SEQUENCE_BITS) - 1;

/// What a publisher is told when its messages come again: the first sequence number, and how many messages there were.
/// Beyond 2^24 of them it is nothing, as it is not known then which was the last one.
const fn to_tell_again(published: &Published) -> u64 {
    let Published { first, messages, .. } = published;
    let count = if *messages >> (u64::BITS - SEQUENCE_BITS) == 0 { *messages } else { 0 };
    count << SEQUENCE_BITS | (*first & SEQUENCE)
}

/// What [`to_tell_again`] kept: the latest such numbers before `end`.
const fn told_before(known: u64, end: u64) -> (u64, u64) {
    let back = end.wrapping_sub(known) & SEQUENCE;
    (end.saturating_sub(back), known >> SEQUENCE_BITS)
}

fn too_large(name: &Name, over: &OverLimit) -> Refusal {
    let limit = match over.limit {
        // That of `main` comes from a flag.
        Limit::LogBytes if *name != Name::MAIN => "bytes",
        limit => limit.name(),
    };
    Refusal::TooLarge { what: "message", len: over.len, limit, bytes: over.most as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_is_told_again() {
        let published =
            |first, messages| Published { topic: Name::MAIN, first, messages, duplicates: 0, subscribers: 0 };
        for first in [0, 1, SEQUENCE - 1, SEQUENCE, SEQUENCE + 1, 1 << 50, u64::MAX - SEQUENCE] {
            for messages in [1, 2, (1 << 24) - 1] {
                let known = to_tell_again(&published(first, messages));
                for later in [messages, 1 << 30, SEQUENCE] {
                    assert_eq!(told_before(known, first + later), (first, messages));
                }
            }
            let known = to_tell_again(&published(first, 1 << 24));
            assert_eq!(told_before(known, first + (1 << 24)), (first, 0));
        }
    }
}
