//! How much of what a command tells will be taken, said before it is executed.

/// How many bytes of items whoever asks will take: what a [`Sink`](super::Sink) of it breaks at, for an engine that has to
/// know before there is anything to be told, as others who execute the same command have no sink.
///
/// An item of `len` bytes counts for `beside + factor * len`, which is at least what it takes there. The first of them is
/// taken however long it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Bytes of all of them.
    pub bytes: u64,
    /// Bytes beside each.
    pub beside: u32,
    /// The most bytes for one of an item.
    pub factor: u32,
}

impl Allowance {
    /// No bound.
    pub const ALL: Self = Self { bytes: u64::MAX, beside: 0, factor: 1 };

    /// What an item of so many bytes counts for. O(1).
    pub const fn cost(&self, len: usize) -> u64 {
        (len as u64).saturating_mul(self.factor as u64).saturating_add(self.beside as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_counts_for_what_stands_beside_it_too() {
        let lines = Allowance { bytes: 100, beside: 7, factor: 6 };
        assert_eq!((lines.cost(0), lines.cost(10)), (7, 67));
        assert_eq!(Allowance::ALL.cost(5), 5);
        assert_eq!(Allowance { beside: u32::MAX, factor: u32::MAX, ..lines }.cost(usize::MAX), u64::MAX);
    }
}
