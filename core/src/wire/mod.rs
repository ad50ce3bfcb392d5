//! Bytes in any fragmentation in, events out; and the reverse.

pub mod chunked;
#[expect(dead_code, reason = "written for the framings")]
mod digits;
mod gather;
pub mod lines;
pub mod percent;
pub mod query;
mod split;

pub use query::{Query, Value};
