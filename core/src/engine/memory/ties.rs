//! What ties queues to topics, and to each other.

use core::ops::ControlFlow;
use core::time::Duration;

use super::queues::{BATCH, Places, put_one};
use super::{Host, Memory, Table};
use crate::engine::{Filter, Kind, Name, Piece, Pieces};
use crate::queue::leases::{Held, Overflow};
use crate::storage::Optional as _;
use crate::time::Time;

/// What most queues have not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Ties {
    /// The queue that takes the dead.
    pub(super) dead_letter: Option<Name>,
    /// The topic that feeds it, and with which messages.
    pub(super) topic: Option<Name>,
    pub(super) filter: Filter,
    /// The next queue on the same topic.
    pub(super) next_on_topic: Option<Name>,
}

/// When letters are tried again that had no room.
const AGAIN: Duration = Duration::from_secs(1);

impl<H: Host> Memory<H> {
    /// Puts messages of a topic on a queue that it feeds: of those that its filter lets pass, one of so many. Returns
    /// the next queue on that topic.
    pub(super) fn feed(&mut self, name: &Name, messages: &Pieces<'_>, now: Time) -> Option<Name> {
        let Self { queues, host, .. } = self;
        let entry = queues.get_mut(name)?;
        let Ties { filter, next_on_topic, .. } = entry.ties.get().copied()?;
        let mut filter = filter.selection();
        let mut places = Places::new(host, messages);
        for message in messages.plain() {
            let away = places.next(message.len());
            if filter.apply(message).is_err() {
                entry.filtered = entry.filtered.wrapping_add(1);
                continue;
            }
            entry.passed_over = entry.passed_over.wrapping_add(1);
            if entry.passed_over < entry.sample {
                entry.sampled = entry.sampled.wrapping_add(1);
                continue;
            }
            entry.passed_over = 0;
            if entry.is_too_long(message.len()) {
                entry.queue.count_refused(1);
                continue;
            }
            entry.make_room_for(core::iter::once(message.len()));
            // What is refused, the queue counts. Nobody is told, so what has no room only because of letters on their way is
            // handed over like what leaves.
            let put = put_one(entry, host, name, (Piece::Plain(message), away), Duration::ZERO, now);
            if put.is_err() && entry.queue.is_handing() && entry.queue.settings().overflow == Overflow::DropOldest {
                host.overflow(name, Held::Here(message));
            }
        }
        // Letters follow at their own time: a topic may feed many queues, and each of them could make another one for its own.
        self.after_look(name, now);
        next_on_topic
    }

    /// The queue that takes the dead of another one, if there are any.
    pub(super) fn target_of_letters(&self, name: &Name) -> Option<Name> {
        self.queues.get(name)?.target_of_letters(name)
    }

    /// Whether a queue is neither here nor made here by its first use.
    pub(super) fn is_elsewhere(&self, queue: &Name) -> bool {
        self.queues.get(queue).is_none() && !self.host.owns(queue)
    }

    /// Puts the dead of a queue on the one that takes them, as far as it does; the others stay where they are, and are
    /// tried again. Returns whether more of them could go at once.
    pub(super) fn hand_letters_on(&mut self, name: &Name, now: Time) -> bool {
        if self.is_handing(name) {
            // Wherever their target is by now.
            return false;
        }
        let Some(target) = self.target_of_letters(name) else { return false };
        if self.is_elsewhere(&target) {
            self.set_handing(name, true);
            self.host.letters(name);
            return false;
        }
        let mut moved = 0_u64;
        if self.ensure_queue(&target, now).is_ok() {
            // Out of the table while the other one is changed: both are of one table.
            let Some(mut entry) = self.queues.remove(name) else { return false };
            let Self { queues, host, .. } = self;
            if let Some(other) = queues.get_mut(&target) {
                moved = entry.queue.take_dead(now, BATCH, |letter| {
                    let put = other.put_letter(&letter, now, |item| host.overflow(&target, item));
                    if put { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
                });
            }
            // It had a place a moment ago.
            let _ = self.queues.insert(*name, entry);
        }
        let has_more = self.target_of_letters(name).is_some();
        if has_more {
            let again = if moved == BATCH { now } else { now.after(AGAIN) };
            self.host.due(Kind::Queue, name, again);
        }
        if moved > 0 {
            // Not what follows from that in turn: two queues may take the dead of each other.
            self.after_look(&target, now);
        }
        has_more && moved == BATCH
    }

    /// What looking at a queue may have led to: time has passed for it. Letters are not moved by that, but soon.
    pub(super) fn after_look(&mut self, name: &Name, now: Time) {
        if self.target_of_letters(name).is_some() {
            self.host.due(Kind::Queue, name, now);
        }
        self.tell_host(name);
    }

    /// Lets a new topic feed the queues whose settings name it, the last by name first. O(queues), if any of them has no
    /// topic.
    pub(super) fn adopt(&mut self, topic: &Name) {
        if !self.has_orphans {
            return;
        }
        self.has_orphans = false;
        for queue in self.queues.names() {
            let Some(tied) = self.queues.get(&queue).and_then(|entry| entry.ties.get()?.topic) else { continue };
            if tied == *topic {
                self.link_in_order(&queue, topic);
            }
            self.has_orphans |= self.topics.get(&tied).is_none();
        }
    }

    /// As [`link`](Self::link), behind those of higher names: whatever the order is in which they come.
    fn link_in_order(&mut self, queue: &Name, topic: &Name) {
        let mut before = None;
        let mut at = self.topics.get(topic).and_then(|topic| topic.feeds);
        while let Some(higher) = at.filter(|at| at > queue) {
            (before, at) = (at, self.next_on_topic(&higher));
        }
        let next = match before.and_then(|before| self.queues.get_mut(&before)?.ties.get_mut()) {
            Some(before) => &mut before.next_on_topic,
            None => match self.topics.get_mut(topic) {
                Some(topic) => &mut topic.feeds,
                None => return,
            },
        };
        *next = Some(*queue);
        if let Some(ties) = self.queues.get_mut(queue).and_then(|entry| entry.ties.get_mut()) {
            ties.next_on_topic = at;
        }
    }

    /// The queue that a topic feeds after this one.
    pub(super) fn next_on_topic(&self, queue: &Name) -> Option<Name> {
        self.queues.get(queue)?.ties.get()?.next_on_topic
    }

    /// Lets a topic feed a queue whose settings say so.
    pub(super) fn link(&mut self, queue: &Name, topic: Option<Name>) {
        let Some(topic) = topic.and_then(|topic| self.topics.get_mut(&topic)) else { return };
        let Some(ties) = self.queues.get_mut(queue).and_then(|entry| entry.ties.get_mut()) else { return };
        ties.next_on_topic = topic.feeds.replace(*queue);
    }

    /// Takes a queue out of the line of those that a topic feeds. O(queues on it).
    pub(super) fn unlink(&mut self, queue: &Name, topic: Option<Name>) {
        let next = self.queues.get_mut(queue).and_then(|entry| entry.ties.get_mut()?.next_on_topic.take());
        let Some(topic) = topic.and_then(|topic| self.topics.get_mut(&topic)) else { return };
        if topic.feeds == Some(*queue) {
            topic.feeds = next;
            return;
        }
        let mut at = topic.feeds;
        while let Some(ties) = at.and_then(|at| self.queues.get_mut(&at)?.ties.get_mut()) {
            if ties.next_on_topic == Some(*queue) {
                ties.next_on_topic = next;
                return;
            }
            at = ties.next_on_topic;
        }
    }
}
