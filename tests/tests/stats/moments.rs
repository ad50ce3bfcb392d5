//! `Moments` on every set: one by one, from slices, split and merged.

use num_rational::BigRational;
use num_traits::Signed;
use proptest::prelude::*;
use streamgauge_core::stats::Moments;
use streamgauge_core::stats::moments::NonFinite;
use streamgauge_tests::exact::{Exact, approximate, decimal, digits, root_digits};
use streamgauge_tests::needs;
use streamgauge_tests::sets::{self, Random};

/// The bar: half a unit in the last place of an `f64` is 15.65 to 15.95 digits.
const BAR: f64 = 15.5;

/// Values that cancel all but their last 1e-30 have a mean with as few digits as are left.
const CANCELLED: f64 = 1e-29;

fn check(name: &str, how: &str, seen: &Moments, exact: &Exact) {
    check_spread(name, how, seen, exact);
    let digits = exact.mean_digits(seen.mean());
    assert!(digits >= BAR, "mean of {name} {how} has {digits:.2} correct digits: {seen:?}");
}

fn check_spread(name: &str, how: &str, seen: &Moments, exact: &Exact) {
    let [population_variance, population_stddev] =
        [seen.population_variance(), seen.population_stddev()].map(|result| result.unwrap_or(f64::NAN));
    let results = [
        ("variance", exact.variance_digits(seen.sample_variance())),
        ("standard deviation", exact.stddev_digits(seen.sample_stddev())),
        ("skewness", exact.skewness_digits(seen.skewness())),
        ("kurtosis", exact.kurtosis_digits(seen.excess_kurtosis())),
        ("population variance", digits(population_variance, &exact.population_variance)),
        ("population deviation", root_digits(population_stddev, &exact.population_variance)),
    ];
    for (what, digits) in results {
        assert!(digits >= BAR, "{what} of {name} {how} has {digits:.2} correct digits: {seen:?}");
    }
}

pub(crate) fn one_by_one(values: &[f64]) -> Moments {
    let mut seen = Moments::new();
    values.iter().for_each(|&x| seen.push(x));
    seen
}

pub(crate) fn from_slice(values: &[f64]) -> Moments {
    let mut seen = Moments::new();
    seen.extend_from_slice(values);
    seen
}

/// `values` cut at random into slices of up to `longest`.
pub(crate) fn cut<'a, T>(mut values: &'a [T], longest: usize, random: &mut Random) -> Vec<&'a [T]> {
    let mut pieces = Vec::new();
    while !values.is_empty() {
        let (piece, rest) = values.split_at((1 + random.below(longest)).min(values.len()));
        pieces.push(piece);
        values = rest;
    }
    pieces
}

/// Merges any two until one is left.
fn merge_in_any_order(mut seen: Vec<Moments>, random: &mut Random) -> Moments {
    while seen.len() > 1 {
        let one = seen.swap_remove(random.below(seen.len()));
        let at = random.below(seen.len());
        seen[at].merge(&one);
    }
    seen.pop().unwrap_or_default()
}

#[test]
fn every_set_one_by_one_and_from_slices() {
    for set in sets::all() {
        let (exact, values) = (Exact::of(&set.values), &set.values);
        check(&set.name, "one by one", &one_by_one(values), &exact);
        check(&set.name, "from one slice", &from_slice(values), &exact);
        let mut random = Random::new(2);
        for longest in [3, 40, 1000] {
            let mut seen = Moments::new();
            for piece in cut(values, longest, &mut random) {
                seen.extend_from_slice(piece);
            }
            check(&set.name, &format!("from slices of up to {longest}"), &seen, &exact);
        }
        let (least, largest) = (values.iter().copied().reduce(f64::min), values.iter().copied().reduce(f64::max));
        assert_eq!((from_slice(values).min(), from_slice(values).max()), (least, largest), "{}", set.name);
        assert_eq!((one_by_one(values).min(), one_by_one(values).max()), (least, largest), "{}", set.name);
        assert_eq!(from_slice(values).count(), values.len() as u64);
    }
}

#[test]
fn every_set_split_and_merged_in_any_order() {
    for set in sets::all() {
        let exact = Exact::of(&set.values);
        let mut random = Random::new(3);
        for longest in [1, 2, 10, 300, 5000] {
            let pieces = cut(&set.values, longest, &mut random);
            let seen = pieces.iter().map(|piece| if longest < 300 { one_by_one(piece) } else { from_slice(piece) });
            let merged = merge_in_any_order(seen.collect(), &mut random);
            check(&set.name, &format!("split into {longest} and merged"), &merged, &exact);
        }
        let mut dealt = vec![Moments::new(); 64];
        for &x in &set.values {
            dealt[random.below(64)].push(x);
        }
        check(&set.name, "dealt to 64 and merged", &merge_in_any_order(dealt, &mut random), &exact);
    }
}

/// The pivot follows the mean: n (mean - pivot)² never exceeds the sum of squares about the mean, however many values
/// come. Double-double hides it for any number of values that a test could take in, so results alone can't tell.
#[test]
fn the_pivot_stays_near_the_mean() {
    let mut compared = 0;
    for set in sets::all() {
        for seen in [one_by_one(&set.values), from_slice(&set.values)] {
            let parts = seen.to_parts();
            if parts.exponent == 0 {
                let (mean, variance) = (seen.mean().expect("a mean"), seen.population_variance().expect("a variance"));
                // The pivot is rounded.
                let distance = (mean - parts.pivot).abs() - mean.abs() * f64::EPSILON;
                assert!(distance <= variance.sqrt(), "pivot {} of {}: {mean}, {variance}", parts.pivot, set.name);
                compared += 1;
            }
        }
    }
    assert!(compared >= 20, "only {compared} compared");
}

/// At the 2nd, 4th, 8th, … value it is the mean, however the values came.
#[test]
fn the_pivot_moves_to_the_mean_at_each_power_of_two() {
    let values: Vec<f64> = (0..5000).map(|x| f64::from(x * x)).collect();
    for power in 1..=12 {
        let values = &values[..1 << power];
        let mean = Exact::of(values).mean;
        let mut random = Random::new(4);
        for longest in [3, 100, 300, 5000] {
            let mut seen = Moments::new();
            cut(values, longest, &mut random).iter().for_each(|piece| seen.extend_from_slice(piece));
            for seen in [seen, one_by_one(values)] {
                let pivot = seen.to_parts().pivot;
                assert!(digits(pivot, &mean) > BAR, "{pivot} after {}", values.len());
            }
        }
    }
}

#[test]
fn merging_moves_the_pivot_to_the_mean() {
    let mut compared = 0;
    for set in sets::all() {
        for at in [1, set.values.len() / 2, set.values.len() - 1] {
            let (few, many) = set.values.split_at(at);
            let mut seen = from_slice(few);
            seen.merge(&from_slice(many));
            let parts = seen.to_parts();
            if parts.exponent == 0 && !few.is_empty() {
                let mean = seen.mean().expect("a mean");
                let pivot = parts.pivot;
                assert!(
                    (mean - pivot).abs() <= mean.abs() * f64::EPSILON,
                    "pivot {pivot} of {} {at}: {mean}",
                    set.name
                );
                compared += 1;
            }
        }
    }
    assert!(compared >= 60, "only {compared} compared");
}

/// The answers that came with the data were computed elsewhere: the measuring stick is right.
#[test]
fn exact_arithmetic_agrees_with_the_answers_of_the_data() {
    let mut compared = 0;
    for set in sets::all() {
        let Some(answers) = &set.answers else { continue };
        let exact = Exact::of(&set.values);
        let signed_square = |x: BigRational| (x < BigRational::default(), &x * &x);
        let mut compare = |key: &str, ours: Option<BigRational>, adapt: &dyn Fn(BigRational) -> BigRational| {
            let theirs = answers[key].as_str().map(|text| decimal(text).expect("a decimal number"));
            assert_eq!(ours.is_some(), theirs.is_some(), "{key} of {}", set.name);
            if let (Some(ours), Some(theirs)) = (ours, theirs.map(adapt)) {
                let error = approximate(&(&ours - &theirs)).abs();
                assert!(
                    error <= approximate(&ours).abs() * 1e-38 || ours == theirs,
                    "{key} of {}: {error:e}",
                    set.name
                );
                compared += 1;
            }
        };
        let same = |x| x;
        compare("mean", Some(exact.mean.clone()), &same);
        compare("var_pop", Some(exact.population_variance.clone()), &same);
        compare("exkurt_g2", exact.excess_kurtosis.clone(), &same);
        compare("skew_g1", exact.skewness_squared.clone(), &|x| {
            assert_eq!(x < BigRational::default(), exact.skewness_negative, "{}", set.name);
            signed_square(x).1
        });
    }
    assert!(compared >= 100 || needs::data().is_none(), "only {compared} answers compared");
}

#[test]
fn values_that_are_not_finite_poison_or_are_left_out() {
    let numbers: Vec<f64> = (1..=10).map(f64::from).collect();
    let (nan, up, down) = (f64::NAN, f64::INFINITY, f64::NEG_INFINITY);
    /// Mean, least and largest once poisoned.
    type Poisoned = (Option<f64>, Option<f64>, Option<f64>);
    let cases: [(&str, &[f64], bool, Poisoned); 6] = [
        ("nan_mid", &[nan], true, (None, None, None)),
        ("nan_first", &[nan], true, (None, None, None)),
        ("inf_mid", &[up], true, (Some(up), Some(1.0), Some(up))),
        ("neginf_last", &[down], true, (Some(down), Some(down), Some(10.0))),
        ("inf_both", &[up, down], true, (None, Some(down), Some(up))),
        ("all_nan", &[nan, nan, nan], false, (None, None, None)),
    ];
    let exact = Exact::of(&numbers);
    for (name, others, with_numbers, poisoned) in cases {
        let mut values: Vec<f64> = if with_numbers { numbers.clone() } else { vec![] };
        for (i, x) in others.iter().enumerate() {
            let at = if name == "nan_first" { 0 } else { (5 + 6 * i).min(values.len()) };
            values.insert(at, *x);
        }
        if let Some(folder) = needs::data() {
            let stored = sets::read(&folder.join(format!("hard/policy_{name}.txt")));
            let sorted = |mut values: Vec<f64>| {
                values.sort_by(f64::total_cmp);
                values.into_iter().map(f64::to_bits).collect::<Vec<_>>()
            };
            assert_eq!(sorted(stored.clone()), sorted(values), "{name}");
            values = stored;
        }
        for policy in [NonFinite::Poison, NonFinite::LeaveOut] {
            let mut pushed = Moments::with_policy(policy);
            values.iter().for_each(|&x| pushed.push(x));
            let mut sliced = Moments::with_policy(policy);
            sliced.extend_from_slice(&values);
            let mut merged = Moments::with_policy(policy);
            for piece in values.chunks(3) {
                let mut part = Moments::with_policy(policy);
                part.extend_from_slice(piece);
                merged.merge(&part);
            }
            for seen in [pushed, sliced, merged] {
                let counted = |test: fn(f64) -> bool| values.iter().filter(|x| test(**x)).count() as u64;
                assert_eq!(seen.count(), counted(f64::is_finite), "{name}");
                assert_eq!(seen.nan(), counted(f64::is_nan), "{name}");
                assert_eq!(seen.positive_infinities(), counted(|x| x == f64::INFINITY), "{name}");
                assert_eq!(seen.negative_infinities(), counted(|x| x == f64::NEG_INFINITY), "{name}");
                if policy == NonFinite::Poison {
                    assert_eq!((seen.mean(), seen.min(), seen.max()), poisoned, "{name}");
                    let shape = [seen.skewness(), seen.excess_kurtosis()];
                    let spread = [seen.population_variance(), seen.sample_variance()];
                    let roots = [seen.population_stddev(), seen.sample_stddev()];
                    assert_eq!([shape, spread, roots], [[None; 2]; 3], "{name}");
                } else if with_numbers {
                    assert_eq!((seen.min(), seen.max()), (Some(1.0), Some(10.0)), "{name}");
                    check(name, "left out", &seen, &exact);
                } else {
                    assert_eq!((seen.mean(), seen.min(), seen.max()), (None, None, None), "{name}");
                }
            }
        }
    }
}

/// Far enough into a slice for it to be taken many at a time.
#[test]
fn what_is_not_finite_in_a_long_slice_is_found() {
    let numbers: Vec<f64> = (0..3000).map(f64::from).collect();
    let exact = Exact::of(&numbers);
    let mut random = Random::new(5);
    for other in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for _ in 0..50 {
            let mut values = numbers.clone();
            values.insert(random.below(3000), other);
            let mut seen = Moments::with_policy(NonFinite::LeaveOut);
            seen.extend_from_slice(&values);
            assert_eq!(seen.nan() + seen.positive_infinities() + seen.negative_infinities(), 1);
            check("numbers", "around one that is not finite", &seen, &exact);
        }
    }
}

#[test]
fn infinities_of_one_sign_alone_are_both_extremes() {
    for infinity in [f64::INFINITY, f64::NEG_INFINITY] {
        let seen = from_slice(&[infinity; 3]);
        assert_eq!((seen.mean(), seen.min(), seen.max()), (Some(infinity), Some(infinity), Some(infinity)));
    }
}

#[test]
fn a_nan_beside_an_infinity_poisons_all() {
    for other in [f64::INFINITY, f64::NEG_INFINITY] {
        let seen = from_slice(&[1.0, f64::NAN, other]);
        assert_eq!((seen.mean(), seen.min(), seen.max(), seen.population_variance()), (None, None, None, None));
    }
}

#[test]
fn nothing_and_no_spread_have_no_results() {
    let nothing = Moments::new();
    assert_eq!((nothing.mean(), nothing.min(), nothing.population_variance()), (None, None, None));
    let one = one_by_one(&[0.1]);
    assert_eq!((one.mean(), one.population_variance(), one.sample_variance()), (Some(0.1), Some(0.0), None));
    let same = from_slice(&[0.1; 1000]);
    assert_eq!((same.sample_variance(), same.sample_stddev()), (Some(0.0), Some(0.0)));
    assert_eq!((same.skewness(), same.excess_kurtosis()), (None, None));
}

/// Any finite `f64`, and more of the awkward ones than chance would give.
pub(crate) fn finite() -> impl Strategy<Value = f64> {
    let any = any::<u64>().prop_map(f64::from_bits).prop_filter("finite", |x| x.is_finite());
    let awkward = proptest::sample::select(vec![
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.1,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        5e-324,
        1.0 + f64::EPSILON,
        1e15,
        1e-40,
        1e66,
    ]);
    prop_oneof![any, awkward, -1.0..1.0, (0..8).prop_map(|x| 1e9 + f64::from(x) / 8.0)]
}

proptest! {
    #[test]
    fn any_finite_values(values in prop::collection::vec(finite(), 1..80), cuts in any::<u64>()) {
        let exact = Exact::of(&values);
        check_all(&values, &one_by_one(&values), &exact);
        check_all(&values, &from_slice(&values), &exact);
        let mut random = Random::new(cuts);
        let pieces = cut(&values, 20, &mut random).into_iter().map(from_slice).collect();
        check_all(&values, &merge_in_any_order(pieces, &mut random), &exact);
    }

    #[test]
    fn merging_commutes_to_the_bit(
        a in prop::collection::vec(finite(), 0..40),
        b in prop::collection::vec(finite(), 0..40),
    ) {
        let (a, b) = (from_slice(&a), from_slice(&b));
        let (mut ab, mut ba) = (a, b);
        ab.merge(&b);
        ba.merge(&a);
        prop_assert_eq!(ab.to_parts(), ba.to_parts());
    }
}

fn check_all(values: &[f64], seen: &Moments, exact: &Exact) {
    check_spread(&format!("{values:?}"), "", seen, exact);
    let largest = values.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    let bound = BigRational::from_float(largest).expect("finite") * BigRational::from_float(CANCELLED).expect("finite");
    let mean = BigRational::from_float(seen.mean().expect("a mean")).expect("a finite mean");
    let digits = exact.mean_digits(seen.mean());
    assert!(
        digits >= BAR || (mean - &exact.mean).abs() <= bound,
        "mean of {values:?} has {digits:.2} correct digits: {seen:?}"
    );
}
