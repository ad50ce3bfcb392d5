//! An engine that goes on where another one was.

use core::fmt;

use embedded_io::Read;

use super::entry::QueueEntry;
use super::save::MAGIC;
use super::topics::TopicEntry;
use super::{Defaults, Host, Memory, Table};
use crate::engine::{Kind, Name, Refusal};
use crate::saved::{Broken, Input};
use crate::storage::Optional as _;
use crate::time::Time;

/// Why an engine is not restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RestoreError<E> {
    /// What was saved can't be read.
    Read(E),
    /// It is not what an engine saves, or of a later version.
    NotAnEngine,
    /// It ends too early.
    Incomplete,
    /// No engine has saved it: what can't be.
    Corrupt(&'static str),
    /// The host gives no room for it.
    Refused(Refusal),
}

impl<E> From<Broken<E>> for RestoreError<E> {
    fn from(broken: Broken<E>) -> Self {
        match broken {
            Broken::Read(error) => Self::Read(error),
            Broken::Ended => Self::Incomplete,
            Broken::Wrong(why) => Self::Corrupt(why),
        }
    }
}

impl<E: fmt::Display> fmt::Display for RestoreError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => error.fmt(f),
            Self::NotAnEngine => f.write_str("this is not what an engine has saved, or of a later version"),
            Self::Incomplete => f.write_str("what an engine has saved ends too early"),
            Self::Corrupt(why) => write!(f, "no engine has saved this: {why}"),
            Self::Refused(refusal) => refusal.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for RestoreError<E> {}

impl<H: Host> Memory<H> {
    /// An engine that does from then on what the one would have done that has [saved](Self::save) this, in storage that
    /// `host` gives, which is told what is due; but its topics hold no message, and go on with the number that comes next.
    /// What is behind it is not read. O(n log n).
    ///
    /// # Errors
    /// [`RestoreError`]; nothing is left then.
    ///
    /// # Fuzzing
    /// `restore`.
    pub fn restore<R: Read>(host: H, from: &mut R) -> Result<Self, RestoreError<R::Error>> {
        let input = &mut Input(from);
        if input.array()? != MAGIC {
            return Err(RestoreError::NotAnEngine);
        }
        let auto_create = input.flag()?;
        let (topic, queue, first) = (input.topic_settings()?, input.queue_settings()?, input.number()?);
        let mut engine = Self::with_defaults(host, Defaults { auto_create, topic, queue, first });
        engine.first_item = input.number()?;
        while input.flag()? {
            engine.restore_queue(input)?;
        }
        let mut fed = 0_u64;
        while input.flag()? {
            fed = fed.saturating_add(engine.restore_topic(input)?);
        }
        if fed != engine.count_fed() {
            return Err(RestoreError::Corrupt("a queue is not fed by its topic"));
        }
        engine.tell_all();
        Ok(engine)
    }

    /// What names get that nobody has made.
    pub const fn defaults(&self) -> &Defaults {
        &self.defaults
    }

    /// What names get from now on that nobody has made. The first sequence number of topics stays what it has become.
    pub fn set_defaults(&mut self, defaults: Defaults) {
        let first = self.defaults.first.max(defaults.first);
        self.defaults = Defaults { first, ..defaults };
    }

    /// Leaves out `by` numbers behind the newest message of every topic, and in front of the first of those to come: as
    /// [`Topic::skip`](crate::topic::Topic::skip) does, which lets go of all messages that are in memory. O(messages).
    pub fn skip_numbers(&mut self, by: u64) {
        for name in self.topics.names() {
            if let Some(entry) = self.topics.get_mut(&name) {
                entry.topic.skip(by);
            }
        }
        self.defaults.first = self.defaults.first.saturating_add(by);
    }

    /// Counts what subscribers get anew in every topic: subscriptions, messages sent, and who was kicked. They are saved with
    /// the state and in no [journal](crate::engine::journal), so who goes on from both would count less than was told
    /// before, which only a beginning may. O(topics).
    pub fn forget_deliveries(&mut self) {
        for name in self.topics.names() {
            if let Some(entry) = self.topics.get_mut(&name) {
                entry.forget_deliveries();
            }
        }
    }

    fn restore_queue<R: Read>(&mut self, input: &mut Input<R>) -> Result<(), RestoreError<R::Error>> {
        let (name, settings) = (input.name()?, input.queue_settings()?);
        self.is_new(Kind::Queue, &name)?;
        let room = self.host.queue(&settings).map_err(RestoreError::Refused)?;
        let entry = QueueEntry::restore(room, &settings, input)?;
        self.queues.insert(name, entry).map_err(|_| self.too_many(Kind::Queue))
    }

    /// Returns how many queues it feeds.
    fn restore_topic<R: Read>(&mut self, input: &mut Input<R>) -> Result<u64, RestoreError<R::Error>> {
        let (name, settings) = (input.name()?, input.topic_settings()?);
        self.is_new(Kind::Topic, &name)?;
        let room = self.host.topic(&self.defaults.at_most(settings)).map_err(RestoreError::Refused)?;
        let counters = input.numbers()?;
        let (mut first, mut last, mut fed) = (None, None, 0_u64);
        while input.flag()? {
            let queue = input.name()?;
            self.go_on_with(last, &queue, &name)?;
            first = first.or(Some(queue));
            (last, fed) = (Some(queue), fed.saturating_add(1));
        }
        let mut entry = TopicEntry::restore(room, settings, counters, input)?;
        entry.feeds = first;
        self.topics.insert(name, entry).map_err(|_| self.too_many(Kind::Topic))?;
        Ok(fed)
    }

    /// Lets a topic feed a queue after another one, or as the first.
    fn go_on_with<E>(&mut self, last: Option<Name>, queue: &Name, topic: &Name) -> Result<(), RestoreError<E>> {
        let ties = self.queues.get(queue).and_then(|entry| entry.ties.get());
        // One that stands there twice would be followed by itself.
        let is_next = ties.is_some_and(|ties| ties.topic == Some(*topic) && ties.next_on_topic.is_none());
        if !is_next || last == Some(*queue) {
            return Err(RestoreError::Corrupt("a topic feeds a queue that it can't"));
        }
        let last = last.and_then(|last| self.queues.get_mut(&last)?.ties.get_mut());
        if let Some(last) = last {
            last.next_on_topic = Some(*queue);
        }
        Ok(())
    }

    fn is_new<E>(&self, kind: Kind, name: &Name) -> Result<(), RestoreError<E>> {
        if self.has(kind, name) { Err(RestoreError::Corrupt("a name is there twice")) } else { Ok(()) }
    }

    fn too_many<E>(&self, kind: Kind) -> RestoreError<E> {
        let limit = match kind {
            Kind::Topic => self.topics.limit(),
            Kind::Queue => self.queues.limit(),
        };
        RestoreError::Refused(Refusal::TooMany { kind, limit: limit as u64 })
    }

    /// How many queues there are whose topic is there; and takes note of those whose topic is not.
    fn count_fed(&mut self) -> u64 {
        let mut fed = 0_u64;
        for name in self.queues.names() {
            let topic = self.queues.get(&name).and_then(|entry| entry.ties.get()?.topic);
            let is_there = topic.map(|topic| self.topics.get(&topic).is_some());
            fed = fed.saturating_add(u64::from(is_there == Some(true)));
            self.has_orphans |= is_there == Some(false);
        }
        fed
    }

    /// Tells the host what there is, and what is due.
    fn tell_all(&mut self) {
        for name in self.queues.names() {
            self.after_look(&name, Time::ZERO);
        }
        for name in self.topics.names() {
            let expires = self.topics.get(&name).and_then(|entry| entry.topic.expires_at());
            if let Some(at) = expires {
                self.host.due(Kind::Topic, &name, at);
            }
        }
    }
}
