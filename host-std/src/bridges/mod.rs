//! From a pubsub to somewhere else.

pub mod ps_to_file;
pub mod ps_to_http;
pub mod pubsub_filtered;
