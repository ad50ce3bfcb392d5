//! Bytes in any fragmentation in, events out; and the reverse.

#[expect(dead_code, reason = "written for the framings")]
mod digits;
pub mod percent;
pub mod query;
mod split;

pub use query::{Query, Value};
