//! How much of what a command tells will be taken, said before it is executed.

use crate::wire::json::write;

/// How many bytes of items whoever asks will take: what a [`Sink`](super::Sink) of it breaks at, for an engine that has to
/// know before there is anything to be told, as others who execute the same command have no sink.
///
/// An item of `len` bytes counts for `beside + factor * len`, which is at least what it takes there. The first of them is
/// taken even if that is more than there is for all, and if it is not for its [bound](Self::first).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Bytes of all of them.
    pub bytes: u64,
    /// Bytes that the first of them may take, whatever there is for all.
    pub first: u64,
    /// Bytes beside each.
    pub beside: u32,
    /// The most bytes for one of an item: if it is more than one, items are told as JSON.
    pub factor: u32,
}

impl Allowance {
    /// No bound.
    pub const ALL: Self = Self { bytes: u64::MAX, first: u64::MAX, beside: 0, factor: 1 };

    /// What an item of so many bytes counts for. O(1).
    pub const fn cost(&self, len: usize) -> u64 {
        (len as u64).saturating_mul(self.factor as u64).saturating_add(self.beside as u64)
    }

    /// Whether an item of these bytes is taken, if it is the first. It is looked at closely before it is left, as whoever
    /// comes again would not get it either. O(n).
    pub fn takes_first(&self, data: &[u8]) -> bool {
        let is_json = self.factor > 1;
        let exact = || if is_json { write::data_len(data) } else { data.len() };
        self.cost(data.len()) <= self.first || (exact() as u64).saturating_add(self.beside as u64) <= self.first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_counts_for_what_stands_beside_it_too() {
        let lines = Allowance { bytes: 100, beside: 7, factor: 6, ..Allowance::ALL };
        assert_eq!((lines.cost(0), lines.cost(10)), (7, 67));
        assert_eq!(Allowance::ALL.cost(5), 5);
        assert_eq!(Allowance { beside: u32::MAX, factor: u32::MAX, ..lines }.cost(usize::MAX), u64::MAX);
    }

    #[test]
    fn the_first_item_is_taken_if_it_takes_no_more_than_it_may() {
        let plain = Allowance { bytes: 5, first: 10, beside: 1, factor: 1 };
        assert!(plain.takes_first(b"123456789") && !plain.takes_first(b"1234567890"));
        let lines = Allowance { beside: 7, factor: 6, first: 7 + 7 + 5, ..plain };
        assert!(lines.takes_first(b"abc") && !lines.takes_first(b"abcd"), "with the name of its member and quotes");
        assert!(!lines.takes_first(b"\x01bc"), "as long as it is when it is escaped");
        assert!(Allowance { beside: u32::MAX, factor: u32::MAX, ..Allowance::ALL }.takes_first(b"abc"));
    }
}
