//! Why something was not done.

use core::error::Error;
use core::fmt;

use super::{Closed, Reentered, WaitError};

/// Why a shared value was not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Denied<E> {
    /// It was closed.
    Closed,
    /// The caller runs under the same lock already.
    Reentered,
    /// It says no itself, and why.
    Because(E),
}

/// Why what is asked for, or waited for, is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unmet<E> {
    /// The value says no itself, and why.
    Because(E),
    /// It is not there yet, and will not come or can't be waited for.
    Wait(WaitError),
}

impl<E> From<Closed> for Denied<E> {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

impl<E> From<Reentered> for Denied<E> {
    fn from(_: Reentered) -> Self {
        Self::Reentered
    }
}

impl<E> From<WaitError> for Unmet<E> {
    fn from(error: WaitError) -> Self {
        Self::Wait(error)
    }
}

impl<E> From<Reentered> for Unmet<E> {
    fn from(_: Reentered) -> Self {
        Self::Wait(WaitError::Reentered)
    }
}

impl<E: fmt::Display> fmt::Display for Denied<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => Closed.fmt(f),
            Self::Reentered => Reentered.fmt(f),
            Self::Because(why) => why.fmt(f),
        }
    }
}

impl<E: fmt::Display> fmt::Display for Unmet<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Because(why) => why.fmt(f),
            Self::Wait(error) => error.fmt(f),
        }
    }
}

impl<E: Error> Error for Denied<E> {}

impl<E: Error> Error for Unmet<E> {}
