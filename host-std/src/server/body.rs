//! The body of an answer.

use std::io;
use std::pin::Pin;

use bytes::Bytes;

/// The body of an answer.
pub enum Body {
    /// All of it.
    Whole(Bytes),
    /// The next piece whenever there is room for one, until there is none.
    Pieces {
        /// Bytes that a piece has at most: they count as long as the answer is on its way.
        longest: usize,
        /// The next of them.
        next: Box<dyn FnMut() -> NextPiece + Send>,
    },
}

/// A piece, once it is there. An error ends the connection in the middle of the body: nobody takes what has come for all.
pub type NextPiece = Pin<Box<dyn Future<Output = io::Result<Option<Bytes>>> + Send>>;

/// The size of a piece of a long body; one that is a single item may be longer.
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
