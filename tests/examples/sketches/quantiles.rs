//! Quantiles: the largest error of nine of them, relative to what they are, and in brackets what the answers told of it.

use datasketches::common::SearchCriteria;
use datasketches::kll::{KllFloat, KllSketch};
use streamgauge_core::stats::quantiles::{Accuracy, DdSketch};

use crate::cost::{run, with_bytes};
use crate::streams::{Stream, numbers};
use crate::table::{self, Row, percent};

pub(crate) const QUANTILES: [f64; 9] = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999];
const ACCURACY: f64 = 0.01;
const BINS: usize = 1024;

trait Sketch: Sized + 'static {
    const NAME: &str;
    const PROMISED: &str;

    fn new() -> Self;
    fn add(&mut self, x: f64);
    fn quantile(&self, q: f64) -> f64;

    /// What it says of the error of this answer, if it says anything.
    fn told(&self, _q: f64) -> Option<f64> {
        None
    }
}

type Ours = DdSketch<Box<[u32]>>;

impl Sketch for Ours {
    const NAME: &str = "streamgauge DdSketch";
    const PROMISED: &str = "1 %";

    fn new() -> Self {
        Self::new(vec![0; 2 * BINS].into(), Accuracy::PERCENT)
    }

    fn add(&mut self, x: f64) {
        self.push(x);
    }

    fn quantile(&self, q: f64) -> f64 {
        self.quantile(q).expect("there are values").estimate
    }

    fn told(&self, q: f64) -> Option<f64> {
        self.quantile(q).map(|answer| answer.error)
    }
}

impl Sketch for sketches_ddsketch::DDSketch {
    const NAME: &str = "sketches-ddsketch";
    const PROMISED: &str = "1 %";

    fn new() -> Self {
        Self::new(sketches_ddsketch::Config::new(ACCURACY, BINS as u32, 1e-9))
    }

    fn add(&mut self, x: f64) {
        self.add(x);
    }

    fn quantile(&self, q: f64) -> f64 {
        self.quantile(q).expect("a share").expect("there are values")
    }
}

impl Sketch for ddsketchy::DDSketch {
    const NAME: &str = "ddsketchy";
    const PROMISED: &str = "1 %";

    fn new() -> Self {
        Self::with_max_bins(ACCURACY, BINS).expect("an accuracy")
    }

    fn add(&mut self, x: f64) {
        self.add(x);
    }

    fn quantile(&self, q: f64) -> f64 {
        self.quantile(q).expect("there are values")
    }
}

type Kll = KllSketch<KllFloat<f64>>;

impl Sketch for Kll {
    const NAME: &str = "datasketches KLL, 200";
    const PROMISED: &str = "rank 1.3 %";

    fn new() -> Self {
        Self::new(200).expect("a size")
    }

    fn add(&mut self, x: f64) {
        self.update(KllFloat::<f64>::new(x).expect("a number"));
    }

    fn quantile(&self, q: f64) -> f64 {
        let answer = self.quantile(q, SearchCriteria::Inclusive).expect("a share");
        answer.expect("there are values").into_inner()
    }
}

fn row<S: Sketch>(streams: &[Stream]) -> Row<'_> {
    let mut bytes = 0;
    let seen = streams.iter().map(|(_, values)| {
        let (sketch, taken) = with_bytes(|| {
            let mut sketch = S::new();
            values.iter().for_each(|x| sketch.add(*x));
            sketch
        });
        bytes = bytes.max(taken);
        let told = QUANTILES.into_iter().filter_map(|q| sketch.told(q)).reduce(f64::max);
        let seen = percent(largest_error(values, |q| sketch.quantile(q)));
        match told {
            Some(told) => format!("{seen} ({})", percent(told)),
            None => seen,
        }
    });
    let seen = seen.collect();
    Row { name: S::NAME, promised: S::PROMISED.into(), bytes, seen, run: run(&streams[0].1, S::new, S::add) }
}

/// Against the exact quantile, or the value of one rank less or more: not all round ranks in the same way.
fn largest_error(values: &[f64], answer: impl Fn(f64) -> f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let error = |q: f64| {
        let rank = (q * (sorted.len() - 1) as f64).round() as usize;
        let near = &sorted[rank.saturating_sub(1)..=(rank + 1).min(sorted.len() - 1)];
        near.iter().map(|exact| ((answer(q) - exact) / exact).abs()).fold(f64::INFINITY, f64::min)
    };
    QUANTILES.into_iter().map(error).fold(0.0, f64::max)
}

pub(crate) fn print() {
    let streams = numbers();
    let rows = [
        row::<Ours>(&streams),
        row::<sketches_ddsketch::DDSketch>(&streams),
        row::<ddsketchy::DDSketch>(&streams),
        row::<Kll>(&streams),
    ];
    table::print("quantiles", &streams.each_ref().map(|(name, _)| *name), streams[0].1.len(), &rows);
}
