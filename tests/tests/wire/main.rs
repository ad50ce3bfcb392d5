//! Bytes on real sockets, against the real tools.

mod golden;
