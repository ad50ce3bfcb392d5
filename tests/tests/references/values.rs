//! What other libraries have computed.

use std::fs;

use num_rational::BigRational;
use serde_json::Value;
use streamgauge_tests::exact::{decimal, digits};
use streamgauge_tests::needs;

/// All of it; `None` where there is none, which has been said then.
pub(crate) fn values() -> Option<Value> {
    let text = fs::read_to_string(needs::references()?).expect("the references");
    Some(serde_json::from_str(&text).expect("the references are JSON"))
}

/// The number of this name.
pub(crate) fn number(value: &Value, name: &str) -> f64 {
    value[name].as_f64().unwrap_or_else(|| panic!("no number {name} in {value}"))
}

/// The whole number of this name.
pub(crate) fn whole(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_else(|| panic!("no whole number {name} in {value}"))
}

/// All numbers of a list.
pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|number| number.as_f64().expect("a number")).collect()
}

/// All members of an object.
pub(crate) fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().unwrap_or_else(|| panic!("no object: {value}")).iter().map(|(name, value)| (name.as_str(), value))
}

/// A number that is written with more digits than a double has.
pub(crate) fn long(value: &Value) -> BigRational {
    value.as_str().and_then(decimal).unwrap_or_else(|| panic!("no number: {value}"))
}

/// That each of these results has so many digits of those in `reference`, be they numbers or long ones.
pub(crate) fn assert_digits(what: &str, results: &Value, reference: &Value, least: f64) {
    for (name, expected) in members(reference) {
        let expected = expected
            .as_f64()
            .map_or_else(|| long(expected), |number| BigRational::from_float(number).expect("a finite number"));
        let right = digits(number(results, name), &expected);
        assert!(right >= least, "{what}: {name}: {} has {right:.2} digits of {expected:?}", results[name]);
    }
}
