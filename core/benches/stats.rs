//! Cost of taking in a value: `cargo bench -p streamgauge-core --bench stats`. A batch is [`VALUES`] values.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use streamgauge_core::generate::{Distribution, Rng};
use streamgauge_core::stats::quantiles::Accuracy;
use streamgauge_core::stats::{DdSketch, FixedMoments, Histogram, IntHistogram, Moments, Welford};

const VALUES: u32 = 10_000;

fn main() {
    divan::main();
}

fn values() -> Vec<f64> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..VALUES).map(|_| 1e3 + next()).collect()
}

fn integers() -> Vec<i32> {
    values().iter().map(|x| ((x - 1e3 - 0.5) * 4e9) as i32).collect()
}

fn each<T: Copy + Sync, S>(
    bencher: Bencher<'_, '_>,
    values: &[T],
    new: impl Fn() -> S + Sync,
    push: impl Fn(&mut S, T) + Sync,
) {
    bencher.counter(ItemsCount::new(values.len())).bench(|| {
        let mut seen = new();
        for &x in black_box(values) {
            push(&mut seen, x);
        }
        seen
    });
}

#[divan::bench]
fn welford(bencher: Bencher<'_, '_>) {
    each(bencher, &values(), Welford::new, Welford::push);
}

#[divan::bench]
fn moments_one_by_one(bencher: Bencher<'_, '_>) {
    each(bencher, &values(), Moments::new, Moments::push);
}

#[divan::bench(args = [16, 256, VALUES as usize])]
fn moments_from_slices_of(bencher: Bencher<'_, '_>, length: usize) {
    let values = values();
    bencher.counter(ItemsCount::new(values.len())).bench(|| {
        let mut seen = Moments::new();
        for slice in black_box(&values).chunks(length) {
            seen.extend_from_slice(slice);
        }
        seen
    });
}

#[divan::bench]
fn moments_merge(bencher: Bencher<'_, '_>) {
    let parts: Vec<Moments> = values()
        .chunks(10)
        .map(|chunk| {
            let mut seen = Moments::new();
            seen.extend_from_slice(chunk);
            seen
        })
        .collect();
    each(bencher, &parts, Moments::new, |seen, part| seen.merge(&part));
}

#[divan::bench]
fn fixed_i32(bencher: Bencher<'_, '_>) {
    each(bencher, &integers(), FixedMoments::<i32>::new, FixedMoments::push);
}

#[divan::bench]
fn histogram(bencher: Bencher<'_, '_>) {
    let new = || Histogram::new([0; 100], 1000.0, 1001.0).expect("a valid range");
    each(bencher, &values(), new, Histogram::push);
}

#[divan::bench]
fn int_histogram(bencher: Bencher<'_, '_>) {
    let new = || IntHistogram::new([0; 100], i32::MIN, 43_000_000).expect("a valid range");
    each(bencher, &integers(), new, IntHistogram::push);
}

fn log_normal(seed: u64) -> Vec<f64> {
    let mut rng = Rng::new(seed);
    (0..VALUES).map(|_| Distribution::LogNormal { mean: 0.0, deviation: 2.0 }.sample(&mut rng)).collect()
}

/// 1024 bins for each sign.
fn sketch_of(values: &[f64]) -> DdSketch<Vec<u32>> {
    let mut sketch = DdSketch::new(vec![0; 2048], Accuracy::PERCENT);
    values.iter().for_each(|x| sketch.push(*x));
    sketch
}

#[divan::bench]
fn quantiles(bencher: Bencher<'_, '_>) {
    each(bencher, &log_normal(1), || sketch_of(&[]), DdSketch::push);
}

#[divan::bench]
fn quantiles_of_both_signs(bencher: Bencher<'_, '_>) {
    let values: Vec<f64> = values().iter().zip(log_normal(1)).map(|(sign, x)| x.copysign(sign - 1e3 - 0.5)).collect();
    each(bencher, &values, || sketch_of(&[]), DdSketch::push);
}

/// 128 bins span less than four octaves: most values collapse.
#[divan::bench]
fn quantiles_collapsing(bencher: Bencher<'_, '_>) {
    let new = || DdSketch::new([0; 256], Accuracy::PERCENT);
    each(bencher, &log_normal(1), new, DdSketch::push);
}

#[divan::bench]
fn quantiles_merge(bencher: Bencher<'_, '_>) {
    let (mut seen, other) = (sketch_of(&log_normal(1)), sketch_of(&log_normal(2)));
    bencher.bench_local(|| seen.merge(black_box(&other)));
}

#[divan::bench(args = [0.5, 0.99])]
fn quantiles_quantile(bencher: Bencher<'_, '_>, q: f64) {
    let seen = sketch_of(&log_normal(1));
    bencher.bench(|| black_box(&seen).quantile(black_box(q)));
}

#[divan::bench]
fn quantiles_bins(bencher: Bencher<'_, '_>) {
    let seen = sketch_of(&log_normal(1));
    bencher.bench(|| black_box(&seen).bins().map(|bin| bin.lower).sum::<f64>());
}
