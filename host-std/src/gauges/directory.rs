//! On which shard each gauge is, and what feeds it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

use parking_lot::Mutex;
use streamgauge_core::engine::Name;
use streamgauge_core::gauge::{Definition, Every, whose_readings};

use super::Gauges;

/// Gauges have names of their own, and are where their topics are: so where one is has to be looked up. Only requests
/// about gauges do.
#[derive(Default)]
pub(crate) struct Directory {
    places: Mutex<BTreeMap<Name, Place>>,
    all: OnceLock<Vec<Weak<Gauges>>>,
}

/// Where a gauge is, and what feeds it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    shard: usize,
    topic: Name,
    /// It tells a reading after so many messages, and not by time.
    is_by_messages: bool,
}

/// Why a gauge has no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// There are as many as may be.
    Full(usize),
    /// Another shard has a gauge of the name.
    Taken,
    /// What it would measure follows from its own readings: they are this topic's, or what that one's gauge measures.
    Circle(Name),
}

impl Place {
    /// That of a gauge of this definition.
    pub(super) const fn of(shard: usize, definition: &Definition) -> Self {
        Self { shard, topic: definition.topic, is_by_messages: matches!(definition.every, Some(Every::Messages(_))) }
    }
}

impl fmt::Display for NoPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(most) => write!(f, "there are {most} gauges, as many as there may be"),
            Self::Taken => f.write_str("there is a gauge of this name on another topic: remove that first"),
            Self::Circle(topic) => write!(
                f,
                "a gauge can't measure its own readings: each message of {topic} would lead to the next, without an end"
            ),
        }
    }
}

impl Directory {
    /// The gauges of all shards are these, in the order of the shards; only the first call counts.
    pub(crate) fn set_all(&self, all: &[Arc<Gauges>]) {
        let _ = self.all.set(all.iter().map(Arc::downgrade).collect());
    }

    /// The gauges of all shards.
    pub(super) fn all(&self) -> Vec<Arc<Gauges>> {
        self.all.get().into_iter().flatten().filter_map(Weak::upgrade).collect()
    }

    /// The shard of a gauge, if there is one of that name.
    pub(super) fn shard_of(&self, name: &Name) -> Option<usize> {
        self.places.lock().get(name).map(|place| place.shard)
    }

    /// Takes a name for a place, unless there are `most` or another shard has it; the place that it had.
    pub(super) fn insert(&self, name: Name, place: Place, most: usize) -> Result<Option<Place>, NoPlace> {
        let mut places = self.places.lock();
        let known = places.get(&name).copied();
        match known {
            None if places.len() >= most => return Err(NoPlace::Full(most)),
            Some(known) if known.shard != place.shard => return Err(NoPlace::Taken),
            _ => {}
        }
        if is_circle(&places, &name, &place) {
            return Err(NoPlace::Circle(place.topic));
        }
        places.insert(name, place);
        Ok(known)
    }

    /// Gives a name the place back that it had, if it had one.
    pub(super) fn put_back(&self, name: Name, known: Option<Place>) {
        let mut places = self.places.lock();
        match known {
            Some(place) => _ = places.insert(name, place),
            None => _ = places.remove(&name),
        }
    }

    pub(super) fn remove(&self, name: &Name) {
        self.places.lock().remove(name);
    }
}

/// Whether the readings of a gauge come back to it, each after so many messages. Where one gauge of them tells its own
/// by time, there are no more than one in each pane, and nothing runs away.
fn is_circle(places: &BTreeMap<Name, Place>, name: &Name, place: &Place) -> bool {
    let mut at = Some(place);
    // A circle of others, which this one is not in, has no end.
    for _ in 0..=places.len() {
        let Some(place) = at.filter(|place| place.is_by_messages) else { return false };
        let Some(source) = whose_readings(&place.topic) else { return false };
        if source == *name {
            return true;
        }
        at = places.get(&source);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> Name {
        Name::new(name.as_bytes()).unwrap()
    }

    fn place(topic: &str, is_by_messages: bool) -> Place {
        Place { shard: 0, topic: name(topic), is_by_messages }
    }

    /// Whether each of them is taken, one after the other.
    fn taken(gauges: &[(&str, &str, bool)]) -> Vec<bool> {
        let directory = Directory::default();
        let insert = |(gauge, topic, is_by_messages): &(&str, &str, bool)| {
            directory.insert(name(gauge), place(topic, *is_by_messages), 9).is_ok()
        };
        gauges.iter().map(insert).collect()
    }

    #[test]
    fn readings_do_not_come_back_message_for_message() {
        assert_eq!(taken(&[("a", "gauge.a", true)]), [false]);
        assert_eq!(taken(&[("a", "gauge.a", false), ("a", "gauge.a", true)]), [true, false]);
        assert_eq!(taken(&[("a", "gauge.b", true), ("b", "gauge.a", true)]), [true, false]);
        assert_eq!(taken(&[("a", "gauge.b", true), ("b", "gauge.a", false)]), [true, true]);
        let three = [("a", "gauge.b", true), ("b", "gauge.c", true), ("c", "gauge.a", true), ("c", "t", true)];
        assert_eq!(taken(&three), [true, true, false, true]);
        // One that hears of a gauge that is in no circle with it.
        assert_eq!(taken(&[("a", "t", true), ("b", "gauge.a", true), ("c", "gauge.a", true)]), [true; 3]);
        assert_eq!(taken(&[("a", "gauge", true), ("gauge.a", "gauge.", true), ("b", "agauge.b", true)]), [true; 3]);
    }

    #[test]
    fn what_is_refused_changes_nothing() {
        let directory = Directory::default();
        let first = place("t", true);
        assert!(directory.insert(name("a"), first, 1).unwrap().is_none());
        let circle = directory.insert(name("a"), place("gauge.a", true), 1).unwrap_err();
        assert_eq!(
            circle.to_string(),
            "a gauge can't measure its own readings: each message of gauge.a would lead to the next, without an end"
        );
        assert_eq!(directory.insert(name("b"), first, 1).unwrap_err(), NoPlace::Full(1));
        assert_eq!(directory.insert(name("a"), Place { shard: 1, ..first }, 1).unwrap_err(), NoPlace::Taken);
        let known = directory.insert(name("a"), place("u", true), 1).unwrap();
        assert_eq!(known.map(|place| place.topic), Some(name("t")));
        directory.put_back(name("a"), known);
        assert_eq!(directory.insert(name("a"), first, 1).unwrap().map(|place| place.topic), Some(name("t")));
        directory.put_back(name("a"), None);
        assert_eq!(directory.shard_of(&name("a")), None);
    }
}
