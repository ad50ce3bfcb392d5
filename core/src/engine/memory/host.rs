//! What the memory engine is given by those who own the memory.

use super::Table;
use crate::dedupe::Entry;
use crate::engine::{Kind, Name, QueueSettings, Refusal, TopicSettings};
use crate::log::Mark;
use crate::queue::leases::{Away, Held, Slot};
use crate::storage::{Grow, Optional};
use crate::time::Time;
use crate::topic::Place;

/// Gives the engine its storage and its random numbers, and is told what happens.
///
/// All storage comes from one budget: what is given is taken from it before, and back when the engine drops it. What
/// may grow ([`Grow`]) takes what it grows by from the same.
pub trait Host: Sized {
    /// Room for messages.
    type Bytes: AsRef<[u8]> + AsMut<[u8]>;
    /// Room for items.
    type Items: Grow<u8>;
    /// Room for the index of a topic.
    type Marks: AsRef<[Mark]> + AsMut<[Mark]>;
    /// Room for the subscribers of a topic.
    type Places: Grow<Place>;
    /// Room for the items of a queue that are set aside.
    type Slots: Grow<Slot>;
    /// Room for ids that were seen.
    type Seen: Grow<Entry>;
    /// Where what ties a queue to a topic and to another queue is kept, which most queues have not.
    type Optional<T>: Optional<T>;
    /// Where values are found by their names.
    type Table<V>: Table<V>;

    /// A table without a value, for names of this kind.
    fn table<V>(&mut self, kind: Kind) -> Self::Table<V>;

    /// Whether one more topic or queue may be made beside `count` others, of `limit` that have a place in the table. A host
    /// that executes again what was executed before answers what it did then.
    fn may_make(&mut self, count: usize, limit: usize) -> bool {
        count < limit
    }

    /// Room for a topic of these settings, whose `max_message_bytes` is the most that can ever be set.
    ///
    /// # Errors
    /// [`Refusal::NoRoom`], when the budget has no room for it.
    fn topic(&mut self, settings: &TopicSettings) -> Result<TopicRoom<Self>, Refusal>;

    /// Room for a queue of these settings.
    ///
    /// # Errors
    /// [`Refusal::NoRoom`], when the budget has no room for it.
    fn queue(&mut self, settings: &QueueSettings) -> Result<QueueRoom<Self>, Refusal>;

    /// Why a queue that grows has no room, if that is for want of memory; `needed` tells how many bytes it would take, if it
    /// could not grow.
    fn no_room(&self, needed: impl FnOnce() -> Option<u64>) -> Option<Refusal> {
        drop(needed);
        None
    }

    /// 64 random bits that nobody can foretell, for the token of a lease; others after each start, as a token from before it
    /// must not settle what is leased now.
    fn random(&mut self) -> u64;

    /// What the items of the command that is executed will lie in, where a host keeps them elsewhere: as one entry of a
    /// [journal](crate::engine::journal). Queues hold but the [place](Away) of those that are worth it.
    fn place(&mut self) -> Option<u64> {
        None
    }

    /// Lends an item that is kept elsewhere; `None` while it is not at hand. Then it stays where it is, and so do those
    /// behind it: who asked for them may ask again when it is.
    fn fetch(&mut self, away: &Away) -> Option<&[u8]> {
        let _ = away;
        None
    }

    /// A topic has new messages, of so many payload bytes.
    fn published(&mut self, topic: &Name, bytes: u64) {
        let _ = (topic, bytes);
    }

    /// A queue has, or may have, items that can be got.
    fn ready(&mut self, queue: &Name) {
        let _ = queue;
    }

    /// There is something to do for a topic or a queue at a time, and [`Memory::advance`](super::Memory::advance) does
    /// it. It may be said again with another time: the earliest counts, and one too many does no harm.
    fn due(&mut self, kind: Kind, name: &Name, at: Time) {
        let _ = (kind, name, at);
    }

    /// Whether a queue that is not there is for this engine to make: otherwise it belongs to another one, and letters for
    /// it are the host's to hand on.
    fn owns(&self, queue: &Name) -> bool {
        let _ = queue;
        true
    }

    /// A queue has letters for one that another engine owns ([`Memory::letters`](super::Memory::letters)). From now on
    /// they are [handed on](super::Memory::set_handing).
    fn letters(&mut self, queue: &Name) {
        let _ = queue;
    }

    /// An item had to leave a queue. It is counted already.
    fn overflow(&mut self, queue: &Name, item: Held<'_>) {
        let _ = (queue, item);
    }

    /// Of the items that had to leave, of all queues, how many are in no log. A host that has no log says 0.
    fn unlogged(&self) -> u64 {
        0
    }

    /// A topic or a queue is gone.
    fn removed(&mut self, kind: Kind, name: &Name) {
        let _ = (kind, name);
    }
}

/// The storage of a topic.
#[expect(missing_docs, reason = "they are those of Host")]
pub struct TopicRoom<H: Host> {
    pub bytes: H::Bytes,
    pub marks: H::Marks,
    pub places: H::Places,
    pub seen: H::Seen,
}

/// The storage of a queue.
pub struct QueueRoom<H: Host> {
    /// Room for items.
    pub items: H::Items,
    /// Bytes that they may take if that room [grows](Grow), wherever they lie; `None` if it is all there is.
    pub most: Option<u64>,
    #[expect(missing_docs, reason = "it is that of Host")]
    pub slots: H::Slots,
    #[expect(missing_docs, reason = "it is that of Host")]
    pub seen: H::Seen,
}
