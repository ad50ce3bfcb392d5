//! Distinct values: as near as sketches of as many bytes.

use std::collections::BTreeMap;

use streamgauge_core::stats::UltraLogLog;

use crate::readings::{messages, readings};
use crate::streams::{self, bits};
use crate::values::{members, number, values, whole};

const REGISTERS: usize = 2048;

#[test]
fn distinct_values_are_within_three_standard_errors() {
    let Some(values) = values() else { return };
    for (name, stream) in streams::all(&values) {
        for reading in readings(r#""measure":"distinct""#, &messages(&stream)) {
            assert_distinct(name, &reading["distinct"], whole(&values["streams"][name], "unique"));
        }
    }
}

/// That this estimate is that of so many.
pub(crate) fn assert_distinct(what: &str, distinct: &serde_json::Value, exact: u64) {
    let (estimate, error) = (number(distinct, "estimate"), number(distinct, "error"));
    assert!(error < 0.0175, "{what}: {error}");
    assert!((estimate / exact as f64 - 1.0).abs() <= 3.0 * error, "{what}: {estimate} of {exact}");
}

/// The root of the mean squared error over N streams is itself off by 1 / sqrt(2 N), and that of a quotient of two by
/// 1 / sqrt(N): three times that is allowed for.
///
/// The sketches have as many bytes, or (CPC) as many rows. HLL of 8 bits a register, alone: the standard error is 0.83 /
/// sqrt(2048). HLL of 4 bits, merged: 1.04 / sqrt(4096), where ours is 0.76 / sqrt(2048): a thirtieth better.
/// CPC alone: 0.59 / sqrt(2048), better than any sketch of registers; ours must not be further behind than that.
#[test]
fn errors_are_not_larger_than_those_of_datasketches() {
    let Some(values) = values() else { return };
    let reference = &values["distinct"];
    let streams = whole(reference, "streams");
    let mut squares: BTreeMap<u64, f64> = members(&reference["errors"]["hll8"])
        .map(|(size, _)| (size.parse().expect("a number of items"), 0.0))
        .collect();
    for stream in 0..streams {
        let mut sketch = UltraLogLog::new([0; REGISTERS]).unwrap();
        let largest = *squares.keys().last().unwrap();
        for (number, item) in (1..=largest).zip(bits(1_000 + stream)) {
            sketch.add(&item.to_le_bytes());
            if let Some(squares) = squares.get_mut(&number) {
                *squares += (sketch.estimate().estimate / number as f64 - 1.0).powi(2);
            }
        }
    }
    let chance = 1.0 + 3.0 / (streams as f64).sqrt();
    let ours = 0.7608 / (REGISTERS as f64).sqrt();
    for (theirs, theory) in
        [("hll8", 0.8326 / 2048_f64.sqrt()), ("hll4_merged", 1.04 / 64.0), ("cpc", 0.5887 / 2048_f64.sqrt())]
    {
        let behind = (ours / theory).max(1.0);
        for (size, squares) in &squares {
            let error = (squares / streams as f64).sqrt();
            let reference = number(&reference["errors"][theirs], &size.to_string());
            assert!(error <= reference * behind * chance, "{size} items: {error}, {theirs} has {reference}");
        }
    }
}
