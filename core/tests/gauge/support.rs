//! A gauge's storage on the heap, and what readings say as JSON.

use streamgauge_core::gauge::{Definition, Format, Gauge, Group, Key, Measured, Pane, Storage, render};
use streamgauge_core::stats::graph::Edge;
use streamgauge_core::stats::space_saving::Slot;
use streamgauge_core::time::Time;

/// Gives as many as are asked for.
#[derive(Debug, Default)]
pub(crate) struct Heap;

impl Storage for Heap {
    type Bins = Vec<u32>;
    type Registers = Vec<u8>;
    type Counts = Vec<u64>;
    type Slots = Vec<Slot<Key>>;
    type Edges = Vec<Slot<Edge<Key>>>;
    type Cells = Vec<Measured<Self>>;
    type Panes = Vec<Pane>;
    type Groups = Vec<Group>;

    // What was in it before must not matter.
    fn bins(&mut self, len: usize) -> Option<Self::Bins> {
        Some(vec![7; len])
    }

    fn registers(&mut self, len: usize) -> Option<Self::Registers> {
        Some(vec![7; len])
    }

    fn counts(&mut self, len: usize) -> Option<Self::Counts> {
        Some(vec![7; len])
    }

    fn slots(&mut self, len: usize) -> Option<Self::Slots> {
        Some(vec![Slot::EMPTY; len])
    }

    fn edges(&mut self, len: usize) -> Option<Self::Edges> {
        Some(vec![Slot::EMPTY; len])
    }

    fn cells(
        &mut self,
        len: usize,
        mut make: impl FnMut(&mut Self, usize) -> Option<Measured<Self>>,
    ) -> Option<Self::Cells> {
        (0..len).map(|number| make(self, number)).collect()
    }

    fn panes(&mut self, len: usize) -> Option<Self::Panes> {
        Some(vec![Pane::EMPTY; len])
    }

    fn groups(&mut self, len: usize) -> Option<Self::Groups> {
        Some(vec![Group::EMPTY; len])
    }
}

/// A gauge of this definition.
pub(crate) fn gauge(definition: &str) -> Gauge<Heap> {
    let definition =
        Definition::from_json(definition.as_bytes()).unwrap_or_else(|wrong| panic!("{definition}: {wrong}"));
    Gauge::new(&definition, &mut Heap).expect("the heap has room")
}

/// What it reads now.
pub(crate) fn json(gauge: &mut Gauge<Heap>, now: u64) -> serde_json::Value {
    let text = written(gauge, Format::Json, now);
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&text)))
}

/// What it reads now, in some format.
pub(crate) fn written(gauge: &mut Gauge<Heap>, format: Format, now: u64) -> Vec<u8> {
    let mut out = Vec::new();
    render(gauge, "g", format, Time::from_millis(now), &mut out).expect("a vector takes everything");
    out
}

/// Lets it measure this, which came then.
pub(crate) fn take(gauge: &mut Gauge<Heap>, message: impl AsRef<[u8]>, at: u64) {
    gauge.take(message.as_ref(), Time::from_millis(at));
}
