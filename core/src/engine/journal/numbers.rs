//! Numbers that were drawn at random.

use super::packed::{Packed, Unpack};
use crate::saved::{AtHand, Get, Input};

/// Numbers that [`Host::random`](crate::engine::memory::Host::random) gave, in their order.
#[derive(Debug, Clone, Copy)]
pub struct Numbers<'a>(Packed<'a, u64>);

impl<'a> Numbers<'a> {
    /// None.
    pub const NONE: Self = Self(Packed::Slice(&[]));

    /// These.
    pub const fn of(numbers: &'a [u64]) -> Self {
        Self(Packed::Slice(numbers))
    }

    /// Those of an entry, of which each is a word.
    pub(super) const fn in_bytes(words: &'a [u8]) -> Self {
        Self(Packed::Bytes(words))
    }

    /// How many. O(1).
    pub const fn len(&self) -> usize {
        match self.0 {
            Packed::Slice(numbers) => numbers.len(),
            Packed::Bytes(words) => words.len() / size_of::<u64>(),
        }
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Each. O(n) for all.
    pub fn iter(&self) -> impl Iterator<Item = u64> + use<'a> {
        self.0.iter()
    }
}

impl<'a> Unpack<'a> for u64 {
    fn unpack(input: &mut Input<AtHand<'a>>, _: Option<Self>) -> Get<Self, AtHand<'a>> {
        input.word()
    }
}

impl PartialEq for Numbers<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Numbers<'_> {}
