//! Items that queues have but the places of, brought to hand for who asks for them: never under a lock.

use std::ops::ControlFlow;
use std::sync::Arc;

use streamgauge_core::engine::journal::Call;
use streamgauge_core::engine::memory::Memory;
use streamgauge_core::engine::{Command, Dump, Engine as _, Lease, Name, Outcome, Part, Refusal, Sink};
use streamgauge_core::queue::leases::Away;
use streamgauge_core::time::Time;

use super::kept::Missing;
use super::rooms::Rooms;
use super::shard::{Shard, State};
use crate::engine::disk::{Keeper, LOOKED_AT, Position, Unreadable};

/// What was brought to memory for a look, until this is dropped.
struct LookedAt<'s>(&'s Shard);

impl Drop for LookedAt<'_> {
    fn drop(&mut self) {
        drop(self.0.update(|state| state.memory.host_mut().look_away()));
    }
}

impl Shard {
    /// Gets items, those at hand first, and then others when they are.
    pub(super) async fn get(
        &self,
        keeper: &Arc<Keeper>,
        queue: &Name,
        items: u64,
        lease: Lease,
        mut missing: Missing,
        to: &mut (dyn Sink + Send),
    ) -> Outcome {
        let mut told = 0;
        loop {
            let rest = Command::Get { queue: *queue, items: items - told, lease };
            let (outcome, lacking) = self.execute_at_hand(keeper, &rest, missing, to).await;
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
                    // It was there, and may have been removed meanwhile.
                    Ok(()) => missing = Missing::Stays,
                },
                _ => return Outcome::Told(told),
            }
        }
    }

    /// Looks at items of a queue, of which as many have a place in memory first as [`LOOKED_AT`] bytes hold, and one at
    /// least: a look ends in front of the next one. One looks at a time.
    pub(super) async fn peek(
        &self,
        keeper: &Arc<Keeper>,
        queue: &Name,
        look: &Command<'_>,
        to: &mut (dyn Sink + Send),
    ) -> Outcome {
        let _turn = self.looks.lock().await;
        let now = self.clock().now();
        if self.update(|state| state.memory.is_due_for(look, now)) {
            // What is due is done first.
            let nobody = &mut |_: Part<'_>| ControlFlow::Continue(());
            if let (refused @ Outcome::Refused(_), _) =
                self.execute_at_hand(keeper, look, Missing::IsMade, nobody).await
            {
                return refused;
            }
        }
        let mut places = self.update(|state| state.places(look, now));
        // As they lie on the disk, where one read is for many of them.
        places.sort_unstable_by_key(|away| away.place);
        let mut items = Vec::with_capacity(places.len());
        for away in places {
            match self.copied(keeper, queue, away).await {
                Ok(item) => items.extend(item.map(|item| (away, item))),
                Err(refusal) => return Outcome::Refused(refusal),
            }
        }
        self.update(|state| state.memory.host_mut().look_at(items));
        let _looked_at = LookedAt(self);
        self.execute_at_hand(keeper, look, Missing::IsMade, to).await.0
    }

    /// A copy of an item, unless it is lost.
    async fn copied(&self, keeper: &Arc<Keeper>, queue: &Name, away: Away) -> Result<Option<Box<[u8]>>, Refusal> {
        let mut item = Vec::new();
        if !keeper.shelf().get(&away, &mut item) {
            self.load(keeper, queue, away).await?;
            if !keeper.shelf().get(&away, &mut item) {
                return Ok(None);
            }
        }
        Ok(Some(item.into()))
    }

    /// Copies the next items of a walk, each with a newline, as far as `most` bytes hold them, and one item at least;
    /// whether there may be more.
    ///
    /// # Errors
    /// The disk can't be read.
    pub(super) async fn dump(&self, dump: &mut Dump, piece: &mut Vec<u8>, most: usize) -> Result<bool, Refusal> {
        loop {
            let (more, lacking) = self.dump_now(dump, piece, most);
            match (lacking, self.keeper()) {
                (Some(lacking), Some(keeper)) if piece.is_empty() => self.load(keeper, &dump.queue, lacking).await?,
                _ => return Ok(more),
            }
        }
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
    pub(super) fn lacks_items(&mut self, keeper: &Keeper, command: &Command<'_>, now: Time) -> bool {
        match command {
            Command::Get { queue, items, .. } => {
                // What comes back before it gets is not known yet.
                if self.memory.has_elsewhere(queue) && self.memory.is_due_for(command, now) {
                    return true;
                }
                let (mut lacks, mut told) = (false, 0);
                self.memory.upcoming(queue, *items, |len, away| {
                    lacks = away.is_some_and(|away| !keeper.shelf().has(away));
                    told += len + 1;
                    // No answer has more.
                    if lacks || told > LOOKED_AT { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                });
                lacks
            }
            Command::Peek { queue, .. } => self.memory.has_elsewhere(queue),
            _ => false,
        }
    }

    /// Where items lie that a look would tell of, as many as [`LOOKED_AT`] bytes hold, and one at least.
    fn places(&mut self, look: &Command<'_>, now: Time) -> Vec<Away> {
        if self.memory.is_due_for(look, now) {
            return Vec::new();
        }
        self.memory.host_mut().only_looks_for_places();
        let mut told = 0;
        // Nor does one end whose items are at hand, as all short ones are.
        let mut enough = |part: Part<'_>| {
            let Part::Item(told_of) = part else { return ControlFlow::Continue(()) };
            told += told_of.item.data.len() + 1;
            if told > LOOKED_AT { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        self.memory.execute(look, now, &mut enough);
        self.memory.host_mut().places()
    }
}
