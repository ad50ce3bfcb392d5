//! For who sends messages on, and those who wait for that.

use streamgauge_core::engine::Name;
use streamgauge_core::shared::Wake;
use streamgauge_core::time::Time;

use super::{PUBLISHER, Shard};

impl Shard {
    /// Topics with subscribers where something was published since the last call, and whether those are gone whose
    /// topic is: for who sends messages on. Publishers go on.
    pub(crate) fn take_unsent(&self) -> (Vec<Name>, Vec<Name>) {
        self.state.update(|state| {
            let unsent = std::mem::take(&mut state.unsent);
            let removed = std::mem::take(&mut state.removed);
            let wake = if unsent.is_empty() { Wake::NONE } else { Wake::tagged(PUBLISHER) };
            ((unsent.into_keys().collect(), removed), wake)
        })
    }

    /// Lets publishers of a topic wait until then at most; with `None` they go on.
    pub(crate) fn hold(&self, topic: &Name, until: Option<Time>) {
        self.state.update(|state| match until {
            Some(until) => {
                state.held.insert(*topic, until);
                ((), Wake::NONE)
            }
            None => {
                let wake = if state.held.remove(topic).is_some() { Wake::tagged(PUBLISHER) } else { Wake::NONE };
                ((), wake)
            }
        });
    }

    /// How many bytes were published that nobody has sent on.
    pub(crate) fn unsent(&self) -> u64 {
        self.state.with(|state| state.unsent.values().sum())
    }

    /// Waits until [`take_unsent`](Self::take_unsent) has something, or somebody [rings](Self::ring).
    pub(crate) async fn rung(&self) {
        self.bell.notified().await;
    }

    /// Lets who sends messages on look whether there is something to do.
    pub(crate) fn ring(&self) {
        self.bell.notify_one();
    }
}
