//! Letters by when they died and by their ids.

use super::packed::{Packed, Unpack};
use crate::saved::{AtHand, Get, Input};
use crate::time::Time;

/// Which letters of a queue left, because another engine has them.
#[derive(Debug, Clone, Copy)]
pub struct Letters<'a>(Packed<'a, (Time, u64)>);

impl<'a> Letters<'a> {
    /// Those that died then and have these ids.
    pub const fn of(letters: &'a [(Time, u64)]) -> Self {
        Self(Packed::Slice(letters))
    }

    /// Those of an entry; `None` if something else is there. O(n).
    pub(super) fn in_bytes(bytes: &'a [u8]) -> Option<Self> {
        Packed::in_bytes(bytes).ok().map(Self)
    }

    /// Each. O(n) for all.
    pub fn iter(&self) -> impl Iterator<Item = (Time, u64)> + use<'a> {
        self.0.iter()
    }
}

impl<'a> Unpack<'a> for (Time, u64) {
    fn unpack(input: &mut Input<AtHand<'a>>, _: Option<Self>) -> Get<Self, AtHand<'a>> {
        Ok((input.time()?, input.number()?))
    }
}
