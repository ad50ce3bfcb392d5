//! The lock around a shared value, which the caller chooses.

use core::cell::RefCell;

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
/// Any other takes five lines:
/// ```
/// use streamgauge_core::shared::Lock;
///
/// struct Std<T>(std::sync::Mutex<T>);
///
/// impl<T> Lock for Std<T> {
///     type Value = T;
///
///     fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
///         f(&mut self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
///     }
/// }
/// ```
///
/// No lock is re-entrant: a closure that comes back to the lock it runs under waits for itself for ever. (A `RefCell`
/// could panic instead; with debug assertions it does.)
pub trait Lock {
    /// What the lock protects.
    type Value;

    /// Runs `f` on the value while nobody else has it.
    fn with<R>(&self, f: impl FnOnce(&mut Self::Value) -> R) -> R;
}

/// A value that tasks and interrupt handlers share: nothing interrupts who has it.
///
/// What runs under it delays interrupts, by a time that the methods state as their complexity.
pub type CriticalSection<T> = critical_section::Mutex<RefCell<T>>;

impl<R: lock_api::RawMutex, T> Lock for lock_api::Mutex<R, T> {
    type Value = T;

    fn with<U>(&self, f: impl FnOnce(&mut T) -> U) -> U {
        f(&mut self.lock())
    }
}

impl<T> Lock for RefCell<T> {
    type Value = T;

    fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        match self.try_borrow_mut() {
            Ok(mut value) => f(&mut value),
            Err(_) => wait_for_itself(),
        }
    }
}

impl<T> Lock for CriticalSection<T> {
    type Value = T;

    fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        critical_section::with(|section| self.borrow(section).with(f))
    }
}

impl<L: Lock> Lock for &L {
    type Value = L::Value;

    fn with<R>(&self, f: impl FnOnce(&mut L::Value) -> R) -> R {
        L::with(self, f)
    }
}

/// What every other lock does when it is taken twice by one thread, but said aloud while debugging.
#[cold]
fn wait_for_itself() -> ! {
    debug_assert!(false, "a closure came back to the lock that it runs under");
    loop {
        core::hint::spin_loop();
    }
}
