//! What is added up of a stream, and where that is kept: in this process, or where other processes add to the same.
//!
//! A [`Tally`](tally::Tally) is what a measure adds up. A [`State`] keeps one: values go into [`State::pending`], and
//! [`State::flush`] hands over what is pending. In memory the two are the same tally and nothing has to be handed over.

mod options;
pub mod redis;
pub mod tally;

use core::time::Duration;

pub use options::StateOptions;
use redis::{Redis, Shared};

/// Keeps a tally.
pub enum State<T: Shared> {
    /// In this process alone.
    Memory(T),
    /// In Redis.
    Redis(Redis<T>),
}

impl<T: Shared> State<T> {
    /// Where new values go.
    pub const fn pending(&mut self) -> &mut T {
        match self {
            Self::Memory(tally) => tally,
            Self::Redis(redis) => redis.pending(),
        }
    }

    /// Hands over what is pending. Waits only where otherwise memory would grow without bound.
    ///
    /// # Errors
    /// The state will not take it, now or later.
    pub async fn flush(&mut self) -> Result<(), StateError> {
        if let Self::Redis(redis) = self { redis.flush().await } else { Ok(()) }
    }

    /// Hands over what is pending, and waits until it is safe there, for as long as it takes.
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    pub async fn settle(&mut self) -> Result<(), StateError> {
        if let Self::Redis(redis) = self { redis.settle().await } else { Ok(()) }
    }

    /// What everyone has added up, this process included: waits until what is pending was handed over.
    ///
    /// # Errors
    /// The state can't be reached within `patience`.
    pub async fn total(&mut self, patience: Duration) -> Result<T::Total, StateError> {
        match self {
            Self::Memory(tally) => Ok(tally.total()),
            Self::Redis(redis) => redis.total(patience).await,
        }
    }

    /// Whether, as far as is known, the total can be had at once.
    pub fn is_reachable(&self) -> bool {
        if let Self::Redis(redis) = self { redis.is_reachable() } else { true }
    }

    /// Nothing more will be added.
    pub async fn close(&mut self) {
        if let Self::Redis(redis) = self {
            redis.close().await;
        }
    }

    /// What happened on the way that whoever looks at the total has to know.
    pub fn notes(&self) -> Vec<String> {
        if let Self::Redis(redis) = self { redis.notes() } else { Vec::new() }
    }
}

/// Why a state can't be added to or read: one line.
#[derive(Debug)]
pub struct StateError(String);

impl StateError {
    /// An error that reads as `text`.
    pub fn new(text: impl core::fmt::Display) -> Self {
        Self(text.to_string())
    }
}

impl core::fmt::Display for StateError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for StateError {}
