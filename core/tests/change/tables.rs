//! Average run lengths: values until an alarm, when nothing has changed and when something has.

use std::collections::HashMap;

use streamgauge_core::generate::{Distribution, Rng};
use streamgauge_core::stats::change::{Detector, Excursion, Parts, Settings};

use crate::detector;

/// Montgomery, table 9.3 (drift 0.5, two sides): shift in sigmas, and run lengths for thresholds of 4 and 5.
const TABLE: [(f64, f64, f64); 7] = [
    (0.0, 168.0, 465.0),
    (0.25, 74.2, 139.0),
    (0.5, 26.6, 38.0),
    (0.75, 13.3, 17.0),
    (1.0, 8.38, 10.4),
    (1.5, 4.75, 5.75),
    (2.0, 3.34, 4.01),
];

/// The normal distribution's share below.
fn below(z: f64) -> f64 {
    libm::erfc(-z / std::f64::consts::SQRT_2) / 2.0
}

/// Solves a x = b by elimination; each row has its b at the end.
fn solve(mut rows: Vec<Vec<f64>>) -> Vec<f64> {
    let n = rows.len();
    for at in 0..n {
        let pivot = (at..n).max_by(|&i, &j| rows[i][at].abs().total_cmp(&rows[j][at].abs())).unwrap();
        rows.swap(at, pivot);
        let (done, rest) = rows.split_at_mut(at + 1);
        for row in rest.iter_mut().filter(|row| row[at] != 0.0) {
            let factor = row[at] / done[at][at];
            row[at..].iter_mut().zip(&done[at][at..]).for_each(|(x, y)| *x -= factor * y);
        }
    }
    let mut x = vec![0.0; n];
    for at in (0..n).rev() {
        let known: f64 = (at + 1..n).map(|j| rows[at][j] * x[j]).sum();
        x[at] = (rows[at][n] - known) / rows[at][at];
    }
    x
}

/// One side, by the Markov chain of D. Brook and D. A. Evans (*An approach to the probability distribution of cusum run
/// length*, 1972): the sum lies in one of so many states of equal width, of which the lowest is half below 0.
fn one_side(drift: f64, threshold: f64, shift: f64, states: usize) -> f64 {
    let width = 2.0 * threshold / (2 * states - 1) as f64;
    let row = |from: usize| {
        let up_to = |to: usize| below((to as f64 - from as f64 + 0.5) * width + drift - shift);
        let into = |to: usize| if to == 0 { up_to(0) } else { up_to(to) - up_to(to - 1) };
        let coefficient = |to: usize| if to == from { 1.0 - into(to) } else { -into(to) };
        (0..states).map(coefficient).chain([1.0]).collect()
    };
    solve((0..states).map(row).collect())[0]
}

/// Both sides, from 0 (K. W. Kemp, 1961).
fn two_sides(drift: f64, threshold: f64, shift: f64, states: usize) -> f64 {
    1.0 / [shift, -shift].map(|shift| 1.0 / one_side(drift, threshold, shift, states)).iter().sum::<f64>()
}

/// The reference itself, so that what follows compares with the right thing.
#[test]
fn the_chain_gives_the_published_tables() {
    for (shift, of_4, of_5) in TABLE {
        for (threshold, published) in [(4.0, of_4), (5.0, of_5)] {
            // The error goes with the square of the width.
            let [coarse, fine] = [50, 100].map(|states| two_sides(0.5, threshold, shift, states));
            let length = fine + (fine - coarse) / 3.0;
            assert!((length / published - 1.0).abs() < 0.004, "{threshold} {shift}: {length} {published}");
        }
    }
    // Siegmund's approximation: within 3 %.
    for (shift, threshold) in [(0.0_f64, 4.0), (0.0, 5.0), (1.0, 5.0)] {
        let (delta, b) = (0.5 - shift, threshold + 1.166);
        let expected = ((2.0 * delta * b).exp() - 1.0 - 2.0 * delta * b) / (2.0 * delta * delta);
        assert!((one_side(0.5, threshold, shift, 100) / expected - 1.0).abs() < 0.03, "{shift} {threshold}");
    }
}

/// The run length of the detector itself, without chance: with distances in eighths all its sums are exact, so that
/// pushing each distance in each state there is gives a Markov chain, of both sides at once.
fn run_length_of_the_detector(settings: Settings, shift: f64) -> f64 {
    let width = 0.125;
    let edge = 8 * 8;
    let distances: Vec<(f64, f64)> = (-edge..=edge)
        .map(|step| {
            let share_below = |step: f64| below(step * width - shift);
            let upper = if step == edge { 1.0 } else { share_below(f64::from(step) + 0.5) };
            let lower = if step == -edge { 0.0 } else { share_below(f64::from(step) - 0.5) };
            (f64::from(step) * width, upper - lower)
        })
        .collect();
    let mut numbers = HashMap::from([((0, 0), 0)]);
    let mut states = vec![Parts { count: 1 << 20, ..Parts::default() }];
    let mut moves = Vec::new();
    while let Some(parts) = states.get(moves.len()).copied() {
        let mut row = HashMap::<usize, f64>::new();
        for &(distance, share) in &distances {
            let mut seen = Detector::from_parts(settings, &parts).unwrap();
            if seen.push(distance).is_some() {
                continue;
            }
            let key = [seen.up(), seen.down()].map(|side| side.sum.to_bits());
            let number = *numbers.entry((key[0], key[1])).or_insert_with(|| {
                let side = |side: Excursion| Excursion { values: u64::from(side.sum > 0.0), ..side };
                states.push(Parts { up: side(seen.up()), down: side(seen.down()), ..parts });
                states.len() - 1
            });
            *row.entry(number).or_default() += share;
        }
        moves.push(row);
        assert!(states.len() < 2000, "the sums are not those of eighths");
    }
    let n = states.len();
    assert!(n > 100, "{n} states");
    let mut rows = vec![vec![0.0; n + 1]; n];
    for (from, (row, shares)) in rows.iter_mut().zip(moves).enumerate() {
        (row[from], row[n]) = (1.0, 1.0);
        shares.into_iter().for_each(|(to, share)| row[to] -= share);
    }
    solve(rows)[0]
}

#[test]
#[cfg_attr(miri, ignore = "much too slow")]
fn the_detector_is_the_chain() {
    for threshold in [4.0, 5.0] {
        // A sum of 4 is no alarm and one of 4 1/8 is, as with states about 0, 1/8, … 4.
        let states = (threshold * 8.0) as usize + 1;
        for shift in [0.0, 0.25, 1.0, -2.0] {
            let settings = Settings { threshold: threshold + 0.0625, ..Settings::given(0.0, 1.0) };
            let found = run_length_of_the_detector(settings, shift);
            let expected = two_sides(0.5, threshold + 0.0625, shift, states);
            assert!((found / expected - 1.0).abs() < 1e-9, "{threshold} {shift}: {found} {expected}");
        }
    }
}

/// Values until an alarm: mean, and its standard error.
fn simulated(runs: u32, seed: u64, shift: f64, new: impl Fn(&mut Rng) -> Detector) -> (f64, f64) {
    let mut rng = Rng::new(seed);
    let (mut sum, mut squares) = (0.0, 0.0);
    for _ in 0..runs {
        let mut seen = new(&mut rng);
        let before = seen.count();
        while seen.push(NORMAL.sample(&mut rng) + 2.0 * shift).is_none() {}
        let length = (seen.count() - before) as f64;
        (sum, squares) = (sum + length, squares + length * length);
    }
    let n = f64::from(runs);
    let mean = sum / n;
    (mean, ((squares / n - mean * mean) / n).sqrt())
}

const NORMAL: Distribution = Distribution::Normal { mean: 20.0, deviation: 2.0 };

/// Four standard errors: one run of the test in 16,000 would fail by chance, and with a fixed seed all or none do.
#[test]
#[cfg_attr(miri, ignore = "much too slow")]
fn simulated_run_lengths_are_those_of_the_tables() {
    for (shift, of_4, of_5) in TABLE {
        for (threshold, published) in [(4.0, of_4), (5.0, of_5)] {
            let settings = Settings { threshold, ..Settings::given(20.0, 2.0) };
            for shift in [shift, -shift] {
                let (mean, error) = simulated(1000, 1954, shift, |_| detector(settings));
                let near = (mean - published).abs() < 4.0 * error + 0.005 * published;
                assert!(near && error < 0.05 * published, "{threshold} {shift}: {mean} ± {error}, {published}");
            }
        }
    }
}

/// What is learned from many values is as good as known, and so is a mean that runs.
#[test]
#[cfg_attr(miri, ignore = "much too slow")]
fn learned_from_many_values_it_is_as_if_known() {
    let learned = Settings { threshold: 4.0, ..Settings::learned(20_000) };
    let running = Settings { threshold: 4.0, ..Settings::page_hinkley(20_000) };
    for settings in [learned, running] {
        for (shift, published) in [(0.0, 168.0), (1.0, 8.38), (-1.0, 8.38)] {
            let (mean, error) = simulated(200, 1971, shift, |rng| {
                let mut seen = detector(settings);
                while seen.mean().is_none() {
                    assert_eq!(seen.push(NORMAL.sample(rng)), None);
                }
                seen
            });
            // In sigmas the mean is off by 1 / sqrt(20,000) or so, which is worth 2 or 3 %.
            assert!((mean - published).abs() < 4.0 * error + 0.03 * published, "{shift}: {mean} ± {error}");
        }
    }
}
