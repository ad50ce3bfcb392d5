//! Bytes in any fragmentation in, events out; and the reverse.
pub mod http;
