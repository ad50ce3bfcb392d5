//! The end of a log, in memory: entries that are on their way to the disk.

use super::frame::{self, HEADER, Marks, Salt};
use super::own::{AGAIN, HEAD, Own};
use super::run::from_entry;
use super::{LONGEST, Position};

/// A segment that was made, and that nothing was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fresh {
    pub(crate) segment: u32,
    /// Bytes of its file.
    pub(crate) capacity: u32,
    pub(crate) salt: Salt,
}

/// Bytes of a segment that no entry can have.
pub(crate) const OVERHEAD: u32 = (HEADER + HEAD + HEADER + AGAIN) as u32;

/// Where entries are added. Each gets its place at once, and is safe when its [`Group`] is on the disk.
///
/// An entry is added when what it tells has been done already, so that must not fail: who does something looks before
/// whether there [is room](Self::has_room) for it.
#[derive(Debug)]
pub(crate) struct Tail {
    /// Where the next entry goes.
    at: Position,
    capacity: u32,
    salt: Salt,
    next: Option<Fresh>,
    group: Group,
}

/// Entries that go to the disk together.
#[derive(Debug, Default, Clone)]
pub(crate) struct Group {
    bytes: Vec<u8>,
    /// Where they go: a part in each segment, from `begin` of the bytes to the next one's.
    parts: Vec<(Position, usize)>,
    /// That of the segment of the first part.
    salt: Salt,
}

/// A group of so many bytes is copied when it is taken, so that the next one need not grow anew; what is taken is kept for
/// a while, and has no room to spare.
const REUSED: usize = 64 << 10;

impl Group {
    fn clear(&mut self) {
        self.bytes.clear();
        self.parts.clear();
    }

    /// Whether there is nothing in it.
    pub(crate) const fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Its bytes.
    pub(crate) const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Where its first entry goes.
    pub(crate) fn begin(&self) -> Option<Position> {
        self.parts.first().map(|(at, _)| *at)
    }

    /// From an entry on, if it is in it.
    pub(crate) fn from(&self, at: Position) -> Option<&[u8]> {
        self.parts().find_map(|(begin, bytes)| from_entry(bytes, begin, at))
    }

    /// Where what goes, in the order in which it was added.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (Position, &[u8])> {
        let ends = self.parts.iter().skip(1).map(|(_, begin)| *begin).chain([self.bytes.len()]);
        self.parts.iter().zip(ends).map(|((at, begin), end)| (*at, self.bytes.get(*begin..end).unwrap_or_default()))
    }
}

impl Tail {
    /// Begins a segment, behind what there is of a log.
    pub(crate) fn new(first: Fresh, before: Option<Position>) -> Self {
        let mut tail =
            Self { at: Position::ZERO, capacity: 0, salt: Salt::NONE, next: Some(first), group: Group::default() };
        tail.turn(before);
        tail
    }

    /// Where the next entry goes, unless it is too long for its segment.
    pub(crate) const fn end(&self) -> Position {
        self.at
    }

    /// Whether entries of so many bytes together can be added, with their headers: in one segment, as each has to be.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        let here = (self.capacity - self.at.offset) as usize;
        bytes <= here || self.next.is_some_and(|next| bytes <= (next.capacity - OVERHEAD) as usize)
    }

    /// Whether all that was added was taken.
    pub(crate) const fn is_taken(&self) -> bool {
        self.group.is_empty()
    }

    /// Bytes that were added and not taken.
    pub(crate) const fn waiting(&self) -> usize {
        self.group.len()
    }

    /// Bytes of this segment that are not used.
    pub(crate) const fn left(&self) -> u32 {
        self.capacity - self.at.offset
    }

    /// Whether it has a segment to go on in.
    pub(crate) const fn has_next(&self) -> bool {
        self.next.is_some()
    }

    /// Gives it a segment to go on in.
    pub(crate) const fn set_next(&mut self, next: Fresh) {
        self.next = Some(next);
    }

    /// Where the next entry will be, of so many bytes with its header at the most, for which there
    /// [is room](Self::has_room).
    pub(crate) fn begin(&mut self, bytes: usize) -> Position {
        if bytes > self.left() as usize {
            self.turn(Some(self.at));
        }
        self.at
    }

    /// What was added and not taken.
    pub(crate) const fn group(&self) -> &Group {
        &self.group
    }

    /// Adds an entry, whose body is what `write` puts behind what is there, and returns its place; `None` if there is no
    /// room for it, or nothing in it.
    pub(crate) fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Option<Position> {
        self.add(false, write)
    }

    /// Says that everything is whole up to here.
    pub(crate) fn close(&mut self) -> Option<Position> {
        self.add(true, |body| Own::Closed.write(body))
    }

    /// What was added since the last call. With `is_proof` all that was taken before is on the disk, and will be known
    /// to have been.
    pub(crate) fn take(&mut self, is_proof: bool) -> Group {
        let mut group = if self.group.len() <= REUSED {
            let group = self.group.clone();
            self.group.clear();
            group
        } else {
            core::mem::take(&mut self.group)
        };
        if is_proof && let Some((at, _)) = group.parts.first() {
            frame::set_first(&mut group.bytes, *at, group.salt);
        }
        group
    }

    fn add(&mut self, is_own: bool, write: impl FnOnce(&mut Vec<u8>)) -> Option<Position> {
        let begin = self.group.bytes.len();
        self.group.bytes.extend_from_slice(&[0; HEADER]);
        write(&mut self.group.bytes);
        let len = self.group.bytes.len() - begin;
        if len <= HEADER || len > HEADER + LONGEST || !self.has_room(len) {
            self.group.bytes.truncate(begin);
            return None;
        }
        if len > self.left() as usize {
            // Behind the head of the next segment.
            let entry = self.group.bytes.split_off(begin);
            self.turn(Some(self.at));
            self.group.bytes.extend_from_slice(&entry);
        }
        Some(self.seal(len, is_own))
    }

    /// Begins the next segment.
    fn turn(&mut self, before: Option<Position>) {
        let Some(next) = self.next.take() else { return };
        self.at = Position { segment: next.segment, offset: 0 };
        (self.capacity, self.salt) = (next.capacity, next.salt);
        self.write_own(Own::Head { before, salt: next.salt });
        if let Salt(Some(salt)) = next.salt {
            self.write_own(Own::Salt(salt));
        }
    }

    fn write_own(&mut self, own: Own) {
        let begin = self.group.bytes.len();
        self.group.bytes.extend_from_slice(&[0; HEADER]);
        own.write(&mut self.group.bytes);
        self.seal(self.group.bytes.len() - begin, true);
    }

    /// Makes an entry of the last `len` bytes.
    fn seal(&mut self, len: usize, is_own: bool) -> Position {
        let Self { at, salt, group: Group { bytes, parts, salt: first }, .. } = self;
        let begin = bytes.len() - len;
        let marks = Marks { is_first: false, is_own };
        if parts.is_empty() {
            *first = *salt;
        }
        if parts.last().is_none_or(|(last, _)| last.segment != at.segment) {
            parts.push((*at, begin));
        }
        let place = *at;
        frame::seal(&mut bytes[begin..], marks, place, *salt);
        *at = place.after(len as u32);
        place
    }
}
