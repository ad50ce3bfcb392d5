//! Items that lie elsewhere: what a queue has of one is where that is.

/// Where a host keeps an item of which the queue holds but this: a queue on a disk is longer than memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Away {
    /// What it lies in: an entry of a log, say.
    pub place: u64,
    /// How many bytes before the end of that it begins: what stands in front of the items of an entry is written after
    /// they were put.
    pub back: u32,
    /// Its bytes.
    pub len: u32,
}

/// An item as a queue has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held<'a> {
    /// Its bytes.
    Here(&'a [u8]),
    /// Where they are.
    Away(Away),
}

/// What an item takes of the limits, and whether it lies elsewhere.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) len: usize,
    pub(super) is_away: bool,
}

impl Away {
    /// Shorter items are not worth to be kept elsewhere.
    pub const LEAST: usize = 48;

    /// Bytes that it takes in a record.
    pub(super) const LEN: usize = 16;

    pub(super) const fn to_bytes(self) -> [u8; Self::LEN] {
        let [a, b, c, d, e, f, g, h] = self.place.to_le_bytes();
        let ([i, j, k, l], [m, n, o, p]) = (self.back.to_le_bytes(), self.len.to_le_bytes());
        [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *bytes.first_chunk::<{ Self::LEN }>()?;
        Some(Self {
            place: u64::from_le_bytes([a, b, c, d, e, f, g, h]),
            back: u32::from_le_bytes([i, j, k, l]),
            len: u32::from_le_bytes([m, n, o, p]),
        })
    }
}

impl<'a> Held<'a> {
    /// The item of which this is told.
    pub(super) const fn of(data: &'a [u8], away: Option<Away>) -> Self {
        match away {
            Some(away) => Self::Away(away),
            None => Self::Here(data),
        }
    }

    /// What is told of it: its bytes, or none and where they are.
    pub(super) const fn told(self) -> (&'a [u8], Option<Away>) {
        match self {
            Self::Here(data) => (data, None),
            Self::Away(away) => (&[], Some(away)),
        }
    }

    /// Bytes of the item. O(1).
    pub const fn len(&self) -> usize {
        self.size().len
    }

    /// Whether it has none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes what the queue has of it to `room`, which has the length of that. O(n).
    pub(super) fn copy_to(&self, room: &mut [u8]) {
        let copy = |bytes: &[u8], room: &mut [u8]| room.iter_mut().zip(bytes).for_each(|(to, byte)| *to = *byte);
        match self {
            Self::Here(bytes) => copy(bytes, room),
            Self::Away(away) => copy(&away.to_bytes(), room),
        }
    }

    pub(super) const fn size(&self) -> Size {
        match self {
            Self::Here(bytes) => Size { len: bytes.len(), is_away: false },
            Self::Away(away) => Size { len: away.len as usize, is_away: true },
        }
    }
}

impl Size {
    pub(super) const fn here(len: usize) -> Self {
        Self { len, is_away: false }
    }

    /// Bytes that it takes in a record.
    pub(super) const fn stored(&self) -> usize {
        if self.is_away { Away::LEN } else { self.len }
    }

    /// By how much more it would take if it lay in its record.
    pub(super) const fn elsewhere(&self) -> u64 {
        self.len.saturating_sub(self.stored()) as u64
    }
}
