//! What is made, changed, listed and removed.

use super::entry::QueueEntry;
use super::topics::TopicEntry;
use super::{Host, Memory, Table};
use crate::engine::TopicSettings;
use crate::engine::{Kind, Name, Outcome, Part, Prefix, QueueChange, QueueSettings, Refusal, Sink, TopicChange};
use crate::time::Time;

impl<H: Host> Memory<H> {
    /// Makes a topic of these settings, unless there is one.
    ///
    /// # Errors
    /// What the host refuses.
    pub fn make_topic(&mut self, name: &Name, settings: TopicSettings) -> Result<(), Refusal> {
        if self.topics.get(name).is_some() {
            return Ok(());
        }
        let limit = self.topics.limit();
        if !self.host.may_make(self.topics.len(), limit) {
            return Err(Refusal::TooMany { kind: Kind::Topic, limit: limit as u64 });
        }
        let room = self.host.topic(&self.defaults.at_most(settings))?;
        let key = [self.host.random(), self.host.random()];
        let entry = TopicEntry::new(room, settings, self.defaults.first, key);
        let too_many = |_| Refusal::TooMany { kind: Kind::Topic, limit: limit as u64 };
        self.topics.insert(*name, entry).map_err(too_many)?;
        self.adopt(name);
        Ok(())
    }

    /// Makes a queue of these settings, unless there is one; and the topic that feeds it.
    ///
    /// # Errors
    /// What the host refuses.
    pub fn make_queue(&mut self, name: &Name, settings: QueueSettings, now: Time) -> Result<(), Refusal> {
        if self.queues.get(name).is_some() {
            return Ok(());
        }
        let limit = self.queues.limit();
        if !self.host.may_make(self.queues.len(), limit) {
            return Err(Refusal::TooMany { kind: Kind::Queue, limit: limit as u64 });
        }
        // Before its topic is made: a queue that is refused leaves nothing behind.
        let room = self.host.queue(&settings)?;
        if let Some(topic) = &settings.topic {
            self.ensure_topic(topic, now)?;
        }
        let (seed, key) = (self.host.random(), [self.host.random(), self.host.random()]);
        let entry = QueueEntry::new(room, &settings, self.first_item, seed, key);
        let too_many = |_| Refusal::TooMany { kind: Kind::Queue, limit: limit as u64 };
        self.queues.insert(*name, entry).map_err(too_many)?;
        self.link(name, settings.topic);
        Ok(())
    }

    pub(super) fn ensure_topic(&mut self, name: &Name, _: Time) -> Result<(), Refusal> {
        if self.topics.get(name).is_some() {
            return Ok(());
        }
        if !self.defaults.auto_create {
            return Err(Refusal::Missing(Kind::Topic, *name));
        }
        self.make_topic(name, self.defaults.topic)
    }

    pub(super) fn ensure_queue(&mut self, name: &Name, now: Time) -> Result<(), Refusal> {
        if self.queues.get(name).is_some() {
            return Ok(());
        }
        if !self.defaults.auto_create {
            return Err(Refusal::Missing(Kind::Queue, *name));
        }
        self.make_queue(name, self.defaults.queue, now)
    }

    pub(super) fn set_topic(&mut self, name: &Name, change: &TopicChange, _: Time) -> Outcome {
        if change.max_message_bytes > Some(self.defaults.topic.max_message_bytes) {
            return Outcome::Refused(Refusal::Conflict(
                "max_message_bytes must not be over the limit max-message-bytes",
            ));
        }
        let Some(entry) = self.topics.get_mut(name) else {
            let settings = change.applied_to(&self.defaults.topic);
            return made(self.make_topic(name, settings));
        };
        let settings = change.applied_to(&entry.settings);
        if settings.bytes != entry.settings.bytes {
            return Outcome::Refused(Refusal::Conflict(
                "bytes are given when a topic is made, and stay: remove it first",
            ));
        }
        entry.change(settings);
        if let Some(at) = entry.topic.expires_at() {
            self.host.due(Kind::Topic, name, at);
        }
        Outcome::Changed
    }

    pub(super) fn set_queue(&mut self, name: &Name, change: &QueueChange, now: Time) -> Outcome {
        if change.max_item_bytes > Some(self.defaults.queue.max_item_bytes) {
            return Outcome::Refused(Refusal::Conflict("max_item_bytes must not be over the limit max-item-bytes"));
        }
        let Some(entry) = self.queues.get(name) else {
            let settings = change.applied_to(&self.defaults.queue);
            return match wrong_queue(name, &settings) {
                Some(wrong) => Outcome::Refused(Refusal::Conflict(wrong)),
                None => made(self.make_queue(name, settings, now)),
            };
        };
        let before = entry.settings();
        let settings = change.applied_to(&before);
        if settings.bytes != before.bytes {
            return Outcome::Refused(Refusal::Conflict(
                "bytes are given when a queue is made, and stay: remove it first",
            ));
        }
        if let Some(wrong) = wrong_queue(name, &settings) {
            return Outcome::Refused(Refusal::Conflict(wrong));
        }
        let is_moved = settings.topic != before.topic;
        if is_moved {
            if let Some(Err(refusal)) = settings.topic.map(|topic| self.ensure_topic(&topic, now)) {
                return Outcome::Refused(refusal);
            }
            self.unlink(name, before.topic);
        }
        if let Some(entry) = self.queues.get_mut(name) {
            entry.change(&settings);
        }
        if is_moved {
            self.link(name, settings.topic);
        }
        self.after_change(name, now);
        Outcome::Changed
    }

    pub(super) fn remove(&mut self, kind: Kind, name: &Name) -> Outcome {
        let missing = Outcome::Refused(Refusal::Missing(kind, *name));
        match kind {
            Kind::Topic => {
                let Some(entry) = self.topics.remove(name) else { return missing };
                // The queues that it fed stay, and are fed by a topic of that name again once there is one.
                self.has_orphans |= entry.feeds.is_some();
                // One more, so that its beginning tells them apart even if nothing was published.
                let next = entry.topic.log().end().sequence().wrapping_add(1);
                self.defaults.first = self.defaults.first.max(next);
            }
            Kind::Queue => {
                let Some(entry) = self.queues.get(name) else { return missing };
                let topic = entry.settings().topic;
                let next = entry.queue.next_id();
                self.raise_first_item(next);
                self.unlink(name, topic);
                self.set_handing(name, false);
                drop(self.queues.remove(name));
            }
        }
        self.host.removed(kind, name);
        Outcome::Removed
    }

    pub(super) fn list(&mut self, kind: Kind, prefix: &Prefix, now: Time, to: &mut dyn Sink) -> Outcome {
        let mut told = 0_u64;
        let begins = |name: &Name| name.as_bytes().starts_with(prefix.as_bytes());
        match kind {
            Kind::Topic => {
                for name in self.topics.names().filter(begins) {
                    let Some(entry) = self.topics.get(&name) else { continue };
                    if to.take(Part::Topic(name, &entry.settings, &entry.stats())).is_break() {
                        break;
                    }
                    told = told.wrapping_add(1);
                }
            }
            Kind::Queue => {
                for name in self.queues.names().filter(begins) {
                    let Some(entry) = self.queues.get_mut(&name) else { continue };
                    let stats = entry.stats(now, self.host.unlogged());
                    let taken = to.take(Part::Queue(name, &entry.settings(), &stats));
                    self.after_look(&name, now);
                    if taken.is_break() {
                        break;
                    }
                    told = told.wrapping_add(1);
                }
            }
        }
        Outcome::Told(told)
    }

    pub(super) fn show(&mut self, kind: Kind, name: &Name, now: Time, to: &mut dyn Sink) -> Outcome {
        let told = match kind {
            Kind::Topic => {
                self.topics.get(name).map(|entry| to.take(Part::Topic(*name, &entry.settings, &entry.stats())))
            }
            Kind::Queue => self.queues.get_mut(name).map(|entry| {
                let stats = entry.stats(now, self.host.unlogged());
                to.take(Part::Queue(*name, &entry.settings(), &stats))
            }),
        };
        if kind == Kind::Queue {
            self.after_look(name, now);
        }
        match told {
            Some(_) => Outcome::Told(1),
            None => Outcome::Refused(Refusal::Missing(kind, *name)),
        }
    }
}

const fn made(made: Result<(), Refusal>) -> Outcome {
    match made {
        Ok(()) => Outcome::Created,
        Err(refusal) => Outcome::Refused(refusal),
    }
}

/// What about the settings of a queue can't be.
fn wrong_queue(name: &Name, settings: &QueueSettings) -> Option<&'static str> {
    if settings.dead_letter.as_ref() == Some(name) {
        return Some("dead_letter must be another queue: without one, dead letters stay in the queue itself");
    }
    if settings.lease > settings.max_lease {
        return Some("lease must not be longer than max_lease");
    }
    None
}
