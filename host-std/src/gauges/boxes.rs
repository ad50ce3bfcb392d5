//! The storage of a gauge: boxes, from the budget of all topics and queues.

use streamgauge_core::gauge::{Group, Key, Measured, Pane, Storage};
use streamgauge_core::stats::graph::Edge;
use streamgauge_core::stats::space_saving::Slot;

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

#[cfg(test)]
mod tests {
    use streamgauge_core::gauge::{Definition, Gauge};

    use super::*;

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
