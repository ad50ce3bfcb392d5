//! The queue with leases: items that are only lent until they are acknowledged, that come back, are delayed, or die.
//!
//! | file | what it is for |
//! | --- | --- |
//! | `put`, `room` | accepting items; what leaves for them, and what is moved |
//! | `take` | handing items out, for good or on lease |
//! | `settle` | what becomes of a lease: acknowledged, given back, made longer |
//! | `due` | what happens when time passes: leases and delays over, items too old |
//! | `dead` | dead letters: why they died, handing them on, bringing them back |
//! | `look` | looking at items, which changes nothing |
//! | `slot`, `tree` | places for the items that are set aside, in order |
//! | `record`, `note`, `token` | how an item lies in the log; how it died; what a lease is called |
//! | `away`, `elsewhere` | items that lie elsewhere, in a storage that grows |
//! | `save`, `restore` | the whole queue as bytes, and a queue that goes on where it was |

mod away;
mod counters;
mod dead;
mod due;
mod elsewhere;
mod look;
mod note;
mod put;
mod record;
mod restore;
mod room;
mod save;
mod settle;
mod slot;
mod take;
#[cfg(test)]
mod tests;
mod token;
mod tree;

use core::time::Duration;

pub use away::{Away, Held};
pub use counters::Counters;
pub use dead::Letter;
pub use due::Advanced;
pub use look::{Mark, State};
pub use note::Death;
pub use put::PutError;
pub use settle::{LeaseOver, Nacked};
pub use slot::Slot;
pub use take::{Item, NoSlot};
pub use token::Token;

use self::away::Size;
use self::counters::Tally;
use self::record::Kind;
use self::slot::Slots;
use self::tree::Tree;
use super::Limits;
use crate::log::{Log, Position, record_len};
use crate::storage::Grow;
use crate::time::Time;

/// A bounded queue of byte items that are got for good, or lent until they are acknowledged.
///
/// `S` holds the items, each with 9 bytes and a length in front of it, and `L` a [`Slot`] for each item that is set
/// aside: on lease, delayed, back from either, or dead. An item that was only ever put needs none. Items are handed
/// out in the order of their ids, which is that in which they were accepted: one whose lease ran out goes out before
/// all that came after it, and one that was delayed takes the place that it would have had.
///
/// Every operation is told the time, and answers as if [`advance`](Self::advance) had been called then with some thousand
/// steps: what is due beyond that may still be counted as it was, and is done as time goes on, but no token is worth
/// anything after its time, and no item is handed out that is too old. At any time [`accepted`](Counters::accepted) `==` [`acked`](Counters::acked) `+` [`delivered`](Counters::delivered) `+`
/// [`ready`](Counters::ready) `+` [`delayed`](Counters::delayed) `+` [`leased`](Counters::leased) `+`
/// [`overflow`](Counters::overflow) `+` [`dead`](Counters::dead) `+` [`expired`](Counters::expired) `+`
/// [`purged`](Counters::purged).
///
/// An item that is never acknowledged doesn't hold the room of others: when the ring comes round to it, it is moved.
///
/// ```
/// use core::ops::ControlFlow;
/// use core::time::Duration;
/// use streamgauge_core::queue::leases::{LeaseOver, LeaseQueue, Settings, Slot};
/// use streamgauge_core::time::Time;
///
/// let settings = Settings { max_attempts: Some(2), ..Settings::DEFAULT };
/// let mut queue = LeaseQueue::new([0; 256], [Slot::FREE; 4], settings, 0x5eed);
/// let mut random = || 0x0123_4567_89ab_cdef; // The caller's source of random numbers.
/// let at = Time::from_millis;
///
/// queue.put(at(0), b"H3110", |oldest| unreachable!("{oldest:?} had to leave")).unwrap();
/// let mut lend = |queue: &mut LeaseQueue<_, _>, now| {
///     let mut token = None;
///     queue.lease(now, 1, Duration::from_secs(30), &mut random, |item| {
///         assert_eq!(item.data, b"H3110");
///         token = item.token;
///         ControlFlow::Continue(())
///     }).unwrap();
///     token
/// };
///
/// let first = lend(&mut queue, at(0)).unwrap();
/// assert_eq!(lend(&mut queue, at(29_999)), None, "one client at a time");
/// let second = lend(&mut queue, at(30_000)).unwrap();
/// assert_eq!(queue.ack(at(30_001), first), Err(LeaseOver), "a token dies with its lease");
/// assert_eq!(queue.ack(at(30_001), second), Ok(()));
/// assert_eq!((queue.counters().acked, queue.counters().timed_out), (1, 1));
/// ```
#[derive(Debug, Clone)]
pub struct LeaseQueue<S, L> {
    log: Log<S>,
    slots: Slots<L>,
    settings: Settings,
    /// The latest time that it was told.
    clock: Time,
    /// The time at which so much was due that not all of it was done.
    spent: Option<Time>,
    next_id: u64,
    fresh: Fresh,
    /// Items that have a slot, by what they are, and in the order in which they are dealt with.
    back: Tree,
    leased: Tree,
    delayed: Tree,
    dead: Tree,
    room: Room,
    /// Bytes that all records might take if their items lay in them; of storage that doesn't grow, all that there is.
    most: u64,
    /// How often all records were moved together, which makes earlier positions worthless.
    compacted: u64,
    tally: Tally,
    /// Whether its letters are being handed on, so that none of them leaves otherwise.
    handing: bool,
}

/// The items that were never set aside.
#[derive(Debug, Clone, Copy)]
struct Fresh {
    len: u64,
    /// INVARIANT: no record before it is a fresh one, and no fresh one has a lower id; of no meaning if there is none.
    at: Position,
    id: u64,
}

/// What the records in the log take, and what of it can't be taken from them.
#[derive(Debug, Clone, Copy, Default)]
struct Room {
    /// Bytes of the records that hold items, with their prefixes.
    live: usize,
    /// Bytes of the records between them that hold none any more.
    waste: usize,
    /// Bytes of items alone.
    bytes: u64,
    /// Of those, what lies elsewhere, less what is here for it.
    elsewhere: u64,
    /// What is on lease of that, and what is dead.
    leased: Part,
    dead: Part,
}

/// A part of what the records take.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    /// Bytes that its records would take if their items lay in them.
    whole: u64,
    /// Bytes of items alone.
    bytes: u64,
}

impl Part {
    const NONE: Self = Self { whole: 0, bytes: 0 };

    /// An item belongs to it of that size, whose record takes so much.
    const fn take(&mut self, taken: usize, size: Size) {
        self.whole = self.whole.wrapping_add(taken as u64).wrapping_add(size.elsewhere());
        self.bytes = self.bytes.wrapping_add(size.len as u64);
    }

    /// It belongs to it no more.
    const fn give(&mut self, taken: usize, size: Size) {
        self.whole = self.whole.wrapping_sub(taken as u64).wrapping_sub(size.elsewhere());
        self.bytes = self.bytes.wrapping_sub(size.len as u64);
    }
}

impl Room {
    /// An item is held of that size, whose record takes so much.
    const fn take(&mut self, taken: usize, size: Size) {
        self.live = self.live.wrapping_add(taken);
        self.bytes = self.bytes.wrapping_add(size.len as u64);
        self.elsewhere = self.elsewhere.wrapping_add(size.elsewhere());
    }

    /// It is held no more.
    const fn give(&mut self, taken: usize, size: Size) {
        self.live = self.live.wrapping_sub(taken);
        self.bytes = self.bytes.wrapping_sub(size.len as u64);
        self.elsewhere = self.elsewhere.wrapping_sub(size.elsewhere());
    }
}

/// What a [`LeaseQueue`] does with items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// What it may hold: `bytes` counts all items, `depth` all but dead letters.
    pub limits: Limits,
    /// What happens beyond the limits, or when the storage is full.
    pub overflow: Overflow,
    /// How old an item may be when it is handed out; less than 2^40 milliseconds, which are 34 years.
    pub ttl: Option<Duration>,
    /// How often an item is lent: when a lease ends without acknowledgement for the last time, it is dead.
    pub max_attempts: Option<u16>,
}

impl Settings {
    /// Only the storage limits the queue, and the oldest item leaves; items stay as long as it takes.
    pub const DEFAULT: Self =
        Self { limits: Limits::NONE, overflow: Overflow::DropOldest, ttl: None, max_attempts: None };
}

impl Default for Settings {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What happens when an item is put and there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overflow {
    /// For want of room the oldest dead letters leave for it; if that is not enough, the oldest ready items, then the
    /// delayed ones. Those on lease never do, nor letters while they are [handed on](LeaseQueue::set_handing).
    #[default]
    DropOldest,
    /// It is refused.
    Reject,
}

impl Overflow {
    /// What it is called in settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DropOldest => "drop-oldest",
            Self::Reject => "reject",
        }
    }
}

impl<S, L> LeaseQueue<S, L> {
    /// An empty queue over `storage` and `slots`, whatever these hold. `seed` is a secret random number, so that
    /// nobody can order their leases in such a way that they are slow to find.
    pub const fn new(storage: S, slots: L, settings: Settings, seed: u64) -> Self {
        let log = Log::new(storage);
        let fresh = Fresh { len: 0, at: log.start(), id: 0 };
        Self {
            log,
            slots: Slots::new(slots, seed),
            settings,
            clock: Time::ZERO,
            spent: None,
            next_id: 0,
            fresh,
            back: Tree::EMPTY,
            leased: Tree::EMPTY,
            delayed: Tree::EMPTY,
            dead: Tree::EMPTY,
            room: Room { live: 0, waste: 0, bytes: 0, elsewhere: 0, leased: Part::NONE, dead: Part::NONE },
            most: u64::MAX,
            compacted: 0,
            tally: Tally::NEW,
            handing: false,
        }
    }

    /// Lets its ids begin there, at 2<sup>63</sup> at the most so that they never end, before anything is put: where one
    /// queue follows on another, none is given twice.
    #[must_use]
    pub const fn starting_at(mut self, id: u64) -> Self {
        const MOST: u64 = 1 << 63;
        self.next_id = if id < MOST { id } else { MOST };
        self
    }

    /// Lets its storage be one that grows, and that may hold so many bytes, the items that lie
    /// [elsewhere](Away) counted as if they lay in it.
    #[must_use]
    pub const fn growing_to(mut self, most: u64) -> Self {
        self.most = most;
        self
    }

    /// The id that the next item gets.
    pub const fn next_id(&self) -> u64 {
        self.next_id
    }

    /// What it does with items.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Does otherwise from now on. What is held beyond a lower limit leaves with the next put; leases that were given
    /// stay as they are.
    pub const fn set_settings(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// Items that a get would give, as of the latest time that the queue was told. O(1).
    pub const fn ready(&self) -> u64 {
        self.fresh.len.wrapping_add(self.back.len())
    }

    /// Whether it holds no item, in whatever state. O(1).
    pub const fn is_empty(&self) -> bool {
        self.fresh.len == 0 && self.slots.used() == 0
    }

    /// The latest time that it was told.
    fn told(&mut self, now: Time) -> Time {
        self.clock = self.clock.max(now);
        self.clock
    }
}

/// What the files share: records that change what they are, or leave.
impl<S: AsRef<[u8]> + AsMut<[u8]>, L: Grow<Slot>> LeaseQueue<S, L> {
    /// Writes what the record at `offset` is.
    fn set_kind(&mut self, offset: usize, kind: Kind) {
        if let Some(record) = self.log.record_at_mut(offset) {
            kind.mark(record);
        }
    }

    /// Gives back the room of the record at `offset`, whose item has that size.
    fn release(&mut self, offset: usize, size: Size) {
        let Some(taken) = self.log.record_at(offset).and_then(|record| record_len(record.len())) else { return };
        self.room.give(taken, size);
        self.drop_record(offset, taken);
    }

    /// Nothing holds the record at `offset` any more, which takes so much.
    fn drop_record(&mut self, offset: usize, taken: usize) {
        if offset == self.log.start().offset() {
            self.log.pop();
            self.reclaim();
        } else {
            self.set_kind(offset, Kind::Done);
            self.room.waste = self.room.waste.wrapping_add(taken);
        }
    }

    /// Gives back the room of the oldest records if they hold nothing.
    fn reclaim(&mut self) {
        while self.room.waste > 0 {
            let Some(record) = self.log.front().filter(|record| Kind::of(record) == Kind::Done) else { break };
            let taken = record_len(record.len()).unwrap_or_default();
            self.room.waste = self.room.waste.saturating_sub(taken);
            self.log.pop();
        }
    }

    /// Gives back the slot and the record of an item that is in no tree any more.
    fn release_slot(&mut self, slot: u32) {
        let Some(offset) = self.slots.get(slot).map(Slot::offset) else { return };
        let size = self.size_at(offset);
        self.slots.release(slot);
        self.release(offset, size);
    }

    /// What the record of an item that has a slot takes, and the size of the item.
    fn taken_by(&self, slot: u32) -> Option<(usize, Size)> {
        let record = self.log.record_at(self.slots.get(slot)?.offset())?;
        Some((record_len(record.len())?, record::held(record).size()))
    }

    /// The size of the item in the record at `offset`.
    fn size_at(&self, offset: usize) -> Size {
        self.log.record_at(offset).map_or(Size::here(0), |record| record::held(record).size())
    }

    /// When the item in the record at `offset` was accepted.
    fn accepted_at(&self, offset: usize) -> Time {
        self.log.record_at(offset).map_or(self.clock, |record| record::accepted_at(record, self.clock))
    }
}
