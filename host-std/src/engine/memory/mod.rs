//! The core's memory engine, in shards.
//!
//! A topic or a queue belongs to one shard, a shard to one thread, and shards share no lock. Where a name is at home, a
//! hash of it says; a queue that a topic feeds is with its topic, and its home knows where. A connection goes to the
//! thread of what it asks for.
//!
//! | module | idea |
//! | --- | --- |
//! | `Shards` | all shards, seen from the thread of one of them |
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

pub use budget::Budget;
pub(crate) use budget::{Held, MOST_REFUSED};
pub(crate) use follow::Follow;
use follow::follow;
pub(crate) use rehearsing::Inventory;
pub(crate) use shard::{Shard, TopicLog, published_to};

use std::collections::HashMap;
use std::sync::Arc;

use siphasher::sip::SipHasher13;
use streamgauge_core::engine::memory::{Defaults, Memory};
use streamgauge_core::engine::{
    Command, Data, Dump, Id, Kind, Name, Outcome, Pieces, QueueSettings, Refusal, Sink, TopicSettings,
};
use streamgauge_core::time::Time;
use streamgauge_core::topic::From;
use tokio::sync::{Mutex, Notify, oneshot};

use super::disk::{self, Keeper, Recovered, StateError};
use super::remote::{self, Unreadable};
use super::{Engine, Mark, Waiting};
use crate::queues::OverflowLog;
use crate::threads::Threads;
use kept::Missing;
pub(crate) use ordered::Message;
use rooms::Counts;
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

impl Settings {
    /// What there is before anybody has asked for anything: the topic and the queue `main`, if `has_main`.
    ///
    /// # Errors
    /// When the budget has no room for these.
    fn begin(&self, rooms: Rooms, has_main: bool, now: Time) -> Result<Memory<Rooms>, Refusal> {
        let mut memory = Memory::with_defaults(rooms, self.defaults);
        if let Some(topic) = self.main_topic.filter(|_| has_main) {
            memory.make_topic(&Name::MAIN, topic)?;
        }
        if let Some(queue) = self.main_queue.filter(|_| has_main) {
            memory.make_queue(&Name::MAIN, queue, now)?;
        }
        Ok(memory)
    }
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
    /// A shard for each of `threads`, seen from each of them; with what others have [handed](Self::hand), unless that is
    /// nothing.
    ///
    /// # Errors
    /// When the budget has no room for the topic and the queue `main`, or for what was handed.
    pub(crate) fn new(
        settings: &Settings,
        budget: &Arc<Budget>,
        overflow: Option<&Arc<OverflowLog>>,
        threads: &Threads,
        left: &[u8],
    ) -> Result<Vec<Self>, String> {
        let (count, counts) = (threads.count(), Counts::new(settings.max_names));
        let wrong = |error: Unreadable| format!("what the server before this one held: {}", error.0);
        let left = handed::shards(left).map_err(wrong)?;
        let shards = (0..count).map(|at| {
            let log = overflow.cloned();
            let rooms = Rooms::new(Arc::clone(budget), log.clone(), counts.clone(), (at, count));
            let shard = match left.get(at) {
                None => Shard::new(settings, rooms, log, home(&Name::MAIN, count) == at)
                    .map_err(|refusal| refusal.to_string()),
                Some(left) => {
                    let left = handed::read(left, rooms, settings).map_err(wrong)?;
                    Ok(Shard::after(left, settings, log))
                }
            };
            shard.map(Arc::new)
        });
        let shards = shards.collect::<Result<Vec<_>, String>>()?;
        remember_guests(&shards);
        Ok(Self::seen_from_each(shards, threads))
    }

    /// One shard, which is kept in a folder. `heard` is told how many bytes of how many were read, and `found` what was found,
    /// whatever comes of it: the next start finds something else.
    ///
    /// # Errors
    /// What the folder holds can't be read, or has no room in the budget.
    pub(crate) fn kept(
        settings: &Settings,
        disk: &disk::Settings,
        memory: u64,
        overflow: Option<&Arc<OverflowLog>>,
        threads: &Threads,
        heard: &mut dyn FnMut(u64, u64),
        found: impl FnOnce(&Recovered),
    ) -> Result<Vec<Self>, KeptError> {
        // Whatever was there has its room until it is known how much that is.
        let (budget, counts) = (Budget::telling(memory), Counts::new(usize::MAX));
        budget.refuse_again(Some(Vec::new()));
        let longest = settings.defaults.topic.max_message_bytes;
        let rooms = Rooms::new(Arc::clone(&budget), None, counts.clone(), (0, 1)).keeping(longest);
        let (keeper, mut engine, recovered) =
            Keeper::open(disk, rooms, settings.defaults, heard).map_err(KeptError::State)?;
        found(&recovered);
        if budget.held() > memory {
            return Err(KeptError::Memory { held: budget.held(), memory });
        }
        engine.host().set_max_names(settings.max_names);
        engine.host_mut().set_overflow(overflow.cloned());
        let before = *engine.defaults();
        engine.set_defaults(Defaults { first: before.first, ..settings.defaults });
        if *engine.defaults() != before {
            // What is executed from now on goes by these.
            keeper.begin_with(&engine, recovered.latest).map_err(KeptError::Io)?;
        }
        let shard = Shard::kept(settings, (keeper, engine, recovered.latest), overflow.cloned());
        let shard = shard.map_err(KeptError::Refused)?;
        Ok(Self::seen_from_each(vec![Arc::new(shard)], threads))
    }

    /// One shard without anything yet, which others have too.
    ///
    /// # Errors
    /// When the budget has no room for the topic and the queue `main`, or this program was built without what it takes.
    pub(crate) fn ordered(
        settings: &Settings,
        remote: &remote::Settings,
        memory: u64,
        overflow: Option<&Arc<OverflowLog>>,
        threads: &Threads,
    ) -> Result<(Vec<Self>, Follow), String> {
        let gateway = getrandom::u64().map_err(|error| error.to_string())?;
        let order = Arc::new(remote::Order::new(gateway, remote.patience));
        // What only this process has must not decide what it does together with others.
        let (own, local) = (memory - memory / 8, Budget::new(memory / 8));
        let (budget, counts, beside) = (Budget::new(own), Counts::new(settings.max_names), Arc::clone(&local));
        let rooms = move || Rooms::new(Arc::clone(&budget), None, counts.clone(), (0, 1)).beside(Arc::clone(&beside));
        let shard = Shard::ordered(settings, rooms(), Arc::clone(&order), local, overflow.cloned());
        let shard = Arc::new(shard);
        let group = remote::Group { memory, max_names: settings.max_names as u64 };
        let follow = follow(&shard, &order, remote, (group, own), rooms, settings)?;
        Ok((Self::seen_from_each(vec![shard], threads), follow))
    }

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

    /// The shard that has the topic and the queue `main`.
    pub(crate) fn of_main(&self) -> &Arc<Shard> {
        &self.all[self.home(&Name::MAIN)]
    }

    /// Which shard this is seen from.
    pub(crate) const fn here(&self) -> usize {
        self.here
    }

    /// The threads of all shards.
    pub(crate) const fn threads(&self) -> &Threads {
        &self.threads
    }

    /// Publishes what the server itself has to say, on the thread of the topic's shard: publishers wait for subscribers,
    /// and this must not. Where other gateways say the same, what has the same id is published once. It has happened when
    /// this is over, so that what is told does not pile up at a shard that is busy; whether it was published, as far as
    /// that is known here.
    pub(crate) async fn publish_from_within(&self, topic: Name, message: Vec<u8>, id: Option<Id>) -> bool {
        let home = self.home(&topic);
        let shard = Arc::clone(&self.all[home]);
        let publish = move || {
            let messages = Pieces::whole(Data::Plain(&message));
            let publish = Command::Publish { topic, messages, id: id.filter(|_| shard.order().is_some()) };
            let outcome = shard.execute_at_once(&publish);
            let Outcome::Refused(refusal) = outcome else { return true };
            tracing::warn!(%topic, %refusal, "a reading could not be published");
            false
        };
        if home == self.here {
            return publish();
        }
        let (done, is_done) = oneshot::channel();
        self.threads.on(home, move || {
            let _ = done.send(publish());
        });
        // A thread that has ended drops it.
        is_done.await.unwrap_or(false)
    }

    /// Makes a topic of that name for messages that the server itself publishes, of which the longest may have so many
    /// bytes, unless there is one; whether there was none. It is small, and takes one message at least that is no longer
    /// than those of others may be.
    ///
    /// # Errors
    /// There is no room for it.
    pub(crate) async fn make_small_topic(&self, name: &Name, longest: u64) -> Result<bool, Refusal> {
        let shard = &self.all[self.home(name)];
        if shard.with(|memory| memory.has(Kind::Topic, name)) {
            return Ok(false);
        }
        let defaults = shard.topic_defaults();
        let bytes = longest.min(defaults.max_message_bytes).saturating_add(BESIDE_MESSAGE).max(SMALL_TOPIC);
        let settings = TopicSettings { bytes, ..defaults };
        match shard.order() {
            Some(order) => order.make_topic(name, settings).await,
            None => shard.make_topic(name, settings),
        }?;
        Ok(true)
    }

    /// The longest message that a topic takes, as far as it is there.
    pub(crate) fn longest_message(&self, name: &Name) -> Option<u64> {
        self.all[self.home(name)].with(|memory| {
            let settings = memory.topic_settings(name)?;
            Some(settings.max_message_bytes.min(settings.bytes.saturating_sub(BESIDE_MESSAGE)))
        })
    }

    /// Whether a topic may be used: it is there, or made by whoever asks for it.
    ///
    /// # Errors
    /// It is not there, and only names that were made are used.
    pub(crate) fn may_use(&self, name: &Name) -> Result<(), Refusal> {
        self.all[self.home(name)].with(|memory| {
            let is_there = memory.defaults().auto_create || memory.has(Kind::Topic, name);
            if is_there { Ok(()) } else { Err(Refusal::Missing(Kind::Topic, *name)) }
        })
    }

    /// Removes a topic that was made for nothing.
    pub(crate) fn remove_topic(&self, name: Name) {
        let home = self.home(&name);
        let shard = Arc::clone(&self.all[home]);
        let remove = move || {
            let outcome = shard.execute_at_once(&Command::Remove { kind: Kind::Topic, name });
            if let Outcome::Refused(refusal) = outcome {
                tracing::warn!(topic = %name, %refusal, "a topic of no gauge could not be removed");
            }
        };
        if home == self.here { remove() } else { self.threads.on(home, remove) }
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

/// Why what a folder holds can't be gone on with.
#[derive(Debug)]
pub(crate) enum KeptError {
    /// It can't be read.
    State(StateError),
    /// It can't be written.
    Io(std::io::Error),
    /// It holds more than there is memory for.
    Memory { held: u64, memory: u64 },
    /// There is no room for what there is from the start.
    Refused(Refusal),
}

impl std::fmt::Display for KeptError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::State(error) => error.fmt(f),
            Self::Io(error) => error.fmt(f),
            Self::Memory { held, memory } => {
                write!(f, "what is kept takes {held} bytes of memory, and the limit memory is {memory}")
            }
            Self::Refused(refusal) => refusal.fmt(f),
        }
    }
}

/// Bytes that a topic holds which the server itself publishes in, at least.
const SMALL_TOPIC: u64 = 256 << 10;

/// The most bytes that a topic holds beside a message: its length, and when it was published.
const BESIDE_MESSAGE: u64 = 32;

/// The shard of so many that a name is at home in. It is the same one in a process that [goes on](Shards::hand) with what
/// this one held, whatever that was built with.
fn home(name: &Name, shards: usize) -> usize {
    if shards == 1 {
        return 0;
    }
    (SipHasher13::new().hash(name.as_bytes()) % shards as u64) as usize
}

/// Lets the shards where queues are at home know of those that are with their topics elsewhere.
fn remember_guests(shards: &[Arc<Shard>]) {
    for (at, shard) in shards.iter().enumerate() {
        for queue in shard.with(|memory| memory.queue_names().collect::<Vec<_>>()) {
            let home = home(&queue, shards.len());
            if home != at {
                shards[home].remember_move(queue, at);
            }
        }
    }
}

impl Engine for Shards {
    fn is_alone(&self) -> bool {
        self.all.len() == 1
    }

    fn elsewhere(&self, kind: Kind, name: &Name) -> Option<usize> {
        let moved = match kind {
            Kind::Topic => None,
            Kind::Queue if self.own().has_queue(name) => return None,
            Kind::Queue => self.own().moved_to(name),
        };
        Some(moved.unwrap_or_else(|| self.home(name))).filter(|there| *there != self.here)
    }

    fn execute_now(&self, command: &Command<'_>, to: &mut dyn Sink) -> Option<Outcome> {
        if self.has_to_wait(command) {
            return None;
        }
        let outcome = self.own().execute_now(command, to);
        if let Some(outcome) = &outcome {
            self.tell_others(command, outcome);
        }
        outcome
    }

    fn mark(&self) -> Mark {
        self.own().mark()
    }

    async fn safe(&self, mark: Mark) -> Result<(), Refusal> {
        self.own().safe(mark).await
    }

    async fn execute(&self, command: &Command<'_>, to: &mut (dyn Sink + Send)) -> Outcome {
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

    async fn execute_again(&self, command: &Command<'_>, to: &mut (dyn Sink + Send)) -> Outcome {
        match (command, self.own().keeper()) {
            (Command::Get { .. }, Some(keeper)) => self.own().execute_kept(keeper, command, Missing::Stays, to).await,
            // Without a disk nothing happens in between; and what others execute too does not tell them apart.
            _ => self.execute(command, to).await,
        }
    }

    fn has_at_hand(&self, topic: &Name, from: From) -> bool {
        self.own().order().is_none() || self.own().has_at_hand(topic, from)
    }

    async fn prepare(&self, topic: &Name, from: From) -> Result<(), Refusal> {
        match self.own().order() {
            Some(order) => self.own().prepare(order, topic, from).await,
            None => Ok(()),
        }
    }

    async fn dump(&self, dump: &mut Dump, piece: &mut Vec<u8>, most: usize) -> Result<bool, Refusal> {
        self.own().dump(dump, piece, most).await
    }

    fn wait_for_items(&self, queue: Name) -> impl Waiting + Send {
        let shard = Arc::clone(self.own());
        let bell = shard.begin_to_wait(queue);
        ItemWait { shard, queue, bell }
    }
}

/// A client that waits for an item, until it is dropped.
struct ItemWait {
    shard: Arc<Shard>,
    queue: Name,
    bell: Arc<Notify>,
}

impl Waiting for ItemWait {
    async fn rung(&self) {
        self.bell.notified().await;
    }

    fn is_there(&self) -> bool {
        self.shard.has_queue(&self.queue)
    }
}

impl Drop for ItemWait {
    fn drop(&mut self) {
        self.shard.end_to_wait(&self.queue);
    }
}
