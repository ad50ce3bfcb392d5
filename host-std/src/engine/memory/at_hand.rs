//! Items that queues have but the places of, brought to hand for who asks for them: never under a lock.

use std::ops::ControlFlow;
use std::sync::Arc;

use streamgauge_core::engine::journal::Call;
use streamgauge_core::engine::memory::Memory;
use streamgauge_core::engine::{Command, Engine as _, Lease, Name, Outcome, Part, Refusal, Sink};
use streamgauge_core::queue::leases::Away;
use streamgauge_core::time::Time;

use super::rooms::Rooms;
use super::shard::{Shard, State};
use crate::engine::disk::{Keeper, Position, Unreadable};

/// How often something is read from the disk before a look tells what is at hand.
const MOST_LOADS: u32 = 64;

impl Shard {
    /// Gets items, those at hand first, and then others when they are.
    pub(super) async fn get(
        &self,
        keeper: &Arc<Keeper>,
        queue: &Name,
        items: u64,
        lease: Lease,
        to: &mut (dyn Sink + Send),
    ) -> Outcome {
        let mut told = 0;
        loop {
            let rest = Command::Get { queue: *queue, items: items - told, lease };
            let (outcome, lacking) = self.execute_at_hand(keeper, &rest, to).await;
            let some = match outcome {
                Outcome::Told(some) => some,
                // What was got before is in the answer.
                Outcome::Refused(_) if told > 0 => return Outcome::Told(told),
                outcome => return outcome,
            };
            told += some;
            match lacking {
                Some(lacking) if told < items => match self.load(keeper, queue, lacking).await {
                    Err(refusal) if told == 0 => return Outcome::Refused(refusal),
                    Err(_) => return Outcome::Told(told),
                    Ok(()) => {}
                },
                _ => return Outcome::Told(told),
            }
        }
    }

    /// Loads what a look tells of, or as much of it as there is room for.
    pub(super) async fn load_all(&self, keeper: &Arc<Keeper>, queue: &Name, look: &Command<'_>) -> Result<(), Refusal> {
        for _ in 0..MOST_LOADS {
            let now = self.clock().now();
            let Some(lacking) = self.update(|state| state.lacks(look, now)) else { break };
            self.load(keeper, queue, lacking).await?;
        }
        Ok(())
    }

    /// Brings an item of a queue to hand; what can't be read any more is lost, and said.
    async fn load(&self, keeper: &Arc<Keeper>, queue: &Name, away: Away) -> Result<(), Refusal> {
        let shelf = Arc::clone(keeper.shelf());
        let loaded = tokio::task::spawn_blocking(move || shelf.load(&away)).await;
        match loaded.unwrap_or_else(|error| Err(Unreadable::Io(Position::ZERO, std::io::Error::other(error)))) {
            Ok(()) => Ok(()),
            Err(error @ Unreadable::Io(..)) => {
                tracing::error!(%queue, %error, "an item can't be read");
                Err(Refusal::Busy("the disk can't be read"))
            }
            Err(error @ Unreadable::Lost(_)) => {
                let (name, place) = (*queue, away.place);
                let lose =
                    |memory: &mut Memory<Rooms>, now| (memory.lose(&name, place, now), Some(Call::Lose(name, place)));
                let items = self.with_call(lose)?;
                tracing::error!(%queue, %error, items, "items are lost");
                Ok(())
            }
        }
    }
}

impl State {
    /// Whether a command would get items that are not at hand, or tell of them.
    pub(super) fn lacks_items(&mut self, keeper: &Keeper, command: &Command<'_>) -> bool {
        match command {
            Command::Get { queue, items, .. } => {
                let mut lacks = false;
                self.memory.upcoming(queue, *items, |away| {
                    lacks = !keeper.shelf().has(away);
                    if lacks { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                });
                lacks
            }
            Command::Peek { queue, .. } => self.memory.has_elsewhere(queue),
            _ => false,
        }
    }

    /// The first item that a look would tell of and that is not at hand.
    fn lacks(&mut self, look: &Command<'_>, now: Time) -> Option<Away> {
        if !self.memory.is_due_for(look, now) {
            self.memory.execute(look, now, &mut |_: Part<'_>| ControlFlow::Continue(()));
        }
        self.memory.host_mut().take_missing()
    }
}
