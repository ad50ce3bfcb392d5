//! Distinct items: the standard error over many streams, alone and of what two halves merge to.

use cardinality_estimator::CardinalityEstimator;
use datasketches::hll::{HllSketch, HllType, HllUnion};
use streamgauge_core::stats::UltraLogLog;

use crate::cost::{run, with_bytes};
use crate::streams::different;
use crate::table::{self, Row, percent};

const COUNTS: [usize; 5] = [100, 1_000, 10_000, 100_000, MOST];
const MOST: usize = 1_000_000;
const STREAMS: u64 = 1_000;

trait Sketch: Sized + 'static {
    const NAME: &str;
    const PROMISED: f64;

    fn new() -> Self;
    fn add(&mut self, item: u64);
    fn estimate(&self) -> f64;
    fn merged(self, other: Self) -> f64;
}

type Ours = UltraLogLog<Box<[u8]>>;

impl Sketch for Ours {
    const NAME: &str = "streamgauge UltraLogLog, 11";
    const PROMISED: f64 = 0.0168;

    fn new() -> Self {
        Self::new(vec![0; 2048].into()).expect("a power of two")
    }

    fn add(&mut self, item: u64) {
        self.add(&item.to_le_bytes());
    }

    fn estimate(&self) -> f64 {
        self.estimate().estimate
    }

    fn merged(mut self, other: Self) -> f64 {
        self.merge(&other).expect("the same precision");
        self.estimate().estimate
    }
}

/// In 2 KiB it has registers of 4 bits at precision 12. At precision 11, version 1.0.3 has 0 for 1,000 to 10,000 items.
type Estimator = CardinalityEstimator<u64, wyhash::WyHash, 12, 4>;

impl Sketch for Estimator {
    const NAME: &str = "cardinality-estimator, 12";
    const PROMISED: f64 = 0.0162;

    fn new() -> Self {
        Self::new()
    }

    fn add(&mut self, item: u64) {
        self.insert(&item);
    }

    fn estimate(&self) -> f64 {
        self.estimate() as f64
    }

    fn merged(mut self, other: Self) -> f64 {
        self.merge(&other);
        self.estimate() as f64
    }
}

struct Hll<const PRECISION: u8, const BITS: u8>(HllSketch);

impl<const PRECISION: u8, const BITS: u8> Hll<PRECISION, BITS> {
    const TYPE: HllType = if BITS == 4 { HllType::Hll4 } else { HllType::Hll8 };
}

impl<const PRECISION: u8, const BITS: u8> Sketch for Hll<PRECISION, BITS> {
    const NAME: &str = if BITS == 4 { "datasketches HLL of 4 bits, 12" } else { "datasketches HLL of 8 bits, 11" };
    // Alone: 0.833 / sqrt(registers); merged 1.04.
    const PROMISED: f64 = if BITS == 4 { 0.013 } else { 0.0184 };

    fn new() -> Self {
        Self(HllSketch::new(PRECISION, Self::TYPE).expect("a precision"))
    }

    fn add(&mut self, item: u64) {
        self.0.update(item);
    }

    fn estimate(&self) -> f64 {
        self.0.estimate()
    }

    fn merged(self, other: Self) -> f64 {
        let mut union = HllUnion::new(PRECISION).expect("a precision");
        union.update(&self.0);
        union.update(&other.0);
        union.estimate()
    }
}

fn row<S: Sketch>(items: &[u64]) -> Row<'_> {
    let mut squares = [0.0; COUNTS.len() + 1];
    for seed in 0..STREAMS {
        let (mut whole, mut halves) = (S::new(), [S::new(), S::new()]);
        for (number, item) in different(seed, MOST as u64).enumerate() {
            whole.add(item);
            halves[number % 2].add(item);
            if let Some(place) = COUNTS.iter().position(|count| *count == number + 1) {
                squares[place] += square(whole.estimate(), COUNTS[place]);
            }
        }
        let [left, right] = halves;
        squares[COUNTS.len()] += square(left.merged(right), MOST);
    }
    let (_, bytes) = with_bytes(|| {
        let mut sketch = S::new();
        items.iter().for_each(|item| sketch.add(*item));
        sketch
    });
    let seen = squares.iter().map(|sum| percent((sum / STREAMS as f64).sqrt())).collect();
    Row { name: S::NAME, promised: percent(S::PROMISED), bytes, seen, run: run(items, S::new, S::add) }
}

fn square(estimate: f64, count: usize) -> f64 {
    (estimate / count as f64 - 1.0).powi(2)
}

pub(crate) fn print() {
    let items: Vec<u64> = different(STREAMS, 100_000).collect();
    let rows = [row::<Ours>(&items), row::<Estimator>(&items), row::<Hll<11, 8>>(&items), row::<Hll<12, 4>>(&items)];
    table::print("distinct", &["100", "1000", "10000", "100000", "1000000", "1000000 of halves"], items.len(), &rows);
}
