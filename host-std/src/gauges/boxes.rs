//! The storage of a gauge: boxes, from the budget of all topics and queues.

use std::sync::Arc;

use streamgauge_core::gauge::{Gauge, Group, Key, Measured, MergeError, Pane, Storage};
use streamgauge_core::stats::graph::Edge;
use streamgauge_core::stats::space_saving::Slot;
use streamgauge_core::time::Time;

use crate::engine::memory::{Budget, Held};

/// Takes the bytes of each box from a budget before it makes it.
#[derive(Debug)]
pub(crate) struct Boxes {
    held: Held,
}

impl Boxes {
    /// What it makes is of the budget that `held` holds something of.
    pub(crate) const fn new(held: Held) -> Self {
        Self { held }
    }

    /// What it makes is of no budget.
    pub(crate) fn unbounded() -> Self {
        Self::new(Budget::new(u64::MAX).nothing())
    }

    /// What holds the bytes of all that was made, until it is dropped.
    pub(crate) fn into_held(self) -> Held {
        self.held
    }

    fn filled<T: Clone>(&mut self, len: usize, with: T) -> Option<Box<[T]>> {
        let bytes = (len as u64).checked_mul(size_of::<T>() as u64)?;
        self.held.extend(bytes).then(|| vec![with; len].into_boxed_slice())
    }
}

impl Storage for Boxes {
    type Bins = Box<[u32]>;
    type Registers = Box<[u8]>;
    type Counts = Box<[u64]>;
    type Slots = Box<[Slot<Key>]>;
    type Edges = Box<[Slot<Edge<Key>>]>;
    type Cells = Box<[Measured<Self>]>;
    type Panes = Box<[Pane]>;
    type Groups = Box<[Group]>;

    fn bins(&mut self, len: usize) -> Option<Self::Bins> {
        self.filled(len, 0)
    }

    fn registers(&mut self, len: usize) -> Option<Self::Registers> {
        self.filled(len, 0)
    }

    fn counts(&mut self, len: usize) -> Option<Self::Counts> {
        self.filled(len, 0)
    }

    fn slots(&mut self, len: usize) -> Option<Self::Slots> {
        self.filled(len, Slot::EMPTY)
    }

    fn edges(&mut self, len: usize) -> Option<Self::Edges> {
        self.filled(len, Slot::EMPTY)
    }

    fn cells(
        &mut self,
        len: usize,
        mut make: impl FnMut(&mut Self, usize) -> Option<Measured<Self>>,
    ) -> Option<Self::Cells> {
        let bytes = (len as u64).checked_mul(size_of::<Measured<Self>>() as u64)?;
        if !self.held.extend(bytes) {
            return None;
        }
        (0..len).map(|number| make(self, number)).collect()
    }

    fn panes(&mut self, len: usize) -> Option<Self::Panes> {
        self.filled(len, Pane::EMPTY)
    }

    fn groups(&mut self, len: usize) -> Option<Self::Groups> {
        self.filled(len, Group::EMPTY)
    }
}

/// Adds what another gauge has measured, whole or not at all. All of it is looked at before anything is added, and then
/// again: what one look at a cell takes is held all the while, so that there is room for the second if there was for the
/// first.
pub(super) fn merge(gauge: &mut Gauge<Boxes>, bytes: &[u8], now: Time, budget: &Arc<Budget>) -> Result<(), MergeError> {
    let mut held = budget.nothing();
    if !held.extend(Gauge::<Boxes>::room_to_merge(gauge.definition())) {
        return Err(MergeError::NoRoom);
    }
    gauge.merge(bytes, now, &mut Boxes::unbounded())
}

#[cfg(test)]
mod tests {
    use streamgauge_core::gauge::Definition;

    use super::*;

    #[test]
    fn a_gauge_is_merged_whole_or_not_at_all() {
        let definition = r#"{"field":"x","by":"g","groups":8,"measure":["quantiles","distinct","top"]}"#;
        let definition = Definition::from_json(definition.as_bytes()).unwrap();
        let gauge = || {
            let mut gauge = Gauge::new(&definition, &mut Boxes::unbounded()).unwrap();
            for group in 0..5 {
                gauge.take(format!(r#"{{"x":{group}.5,"g":{group}}}"#).as_bytes(), Time::ZERO);
            }
            gauge
        };
        let form = |gauge: &mut Gauge<Boxes>| {
            let mut form = Vec::new();
            let Ok(()) = gauge.write_binary(Time::ZERO, &mut form);
            form
        };
        let (other, before) = (form(&mut gauge()), form(&mut gauge()));
        let mut whole = gauge();
        merge(&mut whole, &other, Time::ZERO, &Budget::new(u64::MAX)).unwrap();
        let (whole, needed) = (form(&mut whole), Gauge::<Boxes>::room_to_merge(&definition));
        for (bytes, expected, after) in [
            (0, Err(MergeError::NoRoom), &before),
            (needed - 1, Err(MergeError::NoRoom), &before),
            (needed, Ok(()), &whole),
            // More than all cells take, and less than twice that.
            (needed * 16, Ok(()), &whole),
        ] {
            let (budget, mut gauge) = (Budget::new(bytes), gauge());
            assert_eq!(merge(&mut gauge, &other, Time::ZERO, &budget), expected, "{bytes}");
            assert!(form(&mut gauge) == *after, "{bytes} bytes: {expected:?}, and merged in part");
            assert_eq!(budget.held(), 0);
        }
    }

    #[test]
    fn a_gauge_takes_the_room_that_is_told_before() {
        for definition in [
            r#"{"measure":"rate"}"#,
            r#"{"field":"x","measure":["moments","change"],"every":"1s"}"#,
            r#"{"field":"x","by":"g","groups":7,"every":"1s","last":"9s","measure":["quantiles","distinct","top","rate"]}"#,
            r#"{"field":"x","with":"y","measure":["pair","graph"],"edges":33,"every":"10 messages","last":"50 messages"}"#,
            r#"{"field":"x","measure":"histogram","histogram":{"min":0,"max":1,"bins":20},"time":"t","every":"1s","lateness":"3s"}"#,
            r#"{"field":"x","measure":"histogram","histogram":{"integers":[-5,100]}}"#,
        ] {
            let parsed = Definition::from_json(definition.as_bytes()).unwrap();
            let mut boxes = Boxes::unbounded();
            let gauge = Gauge::new(&parsed, &mut boxes);
            assert!(gauge.is_ok(), "{definition}");
            assert_eq!(boxes.into_held().bytes(), Gauge::<Boxes>::room(&parsed), "{definition}");
        }
    }
}
