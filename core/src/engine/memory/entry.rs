//! A queue, and what the engine keeps beside it.

use core::time::Duration;

use embedded_io::{Read, Write};

use super::ties::Ties;
use super::{Host, QueueRoom};
use crate::dedupe::Dedupe;
use crate::engine::{Kind, Name, Pieces, QueueSettings, QueueStats, Refusal};
use crate::queue::Limits;
use crate::queue::leases::{self, Away, Held, LeaseQueue, Letter};
use crate::saved::{Get, Input, Output};
use crate::storage::{Grow, Optional as _};
use crate::time::Time;

/// A queue, and what the engine keeps beside it.
///
/// There may be ten thousand of them that nobody uses: each setting is kept once, by the part that goes by it, and what
/// most queues have not is where the host likes it.
pub(super) struct QueueEntry<H: Host> {
    pub(super) queue: LeaseQueue<H::Items, H::Slots>,
    pub(super) seen: Dedupe<H::Seen>,
    pub(super) ties: H::Optional<Ties>,
    bytes: u64,
    pub(super) max_item_bytes: u64,
    lease: Duration,
    max_lease: Duration,
    pub(super) sample: u32,
    /// Messages of its topic that were passed over since one was put.
    pub(super) passed_over: u32,
    pub(super) filtered: u64,
    pub(super) sampled: u64,
    pub(super) duplicates: u64,
    /// What the queue had counted when the statistics were last reset.
    puts_before: u64,
    gets_before: u64,
    pub(super) paused: bool,
}

impl<H: Host> QueueEntry<H> {
    pub(super) fn new(room: QueueRoom<H>, settings: &QueueSettings, first: u64, seed: u64, key: [u64; 2]) -> Self {
        let queue = LeaseQueue::new(room.items, room.slots, within(settings), seed)
            .starting_at(first)
            .growing_to(room.most.unwrap_or(u64::MAX));
        Self::over(queue, Dedupe::new(room.seen, key, settings.dedupe_window), settings)
    }

    /// One that has counted nothing beside what these have.
    fn over(queue: LeaseQueue<H::Items, H::Slots>, seen: Dedupe<H::Seen>, settings: &QueueSettings) -> Self {
        let mut entry = Self {
            queue,
            seen,
            ties: H::Optional::default(),
            bytes: settings.bytes,
            max_item_bytes: settings.max_item_bytes,
            lease: settings.lease,
            max_lease: settings.max_lease,
            sample: settings.sample,
            passed_over: 0,
            filtered: 0,
            sampled: 0,
            duplicates: 0,
            puts_before: 0,
            gets_before: 0,
            paused: false,
        };
        entry.tie(settings);
        entry
    }

    /// How many bytes [`save`](Self::save) writes, about. O(1).
    pub(super) fn saved_len(&self) -> u64 {
        self.queue.saved_len().saturating_add(self.seen.saved_len())
    }

    pub(super) fn save<W: Write>(&self, out: &mut Output<'_, W>) -> Result<(), W::Error> {
        out.queue_settings(&self.settings())?;
        out.numbers(&[u64::from(self.passed_over), self.filtered, self.sampled, self.duplicates])?;
        out.numbers(&[self.puts_before, self.gets_before])?;
        out.flag(self.paused)?;
        self.seen.save(out)?;
        self.queue.save(out)
    }

    /// What was saved, behind the settings; it is on no topic yet.
    pub(super) fn restore<R: Read>(room: QueueRoom<H>, settings: &QueueSettings, input: &mut Input<R>) -> Get<Self, R> {
        let passed_over = input.small()?;
        let [filtered, sampled, duplicates, puts_before, gets_before] = input.numbers()?;
        let paused = input.flag()?;
        let seen = Dedupe::restore(room.seen, settings.dedupe_window, input)?;
        let items = (room.items, room.most.unwrap_or(u64::MAX));
        let queue = LeaseQueue::restore(items, room.slots, within(settings), Grow::grow, input)?;
        let entry = Self::over(queue, seen, settings);
        Ok(Self { passed_over, filtered, sampled, duplicates, puts_before, gets_before, paused, ..entry })
    }

    pub(super) fn settings(&self) -> QueueSettings {
        let leases::Settings { limits, overflow, ttl, max_attempts } = *self.queue.settings();
        let Ties { dead_letter, topic, filter, .. } = self.ties.get().copied().unwrap_or_default();
        QueueSettings {
            bytes: self.bytes,
            max_depth: limits.depth,
            max_bytes: limits.bytes,
            max_item_bytes: self.max_item_bytes,
            overflow,
            lease: self.lease,
            max_lease: self.max_lease,
            max_attempts,
            dead_letter,
            ttl,
            dedupe_window: self.seen.window(),
            topic,
            filter,
            sample: self.sample,
        }
    }

    pub(super) fn change(&mut self, settings: &QueueSettings) {
        self.queue.set_settings(within(settings));
        self.seen.set_window(settings.dedupe_window);
        self.max_item_bytes = settings.max_item_bytes;
        (self.lease, self.max_lease) = (settings.lease, settings.max_lease);
        self.sample = settings.sample;
        self.tie(settings);
    }

    fn tie(&mut self, settings: &QueueSettings) {
        let QueueSettings { dead_letter, topic, filter, .. } = *settings;
        let next_on_topic = self.ties.get().and_then(|ties| ties.next_on_topic);
        let ties = Ties { dead_letter, topic, filter, next_on_topic };
        self.ties.set((ties != Ties::default()).then_some(ties));
    }

    /// How long a lease is that was asked for so.
    pub(super) fn lease_of(&self, asked: Option<Duration>) -> Duration {
        asked.unwrap_or(self.lease).min(self.max_lease)
    }

    pub(super) fn stats(&mut self, now: Time, unlogged: u64) -> QueueStats {
        let oldest = self.queue.oldest(now);
        let counters = self.queue.counters();
        QueueStats {
            counters,
            puts: counters.accepted.wrapping_sub(self.puts_before),
            gets: counters.delivered.wrapping_add(counters.acked).wrapping_sub(self.gets_before),
            duplicates: self.duplicates,
            forgotten_early: self.seen.counters().evicted,
            unlogged,
            filtered: self.filtered,
            sampled: self.sampled,
            paused: self.paused,
            oldest,
        }
    }

    /// Lets the counters begin anew of which `counters` were told.
    pub(super) const fn reset(&mut self, counters: &leases::Counters) {
        (self.puts_before, self.gets_before) = (counters.accepted, counters.delivered.wrapping_add(counters.acked));
        self.queue.reset_high_water();
    }

    pub(super) const fn is_too_long(&self, len: usize) -> bool {
        len as u64 > self.max_item_bytes
    }

    /// The queue that takes its dead, if there are any; it is called `name` itself.
    pub(super) fn target_of_letters(&self, name: &Name) -> Option<Name> {
        let target = self.ties.get()?.dead_letter?;
        (self.queue.counters().letters > 0 && target != *name).then_some(target)
    }

    /// Tells the host whether there are items for who waits, and when there is something to do; it is called `name`.
    pub(super) fn tell(&mut self, name: &Name, host: &mut H) {
        if self.queue.ready() > 0 && !self.paused {
            host.ready(name);
        }
        if let Some(due) = self.queue.next_due() {
            host.due(Kind::Queue, name, due);
        }
    }

    /// Puts a letter of another queue, and says whether there was room; otherwise it is still where it was.
    pub(super) fn put_letter(&mut self, letter: &Letter<'_>, now: Time, overflow: impl FnMut(Held<'_>)) -> bool {
        let len = letter.held().len();
        self.make_room_for(core::iter::once(len));
        !self.is_too_long(len) && self.queue.put_letter(now, letter, overflow).is_ok()
    }

    /// Lets the storage grow, if it can, for items of these lengths.
    pub(super) fn make_room_for(&mut self, lens: impl Iterator<Item = usize>) {
        if self.queue.grows() {
            let records = records(lens);
            while self.queue.is_short_of(records) && self.queue.grow(Grow::grow) {}
        }
    }

    /// How many bytes more the storage would have to have for items of these lengths, if it could not grow.
    pub(super) fn lacks(&self, lens: impl Iterator<Item = usize>) -> Option<u64> {
        let records = records(lens);
        self.queue.is_short_of(records).then(|| records.saturating_add(self.queue.spare()) as u64)
    }

    /// Whether all `items` may be put, as far as their sizes tell.
    pub(super) fn check(&self, name: &Name, items: &Pieces<'_>) -> Result<(), Refusal> {
        let len = items.longest();
        let too_large = |limit, bytes| Err(Refusal::TooLarge { what: "item", len, limit, bytes });
        if self.is_too_long(len) {
            return too_large("max-item-bytes", self.max_item_bytes);
        }
        match self.queue.check(len) {
            Ok(()) => Ok(()),
            Err(leases_too_large) => too_large(storage_limit(name), leases_too_large.capacity as u64),
        }
    }
}

/// More than a record takes beside what it stores of an item. (For a note there is room in what is kept free.)
const RECORD: usize = 16;

/// What the setting of a queue's storage is called: that of `main` comes from a flag.
pub(super) fn storage_limit(name: &Name) -> &'static str {
    if *name == Name::MAIN { "queue-bytes" } else { "bytes" }
}

/// The settings that the queue itself has to know.
const fn within(settings: &QueueSettings) -> leases::Settings {
    leases::Settings {
        limits: Limits { depth: settings.max_depth, bytes: settings.max_bytes },
        overflow: settings.overflow,
        ttl: settings.ttl,
        max_attempts: settings.max_attempts,
    }
}

/// What items of these lengths take of a storage that grows, at the most.
fn records(lens: impl Iterator<Item = usize>) -> usize {
    lens.fold(0_usize, |sum, len| sum.saturating_add(len.min(Away::LEAST)).saturating_add(RECORD))
}
