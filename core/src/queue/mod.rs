//! The queue: competing consumers, bounded, every item accounted for.

pub mod leases;
mod room;

use core::ops::ControlFlow;

pub use room::{Limit, NoRoom};

use crate::log::{Full, Iter, Log, TooLarge};
use crate::wire::lines;

/// A bounded first-in first-out queue of byte items.
///
/// Beyond a limit the oldest items leave: each is handed to the caller and counted. At any time
/// [`accepted`](Counters::accepted) `==` [`delivered`](Counters::delivered) `+` [`depth`](Counters::depth) `+`
/// [`overflow`](Counters::overflow).
///
/// ```
/// use streamgauge_core::queue::{Limits, Queue};
///
/// let mut queue = Queue::new([0; 64], Limits { depth: Some(2), ..Limits::NONE });
/// let mut lost = 0;
/// for item in [&b"a"[..], b"b", b"c"] {
///     queue.put(item, |_oldest| lost += 1).unwrap();
/// }
/// assert_eq!(lost, 1);
/// assert_eq!(queue.get(), Some(&b"b"[..]));
/// let counters = queue.counters();
/// assert_eq!(counters.accepted, counters.delivered + counters.depth + counters.overflow);
/// ```
#[derive(Debug, Clone)]
pub struct Queue<S> {
    log: Log<S>,
    limits: Limits,
    accepted: u64,
    delivered: u64,
    overflow: u64,
    high_water: u64,
    refused: u64,
}

/// What a queue may hold, beside what its storage has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// The most items; `None` for no limit.
    pub depth: Option<u64>,
    /// The most payload bytes; `None` for no limit.
    pub bytes: Option<u64>,
}

impl Limits {
    /// Only the storage limits the queue.
    pub const NONE: Self = Self { depth: None, bytes: None };
}

/// What a queue has done and holds. Counts wrap at 2^64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Items that `put` took.
    pub accepted: u64,
    /// Items that `get` gave away.
    pub delivered: u64,
    /// Items that left because of a limit.
    pub overflow: u64,
    /// Items held now.
    pub depth: u64,
    /// The largest depth since the start or the last [`Queue::reset_high_water`].
    pub high_water: u64,
    /// Payload bytes held now.
    pub bytes: u64,
}

impl<S> Queue<S> {
    /// An empty queue over `storage`.
    pub const fn new(storage: S, limits: Limits) -> Self {
        Self { log: Log::new(storage), limits, accepted: 0, delivered: 0, overflow: 0, high_water: 0, refused: 0 }
    }

    /// What the queue has done and holds. O(1).
    pub const fn counters(&self) -> Counters {
        Counters {
            accepted: self.accepted,
            delivered: self.delivered,
            overflow: self.overflow,
            depth: self.log.len(),
            high_water: self.high_water,
            bytes: self.log.bytes(),
        }
    }

    /// Lets the high-water mark start again from nothing: the next `put` sets it.
    pub const fn reset_high_water(&mut self) {
        self.high_water = 0;
    }

    /// Whether nothing is queued. O(1).
    pub const fn is_empty(&self) -> bool {
        self.log.is_empty()
    }
}

impl<S: AsRef<[u8]>> Queue<S> {
    /// Whether an item of `len` bytes fits into the storage at all.
    ///
    /// # Errors
    /// [`TooLarge`] if it doesn't; [`put`](Self::put) would say the same.
    pub fn check(&self, len: usize) -> Result<(), TooLarge> {
        if self.log.can_hold(len) { Ok(()) } else { Err(TooLarge { len, capacity: self.log.capacity() }) }
    }

    /// The oldest item, which stays. O(1).
    pub fn peek(&self) -> Option<&[u8]> {
        self.log.front()
    }

    /// Removes the oldest item and lends it. O(1).
    pub fn get(&mut self) -> Option<&[u8]> {
        let item = self.log.pop()?;
        self.delivered = self.delivered.wrapping_add(1);
        Some(item)
    }

    /// Gives up to `items` of the oldest items to `each`, and returns how many were removed. O(items).
    ///
    /// An item leaves the queue when `each` has returned [`ControlFlow::Continue`] for it: what `each` breaks on
    /// stays, so nothing is lost when there is no room for it.
    pub fn mget(&mut self, items: u64, mut each: impl FnMut(&[u8]) -> ControlFlow<()>) -> u64 {
        let mut taken = 0;
        while taken < items {
            let Some(item) = self.log.front() else { break };
            if each(item).is_break() {
                break;
            }
            self.log.pop();
            // At once: `each` may panic at the next one.
            self.delivered = self.delivered.wrapping_add(1);
            taken += 1;
        }
        taken
    }

    /// The queued items, oldest first; they stay.
    pub fn iter(&self) -> Iter<'_, S> {
        self.log.iter(self.log.start())
    }

    /// The record log underneath, for reading.
    pub const fn log(&self) -> &Log<S> {
        &self.log
    }
}

impl<S: AsRef<[u8]> + AsMut<[u8]>> Queue<S> {
    /// Appends `item`; every item that has to leave for it goes to `overflow`, oldest first.
    /// O(1) and the items that leave.
    ///
    /// # Errors
    /// [`TooLarge`]: the storage can't hold the item. Nothing has changed.
    pub fn put(&mut self, item: &[u8], overflow: impl FnMut(&[u8])) -> Result<(), TooLarge> {
        self.put_with(item.len(), |room| room.copy_from_slice(item), overflow)
    }

    /// [`put`](Self::put) for an item of `len` bytes that `fill` writes in place.
    ///
    /// # Errors
    /// As [`put`](Self::put); `fill` was not called then.
    pub fn put_with(
        &mut self,
        len: usize,
        fill: impl FnOnce(&mut [u8]),
        mut overflow: impl FnMut(&[u8]),
    ) -> Result<(), TooLarge> {
        self.check(len)?;
        let mut fill = Some(fill);
        while let Err(Full) = self.log.append(len, |room| {
            if let Some(fill) = fill.take() {
                fill(room);
            }
        }) {
            self.overflow_one(&mut overflow);
        }
        self.accepted = self.accepted.wrapping_add(1);
        while self.over_limits() {
            self.overflow_one(&mut overflow);
        }
        self.high_water = self.high_water.max(self.log.len());
        Ok(())
    }

    /// [`put`](Self::put)s each non-empty piece of `body` between `separator`s, and returns how many there were.
    ///
    /// # Errors
    /// [`TooLarge`] for the first piece that the storage can't hold; then none was put.
    pub fn mput(&mut self, body: &[u8], separator: &[u8], mut overflow: impl FnMut(&[u8])) -> Result<u64, TooLarge> {
        lines::split_on(body, separator).try_for_each(|piece| self.check(piece.len()))?;
        let mut pieces = 0;
        for piece in lines::split_on(body, separator) {
            self.put(piece, &mut overflow)?;
            pieces += 1;
        }
        Ok(pieces)
    }

    fn over_limits(&self) -> bool {
        self.limits.depth.is_some_and(|most| self.log.len() > most)
            || self.limits.bytes.is_some_and(|most| self.log.bytes() > most)
    }

    fn overflow_one(&mut self, overflow: &mut impl FnMut(&[u8])) {
        if let Some(oldest) = self.log.pop() {
            self.overflow = self.overflow.wrapping_add(1);
            overflow(oldest);
        }
    }
}
