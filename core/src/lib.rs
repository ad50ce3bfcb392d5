//! The logic of streamgauge, for anything from a microcontroller to a server.
#![no_std]
#![deny(unsafe_code)]

pub mod fanout;
pub mod generate;
pub mod graph;
pub mod log;
pub mod queue;
pub mod reader;
pub mod ring;
pub mod serve;
pub mod service;
pub mod shared;
pub mod space_saving;
pub mod stats;
mod sync;
pub mod wire;
