//! When there is something to do for topics and queues.

use std::collections::BTreeSet;

use streamgauge_core::engine::{Kind, Name};
use streamgauge_core::time::Time;

use super::ByName;

/// When there is something to do, once for each name.
#[derive(Default)]
pub(super) struct Timers {
    order: BTreeSet<(Time, Kind, Name)>,
    /// The times in `order`, of topics and of queues. Each lease looks there, and mostly leaves it as it is.
    times: [ByName<Time>; 2],
}

impl Timers {
    /// Has it done at `time`, or earlier if that was set; whether this is earlier than anything that was known.
    /// O(log n).
    pub(super) fn set(&mut self, time: Time, kind: Kind, name: Name) -> bool {
        let times = self.times_of(kind);
        let known = times.get(&name).copied().unwrap_or(Time::NEVER);
        if known <= time {
            return false;
        }
        times.insert(name, time);
        let is_earliest = self.order.first().is_none_or(|(first, ..)| time < *first);
        self.order.remove(&(known, kind, name));
        self.order.insert((time, kind, name));
        is_earliest
    }

    /// There is nothing to do any more for a name that is gone. O(log n).
    pub(super) fn forget(&mut self, kind: Kind, name: Name) {
        if let Some(time) = self.times_of(kind).remove(&name) {
            self.order.remove(&(time, kind, name));
        }
    }

    /// What is due now; or when something is. O(log n).
    pub(super) fn take_due(&mut self, now: Time) -> Result<(Kind, Name), Option<Time>> {
        let Some((time, kind, name)) = self.order.first().copied() else { return Err(None) };
        if time > now {
            return Err(Some(time));
        }
        self.forget(kind, name);
        Ok((kind, name))
    }

    const fn times_of(&mut self, kind: Kind) -> &mut ByName<Time> {
        let [topics, queues] = &mut self.times;
        match kind {
            Kind::Topic => topics,
            Kind::Queue => queues,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> Time {
        Time::from_millis(millis)
    }

    fn name(text: &str) -> Name {
        Name::new(text.as_bytes()).unwrap()
    }

    #[test]
    fn the_earliest_time_of_a_name_counts_and_each_is_due_once() {
        let (mut timers, a, b) = (Timers::default(), name("a"), name("b"));
        assert!(timers.set(at(5), Kind::Queue, a));
        assert!(!timers.set(at(7), Kind::Topic, a), "later than what was known");
        assert!(!timers.set(at(6), Kind::Queue, a), "it was to be done earlier");
        assert!(timers.set(at(4), Kind::Queue, b) && timers.set(at(3), Kind::Queue, a));
        assert!(!timers.set(Time::NEVER, Kind::Topic, b));
        assert_eq!(timers.take_due(at(2)), Err(Some(at(3))));
        assert_eq!(timers.take_due(at(4)), Ok((Kind::Queue, a)));
        assert_eq!(timers.take_due(at(4)), Ok((Kind::Queue, b)));
        assert_eq!(timers.take_due(at(6)), Err(Some(at(7))), "what was set to 5 first has had its turn");
        assert_eq!(timers.take_due(at(7)), Ok((Kind::Topic, a)));
        assert_eq!(timers.take_due(Time::NEVER), Err(None));
    }

    #[test]
    fn a_name_has_one_entry_and_none_when_it_is_gone() {
        let mut timers = Timers::default();
        for time in (0..1_000).rev() {
            timers.set(at(time), Kind::Queue, name("a"));
        }
        timers.set(Time::NEVER, Kind::Queue, name("b"));
        let known = |timers: &Timers| timers.times.iter().map(ByName::len).sum::<usize>();
        assert_eq!((timers.order.len(), known(&timers)), (1, 1));
        timers.forget(Kind::Topic, name("a"));
        assert_eq!(timers.take_due(at(0)), Ok((Kind::Queue, name("a"))));
        timers.set(at(1), Kind::Queue, name("a"));
        timers.forget(Kind::Queue, name("a"));
        assert_eq!((timers.take_due(at(1)), known(&timers)), (Err(None), 0));
    }
}
