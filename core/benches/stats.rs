//! Cost of taking in a value: `cargo bench -p streamgauge-core --bench stats`. A batch is [`VALUES`] values.

use std::hash::{BuildHasherDefault, DefaultHasher};

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use streamgauge_core::generate::{Rng, Zipf};
use streamgauge_core::stats::change::{Detector, Settings};
use streamgauge_core::stats::space_saving::{Slot, SpaceSaving};
use streamgauge_core::stats::{FixedMoments, Histogram, IntHistogram, Moments, Rate, Welford};
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
