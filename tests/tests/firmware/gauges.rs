//! Gauges on the microcontroller: the same bytes as anywhere, in its RAM.

use std::time::Duration;

use streamgauge_core::engine::Name;
use streamgauge_core::gauge::{Definition, Described, Format, Gauge, render};
use streamgauge_core::time::Time;
use streamgauge_core::wire::units;

use super::Board;
use support::Heap;

#[expect(dead_code, reason = "the tests of the core need more of it")]
#[path = "../../../core/tests/gauge/support.rs"]
mod support;

/// A gauge of the core, here.
struct Native(Gauge<Heap>);

impl Native {
    fn new(definition: &str) -> Self {
        let definition = Definition::from_json(definition.as_bytes()).unwrap();
        Self(Gauge::new(&definition, &mut Heap).unwrap())
    }

    fn take(&mut self, messages: &str, at: Time) {
        for message in messages.lines() {
            self.close(at);
            self.0.take(message.as_bytes(), at);
        }
    }

    fn close(&mut self, now: Time) {
        while self.0.is_over(now) {
            self.0.close(now, |_, _, _| {});
        }
    }

    fn written(&mut self, format: Format, now: Time) -> Vec<u8> {
        self.close(now);
        let mut out = Vec::new();
        render(&mut self.0, "g", format, now, &mut out).unwrap();
        out
    }
}

/// Readings of integers, one a line.
fn messages(numbers: impl Iterator<Item = i64>) -> String {
    numbers.map(|t| format!("{{\"t\":{t}}}\n")).collect()
}

/// When a reading of JSON says that it begins and ends.
fn span(json: &[u8]) -> [Time; 2] {
    let json: serde_json::Value = serde_json::from_slice(json).unwrap();
    ["from", "to"].map(|name| units::rfc3339(json[name].as_str().unwrap().as_bytes()).unwrap())
}

#[test]
fn moments_quantiles_and_rates_are_those_of_any_other_machine() {
    let Some(board) = Board::start() else { return };
    let definition = r#"{"field":"t","measure":["moments","quantiles","rate"],"bins":128}"#;
    assert_eq!(board.put("/gauges/g", definition), (201, String::new()));
    let numbers: Vec<i64> = (0..180).map(|i| (i * 7919) % 2003 - 1000).collect();
    let body = messages(numbers.iter().copied());
    assert_eq!(board.post("/pub", &body).0, 200);
    let json = board.get_bytes("/gauges/g?format=json");
    // All came at once, and what was answered tells when, and when it was asked for.
    let [from, to] = span(&json);
    let mut native = Native::new(definition);
    native.take(&body, from);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(text(&json), text(&native.written(Format::Json, to)));
    let read: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(read["count"], numbers.len());
    assert_eq!(read["mean"].as_f64(), Some(numbers.iter().sum::<i64>() as f64 / numbers.len() as f64));

    let binary = board.get_bytes("/gauges/g?format=binary");
    let to = Described::of(&binary).unwrap().to;
    assert_eq!(binary, native.written(Format::Binary, to));
    // What a client here has measured is added there.
    let more = messages(2000..2100);
    let mut other = Native::new(definition);
    other.take(&more, to);
    let both = [binary, other.written(Format::Binary, to)];
    assert_eq!(board.post("/gauges/g/merge", &both[1]), (200, String::new()));
    let merged: serde_json::Value = serde_json::from_slice(&board.get_bytes("/gauges/g?format=json")).unwrap();
    assert_eq!((merged["count"].as_u64(), merged["max"].as_f64()), (Some(280), Some(2099.0)));
    let mut corrupt = both[0].clone();
    corrupt[100] ^= 4;
    assert_eq!(board.post("/gauges/g/merge", corrupt).0, 400);
}

#[test]
fn windows_of_the_messages_own_time_agree_to_the_last_byte() {
    let Some(board) = Board::start() else { return };
    let definition =
        r#"{"field":"t","measure":"moments","every":"100ms","last":"300ms","time":"at","lateness":"200ms"}"#;
    assert_eq!(board.put("/gauges/g", definition), (201, String::new()));
    let mut native = Native::new(definition);
    // The firmware's clock begins when it does, and what is yet to come by that clock is not measured.
    std::thread::sleep(Duration::from_millis(1500));
    let now = Time::from_millis(1_700_000_000_000);
    for round in 0_i64..6 {
        let body: Vec<String> = (0..20)
            .map(|i| format!(r#"{{"t":{},"at":0.{}}}"#, (i * 5 + round) % 19 - 9, 2 + round + i % 3))
            .chain([r#"{"t":1}"#, r#"{"at":0.5,"t":"none"}"#, "no"].map(str::to_owned))
            .collect();
        let body = body.join("\n");
        assert_eq!(board.post("/pub", &body).0, 200);
        native.take(&body, now);
        // Not even when it came is part of what is read.
        for (name, format) in [("json", Format::Json), ("binary", Format::Binary), ("svg", Format::Svg)] {
            let there = board.get_bytes(&format!("/gauges/g?format={name}"));
            let here = native.written(format, now);
            assert_eq!(String::from_utf8_lossy(&there), String::from_utf8_lossy(&here), "{name} after {round}");
        }
    }
    let read: serde_json::Value = serde_json::from_slice(&native.written(Format::Json, now)).unwrap();
    assert!(read["count"].as_u64() > Some(50), "{read}");
}

#[test]
fn every_format_and_every_refusal_fits() {
    let Some(board) = Board::start() else { return };
    let definition = r#"{"field":"t","measure":["moments","quantiles","rate"],"bins":128,"every":"1s"}"#;
    assert_eq!(board.put("/gauges/g", definition), (201, String::new()));
    assert_eq!(board.put("/gauges/g", definition), (200, String::new()));
    for _ in 0..3 {
        assert_eq!(board.post("/pub", messages(-40..40)).0, 200);
    }
    for (format, begins) in [
        ("text", "g  topic main  from "),
        ("json", "{\"gauge\":\"g\""),
        ("openmetrics", "# TYPE streamgauge_gauge gauge\n"),
        ("binary", "SGG1"),
        ("definition", "{\"topic\":\"main\",\"field\":\"t\""),
    ] {
        let read = board.get_bytes(&format!("/gauges/g?format={format}"));
        assert!(read.starts_with(begins.as_bytes()), "{format}: {}", String::from_utf8_lossy(&read));
    }
    let full = concat!(
        "there is no room for this gauge beside the others: fewer bins, panes or groups take less,",
        " unless there is no storage for its measures at all\n"
    );
    for definition in [
        r#"{"field":"t","measure":"quantiles"}"#,
        r#"{"field":"t","measure":["moments","quantiles"],"bins":128}"#,
        r#"{"field":"t","measure":"moments","by":"u"}"#,
        r#"{"field":"t","measure":"distinct"}"#,
        r#"{"field":"t","measure":"top"}"#,
        r#"{"field":"t","with":"u","measure":"graph"}"#,
        r#"{"field":"t","measure":"moments","every":"1s","last":"1h"}"#,
    ] {
        assert_eq!(board.put("/gauges/other", definition), (507, full.to_owned()), "{definition}");
    }
    let windows = r#"{"field":"t","measure":["moments"],"every":"1s","last":"6s"}"#;
    assert_eq!(board.put("/gauges/windows", windows), (201, String::new()));
    let many = (507, "there are 2 gauges, as many as there may be\n".to_owned());
    assert_eq!(board.put("/gauges/third", r#"{"measure":"rate"}"#), many);
    assert_eq!(board.put("/gauges/rules", r#"{"measure":"moments","every":"1s","when":{"mean >":1}}"#).0, 501);
    assert_eq!(board.put("/gauges/wrong", r#"{"measure":"median"}"#).0, 400);
    let list: serde_json::Value = serde_json::from_str(&board.get("/gauges")).unwrap();
    let listed = |at: usize| (list[at]["name"].as_str().unwrap(), list[at]["messages"].as_u64().unwrap());
    assert_eq!((listed(0), listed(1), list.as_array().unwrap().len()), (("g", 240), ("windows", 0), 2), "{list}");
    // The room comes back.
    for _ in 0..5 {
        for name in ["g", "windows"] {
            let delete = format!("DELETE /gauges/{name} HTTP/1.1\r\n\r\n");
            assert_eq!(board.send(delete.as_bytes()), (200, String::new()));
        }
        assert_eq!(board.put("/gauges/windows", windows).0, 201);
        assert_eq!(board.put("/gauges/g", definition).0, 201);
    }
    let long = "n".repeat(Name::LONGEST - "gauge.".len());
    assert_eq!(board.connect().get(&format!("/gauges/{long}")).status, 404);
}
