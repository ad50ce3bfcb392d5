//! Atomics and cells: those of `core`, or loom's where interleavings are explored. Nothing else names them.

#[cfg(not(streamgauge_loom))]
pub(crate) use core::sync::atomic::{AtomicUsize, Ordering};
#[cfg(streamgauge_loom)]
pub(crate) use loom::{
    cell::UnsafeCell,
    sync::atomic::{AtomicUsize, Ordering},
};

/// A function that is `const`, except under loom, whose types have no constant constructors.
macro_rules! const_fn {
    ($(#[$meta:meta])* $visibility:vis const fn $($rest:tt)*) => {
        #[cfg(not(streamgauge_loom))]
        $(#[$meta])*
        $visibility const fn $($rest)*

        #[cfg(streamgauge_loom)]
        $(#[$meta])*
        $visibility fn $($rest)*
    };
}
pub(crate) use const_fn;

/// `core`'s cell with loom's interface, which brackets each access.
#[cfg(not(streamgauge_loom))]
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct UnsafeCell<T>(core::cell::UnsafeCell<T>);

#[cfg(not(streamgauge_loom))]
impl<T> UnsafeCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(core::cell::UnsafeCell::new(value))
    }

    pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        f(self.0.get())
    }

    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}
