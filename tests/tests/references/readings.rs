//! What gauges read.

use serde_json::Value;

use crate::support::{gauge, json, take};

/// What a gauge with these settings reads after the messages: as they come, and added up from panes.
pub(crate) fn readings<M: AsRef<[u8]>>(settings: &str, messages: &[M]) -> [Value; 2] {
    ["", r#","every":"700 messages","last":"21000 messages""#].map(|panes| {
        let mut gauge = gauge(&format!("{{{settings}{panes}}}"));
        messages.iter().for_each(|message| take(&mut gauge, message, 0));
        json(&mut gauge, 0)
    })
}

/// Each number as a message of its own.
pub(crate) fn messages(numbers: &[f64]) -> Vec<String> {
    numbers.iter().map(|number| format!("{number:?}")).collect()
}
