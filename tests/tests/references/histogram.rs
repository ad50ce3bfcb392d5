//! Histograms: the same counts.

use serde_json::Value;

use crate::readings::{messages, readings};
use crate::streams;
use crate::values::values;

#[test]
fn histograms_are_those_of_numpy() {
    let Some(values) = values() else { return };
    let assert_histogram = |settings: &str, stream: &str, reference: &Value| {
        let settings = format!(r#""measure":"histogram","histogram":{settings}"#);
        for reading in readings(&settings, &messages(&streams::named(stream))) {
            assert_eq!(reading["histogram"]["bins"], *reference, "{stream}");
        }
    };
    assert_histogram(r#"{"min":0,"max":1,"bins":50}"#, "uniform", &values["histogram"]);
    assert_histogram(r#"{"integers":[0,999]}"#, "integers", &values["integers"]);
}
