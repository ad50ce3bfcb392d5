//! What is told of a command, written in the room that there is for it.

use std::ops::ControlFlow;

use streamgauge_core::endpoints::Rendering;
use streamgauge_core::engine::{Allowance, Part, Sink};

use super::room::{self, Room};

/// An answer that is being written, as far as there is room.
///
/// An engine knows before how much that is: what it takes out of a queue elsewhere, and is not written here then, would
/// be lost.
pub(super) struct Telling<'t, 'r, 'c> {
    rendering: &'t mut Rendering<'r, Room<'c>>,
    /// Bytes of the longest item.
    most: usize,
}

impl<'t, 'r, 'c> Telling<'t, 'r, 'c> {
    /// In so much room.
    pub(super) const fn new(rendering: &'t mut Rendering<'r, Room<'c>>, room: usize) -> Self {
        Self { rendering, most: room.saturating_sub(room::SEPARATOR) }
    }
}

impl Sink for Telling<'_, '_, '_> {
    fn take(&mut self, part: Part<'_>) -> ControlFlow<()> {
        if let Part::Item(item) = &part {
            let bytes = self.rendering.allowance().cost(item.item.data.len());
            let room = self.rendering.out();
            // Where one that is begun has no room, nothing is answered of those before it, which are taken already.
            if !room.is_empty() && !room.has_room_for(usize::try_from(bytes).unwrap_or(usize::MAX)) {
                return ControlFlow::Break(());
            }
        }
        self.rendering.take(part)
    }

    fn allowance(&self) -> Allowance {
        Allowance { first: self.most as u64, ..self.rendering.allowance() }
    }

    fn keep(&mut self, bytes: u64) -> u64 {
        self.rendering.out().keep(usize::try_from(bytes).unwrap_or(usize::MAX)) as u64
    }
}
