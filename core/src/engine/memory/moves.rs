//! What moves from one engine to another: queues with all that is in them, and dead letters.

use core::ops::ControlFlow;

use super::entry::QueueEntry;
use super::{Host, Memory, Table};
use crate::engine::{Kind, Name, Pieces};
use crate::queue::leases::Letter;
use crate::storage::Optional as _;
use crate::time::Time;

/// A queue that belongs to no engine: its items, leases, counters and settings.
pub struct DetachedQueue<H: Host>(QueueEntry<H>);

impl<H: Host> Memory<H> {
    /// Whether there is a topic or a queue of this name. O(1), as far as the table goes.
    pub fn has(&self, kind: Kind, name: &Name) -> bool {
        match kind {
            Kind::Topic => self.topics.get(name).is_some(),
            Kind::Queue => self.queues.get(name).is_some(),
        }
    }

    /// The names of all queues, in the order of the table. O(queues).
    pub fn queue_names(&self) -> impl Iterator<Item = Name> + use<H> {
        self.queues.names()
    }

    /// Takes a queue out, as it is. Nobody is told that it is gone. O(queues on its topic).
    pub fn detach_queue(&mut self, name: &Name) -> Option<DetachedQueue<H>> {
        let topic = self.queues.get(name)?.settings().topic;
        self.unlink(name, topic);
        self.set_handing(name, false);
        let entry = self.queues.remove(name)?;
        Some(DetachedQueue(entry))
    }

    /// Goes on with a queue that another engine has given away. If its topic is here, that feeds it, or else once it is.
    /// O(1), and what is due.
    ///
    /// # Errors
    /// The queue, if there is one of this name, or no place for it.
    #[expect(clippy::result_large_err, reason = "nothing is allocated here, and queues move seldom")]
    pub fn attach_queue(&mut self, name: &Name, queue: DetachedQueue<H>, now: Time) -> Result<(), DetachedQueue<H>> {
        if self.has(Kind::Queue, name) {
            return Err(queue);
        }
        let topic = queue.0.settings().topic;
        self.queues.insert(*name, queue.0).map_err(DetachedQueue)?;
        self.has_orphans |= topic.is_some_and(|topic| self.topics.get(&topic).is_none());
        self.link(name, topic);
        self.after_change(name, now);
        Ok(())
    }

    /// Says whether the letters of a queue are being handed on to another engine. It is so once the host
    /// [was told](Host::letters) of them: until it says otherwise they stay, but for those that are
    /// [dropped](Self::drop_letters), and nothing else is done with them, wherever the queue is that takes them. O(1).
    pub fn set_handing(&mut self, name: &Name, handing: bool) {
        let Some(entry) = self.queues.get_mut(name) else { return };
        let was_handing = entry.queue.is_handing();
        entry.queue.set_handing(handing);
        match (was_handing, handing) {
            (false, true) => self.handing = self.handing.saturating_add(1),
            (true, false) => self.handing = self.handing.saturating_sub(1),
            _ => {}
        }
    }

    /// Whether the letters of a queue are being handed on to another engine. O(1).
    pub fn is_handing(&self, name: &Name) -> bool {
        self.queues.get(name).is_some_and(|entry| entry.queue.is_handing())
    }

    /// Whether a queue has no room for items before the letters have left that are being handed on: who can wait for
    /// that loses nothing. O(items), if there are such letters.
    pub fn has_to_wait(&self, name: &Name, items: &Pieces<'_>) -> bool {
        let queue = self.queues.get(name).map(|entry| &entry.queue);
        queue.is_some_and(|queue| queue.is_handing() && !queue.has_room_beside(items.lens()))
    }

    /// The same of messages for the queues that a topic feeds, of those that their filters let pass. O(1), unless letters
    /// are being handed on: then O(queues on it), and of the messages for each that has such letters.
    pub fn has_to_wait_to_feed(&self, topic: &Name, messages: &Pieces<'_>) -> bool {
        if self.handing == 0 {
            return false;
        }
        let mut at = self.topics.get(topic).and_then(|topic| topic.feeds);
        while let Some((entry, ties)) = at.and_then(|at| self.queues.get(&at)).and_then(|at| Some((at, at.ties.get()?)))
        {
            if entry.queue.is_handing() {
                let mut filter = ties.filter.selection();
                let passing = messages.plain().filter(|message| filter.apply(message).is_ok());
                if !entry.queue.has_room_beside(passing.map(<[u8]>::len)) {
                    return true;
                }
            }
            at = ties.next_on_topic;
        }
        false
    }

    /// Shows the letters of a queue to `each`, those that died first before the others, until it breaks; and returns the
    /// queue that takes them. O(letters log n).
    pub fn letters(&mut self, name: &Name, now: Time, each: impl FnMut(Letter<'_>) -> ControlFlow<()>) -> Option<Name> {
        let entry = self.queues.get_mut(name)?;
        let target = entry.settings().dead_letter?;
        entry.queue.letters(now, each);
        self.tell_host(name);
        Some(target)
    }

    /// Puts a letter of a queue of another engine on one that is made if it has to be, and says whether there was room.
    /// O(1) and the items that leave.
    pub fn put_letter(&mut self, name: &Name, letter: &Letter<'_>, now: Time) -> bool {
        if self.ensure_queue(name, now).is_err() {
            return false;
        }
        let Self { queues, host, .. } = self;
        let Some(entry) = queues.get_mut(name) else { return false };
        let put = entry.put_letter(letter, now, |item| host.overflow(name, item));
        self.after_change(name, now);
        put
    }

    /// Lets those letters of a queue leave that died then and have these ids, as far as they are still there, and
    /// returns how many: another engine has them. O(letters log n).
    pub fn drop_letters(&mut self, name: &Name, letters: impl IntoIterator<Item = (Time, u64)>) -> u64 {
        let Some(entry) = self.queues.get_mut(name) else { return 0 };
        let left = letters.into_iter().filter(|(died_at, id)| entry.queue.drop_letter(*died_at, *id));
        left.count() as u64
    }
}
