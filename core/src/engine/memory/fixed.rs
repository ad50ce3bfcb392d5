//! A host of a few names.

use super::{Few, Host, QueueRoom, TopicRoom};
use crate::dedupe::Entry;
use crate::engine::{Kind, QueueSettings, Refusal, TopicSettings};
use crate::generate::Rng;
use crate::log::Mark;
use crate::queue::leases::Slot;
use crate::topic::Place;

/// Up to `NAMES` topics and as many queues, each with the same storage whatever its settings say: `BYTES` bytes, and
/// `PLACES` subscribers, items that are set aside, and ids that are remembered.
///
/// Its random numbers come from a seed that [`seeded`](Self::seeded) is given: whoever knows it can foretell the tokens
/// of leases, and after a start with the same one the tokens from before settle what is leased now. A microcontroller that
/// has a source of random numbers gives it that.
#[derive(Debug, Clone)]
pub struct Fixed<const NAMES: usize = 4, const BYTES: usize = 1024, const PLACES: usize = 8> {
    random: Rng,
}

impl<const NAMES: usize, const BYTES: usize, const PLACES: usize> Fixed<NAMES, BYTES, PLACES> {
    /// A host whose random numbers come from this seed.
    pub fn seeded(seed: u64) -> Self {
        Self { random: Rng::new(seed) }
    }
}

impl<const NAMES: usize, const BYTES: usize, const PLACES: usize> Default for Fixed<NAMES, BYTES, PLACES> {
    fn default() -> Self {
        Self::seeded(0)
    }
}

impl<const NAMES: usize, const BYTES: usize, const PLACES: usize> Host for Fixed<NAMES, BYTES, PLACES> {
    type Bytes = [u8; BYTES];
    type Items = [u8; BYTES];
    type Marks = [Mark; 0];
    type Places = [Place; PLACES];
    type Slots = [Slot; PLACES];
    type Seen = [Entry; PLACES];
    type Optional<T> = Option<T>;
    type Table<V> = Few<V, NAMES>;

    fn table<V>(&mut self, _: Kind) -> Few<V, NAMES> {
        Few::new()
    }

    fn topic(&mut self, _: &TopicSettings) -> Result<TopicRoom<Self>, Refusal> {
        Ok(TopicRoom { bytes: [0; BYTES], marks: [], places: [Place::FREE; PLACES], seen: [Entry::FREE; PLACES] })
    }

    fn queue(&mut self, _: &QueueSettings) -> Result<QueueRoom<Self>, Refusal> {
        Ok(QueueRoom { items: [0; BYTES], most: None, slots: [Slot::FREE; PLACES], seen: [Entry::FREE; PLACES] })
    }

    fn random(&mut self) -> u64 {
        self.random.bits()
    }
}
