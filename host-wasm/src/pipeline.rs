//! A whole pipeline on a clock of its own.

mod parts;

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use streamgauge_core::stats::Moments as CoreMoments;
use streamgauge_core::topic::{Fanout, Id, Next, Place};
use wasm_bindgen::prelude::*;

use crate::Moments;
use crate::source::{Kind, Shape};
use parts::{BoundedQueue, Input, Item, Reader, Subscriber};

/// Sources publish numbers; a fan-out gives them to the bridge, which puts them on a bounded queue, and to one slow
/// subscriber; readers of different speed share the queue, and each keeps moments of what it read.
///
/// A simulation of discrete events: sources publish at random times (a Poisson process), a reader takes an item
/// whenever it is free and there is one, everything in the order of its time. So the numbers depend on the seed, the
/// settings and the time alone, never on how the time was cut into steps, and natively they are the same to the bit.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Pipeline {
    now: f64,
    inputs: Vec<Input>,
    fanout: Fanout<Box<[u8]>, Box<[Place]>>,
    bridge: Option<Id>,
    subscriber: Subscriber,
    queue: BoundedQueue,
    readers: Vec<Reader>,
    wait: CoreMoments,
    seed: u32,
}

/// Events in one step: a second at 100,000 messages has some 300,000.
const MOST_EVENTS: u32 = 4_000_000;

enum Event {
    Publish(usize),
    Read(usize),
    Receive,
}

#[wasm_bindgen]
impl Pipeline {
    /// A pipeline without sources and readers; the fan-out's log holds about `logMessages` messages, the queue at most
    /// `maxDepth` items.
    #[wasm_bindgen(constructor)]
    pub fn new(
        seed: u32,
        #[wasm_bindgen(js_name = logMessages)] log_messages: u32,
        #[wasm_bindgen(js_name = maxDepth)] max_depth: u32,
    ) -> Self {
        let log = vec![0; (log_messages.clamp(1, 1 << 20) as usize) * Item::STORED].into_boxed_slice();
        let mut fanout = Fanout::new(log, vec![Place::FREE; 2].into_boxed_slice());
        let bridge = fanout.subscribe().ok();
        Self {
            now: 0.0,
            inputs: Vec::new(),
            fanout,
            bridge,
            subscriber: Subscriber::default(),
            queue: BoundedQueue::new(max_depth),
            readers: Vec::new(),
            wait: CoreMoments::new(),
            seed,
        }
    }

    /// Adds a source of `rate` messages a second, and returns its number.
    #[wasm_bindgen(js_name = addSource)]
    pub fn add_source(&mut self, rate: f64, kind: Kind, a: f64, b: f64) -> u32 {
        let number = self.inputs.len() as u32;
        self.inputs.push(Input::new(self.seed, number, Shape { kind, a, b }));
        self.set_source_rate(number, rate);
        number
    }

    /// Changes how many messages a second a source publishes; 0 stops it.
    #[wasm_bindgen(js_name = setSourceRate)]
    pub fn set_source_rate(&mut self, source: u32, rate: f64) {
        if let Some(input) = self.inputs.get_mut(source as usize) {
            input.set_rate(rate, self.now);
        }
    }

    /// Changes what a source's numbers look like.
    #[wasm_bindgen(js_name = setSourceKind)]
    pub fn set_source_kind(&mut self, source: u32, kind: Kind, a: f64, b: f64) {
        if let Some(input) = self.inputs.get_mut(source as usize) {
            input.shape = Shape { kind, a, b };
        }
    }

    /// Adds a reader that needs 1 / `rate` seconds for an item, and returns its number.
    #[wasm_bindgen(js_name = addReader)]
    pub fn add_reader(&mut self, rate: f64) -> u32 {
        self.readers.push(Reader::new());
        let number = self.readers.len() as u32 - 1;
        self.set_reader_rate(number, rate);
        number
    }

    /// Changes a reader's speed; 0 stops it.
    #[wasm_bindgen(js_name = setReaderRate)]
    pub fn set_reader_rate(&mut self, reader: u32, rate: f64) {
        if let Some(reader) = self.readers.get_mut(reader as usize) {
            reader.pace.set_rate(rate, self.now);
        }
    }

    /// Changes how many messages a second the slow subscriber reads.
    #[wasm_bindgen(js_name = setSubscriberRate)]
    pub fn set_subscriber_rate(&mut self, rate: f64) {
        self.subscriber.pace.set_rate(rate, self.now);
    }

    /// Kicks the subscriber when it is more than so many messages behind; 0: never, then it loses what leaves the log.
    #[wasm_bindgen(js_name = setMaxLag)]
    pub fn set_max_lag(&mut self, messages: u32) {
        self.subscriber.max_lag = messages.into();
    }

    /// Changes the queue's limit; what is beyond it overflows at once.
    #[wasm_bindgen(js_name = setMaxDepth)]
    pub fn set_max_depth(&mut self, items: u32) {
        self.queue.set_max_depth(items);
    }

    /// Lets `seconds` pass, and returns how many did: less after four million events, so that no step takes forever.
    pub fn step(&mut self, seconds: f64) -> f64 {
        let (begun, end) = (self.now, self.now + if seconds > 0.0 { seconds } else { 0.0 });
        for _ in 0..MOST_EVENTS {
            let Some((time, event)) = self.next_event().filter(|(time, _)| *time <= end) else {
                self.now = end;
                break;
            };
            self.now = time.max(self.now);
            match event {
                Event::Publish(input) => self.publish(input),
                Event::Read(reader) => self.read(reader),
                Event::Receive => self.subscriber.receive(&mut self.fanout, self.now),
            }
        }
        self.now - begun
    }

    /// Seconds passed.
    #[wasm_bindgen(getter)]
    pub fn now(&self) -> f64 {
        self.now
    }

    /// Messages published.
    #[wasm_bindgen(getter)]
    pub fn published(&self) -> f64 {
        self.fanout.published() as f64
    }

    /// Messages published, by source.
    #[wasm_bindgen(js_name = publishedBySource)]
    pub fn published_by_source(&self) -> Vec<f64> {
        self.inputs.iter().map(|input| input.published as f64).collect()
    }

    /// Items put on the queue.
    #[wasm_bindgen(getter)]
    pub fn accepted(&self) -> f64 {
        self.queue.counters().accepted as f64
    }

    /// Items taken off the queue by readers.
    #[wasm_bindgen(getter)]
    pub fn delivered(&self) -> f64 {
        self.queue.counters().delivered as f64
    }

    /// Items that left the queue because of its limit.
    #[wasm_bindgen(getter)]
    pub fn overflow(&self) -> f64 {
        self.queue.counters().overflow as f64
    }

    /// Items in the queue.
    #[wasm_bindgen(getter)]
    pub fn depth(&self) -> f64 {
        self.queue.counters().depth as f64
    }

    /// The largest depth so far.
    #[wasm_bindgen(getter, js_name = highWater)]
    pub fn high_water(&self) -> f64 {
        self.queue.counters().high_water as f64
    }

    /// Items taken, by reader.
    #[wasm_bindgen(js_name = deliveredByReader)]
    pub fn delivered_by_reader(&self) -> Vec<f64> {
        self.readers.iter().map(|reader| reader.moments.count() as f64).collect()
    }

    /// The moments of all readers, merged.
    pub fn moments(&self) -> Moments {
        let mut merged = CoreMoments::new();
        self.readers.iter().for_each(|reader| merged.merge(&reader.moments));
        Moments { core: merged }
    }

    /// The moments of the seconds between publishing and reading.
    pub fn wait(&self) -> Moments {
        Moments { core: self.wait }
    }

    /// Messages that the slow subscriber has received, over all its connections.
    #[wasm_bindgen(getter)]
    pub fn received(&self) -> f64 {
        self.subscriber.account(&self.fanout).received as f64
    }

    /// Messages that left the log before the slow subscriber read them, or were pending when it was kicked.
    #[wasm_bindgen(getter)]
    pub fn lagged(&self) -> f64 {
        self.subscriber.account(&self.fanout).lagged as f64
    }

    /// Messages that the slow subscriber has yet to read.
    #[wasm_bindgen(getter)]
    pub fn pending(&self) -> f64 {
        self.subscriber.account(&self.fanout).pending as f64
    }

    /// How often the slow subscriber was kicked.
    #[wasm_bindgen(getter)]
    pub fn kicks(&self) -> u32 {
        self.subscriber.kicks
    }

    /// Whether the slow subscriber is subscribed: after a kick it comes back in three seconds.
    #[wasm_bindgen(getter)]
    pub fn connected(&self) -> bool {
        self.subscriber.id.is_some()
    }

    /// Messages published while the slow subscriber was subscribed:
    /// `received + lagged + pending`, always.
    #[wasm_bindgen(getter)]
    pub fn offered(&self) -> f64 {
        self.subscriber.account(&self.fanout).published as f64
    }
}

impl Pipeline {
    fn next_event(&self) -> Option<(f64, Event)> {
        let mut next: Option<(f64, Event)> = None;
        let mut consider = |time: f64, event: Event| {
            if time < f64::INFINITY && next.as_ref().is_none_or(|(first, _)| time < *first) {
                next = Some((time, event));
            }
        };
        for (number, input) in self.inputs.iter().enumerate() {
            consider(input.next, Event::Publish(number));
        }
        if !self.queue.is_empty() {
            for (number, reader) in self.readers.iter().enumerate() {
                consider(reader.pace.free_at().max(self.now), Event::Read(number));
            }
        }
        if let Some(time) = self.subscriber.next(&self.fanout, self.now) {
            consider(time, Event::Receive);
        }
        next
    }

    fn publish(&mut self, input: usize) {
        let Some(input) = self.inputs.get_mut(input) else { return };
        let item = Item { value: input.publish(self.now), published: self.now };
        if self.fanout.publish(&item.to_bytes()).is_err() {
            return;
        }
        let Some(bridge) = self.bridge else { return };
        while let Ok(Next::Message(message)) = self.fanout.next(bridge) {
            self.queue.put(message);
        }
        self.subscriber.kick_if_behind(&mut self.fanout, self.now);
    }

    fn read(&mut self, reader: usize) {
        let Some(reader) = self.readers.get_mut(reader) else { return };
        let Some(item) = self.queue.get() else { return };
        reader.pace.last = self.now;
        reader.moments.push(item.value);
        self.wait.push(self.now - item.published);
    }
}
