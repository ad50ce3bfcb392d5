//! Quantiles: never further from numpy's than the answer says.

use serde_json::Value;
use streamgauge_core::stats::quantiles::{Accuracy, DdSketch};

use crate::readings::{messages, readings};
use crate::streams;
use crate::values::{number, numbers, values, whole};

const ACCURACY: f64 = 0.01;

#[test]
fn quantiles_are_those_of_numpy_within_the_error_that_they_state() {
    let Some(values) = values() else { return };
    for (name, stream) in streams::all(&values) {
        let reference = &values["streams"][name];
        for reading in readings(r#""measure":"quantiles""#, &messages(&stream)) {
            let collapses = assert_quantiles(name, &reading, &reference["quantiles"]);
            assert_eq!(collapses, name == "wide", "{name}");
        }
        let mut sketch = sketch(1024);
        stream.iter().for_each(|x| sketch.push(*x));
        for (q, exact) in numbers(&values["quantiles"]).into_iter().zip(numbers(&reference["quantiles"])) {
            let quantile = sketch.quantile(q).expect("there are values");
            assert!(quantile.lower <= exact && exact <= quantile.upper, "{name}: {quantile:?} of {exact}");
            assert!(
                (quantile.estimate - exact).abs() <= quantile.error * exact.abs(),
                "{name}: {quantile:?} of {exact}"
            );
        }
    }
}

/// That these are quantiles of the values whose exact ones are given; whether some collapsed.
pub(crate) fn assert_quantiles(what: &str, reading: &Value, exact: &Value) -> bool {
    let stated = number(reading, "quantile_error");
    let collapses = whole(reading, "collapsed") > 0;
    assert!(stated <= ACCURACY * (1.0 + 1e-12) || collapses, "{what}: {stated}");
    for (name, exact) in ["p50", "p90", "p99", "p999"].into_iter().zip(numbers(exact)) {
        let told = number(reading, name);
        assert!((told - exact).abs() <= stated * exact.abs(), "{what}: {name}: {told}, numpy has {exact}");
    }
    collapses
}

#[test]
fn ddsketch_and_numpy_agree_so_both_rank_alike() {
    let Some(values) = values() else { return };
    for (name, _) in streams::all(&values) {
        let reference = &values["streams"][name];
        for (theirs, exact) in numbers(&reference["ddsketch"]).into_iter().zip(numbers(&reference["quantiles"])) {
            assert!((theirs - exact).abs() <= ACCURACY * (1.0 + 1e-9) * exact.abs(), "{name}: {theirs} of {exact}");
        }
    }
}

/// Where a hundred ones have to share a bin, ddsketch 3.0.1 says that the median is where its least bin happens to be:
/// known to be wrong, and not said. Here the answer is between what it may be, and tells how far it may be off.
#[test]
fn what_collapsed_is_told_where_ddsketch_is_wrong() {
    let Some(values) = values() else { return };
    let median = number(&values["collapsed"], "median");
    assert!(median > 1e8, "ddsketch has been mended: {median}");
    let mut sketch = sketch(whole(&values["collapsed"], "bins") as usize);
    (0..100).for_each(|_| sketch.push(1.0));
    sketch.push(f64::from(1 << 30));
    let ours = sketch.quantile(0.5).expect("there are values");
    assert_eq!(sketch.collapsed(), 100);
    assert!(ours.lower <= 1.0 && 1.0 <= ours.upper && (ours.estimate - 1.0).abs() <= ours.error, "{ours:?}");
}

/// What KLL is certain of is the rank, not the value; so it is compared where the values of near ranks are far apart,
/// as those of latencies are: from p90 on. (At the median KLL, which draws lots, is now and then within 1 % as well.) Both
/// have about as many bytes.
#[test]
fn heavy_tails_are_nearer_than_with_kll_of_datasketches() {
    let Some(values) = values() else { return };
    let kll = &values["kll"];
    let quantiles = numbers(&values["quantiles"]).into_iter().zip(numbers(&kll["errors"]));
    let mut told: Vec<_> = quantiles.filter(|(q, _)| *q >= 0.9).map(|(q, theirs)| (q, theirs, 0.0_f64)).collect();
    let bins = 1024;
    assert!(whole(kll, "bytes") as usize >= bins * size_of::<u32>(), "KLL is smaller: {}", kll["bytes"]);
    for stream in 0..whole(kll, "streams") {
        let mut values = streams::heavy(2_000 + stream);
        let mut sketch = DdSketch::with_negative_bins(vec![0; bins], Accuracy::new(ACCURACY).unwrap(), 0);
        values.iter().for_each(|x| sketch.push(*x));
        values.sort_by(f64::total_cmp);
        for (q, _, worst) in &mut told {
            let exact = values[(*q * values.len() as f64).ceil() as usize - 1];
            *worst = worst.max((sketch.quantile(*q).unwrap().estimate - exact).abs() / exact);
        }
    }
    for (q, theirs, ours) in told {
        assert!(ours <= theirs, "{q}: {ours}, KLL has {theirs}");
    }
}

fn sketch(bins: usize) -> DdSketch<Vec<u32>> {
    DdSketch::new(vec![0; 2 * bins], Accuracy::new(ACCURACY).unwrap())
}
