//! Just enough JSON: where values end, which members an object has; in [`value`], what they say; and [`mod@write`].
//!
//! Nothing is copied and nothing is recursive: nesting is kept in bits, up to [`DEPTH`] levels. Nothing can panic, which
//! is why this is here: serde-json-core can, on what it reads.

mod members;
mod scan;
pub(crate) mod value;
pub(crate) mod write;

pub(crate) use members::Members;
pub(crate) use scan::{Bad, Scanner};

pub use scan::DEPTH;
pub use value::Decode;
