//! Values that are given as a slice, or stand one behind the other in the bytes of an entry.

use crate::saved::{AtHand, Get, Input};

/// What can be taken out of bytes where many of it stand.
pub(super) trait Unpack<'a>: Copy {
    /// The next one, behind the one `before`.
    fn unpack(input: &mut Input<AtHand<'a>>, before: Option<Self>) -> Get<Self, AtHand<'a>>;
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Packed<'a, T> {
    Slice(&'a [T]),
    /// As they are encoded: [`in_bytes`](Self::in_bytes) has seen that they are.
    Bytes(&'a [u8]),
}

impl<'a, T: Unpack<'a>> Packed<'a, T> {
    /// Those that stand in all of `bytes`. O(n).
    pub(super) fn in_bytes(bytes: &'a [u8]) -> Get<Self, AtHand<'a>> {
        let (mut input, mut before) = (Input(AtHand(bytes)), None);
        while !input.rest().is_empty() {
            before = Some(T::unpack(&mut input, before)?);
        }
        Ok(Self::Bytes(bytes))
    }

    /// Each. O(n) for all.
    pub(super) fn iter(&self) -> impl Iterator<Item = T> + use<'a, T> {
        let (slice, bytes) = match self {
            Self::Slice(slice) => (*slice, &[][..]),
            Self::Bytes(bytes) => (&[][..], *bytes),
        };
        let (mut input, mut before) = (Input(AtHand(bytes)), None);
        let unpacked = core::iter::from_fn(move || {
            before = T::unpack(&mut input, before).ok();
            before
        });
        slice.iter().copied().chain(unpacked)
    }
}
