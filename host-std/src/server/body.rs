//! The body of an answer.

use bytes::Bytes;

/// The body of an answer.
pub enum Body {
    /// All of it.
    Whole(Bytes),
    /// The next piece whenever there is room for one, until there is none. A piece has [`PIECE`] bytes, or one item
    /// more.
    Pieces(Box<dyn FnMut() -> Option<Bytes> + Send>),
}

/// About the size of a piece of a long body.
pub const PIECE: usize = 64 << 10;

impl Body {
    /// None.
    pub const EMPTY: Self = Self::Whole(Bytes::new());
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Whole(bytes.into())
    }
}
