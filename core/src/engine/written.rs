//! Names and settings as bytes, the same in the [journal](super::journal) and in what an engine [saves](super::memory).
//!
//! | form | bytes |
//! | --- | --- |
//! | name | a text of 1 to 64 bytes |
//! | kind | 1: 0 topic, 1 queue |
//! | filter | the number of its rules, and each as a text |
//! | overflow | 1: 0 drop the oldest, 1 reject |
//! | change | a number with a bit for each member that is named, the first the lowest; then those members in their order |
//! | settings | a change that names every member |
//!
//! Members of a topic's settings: bytes (number), max age (maybe span), max message bytes (number), max subscribers (number),
//! dedupe window (span). Of a queue's: bytes (number), max depth (maybe number), max bytes (maybe number), max item bytes
//! (number), overflow, lease (span), max lease (span), max attempts (maybe number), dead letter (maybe name), time to live
//! (maybe span), dedupe window (span), topic (maybe name), filter, sample (number). The rest is in `saved`.

use embedded_io::{Read, Write};

use super::{Filter, Kind, Name, QueueChange, QueueSettings, Short, TopicChange, TopicSettings};
use crate::queue::leases::Overflow;
use crate::saved::{Broken, Get, Input, Output};

impl<W: Write> Output<'_, W> {
    pub(crate) fn name(&mut self, name: &Name) -> Result<(), W::Error> {
        self.text(name.as_bytes())
    }

    pub(crate) fn kind(&mut self, kind: Kind) -> Result<(), W::Error> {
        self.flag(kind == Kind::Queue)
    }

    pub(crate) fn topic_settings(&mut self, settings: &TopicSettings) -> Result<(), W::Error> {
        self.topic_change(&every_of_topic(settings))
    }

    pub(crate) fn queue_settings(&mut self, settings: &QueueSettings) -> Result<(), W::Error> {
        self.queue_change(&every_of_queue(settings))
    }

    pub(crate) fn topic_change(&mut self, change: &TopicChange) -> Result<(), W::Error> {
        let TopicChange { bytes, max_age, max_message_bytes, max_subscribers, dedupe_window } = *change;
        self.named(&[
            bytes.is_some(),
            max_age.is_some(),
            max_message_bytes.is_some(),
            max_subscribers.is_some(),
            dedupe_window.is_some(),
        ])?;
        self.if_named(bytes, Self::number)?;
        self.if_named(max_age, |out, age| out.maybe(age, Self::span))?;
        self.if_named(max_message_bytes, Self::number)?;
        self.if_named(max_subscribers, Self::number)?;
        self.if_named(dedupe_window, Self::span)
    }

    pub(crate) fn queue_change(&mut self, change: &QueueChange) -> Result<(), W::Error> {
        let QueueChange { bytes, max_depth, max_bytes, max_item_bytes, overflow, lease, max_lease, .. } = *change;
        let QueueChange { max_attempts, dead_letter, ttl, dedupe_window, topic, filter, sample, .. } = *change;
        self.named(&[
            bytes.is_some(),
            max_depth.is_some(),
            max_bytes.is_some(),
            max_item_bytes.is_some(),
            overflow.is_some(),
            lease.is_some(),
            max_lease.is_some(),
            max_attempts.is_some(),
            dead_letter.is_some(),
            ttl.is_some(),
            dedupe_window.is_some(),
            topic.is_some(),
            filter.is_some(),
            sample.is_some(),
        ])?;
        self.if_named(bytes, Self::number)?;
        self.if_named(max_depth, |out, most| out.maybe(most, Self::number))?;
        self.if_named(max_bytes, |out, most| out.maybe(most, Self::number))?;
        self.if_named(max_item_bytes, Self::number)?;
        self.if_named(overflow, |out, overflow| out.flag(overflow == Overflow::Reject))?;
        self.if_named(lease, Self::span)?;
        self.if_named(max_lease, Self::span)?;
        self.if_named(max_attempts, |out, most| out.maybe(most.map(u64::from), Self::number))?;
        self.if_named(dead_letter, |out, name| out.maybe(name, |out, name| out.name(&name)))?;
        self.if_named(ttl, |out, ttl| out.maybe(ttl, Self::span))?;
        self.if_named(dedupe_window, Self::span)?;
        self.if_named(topic, |out, name| out.maybe(name, |out, name| out.name(&name)))?;
        self.if_named(filter, |out, filter| {
            out.number(filter.rules().count() as u64)?;
            filter.rules().try_for_each(|rule| out.text(rule.as_bytes()))
        })?;
        self.if_named(sample, |out, sample| out.number(u64::from(sample)))
    }

    fn named(&mut self, members: &[bool]) -> Result<(), W::Error> {
        self.number(members.iter().rev().fold(0, |bits, named| bits << 1 | u64::from(*named)))
    }

    fn if_named<T>(
        &mut self,
        member: Option<T>,
        write: impl FnOnce(&mut Self, T) -> Result<(), W::Error>,
    ) -> Result<(), W::Error> {
        member.map_or(Ok(()), |member| write(self, member))
    }
}

impl<R: Read> Input<R> {
    pub(crate) fn name(&mut self) -> Get<Name, R> {
        let text: Short<{ Name::LONGEST }> = self.short()?;
        Name::new(text.as_bytes()).map_err(|_| Broken::Wrong("a name is none"))
    }

    pub(crate) fn kind(&mut self) -> Get<Kind, R> {
        Ok(if self.flag()? { Kind::Queue } else { Kind::Topic })
    }

    pub(crate) fn short<const N: usize>(&mut self) -> Get<Short<N>, R> {
        let len = self.size()?;
        let mut text = [0; N];
        let room = text.get_mut(..len).ok_or(Broken::Wrong("a text is longer than it may be"))?;
        self.fill(room)?;
        Ok(Short::cut(room))
    }

    pub(crate) fn topic_settings(&mut self) -> Get<TopicSettings, R> {
        let change = self.topic_change()?;
        let settings = change.applied_to(&TopicSettings::DEFAULT);
        if every_of_topic(&settings) == change { Ok(settings) } else { Err(Broken::Wrong(INCOMPLETE)) }
    }

    pub(crate) fn queue_settings(&mut self) -> Get<QueueSettings, R> {
        let change = self.queue_change()?;
        let settings = change.applied_to(&QueueSettings::DEFAULT);
        if every_of_queue(&settings) == change { Ok(settings) } else { Err(Broken::Wrong(INCOMPLETE)) }
    }

    pub(crate) fn topic_change(&mut self) -> Get<TopicChange, R> {
        let mut named = self.named(5)?;
        Ok(TopicChange {
            bytes: self.if_named(&mut named, Self::number)?,
            max_age: self.if_named(&mut named, |input| input.maybe(Self::span))?,
            max_message_bytes: self.if_named(&mut named, Self::number)?,
            max_subscribers: self.if_named(&mut named, Self::number)?,
            dedupe_window: self.if_named(&mut named, Self::span)?,
        })
    }

    pub(crate) fn queue_change(&mut self) -> Get<QueueChange, R> {
        let mut named = self.named(14)?;
        Ok(QueueChange {
            bytes: self.if_named(&mut named, Self::number)?,
            max_depth: self.if_named(&mut named, |input| input.maybe(Self::number))?,
            max_bytes: self.if_named(&mut named, |input| input.maybe(Self::number))?,
            max_item_bytes: self.if_named(&mut named, Self::number)?,
            overflow: self.if_named(&mut named, |input| {
                Ok(if input.flag()? { Overflow::Reject } else { Overflow::DropOldest })
            })?,
            lease: self.if_named(&mut named, Self::span)?,
            max_lease: self.if_named(&mut named, Self::span)?,
            max_attempts: self.if_named(&mut named, |input| input.maybe(Self::small))?,
            dead_letter: self.if_named(&mut named, |input| input.maybe(Self::name))?,
            ttl: self.if_named(&mut named, |input| input.maybe(Self::span))?,
            dedupe_window: self.if_named(&mut named, Self::span)?,
            topic: self.if_named(&mut named, |input| input.maybe(Self::name))?,
            filter: self.if_named(&mut named, Self::filter)?,
            sample: self.if_named(&mut named, Self::small)?,
        })
    }

    fn filter(&mut self) -> Get<Filter, R> {
        let mut filter = Filter::NONE;
        for _ in 0..self.number()? {
            let rule: Short<{ Filter::MOST_TEXT }> = self.short()?;
            let rule = core::str::from_utf8(rule.as_bytes()).ok();
            let with = rule.and_then(|rule| filter.and(rule).ok());
            filter = with.ok_or(Broken::Wrong("a filter is none"))?;
        }
        Ok(filter)
    }

    /// Which of so many members are named.
    fn named(&mut self, members: u32) -> Get<u64, R> {
        let named = self.number()?;
        if named >> members == 0 { Ok(named) } else { Err(Broken::Wrong("a setting is none of those that there are")) }
    }

    fn if_named<T>(&mut self, named: &mut u64, read: impl FnOnce(&mut Self) -> Get<T, R>) -> Get<Option<T>, R> {
        let is_named = *named & 1 == 1;
        *named >>= 1;
        if is_named { read(self).map(Some) } else { Ok(None) }
    }
}

const INCOMPLETE: &str = "not all settings are there";

const fn every_of_topic(settings: &TopicSettings) -> TopicChange {
    let TopicSettings { bytes, max_age, max_message_bytes, max_subscribers, dedupe_window } = *settings;
    TopicChange {
        bytes: Some(bytes),
        max_age: Some(max_age),
        max_message_bytes: Some(max_message_bytes),
        max_subscribers: Some(max_subscribers),
        dedupe_window: Some(dedupe_window),
    }
}

const fn every_of_queue(settings: &QueueSettings) -> QueueChange {
    let QueueSettings { bytes, max_depth, max_bytes, max_item_bytes, overflow, lease, max_lease, .. } = *settings;
    let QueueSettings { max_attempts, dead_letter, ttl, dedupe_window, topic, filter, sample, .. } = *settings;
    QueueChange {
        bytes: Some(bytes),
        max_depth: Some(max_depth),
        max_bytes: Some(max_bytes),
        max_item_bytes: Some(max_item_bytes),
        overflow: Some(overflow),
        lease: Some(lease),
        max_lease: Some(max_lease),
        max_attempts: Some(max_attempts),
        dead_letter: Some(dead_letter),
        ttl: Some(ttl),
        dedupe_window: Some(dedupe_window),
        topic: Some(topic),
        filter: Some(filter),
        sample: Some(sample),
    }
}
