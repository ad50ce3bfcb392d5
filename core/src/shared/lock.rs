//! The lock around a shared value, which the caller chooses.

use core::cell::RefCell;
use core::convert::Infallible;

/// Runs one closure at a time on a value.
///
/// The lock is handed to a closure, and never held across anything else, because that is the one form that all of
/// these can have: a mutex, a critical section (which has to end before one that began earlier), a `RefCell` where
/// everything runs on one thread. It also keeps every hold short, and ends it whatever happens.
///
/// Implemented here for
/// - [`lock_api::Mutex`]: `parking_lot`'s, `spin`'s, or your own `RawMutex`;
/// - [`CriticalSection`]: tasks and interrupt handlers of one microcontroller;
/// - [`RefCell`]: one thread, as in a browser or under an executor that never leaves the main loop.
///
/// Any other takes a few lines:
/// ```
/// use core::convert::Infallible;
/// use streamgauge_core::shared::Lock;
///
/// struct Std<T>(std::sync::Mutex<T>);
///
/// impl<T> Lock for Std<T> {
///     type Value = T;
///     type Error = Infallible;
///     type Answer<R> = R;
///
///     fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> Result<R, Infallible> {
///         Ok(f(&mut self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())))
///     }
///
///     fn answer<R>(Ok(answer): Result<R, Infallible>) -> R {
///         answer
///     }
/// }
/// ```
///
/// # A closure that comes back
/// No lock is re-entrant, and a closure may come back to the lock that it runs under: it has the queue in its hands,
/// say, and calls [`SharedQueue::put`](super::SharedQueue::put). A `RefCell` sees that, and so does a
/// [`CriticalSection`], which has one inside: the call that came back changes nothing and gets [`Reentered`], as a
/// variant of its error where it has errors of its own, else around its answer, which is
/// `Result<R, Reentered>` then. A mutex can't see it, because a `RawMutex` doesn't know who holds it: what it answers
/// is plain, and who comes back waits for as long as that mutex makes its own holder wait, for ever as a rule.
pub trait Lock {
    /// What the lock protects.
    type Value;
    /// Why it can't be had: [`Reentered`], or [`Infallible`] where that can't be seen.
    type Error: Into<Reentered>;
    /// What a function answers that can fail by nothing else: `Result<R, Reentered>`, or `R` where that can't be seen.
    type Answer<R>;

    /// Runs `f` on the value while nobody else has it.
    ///
    /// # Errors
    /// The caller runs under this lock already; `f` was not called.
    fn with<R>(&self, f: impl FnOnce(&mut Self::Value) -> R) -> Result<R, Self::Error>;

    /// The outcome of [`with`](Self::with), in the form for callers.
    fn answer<R>(outcome: Result<R, Self::Error>) -> Self::Answer<R>;
}

/// A closure came back to the lock that it runs under. Nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reentered;

impl core::fmt::Display for Reentered {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the caller runs under the same lock already")
    }
}

impl core::error::Error for Reentered {}

impl From<Infallible> for Reentered {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// A value that tasks and interrupt handlers share: nothing interrupts who has it.
///
/// What runs under it delays interrupts, by a time that the methods state as their complexity.
pub type CriticalSection<T> = critical_section::Mutex<RefCell<T>>;

impl<R: lock_api::RawMutex, T> Lock for lock_api::Mutex<R, T> {
    type Value = T;
    type Error = Infallible;
    type Answer<U> = U;

    fn with<U>(&self, f: impl FnOnce(&mut T) -> U) -> Result<U, Infallible> {
        Ok(f(&mut self.lock()))
    }

    fn answer<U>(Ok(answer): Result<U, Infallible>) -> U {
        answer
    }
}

impl<T> Lock for RefCell<T> {
    type Value = T;
    type Error = Reentered;
    type Answer<R> = Result<R, Reentered>;

    fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> Result<R, Reentered> {
        self.try_borrow_mut().map(|mut value| f(&mut value)).map_err(|_| Reentered)
    }

    fn answer<R>(outcome: Result<R, Reentered>) -> Result<R, Reentered> {
        outcome
    }
}

impl<T> Lock for CriticalSection<T> {
    type Value = T;
    type Error = Reentered;
    type Answer<R> = Result<R, Reentered>;

    fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> Result<R, Reentered> {
        critical_section::with(|section| self.borrow(section).with(f))
    }

    fn answer<R>(outcome: Result<R, Reentered>) -> Result<R, Reentered> {
        outcome
    }
}

impl<L: Lock> Lock for &L {
    type Value = L::Value;
    type Error = L::Error;
    type Answer<R> = L::Answer<R>;

    fn with<R>(&self, f: impl FnOnce(&mut L::Value) -> R) -> Result<R, L::Error> {
        L::with(self, f)
    }

    fn answer<R>(outcome: Result<R, L::Error>) -> L::Answer<R> {
        L::answer(outcome)
    }
}
