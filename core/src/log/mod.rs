//! The record log: one ring of length-prefixed byte records.
//!
//! The queue and the fan-out both stand on it. Each record is contiguous, so reading one is a borrow; each
//! costs its bytes and a prefix of [`prefix_len`] bytes, and nothing else. A topic's records have a stamp as well: the
//! milliseconds since the record before, a byte mostly. An [`Index`] beside the log finds records by number, by time
//! and by bytes; who needs none has none to keep.

mod index;
mod laid;
mod room;
mod tidy;
mod varint;

pub use index::{Index, Mark};
pub(crate) use laid::Layout;
pub use room::{Full, TooLarge};
pub(crate) use varint::read_prefix;
pub use varint::{prefix_len, write_prefix};
use varint::{read_stamp, stamp_len, write_stamp};

/// A ring of byte records over storage that the caller owns.
///
/// Records have consecutive sequence numbers (which wrap). Appending never evicts: when there is no room,
/// [`append`](Self::append) says so and the owner decides what leaves. A record that doesn't fit in what is left
/// before the end of the storage goes to its start, so up to one record's length may lie unused at the end.
///
/// ```
/// use streamgauge_core::log::Log;
///
/// let mut log = Log::new([0; 16]);
/// let first = log.append(5, |room| room.copy_from_slice(b"hello")).unwrap();
/// assert_eq!(log.front(), Some(&b"hello"[..]));
/// let mut reader = log.start();
/// assert_eq!(reader.sequence(), first);
/// assert_eq!(log.read(&mut reader), Some(&b"hello"[..]));
/// assert_eq!(log.read(&mut reader), None);
/// ```
///
/// `STAMPED` logs are those of a [`Topic`](crate::topic::Topic): the stamps of their records are no payload, and
/// counted nowhere.
#[derive(Debug, Clone)]
pub struct Log<S, const STAMPED: bool = false> {
    storage: S,
    /// Sequence number of the oldest record, and of the next one to be appended.
    first: u64,
    next: u64,
    /// Offset of the oldest record, and of the byte after the newest.
    head: usize,
    tail: usize,
    /// INVARIANT: `None`: the records lie in `head..tail`. `Some(end)`: they lie in `head..end`, which is not
    /// empty, and then in `0..tail`, with `tail <= head`.
    wrapped_at: Option<usize>,
    /// Payload bytes ever appended, and ever removed; they wrap like the sequence numbers.
    appended: u64,
    removed: u64,
}

/// A place between two records of a [`Log`].
///
/// It stays valid while the log goes on: a position whose record has left is recognised by its sequence number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    sequence: u64,
    offset: usize,
    bytes: u64,
}

impl Position {
    /// No place in particular.
    pub(crate) const NONE: Self = Self { sequence: 0, offset: 0, bytes: 0 };

    /// The sequence number of the record that is read next here.
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Where the record begins in the storage, if this is the place of one and none was moved since.
    pub(crate) const fn offset(&self) -> usize {
        self.offset
    }

    /// The place `records` before this one, for telling a reader what it [missed](Log::missed) there.
    pub(crate) const fn moved_back(mut self, records: u64) -> Self {
        self.sequence = self.sequence.wrapping_sub(records);
        self
    }

    /// The same place, once its log is [renumbered](Log::renumber).
    pub(crate) const fn renumbered(mut self, by: u64) -> Self {
        self.sequence = self.sequence.wrapping_add(by);
        self
    }
}

impl<S> Log<S> {
    /// An empty log over `storage`, whose first record will have sequence number 0.
    pub const fn new(storage: S) -> Self {
        Self::starting_at(storage, 0)
    }

    /// An empty log whose first record will have sequence number `first`.
    pub const fn starting_at(storage: S, first: u64) -> Self {
        Self::of(storage, first)
    }
}

impl<S, const STAMPED: bool> Log<S, STAMPED> {
    /// An empty log of either kind.
    pub(crate) const fn of(storage: S, first: u64) -> Self {
        Self { storage, first, next: first, head: 0, tail: 0, wrapped_at: None, appended: 0, removed: 0 }
    }

    /// Number of records held. O(1).
    pub const fn len(&self) -> u64 {
        self.next.wrapping_sub(self.first)
    }

    /// Whether no record is held. O(1).
    pub const fn is_empty(&self) -> bool {
        self.next == self.first
    }

    /// Payload bytes held, prefixes not counted. O(1).
    pub const fn bytes(&self) -> u64 {
        self.appended.wrapping_sub(self.removed)
    }

    /// Goes back by so many records and payload bytes, which are to be appended again. It has to be empty. O(1).
    pub(crate) const fn rewind(&mut self, records: u64, bytes: u64) {
        self.first = self.first.wrapping_sub(records);
        self.next = self.next.wrapping_sub(records);
        self.appended = self.appended.wrapping_sub(bytes);
        self.removed = self.removed.wrapping_sub(bytes);
    }

    /// Gives every record a number that is higher by so much. Positions have to be renumbered with it. O(1).
    pub(crate) const fn renumber(&mut self, by: u64) {
        self.first = self.first.wrapping_add(by);
        self.next = self.next.wrapping_add(by);
    }

    /// Payload bytes ever appended.
    pub(crate) const fn appended(&self) -> u64 {
        self.appended
    }

    /// The position of the oldest record. O(1).
    pub const fn start(&self) -> Position {
        Position { sequence: self.first, offset: self.head, bytes: self.removed }
    }

    /// The position after the newest record. O(1).
    pub const fn end(&self) -> Position {
        Position { sequence: self.next, offset: self.tail, bytes: self.appended }
    }

    /// How many records left before `position` could read them. O(1).
    pub const fn missed(&self, position: &Position) -> u64 {
        let behind = self.next.wrapping_sub(position.sequence);
        behind.saturating_sub(self.len())
    }

    /// Records that `position` can still read. O(1).
    pub const fn pending(&self, position: &Position) -> u64 {
        let behind = self.next.wrapping_sub(position.sequence);
        behind.wrapping_sub(self.missed(position))
    }

    /// Payload bytes appended since `position`, whether they are still held or not. O(1).
    pub const fn bytes_behind(&self, position: &Position) -> u64 {
        self.appended.wrapping_sub(position.bytes)
    }
}

impl<S: AsRef<[u8]>, const STAMPED: bool> Log<S, STAMPED> {
    /// Size of the storage in bytes.
    pub fn capacity(&self) -> usize {
        self.storage.as_ref().len()
    }

    /// Whether a record of `len` bytes fits into the empty log.
    pub fn can_hold(&self, len: usize) -> bool {
        stamped_len(len, stamp_room::<STAMPED>(0)).is_some_and(|needed| needed <= self.capacity())
    }

    /// The oldest record. O(1).
    pub fn front(&self) -> Option<&[u8]> {
        self.read(&mut self.start())
    }

    /// The record at `position`, which moves past it. O(1).
    ///
    /// `None` at the end, and when records that `position` had not read have left
    /// ([`missed`](Self::missed) tells): then it has to be moved to [`start`](Self::start).
    pub fn read(&self, position: &mut Position) -> Option<&[u8]> {
        self.read_parts(position).map(|(.., record)| record)
    }

    /// [`read`](Self::read), and the record's stamp: 0 where there are none.
    pub(crate) fn read_stamped(&self, position: &mut Position) -> Option<(u64, &[u8])> {
        self.read_parts(position).map(|(_, stamp, record)| (stamp, record))
    }

    /// As [`read`](Self::read), with where the record begins in the storage.
    pub(crate) fn read_at(&self, position: &mut Position) -> Option<(usize, &[u8])> {
        self.read_parts(position).map(|(offset, _, record)| (offset, record))
    }

    fn read_parts(&self, position: &mut Position) -> Option<(usize, u64, &[u8])> {
        if self.pending(position) == 0 || self.missed(position) > 0 {
            return None;
        }
        let offset = match self.wrapped_at {
            // The log may have been emptied and begun anew since the position was taken.
            _ if position.sequence == self.first => self.head,
            Some(end) if position.offset >= end => 0,
            _ => position.offset,
        };
        let rest = self.storage.as_ref().get(offset..)?;
        let (len, prefix) = read_prefix(rest)?;
        let (stamp, begin) = if STAMPED {
            let (stamp, stamp_len) = read_stamp(rest.get(prefix..)?)?;
            (stamp, prefix.checked_add(stamp_len)?)
        } else {
            (0, prefix)
        };
        let end = begin.checked_add(len)?;
        let record = rest.get(begin..end)?;
        position.sequence = position.sequence.wrapping_add(1);
        position.offset = offset.wrapping_add(end);
        position.bytes = position.bytes.wrapping_add(len as u64);
        Some((offset, stamp, record))
    }

    /// The position of the record numbered `sequence`, or of the oldest one if it has left, or the end if it is
    /// yet to come. O(records held): it walks from the oldest. An [`Index`] does it in O(log n) and a short walk.
    pub fn seek(&self, sequence: u64) -> Position {
        let ahead = self.next.wrapping_sub(sequence);
        if ahead == 0 || ahead > u64::MAX / 2 {
            return self.end();
        }
        let mut position = self.start();
        for _ in ahead..self.len() {
            if self.read(&mut position).is_none() {
                break;
            }
        }
        position
    }

    /// The records from `position` on, oldest first.
    pub const fn iter(&self, position: Position) -> Iter<'_, S, STAMPED> {
        Iter { log: self, position, left: u64::MAX }
    }

    /// Removes the oldest record and lends it: its bytes stay in place until the next append. O(1).
    pub fn pop(&mut self) -> Option<&[u8]> {
        let mut position = self.start();
        let len = self.read(&mut position)?.len();
        self.pop_to(position);
        let end = position.offset;
        self.storage.as_ref().get(end.checked_sub(len)?..end)
    }
}

impl<S, const STAMPED: bool> Log<S, STAMPED> {
    /// Removes the oldest record, behind which is `position`. O(1).
    pub(crate) fn pop_to(&mut self, position: Position) {
        self.first = position.sequence;
        self.head = position.offset;
        self.removed = position.bytes;
        if self.wrapped_at == Some(self.head) {
            (self.head, self.wrapped_at) = (0, None);
        }
    }
}

impl<S: AsRef<[u8]> + AsMut<[u8]>> Log<S> {
    /// Appends a record of `len` bytes that `fill` writes in place, and returns its sequence number.
    /// O(1), and what `fill` costs.
    ///
    /// # Errors
    /// [`Full`]: there is no contiguous room; nothing has changed, and `fill` was not called.
    pub fn append(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> Result<u64, Full> {
        self.append_at(len, fill).map(|position| position.sequence)
    }

    /// As [`append`](Self::append), with the place of the record, whose offset is that of its prefix.
    pub(crate) fn append_at(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> Result<Position, Full> {
        self.append_parts(0, len, fill)
    }
}

impl<S: AsRef<[u8]> + AsMut<[u8]>, const STAMPED: bool> Log<S, STAMPED> {
    /// [`append`](Log::append) of a record with a stamp, which is dropped where there are none.
    pub(crate) fn append_stamped(&mut self, stamp: u64, len: usize, fill: impl FnOnce(&mut [u8])) -> Result<u64, Full> {
        self.append_parts(stamp, len, fill).map(|position| position.sequence)
    }

    fn append_parts(&mut self, stamp: u64, len: usize, fill: impl FnOnce(&mut [u8])) -> Result<Position, Full> {
        let needed = stamped_len(len, stamp_room::<STAMPED>(stamp)).ok_or(Full)?;
        let at = self.place(needed).ok_or(Full)?;
        let end = at.checked_add(needed).ok_or(Full)?;
        let room = self.storage.as_mut().get_mut(at..end).ok_or(Full)?;
        let (head, record) = room.split_at_mut_checked(needed.wrapping_sub(len)).ok_or(Full)?;
        let (prefix, stamped) = head.split_at_mut_checked(prefix_len(len)).ok_or(Full)?;
        write_prefix(len, prefix);
        if STAMPED {
            write_stamp(stamp, stamped);
        }
        fill(record);
        Ok(self.extend(at, end, len))
    }

    /// Takes in the record of `len` bytes that lies in `at..end`, and returns its place.
    const fn extend(&mut self, at: usize, end: usize, len: usize) -> Position {
        if self.is_empty() {
            (self.head, self.wrapped_at) = (at, None);
        } else if at < self.tail {
            self.wrapped_at = Some(self.tail);
        }
        let position = Position { sequence: self.next, offset: at, bytes: self.appended };
        self.tail = end;
        self.appended = self.appended.wrapping_add(len as u64);
        self.next = self.next.wrapping_add(1);
        position
    }

    /// Where a record of `needed` bytes, prefix included, can be written.
    pub(crate) fn place(&self, needed: usize) -> Option<usize> {
        let capacity = self.capacity();
        if self.is_empty() {
            // Beginning anew at 0 keeps a queue that is mostly empty in the same few pages of memory.
            return (needed <= capacity).then_some(0);
        }
        match self.wrapped_at {
            Some(_) => (needed <= self.head.saturating_sub(self.tail)).then_some(self.tail),
            None if needed <= capacity.saturating_sub(self.tail) => Some(self.tail),
            None => (needed <= self.head).then_some(0),
        }
    }
}

/// Iterator over the records of a [`Log`], from [`Log::iter`].
#[derive(Debug)]
pub struct Iter<'a, S, const STAMPED: bool = false> {
    log: &'a Log<S, STAMPED>,
    position: Position,
    /// How many it gives at the most.
    left: u64,
}

impl<S, const STAMPED: bool> Iter<'_, S, STAMPED> {
    /// Where the next record will be read.
    pub const fn position(&self) -> Position {
        self.position
    }

    /// At most so many records.
    pub(crate) const fn at_most(mut self, records: u64) -> Self {
        self.left = records;
        self
    }
}

impl<'a, S: AsRef<[u8]>, const STAMPED: bool> Iterator for Iter<'a, S, STAMPED> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.left = self.left.checked_sub(1)?;
        self.log.read(&mut self.position)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let pending = self.log.pending(&self.position).min(self.left);
        let pending = usize::try_from(pending).unwrap_or(usize::MAX);
        (0, Some(pending))
    }
}

/// What a record without a stamp takes in the storage.
pub(crate) const fn record_len(len: usize) -> Option<usize> {
    stamped_len(len, 0)
}

const fn stamped_len(len: usize, stamp: usize) -> Option<usize> {
    match len.checked_add(prefix_len(len)) {
        Some(plain) => plain.checked_add(stamp),
        None => None,
    }
}

const fn stamp_room<const STAMPED: bool>(stamp: u64) -> usize {
    if STAMPED { stamp_len(stamp) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append<const N: usize>(log: &mut Log<[u8; N]>, record: &[u8]) -> Result<u64, Full> {
        log.append(record.len(), |room| room.copy_from_slice(record))
    }

    #[test]
    fn holds_exactly_what_the_storage_has_room_for() {
        let mut none = Log::new([0; 0]);
        assert_eq!(append(&mut none, b""), Err(Full));
        let mut one = Log::new([0; 1]);
        assert_eq!(append(&mut one, b"a"), Err(Full));
        assert_eq!(append(&mut one, b""), Ok(0));
        assert_eq!(append(&mut one, b""), Err(Full));
        let mut three = Log::new([0; 3]);
        assert_eq!(append(&mut three, b"abc"), Err(Full));
        assert_eq!(append(&mut three, b"ab"), Ok(0));
        assert_eq!(three.pop(), Some(&b"ab"[..]));
        assert_eq!(append(&mut three, b"c"), Ok(1));
        assert_eq!(append(&mut three, b""), Ok(2));
        assert_eq!(append(&mut three, b""), Err(Full));
    }

    #[test]
    fn fills_the_gap_at_the_start_to_the_last_byte() {
        let mut log = Log::new([0; 7]);
        append(&mut log, b"ab").unwrap();
        append(&mut log, b"cd").unwrap();
        assert_eq!(log.pop(), Some(&b"ab"[..]));
        assert_eq!(append(&mut log, b"efg"), Err(Full));
        assert_eq!(append(&mut log, b"ef"), Ok(2));
        assert_eq!(append(&mut log, b""), Err(Full));
        assert_eq!(log.pop(), Some(&b"cd"[..]));
        assert_eq!(log.pop(), Some(&b"ef"[..]));
        assert_eq!(log.pop(), None);
    }

    #[test]
    fn a_reader_at_the_end_follows_a_log_that_begins_anew() {
        let mut log = Log::new([0; 8]);
        append(&mut log, b"abc").unwrap();
        let mut reader = log.end();
        log.pop();
        append(&mut log, b"defgh").unwrap();
        assert_eq!(log.read(&mut reader), Some(&b"defgh"[..]));
        append(&mut log, b"").unwrap();
        assert_eq!(log.read(&mut reader), Some(&b""[..]));
        assert_eq!(log.read(&mut reader), None);
    }

    #[test]
    fn seek_finds_what_is_held_and_the_nearest_end_of_what_is_not() {
        let mut log = Log::starting_at([0; 8], u64::MAX - 2);
        for record in [b"a", b"b", b"c", b"d", b"e", b"f"] {
            while append(&mut log, record).is_err() {
                log.pop();
            }
        }
        assert_eq!(log.len(), 4);
        assert_eq!(log.seek(u64::MAX - 2), log.start());
        assert_eq!(log.iter(log.seek(1)).next(), Some(&b"e"[..]));
        assert_eq!(log.seek(4), log.end());
        assert_eq!(log.seek(100), log.end());
        // Half of all numbers are behind, and half ahead.
        assert_eq!(log.seek(3_u64.wrapping_sub(u64::MAX / 2)), log.start());
        assert_eq!(log.seek(2_u64.wrapping_sub(u64::MAX / 2)), log.end());
        assert_eq!(log.iter(log.seek(1)).size_hint(), (0, Some(2)));
    }
}
