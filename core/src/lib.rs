//! The logic of streamgauge, for anything from a microcontroller to a server.
#![no_std]
#![deny(unsafe_code)]

pub mod fanout;
pub mod log;
pub mod queue;
pub mod ring;
pub mod service;
pub mod shared;
mod sync;
pub mod wire;
