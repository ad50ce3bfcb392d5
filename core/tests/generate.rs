//! Generated numbers: the algorithm against an independent crate, distributions by goodness of fit.

use rand_core::{Rng as _, SeedableRng as _};
use streamgauge_core::generate::{Distribution, Rng, Zipf};

const N: usize = 100_000;

#[test]
fn bits_are_those_of_an_independent_crate() {
    for seed in [0, 1, 42, u64::MAX] {
        let mut ours = Rng::new(seed);
        let mut theirs = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(seed);
        for _ in 0..1000 {
            assert_eq!(ours.bits(), theirs.next_u64());
        }
    }
}

/// The distance of Kolmogorov and Smirnov, times the root of n: above 1.95 in one of a thousand seeds.
fn distance(distribution: Distribution, cumulative: impl Fn(f64) -> f64) -> f64 {
    let mut rng = Rng::new(20_120_316);
    let mut numbers: Vec<f64> = (0..N).map(|_| distribution.sample(&mut rng)).collect();
    numbers.sort_by(f64::total_cmp);
    let n = N as f64;
    let distances = numbers.iter().enumerate().map(|(index, number)| {
        let expected = cumulative(*number);
        (expected - index as f64 / n).max((index + 1) as f64 / n - expected)
    });
    distances.fold(0.0, f64::max) * n.sqrt()
}

#[test]
fn continuous_distributions_fit() {
    let phi = |z: f64| 0.5 * libm::erfc(-z / core::f64::consts::SQRT_2);
    let (min, max, mean, deviation, rate, alpha) = (-3.0, 5.0, 2.0, 0.5, 4.0, 2.5);
    let fits = [
        distance(Distribution::Uniform { min, max }, |x| (x - min) / (max - min)),
        // Further apart than there are numbers.
        distance(Distribution::Uniform { min: f64::MIN, max: f64::MAX }, |x| 0.5 + x / f64::MAX * 0.5),
        distance(Distribution::Normal { mean, deviation }, |x| phi((x - mean) / deviation)),
        distance(Distribution::Exponential { rate }, |x| 1.0 - (-rate * x).exp()),
        distance(Distribution::LogNormal { mean, deviation }, |x| phi((x.ln() - mean) / deviation)),
        distance(Distribution::Pareto { min: 1.5, alpha }, |x| 1.0 - (1.5 / x).powf(alpha)),
    ];
    assert!(fits.iter().all(|fit| *fit < 1.95), "{fits:?}");
    // The test can tell: another variance by one part in fifty.
    let wrong = distance(Distribution::Normal { mean, deviation: deviation * 1.02 }, |x| phi((x - mean) / deviation));
    assert!(wrong > 1.95, "{wrong}");
}

/// The shape can't tell a number from its mirror image; the numbers of a seed are a promise.
#[test]
fn normal_numbers_are_those_of_box_and_muller() {
    let (mean, deviation) = (2.0, 0.5);
    let (mut uniform, mut normal, mut log_normal) = (Rng::new(3), Rng::new(3), Rng::new(3));
    for _ in 0..1000 {
        let radius = (-2.0 * (1.0 - uniform.uniform()).ln()).sqrt();
        let expected = mean + deviation * radius * (core::f64::consts::TAU * uniform.uniform()).cos();
        let drawn = Distribution::Normal { mean, deviation }.sample(&mut normal);
        assert!((drawn - expected).abs() < 1e-12, "{drawn} {expected}");
        let drawn = Distribution::LogNormal { mean, deviation }.sample(&mut log_normal);
        assert!((drawn.ln() - expected).abs() < 1e-12, "{drawn} {expected}");
    }
}

/// Pearson's statistic, as so many standard deviations above its mean.
fn chi_square(counts: &[u64], expected: impl Fn(usize) -> f64) -> f64 {
    let terms = counts.iter().enumerate().map(|(index, count)| {
        let expected = expected(index);
        (*count as f64 - expected).powi(2) / expected
    });
    let freedom = counts.len() as f64 - 1.0;
    (terms.sum::<f64>() - freedom) / (2.0 * freedom).sqrt()
}

#[test]
fn integers_fit() {
    let mut rng = Rng::new(7);
    let mut counts = [0; 37];
    let integers = Distribution::Integers { min: -10, max: 26 };
    for _ in 0..N {
        counts[usize::try_from(integers.sample_integer(&mut rng).unwrap() + 10).unwrap()] += 1;
    }
    let fit = chi_square(&counts, |_| N as f64 / 37.0);
    assert!(fit.abs() < 4.0, "{fit}");
    let all = Distribution::Integers { min: i64::MIN, max: i64::MAX };
    assert!((0..100).any(|_| all.sample_integer(&mut rng).unwrap() < 0));
    let one = Distribution::Integers { min: 5, max: 5 };
    assert_eq!(one.sample_integer(&mut rng), Some(5));
}

/// Three of four times as many numbers as there are: drawn without refusing any, each third one would come twice as
/// often as the others.
#[test]
fn no_number_below_a_great_one_is_preferred() {
    let mut rng = Rng::new(11);
    let mut counts = [0; 3];
    for _ in 0..N {
        counts[(rng.below(3 << 62) % 3) as usize] += 1;
    }
    let fit = chi_square(&counts, |_| N as f64 / 3.0);
    assert!(fit.abs() < 4.0, "{fit} {counts:?}");
    assert_eq!(rng.below(0), 0);
}

#[test]
fn ranks_follow_zipfs_law() {
    for (exponent, ranks) in [(0.0, 20), (0.5, 100), (1.0, 100), (1.1, 30), (2.5, 8), (1.0, 1)] {
        let mut rng = Rng::new(99);
        let zipf = Zipf::new(ranks, exponent);
        let mut counts = vec![0; ranks as usize];
        for _ in 0..N {
            counts[zipf.sample(&mut rng) as usize - 1] += 1;
        }
        if ranks == 1 {
            continue;
        }
        let weight = |rank: usize| (rank as f64).powf(-exponent);
        let total: f64 = (1..=ranks as usize).map(weight).sum();
        let fit = chi_square(&counts, |index| N as f64 * weight(index + 1) / total);
        assert!(fit.abs() < 4.0, "{exponent} {ranks}: {fit}");
    }
}
