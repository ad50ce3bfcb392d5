//! Cost of taking in a value: `cargo bench -p streamgauge-core --bench stats`. A batch is [`VALUES`] values.

use std::hash::{BuildHasherDefault, DefaultHasher};

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use streamgauge_core::generate::{Distribution, Rng, Zipf};
use streamgauge_core::stats::change::{Detector, Settings};
use streamgauge_core::stats::quantiles::Accuracy;
use streamgauge_core::stats::space_saving::{Slot, SpaceSaving};
use streamgauge_core::stats::{
    Bivariate, DdSketch, FixedMoments, Histogram, IntHistogram, Moments, Rate, UltraLogLog, Welford,
};
use streamgauge_core::time::Time;

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

/// x and y of a pair are a value and the next.
fn pairs() -> Vec<(f64, f64)> {
    let values = values();
    values.iter().copied().zip(values.iter().copied().cycle().skip(1)).collect()
}

#[divan::bench]
fn bivariate(bencher: Bencher<'_, '_>) {
    each(bencher, &pairs(), Bivariate::new, |seen, (x, y)| seen.push(x, y));
}

#[divan::bench]
fn bivariate_merge(bencher: Bencher<'_, '_>) {
    let parts: Vec<Bivariate> = pairs()
        .chunks(10)
        .map(|chunk| {
            let mut seen = Bivariate::new();
            chunk.iter().for_each(|&(x, y)| seen.push(x, y));
            seen
        })
        .collect();
    each(bencher, &parts, Bivariate::new, |seen, part| seen.merge(&part));
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

/// Strings of ten bytes.
fn strings() -> Vec<[u8; 10]> {
    let string = |i: u32| format!("{:010}", i.wrapping_mul(2_654_435_761)).into_bytes().try_into();
    (0..VALUES).map(|i| string(i).expect("ten digits")).collect()
}

fn distinct(precision: u32) -> UltraLogLog<Vec<u8>> {
    UltraLogLog::new(vec![0; 1 << precision]).expect("a power of two")
}

fn distinct_of_strings(precision: u32) -> UltraLogLog<Vec<u8>> {
    let mut seen = distinct(precision);
    strings().iter().for_each(|string| seen.add(string));
    seen
}

#[divan::bench(args = [11, 14])]
fn distinct_add(bencher: Bencher<'_, '_>, precision: u32) {
    let strings = strings();
    // Copies of the strings, just stored, would be slow to load.
    let strings: Vec<&[u8; 10]> = strings.iter().collect();
    each(bencher, &strings, || distinct(precision), |seen, string| seen.add(string));
}

#[divan::bench(args = [11, 14])]
fn distinct_estimate(bencher: Bencher<'_, '_>, precision: u32) {
    let seen = distinct_of_strings(precision);
    bencher.bench(|| black_box(&seen).estimate());
}

#[divan::bench(args = [11, 14])]
fn distinct_merge(bencher: Bencher<'_, '_>, precision: u32) {
    let (mut seen, other) = (distinct(precision), distinct_of_strings(precision));
    bencher.bench_local(|| black_box(&mut seen).merge(black_box(&other)));
}

#[divan::bench(args = [11])]
fn distinct_merge_of_twice_the_registers(bencher: Bencher<'_, '_>, precision: u32) {
    let (mut seen, other) = (distinct(precision), distinct_of_strings(precision + 1));
    bencher.bench_local(|| black_box(&mut seen).merge(black_box(&other)));
}

/// So many messages a millisecond: the first of each costs three exponentials.
#[divan::bench(args = [1, 10, 100])]
fn rate_with_messages_a_millisecond(bencher: Bencher<'_, '_>, messages: usize) {
    let times: Vec<Time> = (0..VALUES as usize).map(|index| Time::from_millis((index / messages) as u64)).collect();
    each(bencher, &times, Rate::new, |seen, at| seen.push(at, 350));
}

#[divan::bench]
fn rate_read(bencher: Bencher<'_, '_>) {
    let mut seen = Rate::new();
    seen.push(Time::ZERO, 350);
    bencher.bench(|| black_box(&seen).messages_per_second(black_box(Time::from_millis(90_000))));
}

#[divan::bench]
fn change_about_a_mean_that_is_given(bencher: Bencher<'_, '_>) {
    each(
        bencher,
        &values(),
        || Detector::new(Settings::given(1000.5, 0.3)).expect("valid"),
        |seen, x| {
            seen.push(x);
        },
    );
}

#[divan::bench]
fn change_about_a_running_mean(bencher: Bencher<'_, '_>) {
    each(
        bencher,
        &values(),
        || Detector::new(Settings::page_hinkley(100)).expect("valid"),
        |seen, x| {
            seen.push(x);
        },
    );
}

type Sketch = SpaceSaving<u64, Vec<Slot<u64>>, BuildHasherDefault<DefaultHasher>>;

fn sketch(slots: usize, keys: &[u64]) -> Sketch {
    let mut seen = SpaceSaving::new(vec![Slot::EMPTY; slots], BuildHasherDefault::default());
    keys.iter().for_each(|key| seen.add(*key, 1));
    seen
}

fn keys(seed: u64) -> Vec<u64> {
    let (zipf, mut rng) = (Zipf::new(100_000, 1.0), Rng::new(seed));
    (0..VALUES).map(|_| zipf.sample(&mut rng)).collect()
}

#[divan::bench(args = [64, 1024])]
fn space_saving(bencher: Bencher<'_, '_>, slots: usize) {
    each(bencher, &keys(1), || sketch(slots, &[]), |seen, key| seen.add(key, 1));
}

/// An item is a slot of the one that is taken in.
#[divan::bench(args = [64, 1024])]
fn space_saving_merge(bencher: Bencher<'_, '_>, slots: usize) {
    let (a, b) = (sketch(slots, &keys(1)), sketch(slots, &keys(2)));
    bencher.counter(ItemsCount::new(slots)).with_inputs(|| a.clone()).bench_values(|mut seen| {
        seen.merge(&b);
        seen
    });
}

#[divan::bench(args = [64, 1024])]
fn space_saving_heaviest(bencher: Bencher<'_, '_>, slots: usize) {
    let seen = sketch(slots, &keys(1));
    bencher
        .counter(ItemsCount::new(slots))
        .with_inputs(|| seen.clone())
        .bench_values(|mut seen| seen.heaviest().map(|counted| counted.weight).sum::<u64>());
}
