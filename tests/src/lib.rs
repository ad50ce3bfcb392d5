//! What the test binaries of this package share: the real tools as child processes, a client that sees every byte,
//! and a player of transcripts.
//!
//! Nothing here waits without a limit, and no child outlives its guard.

#[cfg(target_os = "linux")]
pub mod beside;
pub mod build;
pub mod certificates;
pub mod clicks;
pub mod client;
pub mod command;
pub mod exact;
pub mod exact_pairs;
pub mod history;
pub mod kept;
pub mod law;
pub mod link;
pub mod mounted;
pub mod nats;
pub mod needs;
pub mod pairs;
pub mod ports;
pub mod process;
pub mod screen;
pub mod sets;
pub mod transcript;
pub mod wait;

// What README and the pages say in Rust is compiled, and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[doc = include_str!("../../host-std/docs/embed.md")]
struct Pages;
