//! Where an answer's body is written, with a bound.

use std::fmt;

use embedded_io::{ErrorKind, ErrorType, Write};

use crate::server::{Buffer, Context, SMALL, Share, spare};

/// An answer with a bound. What does not fit is not written at all, so that an item is whole or stays queued.
///
/// What it takes beyond [`SMALL`] is counted as soon as it is taken: an answer may have to wait long before it is sent, for
/// a disk or for other items.
#[derive(Debug)]
pub(super) struct Room<'c> {
    bytes: Vec<u8>,
    most: usize,
    context: &'c Context<'c>,
    share: Option<Share>,
}

/// Kept for the separator behind an item that just fits.
pub(super) const SEPARATOR: usize = 16;

impl<'c> Room<'c> {
    /// For as much as the client may have now.
    pub(super) const fn new(context: &'c Context<'c>) -> Self {
        Self { bytes: Vec::new(), most: context.room, context, share: None }
    }

    /// What was written, with what it counts for.
    pub(super) fn into_buffer(mut self) -> Buffer {
        let (bytes, mut share) = (std::mem::take(&mut self.bytes), self.share.take());
        if let Some(share) = &mut share {
            share.shrink(bytes.capacity());
        }
        let share = share.filter(|_| bytes.capacity() > SMALL);
        Buffer::new(bytes, share)
    }

    /// Counts room for so many bytes before they are written, as far as there is any; how many there is room for.
    pub(super) fn keep(&mut self, bytes: usize) -> usize {
        let left = self.counted().saturating_add(self.context.left());
        let wanted = bytes.saturating_add(SEPARATOR).min(self.most).min(left);
        let kept = if self.count(wanted) { wanted } else { self.counted() };
        kept.max(SMALL).min(self.most).saturating_sub(SEPARATOR)
    }

    /// Whether nothing was written.
    pub(super) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether so many bytes more can be written, as far as they are counted: they can from then on.
    pub(super) fn has_room_for(&mut self, bytes: usize) -> bool {
        let needed = self.bytes.len().saturating_add(bytes).saturating_add(SEPARATOR).min(self.most);
        needed <= SMALL || self.grow(needed)
    }

    /// Takes room for `needed` bytes in all: twice as much as before, if there is so much.
    fn grow(&mut self, needed: usize) -> bool {
        let before = self.bytes.capacity();
        if needed <= before {
            return true;
        }
        if before == 0 {
            self.bytes = spare::output();
            return self.grow(needed);
        }
        let most = if needed <= SMALL { SMALL } else { self.counted().saturating_add(self.context.left()) };
        let doubled = before.saturating_mul(2).min(most).min(self.most).max(needed);
        let Some(room) = [doubled, needed].into_iter().find(|room| self.count(*room)) else { return false };
        self.bytes.reserve_exact(room.saturating_sub(self.bytes.len()));
        true
    }

    /// Bytes that it counts for.
    fn counted(&self) -> usize {
        self.share.as_ref().map_or(0, Share::bytes)
    }

    /// Counts so many bytes in all, if there are any left.
    fn count(&mut self, bytes: usize) -> bool {
        if bytes <= SMALL {
            return true;
        }
        let more = bytes.saturating_sub(self.counted());
        match &mut self.share {
            Some(share) => share.extend(more),
            none => self.context.take(more).map(|share| *none = share).is_ok(),
        }
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        spare::give(std::mem::take(&mut self.bytes));
    }
}

/// What was to be written is longer than the room that is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoRoom;

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no room for the answer")
    }
}

impl std::error::Error for NoRoom {}

impl embedded_io::Error for NoRoom {
    fn kind(&self) -> ErrorKind {
        ErrorKind::OutOfMemory
    }
}

impl ErrorType for Room<'_> {
    type Error = NoRoom;
}

impl Write for Room<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, NoRoom> {
        let room = self.most.saturating_sub(self.bytes.len());
        let is_tight = bytes.len() > SEPARATOR && bytes.len().saturating_add(SEPARATOR) > room;
        if is_tight || bytes.len() > room {
            return Err(NoRoom);
        }
        let needed = self.bytes.len().saturating_add(bytes.len());
        if needed > self.bytes.capacity() && !self.grow(needed.saturating_add(SEPARATOR).min(self.most)) {
            return Err(NoRoom);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), NoRoom> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::server::{Budget, Limits};

    #[test]
    fn room_that_is_kept_is_there_whatever_others_take_and_what_is_not_used_is_given_back() {
        let limits = Limits { max_body: 1_000_000, max_buffered: 1_000_000, ..Limits::default() };
        let budget = Arc::new(Budget::new(&limits));
        let context = Context::new(([192, 0, 2, 1], 1).into(), 1, &[]).within(&budget);
        let mut first = Room::new(&context);
        assert_eq!(first.keep(0), SMALL - SEPARATOR, "each connection has so much");
        assert_eq!((first.keep(600_000), context.left()), (600_000, 1_000_000 - 600_000 - SEPARATOR));
        let mut second = Room::new(&context);
        assert_eq!(second.keep(600_000), 1_000_000 - 600_000 - 2 * SEPARATOR, "what is left");
        let mut third = Room::new(&context);
        assert_eq!(third.keep(600_000), SMALL - SEPARATOR);
        assert!(third.write_all(&[b'x'; SMALL - SEPARATOR]).is_ok() && third.write_all(&[b'x'; 17]).is_err());
        for _ in 0..6 {
            assert!(first.has_room_for(100_000) && first.write_all(&[b'x'; 100_000]).is_ok());
        }
        assert!(!first.has_room_for(100_000));
        drop(second.into_buffer());
        let sent = third.into_buffer();
        assert_eq!((sent.len(), context.left()), (SMALL - SEPARATOR, 1_000_000 - 600_000 - SEPARATOR));
        let mut fourth = Room::new(&context);
        assert_eq!(fourth.keep(300_000), 300_000);
        fourth.write_all(&[b'x'; 20_000]).unwrap();
        let sent = fourth.into_buffer();
        assert!(context.left() > 300_000, "{} bytes count for {}", sent.len(), 400_000 - context.left());
    }

    #[test]
    fn what_is_written_counts_with_all_its_room_until_it_was_sent() {
        let limits = Limits { max_body: 1_000_000, max_buffered: 1_000_000, ..Limits::default() };
        let budget = Arc::new(Budget::new(&limits));
        let context = Context::new(([192, 0, 2, 1], 1).into(), 1, &[]).within(&budget);
        let counted = || 1_000_000 - context.left();
        let (mut small, mut long) = (Room::new(&context), Room::new(&context));
        for _ in 0..SMALL / 1_024 - 1 {
            small.write_all(&[b'x'; 1_024]).unwrap();
        }
        assert_eq!((counted(), small.bytes.capacity()), (0, SMALL), "each connection has so much");
        let mut rooms = Vec::new();
        for len in 1..=66 {
            long.write_all(&[b'x'; 1_024]).unwrap();
            let room = long.bytes.capacity();
            assert_eq!(counted(), if room > SMALL { room } else { 0 }, "{len} KiB");
            rooms.push(room);
        }
        rooms.dedup();
        assert!(rooms.len() < 7, "{rooms:?}");
        // What another one takes is not there, and what was written is as it was.
        let mut other = Room::new(&context);
        let too_much = vec![b'x'; 900_000];
        assert!(other.write_all(&too_much).is_err() && other.is_empty());
        assert!(other.write_all(&too_much[..500_000]).is_ok());
        assert!(!long.has_room_for(500_000) && long.write_all(&too_much[..500_000]).is_err());
        assert!(long.has_room_for(300_000) && long.write_all(&too_much[..300_000]).is_ok());
        drop(other);
        let sent = long.into_buffer();
        assert!(sent.len() == (66 << 10) + 300_000 && counted() > sent.len());
        drop(sent);
        assert_eq!(counted(), 0);
    }
}
