//! The queues of the memory engine.

use core::ops::ControlFlow;
use core::time::Duration;

use super::entry::{QueueEntry, storage_limit};
use super::{Host, Memory, Table};
use crate::engine::{
    Dump, Id, Item, Kind, Lease, Name, Outcome, Part, Piece, Pieces, QueueSettings, QueueStats, Refusal, Settle, Sink,
    Tokens,
};
use crate::log::prefix_len;
use crate::queue::Limits;
use crate::queue::leases::{self, Away, Held, PutError, State};
use crate::time::Time;

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
        // What is empty is nothing that could come again.
        let id = id.filter(|_| items.count() > 0);
        if let Some(known) = id.and_then(|id| entry.seen.check(id.as_bytes(), now)) {
            entry.duplicates = entry.duplicates.wrapping_add(items.count());
            return Outcome::Put { items: known, duplicate: true };
        }
        entry.make_room_for(items.lens());
        let checked = entry.check(name, items).and_then(|()| {
            entry
                .queue
                .check_many(now, items.lens(), delay)
                .map_err(|error| refusal_of(error, (name, entry), items, host))
        });
        if let Err(refusal) = checked {
            entry.queue.count_refused(items.count());
            self.after_look(name, now);
            return Outcome::Refused(refusal);
        }
        if items.are_bare() {
            // Nobody has what they were.
            return Outcome::Put { items: 0, duplicate: false };
        }
        let mut put = 0_u64;
        let mut places = Places::new(host, items);
        for item in items.iter() {
            let away = places.next(item.len());
            if let Err(error) = put_one(entry, host, name, (item, away), delay, now) {
                // The check has seen that all can be put.
                return Outcome::Refused(refusal_of(error, (name, entry), items, host));
            }
            put = put.wrapping_add(1);
        }
        if let Some(id) = id {
            entry.seen.remember(id.as_bytes(), now, put);
        }
        // As `after_change` does, with the queue at hand: most have no letters.
        if entry.target_of_letters(name).is_some() {
            self.after_change(name, now);
        } else {
            entry.tell(name, host);
        }
        Outcome::Put { items: put, duplicate: false }
    }

    pub(super) fn get(&mut self, name: &Name, items: u64, lease: Lease, now: Time, to: &mut dyn Sink) -> Outcome {
        let Self { queues, host, .. } = self;
        let Some(entry) = queues.get_mut(name) else { return Outcome::Refused(Refusal::Missing(Kind::Queue, *name)) };
        if entry.paused {
            return Outcome::Told(0);
        }
        let mut told = 0;
        let outcome = match lease {
            Lease::None => {
                told = entry.queue.get(now, items, |item| show(host, item, State::Ready, to));
                Ok(told)
            }
            Lease::For(span) => {
                let span = entry.lease_of(span);
                let lent = entry
                    .queue
                    .lease_with(now, items, span, host, H::random, |host, item| show(host, item, State::Leased, to));
                lent.inspect(|lent| told = *lent)
            }
        };
        // As `after_change` does, with the queue at hand: most have no letters.
        if entry.target_of_letters(name).is_some() {
            self.after_change(name, now);
        } else {
            entry.tell(name, host);
        }
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
        to: &mut dyn Sink,
    ) -> Outcome {
        if !self.has(Kind::Queue, name) && !self.defaults.auto_create {
            return Outcome::Refused(Refusal::Missing(Kind::Queue, *name));
        }
        let mut entry = self.queues.get_mut(name);
        let (mut done, mut over) = (0_u64, 0_u64);
        for (text, token) in tokens.parsed() {
            let settled = match (token.zip(entry.as_mut()), how) {
                (None, _) => false,
                (Some((token, entry)), Settle::Ack) => entry.queue.ack(now, token).is_ok(),
                (Some((token, entry)), Settle::Nack { delay, reason }) => {
                    entry.queue.nack(now, token, *delay, reason.as_bytes()).is_ok()
                }
                (Some((token, entry)), Settle::Touch(span)) => {
                    let span = entry.lease_of(*span);
                    entry.queue.touch(now, token, span).is_ok()
                }
            };
            if settled {
                done = done.wrapping_add(1);
            } else if to.take(Part::Over(text)).is_continue() {
                over = over.wrapping_add(1);
            } else {
                // Who asks has failed: the rest is as it was, and can be settled again.
                break;
            }
        }
        self.after_change(name, now);
        Outcome::Settled { done, over }
    }

    /// The settings of a queue. O(1), as far as the table goes.
    #[must_use]
    pub fn queue_settings(&self, name: &Name) -> Option<QueueSettings> {
        self.queues.get(name).map(|entry| entry.settings())
    }

    /// Items of a queue that a get would give, as of the latest time that it was told; 0 if there is no such queue. O(1).
    pub fn ready(&self, name: &Name) -> u64 {
        self.queues.get(name).map_or(0, |entry| entry.queue.ready())
    }

    pub(super) fn peek(&mut self, name: &Name, state: State, items: u64, now: Time, to: &mut dyn Sink) -> Outcome {
        let Self { queues, host, .. } = self;
        let Some(entry) = queues.get_mut(name) else {
            return self.absent(Kind::Queue, name, Outcome::Told(0));
        };
        let told = entry.queue.peek(now, state, items, |item| show(host, item, state, to));
        self.after_look(name, now);
        Outcome::Told(told)
    }

    pub(super) fn begin_dump(&mut self, name: &Name) -> Outcome {
        match self.queues.get_mut(name) {
            Some(entry) => Outcome::Dump(Dump { queue: *name, walk: entry.queue.mark() }),
            None => Outcome::Refused(Refusal::Missing(Kind::Queue, *name)),
        }
    }

    pub(super) fn go_on(&mut self, dump: &mut Dump, mut each: impl FnMut(&[u8]) -> ControlFlow<()>) -> bool {
        let Self { queues, host, .. } = self;
        match queues.get_mut(&dump.queue) {
            Some(entry) => !entry.queue.dump(&mut dump.walk, |item| with(host, item, |item| each(item.data))),
            None => false,
        }
    }

    pub(super) fn queue_stats(&mut self, name: &Name, reset: bool, now: Time, to: &mut dyn Sink) -> Outcome {
        let unlogged = self.host.unlogged();
        let Some(entry) = self.queues.get_mut(name) else {
            let outcome = self.absent(Kind::Queue, name, Outcome::Told(1));
            if let Outcome::Told(_) = outcome {
                // Whoever breaks says so by itself.
                let _ = to.take(Part::QueueStats(&QueueStats { unlogged, ..QueueStats::default() }));
            }
            return outcome;
        };
        let stats = entry.stats(now, unlogged);
        if to.take(Part::QueueStats(&stats)).is_continue() && reset {
            entry.reset(&stats.counters);
        }
        self.after_look(name, now);
        Outcome::Told(1)
    }

    pub(super) fn redrive(&mut self, name: &Name, now: Time) -> Outcome {
        let Some(entry) = self.queues.get_mut(name) else {
            return Outcome::Refused(Refusal::Missing(Kind::Queue, *name));
        };
        let items = entry.queue.redrive(now, BATCH);
        self.after_change(name, now);
        Outcome::Moved { items, more: items == BATCH }
    }

    pub(super) fn empty(&mut self, name: &Name, now: Time) -> Outcome {
        let Some(entry) = self.queues.get_mut(name) else {
            return Outcome::Refused(Refusal::Missing(Kind::Queue, *name));
        };
        // Whose last lease is over is a letter, and goes to the queue that takes it. Where that is elsewhere, the host has tried
        // it before: what had no room there is emptied as well.
        let is_due = entry.queue.advance(now, STEPS).more;
        let have_been_tried = self.target_of_letters(name).is_some_and(|target| self.is_elsewhere(&target));
        if !have_been_tried && self.hand_letters_on(name, now) {
            return Outcome::Moved { items: 0, more: true };
        }
        let items = self.queues.get_mut(name).map_or(0, |entry| entry.queue.purge(now, BATCH));
        self.after_change(name, now);
        Outcome::Moved { items, more: is_due || items == BATCH }
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
        self.hand_letters_on(name, now);
        self.tell_host(name);
    }

    /// Tells the host whether there are items for who waits, and when there is something to do.
    pub(super) fn tell_host(&mut self, name: &Name) {
        if let Some(entry) = self.queues.get_mut(name) {
            entry.tell(name, &mut self.host);
        }
    }
}

/// Things that are done at a time before others get their turn.
const STEPS: u64 = 1_000;

/// Items that one command moves at a time.
pub(super) const BATCH: u64 = 10_000;

/// Puts an item; what has to leave for it, the host is told.
pub(super) fn put_one<H: Host>(
    entry: &mut QueueEntry<H>,
    host: &mut H,
    name: &Name,
    (piece, away): (Piece<'_>, Option<Away>),
    delay: Duration,
    now: Time,
) -> Result<(), PutError> {
    let overflow = |item: Held<'_>| host.overflow(name, item);
    match away {
        Some(away) => entry.queue.put_away(now, away, delay, overflow),
        None => entry.queue.put_among(now, piece.len(), delay, |room| piece.copy_to(room), overflow),
    }
    .map(drop)
}

/// Where the items of a command will lie, one after the other.
pub(super) struct Places {
    place: Option<u64>,
    /// Bytes from the next one on, with what stands before each.
    back: u64,
}

impl Places {
    pub(super) fn new<H: Host>(host: &mut H, pieces: &Pieces<'_>) -> Self {
        let place = host.place();
        Self { place, back: if place.is_some() { pieces.encoded_len() } else { 0 } }
    }

    /// That of the next one, of so many bytes; `None` if it is with the queue.
    pub(super) fn next(&mut self, len: usize) -> Option<Away> {
        let place = self.place?;
        let back = self.back.wrapping_sub(prefix_len(len) as u64);
        self.back = back.wrapping_sub(len as u64);
        let (back, bytes) = (u32::try_from(back).ok()?, u32::try_from(len).ok()?);
        (len >= Away::LEAST).then_some(Away { place, back, len: bytes })
    }
}

/// Gives an item to `each`, wherever it lies; breaks if it is not at hand.
fn with<H: Host>(
    host: &mut H,
    item: leases::Item<'_>,
    each: impl FnOnce(leases::Item<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    match item.away.as_ref() {
        None => each(item),
        Some(away) => match host.fetch(away) {
            Some(data) => each(leases::Item { data, ..item }),
            None => ControlFlow::Break(()),
        },
    }
}

fn show<H: Host>(host: &mut H, item: leases::Item<'_>, state: State, to: &mut dyn Sink) -> ControlFlow<()> {
    with(host, item, |item| to.take(Part::Item(Item { item, state })))
}

fn refusal_of<H: Host>(
    error: PutError,
    (name, entry): (&Name, &QueueEntry<H>),
    items: &Pieces<'_>,
    host: &H,
) -> Refusal {
    match error {
        PutError::TooLarge(too_large) => Refusal::TooLarge {
            what: "item",
            len: too_large.len,
            limit: storage_limit(name),
            bytes: too_large.capacity as u64,
        },
        PutError::NoSlot(no_slot) => Refusal::TooManySetAside { queue: *name, limit: no_slot.slots as u64 },
        _ => {
            let Limits { depth: max_depth, bytes: max_bytes } = entry.queue.settings().limits;
            let counters = entry.queue.counters();
            let depth = counters.ready.saturating_add(counters.delayed).saturating_add(counters.leased);
            let bytes = items.lens().fold(counters.bytes, |bytes, len| bytes.saturating_add(len as u64));
            let too_deep = max_depth.filter(|most| depth.saturating_add(items.count()) > *most);
            let too_many = max_bytes.filter(|most| bytes > *most);
            let (limit, most) = match (too_deep, too_many) {
                (Some(most), _) => ("max_depth", most),
                (None, Some(most)) => ("max_bytes", most),
                (None, None) => match host.no_room(|| entry.lacks(items.lens())) {
                    Some(refusal) => return refusal,
                    None => (storage_limit(name), entry.queue.most_bytes()),
                },
            };
            Refusal::Full { queue: *name, limit, most }
        }
    }
}
