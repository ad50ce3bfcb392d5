//! The logic of streamgauge, for anything from a microcontroller to a server: bounded queues, fan-out to many
//! subscribers, the wire formats between them, readers, and statistics of streams in constant memory.
//!
//! | module | what it is for |
//! | --- | --- |
//! | [`queue`], [`topic`], on a [`log`] | items that are got once, messages that everyone gets; all are accounted for |
//! | [`shared`] | the same for many tasks, with `async` waiting; bytes from an interrupt handler to a task |
//! | [`stats`] | moments, histograms, quantiles, distinct items, heavy hitters, rates, changes, weighted graphs |
//! | [`engine`] | topics and queues by name: commands that are executed in memory, and a journal of them to be executed again |
//! | [`gauge`] | what flows through a topic, measured where it flows |
//! | [`reader`] | tasks for each item, tried again later; which are left; when to give up |
//! | [`select`] | fields of JSON messages: found, compared, removed, hashed |
//! | [`wire`] | lines, multipart, server-sent events, chunks, queries, heads of HTTP, numbers as text |
//! | [`endpoints`], [`connection`] | what simplequeue and pubsub answer to a request; a connection over `embedded-io` |
//! | [`dedupe`] | ids that are accepted once within a window of time |
//! | [`time`], [`storage`] | times, as arguments; storage that may grow |
//! | [`generate`] | random numbers of many distributions, the same for a seed everywhere |
//!
//! What it does not do: it allocates nothing, opens no socket, reads no clock, starts no thread and logs nothing. All
//! storage is the caller's, time is an argument, and what is dropped, refused or skipped is counted. No function
//! panics, whatever comes over the wire.
//!
//! ```
//! use streamgauge_core::topic::{Place, Fanout, Next};
//! use streamgauge_core::queue::{Limits, Queue};
//!
//! let mut queue = Queue::new([0; 64], Limits::NONE);
//! queue.put(b"H3110", |overflow| unreachable!("{overflow:?} had to leave")).unwrap();
//! assert_eq!(queue.get(), Some(&b"H3110"[..]));
//!
//! let mut fanout = Fanout::new([0; 64], [Place::FREE; 2]);
//! let reader = fanout.subscribe().unwrap();
//! fanout.publish(b"extra, extra").unwrap();
//! assert_eq!(fanout.next(reader), Ok(Next::Message(b"extra, extra")));
//! ```
#![no_std]
#![deny(unsafe_code)]

pub mod connection;
pub mod dedupe;
pub mod endpoints;
pub mod engine;
pub mod gauge;
pub mod generate;
pub mod log;
pub mod queue;
pub mod reader;
mod saved;
pub mod select;
pub mod shared;
pub mod stats;
pub mod storage;
mod sync;
pub mod time;
pub mod topic;
pub mod wire;
