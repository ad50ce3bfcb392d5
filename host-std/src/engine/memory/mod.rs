//! The core's memory engine, in shards.
//!
//! A topic or a queue belongs to one shard, a shard to one thread, and shards share no lock. Where a name is at home, a
//! hash of it says; a queue that a topic feeds is with its topic, and its home knows where. A connection goes to the
//! thread of what it asks for.
//!
//! | module | idea |
//! | --- | --- |
//! | `Shards` | all shards, seen from the thread of one of them |
//! | `begin`, `within` | how they begin; what the server itself publishes in them |
//! | `shard` | the engine of one thread, behind a lock that is never held while anything is waited for |
//! | `kept` | one that is kept on the disk |
//! | `at_hand`, `upkeep` | items that are loaded for who asks for them; what goes on beside requests |
//! | `stragglers`, `retelling` | items that stay long, and messages of slow topics, moved out of files of which little else is needed |
//! | `ordered`, `follow` | one that others have too: what is executed is ordered by a log that all of them write |
//! | `handed` | what another process goes on with |
//! | `rehearsing` | one that is asked what would be said |
//! | `listing` | topics or queues of all shards, in one order |
//! | `moves`, `letters` | queues that move to their topics; dead letters for a queue of another shard |
//! | `rooms` | what that engine is given: bytes, places, tables and random numbers |
//! | `timers` | when there is something to do |
//! | [`Budget`] | the memory that all topics and queues share |

mod at_hand;
mod begin;
mod budget;
mod follow;
mod handed;
mod kept;
mod letters;
mod listing;
mod moves;
mod ordered;
mod rehearsing;
mod retelling;
mod rooms;
mod shard;
mod stragglers;
mod timers;
mod upkeep;
mod within;

pub(crate) use begin::KeptError;
pub(crate) use budget::{Budget, Held, MOST_REFUSED};
pub(crate) use follow::Follow;
pub(crate) use rehearsing::Inventory;
pub(crate) use shard::{Shard, TopicLog, published_to};

use std::collections::HashMap;
use std::sync::Arc;

use siphasher::sip::SipHasher13;
use streamgauge_core::engine::memory::Defaults;
use streamgauge_core::engine::{Command, Dump, Kind, Name, Outcome, QueueSettings, Refusal, Sink, TopicSettings};
use streamgauge_core::topic::From;
use tokio::sync::{Mutex, Notify};

use super::Mark;
use crate::threads::Threads;
use kept::Missing;
pub(crate) use ordered::Message;
#[cfg(test)]
pub(crate) use rooms::Drawn;
pub(crate) use rooms::{OwnRoom, Rooms};

/// What a memory engine is made with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What names get that nobody has made.
    pub defaults: Defaults,
    /// The topic `main`, if it has topics.
    pub main_topic: Option<TopicSettings>,
    /// The queue `main`, if it has queues.
    pub main_queue: Option<QueueSettings>,
    /// Most topics, and most queues.
    pub max_names: usize,
    /// Requests that may wait at the same time.
    pub max_waiting: usize,
}

/// Values by the names of topics or queues. Every request looks some up, so the hash is a quick one, seeded at random:
/// who can make names can't make them collide.
pub(crate) type ByName<V> = HashMap<Name, V, foldhash::fast::RandomState>;

/// All shards, seen from the thread of one of them.
#[derive(Clone)]
pub(crate) struct Shards {
    here: usize,
    all: Arc<[Arc<Shard>]>,
    threads: Threads,
    /// One list of all shards at a time: it is in memory as a whole.
    listing: Arc<Mutex<()>>,
}

impl Shards {
    fn seen_from_each(all: Vec<Arc<Shard>>, threads: &Threads) -> Vec<Self> {
        let (count, all) = (all.len(), Arc::<[Arc<Shard>]>::from(all));
        let listing = Arc::new(Mutex::new(()));
        let seen_from =
            |here| Self { here, all: Arc::clone(&all), threads: threads.clone(), listing: Arc::clone(&listing) };
        (0..count).map(seen_from).collect()
    }

    /// The shard of this thread.
    pub(crate) fn own(&self) -> &Arc<Shard> {
        &self.all[self.here]
    }

    /// All of them.
    pub(crate) fn all(&self) -> &[Arc<Shard>] {
        &self.all
    }

    /// The shard that has a topic, and the queue `main`.
    pub(crate) fn shard_of(&self, topic: &Name) -> &Arc<Shard> {
        &self.all[self.home(topic)]
    }

    /// Which shard this is seen from.
    pub(crate) const fn here(&self) -> usize {
        self.here
    }

    /// The threads of all shards.
    pub(crate) const fn threads(&self) -> &Threads {
        &self.threads
    }

    /// The shard that a topic is at home in.
    pub(crate) fn home(&self, name: &Name) -> usize {
        home(name, self.all.len())
    }

    /// The shard that a queue moves to when this is changed, if it is another one.
    fn moves_to(&self, command: &Command<'_>) -> Option<usize> {
        match command {
            Command::SetQueue { change, .. } => {
                change.topic.flatten().map(|topic| self.home(&topic)).filter(|to| *to != self.here)
            }
            _ => None,
        }
    }

    /// Whether a command needs other shards too, or may have to wait.
    fn has_to_wait(&self, command: &Command<'_>) -> bool {
        match command {
            Command::Redrive { .. } | Command::Empty { .. } => true,
            Command::List { .. } => !self.is_alone(),
            command => self.moves_to(command).is_some(),
        }
    }

    /// Moves the items of a queue of this shard, some at a time; others have their turn in between. When the queue is gone
    /// meanwhile, so is what was left to do.
    async fn move_items(&self, queue: &Name, command: &Command<'_>, to: &mut (dyn Sink + Send)) -> Outcome {
        if matches!(command, Command::Empty { .. }) && !self.is_alone() {
            // Letters that another shard takes are on their way before; what it has no room for is emptied.
            self.own().with(|memory| memory.advance(Kind::Queue, queue, self.own().clock().now()));
        }
        self.own().handed(queue).await;
        if !self.is_alone() && self.elsewhere(Kind::Queue, queue).is_some() {
            return Outcome::Refused(moves::MOVED);
        }
        let mut outcome = self.own().execute(command, to).await;
        while outcome.has_more() {
            tokio::task::yield_now().await;
            self.own().handed(queue).await;
            if !self.own().has_queue(queue) {
                break;
            }
            outcome = self.own().execute(command, to).await.after(&outcome);
        }
        outcome
    }

    /// What follows from a command beyond this shard.
    fn tell_others(&self, command: &Command<'_>, outcome: &Outcome) {
        if let (Command::Remove { kind: Kind::Queue, name }, Outcome::Removed) = (command, outcome)
            && self.home(name) != self.here
        {
            self.tell_removed(*name);
        }
    }
}

/// The shard of so many that a name is at home in. It is the same one in a process that [goes on](Shards::hand) with what
/// this one held, whatever that was built with.
fn home(name: &Name, shards: usize) -> usize {
    if shards == 1 {
        return 0;
    }
    (SipHasher13::new().hash(name.as_bytes()) % shards as u64) as usize
}

impl Shards {
    /// Whether everything belongs to this thread.
    pub(crate) fn is_alone(&self) -> bool {
        self.all.len() == 1
    }

    /// The thread that a topic or a queue belongs to, if it is another than this one: whoever asks goes there.
    pub(crate) fn elsewhere(&self, kind: Kind, name: &Name) -> Option<usize> {
        let moved = match kind {
            Kind::Topic => None,
            Kind::Queue if self.own().has_queue(name) => return None,
            Kind::Queue => self.own().moved_to(name),
        };
        Some(moved.unwrap_or_else(|| self.home(name))).filter(|there| *there != self.here)
    }

    /// Executes a command, if that needs no waiting and is done in one turn; otherwise nothing has happened. What there is
    /// is to be told to nobody before it is [safe](Self::safe) up to the [mark](Self::mark) behind it.
    pub(crate) fn execute_now(&self, command: &Command<'_>, to: &mut dyn Sink) -> Option<Outcome> {
        if self.has_to_wait(command) {
            return None;
        }
        let outcome = self.own().execute_now(command, to);
        if let Some(outcome) = &outcome {
            self.tell_others(command, outcome);
        }
        outcome
    }

    /// Behind all that was executed so far.
    pub(crate) fn mark(&self) -> Mark {
        self.own().mark()
    }

    /// Waits until all is safe that was executed before a mark.
    ///
    /// # Errors
    /// It never will be, or nobody knows.
    pub(crate) async fn safe(&self, mark: Mark) -> Result<(), Refusal> {
        self.own().safe(mark).await
    }

    /// Executes a command, and waits until it is safe. One that publishes waits while what was published before is far
    /// from being sent on.
    pub(crate) async fn execute(&self, command: &Command<'_>, to: &mut (dyn Sink + Send)) -> Outcome {
        match (command, self.moves_to(command)) {
            (Command::List { kind, prefix }, _) if !self.is_alone() => self.list(*kind, *prefix, to).await,
            (Command::SetQueue { name, change }, Some(there)) => self.set_there(*name, *change, there).await,
            (Command::Redrive { queue } | Command::Empty { queue }, _) => self.move_items(queue, command, to).await,
            _ => {
                let outcome = self.own().execute(command, to).await;
                self.tell_others(command, &outcome);
                outcome
            }
        }
    }

    /// Executes a command again that has found no item, for who waits for one: of a queue that is gone by then there is
    /// nothing, and it is not made, as far as that can be known where the command is executed.
    pub(crate) async fn execute_again(&self, command: &Command<'_>, to: &mut (dyn Sink + Send)) -> Outcome {
        match (command, self.own().keeper()) {
            (Command::Get { .. }, Some(keeper)) => self.own().execute_kept(keeper, command, Missing::Stays, to).await,
            // Without a disk nothing happens in between; and what others execute too does not tell them apart.
            _ => self.execute(command, to).await,
        }
    }

    /// Whether there is a topic that can be subscribed to from there at once, or it can be made at once.
    pub(crate) fn has_at_hand(&self, topic: &Name, from: From) -> bool {
        self.own().order().is_none() || self.own().has_at_hand(topic, from)
    }

    /// Makes sure that it can be.
    ///
    /// # Errors
    /// It is not there, and may not be made; or nobody can say how far it has come.
    pub(crate) async fn prepare(&self, topic: &Name, from: From) -> Result<(), Refusal> {
        match self.own().order() {
            Some(order) => self.own().prepare(order, topic, from).await,
            None => Ok(()),
        }
    }

    /// Copies the next items of a walk, each with a newline, as far as `most` bytes hold them, and one item at least;
    /// whether there may be more. It may wait for items that are on a disk.
    ///
    /// # Errors
    /// That can't be read.
    pub(crate) async fn dump(&self, dump: &mut Dump, piece: &mut Vec<u8>, most: usize) -> Result<bool, Refusal> {
        self.own().dump(dump, piece, most).await
    }

    /// A place among those who wait for items of a queue.
    pub(crate) fn wait_for_items(&self, queue: Name) -> ItemWait {
        let shard = Arc::clone(self.own());
        let bell = shard.begin_to_wait(queue);
        ItemWait { shard, queue, bell }
    }
}

/// A client's place among those who wait for an item, until it is dropped.
pub(crate) struct ItemWait {
    shard: Arc<Shard>,
    queue: Name,
    bell: Arc<Notify>,
}

impl ItemWait {
    /// Waits until there may be an item for this client.
    pub(crate) async fn rung(&self) {
        self.bell.notified().await;
    }

    /// Whether the queue is there still: who asks for an item of one that is gone makes it again.
    pub(crate) fn is_there(&self) -> bool {
        self.shard.has_queue(&self.queue)
    }
}

impl Drop for ItemWait {
    fn drop(&mut self) {
        self.shard.end_to_wait(&self.queue);
    }
}
