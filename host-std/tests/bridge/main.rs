//! The bridges between scripted sources and scripted destinations, on real sockets.

mod destination;
mod endpoint;
mod ps_to_file;
mod ps_to_http;
mod pubsub_filtered;
mod source;
