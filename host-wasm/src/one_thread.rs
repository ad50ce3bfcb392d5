//! The lock of what only one thread ever sees.

use core::cell::RefCell;
use core::convert::Infallible;

use streamgauge_core::shared::Lock;

/// A value for the one thread that a page has. No call of JavaScript is made while it is held, so that nothing comes
/// back to it meanwhile: what did would stop with an error of the browser's.
#[derive(Debug)]
pub(crate) struct OneThread<T>(RefCell<T>);

impl<T> OneThread<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(RefCell::new(value))
    }
}

impl<T> Lock for OneThread<T> {
    type Value = T;
    type Error = Infallible;
    type Answer<R> = R;

    fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> Result<R, Infallible> {
        Ok(f(&mut self.0.borrow_mut()))
    }

    fn answer<R>(Ok(answer): Result<R, Infallible>) -> R {
        answer
    }
}
