//! Where in the table the rows are that a path may be of.

use super::table::{Route, TABLE};

/// The first row of each head: a hash that has no two heads in one place, found when this is compiled.
pub(super) struct Index {
    factor: u32,
    /// Rows; those that are none stand for no head.
    first: [u8; PLACES],
}

const PLACES: usize = 1 << BITS;
const BITS: u32 = 6;

pub(super) static INDEX: Index = Index::new();

impl Index {
    const fn new() -> Self {
        let mut factor = 0x9e37_79b9;
        loop {
            if let Some(first) = Self::places(factor) {
                return Self { factor, first };
            }
            factor += 2;
        }
    }

    /// The first row of each head, if this factor keeps all heads apart.
    const fn places(factor: u32) -> Option<[u8; PLACES]> {
        let mut first = [u8::MAX; PLACES];
        let mut row = 0;
        while row < TABLE.len() {
            let place = place(TABLE[row].head, factor);
            // Rows of one head stand together.
            if row == 0 || TABLE[row - 1].head != TABLE[row].head {
                if first[place] != u8::MAX {
                    return None;
                }
                first[place] = row as u8;
            }
            row += 1;
        }
        Some(first)
    }

    /// The rows from the first one on that has this head, if any has.
    pub(super) fn rows_from(&self, head: u32) -> &'static [Route] {
        let first = self.first.get(place(head, self.factor)).copied().unwrap_or(u8::MAX);
        TABLE.get(usize::from(first)..).unwrap_or_default()
    }
}

const fn place(head: u32, factor: u32) -> usize {
    (head.wrapping_mul(factor) >> (u32::BITS - BITS)) as usize
}
