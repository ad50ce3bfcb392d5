//! Frequent values: bounds that hold, and are not wider than those of others.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::readings::readings;
use crate::streams;
use crate::values::{members, values, whole};

#[test]
fn bounds_hold_the_exact_counts() {
    let Some(values) = values() else { return };
    for (name, stream) in [("steep", streams::heavy(9)), ("flat", streams::flat(10))] {
        let reference = &values["top"][name];
        let messages: Vec<_> = stream.iter().map(|x| (*x as u64).to_string()).collect();
        let settings = format!(r#""measure":"top","top":{}"#, reference["capacity"]);
        let [at_once, added_up] = readings(&settings, &messages);
        let (width, others) = assert_top(name, &at_once, reference);
        assert!(width <= others, "{name}: wider than datasketches: {width}, {others}");
        assert_top(name, &added_up, reference);
    }
}

/// That these are the most frequent values of what `reference` tells of; how wide the bounds of those are, all together,
/// that datasketches has as well, and how wide its own.
pub(crate) fn assert_top(what: &str, reading: &Value, reference: &Value) -> (u64, u64) {
    let floor = whole(reading, "top_floor");
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let ours: BTreeMap<String, (u64, u64)> = reading["top"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (shown(&one["value"]), (whole(one, "count") - whole(one, "error"), whole(one, "count"))))
        .collect();
    let theirs = &reference["datasketches"];
    let (mut width, mut their_width) = (0, 0);
    for (value, exact) in members(&reference["exact"]) {
        let exact = exact.as_u64().expect("a count");
        // Of a long text the gauge shows where it begins, and tells it apart by all of it.
        let cut = value.len() > 54;
        let (lower, upper) = ours.get(value).copied().unwrap_or((0, floor));
        assert!(cut || lower <= exact && exact <= upper, "{what}: {value}: {exact}, not {lower} to {upper}");
        if let Some(bounds) = theirs.get(value).filter(|_| !cut) {
            let [low, high] = [0, 1].map(|bound| bounds[bound].as_u64().expect("a count"));
            assert!(low <= exact && exact <= high, "{what}: {value}: {exact}, datasketches has {low} to {high}");
            width += upper - lower;
            their_width += high - low;
        }
    }
    (width, their_width)
}
