//! All the memory that there is for names: a topic and two queues, in `static`s.

use core::mem::take;

use streamgauge_core::dedupe::Entry;
use streamgauge_core::engine::memory::{Few, Host, QueueRoom, TopicRoom};
use streamgauge_core::engine::{Kind, Name, QueueSettings, Refusal, TopicSettings};
use streamgauge_core::generate::Rng;
use streamgauge_core::log::Mark;
use streamgauge_core::queue::leases::Slot;
use streamgauge_core::topic::Place;

use crate::clock;

/// Bytes of the items of the queue `main`, and of `jobs`.
pub const MAIN_BYTES: usize = 8 << 10;
pub const JOBS_BYTES: usize = 4 << 10;
/// Bytes of the newest messages.
pub const LOG_BYTES: usize = 4 << 10;
const SUBSCRIBERS: usize = 4;
/// Items of each queue that can be leased, delayed or dead at a time.
const SET_ASIDE: usize = 32;
/// Ids of each name that are remembered.
const IDS: usize = 16;

/// The queue beside `main`.
pub fn jobs() -> Name {
    Name::new(b"jobs").unwrap_or(Name::MAIN)
}

/// The host of the engine: gives each room once, as slices, so that no storage is ever built on the stack.
pub struct Board {
    topic: Option<TopicRoom<Self>>,
    /// The room of `main` is taken first.
    queues: [Option<QueueRoom<Self>>; 2],
    random: Rng,
}

impl Board {
    /// The memory; `None` if it was taken before.
    pub fn take() -> Option<Self> {
        Some(Self {
            topic: Some(TopicRoom {
                bytes: cortex_m::singleton!(: [u8; LOG_BYTES] = [0; LOG_BYTES])?,
                marks: &mut [],
                places: cortex_m::singleton!(: [Place; SUBSCRIBERS] = [Place::FREE; SUBSCRIBERS])?,
                seen: cortex_m::singleton!(: [Entry; IDS] = [Entry::FREE; IDS])?,
            }),
            queues: [
                Some(QueueRoom {
                    items: cortex_m::singleton!(: [u8; MAIN_BYTES] = [0; MAIN_BYTES])?,
                    most: None,
                    slots: cortex_m::singleton!(: [Slot; SET_ASIDE] = [Slot::FREE; SET_ASIDE])?,
                    seen: cortex_m::singleton!(: [Entry; IDS] = [Entry::FREE; IDS])?,
                }),
                Some(QueueRoom {
                    items: cortex_m::singleton!(: [u8; JOBS_BYTES] = [0; JOBS_BYTES])?,
                    most: None,
                    slots: cortex_m::singleton!(: [Slot; SET_ASIDE] = [Slot::FREE; SET_ASIDE])?,
                    seen: cortex_m::singleton!(: [Entry; IDS] = [Entry::FREE; IDS])?,
                }),
            ],
            random: Rng::new(0),
        })
    }
}

impl Host for Board {
    type Bytes = &'static mut [u8];
    type Items = &'static mut [u8];
    type Marks = &'static mut [Mark];
    type Places = &'static mut [Place];
    type Slots = &'static mut [Slot];
    type Seen = &'static mut [Entry];
    type Optional<T> = Option<T>;
    type Table<V> = Few<V, 2>;

    fn table<V>(&mut self, _: Kind) -> Few<V, 2> {
        Few::new()
    }

    fn topic(&mut self, _: &TopicSettings) -> Result<TopicRoom<Self>, Refusal> {
        self.topic.take().ok_or(Refusal::TooMany { kind: Kind::Topic, limit: 1 })
    }

    fn queue(&mut self, _: &QueueSettings) -> Result<QueueRoom<Self>, Refusal> {
        let room = self.queues.iter_mut().find_map(take);
        room.ok_or(Refusal::TooMany { kind: Kind::Queue, limit: self.queues.len() as u64 })
    }

    /// This chip, and QEMU's of it, has no source of randomness. When a request comes is another cycle after each start, so
    /// that a token from before it settles nothing; but who is near can foretell it. A board that others can reach takes
    /// its hardware (the RNG of an nRF52 or an STM32).
    fn random(&mut self) -> u64 {
        self.random = Rng::new(self.random.bits() ^ clock::cycles());
        self.random.bits()
    }
}
