//! Space-Saving against exact counts.

mod merge;
mod parts;

use core::cell::Cell;
use core::hash::{BuildHasherDefault, Hash};
use std::collections::{HashMap, HashSet};
use std::hash::DefaultHasher;

use proptest::prelude::*;
use streamgauge_core::stats::graph::{Direction, Graph};
use streamgauge_core::stats::space_saving::{Slot, SpaceSaving};

type Hasher = BuildHasherDefault<DefaultHasher>;

/// A key that counts with how many others it is compared.
#[derive(Debug, Clone)]
struct Watched<'a>(u32, &'a Cell<u32>);

impl PartialEq for Watched<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.1.set(self.1.get() + 1);
        self.0 == other.0
    }
}

impl Eq for Watched<'_> {}

impl Hash for Watched<'_> {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

#[test]
fn a_key_is_found_among_many_without_looking_at_them_all() {
    let comparisons = Cell::new(0);
    let keys = 1000;
    let mut sketch = SpaceSaving::new(vec![Slot::EMPTY; keys as usize], Hasher::default());
    for key in 0..keys {
        sketch.add(Watched(key, &comparisons), 1);
    }
    comparisons.set(0);
    assert!((0..keys).all(|key| sketch.get(&Watched(key, &comparisons)).is_some()));
    assert!(comparisons.get() < 3 * keys, "{} for {keys} keys", comparisons.get());
}

#[test]
fn slots_that_were_used_before_hold_nothing() {
    let mut slots = [const { Slot::EMPTY }; 2];
    for (first, second) in [("a", "b"), ("c", "a"), ("b", "d")] {
        let mut sketch = SpaceSaving::new(&mut slots[..], Hasher::default());
        assert_eq!((sketch.len(), sketch.iter().count(), sketch.get(&"a")), (0, 0, None));
        sketch.add(first, 5);
        sketch.add(second, 7);
        sketch.add("new", 1);
        assert_eq!((sketch.total(), sketch.get(&first), sketch.floor()), (13, None, 5));
    }
}

proptest! {
    /// The guarantees of the paper: total kept, weights never too small and too large by at most the error, and every
    /// key heavier than total / slots held.
    #[test]
    fn bounds_hold(slots in 0_usize..9, stream in prop::collection::vec((0_u8..20, 1_u64..5), 0..200)) {
        let mut sketch = SpaceSaving::new(vec![Slot::EMPTY; slots], Hasher::default());
        let (mut exact, mut evicted) = (HashMap::new(), 0);
        prop_assert!(sketch.is_empty());
        for (key, weight) in stream {
            evicted += u64::from(slots > 0 && sketch.len() == slots && sketch.get(&key).is_none());
            sketch.add(key, weight);
            prop_assert_eq!(sketch.evicted(), evicted);
            prop_assert_eq!(sketch.is_empty(), slots == 0);
            *exact.entry(key).or_insert(0) += weight;
            let total: u64 = exact.values().sum();
            prop_assert_eq!(sketch.total(), total);
            prop_assert_eq!(sketch.len(), slots.min(exact.len()));
            prop_assert_eq!(sketch.iter().count(), sketch.len());
            if slots > 0 {
                prop_assert_eq!(sketch.iter().map(|counted| counted.weight).sum::<u64>(), total);
                prop_assert!(sketch.floor() <= total / slots as u64);
                prop_assert!(sketch.iter().all(|counted| counted.error <= sketch.floor()));
                prop_assert!(sketch.iter().all(|counted| counted.weight >= sketch.floor()));
            }
            for (key, weight) in &exact {
                match sketch.get(key) {
                    Some(counted) => {
                        prop_assert!(counted.weight >= *weight && counted.weight - counted.error <= *weight);
                    }
                    None => prop_assert!(*weight <= sketch.floor()),
                }
            }
            if exact.len() <= slots {
                prop_assert!(sketch.iter().all(|counted| counted.error == 0 && counted.weight == exact[&counted.key]));
            }
        }
    }

    #[test]
    fn an_undirected_graph_adds_both_ways(stream in prop::collection::vec((0_u8..5, 0_u8..5), 0..100)) {
        let graph = |direction| Graph::new(vec![Slot::EMPTY; 25], Hasher::default(), direction);
        let (mut directed, mut undirected) = (graph(Direction::Directed), graph(Direction::Undirected));
        let mut exact = HashMap::new();
        for (from, to) in stream {
            directed.add(from, to, 1);
            undirected.add(from, to, 1);
            *exact.entry((from, to)).or_insert(0_u64) += 1;
        }
        // All are there, and none twice: there is a slot for each of the 25.
        let pairs: HashSet<_> = exact.keys().map(|(a, b)| (a.min(b), a.max(b))).collect();
        prop_assert_eq!((directed.edges().count(), undirected.edges().count()), (exact.len(), pairs.len()));
        for counted in directed.edges() {
            prop_assert_eq!(counted.weight, exact[&(counted.key.from, counted.key.to)]);
        }
        for counted in undirected.edges() {
            let (a, b) = (counted.key.from, counted.key.to);
            let back = if a == b { 0 } else { exact.get(&(b, a)).copied().unwrap_or(0) };
            prop_assert!(a <= b);
            prop_assert_eq!(counted.weight, exact.get(&(a, b)).copied().unwrap_or(0) + back);
        }
    }
}

#[test]
fn what_is_cleared_has_seen_nothing() {
    let new = || SpaceSaving::new([Slot::EMPTY; 4], Hasher::default());
    let mut sketch = new();
    (0..9_u8).for_each(|key| sketch.add(key, 3));
    sketch.clear();
    assert!(sketch.is_empty() && sketch.iter().next().is_none());
    assert_eq!((sketch.total(), sketch.evicted(), sketch.floor(), sketch.get(&8)), (0, 0, 0, None));
    let mut other = new();
    for sketch in [&mut sketch, &mut other] {
        (5..9_u8).for_each(|key| sketch.add(key, key.into()));
    }
    assert!(sketch.heaviest().map(|counted| (counted.key, counted.weight)).eq([(8, 8), (7, 7), (6, 6), (5, 5)]));
    assert_eq!((sketch.total(), sketch.floor()), (other.total(), other.floor()));
}
