//! The hosts of streamgauge: sockets, time, threads and files around `streamgauge_core`.
//!
//! | module | what it is for |
//! | --- | --- |
//! | [`pubsub`], [`simplequeue`], on a [`server`] | the two servers; [`serve`] runs both and the bridge |
//! | [`ps_to_http`], [`ps_to_file`] | from a pubsub to queues, or to files |
//! | [`reader`] | named tasks for the items of queues: [`Reader::builder`](reader::Reader::builder) |
//! | [`client`] | HTTP to them, with fail-over and time-outs |
//! | [`measure`], [`tally`], [`state`] | moments, histograms and graphs of a stream; what they add up; where it is kept, here or in Redis |
//! | [`generate`] | streams of random numbers and clicks |
//! | [`tool`], [`cli`], [`flags`] | the command lines: `streamgauge` and those of the original tools |
//!
//! What it does not do: no TLS and no users (put a proxy in front), no storage on disk (a queue lives as long as its
//! process; `/dump` shows it), no cluster (many readers share results through Redis).
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
