//! Answers against sorted values.

use proptest::prelude::*;
use streamgauge_core::stats::DdSketch;
use streamgauge_core::stats::quantiles::{Accuracy, Bounds};

use crate::exact::is_within;
use crate::model::sketch_of;
use crate::streams;

/// The value of this rank, the least at 1, of values in order with their times.
fn at_rank(sorted: &[(f64, u64)], rank: u64) -> f64 {
    let mut through = 0;
    sorted.iter().find(|(_, times)| (through += times, through >= rank).1).expect("a rank that there is").0
}

proptest! {
    #[test]
    fn bounds_and_errors_hold(
        stream in streams::heavy(),
        settings in streams::settings(),
        shares in prop::collection::vec(0.0..=1.0, 20),
        others in streams::values(),
    ) {
        let sketch = sketch_of(&stream, settings);
        let mut sorted: Vec<_> = stream.iter().copied().filter(|(x, times)| x.is_finite() && *times > 0).collect();
        sorted.sort_by(|(a, _), (b, _)| (a + 0.0).total_cmp(&(b + 0.0)));
        let count: u64 = sorted.iter().map(|(_, times)| times).sum();
        let whole = sketch.error();
        prop_assert!(whole >= settings.0);
        prop_assert!(sketch.collapsed() > 0 || sketch.uncounted() > 0 || whole == settings.0);
        for q in shares.into_iter().chain([0.0, 0.5, 1.0]) {
            let Some(answer) = sketch.quantile(q) else {
                prop_assert_eq!(count, 0);
                continue;
            };
            let rank = ((q * count as f64).ceil() as u64).clamp(1, count);
            let truth = at_rank(&sorted, rank);
            prop_assert!(answer.lower <= truth && truth <= answer.upper, "{q}: {truth} {answer:?}");
            prop_assert!(sketch.min() <= Some(answer.lower) && Some(answer.upper) <= sketch.max(), "{q}: {answer:?}");
            prop_assert!(is_within(answer.estimate, truth, answer.error), "{q}: {truth} {answer:?}");
            prop_assert!(answer.error <= whole, "{q}: {answer:?} {whole}");
            if rank == 1 || rank == count || truth == 0.0 {
                prop_assert_eq!((answer.estimate + 0.0, answer.error), (truth + 0.0, 0.0));
            }
        }
        for x in sorted.iter().map(|(x, _)| *x).chain(others) {
            for x in [x.next_down(), x, x.next_up()] {
                let truth: u64 = sorted.iter().filter(|(y, _)| *y <= x).map(|(_, times)| times).sum();
                match sketch.at_most(x) {
                    Some(Bounds { lower, upper }) => {
                        prop_assert!(lower <= truth && truth <= upper, "{x}: {truth} {lower} {upper}");
                    }
                    None => prop_assert!(x.is_nan()),
                }
            }
        }
    }

    /// Values that all fit into the window: no answer is off by more than was promised, and ranks by more than a bin.
    #[test]
    fn the_promise_is_kept(
        values in prop::collection::vec((0.0..20.0_f64, any::<bool>()), 1..200),
        accuracy in prop::sample::select(vec![0.001, 0.01, 0.3]),
        q in 0.0..=1.0_f64,
    ) {
        let values = values.iter().map(|(power, negative)| 2.0_f64.powf(*power) * if *negative { -1.0 } else { 1.0 });
        let mut sorted: Vec<f64> = values.collect();
        let mut sketch = DdSketch::new(vec![0; 16_000], Accuracy::new(accuracy).unwrap());
        sorted.iter().for_each(|x| sketch.push(*x));
        sorted.sort_by(f64::total_cmp);
        let truth = sorted[((q * sorted.len() as f64).ceil() as usize).max(1) - 1];
        let answer = sketch.quantile(q).unwrap();
        prop_assert!(is_within(answer.estimate, truth, accuracy) && answer.error <= accuracy, "{truth} {answer:?}");
        prop_assert_eq!((sketch.error(), sketch.collapsed(), sketch.uncounted()), (accuracy, 0, 0));
        let Bounds { lower, upper } = sketch.at_most(truth).unwrap();
        let near = sorted.iter().filter(|x| is_within(**x, truth, 2.1 * accuracy / (1.0 - accuracy))).count() as u64;
        prop_assert!(upper - lower <= near, "{lower} {upper} {near}");
    }
}

#[test]
fn no_answer_without_values_or_share() {
    let mut sketch = DdSketch::new([0; 8], Accuracy::default());
    for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        sketch.push(x);
    }
    assert_eq!((sketch.count(), sketch.quantile(0.5), sketch.min(), sketch.max()), (0, None, None, None));
    assert_eq!((sketch.nan(), sketch.positive_infinities(), sketch.negative_infinities()), (1, 1, 1));
    assert_eq!(sketch.at_most(f64::INFINITY), Some(Bounds { lower: 0, upper: 0 }));
    sketch.push(-0.0);
    assert_eq!((sketch.count(), sketch.zeros(), sketch.min().map(f64::to_bits)), (1, 1, Some(0)));
    for q in [-0.001, 1.001, f64::NAN, f64::INFINITY] {
        assert_eq!(sketch.quantile(q), None, "{q}");
    }
    assert_eq!(sketch.at_most(f64::NAN), None);
}

/// PyPI ddsketch 3.0.1 says 19.7 million.
#[test]
fn what_collapsed_is_still_what_it_was() {
    let large = 1_073_741_824.0;
    for order in [[(1.0, 100), (large, 1)], [(large, 1), (1.0, 100)]] {
        let sketch = sketch_of(&order, (0.01, 2048, 1024));
        assert_eq!((sketch.collapsed(), sketch.error()), (100, 0.01));
        let median = sketch.quantile(0.5).unwrap();
        assert!(is_within(median.estimate, 1.0, 0.01) && median.lower <= 1.0 && 1.0 <= median.upper, "{median:?}");
        assert_eq!((sketch.quantile(0.0).unwrap().estimate, sketch.quantile(1.0).unwrap().estimate), (1.0, large));
    }
}

/// A collapse takes nothing from the values that still have a bin, the lowest of them included.
#[test]
fn what_did_not_collapse_keeps_its_promise() {
    let mut sketch = DdSketch::with_negative_bins([0; 100], Accuracy::PERCENT, 0);
    let values: Vec<f64> = (0..1000).map(|n| 1.02_f64.powi(n)).collect();
    values.iter().for_each(|x| sketch.push(*x));
    let collapsed = sketch.collapsed();
    assert!((890..910).contains(&collapsed), "{collapsed}");
    assert!(sketch.error() > 0.999);
    for (n, truth) in values.iter().enumerate() {
        let answer = sketch.quantile((n as f64 + 0.5) / 1000.0).unwrap();
        let relative = if (n as u64) < collapsed { answer.error } else { 0.01 };
        assert!(is_within(answer.estimate, *truth, relative) && answer.error <= sketch.error(), "{truth}: {answer:?}");
        assert!(answer.error <= 0.01 || (n as u64) < collapsed, "{truth}: {answer:?}");
    }
}

#[test]
fn a_full_bin_says_so_and_costs_nothing_and_several_cost_certainty() {
    let settings = (0.01, 200, 0);
    let many = 1 << 40;
    let one = sketch_of(&[(1.0, 5), (2.0, many), (3.0, 5)], settings);
    assert_eq!((one.uncounted(), one.error()), (many - u64::from(u32::MAX), 0.01));
    for (rank, truth) in [(1, 1.0), (5, 1.0), (6, 2.0), (many + 5, 2.0), (many + 6, 3.0), (many + 10, 3.0)] {
        let answer = one.quantile((rank as f64 - 0.5) / (many + 10) as f64).unwrap();
        assert!(is_within(answer.estimate, truth, 0.01), "{rank}: {answer:?}");
    }
    assert_eq!(one.at_most(2.5), Some(Bounds { lower: many + 5, upper: many + 5 }));

    let several = sketch_of(&[(1.0, 5), (2.0, many), (4.0, many), (5.0, 5)], settings);
    let median = several.quantile(0.5).unwrap();
    assert!(median.lower <= 2.0 && median.upper >= 4.0 && median.error > 0.3, "{median:?}");
    assert!(median.error <= several.error() && several.error() < 0.35, "{}", several.error());
    let Bounds { lower, upper } = several.at_most(3.0).unwrap();
    assert!(lower <= many + 5 && many + 5 <= upper);
    // Nothing uncertain beyond them.
    let below = several.at_most(1.5).unwrap();
    assert_eq!(below, Bounds { lower: 5, upper: 5 });
    assert_eq!(several.at_most(4.5), Some(Bounds { lower: 2 * many + 5, upper: 2 * many + 5 }));
}

#[test]
fn more_values_than_can_be_counted_leave_the_extremes() {
    for stream in [[(-3.0, u64::MAX), (8.0, 1)], [(1.0, u64::MAX - 5), (8.0, 7)], [(0.0, u64::MAX), (8.0, 9)]] {
        let sketch = sketch_of(&stream, (0.01, 100, 50));
        assert_eq!(sketch.count(), u64::MAX);
        let median = sketch.quantile(0.5).unwrap();
        assert_eq!((Some(median.lower), Some(median.upper)), (sketch.min(), sketch.max()));
        assert!(median.error <= sketch.error() && sketch.error() >= 0.7);
        let mut twice = sketch.clone();
        twice.merge(&sketch).unwrap();
        assert_eq!((twice.count(), twice.quantile(0.5)), (u64::MAX, Some(median)));
        assert_eq!(sketch.at_most(7.0), Some(Bounds { lower: 1, upper: u64::MAX }));
        assert_eq!(sketch.at_most(8.0), Some(Bounds { lower: u64::MAX, upper: u64::MAX }));
    }
}
