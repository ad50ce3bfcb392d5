//! The engine that keeps topics and queues in memory.
//!
//! | module | idea |
//! | --- | --- |
//! | `topics`, `queues` | what each command does |
//! | `names` | what is made, changed, listed and removed |
//! | [`DetachedQueue`] | a queue on its way to another engine |
//! | `due`, `replay` | what time would change; executing again what a [journal](super::journal) has kept |
//! | `save`, `restore` | all of it as bytes, and an engine that goes on where another one was |
//! | `elsewhere` | items that the host keeps elsewhere |
//! | `entry`, `ties` | a queue with what is kept beside it; what ties queues to topics and to each other |
//! | [`Host`] | where storage and random numbers come from, and who is told what happens |
//! | [`Table`], [`Few`] | where they are found by their names |
//! | [`Fixed`] | a host of a few names, for microcontrollers and examples |

mod due;
mod elsewhere;
mod entry;
mod fixed;
mod host;
mod moves;
mod names;
mod queues;
mod replay;
mod restore;
mod save;
mod table;
mod ties;
mod topics;

pub use fixed::Fixed;
pub use host::{Host, QueueRoom, TopicRoom};
pub use moves::DetachedQueue;
pub use replay::Diverged;
pub use restore::RestoreError;
pub use table::{Few, InOrder, Table};
pub use topics::TopicOf;

use core::ops::ControlFlow;

use super::{Command, Dump, Engine, Kind, Name, Outcome, QueueSettings, Refusal, Sink, TopicSettings};
use crate::time::Time;
use entry::QueueEntry;
use topics::TopicEntry;

/// Topics and queues by their names, in storage that its [`Host`] gives.
///
/// ```
/// use core::ops::ControlFlow;
/// use streamgauge_core::engine::memory::{Fixed, Memory};
/// use streamgauge_core::engine::{Command, Data, Engine, Lease, Name, Outcome, Part, Pieces};
/// use streamgauge_core::time::Time;
///
/// let mut engine = Memory::new(<Fixed>::default());
/// let jobs = Name::new(b"jobs").unwrap();
/// let items = Pieces::whole(Data::Plain(b"H3110"));
/// let put = Command::Put { queue: jobs, items, delay: core::time::Duration::ZERO, id: None };
/// let outcome = engine.execute(&put, Time::ZERO, &mut |_: Part<'_>| ControlFlow::Continue(()));
/// assert_eq!(outcome, Outcome::Put { items: 1, duplicate: false });
///
/// let mut token = None;
/// let lend = Command::Get { queue: jobs, items: 1, lease: Lease::For(None) };
/// let outcome = engine.execute(&lend, Time::ZERO, &mut |part: Part<'_>| {
///     if let Part::Item(item) = part {
///         token = item.item.token;
///     }
///     ControlFlow::Continue(())
/// });
/// assert_eq!(outcome, Outcome::Told(1));
/// assert!(token.is_some());
/// ```
pub struct Memory<H: Host> {
    topics: H::Table<TopicEntry<H>>,
    queues: H::Table<QueueEntry<H>>,
    host: H,
    defaults: Defaults,
    /// The id that the first item of a new queue gets: above all that a queue had that was removed, so that who remembers
    /// one of its items takes no other for it.
    first_item: u64,
    /// Whether there may be a queue whose topic is not there: it was removed, or never here.
    has_orphans: bool,
    /// Queues whose letters are being handed on: mostly none, and then no publisher has to look for them.
    handing: usize,
}

/// What is done for names that nobody has made. No command lets a message or an item be longer than it is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Defaults {
    /// Whether the first use of a name makes it.
    pub auto_create: bool,
    /// The settings of such a topic.
    pub topic: TopicSettings,
    /// The settings of such a queue.
    pub queue: QueueSettings,
    /// The sequence number that the first message of each topic gets. It grows with topics that are removed, so that one
    /// of the same name never has a number twice, and who comes back is told what is gone.
    pub first: u64,
}

impl Default for Defaults {
    fn default() -> Self {
        Self { auto_create: true, topic: TopicSettings::DEFAULT, queue: QueueSettings::DEFAULT, first: 0 }
    }
}

impl Defaults {
    /// The settings of a topic with the longest message that it can ever be told to take.
    const fn at_most(&self, mut settings: TopicSettings) -> TopicSettings {
        if settings.max_message_bytes < self.topic.max_message_bytes {
            settings.max_message_bytes = self.topic.max_message_bytes;
        }
        settings
    }
}

impl<H: Host> Memory<H> {
    /// An engine without a topic or a queue.
    pub fn new(host: H) -> Self {
        Self::with_defaults(host, Defaults::default())
    }

    /// The same, with what names get that nobody has made.
    pub fn with_defaults(mut host: H, defaults: Defaults) -> Self {
        let (topics, queues) = (host.table(Kind::Topic), host.table(Kind::Queue));
        Self { topics, queues, host, defaults, first_item: 0, has_orphans: false, handing: 0 }
    }

    /// Its host.
    pub const fn host(&self) -> &H {
        &self.host
    }

    /// Its host, to see what has happened.
    pub const fn host_mut(&mut self) -> &mut H {
        &mut self.host
    }

    /// The id that the first item of a new queue gets, where no queue had an item of it.
    pub const fn first_item(&self) -> u64 {
        self.first_item
    }

    /// Lets the ids of new queues begin there at least: a queue that another engine had may be made again here.
    pub const fn raise_first_item(&mut self, first: u64) {
        if self.first_item < first {
            self.first_item = first;
        }
    }

    /// Does what is due for a topic or a queue, as [`Host::due`] was told.
    pub fn advance(&mut self, kind: Kind, name: &Name, now: Time) {
        match kind {
            Kind::Topic => self.advance_topic(name, now),
            Kind::Queue => self.advance_queue(name, now),
        }
    }

    /// What is said of a name that nobody has made: as if it were there and empty, if the first use would make it.
    const fn absent(&self, kind: Kind, name: &Name, empty: Outcome) -> Outcome {
        if self.defaults.auto_create { empty } else { Outcome::Refused(Refusal::Missing(kind, *name)) }
    }

    /// Makes what a command uses, if nobody has and it may be, and says whether it is there now. Looking at it is no use.
    fn ensure(&mut self, command: &Command<'_>, now: Time) -> Result<bool, Refusal> {
        match command {
            Command::Publish { topic, .. } => self.ensure_topic(topic, now)?,
            Command::Put { queue, .. }
            | Command::Get { queue, .. }
            | Command::Dump { queue }
            | Command::Redrive { queue }
            | Command::Pause { queue }
            | Command::Resume { queue }
            | Command::Empty { queue } => self.ensure_queue(queue, now)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Executes a command on what is there.
    fn attempt(&mut self, command: &Command<'_>, now: Time, to: &mut dyn Sink) -> Outcome {
        match command {
            Command::Publish { topic, messages, id } => self.publish(topic, messages, id.as_ref(), now),
            Command::TopicStats { topic, reset } => self.topic_stats(topic, *reset),
            Command::Put { queue, items, delay, id } => self.put(queue, items, *delay, id.as_ref(), now),
            Command::Get { queue, items, lease } => self.get(queue, *items, *lease, now, to),
            Command::Settle { queue, tokens, how } => self.settle(queue, *tokens, how, now, to),
            Command::Peek { queue, state, items } => self.peek(queue, *state, *items, now, to),
            Command::Dump { queue } => self.begin_dump(queue),
            Command::QueueStats { queue, reset } => self.queue_stats(queue, *reset, now, to),
            Command::Redrive { queue } => self.redrive(queue, now),
            Command::Pause { queue } => self.pause(queue, true),
            Command::Resume { queue } => self.pause(queue, false),
            Command::Empty { queue } => self.empty(queue, now),
            Command::List { kind, prefix } => self.list(*kind, prefix, now, to),
            Command::Show { kind, name } => self.show(*kind, name, now, to),
            Command::SetTopic { name, change } => self.set_topic(name, change, now),
            Command::SetQueue { name, change } => self.set_queue(name, change, now),
            Command::Remove { kind, name } => self.remove(*kind, name),
        }
    }
}

impl<H: Host> Engine for Memory<H> {
    fn execute(&mut self, command: &Command<'_>, now: Time, to: &mut dyn Sink) -> Outcome {
        let mut outcome = self.attempt(command, now, to);
        // What most commands use is there, and looked up once.
        if let Outcome::Refused(Refusal::Missing(..)) = outcome {
            match self.ensure(command, now) {
                Ok(true) => outcome = self.attempt(command, now, to),
                Ok(false) => {}
                Err(refusal) => outcome = Outcome::Refused(refusal),
            }
        }
        outcome
    }

    fn dump(&mut self, dump: &mut Dump, each: impl FnMut(&[u8]) -> ControlFlow<()>) -> bool {
        self.go_on(dump, each)
    }
}
