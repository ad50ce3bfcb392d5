//! Merged sketches against exact counts of all that any of them has seen, and against the definition of a merge.

use std::collections::HashMap;

use proptest::prelude::*;
use streamgauge_core::stats::graph::{DifferentDirection, Direction, Graph};
use streamgauge_core::stats::space_saving::{Counted, Slot, SpaceSaving};

use crate::Hasher;

pub(crate) type Sketch = SpaceSaving<u8, Vec<Slot<u8>>, Hasher>;

pub(crate) fn sketch(slots: usize) -> Sketch {
    SpaceSaving::new(vec![Slot::EMPTY; slots], Hasher::default())
}

fn of(slots: usize, stream: &[(u8, u64)]) -> Sketch {
    let mut seen = sketch(slots);
    stream.iter().for_each(|&(key, weight)| seen.add(key, weight));
    seen
}

/// A sketch, what it has truly seen, and the least number of slots in it.
struct Watched {
    sketch: Sketch,
    exact: HashMap<u8, u128>,
    slots: usize,
}

impl Watched {
    fn new(slots: usize) -> Self {
        Self { sketch: sketch(slots), exact: HashMap::new(), slots }
    }

    fn assert_bounds(&mut self) {
        let stops = |weight: u128| u64::try_from(weight).unwrap_or(u64::MAX);
        let (floor, total) = (self.sketch.floor(), self.exact.values().sum::<u128>());
        assert_eq!(self.sketch.total(), stops(total));
        for (key, &weight) in &self.exact {
            match self.sketch.get(key) {
                Some(counted) => {
                    assert!(counted.weight >= stops(weight), "{counted:?} {weight}");
                    assert!(u128::from(counted.weight - counted.error) <= weight, "{counted:?} {weight}");
                }
                None => assert!(stops(weight) <= floor, "{key} weighs {weight}, and not held is at most {floor}"),
            }
        }
        for counted in self.sketch.iter() {
            assert!(counted.error <= floor && floor <= counted.weight, "{counted:?} {floor}");
            assert!(counted.weight <= self.sketch.total() && self.exact.contains_key(&counted.key), "{counted:?}");
        }
        if total < u128::from(u64::MAX) && self.slots > 0 {
            assert!(floor <= total as u64 / self.slots as u64, "{floor} of {total} in {} slots", self.slots);
        }
        let before: Vec<Counted<u8>> = self.sketch.heaviest().cloned().collect();
        assert!(before.is_sorted_by(|a, b| a.weight >= b.weight), "{before:?}");
        assert_eq!((before.len(), self.sketch.iter().count()), (self.sketch.len(), self.sketch.len()));
        assert!(before.iter().all(|counted| self.sketch.get(&counted.key) == Some(counted)));
        assert_eq!(self.sketch.heaviest().cloned().collect::<Vec<_>>(), before);
    }
}

#[derive(Debug, Clone)]
enum Step {
    Add(usize, u8, u64),
    /// The second into the first; it begins anew, with another number of slots.
    Merge(usize, usize, usize),
    Sort(usize),
}

fn step(weight: BoxedStrategy<u64>) -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..4_usize, 0..20_u8, weight).prop_map(|(at, key, weight)| Step::Add(at, key, weight)),
        1 => (0..4_usize, 0..4_usize, 0..9_usize).prop_map(|(into, from, slots)| Step::Merge(into, from, slots)),
        1 => (0..4_usize).prop_map(Step::Sort),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let small = prop::collection::vec(step((0..5_u64).boxed()), 0..150);
    let powers = prop::collection::vec(step((0..63_u32).prop_map(|power| 1 << power).boxed()), 0..100);
    let large = prop::collection::vec(step(prop_oneof![Just(u64::MAX), any::<u64>(), 0..3_u64].boxed()), 0..60);
    prop_oneof![small, powers, large]
}

/// A stream that brings always the key that is not held, or few heavy ones and many light ones.
fn stream() -> impl Strategy<Value = Vec<(u8, u64)>> {
    let any_keys = prop::collection::vec((0..20_u8, 0..9_u64), 0..80);
    let in_turn = (1..20_u8, 0..80_usize).prop_map(|(keys, n)| (0..n).map(|i| (i as u8 % keys, 1)).collect());
    let falling = (0..20_u8).prop_map(|n| (0..n).map(|key| (key, u64::from(n - key))).collect());
    prop_oneof![any_keys, in_turn, falling]
}

/// What the papers define: all keys of both, the missing ones at the floor of the other; the heaviest are kept.
fn combined(a: &Sketch, b: &Sketch) -> (Vec<(u64, u64, u8)>, u64) {
    let mut all = Vec::new();
    for key in 0..=u8::MAX {
        if a.get(&key).is_none() && b.get(&key).is_none() {
            continue;
        }
        let of = |sketch: &Sketch| match sketch.get(&key) {
            Some(counted) => (counted.weight, counted.error),
            None => (sketch.floor(), sketch.floor()),
        };
        all.push((of(a).0 + of(b).0, of(a).1 + of(b).1, key));
    }
    all.sort_unstable_by(|a, b| b.cmp(a));
    let floor = all.get(a.capacity()).map_or(0, |dropped| dropped.0).max(a.floor() + b.floor());
    all.truncate(a.capacity());
    (all, floor)
}

proptest! {
    /// Whatever is added, merged and sorted in whatever order, with any numbers of slots: the bounds hold.
    #[test]
    fn bounds_hold_after_any_merge(slots in prop::collection::vec(0..9_usize, 4), steps in steps()) {
        let mut pool: Vec<Watched> = slots.into_iter().map(Watched::new).collect();
        for step in steps {
            let changed = match step {
                Step::Add(at, key, weight) => {
                    pool[at].sketch.add(key, weight);
                    *pool[at].exact.entry(key).or_default() += u128::from(weight);
                    at
                }
                Step::Merge(into, from, slots) => {
                    let others = std::mem::replace(&mut pool[from], Watched::new(slots));
                    let own = &mut pool[into];
                    own.sketch.merge(&others.sketch);
                    own.slots = own.slots.min(others.slots);
                    for (key, weight) in others.exact {
                        *own.exact.entry(key).or_default() += weight;
                    }
                    into
                }
                Step::Sort(at) => {
                    pool[at].sketch.heaviest().for_each(drop);
                    at
                }
            };
            pool[changed].assert_bounds();
        }
    }

    /// Not only within bounds: the weights are those of the definition, and so is the floor, from either side.
    #[test]
    fn a_merge_is_what_the_papers_define(slots in 0..9_usize, others in 0..9_usize, a in stream(), b in stream()) {
        let (a, b) = (of(slots, &a), of(others, &b));
        let mut merged = a.clone();
        merged.merge(&b);
        let (expected, floor) = combined(&a, &b);
        let weights: Vec<u64> = merged.heaviest().map(|counted| counted.weight).collect();
        prop_assert_eq!(weights, expected.iter().map(|(weight, ..)| *weight).collect::<Vec<_>>());
        if slots > 0 {
            prop_assert_eq!(merged.floor(), floor);
        }
        // Among keys as light as the floor any may have had to leave.
        for (weight, error, key) in expected.into_iter().filter(|(weight, ..)| *weight > floor) {
            prop_assert_eq!(merged.get(&key), Some(&Counted { key, weight, error }));
        }
        if slots == others {
            let mut back = b.clone();
            back.merge(&a);
            let sorted = |sketch: &mut Sketch| sketch.heaviest().map(|counted| counted.weight).collect::<Vec<_>>();
            prop_assert_eq!((sorted(&mut back), back.floor()), (sorted(&mut merged), merged.floor()));
        }
    }

    /// While every key has a slot nothing is lost by merging.
    #[test]
    fn with_room_for_all_it_is_exact(streams in prop::collection::vec(stream(), 1..5)) {
        let mut merged = sketch(20);
        streams.iter().for_each(|stream| merged.merge(&of(20, stream)));
        let whole = of(20, &streams.concat());
        prop_assert_eq!((merged.len(), merged.total()), (whole.len(), whole.total()));
        prop_assert_eq!((merged.floor(), merged.evicted()), (0, 0));
        prop_assert!(whole.iter().all(|counted| merged.get(&counted.key) == Some(counted)));
    }
}

#[test]
fn what_one_may_have_missed_counts_for_a_key_that_comes_later() {
    // Of three keys one weighs at most 1 and isn't held; two slots are free here.
    let mut merged = of(4, &[(1, 5)]);
    merged.merge(&of(2, &[(1, 2), (2, 1), (3, 1)]));
    assert_eq!((merged.len(), merged.floor(), merged.evicted()), (2, 1, 1));
    merged.add(2, 10);
    assert_eq!(merged.get(&2), Some(&Counted { key: 2, weight: 11, error: 1 }));
    // One that has no slots has missed everything.
    merged.merge(&of(0, &[(7, 100)]));
    assert_eq!((merged.floor(), merged.total()), (101, 119));
    assert_eq!(merged.get(&1), Some(&Counted { key: 1, weight: 107, error: 100 }));
}

#[test]
fn graphs_of_one_direction_merge() {
    let graph = |direction, edges: &[(u8, u8)]| {
        let mut graph = Graph::new(vec![Slot::EMPTY; 3], Hasher::default(), direction);
        edges.iter().for_each(|&(from, to)| graph.add(from, to, 1));
        graph
    };
    let mut here = graph(Direction::Undirected, &[(1, 2), (2, 3), (3, 2)]);
    assert_eq!(here.merge(&graph(Direction::Directed, &[(1, 2)])), Err(DifferentDirection));
    assert_eq!(here.merge(&graph(Direction::Undirected, &[(2, 1), (2, 1), (3, 1)])), Ok(()));
    let edges: Vec<_> = here.heaviest().map(|counted| (counted.key.from, counted.key.to, counted.weight)).collect();
    assert_eq!(edges, [(1, 2, 3), (2, 3, 2), (1, 3, 1)]);
}
