//! The hosts of streamgauge: sockets, time, threads and files around `streamgauge_core`.
#![deny(unsafe_code)]

pub mod client;
pub mod flags;
