//! What the engine asks for, and what it tells.

use std::sync::Arc;

use streamgauge_core::dedupe::Entry;
use streamgauge_core::engine::memory::{Host, QueueRoom, TopicRoom};
use streamgauge_core::engine::{Kind, Name, QueueSettings, Refusal, TopicSettings};
use streamgauge_core::log::Mark;
use streamgauge_core::queue::leases::{self, Away, Slot};
use streamgauge_core::time::Time;
use streamgauge_core::topic::Place;

use super::storage::{Bounded, Boxed, Bytes, Items, Lazy, Steps, TIES};
use super::{Names, Rooms};
use crate::engine::disk::Position;
use crate::engine::memory::home;

/// The most bytes of an entry of a topic or a queue, without its storage.
const ENTRY: u64 = 1 << 10;

/// A mark of an index is made for so many bytes: so far a subscriber that comes back has the log walked, under the lock.
const BYTES_A_MARK: u64 = 8 << 10;

impl Host for Rooms {
    type Bytes = Bytes;
    type Items = Items;
    type Marks = Lazy<Mark>;
    type Places = Bounded<Place>;
    type Slots = Bounded<Slot>;
    type Seen = Bounded<Entry>;
    type Optional<T> = Boxed<T>;
    type Table<V> = Names<V>;

    fn table<V>(&mut self, kind: Kind) -> Names<V> {
        // A table that has just grown has two places for each.
        const { assert!((size_of::<V>() + 2 * size_of::<(Name, Box<V>)>()) as u64 <= ENTRY) };
        let count = match kind {
            Kind::Topic => &self.counts.topics,
            Kind::Queue => &self.counts.queues,
        };
        Names::new(Arc::clone(count), Arc::clone(&self.counts.most))
    }

    fn may_make(&mut self, count: usize, limit: usize) -> bool {
        self.budget.may_make(count < limit)
    }

    fn topic(&mut self, settings: &TopicSettings) -> Result<TopicRoom<Self>, Refusal> {
        let bytes = self.in_memory(settings);
        let marks = bytes / BYTES_A_MARK;
        let held = self.take(bytes.saturating_add(marks * size_of::<Mark>() as u64).saturating_add(ENTRY))?;
        Ok(TopicRoom {
            bytes: Bytes::new(bytes, held),
            marks: Lazy::new(usize::try_from(marks).unwrap_or(0)),
            places: Self::bounded_by(&self.local, settings.max_subscribers, Steps::Small),
            seen: self.bounded(MOST_IDS, Steps::Double),
        })
    }

    fn queue(&mut self, settings: &QueueSettings) -> Result<QueueRoom<Self>, Refusal> {
        let here = if self.keeps.is_some() { 0 } else { settings.bytes };
        let held = self.take(here.saturating_add(ENTRY + TIES))?;
        let items = if self.keeps.is_some() {
            Items::Growing(Bounded::new(usize::MAX, Steps::Quarter, held))
        } else {
            Items::Fixed(Bytes::new(settings.bytes, held))
        };
        Ok(QueueRoom {
            items,
            most: self.keeps.map(|_| settings.bytes),
            slots: self.bounded(u64::MAX, Steps::Small),
            seen: self.bounded(MOST_IDS, Steps::Double),
        })
    }

    fn no_room(&self, needed: impl FnOnce() -> Option<u64>) -> Option<Refusal> {
        self.take(needed()?).err()
    }

    fn random(&mut self) -> u64 {
        if let Some(key) = &mut self.key {
            return key.next();
        }
        if let Some(bits) = self.again.pop_front() {
            return bits;
        }
        let bits = self.random.next();
        if let Some(drawn) = &mut self.drawn {
            drawn.push(bits);
        }
        bits
    }

    fn published(&mut self, topic: &Name, bytes: u64) {
        self.news.published.push((*topic, bytes));
    }

    fn ready(&mut self, queue: &Name) {
        // An engine says it each time that there are items, and mostly nobody waits.
        if self.waiting.contains_key(queue) && self.news.ready.last() != Some(queue) {
            self.news.ready.push(*queue);
        }
    }

    fn due(&mut self, kind: Kind, name: &Name, at: Time) {
        self.news.due.push((at, kind, *name));
    }

    fn owns(&self, queue: &Name) -> bool {
        let (here, shards) = self.shard;
        home(queue, shards) == here && !self.moved.contains_key(queue)
    }

    fn letters(&mut self, queue: &Name) {
        if self.news.letters.last() != Some(queue) {
            self.news.letters.push(*queue);
        }
    }

    fn place(&mut self) -> Option<u64> {
        self.place.map(Position::number)
    }

    fn fetch(&mut self, away: &Away) -> Option<&[u8]> {
        // While something is executed again nobody looks at what it tells.
        let Some(shelf) = &self.shelf else { return Some(&[]) };
        if let Some(has_room) = self.looks.remember(away) {
            return has_room.then_some(&[]);
        }
        if self.looks.get(away).is_some() {
            return self.looks.get(away);
        }
        let is_there = if self.is_patient {
            shelf.fetch(away, &mut self.fetched).is_ok()
        } else {
            shelf.get(away, &mut self.fetched)
        };
        if is_there {
            return Some(&self.fetched);
        }
        self.missing = Some(*away);
        None
    }

    fn overflow(&mut self, queue: &Name, item: leases::Held<'_>) {
        let Some(log) = &self.overflow else { return };
        match item {
            leases::Held::Here(item) => {
                log.push(queue, item);
                self.news.overflow = true;
            }
            leases::Held::Away(away) => self.news.left.push((*queue, away)),
        }
    }

    fn unlogged(&self) -> u64 {
        self.overflow.as_ref().map_or(0, |log| log.unlogged())
    }

    fn removed(&mut self, kind: Kind, name: &Name) {
        self.news.removed.push((kind, *name));
    }
}

/// Ids that are remembered of one topic or queue at the most.
const MOST_IDS: u64 = 1 << 20;
