//! Topics: messages that every subscriber gets, from one shared log.
//!
//! | type | for |
//! | --- | --- |
//! | [`Fanout`] | the fan-out alone: a log and a place for each subscriber; all that a microcontroller needs |
//! | [`Topic`] | a fan-out with times, an index, settings and counters; a server has one for every name |
//! | [`From`], [`Begun`] | where a subscriber begins, and what it missed |
//! | [`LagPolicy`], [`Pacer`], [`Extent`], [`Replay`] | decisions about one subscriber: told the state and the time, they say what to do |
//!
//! They are two because most who embed a fan-out want neither times nor marks, which cost a byte a message and memory
//! a topic; they are one in code, as a topic is a fan-out whose records have stamps.

mod batch;
mod begin;
mod catch_up;
mod extent;
mod fanout;
mod fence;
mod lag;
mod pacer;
mod place;
mod refill;
mod renumber;
mod replay;
mod save;
mod settings;
mod timed;

pub use batch::{Batch, Published};
pub use begin::{Begun, From, Missed};
pub use extent::Extent;
pub use fanout::Fanout;
pub use lag::{Decision, Lag, LagPolicy, OnLag};
pub use pacer::Pacer;
pub use place::{Delivery, Id, Next, Place, TooManySubscribers, Unsubscribed, Withheld};
pub use replay::{Replay, Speed};
pub use settings::{Counters, Limit, OverLimit, Settings};
pub use timed::{Timed, Topic};
