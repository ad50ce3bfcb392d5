//! Which executed commands have to be kept.

use super::Call;
use crate::engine::{Command, Outcome, Published, Refusal};

impl<'a> Call<'a> {
    /// What has to be kept of an executed command; `None` if it has changed nothing. O(1).
    ///
    /// `was_due` is what [`is_due_for`](crate::engine::memory::Memory::is_due_for) said before it was executed, and
    /// `has_drawn` whether random numbers were drawn meanwhile: that they are when something is made.
    #[must_use]
    pub fn of(command: &Command<'a>, outcome: &Outcome, was_due: bool, has_drawn: bool) -> Option<Self> {
        let changed = match (command, outcome) {
            (Command::Publish { .. } | Command::Put { .. }, Outcome::Refused(refusal)) => {
                return (has_drawn || is_counted(refusal)).then(|| Self::Refuse(bare(command)));
            }
            (_, Outcome::Refused(_)) => return (was_due || has_drawn).then_some(Self::Refuse(*command)),
            (_, Outcome::Published(Published { duplicates: 1.., .. }) | Outcome::Put { duplicate: true, .. }) => {
                return Some(Self::Execute(bare(command)));
            }
            (Command::Get { .. }, Outcome::Told(items)) => *items > 0,
            (Command::Settle { .. }, Outcome::Settled { done, .. }) => *done > 0,
            (Command::Redrive { .. } | Command::Empty { .. }, Outcome::Moved { items, more }) => *items > 0 || *more,
            (Command::TopicStats { reset, .. } | Command::QueueStats { reset, .. }, _) => *reset,
            (Command::Peek { .. } | Command::Dump { .. } | Command::List { .. } | Command::Show { .. }, _) => false,
            _ => true,
        };
        (changed || was_due || has_drawn).then_some(Self::Execute(*command))
    }
}

/// The command without the bytes of its items: none of them was taken.
const fn bare<'a>(command: &Command<'a>) -> Command<'a> {
    let mut bare = *command;
    if let Command::Publish { messages: pieces, .. } | Command::Put { items: pieces, .. } = &mut bare {
        *pieces = pieces.bare();
    }
    bare
}

/// Whether a refusal is counted by who refused; otherwise there is nobody.
const fn is_counted(refusal: &Refusal) -> bool {
    !matches!(
        refusal,
        Refusal::Missing(..)
            | Refusal::NoRoom { .. }
            | Refusal::NoDisk { .. }
            | Refusal::LogFull { .. }
            | Refusal::TooMany { .. }
    )
}
