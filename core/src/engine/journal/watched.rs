//! How much of what a command tells is taken.

use core::ops::ControlFlow;

use crate::engine::{Part, Sink};

/// A sink that counts what is taken: as much is taken when the command is executed again.
pub struct Watched<'s> {
    sink: &'s mut dyn Sink,
    taken: u64,
}

impl<'s> Watched<'s> {
    /// Of this sink.
    pub const fn new(sink: &'s mut dyn Sink) -> Self {
        Self { sink, taken: 0 }
    }

    /// How many parts it has taken. O(1).
    pub const fn taken(&self) -> u64 {
        self.taken
    }
}

impl Sink for Watched<'_> {
    fn take(&mut self, part: Part<'_>) -> ControlFlow<()> {
        self.sink.take(part)?;
        self.taken = self.taken.saturating_add(1);
        ControlFlow::Continue(())
    }
}

/// A sink that takes so many parts.
pub(in crate::engine) struct Again(pub(in crate::engine) u64);

impl Sink for Again {
    fn take(&mut self, _: Part<'_>) -> ControlFlow<()> {
        match self.0.checked_sub(1) {
            Some(left) => {
                self.0 = left;
                ControlFlow::Continue(())
            }
            None => ControlFlow::Break(()),
        }
    }
}
