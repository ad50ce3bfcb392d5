//! A weighted graph of a stream: how often one thing led to another.

use core::hash::{BuildHasher, Hash};

use crate::stats::space_saving::{Counted, Slot, SpaceSaving};

/// The heaviest edges of a graph whose edges come as a stream, in bounded memory.
///
/// The edges are kept by [`SpaceSaving`]: exact while they all have a slot, and beyond that the heaviest with a
/// bound on each one's error.
///
/// ```
/// use core::hash::BuildHasherDefault;
/// use std::hash::DefaultHasher;
/// use streamgauge_core::stats::graph::{Direction, Graph};
/// use streamgauge_core::stats::space_saving::Slot;
///
/// let slots = [const { Slot::EMPTY }; 8];
/// let mut clicks = Graph::new(slots, BuildHasherDefault::<DefaultHasher>::default(), Direction::Directed);
/// clicks.add("facebook.com", "nasa.gov", 1);
/// clicks.add("facebook.com", "nasa.gov", 1);
/// clicks.add("direct", "nasa.gov", 1);
/// let heaviest = clicks.edges().max_by_key(|counted| counted.weight).unwrap();
/// assert_eq!((heaviest.key.from, heaviest.key.to, heaviest.weight), ("facebook.com", "nasa.gov", 2));
/// ```
#[derive(Debug, Clone)]
pub struct Graph<N, S, H> {
    edges: SpaceSaving<Edge<N>, S, H>,
    direction: Direction,
}

/// Whether an edge from A to B is the same as one from B to A.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// It is not.
    Directed,
    /// It is: edges go from the lesser node to the greater one.
    Undirected,
}

/// Two nodes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Edge<N> {
    /// Where it starts.
    pub from: N,
    /// Where it leads.
    pub to: N,
}

/// The graphs to be merged differ in which edges are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DifferentDirection;

impl core::fmt::Display for DifferentDirection {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("one of the graphs is directed, and the other isn't")
    }
}

impl core::error::Error for DifferentDirection {}

impl<N: Ord + Hash, S: AsRef<[Slot<Edge<N>>]> + AsMut<[Slot<Edge<N>>]>, H: BuildHasher> Graph<N, S, H> {
    /// A graph without edges; what was in `slots` is dropped. O(slots).
    pub fn new(slots: S, hasher: H, direction: Direction) -> Self {
        Self { edges: SpaceSaving::new(slots, hasher), direction }
    }

    /// A graph of these edges.
    ///
    /// # Errors
    /// [`DifferentDirection`] if one of them leads from the greater node to the lesser and edges have no direction.
    pub fn from_sketch(edges: SpaceSaving<Edge<N>, S, H>, direction: Direction) -> Result<Self, DifferentDirection> {
        let is_turned = |counted: &Counted<Edge<N>>| counted.key.to < counted.key.from;
        if direction == Direction::Undirected && edges.iter().any(is_turned) {
            return Err(DifferentDirection);
        }
        Ok(Self { edges, direction })
    }

    /// Forgets all edges. O(slots).
    pub fn clear(&mut self) {
        self.edges.clear();
    }

    /// Adds `weight` to the edge between two nodes. O(log slots).
    pub fn add(&mut self, from: N, to: N, weight: u64) {
        let turn = self.direction == Direction::Undirected && to < from;
        let edge = if turn { Edge { from: to, to: from } } else { Edge { from, to } };
        self.edges.add(edge, weight);
    }

    /// Takes in what `other` has seen, as [`SpaceSaving::merge`] does. O((slots + slots of `other`) log slots).
    ///
    /// # Errors
    /// [`DifferentDirection`]; nothing has changed.
    pub fn merge<R: AsRef<[Slot<Edge<N>>]>, G: BuildHasher>(
        &mut self,
        other: &Graph<N, R, G>,
    ) -> Result<(), DifferentDirection>
    where
        N: Clone,
    {
        if self.direction != other.direction {
            return Err(DifferentDirection);
        }
        self.edges.merge(&other.edges);
        Ok(())
    }

    /// The edges held, the heaviest first, as [`SpaceSaving::heaviest`] has them. O(slots log slots).
    pub fn heaviest(&mut self) -> impl Iterator<Item = &Counted<Edge<N>>> {
        self.edges.heaviest()
    }

    /// The edges held, in no order, with their weights and the errors of those.
    pub fn edges(&self) -> impl Iterator<Item = &Counted<Edge<N>>> {
        self.edges.iter()
    }

    /// The sketch that keeps the edges: totals, evictions, the weight that an edge which is not held can have.
    pub const fn sketch(&self) -> &SpaceSaving<Edge<N>, S, H> {
        &self.edges
    }

    /// The same, to be put in order.
    pub(crate) const fn sketch_mut(&mut self) -> &mut SpaceSaving<Edge<N>, S, H> {
        &mut self.edges
    }

    /// Which edges are the same.
    pub const fn direction(&self) -> Direction {
        self.direction
    }
}
