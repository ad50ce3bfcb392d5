//! Correct digits of streamgauge's moments and of other crates', on every set:
//! `cargo run --release -p streamgauge-tests --example digits`.
//!
//! Mean, sample standard deviation, skewness and excess kurtosis; a dash where a crate has no such result.

use average::Estimate as _;
use streamgauge_core::stats::{Moments, Welford};
use streamgauge_tests::exact::Exact;
use streamgauge_tests::sets;
use watermill::stats::Univariate as _;

/// Mean, sample standard deviation, skewness, excess kurtosis: the outer `None` where there is no such function.
type Results = [Option<Option<f64>>; 4];

fn one_by_one(values: &[f64]) -> Results {
    let mut seen = Moments::new();
    values.iter().for_each(|&x| seen.push(x));
    ours(&seen)
}

fn from_slice(values: &[f64]) -> Results {
    let mut seen = Moments::new();
    seen.extend_from_slice(values);
    ours(&seen)
}

fn merged(values: &[f64]) -> Results {
    let mut seen = Moments::new();
    for slice in values.chunks(values.len().div_ceil(64)) {
        let mut part = Moments::new();
        part.extend_from_slice(slice);
        seen.merge(&part);
    }
    ours(&seen)
}

fn ours(seen: &Moments) -> Results {
    [seen.mean(), seen.sample_stddev(), seen.skewness(), seen.excess_kurtosis()].map(Some)
}

fn welford(values: &[f64]) -> Results {
    let mut seen = Welford::new();
    values.iter().for_each(|&x| seen.push(x));
    [Some(seen.mean()), Some(seen.sample_stddev()), None, None]
}

fn average(values: &[f64]) -> Results {
    let mut seen = average::Kurtosis::new();
    values.iter().for_each(|&x| seen.add(x));
    [seen.mean(), seen.sample_variance().sqrt(), seen.skewness(), seen.kurtosis()].map(number)
}

fn rolling_stats(values: &[f64]) -> Results {
    let mut seen = rolling_stats::Stats::<f64>::new();
    values.iter().for_each(|&x| seen.update(x));
    [number(seen.mean), number(seen.std_dev), None, None]
}

fn watermill(values: &[f64]) -> Results {
    let mut mean = watermill::mean::Mean::<f64>::new();
    let mut variance = watermill::variance::Variance::<f64>::default();
    let mut skewness = watermill::skew::Skew::<f64>::new(true);
    let mut kurtosis = watermill::kurtosis::Kurtosis::<f64>::new(true);
    for &x in values {
        mean.update(x);
        variance.update(x);
        skewness.update(x);
        kurtosis.update(x);
    }
    [mean.get(), variance.get().sqrt(), skewness.get(), kurtosis.get()].map(number)
}

/// NaN is taken for absence.
fn number(x: f64) -> Option<Option<f64>> {
    Some((!x.is_nan()).then_some(x))
}

type Implementation = (&'static str, fn(&[f64]) -> Results);

const IMPLEMENTATIONS: [Implementation; 7] = [
    ("Moments, by one", one_by_one),
    ("from a slice", from_slice),
    ("64 merged", merged),
    ("Welford", welford),
    ("average", average),
    ("rolling-stats", rolling_stats),
    ("watermill", watermill),
];

fn digits(exact: &Exact, [mean, stddev, skewness, kurtosis]: Results) -> [Option<f64>; 4] {
    [
        mean.map(|x| exact.mean_digits(x)),
        stddev.map(|x| exact.stddev_digits(x)),
        skewness.map(|x| exact.skewness_digits(x)),
        kurtosis.map(|x| exact.kurtosis_digits(x)),
    ]
}

fn print(name: &str, rows: &[[Option<f64>; 4]]) {
    print!("{name:<34}");
    for row in rows {
        let cells = row.map(|digits| digits.map_or("   -".into(), |digits| format!("{digits:4.1}")));
        print!("  {}", cells.join(" "));
    }
    println!();
}

fn main() {
    print!("{:<34}", "correct digits of mean sd skew kurt");
    IMPLEMENTATIONS.iter().for_each(|(name, _)| print!("  {name:<19}"));
    println!();
    let mut worst = [[Some(f64::INFINITY); 4]; IMPLEMENTATIONS.len()];
    for set in sets::all() {
        let exact = Exact::of(&set.values);
        let rows = IMPLEMENTATIONS.map(|(_, run)| digits(&exact, run(&set.values)));
        print(&set.name, &rows);
        for (worst, digits) in worst.iter_mut().flatten().zip(rows.into_iter().flatten()) {
            *worst = worst.zip(digits).map(|(a, b)| a.min(b));
        }
    }
    print("worst", &worst);
}
