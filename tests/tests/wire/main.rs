//! Bytes on real sockets, against the real tools.

mod bounds;
mod conservation;
mod golden;
mod hostile;
mod memory;
mod overflow;
mod pages;
mod subscribers;
