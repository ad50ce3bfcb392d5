//! Short texts by value: what is decoded from a request has no other place.

/// At most `N` bytes, and at most 255.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Short<const N: usize> {
    /// Zeros behind the text.
    bytes: [u8; N],
    length: u8,
}

impl<const N: usize> Short<N> {
    /// No text.
    pub const EMPTY: Self = Self { bytes: [0; N], length: 0 };

    /// These bytes; `None` if they are too many. O(n).
    pub fn of(text: impl IntoIterator<Item = u8>) -> Option<Self> {
        let mut short = Self::EMPTY;
        for byte in text {
            *short.bytes.get_mut(usize::from(short.length))? = byte;
            short.length = short.length.checked_add(1)?;
        }
        Some(short)
    }

    /// As many of these bytes as there is room for. O(n).
    pub fn cut(text: &[u8]) -> Self {
        let most = N.min(usize::from(u8::MAX));
        Self::of(text.get(..most).unwrap_or(text).iter().copied()).unwrap_or(Self::EMPTY)
    }

    /// The text.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// How many bytes it has.
    pub(crate) const fn len(&self) -> u8 {
        self.length
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }
}

impl<const N: usize> core::fmt::Debug for Short<N> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "\"{}\"", self.as_bytes().escape_ascii())
    }
}
