//! Which executed commands have to be kept.

use super::Call;
use crate::engine::{Command, Outcome, Published, Refusal};

impl<'a> Call<'a> {
    /// What has to be kept of an executed command; `None` if it has changed nothing. O(1).
    ///
    /// `taken` is how many parts of what it told were [taken](super::Watched), `was_due` what
    /// [`is_due_for`](crate::engine::memory::Memory::is_due_for) said before it was executed, and `has_drawn` whether random
    /// numbers were drawn meanwhile: that they are when something is made.
    #[must_use]
    pub fn of(command: &Command<'a>, outcome: &Outcome, taken: u64, was_due: bool, has_drawn: bool) -> Option<Self> {
        let changed = match (command, outcome) {
            (Command::Publish { topic, messages, id }, Outcome::Published(Published { duplicates: 1.., .. })) => {
                return Some(Self::Execute(Command::Publish { topic: *topic, messages: messages.bare(), id: *id }));
            }
            (Command::Put { queue, items, delay, id }, Outcome::Put { duplicate: true, .. }) => {
                return Some(Self::Execute(Command::Put {
                    queue: *queue,
                    items: items.bare(),
                    delay: *delay,
                    id: *id,
                }));
            }
            (Command::Publish { topic, messages, id }, Outcome::Refused(refusal)) => {
                let bare = Command::Publish { topic: *topic, messages: messages.bare(), id: *id };
                return (has_drawn || is_counted(refusal)).then_some(Self::Refuse(bare));
            }
            (Command::Put { queue, items, delay, id }, Outcome::Refused(refusal)) => {
                let bare = Command::Put { queue: *queue, items: items.bare(), delay: *delay, id: *id };
                return (has_drawn || is_counted(refusal)).then_some(Self::Refuse(bare));
            }
            (_, Outcome::Refused(_)) => return (was_due || has_drawn).then_some(Self::Refuse(*command)),
            (Command::Publish { .. } | Command::Put { .. }, _) => true,
            (Command::Get { .. }, Outcome::Told(items)) => *items > 0,
            (Command::Settle { .. }, Outcome::Settled { done, .. }) => *done > 0,
            (Command::Redrive { .. } | Command::Empty { .. }, Outcome::Moved { items, more }) => *items > 0 || *more,
            (Command::TopicStats { reset, .. }, _) => *reset,
            (Command::QueueStats { reset, .. }, _) => *reset && taken > 0,
            (Command::Peek { .. } | Command::Dump { .. } | Command::List { .. } | Command::Show { .. }, _) => false,
            _ => true,
        };
        (changed || was_due || has_drawn).then_some(Self::Execute(*command))
    }
}

/// Whether a refusal is counted by who refused; otherwise there is nobody.
const fn is_counted(refusal: &Refusal) -> bool {
    !matches!(refusal, Refusal::Missing(..) | Refusal::NoRoom { .. } | Refusal::NoDisk { .. } | Refusal::TooMany { .. })
}
