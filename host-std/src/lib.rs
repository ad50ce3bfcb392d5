//! The hosts of streamgauge: sockets, time, threads and files around `streamgauge_core`.
//!
//! | module | what it is for |
//! | --- | --- |
//! | `engine` | what keeps topics and queues: the core's memory engine, in shards; what keeps it on a disk, or with others |
//! | `threads` | threads with connections of their own, and messages between them |
//! | `topics`, `queues` | subscribers and their sockets; the file of what had to leave |
//! | `gauges` | what is measured in topics |
//! | [`gateway`], on a [`server`] | what answers requests; [`serve`](commands::serve) runs it |
//! | `transport` | TCP, TLS, and pipes within the process |
//! | [`bridges`] | from a pubsub to queues, to files, or to a pubsub with fewer fields |
//! | [`readers`] | named tasks for the items of queues: [`Reader::builder`](readers::Reader::builder) |
//! | [`client`] | HTTP to them, with fail-over and time-outs |
//! | [`results`] | moments, histograms and graphs: what they add up, and where it is kept, here or in Redis |
//! | `operations` | what an operator asks for: health, numbers, a page, who may do what, and what a server is told |
//! | [`commands`], [`terminal`] | the command lines: `streamgauge` and those of the original tools |
//!
//! What it does not do: no cluster of its own (many gateways stand before an engine, many readers share results through
//! Redis).
#![deny(unsafe_code)]
// They panic when nobody can be told: `terminal` says it all the same, and lets go of what it can't.
#![cfg_attr(not(test), deny(clippy::print_stderr, clippy::print_stdout))]
#![cfg_attr(not(feature = "nats"), allow(dead_code, unused_imports, reason = "only an engine uses what it takes"))]

#[cfg(any(test, fuzzing))]
pub use engine::disk::hostile as hostile_folder;
#[cfg(fuzzing)]
pub use operations::rights::hostile as hostile_rights;

mod append;
pub mod bridges;
pub mod client;
pub mod commands;
mod engine;
pub mod gateway;
mod gauges;
mod groups;
mod hash_key;
mod operations;
mod queues;
pub mod readers;
pub mod results;
pub mod server;
pub mod terminal;
mod threads;
mod topics;
mod trace;
mod transport;
