//! `Bivariate` on every set of pairs: one by one, and split and merged.

mod judged;
mod parts;

use proptest::prelude::*;
use streamgauge_core::stats::Bivariate;
use streamgauge_core::stats::moments::NonFinite;
use streamgauge_tests::exact::digits;
use streamgauge_tests::exact_pairs::ExactPairs;
use streamgauge_tests::pairs::{self, NORRIS};
use streamgauge_tests::sets::Random;

use crate::moments::{cut, finite};
use judged::judge;

/// The bar: half a unit in the last place of an `f64` is 15.65 to 15.95 digits.
const BAR: f64 = 15.5;

/// What cancels so far that digits go: all else in all sets has them.
const WITH_FEWER_DIGITS: [(&str, &str); 3] = [
    ("generated line by 0.7", "intercept"),
    ("generated line by 0.7", "residual deviation"),
    ("generated early outlier of both", "residual deviation"),
];

fn check(name: &str, how: &str, seen: &Bivariate, exact: &ExactPairs) {
    for judged in judge(seen, exact) {
        let what = judged.what;
        let may_cancel = judged.is_cancelled && WITH_FEWER_DIGITS.contains(&(name, what));
        assert!(
            judged.digits >= BAR || may_cancel,
            "{what} of {name} {how} has {:.2} correct digits: {seen:?}",
            judged.digits
        );
    }
}

/// As it is documented: digits, or an error below what cancelling leaves.
fn check_any(pairs: &[(f64, f64)], seen: &Bivariate, exact: &ExactPairs) {
    for judged in judge(seen, exact) {
        assert!(
            judged.digits >= BAR || judged.is_cancelled,
            "{} of {pairs:?} has {:.2} correct digits: {seen:?}",
            judged.what,
            judged.digits
        );
    }
}

fn of(pairs: &[(f64, f64)]) -> Bivariate {
    with_policy(NonFinite::Poison, pairs)
}

fn with_policy(policy: NonFinite, pairs: &[(f64, f64)]) -> Bivariate {
    let mut seen = Bivariate::with_policy(policy);
    pairs.iter().for_each(|&(x, y)| seen.push(x, y));
    seen
}

/// Merges any two until one is left.
fn merge_in_any_order(mut seen: Vec<Bivariate>, random: &mut Random) -> Bivariate {
    while seen.len() > 1 {
        let one = seen.swap_remove(random.below(seen.len()));
        let at = random.below(seen.len());
        seen[at].merge(&one);
    }
    seen.pop().unwrap_or_default()
}

fn exchanged(pairs: &[(f64, f64)]) -> Vec<(f64, f64)> {
    pairs.iter().map(|&(x, y)| (y, x)).collect()
}

#[test]
fn every_set_one_by_one() {
    for set in pairs::all() {
        let (exact, seen) = (ExactPairs::of(&set.pairs), of(&set.pairs));
        check(&set.name, "one by one", &seen, &exact);
        assert_eq!(seen.count(), set.pairs.len() as u64);
        let extreme = |all: &mut dyn Iterator<Item = f64>, of: fn(f64, f64) -> f64| all.reduce(of);
        let (xs, ys) = (|| set.pairs.iter().map(|pair| pair.0), || set.pairs.iter().map(|pair| pair.1));
        assert_eq!((seen.x().min(), seen.y().min()), (extreme(&mut xs(), f64::min), extreme(&mut ys(), f64::min)));
        assert_eq!((seen.x().max(), seen.y().max()), (extreme(&mut xs(), f64::max), extreme(&mut ys(), f64::max)));
    }
}

#[test]
fn every_set_split_and_merged_in_any_order() {
    for set in pairs::all() {
        let exact = ExactPairs::of(&set.pairs);
        let mut random = Random::new(3);
        for longest in [1, 10, 300] {
            let pieces = cut(&set.pairs, longest, &mut random).into_iter().map(of).collect();
            let merged = merge_in_any_order(pieces, &mut random);
            check(&set.name, &format!("split into {longest} and merged"), &merged, &exact);
        }
        let mut dealt = vec![Bivariate::new(); 64];
        for &(x, y) in &set.pairs {
            dealt[random.below(64)].push(x, y);
        }
        check(&set.name, "dealt to 64 and merged", &merge_in_any_order(dealt, &mut random), &exact);
    }
}

/// What NIST has computed, with 500 digits, from the numbers as they are printed.
#[test]
fn the_certified_values_of_norris() {
    let seen = of(&NORRIS);
    let certified = [
        (seen.slope(), 1.00211681802045),
        (seen.intercept(), -0.262323073774029),
        (seen.residual_stddev(), 0.884796396144373),
        (seen.r_squared(), 0.999993745883712),
    ];
    for (computed, certified) in certified {
        let computed = computed.expect("a result");
        assert!((computed - certified).abs() <= certified.abs() * 1e-14, "{computed} {certified}");
    }
}

/// Four sets that F. J. Anscombe made in 1973 to have the same line.
#[test]
fn one_line_for_four_sets() {
    let x = [10.0, 8.0, 13.0, 9.0, 11.0, 14.0, 6.0, 4.0, 12.0, 7.0, 5.0];
    let last_x = [8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 19.0, 8.0, 8.0, 8.0];
    let sets = [
        (x, [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68]),
        (x, [9.14, 8.14, 8.74, 8.77, 9.26, 8.1, 6.13, 3.1, 9.13, 7.26, 4.74]),
        (x, [7.46, 6.77, 12.74, 7.11, 7.81, 8.84, 6.08, 5.39, 8.15, 6.42, 5.73]),
        (last_x, [6.58, 5.76, 7.71, 8.84, 8.47, 7.04, 5.25, 12.5, 5.56, 7.91, 6.89]),
    ];
    for (x, y) in sets {
        let pairs: Vec<(f64, f64)> = x.into_iter().zip(y).collect();
        let seen = of(&pairs);
        let rounded = |result: Option<f64>, digits: i32| {
            let unit = 10_f64.powi(digits);
            (result.expect("a result") * unit).round() / unit
        };
        assert_eq!((rounded(seen.slope(), 3), rounded(seen.intercept(), 2)), (0.5, 3.0), "{pairs:?}");
        assert_eq!((rounded(seen.correlation(), 2), rounded(seen.residual_stddev(), 2)), (0.82, 1.24), "{pairs:?}");
    }
}

/// Of any size, and both ways.
#[test]
fn pairs_on_a_line_are_perfectly_correlated_and_leave_nothing() {
    let mut random = Random::new(7);
    let lines: [fn(f64) -> f64; 4] = [|x| 2.0 * x + 3.0, |x| 0.25 - x, |x| 3.0 * x, |x| 5.0 - 7.0 * x];
    for (line, slope, intercept) in
        [(lines[0], 2.0, 3.0), (lines[1], -1.0, 0.25), (lines[2], 3.0, 0.0), (lines[3], -7.0, 5.0)]
    {
        for (x_size, y_size) in [(1.0, 1.0), (2_f64.powi(900), 2_f64.powi(-900)), (2_f64.powi(-1000), 2_f64.powi(-990))]
        {
            for (bits, offset, count) in
                [(8, 0.0, 3), (20, 0.0, 100), (49, 0.5, 1000), (48, 0.0, 20_000), (10, 1e12, 3000)]
            {
                let fraction = 2_f64.powi(-bits);
                let mut seen = Bivariate::new();
                for _ in 0..count {
                    let x = offset + (random.unit() / fraction).floor() * fraction;
                    seen.push(x * x_size, line(x) * y_size);
                }
                let context = format!("{slope} {intercept} {x_size:e} {y_size:e} {bits} {offset} {count}");
                assert_eq!(seen.correlation(), Some(f64::signum(slope)), "{context}");
                assert_eq!((seen.r_squared(), seen.residual_stddev()), (Some(1.0), Some(0.0)), "{context}");
                assert_eq!(seen.slope(), Some(slope * y_size / x_size), "{context}");
                let error = seen.intercept().expect("an intercept") / y_size - intercept;
                assert!(error.abs() <= 1e-28 * offset.max(1.0) * slope.abs(), "{context} {error:e}");
            }
        }
    }
}

/// The sums of numbers of few bits are exact; then so is what is left of them, however little.
#[test]
fn one_whole_number_beside_the_line_is_seen() {
    let mut random = Random::new(8);
    for (bits, offset) in [(20, 0.0), (26, 0.0), (26, 1e9), (28, -5.0)] {
        let pairs: Vec<(f64, f64)> = (0..100)
            .map(|i| {
                let x = (offset + random.unit() * 2_f64.powi(bits)).floor();
                (x, 3.0 * x - if i == 7 { 1.0 } else { 0.0 })
            })
            .collect();
        check("whole numbers", "one by one", &of(&pairs), &ExactPairs::of(&pairs));
    }
}

#[test]
fn y_that_is_x_has_its_results_to_the_bit() {
    for set in pairs::all() {
        let xs: Vec<(f64, f64)> = set.pairs.iter().map(|&(x, _)| (x, x)).collect();
        let seen = of(&xs);
        let name = &set.name;
        assert_eq!(seen.sample_covariance(), seen.x().sample_variance(), "{name}");
        assert_eq!(seen.population_covariance(), seen.y().population_variance(), "{name}");
        if seen.x().min() < seen.x().max() {
            assert_eq!((seen.correlation(), seen.r_squared()), (Some(1.0), Some(1.0)), "{name}");
            assert_eq!((seen.slope(), seen.intercept()), (Some(1.0), Some(0.0)), "{name}");
            assert_eq!(seen.residual_stddev(), (seen.count() > 2).then_some(0.0), "{name}");
        }
    }
}

#[test]
fn too_few_pairs_and_no_spread_have_no_results() {
    let line = |seen: &Bivariate| [seen.slope(), seen.intercept(), seen.residual_stddev()];
    let strength = |seen: &Bivariate| [seen.correlation(), seen.r_squared()];
    let covariances = |seen: &Bivariate| [seen.population_covariance(), seen.sample_covariance()];
    let nothing = Bivariate::new();
    assert_eq!((line(&nothing), strength(&nothing), covariances(&nothing)), ([None; 3], [None; 2], [None; 2]));
    assert_eq!([nothing.x().mean(), nothing.y().min(), nothing.x().max(), nothing.y().population_stddev()], [None; 4]);
    let one = of(&[(0.1, 1e300)]);
    assert_eq!((line(&one), strength(&one), covariances(&one)), ([None; 3], [None; 2], [Some(0.0), None]));
    assert_eq!((one.x().mean(), one.y().mean(), one.x().sample_variance()), (Some(0.1), Some(1e300), None));
    let two = of(&[(0.0, 3.0), (2.0, 2.0)]);
    assert_eq!((line(&two), strength(&two)), ([Some(-0.5), Some(3.0), None], [Some(-1.0), Some(1.0)]));
    assert_eq!(covariances(&two), [Some(-0.5), Some(-1.0)]);
    for count in [2_u32, 3, 1000] {
        let rising: Vec<(f64, f64)> = (0..count).map(|i| (0.1, 1e-310 * f64::from(i))).collect();
        let same_x = of(&rising);
        assert_eq!((line(&same_x), strength(&same_x), covariances(&same_x)), ([None; 3], [None; 2], [Some(0.0); 2]));
        let same_y = of(&exchanged(&rising));
        let residual = (count > 2).then_some(0.0);
        assert_eq!((line(&same_y), strength(&same_y)), ([Some(0.0), Some(0.1), residual], [None; 2]));
        assert_eq!(covariances(&same_y), [Some(0.0); 2]);
        let both = of(&vec![(0.1, -1e300); count as usize]);
        assert_eq!((line(&both), strength(&both), covariances(&both)), ([None; 3], [None; 2], [Some(0.0); 2]));
        assert_eq!((both.x().sample_stddev(), both.y().population_variance()), (Some(0.0), Some(0.0)));
    }
}

#[test]
fn what_is_beyond_the_range_is_infinite_and_the_rest_is_not() {
    let seen = of(&[(1e300, -3e300), (2e300, -5e300), (4e300, -8e300)]);
    assert_eq!(seen.sample_covariance(), Some(f64::NEG_INFINITY));
    assert!(seen.correlation().is_some_and(|r| r > -1.0 && r < -0.99));
    let steep = of(&[(1e-300, 3e300), (2e-300, 5e300), (4e-300, 8e300)]);
    assert_eq!(steep.slope(), Some(f64::INFINITY));
    assert!(steep.intercept().is_some_and(|intercept| intercept > 1e300 && intercept < 2e300));
}

#[test]
fn pairs_that_are_not_finite_poison_or_are_left_out() {
    let (nan, up, down) = (f64::NAN, f64::INFINITY, f64::NEG_INFINITY);
    let numbers: Vec<(f64, f64)> = (1..=10).map(|i| (f64::from(i), f64::from(i * i))).collect();
    let exact = ExactPairs::of(&numbers);
    let others = [
        ((nan, 1.0), (1, 0)),
        ((1.0, nan), (1, 0)),
        ((nan, up), (1, 0)),
        ((down, nan), (1, 0)),
        ((nan, nan), (1, 0)),
        ((up, 1.0), (0, 1)),
        ((1e300, down), (0, 1)),
        ((up, down), (0, 1)),
    ];
    for (other, counted) in others {
        for at in [0, 5, 10] {
            let mut pairs = numbers.clone();
            pairs.insert(at, other);
            for policy in [NonFinite::Poison, NonFinite::LeaveOut] {
                let mut merged = Bivariate::with_policy(policy);
                pairs.chunks(3).for_each(|piece| merged.merge(&with_policy(policy, piece)));
                for seen in [with_policy(policy, &pairs), merged] {
                    assert_eq!((seen.nan(), seen.infinite()), counted, "{other:?}");
                    assert_eq!((seen.count(), seen.non_finite()), (10, policy));
                    if policy == NonFinite::LeaveOut {
                        check("numbers", "beside what is left out", &seen, &exact);
                    } else {
                        assert_eq!([seen.sample_covariance(), seen.population_covariance()], [None; 2]);
                        assert_eq!([seen.correlation(), seen.r_squared(), seen.slope()], [None; 3]);
                        assert_eq!([seen.intercept(), seen.residual_stddev()], [None; 2]);
                        for variable in [seen.x(), seen.y()] {
                            assert_eq!([variable.mean(), variable.min(), variable.max()], [None; 3]);
                            assert_eq!([variable.population_variance(), variable.sample_variance()], [None; 2]);
                        }
                    }
                }
            }
        }
    }
    let mut poisoned = with_policy(NonFinite::LeaveOut, &numbers);
    poisoned.merge(&of(&[(nan, 1.0)]));
    assert_eq!((poisoned.non_finite(), poisoned.nan(), poisoned.slope()), (NonFinite::Poison, 1, None));
}

/// The pivots are the means at the 2nd, 4th, 8th, … pair and when states are merged, so that n (mean - pivot)² never
/// exceeds the sum of squares about the mean. Double-double hides it from results.
#[test]
fn pivots_follow_the_means() {
    let pairs: Vec<(f64, f64)> = (0..5000).map(f64::from).map(|x| (x * x, 1e6 - 3.0 * x)).collect();
    let is_mean = |seen: &Bivariate, pairs: &[(f64, f64)]| {
        let (exact, parts) = (ExactPairs::of(pairs), seen.to_parts());
        let (x, y) = (digits(parts.x.pivot, &exact.x.mean), digits(parts.y.pivot, &exact.y.mean));
        assert!(x > BAR && y > BAR, "{} pairs: {parts:?}", pairs.len());
    };
    for power in 1..=12 {
        is_mean(&of(&pairs[..1 << power]), &pairs[..1 << power]);
    }
    for at in [1, 7, 2500, 4999] {
        let mut seen = of(&pairs[..at]);
        seen.merge(&of(&pairs[at..]));
        is_mean(&seen, &pairs);
    }
}

fn some_pairs(count: core::ops::Range<usize>) -> impl Strategy<Value = Vec<(f64, f64)>> {
    prop::collection::vec((finite(), finite()), count)
}

/// Nearly on a line, at any size and offset.
fn near_a_line() -> impl Strategy<Value = Vec<(f64, f64)>> {
    let sizes = (-1000..1000, -1000..1000, -60..3, -1e3..1e3, -1e3..1e3);
    (sizes, prop::collection::vec((-1.0..1.0, -1.0..1.0), 1..40)).prop_map(|((x, y, noise, offset, slope), pairs)| {
        let size = |exponent: i32| 2_f64.powi(exponent);
        let line = |x: f64, e: f64| slope * x + size(noise) * e;
        pairs.into_iter().map(|(u, e)| (size(x) * (offset + u), size(y) * line(offset + u, e))).collect()
    })
}

proptest! {
    #[test]
    fn any_finite_pairs(
        pairs in prop_oneof![some_pairs(1..40), near_a_line()],
        cuts in any::<u64>(),
    ) {
        let exact = ExactPairs::of(&pairs);
        check_any(&pairs, &of(&pairs), &exact);
        let mut random = Random::new(cuts);
        let pieces = cut(&pairs, 20, &mut random).into_iter().map(of).collect();
        check_any(&pairs, &merge_in_any_order(pieces, &mut random), &exact);
    }

    #[test]
    fn merging_commutes_to_the_bit(a in some_pairs(0..40), b in some_pairs(0..40)) {
        let (a, b) = (of(&a), of(&b));
        let (mut ab, mut ba) = (a, b);
        ab.merge(&b);
        ba.merge(&a);
        prop_assert_eq!(ab.to_parts(), ba.to_parts());
    }

    #[test]
    fn which_is_x_makes_no_difference_to_covariance_and_correlation(
        a in prop_oneof![some_pairs(0..40), near_a_line()],
        b in some_pairs(0..40),
    ) {
        let [mut seen, mut other] = [of(&a), of(&exchanged(&a))];
        seen.merge(&of(&b));
        other.merge(&of(&exchanged(&b)));
        prop_assert_eq!(seen.to_parts().products, other.to_parts().products);
        let results = |seen: &Bivariate| [seen.sample_covariance(), seen.correlation(), seen.r_squared()];
        prop_assert_eq!(results(&seen), results(&other));
        prop_assert!(seen.correlation().is_none_or(|r| (-1.0..=1.0).contains(&r)));
    }
}
