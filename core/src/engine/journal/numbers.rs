//! Numbers that were drawn at random.

/// Numbers that [`Host::random`](crate::engine::memory::Host::random) gave, in their order.
#[derive(Debug, Clone, Copy)]
pub struct Numbers<'a>(Kept<'a>);

#[derive(Debug, Clone, Copy)]
enum Kept<'a> {
    Numbers(&'a [u64]),
    Bytes(&'a [[u8; 8]]),
}

impl<'a> Numbers<'a> {
    /// None.
    pub const NONE: Self = Self(Kept::Numbers(&[]));

    /// These.
    pub const fn of(numbers: &'a [u64]) -> Self {
        Self(Kept::Numbers(numbers))
    }

    pub(super) const fn in_bytes(bytes: &'a [[u8; 8]]) -> Self {
        Self(Kept::Bytes(bytes))
    }

    /// How many. O(1).
    pub const fn len(&self) -> usize {
        match self.0 {
            Kept::Numbers(numbers) => numbers.len(),
            Kept::Bytes(bytes) => bytes.len(),
        }
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Each. O(n) for all.
    pub fn iter(&self) -> impl Iterator<Item = u64> + use<'a> {
        let (numbers, bytes) = match self.0 {
            Kept::Numbers(numbers) => (numbers, &[][..]),
            Kept::Bytes(bytes) => (&[][..], bytes),
        };
        numbers.iter().copied().chain(bytes.iter().map(|bytes| u64::from_le_bytes(*bytes)))
    }
}

impl PartialEq for Numbers<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Numbers<'_> {}
