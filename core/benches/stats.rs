//! Cost of taking in a value: `cargo bench -p streamgauge-core --bench stats`. A batch is [`VALUES`] values.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use streamgauge_core::stats::{Bivariate, FixedMoments, Histogram, IntHistogram, Moments, Welford};

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
