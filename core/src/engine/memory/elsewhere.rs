//! Items that the host keeps elsewhere: which there are, and what to do when they move or are lost.

use core::ops::ControlFlow;

use super::{Host, Memory, Table};
use crate::engine::journal::Moves;
use crate::engine::{Command, Name};
use crate::queue::leases::Away;
use crate::time::Time;

impl<H: Host> Memory<H> {
    /// Tells of every item that lies elsewhere its queue, where its record is in that, and where it lies. O(items).
    pub fn elsewhere(&self, mut each: impl FnMut(&Name, u64, Away)) {
        for name in self.queues.names() {
            if let Some(entry) = self.queues.get(&name) {
                entry.queue.elsewhere(|record, away| each(&name, record, away));
            }
        }
    }

    /// Counts what a command would have put or published as refused, as the host has no room to keep it. O(1).
    pub fn count_refused(&mut self, command: &Command<'_>) {
        match command {
            Command::Put { queue, items, .. } => {
                if let Some(entry) = self.queues.get_mut(queue) {
                    entry.queue.count_refused(items.count());
                }
            }
            Command::Publish { topic, messages, .. } => {
                if let Some(entry) = self.topics.get_mut(topic) {
                    entry.topic.count_refused(messages.count());
                }
            }
            _ => {}
        }
    }

    /// Whether an item of a queue lies elsewhere. O(1).
    pub fn has_elsewhere(&self, name: &Name) -> bool {
        self.queues.get(name).is_some_and(|entry| entry.queue.has_elsewhere())
    }

    /// Tells of the items that a get of so many would give now how long each is, and where it lies, if that is elsewhere,
    /// until `each` breaks. Of a queue none of whose items does it tells nothing. O(items log n).
    pub fn upcoming(&self, name: &Name, items: u64, mut each: impl FnMut(usize, Option<&Away>) -> ControlFlow<()>) {
        let queue = self.queues.get(name).map(|entry| &entry.queue);
        let Some(queue) = queue.filter(|queue| queue.has_elsewhere()) else { return };
        let mut left = items;
        queue.dump(&mut queue.mark(), |item| {
            let Some(less) = left.checked_sub(1) else { return ControlFlow::Break(()) };
            left = less;
            let len = item.away.as_ref().map_or(item.data.len(), |away| away.len as usize);
            each(len, item.away.as_ref())
        });
    }

    /// Items of a queue lie in another [place](Host::place) from now on, one behind the other as a
    /// [journal](crate::engine::journal) has them; returns how many did not do so, as they are not where they were.
    /// O(items moved).
    pub fn relocate(&mut self, name: &Name, moves: &Moves<'_>) -> u64 {
        let Some((place, entry)) = self.host.place().zip(self.queues.get_mut(name)) else { return 0 };
        let (mut rest, mut gone) = (moves.encoded_len(), 0_u64);
        for moved in moves.iter() {
            rest = rest.saturating_sub(moved.encoded_len());
            let back = rest.saturating_add(moved.data.len() as u64);
            let is_moved = u32::try_from(back).is_ok_and(|back| {
                let to = Away { place, back, len: moved.from.len };
                entry.queue.relocate(moved.record, &moved.from, &to)
            });
            gone = gone.saturating_add(u64::from(!is_moved));
        }
        gone
    }

    /// The items of a queue that lie in a place are lost, as what is there can't be read: they leave, whatever their
    /// state, and are counted as purged; returns how many there were. O(items of the queue).
    pub fn lose(&mut self, name: &Name, place: u64, now: Time) -> u64 {
        let lost = self.queues.get_mut(name).map_or(0, |entry| entry.queue.lose(place));
        self.after_change(name, now);
        lost
    }
}
