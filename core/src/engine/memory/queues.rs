//! The queues of the memory engine.

use core::ops::ControlFlow;
use core::time::Duration;

use super::{Host, Memory, QueueRoom, Table};
use crate::dedupe::Dedupe;
use crate::engine::{
    Dump, Id, Item, Kind, Lease, Name, Outcome, Part, Piece, Pieces, QueueSettings, QueueStats, Refusal, Settle, Sink,
    Tokens,
};
use crate::queue::Limits;
use crate::queue::leases::{self, LeaseQueue, PutError, State, Token};
use crate::time::Time;

/// A queue, and what the engine keeps beside it.
pub(super) struct QueueEntry<H: Host> {
    queue: LeaseQueue<H::Bytes, H::Slots>,
    seen: Dedupe<H::Seen>,
    pub(super) settings: QueueSettings,
    paused: bool,
    duplicates: u64,
    /// What the queue had counted when the statistics were last reset.
    puts_before: u64,
    gets_before: u64,
    /// Messages of its topic that were passed over since one was put.
    pub(super) passed_over: u32,
    /// The next queue on the same topic.
    pub(super) next_on_topic: Option<Name>,
}

impl<H: Host> QueueEntry<H> {
    pub(super) fn new(room: QueueRoom<H>, settings: QueueSettings, seed: u64, key: [u64; 2]) -> Self {
        Self {
            queue: LeaseQueue::new(room.bytes, room.slots, within(&settings), seed),
            seen: Dedupe::new(room.seen, key, settings.dedupe_window),
            settings,
            paused: false,
            duplicates: 0,
            puts_before: 0,
            gets_before: 0,
            passed_over: 0,
            next_on_topic: None,
        }
    }

    pub(super) fn change(&mut self, settings: QueueSettings) {
        self.queue.set_settings(within(&settings));
        self.seen.set_window(settings.dedupe_window);
        self.settings = settings;
    }

    /// Its counters; `unlogged` is what its host counts.
    pub(super) fn stats(&mut self, now: Time, unlogged: u64) -> QueueStats {
        self.queue.advance(now, u64::MAX);
        let counters = self.queue.counters();
        QueueStats {
            counters,
            puts: counters.accepted.wrapping_sub(self.puts_before),
            gets: counters.delivered.wrapping_add(counters.acked).wrapping_sub(self.gets_before),
            duplicates: self.duplicates,
            unlogged,
            paused: self.paused,
            oldest: self.queue.oldest(now),
        }
    }

    /// Whether all `items` may be put, as far as their sizes tell.
    fn check(&self, name: &Name, items: &Pieces<'_>) -> Result<(), Refusal> {
        let len = items.longest();
        let too_large = |limit, bytes| Err(Refusal::TooLarge { what: "item", len, limit, bytes });
        if len as u64 > self.settings.max_item_bytes {
            return too_large("max-item-bytes", self.settings.max_item_bytes);
        }
        match self.queue.check(len) {
            Ok(()) => Ok(()),
            Err(leases_too_large) => too_large(storage_limit(name), leases_too_large.capacity as u64),
        }
    }
}

/// What the setting of a queue's storage is called: that of `main` comes from a flag.
fn storage_limit(name: &Name) -> &'static str {
    if *name == Name::MAIN { "queue-bytes" } else { "bytes" }
}

/// The settings that the queue itself has to know.
fn within(settings: &QueueSettings) -> leases::Settings {
    let mut inner = leases::Settings::DEFAULT;
    inner.limits = Limits { depth: settings.max_depth, bytes: settings.max_bytes };
    inner.overflow = settings.overflow;
    inner.ttl = settings.ttl;
    inner.max_attempts = settings.max_attempts;
    inner
}

impl<H: Host> Memory<H> {
    pub(super) fn put(
        &mut self,
        name: &Name,
        items: &Pieces<'_>,
        delay: Duration,
        id: Option<&Id>,
        now: Time,
    ) -> Outcome {
        let Self { queues, host, .. } = self;
        let Some(entry) = queues.get_mut(name) else { return Outcome::Refused(Refusal::Missing(Kind::Queue, *name)) };
        if let Some(known) = id.and_then(|id| entry.seen.check(id.as_bytes(), now)) {
            entry.duplicates = entry.duplicates.wrapping_add(1);
            return Outcome::Put { items: known, duplicate: true };
        }
        if let Err(refusal) = entry.check(name, items) {
            return Outcome::Refused(refusal);
        }
        if let Err(error) = entry.queue.check_many(now, items.iter().map(|item| item.len()), delay) {
            return Outcome::Refused(refusal_of(error, name, entry, items));
        }
        let mut put = 0_u64;
        for item in items.iter() {
            if let Err(error) = put_one(entry, host, name, item, delay, now) {
                // The check has seen that all can be put.
                return Outcome::Refused(refusal_of(error, name, entry, items));
            }
            put = put.wrapping_add(1);
        }
        if let Some(id) = id {
            entry.seen.remember(id.as_bytes(), now, put);
        }
        self.after_change(name, now);
        Outcome::Put { items: put, duplicate: false }
    }

    pub(super) fn get(&mut self, name: &Name, items: u64, lease: Lease, now: Time, to: &mut impl Sink) -> Outcome {
        let Self { queues, host, .. } = self;
        let Some(entry) = queues.get_mut(name) else { return Outcome::Refused(Refusal::Missing(Kind::Queue, *name)) };
        if entry.paused {
            return Outcome::Told(0);
        }
        let mut told = 0;
        let outcome = match lease {
            Lease::None => {
                told = entry.queue.get(now, items, |item| to.take(Part::Item(Item { item, state: State::Ready })));
                Ok(told)
            }
            Lease::For(span) => {
                let span = span.unwrap_or(entry.settings.lease).min(entry.settings.max_lease);
                let random = || host.random();
                let lent = entry
                    .queue
                    .lease(now, items, span, random, |item| to.take(Part::Item(Item { item, state: State::Leased })));
                lent.inspect(|lent| told = *lent)
            }
        };
        self.after_change(name, now);
        match outcome {
            Ok(_) => Outcome::Told(told),
            Err(no_slot) => Outcome::Refused(Refusal::TooManySetAside { queue: *name, limit: no_slot.slots as u64 }),
        }
    }

    pub(super) fn settle(
        &mut self,
        name: &Name,
        tokens: Tokens<'_>,
        how: &Settle,
        now: Time,
        to: &mut impl Sink,
    ) -> Outcome {
        let Some(entry) = self.queues.get_mut(name) else {
            return Outcome::Refused(Refusal::Missing(Kind::Queue, *name));
        };
        let (mut done, mut over) = (0_u64, 0_u64);
        for text in tokens.iter() {
            let settled = match (Token::parse(text), how) {
                (None, _) => false,
                (Some(token), Settle::Ack) => entry.queue.ack(now, token).is_ok(),
                (Some(token), Settle::Nack { delay, reason }) => {
                    entry.queue.nack(now, token, *delay, reason.as_bytes()).is_ok()
                }
                (Some(token), Settle::Touch(span)) => {
                    let span = span.unwrap_or(entry.settings.lease).min(entry.settings.max_lease);
                    entry.queue.touch(now, token, span).is_ok()
                }
            };
            if settled {
                done = done.wrapping_add(1);
            } else if to.take(Part::Over(text)).is_continue() {
                over = over.wrapping_add(1);
            } else {
                // There is no room to say so: the rest is as it was, and can be settled again.
                break;
            }
        }
        self.after_change(name, now);
        Outcome::Settled { done, over }
    }

    pub(super) fn peek(&mut self, name: &Name, state: State, items: u64, now: Time, to: &mut impl Sink) -> Outcome {
        let Some(entry) = self.queues.get_mut(name) else {
            return Outcome::Refused(Refusal::Missing(Kind::Queue, *name));
        };
        let told = entry.queue.peek(now, state, items, |item| to.take(Part::Item(Item { item, state })));
        Outcome::Told(told)
    }

    pub(super) fn begin_dump(&mut self, name: &Name) -> Outcome {
        match self.queues.get_mut(name) {
            Some(entry) => Outcome::Dump(Dump { queue: *name, walk: entry.queue.mark() }),
            None => Outcome::Refused(Refusal::Missing(Kind::Queue, *name)),
        }
    }

    pub(super) fn go_on(&mut self, dump: &mut Dump, mut each: impl FnMut(&[u8]) -> ControlFlow<()>) -> bool {
        match self.queues.get_mut(&dump.queue) {
            Some(entry) => !entry.queue.dump(&mut dump.walk, |item| each(item.data)),
            None => false,
        }
    }

    pub(super) fn queue_stats(&mut self, name: &Name, reset: bool, now: Time) -> Outcome {
        let Some(entry) = self.queues.get_mut(name) else {
            return Outcome::Refused(Refusal::Missing(Kind::Queue, *name));
        };
        let stats = entry.stats(now, self.host.unlogged());
        if reset {
            let counters = stats.counters;
            (entry.puts_before, entry.gets_before) =
                (counters.accepted, counters.delivered.wrapping_add(counters.acked));
            entry.queue.reset_high_water();
        }
        Outcome::QueueStats(stats, reset)
    }

    pub(super) fn redrive(&mut self, name: &Name, now: Time) -> Outcome {
        let Some(entry) = self.queues.get_mut(name) else {
            return Outcome::Refused(Refusal::Missing(Kind::Queue, *name));
        };
        let redriven = entry.queue.redrive(now);
        self.after_change(name, now);
        Outcome::Moved(redriven)
    }

    pub(super) fn empty(&mut self, name: &Name, now: Time) -> Outcome {
        let Some(entry) = self.queues.get_mut(name) else {
            return Outcome::Refused(Refusal::Missing(Kind::Queue, *name));
        };
        let removed = entry.queue.purge(now);
        Outcome::Moved(removed)
    }

    pub(super) fn pause(&mut self, name: &Name, paused: bool) -> Outcome {
        let Some(entry) = self.queues.get_mut(name) else {
            return Outcome::Refused(Refusal::Missing(Kind::Queue, *name));
        };
        entry.paused = paused;
        if !paused {
            self.host.ready(name);
        }
        Outcome::Changed
    }

    /// Does what is due in a queue at a time.
    pub(super) fn advance_queue(&mut self, name: &Name, now: Time) {
        if let Some(entry) = self.queues.get_mut(name) {
            entry.queue.advance(now, STEPS);
            self.after_change(name, now);
        }
    }

    /// What a change of a queue may have led to: letters for another one, somebody who waits for an item, a time at
    /// which there is something to do.
    pub(super) fn after_change(&mut self, name: &Name, now: Time) {
        let Some(entry) = self.queues.get_mut(name) else { return };
        if let Some(target) = entry.settings.dead_letter.filter(|_| entry.queue.counters().letters > 0) {
            self.hand_letters_on(name, &target, now);
        }
        let Some(entry) = self.queues.get_mut(name) else { return };
        if entry.queue.ready() > 0 && !entry.paused {
            self.host.ready(name);
        }
        if let Some(due) = entry.queue.next_due() {
            self.host.due(Kind::Queue, name, due);
        }
    }

    /// Puts the dead of a queue on another one, as far as that takes them; the others stay where they are.
    fn hand_letters_on(&mut self, name: &Name, target: &Name, now: Time) {
        if name == target || self.ensure_queue(target, now).is_err() {
            return;
        }
        // Out of the table while the other one is changed: both are of one table.
        let Some(mut entry) = self.queues.remove(name) else { return };
        let mut moved = 0_u64;
        let Self { queues, host, .. } = self;
        if let Some(other) = queues.get_mut(target) {
            moved = entry.queue.take_dead(now, u64::MAX, |letter| {
                let overflow = |item: &[u8]| host.overflow(target, item);
                match other.queue.put(now, letter.data, overflow) {
                    Ok(_) => ControlFlow::Continue(()),
                    Err(_) => ControlFlow::Break(()),
                }
            });
        }
        // It had a place a moment ago.
        let _ = self.queues.insert(*name, entry);
        if moved > 0 {
            self.host.ready(target);
        }
    }

    /// Puts a message of a topic on a queue that it feeds, unless it is one of those that are passed over.
    pub(super) fn feed(&mut self, name: &Name, message: &Piece<'_>, now: Time) {
        let Self { queues, host, .. } = self;
        let Some(entry) = queues.get_mut(name) else { return };
        entry.passed_over = entry.passed_over.wrapping_add(1);
        if entry.passed_over < entry.settings.sample {
            return;
        }
        entry.passed_over = 0;
        // What is refused, the queue counts.
        let _ = put_one(entry, host, name, message.clone(), Duration::ZERO, now);
    }
}

/// Things that are done at a time before others get their turn.
const STEPS: u64 = 1_000;

fn put_one<H: Host>(
    entry: &mut QueueEntry<H>,
    host: &mut H,
    name: &Name,
    piece: Piece<'_>,
    delay: Duration,
    now: Time,
) -> Result<(), PutError> {
    let len = piece.len();
    let overflow = |item: &[u8]| host.overflow(name, item);
    entry.queue.put_with(now, len, delay, |room| piece.copy_to(room), overflow).map(drop)
}

fn refusal_of<H: Host>(error: PutError, name: &Name, entry: &QueueEntry<H>, items: &Pieces<'_>) -> Refusal {
    match error {
        PutError::TooLarge(too_large) => Refusal::TooLarge {
            what: "item",
            len: too_large.len,
            limit: storage_limit(name),
            bytes: too_large.capacity as u64,
        },
        PutError::NoSlot(no_slot) => Refusal::TooManySetAside { queue: *name, limit: no_slot.slots as u64 },
        _ => {
            let settings = &entry.settings;
            let counters = entry.queue.counters();
            let depth = counters.ready.saturating_add(counters.delayed).saturating_add(counters.leased);
            let bytes = items.iter().fold(counters.bytes, |bytes, item| bytes.saturating_add(item.len() as u64));
            let limit = match settings {
                QueueSettings { max_depth: Some(most), .. } if depth.saturating_add(items.count()) > *most => {
                    "max_depth"
                }
                QueueSettings { max_bytes: Some(most), .. } if bytes > *most => "max_bytes",
                _ => storage_limit(name),
            };
            Refusal::Full { queue: *name, limit }
        }
    }
}
