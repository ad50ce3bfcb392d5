//! When there is something to do for topics and queues.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use streamgauge_core::engine::{Kind, Name};
use streamgauge_core::time::Time;

/// When there is something to do, once for each name.
#[derive(Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Time, Kind, Name)>>,
    set: HashMap<(Kind, Name), Time>,
}

impl Timers {
    /// Whether this is earlier than anything that was known.
    pub(super) fn set(&mut self, time: Time, kind: Kind, name: Name) -> bool {
        let known = self.set.entry((kind, name)).or_insert(Time::NEVER);
        if *known <= time {
            return false;
        }
        *known = time;
        let earliest = self.heap.peek().is_none_or(|Reverse((first, ..))| time < *first);
        self.heap.push(Reverse((time, kind, name)));
        earliest
    }

    /// What is due now; or when something is.
    pub(super) fn take_due(&mut self, now: Time) -> Result<(Kind, Name), Option<Time>> {
        loop {
            let Some(Reverse((time, kind, name))) = self.heap.peek().copied() else { return Err(None) };
            if time > now {
                return Err(Some(time));
            }
            self.heap.pop();
            // One that was set to an earlier time since has had its turn.
            if self.set.get(&(kind, name)) == Some(&time) {
                self.set.remove(&(kind, name));
                return Ok((kind, name));
            }
        }
    }
}
