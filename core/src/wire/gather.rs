//! Room for a message that arrives in pieces.

/// Collects the pieces of one message in storage that never grows, and goes on counting when
/// they no longer fit.
#[derive(Clone, Debug)]
pub(super) struct Gather<S> {
    storage: S,
    /// Bytes seen of the message in progress, kept or not.
    length: u64,
    too_long: u64,
}

impl<S: AsRef<[u8]> + AsMut<[u8]>> Gather<S> {
    pub(super) const fn new(storage: S) -> Self {
        Self { storage, length: 0, too_long: 0 }
    }

    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Messages that did not fit, so far.
    pub(super) const fn too_long(&self) -> u64 {
        self.too_long
    }

    pub(super) const fn clear(&mut self) {
        self.length = 0;
    }

    /// Takes back the end of a message of `length` bytes that was just completed from storage.
    pub(super) const fn restore(&mut self, length: u64) {
        self.length = length;
    }

    pub(super) fn push(&mut self, piece: &[u8]) {
        let start = usize::try_from(self.length).unwrap_or(usize::MAX);
        self.length = self.length.saturating_add(piece.len() as u64);
        let room = self.storage.as_mut().get_mut(start..);
        if let Some(room) = room.and_then(|room| room.get_mut(..piece.len())) {
            room.copy_from_slice(piece);
        }
    }

    /// Ends the message with `last`: borrowed from there if that is all of it, else from the
    /// storage. A message longer than the storage is an error, which says how long it was.
    pub(super) fn complete<'a, 'i: 'a>(&'a mut self, last: &'i [u8]) -> Result<&'a [u8], u64> {
        let direct = self.is_empty();
        if direct {
            self.length = last.len() as u64;
        } else {
            self.push(last);
        }
        let length = core::mem::take(&mut self.length);
        let kept = usize::try_from(length).ok().and_then(|length| self.storage.as_ref().get(..length));
        match kept {
            Some(_) if direct => Ok(last),
            Some(kept) => Ok(kept),
            None => {
                self.too_long = self.too_long.wrapping_add(1);
                Err(length)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Gather;

    #[test]
    fn exactly_as_much_as_was_asked_for() {
        let mut gather = Gather::new([0; 3]);
        gather.push(b"ab");
        assert_eq!(gather.complete(b"c"), Ok(&b"abc"[..]));
        gather.push(b"ab");
        assert_eq!(gather.complete(b"cd"), Err(4));
        assert_eq!(gather.complete(b"abc"), Ok(&b"abc"[..]));
        assert_eq!(gather.complete(b"abcd"), Err(4));
        assert_eq!(gather.too_long(), 2);
    }

    #[test]
    fn a_piece_after_one_that_did_not_fit_is_not_kept_in_its_place() {
        let mut gather = Gather::new([0; 3]);
        gather.push(b"abcd");
        gather.push(b"e");
        assert_eq!(gather.complete(b""), Err(5));
    }
}
