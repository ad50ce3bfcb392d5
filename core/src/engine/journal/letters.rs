//! Letters by when they died and by their ids.

use crate::saved::{AtHand, Input};
use crate::time::Time;

/// Which letters of a queue left, because another engine has them.
#[derive(Debug, Clone, Copy)]
pub struct Letters<'a>(Kept<'a>);

#[derive(Debug, Clone, Copy)]
enum Kept<'a> {
    Pairs(&'a [(Time, u64)]),
    /// As numbers.
    Bytes(&'a [u8]),
}

impl<'a> Letters<'a> {
    /// Those that died then and have these ids.
    pub const fn of(letters: &'a [(Time, u64)]) -> Self {
        Self(Kept::Pairs(letters))
    }

    /// Those of an entry; `None` if something else is there. O(n).
    pub(super) fn in_bytes(bytes: &'a [u8]) -> Option<Self> {
        let mut input = Input(AtHand(bytes));
        while !input.rest().is_empty() {
            input.numbers::<2>().ok()?;
        }
        Some(Self(Kept::Bytes(bytes)))
    }

    /// Each. O(n) for all.
    pub fn iter(&self) -> impl Iterator<Item = (Time, u64)> + use<'a> {
        let (pairs, bytes) = match self.0 {
            Kept::Pairs(pairs) => (pairs, &[][..]),
            Kept::Bytes(bytes) => (&[][..], bytes),
        };
        let mut input = Input(AtHand(bytes));
        let packed = core::iter::from_fn(move || input.numbers().ok());
        pairs.iter().copied().chain(packed.map(|[died_at, id]| (Time::from_millis(died_at), id)))
    }
}
