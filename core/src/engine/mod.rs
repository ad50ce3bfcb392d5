//! The only seam between requests and what keeps messages and items.
//!
//! A request is read into a [`Command`], an [`Engine`] executes it, and its [`Outcome`] is written as an answer. What is
//! above the seam ([`endpoints`](crate::endpoints)) knows HTTP and no store; what is below knows stores and no HTTP.
//!
//! | module | idea |
//! | --- | --- |
//! | `command`, `pieces` | every verb once; messages and items, split before anything is locked for them |
//! | `outcome`, `refusal` | what became of it, told in [`Part`]s to a [`Sink`]; why it was refused |
//! | `allowance` | how much of that will be taken, said before |
//! | `name`, `settings`, `filter` | what a topic or a queue is called, may hold, and does |
//! | [`memory`] | the engine that keeps all of it in storage that it is given |
//! | [`journal`] | executed commands as bytes, to execute them again |

mod allowance;
mod command;
mod filter;
pub mod journal;
pub mod memory;
mod name;
mod outcome;
mod pieces;
mod refusal;
mod settings;
mod short;
mod written;

pub use allowance::Allowance;
pub use command::{Command, Id, Kind, Lease, Prefix, Reason, Settle, Tokens};
pub use filter::Filter;
pub use name::{BadName, Name};
pub use outcome::{Dump, Item, Outcome, Part, Published, QueueStats, Sink, TopicStats};
pub use pieces::{Data, MAX_SEPARATOR, Piece, Pieces, Separator};
pub use refusal::Refusal;
pub use settings::{QueueChange, QueueSettings, TopicChange, TopicSettings};
pub use short::Short;

use core::ops::ControlFlow;

use crate::time::Time;

/// What keeps topics and queues, and does what it is told.
pub trait Engine {
    /// Executes a command at a time; what there is to be told at length goes to `to`, before the outcome. One that would
    /// take long does a part, and is to be executed again while its outcome [has more](Outcome::has_more).
    fn execute(&mut self, command: &Command<'_>, now: Time, to: &mut dyn Sink) -> Outcome;

    /// Goes on with a walk over a queue: `each` is given one item after another, and breaks when it has no room for one,
    /// which is then the next one. Returns whether there may be more.
    ///
    /// Each item that was ready when the walk began and still is comes exactly once.
    fn dump(&mut self, dump: &mut Dump, each: impl FnMut(&[u8]) -> ControlFlow<()>) -> bool;
}
