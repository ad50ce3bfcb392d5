//! What has come and is not answered yet: one request, and what was sent behind it.

use core::ops::Range;

use crate::wire::chunked::{Chunked, Error, Event};

#[derive(Debug)]
pub(super) struct Inbox<S> {
    storage: S,
    /// INVARIANT: at most the length of the storage.
    filled: usize,
}

impl<S: AsRef<[u8]> + AsMut<[u8]>> Inbox<S> {
    pub(super) const fn new(storage: S) -> Self {
        Self { storage, filled: 0 }
    }

    pub(super) fn capacity(&self) -> usize {
        self.storage.as_ref().len()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.storage.as_ref().get(..self.filled).unwrap_or_default()
    }

    pub(super) fn is_full(&self) -> bool {
        self.filled >= self.capacity()
    }

    /// Room for the bytes that come next; empty when there is none.
    pub(super) fn room(&mut self) -> &mut [u8] {
        self.storage.as_mut().get_mut(self.filled..).unwrap_or_default()
    }

    /// The first `count` bytes of the room are filled now.
    pub(super) fn fill(&mut self, count: usize) {
        self.filled = self.filled.saturating_add(count).min(self.capacity());
    }

    pub(super) const fn clear(&mut self) {
        self.filled = 0;
    }

    /// Takes out what lies in `range`: what is behind it moves up. O(bytes behind it).
    pub(super) fn remove(&mut self, range: Range<usize>) {
        let end = range.end.min(self.filled);
        let gap = end.saturating_sub(range.start);
        move_down(self.storage.as_mut(), end..self.filled, range.start);
        self.filled = self.filled.saturating_sub(gap);
    }

    /// Decodes chunks in place, from where the decoded body ends: `from`. Returns where it ends now, and whether
    /// that is all of it. O(bytes behind `from`).
    pub(super) fn unchunk(&mut self, decoder: &mut Chunked, from: usize) -> Result<(usize, bool), Error> {
        let (mut body_end, mut at) = (from, from);
        let ended = loop {
            let mut left = self.bytes().get(at..).unwrap_or_default();
            let event = decoder.decode(&mut left)?;
            at = self.filled.saturating_sub(left.len());
            match event {
                Some(Event::Data(data)) => {
                    let length = data.len();
                    move_down(self.storage.as_mut(), at.saturating_sub(length)..at, body_end);
                    body_end = body_end.saturating_add(length);
                }
                Some(Event::End) => break true,
                None => break false,
            }
        };
        self.remove(body_end..at);
        Ok((body_end, ended))
    }
}

/// Moves what lies in `from` to begin at `to`, which is not behind it.
fn move_down(bytes: &mut [u8], from: Range<usize>, to: usize) {
    if let Some(shift) = from.start.checked_sub(to)
        && let Some(window) = bytes.get_mut(to..from.end)
        && shift <= window.len()
    {
        window.copy_within(shift.., 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled<const N: usize>(bytes: &[u8]) -> Inbox<[u8; N]> {
        let mut inbox = Inbox::new([0; N]);
        inbox.room()[..bytes.len()].copy_from_slice(bytes);
        inbox.fill(bytes.len());
        inbox
    }

    #[test]
    fn chunks_are_decoded_where_they_lie_and_what_follows_moves_up() {
        let mut inbox: Inbox<[u8; 32]> = filled(b"HEAD3\r\nabc\r\n2\r\nde\r\n0\r\n\r\nnext");
        assert_eq!(inbox.unchunk(&mut Chunked::new(), 4), Ok((9, true)));
        assert_eq!(inbox.bytes(), b"HEADabcdenext");
        inbox.remove(0..9);
        assert_eq!(inbox.bytes(), b"next");
    }

    #[test]
    fn chunks_that_are_cut_make_room_for_more() {
        let mut inbox: Inbox<[u8; 8]> = filled(b"H3\r\nabc\r");
        let mut decoder = Chunked::new();
        assert_eq!(inbox.unchunk(&mut decoder, 1), Ok((4, false)));
        assert_eq!(inbox.bytes(), b"Habc");
        assert_eq!(inbox.room().len(), 4);
    }

    #[test]
    fn what_is_not_there_is_not_removed() {
        let mut inbox: Inbox<[u8; 4]> = filled(b"ab");
        inbox.remove(1..9);
        assert_eq!(inbox.bytes(), b"a");
        inbox.fill(9);
        assert!(inbox.is_full());
    }
}
