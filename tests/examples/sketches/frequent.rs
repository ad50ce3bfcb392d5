//! Frequent items: by how much the count of any item is off, as a part of the stream.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use datasketches::frequencies::FrequentItemsSketch;
use streamgauge_core::stats::space_saving::{Slot, SpaceSaving};

use crate::cost::{run, with_bytes};
use crate::streams::{different, keys};
use crate::table::{self, Row, percent};

/// With a hash as fast as that of gauges: the standard library's would take most of the time.
type Ours = SpaceSaving<u64, Box<[Slot<u64>]>, BuildHasherDefault<wyhash::WyHash>>;
type Theirs = FrequentItemsSketch<u64>;

trait Sketch: Sized + 'static {
    const NAME: &str;
    /// As a part of the stream.
    const PROMISED: f64;

    fn new() -> Self;
    fn add(&mut self, key: u64);
    /// 0 if it isn't held.
    fn count(&self, key: u64) -> u64;
}

impl Sketch for Ours {
    const NAME: &str = "streamgauge SpaceSaving, 64";
    const PROMISED: f64 = 1.0 / 64.0;

    fn new() -> Self {
        Self::new(vec![Slot::EMPTY; 64].into(), BuildHasherDefault::default())
    }

    fn add(&mut self, key: u64) {
        self.add(key, 1);
    }

    fn count(&self, key: u64) -> u64 {
        self.get(&key).map_or(0, |counted| counted.weight)
    }
}

impl Sketch for Theirs {
    const NAME: &str = "datasketches frequent, 128";
    const PROMISED: f64 = 3.5 / 128.0;

    fn new() -> Self {
        Self::new(128).expect("a power of two")
    }

    fn add(&mut self, key: u64) {
        self.update(key);
    }

    fn count(&self, key: u64) -> u64 {
        self.estimate(&key)
    }
}

fn row<'a, S: Sketch>(few: &'a [u64], none: &[u64]) -> Row<'a> {
    let of = |keys: &[u64]| {
        with_bytes(|| {
            let mut sketch = S::new();
            keys.iter().for_each(|key| sketch.add(*key));
            sketch
        })
    };
    let ((sketch, bytes), (other, _)) = (of(few), of(none));
    let seen = [largest_error(few, &sketch), largest_error(none, &other)].map(percent).into();
    Row { name: S::NAME, promised: percent(S::PROMISED), bytes, seen, run: run(few, S::new, S::add) }
}

fn largest_error(keys: &[u64], sketch: &impl Sketch) -> f64 {
    let mut counts = HashMap::new();
    keys.iter().for_each(|key| *counts.entry(*key).or_insert(0_u64) += 1);
    let off = counts.iter().map(|(key, count)| sketch.count(*key).abs_diff(*count));
    off.max().unwrap_or(0) as f64 / keys.len() as f64
}

pub(crate) fn print() {
    let (few, none): (Vec<u64>, Vec<u64>) = (keys(), different(0, 100_001).collect());
    let rows = [row::<Ours>(&few, &none), row::<Theirs>(&few, &none)];
    table::print("frequent", &["few frequent", "all different"], few.len(), &rows);
}
