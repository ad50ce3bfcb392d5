//! Messages that are told again, whatever happens between reading and telling them.

use streamgauge_core::engine::journal::Call;

use super::commands::Kept;
use super::{Change, Running, World};
use crate::engine::disk::history::read_again;

impl World {
    /// Tells some messages again that were read, or reads some.
    pub(super) fn retell(&mut self, it: &mut Running) -> Kept {
        let Some(piece) = self.retelling.pop() else {
            let mut extents: Vec<_> = it.histories.all().collect();
            extents.retain(|_| !self.odds(3));
            self.retelling = read_again(&self.disk, &extents, 1 + self.random.below(400));
            self.retelling.reverse();
            return (None, None);
        };
        piece.with(|retold| {
            let is_there = it.histories.of(&piece.topic).is_some_and(|history| history.has(&retold));
            let tell = Call::Retell(piece.topic, retold);
            let ((), place) = it.call(self.now, |_| ((), is_there.then_some(tell)));
            let max_age = it.memory.topic_settings(&piece.topic).and_then(|settings| settings.max_age);
            // What is too old leaves.
            let change = Change::Changed { topic: piece.topic, first: 0, texts: Vec::new(), at: self.now, max_age };
            (place, Some(change).filter(|_| is_there))
        })
    }
}
