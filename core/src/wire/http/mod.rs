//! HTTP/1.1 heads: requests for a server, answers for a client, and writing both.
//!
//! [httparse] judges the bytes; here is what follows from them: how long the
//! body is, whether the connection lives on, and which limit was passed. What
//! two readers could understand differently (both a content-length and a
//! transfer-encoding, two lengths that differ) is an error, because that is how
//! requests are smuggled.
//!
//! | module | idea |
//! | --- | --- |
//! | `request` | [`RequestHead`]: one head out of a buffer that the caller fills |
//! | `response` | [`Responses`]: answers in order on one connection, in any fragmentation |
//! | `write` | [`HeadWriter`]: a head into any [`embedded_io::Write`] |
//! | `framing` | where a body ends |
//! | `error` | [`HttpError`], and the status that says it to the other side |
//!
//! Not here: HTTP/2, trailers (they are skipped), upgrades beyond what their
//! head says.

mod error;
mod framing;
mod request;
mod response;
mod write;

pub use error::HttpError;
pub use framing::Body;
pub use request::{FIELD_ROOM, Parsed, RequestHead};
pub use response::{Closed, Event, ResponseHead, Responses};
pub use write::{HeadWriter, WriteError, reason};

pub use httparse::Header;
