//! From an interrupt handler to a task: a wait-free ring of bytes for one producer and one consumer.
//!
//! Needs no lock and no compare-and-swap, only loads and stores, so it works on a Cortex-M0 (`thumbv6m`) between an
//! interrupt handler and the main loop, and between two cores or threads anywhere. Each call ends after as many steps
//! as it has bytes to move, whatever the other side does.
//!
//! This is the only module with `unsafe` code.
#![allow(unsafe_code, reason = "two ends write and read the same cells without a lock")]

use crate::sync::{AtomicUsize, Ordering, UnsafeCell, const_fn};

/// The ring; [`split`](Self::split) gives its two ends.
///
/// It holds exactly as many bytes as its storage has, `[Byte; N]` or a `Box<[Byte]>` or `&mut [Byte]`. Bytes that
/// don't fit are refused and counted: at any time, as the producer sees it, bytes offered `==` bytes accepted `+`
/// [`overflow`](Consumer::overflow), and bytes accepted `==` bytes popped `+` bytes held.
///
/// ```
/// use streamgauge_core::shared::ring::{Byte, Ring};
///
/// let mut ring = Ring::new([const { Byte::new() }; 8]);
/// let (mut producer, mut consumer) = ring.split();
/// producer.push(b"stream").unwrap();
/// assert!(producer.push(b"gauge").is_err());
/// let mut bytes = [0; 16];
/// assert_eq!(consumer.pop(&mut bytes), b"stream");
/// assert_eq!(consumer.overflow(), 5);
/// ```
///
/// The halves borrow the ring; for an interrupt handler it has to live for ever, as in
/// `cortex_m::singleton!(: Ring<[Byte; 64]> = Ring::new([const { Byte::new() }; 64]))` or a `StaticCell`.
#[derive(Debug)]
pub struct Ring<S> {
    storage: S,
    indices: Indices,
    /// The number of cells that the positions are for.
    capacity: usize,
}

/// Room for one byte of a [`Ring`].
#[derive(Debug)]
#[repr(transparent)]
pub struct Byte(UnsafeCell<u8>);

// SAFETY: Only `Ring` reaches the byte inside, and has both its halves agree on whose it is before they touch it.
unsafe impl Sync for Byte {}

#[derive(Debug)]
struct Indices {
    /// Where the consumer reads next, and the producer writes next.
    /// INVARIANT: Both are below twice the capacity, so that full and empty differ without a byte to waste: they are
    /// as far apart (modulo twice the capacity) as there are bytes held, at most the capacity. The consumer alone
    /// stores `head`, the producer alone `tail` and `overflow`.
    head: AtomicUsize,
    tail: AtomicUsize,
    /// Bytes refused so far.
    overflow: AtomicUsize,
}

/// The end that writes; from [`Ring::split`].
#[derive(Debug)]
pub struct Producer<'a> {
    cells: &'a [Byte],
    indices: &'a Indices,
    /// INVARIANT: What the atomics of these names hold: nobody else stores to them.
    tail: usize,
    overflow: usize,
}

/// The end that reads; from [`Ring::split`].
#[derive(Debug)]
pub struct Consumer<'a> {
    cells: &'a [Byte],
    indices: &'a Indices,
    /// INVARIANT: What the atomic of this name holds: nobody else stores to it.
    head: usize,
}

/// The bytes don't fit. None of them was taken, and all were counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Full {
    /// Bytes that were refused.
    pub refused: usize,
}

impl Byte {
    const_fn! {
        /// Room for one byte.
        pub const fn new() -> Self {
            Self(UnsafeCell::new(0))
        }
    }
}

impl Default for Byte {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Ring<S> {
    const_fn! {
        /// An empty ring over `storage`.
        pub const fn new(storage: S) -> Self {
            let indices =
                Indices { head: AtomicUsize::new(0), tail: AtomicUsize::new(0), overflow: AtomicUsize::new(0) };
            Self { storage, indices, capacity: 0 }
        }
    }
}

impl<S: AsMut<[Byte]>> Ring<S> {
    /// The two ends, for two contexts of which neither waits for the other. O(1).
    ///
    /// When both are gone the ring can be split again, and goes on where they were; empty, if the storage has another
    /// size now.
    pub fn split(&mut self) -> (Producer<'_>, Consumer<'_>) {
        // Asked for once, and exclusively: so both ends have the same cells, and nobody else has any of them.
        let cells: &[Byte] = self.storage.as_mut();
        let indices = &self.indices;
        // `AsMut` may be anybody's code: positions that were for more cells would break the invariant.
        if cells.len() != self.capacity {
            self.capacity = cells.len();
            indices.head.store(0, Ordering::Relaxed);
            indices.tail.store(0, Ordering::Relaxed);
        }
        let tail = indices.tail.load(Ordering::Relaxed);
        let overflow = indices.overflow.load(Ordering::Relaxed);
        let head = indices.head.load(Ordering::Relaxed);
        (Producer { cells, indices, tail, overflow }, Consumer { cells, indices, head })
    }
}

impl Producer<'_> {
    /// Appends all of `bytes`, or none: what is pushed together becomes visible together, so records of a fixed
    /// size stay whole. O(bytes), wait-free.
    ///
    /// # Errors
    /// [`Full`]; the bytes are counted as [`overflow`](Consumer::overflow).
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Full> {
        // Acquire: the consumer has read what it gave back before we write there.
        let head = self.indices.head.load(Ordering::Acquire);
        let capacity = self.cells.len();
        let room = capacity.saturating_sub(distance(head, self.tail, capacity));
        if bytes.len() > room {
            self.overflow = self.overflow.wrapping_add(bytes.len());
            self.indices.overflow.store(self.overflow, Ordering::Relaxed);
            return Err(Full { refused: bytes.len() });
        }
        let (first, second) = pieces(self.cells, self.tail, bytes.len());
        for (cell, &byte) in first.iter().chain(second).zip(bytes) {
            // SAFETY: These cells lie in the `room` after `tail`, which the consumer has given back and doesn't
            // touch before it sees the new `tail`; and there is no other producer.
            cell.0.with_mut(|to| unsafe { to.write(byte) });
        }
        self.tail = advance(self.tail, bytes.len(), capacity);
        // Release: the bytes are there before the consumer sees that they are.
        self.indices.tail.store(self.tail, Ordering::Release);
        Ok(())
    }

    /// How many bytes fit in now; more may a moment later. O(1).
    pub fn room(&self) -> usize {
        let head = self.indices.head.load(Ordering::Relaxed);
        self.cells.len().saturating_sub(distance(head, self.tail, self.cells.len()))
    }
}

impl Consumer<'_> {
    /// Moves as many bytes as there are, and fit, into `buffer`, oldest first. O(bytes), wait-free.
    pub fn pop<'b>(&mut self, buffer: &'b mut [u8]) -> &'b [u8] {
        // Acquire: what the producer wrote before this `tail` is there.
        let tail = self.indices.tail.load(Ordering::Acquire);
        let capacity = self.cells.len();
        let taken = distance(self.head, tail, capacity).min(buffer.len());
        let (first, second) = pieces(self.cells, self.head, taken);
        for (cell, byte) in first.iter().chain(second).zip(&mut *buffer) {
            // SAFETY: These cells lie between `head` and `tail`: the producer has written them and doesn't touch them
            // before it sees the new `head`; and there is no other consumer.
            *byte = cell.0.with(|from| unsafe { from.read() });
        }
        self.head = advance(self.head, taken, capacity);
        // Release: the bytes are read before the producer sees that it may write there.
        self.indices.head.store(self.head, Ordering::Release);
        buffer.get(..taken).unwrap_or_default()
    }

    /// How many bytes there are now; more may come a moment later. O(1).
    pub fn len(&self) -> usize {
        distance(self.head, self.indices.tail.load(Ordering::Relaxed), self.cells.len())
    }

    /// Whether there is nothing to pop now. O(1).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that were refused so far; wraps at `usize::MAX`. O(1).
    pub fn overflow(&self) -> usize {
        self.indices.overflow.load(Ordering::Relaxed)
    }
}

/// How far `to` is after `from`, both below twice the capacity (which a slice's length leaves room for).
const fn distance(from: usize, to: usize, capacity: usize) -> usize {
    let ahead = to.wrapping_sub(from);
    if to < from { ahead.wrapping_add(capacity.wrapping_mul(2)) } else { ahead }
}

/// `n` places, at most the capacity, after `position`.
const fn advance(position: usize, n: usize, capacity: usize) -> usize {
    let before_wrap = capacity.wrapping_mul(2).wrapping_sub(position);
    if n < before_wrap { position.wrapping_add(n) } else { n.wrapping_sub(before_wrap) }
}

/// The `n` cells after `position`: those before the end of the storage, and those that follow at its start.
fn pieces(cells: &[Byte], position: usize, n: usize) -> (&[Byte], &[Byte]) {
    let at = if position < cells.len() { position } else { position.wrapping_sub(cells.len()) };
    let (start, end) = cells.split_at_checked(at).unwrap_or((&[], cells));
    match end.get(..n) {
        Some(whole) => (whole, &[]),
        None => (end, start.get(..n.wrapping_sub(end.len())).unwrap_or_default()),
    }
}

impl core::fmt::Display for Full {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "the ring has no room for {} bytes", self.refused)
    }
}

impl core::error::Error for Full {}
