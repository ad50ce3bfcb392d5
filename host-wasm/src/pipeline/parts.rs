//! What a pipeline is made of.

use alloc::boxed::Box;
use alloc::vec;

use streamgauge_core::generate::{Distribution, Rng};
use streamgauge_core::queue::{Counters, Limits, Queue};
use streamgauge_core::stats::Moments;
use streamgauge_core::topic::{Delivery, Fanout, Id, Next, Place};

use crate::source::Shape;

/// Seconds after which the subscriber comes back when it was kicked.
const ABSENCE: f64 = 3.0;

/// A message: a number, and when it was published.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    pub(super) value: f64,
    pub(super) published: f64,
}

impl Item {
    const BYTES: u64 = 16;
    /// Bytes of storage that hold an item and its length.
    pub(super) const STORED: usize = 17;

    pub(super) fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        let (value, published) = bytes.split_at_mut(8);
        value.copy_from_slice(&self.value.to_le_bytes());
        published.copy_from_slice(&self.published.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (value, published) = bytes.split_first_chunk()?;
        Some(Self { value: f64::from_le_bytes(*value), published: f64::from_le_bytes(*published.first_chunk()?) })
    }
}

/// A source: its numbers and its times come from generators of their own, so that neither depends on the other.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) shape: Shape,
    pub(super) next: f64,
    pub(super) published: u64,
    rate: f64,
    values: Rng,
    times: Rng,
}

impl Input {
    pub(super) const fn new(seed: u32, number: u32, shape: Shape) -> Self {
        let seed = (seed as u64) << 32 | (number as u64) << 1;
        let (values, times) = (Rng::new(seed), Rng::new(seed | 1));
        Self { shape, next: f64::INFINITY, published: 0, rate: 0.0, values, times }
    }

    /// The time to the next message has no memory: it is drawn again.
    pub(super) fn set_rate(&mut self, rate: f64, now: f64) {
        self.rate = rate;
        self.next = self.after(now);
    }

    /// The number of a message that is published now.
    pub(super) fn publish(&mut self, now: f64) -> f64 {
        self.published += 1;
        self.next = self.after(now);
        self.shape.distribution().sample(&mut self.values)
    }

    fn after(&mut self, now: f64) -> f64 {
        if self.rate > 0.0 {
            now + Distribution::Exponential { rate: self.rate }.sample(&mut self.times)
        } else {
            f64::INFINITY
        }
    }
}

/// How fast something reads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub(super) last: f64,
    seconds: f64,
}

impl Pace {
    const STOPPED: Self = Self { last: 0.0, seconds: f64::INFINITY };

    /// What was waited for stays waited for.
    pub(super) fn set_rate(&mut self, rate: f64, now: f64) {
        if self.seconds.is_infinite() {
            self.last = now;
        }
        self.seconds = if rate > 0.0 { 1.0 / rate } else { f64::INFINITY };
    }

    pub(super) fn free_at(&self) -> f64 {
        self.last + self.seconds
    }
}

/// One of those who share the queue.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) pace: Pace,
    pub(super) moments: Moments,
}

impl Reader {
    pub(super) const fn new() -> Self {
        Self { pace: Pace::STOPPED, moments: Moments::new() }
    }
}

/// The core's queue, whose limit can be changed: its items then move to another one, and the accounts go on.
#[derive(Debug)]
pub(super) struct BoundedQueue {
    queue: Queue<Box<[u8]>>,
    before: Counters,
}

impl BoundedQueue {
    pub(super) fn new(max_depth: u32) -> Self {
        Self { queue: queue(max_depth), before: Counters::default() }
    }

    pub(super) fn put(&mut self, item: &[u8]) {
        // It has room for any number of items up to its limit, and an item is never larger than the others.
        let put = self.queue.put(item, |_| ());
        debug_assert!(put.is_ok());
    }

    pub(super) fn get(&mut self) -> Option<Item> {
        self.queue.get().and_then(Item::from_bytes)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn counters(&self) -> Counters {
        let counters = self.queue.counters();
        Counters {
            accepted: self.before.accepted + counters.accepted,
            delivered: self.before.delivered + counters.delivered,
            overflow: self.before.overflow + counters.overflow,
            high_water: self.before.high_water.max(counters.high_water),
            ..counters
        }
    }

    pub(super) fn set_max_depth(&mut self, items: u32) {
        let before = self.counters();
        let old = core::mem::replace(&mut self.queue, queue(items));
        self.before = Counters { accepted: before.accepted - before.depth, ..before };
        old.iter().for_each(|item| self.put(item));
    }
}

fn queue(max_depth: u32) -> Queue<Box<[u8]>> {
    let depth = max_depth.clamp(1, 1 << 20);
    let storage = vec![0; depth as usize * Item::STORED + Item::STORED].into_boxed_slice();
    Queue::new(storage, Limits { depth: Some(depth.into()), bytes: None })
}

/// A subscriber that reads for itself, and is kicked when it is too slow.
#[derive(Debug)]
pub(super) struct Subscriber {
    pub(super) pace: Pace,
    pub(super) max_lag: u64,
    pub(super) id: Option<Id>,
    pub(super) kicks: u32,
    back_at: f64,
    before: Delivery,
}

impl Default for Subscriber {
    fn default() -> Self {
        Self { pace: Pace::STOPPED, max_lag: 0, id: None, kicks: 0, back_at: 0.0, before: Delivery::default() }
    }
}

type Log = Fanout<Box<[u8]>, Box<[Place]>>;

impl Subscriber {
    /// When it subscribes or reads next.
    pub(super) fn next(&self, fanout: &Log, now: f64) -> Option<f64> {
        let Some(id) = self.id else { return Some(self.back_at.max(now)) };
        let delivery = fanout.delivery(id).ok()?;
        (delivery.received + delivery.lagged < delivery.published || delivery.pending > 0)
            .then(|| self.pace.free_at().max(now))
    }

    pub(super) fn receive(&mut self, fanout: &mut Log, now: f64) {
        let Some(id) = self.id else {
            self.id = fanout.subscribe().ok();
            self.pace.last = now;
            return;
        };
        if let Ok(Next::Message(_)) = fanout.next(id) {
            self.pace.last = now;
        }
    }

    pub(super) fn kick_if_behind(&mut self, fanout: &mut Log, now: f64) {
        let Some(id) = self.id.filter(|_| self.max_lag > 0) else { return };
        let Ok(delivery) = fanout.delivery(id) else { return };
        if delivery.bytes_behind <= self.max_lag.saturating_mul(Item::BYTES) {
            return;
        }
        self.before = self.account(fanout);
        // What is pending is dropped, as the server does it.
        self.before.lagged += core::mem::take(&mut self.before.pending);
        self.kicks += 1;
        self.back_at = now + ABSENCE;
        self.id = None;
        // The id was good a moment ago.
        let _ = fanout.unsubscribe(id);
    }

    /// What became of the messages, over all connections.
    pub(super) fn account(&self, fanout: &Log) -> Delivery {
        let Some(delivery) = self.id.and_then(|id| fanout.delivery(id).ok()) else { return self.before };
        Delivery {
            published: self.before.published + delivery.published,
            received: self.before.received + delivery.received,
            lagged: self.before.lagged + delivery.lagged,
            ..delivery
        }
    }
}
