//! Whether time has changed something that nobody has done yet.

use super::{Host, Memory, Table};
use crate::engine::{Command, Kind, Name};
use crate::time::Time;

impl<H: Host> Memory<H> {
    /// Whether [`advance`](Self::advance) would change a topic or a queue now; what is due is what was [told](Host::due),
    /// or letters that wait for room. O(1).
    pub fn is_due(&mut self, kind: Kind, name: &Name, now: Time) -> bool {
        match kind {
            Kind::Topic => {
                let expires = self.topics.get(name).and_then(|entry| entry.topic.expires_at());
                expires.is_some_and(|at| at <= now)
            }
            Kind::Queue => {
                let Some(entry) = self.queues.get_mut(name) else { return false };
                entry.target_of_letters(name).is_some() || entry.queue.is_due(now)
            }
        }
    }

    /// Whether a command would change something because of the time, even if it finds nothing to do itself: only then does
    /// a look have to be executed again to have the same state. O(1), but O(queues) for a list of them.
    pub fn is_due_for(&mut self, command: &Command<'_>, now: Time) -> bool {
        match command {
            Command::Put { queue, .. }
            | Command::Get { queue, .. }
            | Command::Settle { queue, .. }
            | Command::Redrive { queue }
            | Command::Empty { queue }
            | Command::SetQueue { name: queue, .. } => self.is_due(Kind::Queue, queue, now),
            Command::Peek { queue, .. }
            | Command::QueueStats { queue, .. }
            | Command::Show { kind: Kind::Queue, name: queue } => self.is_overdue(queue, now),
            Command::List { kind: Kind::Queue, prefix } => {
                let mut names = self.queues.names();
                names.any(|name| name.as_bytes().starts_with(prefix.as_bytes()) && self.is_overdue(&name, now))
            }
            Command::Publish { .. }
            | Command::TopicStats { .. }
            | Command::Dump { .. }
            | Command::Pause { .. }
            | Command::Resume { .. }
            | Command::List { kind: Kind::Topic, .. }
            | Command::Show { kind: Kind::Topic, .. }
            | Command::SetTopic { .. }
            | Command::Remove { .. } => false,
        }
    }

    /// Whether a lease, a delay or the time of an item in a queue is over.
    fn is_overdue(&mut self, name: &Name, now: Time) -> bool {
        self.queues.get_mut(name).is_some_and(|entry| entry.queue.is_due(now))
    }
}
