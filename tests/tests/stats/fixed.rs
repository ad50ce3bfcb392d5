//! `FixedMoments`: exact to half a unit, in any order, up to any count.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive};
use proptest::prelude::*;
use streamgauge_core::stats::FixedMoments;
use streamgauge_core::stats::fixed::NothingToRemove;
use streamgauge_tests::exact::{Exact, Sums, add};
use streamgauge_tests::sets::Random;

fn of<const FRACTION: u32>(values: &[i32]) -> FixedMoments<i32, FRACTION> {
    let mut seen = FixedMoments::new();
    values.iter().for_each(|&x| seen.push(x));
    seen
}

fn integer(n: impl Into<BigInt>) -> BigRational {
    BigRational::from_integer(n.into())
}

/// Whether `raw` is the nearest integer to `exact`, or the one away from zero if there are two.
fn is_nearest(raw: impl Into<BigInt>, exact: &BigRational) -> bool {
    let floor_of_half_up = (exact.abs() + BigRational::new(1.into(), 2.into())).floor();
    integer(raw) == if exact.is_negative() { -floor_of_half_up } else { floor_of_half_up }
}

/// The same for a root, given the square.
fn is_nearest_root(raw: impl Into<BigInt>, square: &BigRational) -> bool {
    let doubled: BigInt = raw.into() * 2;
    let at_least = doubled <= BigInt::one() || integer((&doubled - BigInt::one()).pow(2)) <= square * integer(4);
    at_least && square * integer(4) < integer((doubled + BigInt::one()).pow(2))
}

/// Everything that can be read from `seen`, against `count` samples whose powers have these sums.
fn check(seen: &FixedMoments<i32>, count: u64, sums: &Sums) {
    assert_eq!(seen.count(), count);
    let exact = Exact::from_sums(count, sums, 0);
    assert!(is_nearest(seen.mean_raw().expect("a mean"), &exact.mean), "mean {:?} of {sums:?}", seen.mean_raw());
    let variance = seen.population_variance_raw().expect("a variance");
    assert!(is_nearest(variance, &exact.population_variance), "variance {variance} of {sums:?}");
    let root = seen.population_stddev_raw().expect("a deviation");
    assert!(is_nearest_root(root, &exact.population_variance), "deviation {root} of {sums:?}");
    match &exact.sample_variance {
        Some(exact) => {
            assert!(is_nearest(seen.sample_variance_raw().expect("a variance"), exact), "{sums:?}");
            assert!(is_nearest_root(seen.sample_stddev_raw().expect("a deviation"), exact), "{sums:?}");
        }
        None => assert_eq!((seen.sample_variance_raw(), seen.sample_stddev_raw()), (None, None)),
    }
    let (unit, square_unit) = (integer(1_u32 << 16), integer(1_u64 << 32));
    match (&exact.skewness_squared, &exact.excess_kurtosis) {
        (Some(square), Some(kurtosis)) => {
            let skewness = seen.skewness_raw().expect("a skewness");
            assert!(skewness == 0 || (skewness < 0) == exact.skewness_negative, "{skewness} of {sums:?}");
            assert!(is_nearest_root(skewness.unsigned_abs(), &(square * square_unit)), "{skewness} of {sums:?}");
            let raw = seen.excess_kurtosis_raw().expect("a kurtosis");
            // Kurtosis, not the excess, is rounded.
            assert!(is_nearest(raw + (3 << 16), &((kurtosis + integer(3)) * unit)), "{raw} of {sums:?}");
        }
        _ => assert_eq!((seen.skewness_raw(), seen.excess_kurtosis_raw()), (None, None)),
    }
    let digits = [
        exact.mean_digits(seen.mean()),
        exact.variance_digits(seen.sample_variance()),
        exact.stddev_digits(seen.sample_stddev()),
        exact.skewness_digits(seen.skewness()),
        exact.kurtosis_digits(seen.excess_kurtosis()),
    ];
    assert!(digits.iter().all(|&digits| digits >= 15.5), "{digits:?} of {sums:?}");
}

fn check_values(values: &[i32]) {
    let mut sums = Sums::default();
    values.iter().for_each(|&x| add(&mut sums, &x.into(), 1));
    check(&of(values), values.len() as u64, &sums);
}

#[test]
fn extremes_of_the_range() {
    check_values(&[i32::MIN]);
    check_values(&[i32::MAX, i32::MIN]);
    check_values(&[i32::MIN; 5]);
    check_values(&[i32::MIN, i32::MIN, i32::MAX]);
    check_values(&[i32::MAX, i32::MAX - 1, i32::MAX]);
    check_values(&[-1, 0]);
    check_values(&[0, 1, 1]);
    check_values(&[7; 3]);
}

#[test]
fn many_values_of_every_size() {
    let mut random = Random::new(4);
    for shift in [0, 5, 16, 24, 31] {
        let values: Vec<i32> = (0..5000).map(|_| random.bits() as i32 >> shift).collect();
        check_values(&values);
    }
}

/// Merging what was merged doubles the counts, up to the last one there is: 2^64 - 1.
#[test]
fn counts_up_to_the_last() {
    let patterns: [&[i32]; 4] =
        [&[i32::MIN, i32::MAX], &[i32::MIN], &[i32::MIN, i32::MIN, i32::MIN, i32::MAX], &[3, 1, 4, 1, 5]];
    for pattern in patterns {
        let (mut seen, mut times) = (of::<0>(pattern), 1_u64);
        let mut all = FixedMoments::new();
        let mut total = 0_u64;
        // Every bit of the largest multiple of the pattern that can be counted.
        let target = u64::MAX / pattern.len() as u64;
        loop {
            if target & times != 0 {
                all.merge(&seen);
                total += times;
            }
            let mut sums = Sums::default();
            pattern.iter().for_each(|&x| add(&mut sums, &x.into(), total));
            if total > 0 {
                check(&all, total * pattern.len() as u64, &sums);
            }
            if times > target / 2 {
                break;
            }
            let copy = seen;
            seen.merge(&copy);
            times *= 2;
        }
        assert_eq!(total, target);
    }
}

#[test]
fn removing_beyond_the_wrap_undoes_pushing() {
    let mut seen = of::<0>(&[i32::MIN, 5]);
    for _ in 0..70 {
        let copy = seen;
        seen.merge(&copy);
    }
    let before = seen;
    seen.push(i32::MIN);
    seen.push(i32::MAX);
    seen.remove(i32::MIN).unwrap();
    assert_eq!(seen.count(), 1);
    seen.remove(i32::MAX).unwrap();
    assert_eq!(seen, before);
}

#[test]
fn nothing_has_no_moments() {
    let mut nothing = FixedMoments::<i16>::new();
    assert_eq!((nothing.mean_raw(), nothing.population_variance_raw(), nothing.skewness()), (None, None, None));
    assert_eq!((nothing.mean(), nothing.sample_variance()), (None, None));
    assert_eq!(nothing.remove(1), Err(NothingToRemove));
    assert_eq!(nothing, FixedMoments::new());
}

/// Removing what was never taken in leaves sums that no samples have: results have no meaning, but are no NaN.
#[test]
fn impossible_sums_give_no_nan() {
    for (pushed, removed) in [(&[1, 1, 1][..], 1000), (&[0, 0], i32::MIN), (&[i32::MAX, 5], 6), (&[-9], 3)] {
        let mut seen = of::<0>(pushed);
        seen.remove(removed).unwrap();
        let raw = [seen.mean_raw().map(i64::from), seen.skewness_raw(), seen.excess_kurtosis_raw()];
        let roots = [seen.population_stddev_raw(), seen.sample_stddev_raw()];
        let variances = [seen.population_variance(), seen.sample_variance(), seen.sample_stddev()];
        let shape = [seen.mean(), seen.skewness(), seen.excess_kurtosis()];
        let floats = variances.iter().chain(&shape).flatten();
        assert!(floats.clone().all(|x| !x.is_nan()), "{pushed:?} without {removed}: {raw:?} {roots:?} {shape:?}");
    }
}

proptest! {
    #[test]
    fn a_sliding_window_is_as_if_there_had_been_nothing_else(
        values in prop::collection::vec(any::<i32>(), 1..100),
        window in 1..20_usize,
    ) {
        let mut sliding = FixedMoments::<i32>::new();
        for (i, &x) in values.iter().enumerate() {
            sliding.push(x);
            if i >= window {
                sliding.remove(values[i - window]).unwrap();
            }
            prop_assert_eq!(sliding, of(&values[(i + 1).saturating_sub(window)..=i]));
        }
        check_values(&values[values.len().saturating_sub(window)..]);
    }

    #[test]
    fn merging_in_any_order_is_pushing(values in prop::collection::vec(any::<i32>(), 0..60), cut in 0..60_usize) {
        let (a, b) = values.split_at(cut.min(values.len()));
        let (mut ab, mut ba) = (of::<0>(a), of::<0>(b));
        ab.merge(&of(b));
        ba.merge(&of(a));
        prop_assert_eq!(ab, ba);
        prop_assert_eq!(ab, of(&values));
    }

    #[test]
    fn narrow_samples_and_scales(values in prop::collection::vec(any::<i16>(), 2..40)) {
        let mut narrow = FixedMoments::<i16, 15>::new();
        values.iter().for_each(|&x| narrow.push(x));
        let wide = of::<0>(&values.iter().map(|&x| x.into()).collect::<Vec<_>>());
        prop_assert_eq!(narrow.mean_raw().map(i32::from), wide.mean_raw());
        prop_assert_eq!(narrow.sample_stddev_raw(), wide.sample_stddev_raw());
        let scaled: Vec<f64> = values.iter().map(|&x| f64::from(x) / 32768.0).collect();
        let exact = Exact::of(&scaled);
        let digits = [
            exact.mean_digits(narrow.mean()),
            exact.variance_digits(narrow.sample_variance()),
            exact.stddev_digits(narrow.sample_stddev()),
            exact.skewness_digits(narrow.skewness()),
            exact.kurtosis_digits(narrow.excess_kurtosis()),
        ];
        prop_assert!(digits.iter().all(|&digits| digits >= 15.5), "{:?}", digits);
    }
}

#[test]
fn the_measuring_stick_rounds_halves_away_from_zero() {
    let half = |n: i32| BigRational::new(n.into(), 2.into());
    assert!(is_nearest(2, &half(3)) && is_nearest(-2, &half(-3)) && !is_nearest(-1, &half(-3)));
    assert!(is_nearest_root(3_u32, &integer(9)) && !is_nearest_root(3_u32, &integer(16)));
    assert_eq!(half(5).to_f64(), Some(2.5));
}

#[test]
fn of_the_samples_themselves_divides_by_their_number() {
    let mut seen = FixedMoments::<i32>::new();
    assert_eq!((seen.population_variance(), seen.population_stddev()), (None, None));
    [1, 7].into_iter().for_each(|x| seen.push(x));
    assert_eq!((seen.population_variance(), seen.population_stddev()), (Some(9.0), Some(3.0)));
}
