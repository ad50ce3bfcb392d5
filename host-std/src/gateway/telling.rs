//! What is told of a command, written in the room that there is for it.

use std::ops::ControlFlow;

use streamgauge_core::endpoints::Rendering;
use streamgauge_core::engine::{Allowance, Part, Sink};

use super::room::{self, Room};

/// An answer that is being written, by which an engine knows before how much there is room for: what it takes out of a
/// queue elsewhere, and is not written here then, would be lost.
pub(super) struct Telling<'t, 'r> {
    rendering: &'t mut Rendering<'r, Room>,
    /// Bytes of the longest item.
    most: usize,
}

impl<'t, 'r> Telling<'t, 'r> {
    /// In so much room.
    pub(super) const fn new(rendering: &'t mut Rendering<'r, Room>, room: usize) -> Self {
        Self { rendering, most: room.saturating_sub(room::SEPARATOR) }
    }
}

impl Sink for Telling<'_, '_> {
    fn take(&mut self, part: Part<'_>) -> ControlFlow<()> {
        self.rendering.take(part)
    }

    fn allowance(&self) -> Allowance {
        Allowance { first: self.most as u64, ..self.rendering.allowance() }
    }
}
