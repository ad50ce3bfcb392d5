//! Graphs.

use alloc::boxed::Box;
use alloc::collections::BinaryHeap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cmp::Reverse;

use streamgauge_core::gauge::KeyHasher;
use streamgauge_core::stats::graph::{Direction, Edge, Graph as Core};
use streamgauge_core::stats::space_saving::{Counted, Slot};
use wasm_bindgen::prelude::*;

use crate::boxes::room;

type Slots = Box<[Slot<Edge<Box<str>>>]>;

/// The heaviest edges of a graph whose edges come as a stream. Exact while there are no more different edges than
/// `slots`; beyond, a weight is too large by at most its `error`.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Graph {
    core: Core<Box<str>, Slots, KeyHasher>,
}

/// An edge.
#[wasm_bindgen(getter_with_clone)]
#[derive(Debug, Clone, PartialEq)]
pub struct WeightedEdge {
    /// Where it starts.
    #[wasm_bindgen(readonly)]
    pub from: String,
    /// Where it leads.
    #[wasm_bindgen(readonly)]
    pub to: String,
    /// Its weight, or too much by at most `error`.
    #[wasm_bindgen(readonly)]
    pub weight: f64,
    /// How much of the weight may belong to other edges.
    #[wasm_bindgen(readonly)]
    pub error: f64,
}

#[wasm_bindgen]
impl Graph {
    /// A graph that holds at most `slots` edges; `directed` if A to B isn't the same as B to A.
    ///
    /// # Errors
    /// There is no memory for so many.
    #[wasm_bindgen(constructor)]
    pub fn new(slots: u32, directed: bool) -> Result<Self, JsError> {
        let direction = if directed { Direction::Directed } else { Direction::Undirected };
        let slots: Slots = (0..room::<Slot<Edge<Box<str>>>>(slots)?).map(|_| Slot::EMPTY).collect();
        Ok(Self { core: Core::new(slots, KeyHasher::default(), direction) })
    }

    /// Adds 1 to the weight of an edge.
    pub fn add(&mut self, from: &str, to: &str) {
        self.core.add(from.into(), to.into(), 1);
    }

    /// The `most` heaviest edges, the heaviest first; equal weights in the order of their names.
    pub fn top(&self, most: u32) -> Vec<WeightedEdge> {
        // A heap and not `sort`, which would take ten times the room.
        let edges: BinaryHeap<_> =
            self.core.edges().map(|Counted { key, weight, error }| (Reverse(*weight), key, *error)).collect();
        let heaviest = edges.into_sorted_vec().into_iter().take(most as usize);
        heaviest
            .map(|(Reverse(weight), Edge { from, to }, error)| WeightedEdge {
                from: from.to_string(),
                to: to.to_string(),
                weight: weight as f64,
                error: error as f64,
            })
            .collect()
    }

    /// Number of edges held.
    #[wasm_bindgen(getter)]
    pub fn edges(&self) -> u32 {
        self.core.sketch().len() as u32
    }

    /// The weight of all edges together, held or not.
    #[wasm_bindgen(getter)]
    pub fn total(&self) -> f64 {
        self.core.sketch().total() as f64
    }

    /// How often an edge had to give its slot to another.
    #[wasm_bindgen(getter)]
    pub fn evicted(&self) -> f64 {
        self.core.sketch().evicted() as f64
    }

    /// The most that an edge which isn't held can weigh.
    #[wasm_bindgen(getter)]
    pub fn floor(&self) -> f64 {
        self.core.sketch().floor() as f64
    }
}
