//! The core of streamgauge in a browser.
//!
//! | module | classes |
//! | --- | --- |
//! | `queue`, `fanout` | [`Queue`], [`Fanout`]: bounded, every message accounted for |
//! | `moments`, `histogram` | [`Moments`], [`Histogram`]: what a stream measures, in constant memory |
//! | `graph` | [`Graph`]: the heaviest edges of a stream of pairs |
//! | `decoders` | [`Lines`], [`Multipart`], [`Events`]: bytes in any fragmentation in, messages out |
//! | `source`, `sampler` | [`Source`]: seeded random numbers; [`Sampler`]: their running statistics |
//! | `stability` | [`Stability`]: how many digits each formula for the variance still has |
//! | `pipeline` | [`Pipeline`]: sources, fan-out, bridge, queue and readers on a clock of their own |
//! | `records`, `numbers` | [`Records`]: a file of JSON records as a graph; [`Numbers`]: those of a stream's messages |
//! | `gauge`, `boxes` | [`Gauge`]: what a server's gauge measures, the same to the bit; where it is kept |
//!
//! The names in JavaScript are in camel case. Counts are numbers, exact up to 2^53. Whoever makes many objects calls
//! `free()` on those it no longer needs; the others go with the garbage.
//!
//! Everything but the decoders' results runs natively as well, and gives the same numbers to the bit.

#![no_std]

extern crate alloc;
// In a browser nothing is linked of it: what it says of panics nobody could read.
#[cfg(not(target_arch = "wasm32"))]
extern crate std;

#[cfg(target_arch = "wasm32")]
mod alone;
mod boxes;
mod click;
mod decoders;
mod fanout;
mod gauge;
mod graph;
mod histogram;
mod moments;
mod numbers;
mod one_thread;
mod pipeline;
mod queue;
mod records;
mod sampler;
mod source;
mod stability;

pub use click::Clicks;
pub use decoders::{Events, Lines, Multipart, ServerSentEvent};
pub use fanout::{Delivery, Fanout, Message};
pub use gauge::{Gauge, Told};
pub use graph::{Graph, WeightedEdge};
pub use histogram::Histogram;
pub use moments::Moments;
pub use numbers::Numbers;
pub use pipeline::Pipeline;
pub use queue::Queue;
pub use records::Records;
pub use sampler::Sampler;
pub use source::{Kind, Source};
pub use stability::Stability;
