//! The only seam between requests and what keeps topics and queues.
//!
//! | module | idea |
//! | --- | --- |
//! | `Engine` | what requests need of whatever keeps topics and queues |
//! | [`disk`] | what keeps them on the disk of this machine |
//! | [`memory`] | the core's memory engine, in shards of a thread each |
//! | [`remote`] | what many gateways keep together, in an engine that orders what they do |
//! | `clock` | Unix time that never goes back |

mod clock;
pub mod disk;
pub mod memory;
pub mod remote;

pub use clock::Clock;

use streamgauge_core::engine::{Command, Dump, Kind, Name, Outcome, Refusal, Sink};
use streamgauge_core::topic::From;

/// A moment in what an engine executes: opaque, and later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(disk::Position);

impl Mark {
    /// Before everything: nothing has to be waited for.
    pub const NONE: Self = Self(disk::Position::ZERO);

    /// One that is greater with each number.
    #[cfg(test)]
    pub(crate) const fn of_test(number: u32) -> Self {
        Self(disk::Position { segment: 0, offset: number })
    }
}

/// What keeps topics and queues, and does what it is told.
///
/// What is above knows HTTP and no store; what is below knows stores and no HTTP. Subscribers read the logs of topics,
/// whatever feeds these.
pub(crate) trait Engine: Send + Sync + 'static {
    /// Whether everything belongs to this thread.
    fn is_alone(&self) -> bool;

    /// The thread that a topic or a queue belongs to, if it is another than this one: whoever asks goes there.
    fn elsewhere(&self, kind: Kind, name: &Name) -> Option<usize>;

    /// Executes a command, if that needs no waiting and is done in one turn; otherwise nothing has happened. What there is
    /// is to be told to nobody before it is [safe](Self::safe) up to the [mark](Self::mark) behind it.
    fn execute_now(&self, command: &Command<'_>, to: &mut dyn Sink) -> Option<Outcome>;

    /// Behind all that was executed so far.
    fn mark(&self) -> Mark;

    /// Waits until all is safe that was executed before a mark.
    ///
    /// # Errors
    /// It never will be, or nobody knows.
    fn safe(&self, mark: Mark) -> impl Future<Output = Result<(), Refusal>> + Send;

    /// Executes a command, and waits until it is safe. One that publishes waits while what was published before is far
    /// from being sent on.
    fn execute(&self, command: &Command<'_>, to: &mut (dyn Sink + Send)) -> impl Future<Output = Outcome> + Send;

    /// Executes a command again that has found no item, for who waits for one: of a queue that is gone by then there is
    /// nothing, and it is not made, as far as that can be known where the command is executed.
    fn execute_again(&self, command: &Command<'_>, to: &mut (dyn Sink + Send)) -> impl Future<Output = Outcome> + Send;

    /// Whether there is a topic that can be subscribed to from there at once, or it can be made at once.
    fn has_at_hand(&self, topic: &Name, from: From) -> bool;

    /// Makes sure that it can be.
    ///
    /// # Errors
    /// It is not there, and may not be made; or nobody can say how far it has come.
    fn prepare(&self, topic: &Name, from: From) -> impl Future<Output = Result<(), Refusal>> + Send;

    /// Copies the next items of a walk, each with a newline, as far as `most` bytes hold them, and one item at least;
    /// whether there may be more. It may wait for items that are on a disk.
    ///
    /// # Errors
    /// That can't be read.
    fn dump(
        &self,
        dump: &mut Dump,
        piece: &mut Vec<u8>,
        most: usize,
    ) -> impl Future<Output = Result<bool, Refusal>> + Send;

    /// A place among those who wait for items of a queue.
    fn wait_for_items(&self, queue: Name) -> impl Waiting + Send;
}

/// A client's place among those who wait for an item, until it is dropped.
pub(crate) trait Waiting {
    /// Waits until there may be an item for this client.
    fn rung(&self) -> impl Future<Output = ()> + Send;

    /// Whether the queue is there still: who asks for an item of one that is gone makes it again.
    fn is_there(&self) -> bool;
}
