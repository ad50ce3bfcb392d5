//! The hosts of streamgauge: sockets, time, threads and files around `streamgauge_core`.
//!
//! | module | what it is for |
//! | --- | --- |
//! | [`topics`], [`queues`], on a [`server`] | the two servers; [`serve`](commands::serve) runs both and the bridge |
//! | [`bridges`] | from a pubsub to queues, or to files |
//! | [`readers`] | named tasks for the items of queues: [`Reader::builder`](readers::Reader::builder) |
//! | [`client`] | HTTP to them, with fail-over and time-outs |
//! | [`results`] | moments, histograms and graphs: what they add up, and where it is kept, here or in Redis |
//! | [`commands`], [`terminal`] | the command lines: `streamgauge` and those of the original tools |
//!
//! What it does not do: no TLS and no users (put a proxy in front), no storage on disk (a queue lives as long as its
//! process; `/dump` shows it), no cluster (many readers share results through Redis).
#![deny(unsafe_code)]

pub mod bridges;
pub mod client;
pub mod commands;
pub mod queues;
pub mod readers;
pub mod results;
pub mod server;
pub mod terminal;
pub mod topics;
