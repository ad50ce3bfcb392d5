//! What a graph adds up, and what is shown of it.

use std::collections::HashMap;
use std::hash::RandomState;

use streamgauge_core::stats::graph::{Direction, Edge, Graph};
use streamgauge_core::stats::space_saving::{Counted, Slot};

use super::Tally;
use crate::results::StateError;

type Node = Box<str>;
type Slots = Box<[Slot<Edge<Node>>]>;

/// Edges and how often they came.
#[derive(Debug, Clone)]
pub struct GraphTally {
    edges: Edges,
    direction: Direction,
    /// Edges that are shown.
    most: usize,
    /// What became of the records.
    pub counters: Counters,
}

#[derive(Debug, Clone)]
enum Edges {
    /// The heaviest, in bounded memory.
    Bounded(Graph<Node, Slots, RandomState>),
    /// Every one, for a short while.
    Exact(HashMap<Edge<Node>, u64>),
}

/// What became of the records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// All of them.
    pub records: u64,
    /// Without one of the fields.
    pub missing: u64,
    /// Heartbeats.
    pub heartbeats: u64,
    /// No JSON.
    pub not_json: u64,
    /// The name of a node is too long.
    pub too_long: u64,
}

/// A graph to be shown.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightedEdges {
    /// The heaviest first, then by the names where they start and where they lead.
    pub edges: Vec<Counted<Edge<Node>>>,
    /// Whether edges have a direction.
    pub direction: Direction,
    /// What became of the records.
    pub counters: Counters,
    /// The most that an edge which is not here can weigh: 0 while none had to leave.
    pub floor: u64,
}

impl GraphTally {
    /// A graph that keeps up to `max_edges`, the heaviest.
    ///
    /// # Errors
    /// There is no memory for so many.
    pub fn bounded(direction: Direction, max_edges: usize) -> Result<Self, StateError> {
        let mut slots = Vec::new();
        let room = slots.try_reserve_exact(max_edges);
        room.map_err(|_| StateError::new(format_args!("--max-edges {max_edges}: there is no memory for so many")))?;
        slots.resize(max_edges, Slot::EMPTY);
        let edges = Edges::Bounded(Graph::new(slots.into_boxed_slice(), RandomState::new(), direction));
        Ok(Self { edges, direction, most: max_edges, counters: Counters::default() })
    }

    /// A graph that keeps every edge, for as long as it takes to hand them over, and of which `max_edges` are shown.
    pub fn exact(direction: Direction, max_edges: usize) -> Self {
        Self { edges: Edges::Exact(HashMap::new()), direction, most: max_edges, counters: Counters::default() }
    }

    /// The empty graph of a state.
    pub(crate) fn of_spec(spec: &str) -> Self {
        let direction = if spec == UNDIRECTED { Direction::Undirected } else { Direction::Directed };
        Self::exact(direction, usize::MAX)
    }

    /// What all who add to a graph have in common.
    pub(crate) const fn spec(&self) -> &'static str {
        match self.direction {
            Direction::Directed => DIRECTED,
            Direction::Undirected => UNDIRECTED,
        }
    }

    /// The number of edges.
    pub(crate) fn len(&self) -> usize {
        match &self.edges {
            Edges::Bounded(graph) => graph.sketch().len(),
            Edges::Exact(edges) => edges.len(),
        }
    }

    /// An empty graph of the same kind for what is to be handed over.
    pub(crate) fn cleared(&self) -> Self {
        Self::exact(self.direction, self.most)
    }

    /// An empty graph for the edges of all others, of which only so many are shown.
    pub(crate) fn shown(&self) -> Result<Self, StateError> {
        if self.most == usize::MAX { Ok(self.cleared()) } else { Self::bounded(self.direction, self.most) }
    }

    /// Adds `weight` to an edge. O(log edges), or O(1) if every one is kept.
    pub fn add(&mut self, from: Node, to: Node, weight: u64) {
        match &mut self.edges {
            Edges::Bounded(graph) => graph.add(from, to, weight),
            Edges::Exact(edges) => {
                let turn = self.direction == Direction::Undirected && to < from;
                let edge = if turn { Edge { from: to, to: from } } else { Edge { from, to } };
                let sum = edges.entry(edge).or_default();
                *sum = sum.saturating_add(weight);
            }
        }
    }
}

const DIRECTED: &str = "directed edges";
const UNDIRECTED: &str = "undirected edges";

impl Counters {
    /// With the names that they have in a state.
    pub(crate) const fn named(&self) -> [(&'static str, u64); 5] {
        let Self { records, missing, heartbeats, not_json, too_long } = *self;
        [
            ("records", records),
            ("missing", missing),
            ("heartbeats", heartbeats),
            ("not_json", not_json),
            ("too_long", too_long),
        ]
    }

    /// The counters by these names.
    pub(crate) fn read(counter: impl Fn(&str) -> u64) -> Self {
        Self {
            records: counter("records"),
            missing: counter("missing"),
            heartbeats: counter("heartbeats"),
            not_json: counter("not_json"),
            too_long: counter("too_long"),
        }
    }
}

impl Tally for GraphTally {
    type Total = WeightedEdges;

    fn total(&self) -> WeightedEdges {
        let mut edges: Vec<_> = match &self.edges {
            Edges::Bounded(graph) => graph.edges().cloned().collect(),
            Edges::Exact(edges) => {
                edges.iter().map(|(key, &weight)| Counted { key: key.clone(), weight, error: 0 }).collect()
            }
        };
        edges.sort_unstable_by(|a, b| b.weight.cmp(&a.weight).then_with(|| a.key.cmp(&b.key)));
        let floor = match &self.edges {
            Edges::Bounded(graph) => graph.sketch().floor(),
            Edges::Exact(_) => 0,
        };
        WeightedEdges { edges, direction: self.direction, counters: self.counters, floor }
    }
}

impl WeightedEdges {
    /// The heaviest edges, up to so many.
    pub fn heaviest(&self, most: usize) -> &[Counted<Edge<Node>>] {
        self.edges.get(..most).unwrap_or(&self.edges)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_no_memory_for_is_refused() {
        let most = isize::MAX as usize;
        let refused = GraphTally::bounded(Direction::Directed, most).map(|_| ()).unwrap_err().to_string();
        assert_eq!(refused, format!("--max-edges {most}: there is no memory for so many"));
    }
}
