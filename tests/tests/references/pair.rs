//! Pairs: covariance, correlation and the line.

use serde_json::{Value, json};
use streamgauge_core::stats::Bivariate;

use crate::readings::readings;
use crate::streams;
use crate::values::{assert_digits, members, number, values};

const DIGITS: f64 = 15.0;

#[test]
fn pairs_are_those_of_fractions_and_numpy() {
    let Some(values) = values() else { return };
    for (name, reference) in members(&values["pairs"]) {
        let pairs = streams::pairs(name);
        // From 1e9 to the axis the rounding of x alone moves numpy's line: there is one unit of x to find it by.
        let numpy_has_the_line = name != "far";
        let messages: Vec<_> = pairs.iter().map(|(x, y)| format!(r#"{{"x":{x:?},"y":{y:?}}}"#)).collect();
        for reading in readings(r#""measure":"pair","field":"x","with":"y""#, &messages) {
            assert_pair(name, &reading["pair"], reference, numpy_has_the_line);
        }
        let mut pair = Bivariate::new();
        pairs.iter().for_each(|(x, y)| pair.push(*x, *y));
        let results = json!({
            "covariance": pair.sample_covariance(),
            "population_covariance": pair.population_covariance(),
            "correlation": pair.correlation(),
            "slope": pair.slope(),
            "intercept": pair.intercept(),
            "r_squared": pair.r_squared(),
            "residual_stddev": pair.residual_stddev(),
        });
        assert_pair(name, &results, reference, numpy_has_the_line);
    }
}

/// That these are the results for the pairs that `reference` tells of.
pub(crate) fn assert_pair(what: &str, results: &Value, reference: &Value, numpy_has_the_line: bool) {
    assert_digits(what, results, &reference["exact"], DIGITS);
    let numpy = &reference["numpy"];
    let ours = ["covariance", "correlation"].map(|name| (name, number(results, name))).into_iter();
    let line = [
        ("slope", "slope"),
        ("intercept", "intercept"),
        ("polyfit_slope", "slope"),
        ("residual_stddev", "residual_stddev"),
    ];
    let line = line.iter().filter(|_| numpy_has_the_line).map(|(theirs, ours)| (*theirs, number(results, ours)));
    for (name, ours) in ours.chain(line) {
        let theirs = number(numpy, name);
        assert!((ours - theirs).abs() <= 1e-11 * theirs.abs().max(1e-2), "{what}: {name}: {ours}, numpy has {theirs}");
    }
}
