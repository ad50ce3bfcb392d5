//! Clients that wait for items, queues that move, and letters for those of another shard.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use streamgauge_core::engine::memory::DetachedQueue;
use streamgauge_core::engine::{Command, Engine as _, Kind, Name, Outcome, Part, QueueChange};
use streamgauge_core::shared::Wake;
use tokio::sync::Notify;

use super::{PUBLISHER, Shard};
use crate::engine::memory::Rooms;

impl Shard {
    /// Counts one more client that waits for items of a queue, and returns what is rung for it.
    pub(in crate::engine::memory) fn begin_to_wait(&self, queue: Name) -> Arc<Notify> {
        self.state.update(|state| {
            let waiting = state.memory.host_mut().waiting.entry(queue).or_default();
            waiting.clients += 1;
            (Arc::clone(&waiting.bell), Wake::NONE)
        })
    }

    /// Counts one less. If the bell was rung for it, another has to know.
    pub(in crate::engine::memory) fn end_to_wait(&self, queue: &Name) {
        let bell = self.state.update(|state| {
            let all = &mut state.memory.host_mut().waiting;
            let Some(waiting) = all.get_mut(queue) else { return (None, Wake::NONE) };
            waiting.clients -= 1;
            if waiting.clients == 0 {
                all.remove(queue);
                return (None, Wake::NONE);
            }
            (Some(Arc::clone(&waiting.bell)), Wake::NONE)
        });
        if let Some(bell) = bell {
            bell.notify_one();
        }
    }

    /// Whether it has a queue.
    pub(crate) fn has_queue(&self, name: &Name) -> bool {
        self.state.with(|state| state.memory.has(Kind::Queue, name))
    }

    /// The shard that a queue has moved to.
    pub(in crate::engine::memory) fn moved_to(&self, name: &Name) -> Option<usize> {
        self.state.with(|state| state.memory.host().moved.get(name).copied())
    }

    /// Remembers that a queue has moved to another shard.
    pub(in crate::engine::memory) fn remember_move(&self, name: Name, to: usize) {
        self.state.update(|state| (state.memory.host_mut().moved.insert(name, to), Wake::NONE));
    }

    /// Forgets it again.
    pub(in crate::engine::memory) fn forget_move(&self, name: &Name) {
        self.state.update(|state| (state.memory.host_mut().moved.remove(name), Wake::NONE));
    }

    /// Queues with letters for one of another shard; waits until there are any.
    pub(in crate::engine::memory) async fn with_letters(&self) -> BTreeSet<Name> {
        loop {
            let some = self.state.update(|state| (std::mem::take(&mut state.letters), Wake::NONE));
            if !some.is_empty() {
                return some;
            }
            self.letters.notified().await;
        }
    }

    /// Whether letters of a queue are on their way to another shard: until they have arrived, they are here too.
    fn is_handing(&self, queue: &Name) -> bool {
        self.state.with(|state| state.memory.is_handing(queue))
    }

    /// Waits until the letters that are on their way, or about to be, have arrived.
    pub(in crate::engine::memory) async fn handed(&self, queue: &Name) {
        while self.is_handing(queue) {
            self.handed.notified().await;
        }
    }

    /// The letters of a queue have arrived, or had no room.
    pub(in crate::engine::memory) fn end_handing(&self, queue: &Name) {
        self.state.update(|state| (state.memory.set_handing(queue, false), Wake::tagged(PUBLISHER)));
        self.handed.notify_waiters();
    }

    /// Takes a queue out, if it is here; those who wait for its items look again, and follow it.
    pub(in crate::engine::memory) fn detach(&self, name: &Name) -> Option<DetachedQueue<Rooms>> {
        let (queue, bell) = self.state.update(|state| {
            let queue = state.memory.detach_queue(name);
            let bell = state.memory.host().waiting.get(name).map(|waiting| Arc::clone(&waiting.bell));
            ((queue, bell), Wake::NONE)
        });
        if let Some(bell) = bell {
            bell.notify_waiters();
        }
        queue
    }

    /// Goes on with a queue, if there is one, and changes it; or makes it, with ids from `first` on at least. When that is
    /// refused, gives the queue back.
    pub(in crate::engine::memory) fn adopt(
        &self,
        name: &Name,
        queue: Option<DetachedQueue<Rooms>>,
        change: &QueueChange,
        first: u64,
    ) -> (Outcome, Option<DetachedQueue<Rooms>>) {
        let is_guest = queue.is_some();
        if let Some(queue) = queue {
            self.attach(name, queue);
        }
        let set = Command::SetQueue { name: *name, change: *change };
        let now = self.clock.now();
        let outcome = self.with(|memory| {
            memory.raise_first_item(first);
            memory.execute(&set, now, &mut |_: Part<'_>| ControlFlow::Continue(()))
        });
        let is_refused = is_guest && matches!(outcome, Outcome::Refused(_));
        (outcome, if is_refused { self.detach(name) } else { None })
    }

    /// Goes on with a queue that another shard had.
    pub(in crate::engine::memory) fn attach(&self, name: &Name, queue: DetachedQueue<Rooms>) {
        let now = self.clock.now();
        if self.with(|memory| memory.attach_queue(name, queue, now).is_err()) {
            // Nobody makes a queue but its home, which knows that it has moved.
            tracing::error!(%name, "a queue that moved was there already, and its items are gone");
        }
    }
}
