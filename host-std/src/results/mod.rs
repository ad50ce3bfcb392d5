//! What is added up of a stream, and where that is kept: in this process, or where other processes add to the same.
//!
//! A [`Tally`] is what a measure adds up. A [`State`] keeps one: values go into [`State::pending`], and
//! [`State::flush`] hands over what is pending. In memory the two are the same tally and nothing has to be handed over.

mod options;
pub mod redis;
pub mod tally;

use core::future::{Future, ready};
use core::time::Duration;

pub use options::{Kept, StateOptions};

use crate::results::tally::Tally;

/// Keeps a tally.
pub trait State<T: Tally> {
    /// Where new values go.
    fn pending(&mut self) -> &mut T;

    /// Hands over what is pending. Waits only where otherwise memory would grow without bound.
    ///
    /// # Errors
    /// The state will not take it, now or later.
    fn flush(&mut self) -> impl Future<Output = Result<(), StateError>>;

    /// Hands over what is pending, and waits until it is safe there, for as long as it takes.
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    fn settle(&mut self) -> impl Future<Output = Result<(), StateError>>;

    /// What everyone has added up, this process included: waits until what is pending was handed over.
    ///
    /// # Errors
    /// The state can't be reached within `patience`.
    fn total(&mut self, patience: Duration) -> impl Future<Output = Result<T::Total, StateError>>;

    /// Whether, as far as is known, the total can be had at once.
    fn is_reachable(&self) -> bool {
        true
    }

    /// Nothing more will be added.
    fn close(&mut self) -> impl Future<Output = ()> {
        ready(())
    }

    /// What happened on the way that whoever looks at the total has to know.
    fn notes(&self) -> Vec<String> {
        Vec::new()
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

/// The state of this process alone.
#[derive(Debug, Clone, Default)]
pub struct Memory<T>(pub T);

impl<T: Tally> State<T> for Memory<T> {
    fn pending(&mut self) -> &mut T {
        &mut self.0
    }

    fn flush(&mut self) -> impl Future<Output = Result<(), StateError>> {
        ready(Ok(()))
    }

    fn settle(&mut self) -> impl Future<Output = Result<(), StateError>> {
        ready(Ok(()))
    }

    fn total(&mut self, _: Duration) -> impl Future<Output = Result<T::Total, StateError>> {
        ready(Ok(self.0.total()))
    }
}
