//! Bytes in any fragmentation in, events out; and the reverse.
//!
//! | module | what it speaks |
//! | --- | --- |
//! | [`percent`], [`query`] | percent-coding, query strings, request targets |
//! | [`lines`] | messages that end in a separator |
//! | [`multipart`] | `multipart/x-mixed-replace`, as pubsub streams it |
//! | [`sse`] | server-sent events |
//! | [`websocket`] | WebSocket frames, as a server writes and reads them |
//! | [`chunked`] | the chunked transfer coding of HTTP/1.1 |
//! | [`http`] | heads of requests and answers, and where bodies end |
//! | [`decimal`] | `f64` as text, and back |
//! | [`framing`] | what a subscriber's stream looks like, in any of the above |
//!
//! # Decoders
//! [`lines::Lines`], [`multipart::Multipart`], [`sse::Events`] and [`chunked::Chunked`] share one
//! shape: `decode(&mut self, input: &mut &[u8])` takes bytes off the front of `input` and returns
//! an event, or `None` once the input is used up, which is no error: go on with the next read.
//! A message that lies whole in the input is borrowed from it; only one that arrives in pieces is
//! copied, into the storage that the decoder was given. A message longer than that storage is
//! skipped, counted and reported as an event, whether it arrived in pieces or not, so that the
//! events never depend on where the network cut the bytes.
//!
//! ```
//! use streamgauge_core::wire::lines::{Event, Lines};
//!
//! let mut lines = Lines::new([0; 16], b'\n');
//! let mut seen = Vec::new();
//! for read in ["one\ntw", "o\nthree\n"] {
//!     let mut input = read.as_bytes();
//!     while let Some(event) = lines.decode(&mut input) {
//!         match event {
//!             Event::Line(line) => seen.push(line.to_vec()),
//!             Event::TooLong { length } => eprintln!("skipped {length} bytes"),
//!         }
//!     }
//! }
//! assert_eq!(seen, [&b"one"[..], b"two", b"three"]);
//! ```
//!
//! # Encoders
//! They write into an [`embedded_io::Write`] and fail only as it does. None panics, as long as the
//! writer keeps its own contract: the `write_all` that embedded-io provides panics when `write`
//! answers `Ok(0)`; slices and `Vec` never do.

pub mod chunked;
pub mod decimal;
pub(crate) mod digits;
pub mod framing;
mod gather;
pub mod http;
pub(crate) mod json;
pub mod lines;
pub mod multipart;
pub mod percent;
pub mod query;
mod split;
pub mod sse;
pub mod units;
pub mod websocket;

pub use framing::{Framing, Stream};
pub use query::{Query, Value};

use core::fmt::Arguments;

use embedded_io::{Write, WriteFmtError};

/// Writes `text` as a JSON string (RFC 8259, 7), with its quotes. O(n).
///
/// DEL is escaped as well: it is no control character to JSON, but to a terminal.
///
/// ```
/// let mut json = Vec::new();
/// streamgauge_core::wire::write_json_string("say \"H3110\"\n", &mut json).unwrap();
/// assert_eq!(json, br#""say \"H3110\"\n""#);
/// ```
///
/// # Errors
/// Those of `out`.
pub fn write_json_string<W: Write>(text: &str, out: &mut W) -> Result<(), W::Error> {
    json::write::string(text, out)
}

/// Writes formatted text; the formatting itself can't fail.
pub(crate) fn write_fmt<W: Write>(out: &mut W, text: Arguments<'_>) -> Result<(), W::Error> {
    match out.write_fmt(text) {
        Err(WriteFmtError::Other(error)) => Err(error),
        _ => Ok(()),
    }
}
