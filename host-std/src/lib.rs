//! The hosts of streamgauge: sockets, time, threads and files around `streamgauge_core`.
#![deny(unsafe_code)]

pub mod flags;
pub mod pubsub;
pub mod server;
pub mod simplequeue;
pub mod tool;
