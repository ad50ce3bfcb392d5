//! Moments: every result to the last digits.

use serde_json::{Value, json};
use streamgauge_core::stats::Moments;

use crate::readings::{messages, readings};
use crate::streams;
use crate::values::{assert_digits, number, values};

const DIGITS: f64 = 15.5;

#[test]
fn moments_are_those_of_fractions_numpy_and_river() {
    let Some(values) = values() else { return };
    for (name, stream) in streams::all(&values) {
        let reference = &values["streams"][name];
        for reading in readings(r#""measure":"moments""#, &messages(&stream)) {
            assert_moments(name, &reading, reference, &values);
        }
        let mut moments = Moments::new();
        moments.extend_from_slice(&stream);
        assert_moments(name, &results(&moments), reference, &values);
        assert_river(name, &results(&moments), &reference["river"], number(reference, "max"));
    }
}

/// The names that a gauge gives them.
fn results(moments: &Moments) -> Value {
    json!({
        "count": moments.count(),
        "mean": moments.mean(),
        "variance": moments.sample_variance(),
        "population_variance": moments.population_variance(),
        "stddev": moments.sample_stddev(),
        "skewness": moments.skewness(),
        "kurtosis": moments.excess_kurtosis(),
        "min": moments.min(),
        "max": moments.max(),
    })
}

/// That these are the moments of what `reference` tells of.
pub(crate) fn assert_moments(what: &str, results: &Value, reference: &Value, values: &Value) {
    assert_digits(what, results, &reference["exact"], DIGITS);
    for name in ["count", "min", "max"] {
        assert_eq!(results[name], reference[name], "{what}: {name}");
    }
    // Numpy takes two passes: far from 0 its mean is off by what of a value is lost, and the rest with it.
    let is_far = number(results, "mean").abs() > 1e3 * number(results, "stddev");
    let is_long = values["long"].as_bool().unwrap_or(false);
    assert_digits(what, results, &reference["numpy"], if is_far || !is_long { 4.0 } else { 15.0 });
}

/// River adds up one by one in a double: it has fewer digits where values are large or far from 0.
fn assert_river(what: &str, results: &Value, reference: &Value, max: f64) {
    assert_digits(what, results, reference, if max > 1e8 { 4.0 } else { 11.0 });
}
