//! The hosts of streamgauge: sockets, time, threads and files around `streamgauge_core`.
#![deny(unsafe_code)]

pub mod cli;
pub mod client;
pub mod flags;
pub mod generate;
pub mod measure;
pub mod ps_to_file;
pub mod ps_to_http;
pub mod pubsub;
pub mod reader;
pub mod serve;
pub mod server;
pub mod simplequeue;
pub mod state;
pub mod tally;
pub mod tool;
