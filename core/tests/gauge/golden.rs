//! Readings to the byte, as the files in `golden/` have them.

use std::{fs, path::Path};

use streamgauge_core::gauge::{Alert, Bar, Format, Gauge, write_alert, write_histogram};
use streamgauge_core::time::Time;

use super::support::{Heap, gauge, take, written};

/// Fails where they are not as in their files, and leaves beside the tests what could replace those.
fn are_as_in_files(all: impl IntoIterator<Item = (&'static str, Vec<u8>)>) {
    let (golden, now) = (concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gauge/golden"), env!("CARGO_TARGET_TMPDIR"));
    let mut differing = Vec::new();
    for (file, text) in all {
        if fs::read(Path::new(golden).join(file)).ok().as_ref() != Some(&text) {
            fs::write(Path::new(now).join(file), text).expect("a folder to write to");
            differing.push(file);
        }
    }
    assert!(differing.is_empty(), "in {golden} {differing:?} differ from those in {now}");
}

/// All measures in groups and panes, and much that can't be measured.
fn busy() -> Gauge<Heap> {
    let mut gauge = gauge(
        r#"{"topic":"clicks","field":"x","with":"y","by":"g","groups":2,"every":"1s","last":"5s","top":4,"edges":4,
            "histogram":{"min":0,"max":10,"bins":5},"change":{"learn":10},"filter":"keep:1",
            "measure":["moments","quantiles","distinct","top","histogram","rate","change","pair","graph"]}"#,
    );
    for x in 0..300_u64 {
        let (value, group) = (x * x % 137, ["<a&b>", "plain", "beyond"][(x % 5 / 2) as usize]);
        let keep = if x % 20 == 7 { 2 } else { 1 };
        let message = format!(r#"{{"x":{}.5,"y":{},"g":"{group}","keep":{keep}}}"#, value % 13, value % 7);
        take(&mut gauge, message, 1_700_000_000_000 + x * x / 20);
    }
    for (message, times) in
        [("{", 1), (r#"{"keep":1}"#, 2), (r#"{"keep":1,"x":"a"}"#, 3), (r#"{"keep":1,"x":1e999}"#, 4)]
    {
        (0..times).for_each(|_| take(&mut gauge, message, 1_700_000_004_600));
    }
    gauge.miss(5);
    gauge
}

/// More values than are drawn, in no panes.
fn frequent() -> Gauge<Heap> {
    let mut gauge = gauge(
        r#"{"measure":["quantiles","top","histogram"],"top":15,"histogram":{"integers":[-3,9]},"accuracy":0.05}"#,
    );
    (0..400_i32).for_each(|x| take(&mut gauge, (x * x % 41 - 5).to_string(), 0));
    gauge
}

/// One value in every pane.
fn constant() -> Gauge<Heap> {
    let mut gauge = gauge(r#"{"measure":"quantiles","every":"1s","last":"3s"}"#);
    [1_000, 1_000, 1_000, 2_500, 4_000].iter().for_each(|at| take(&mut gauge, "7", *at));
    gauge
}

/// Nothing to be drawn but how much came, in panes that a reading reaches back to, or in that of now.
fn rates(last: &str) -> Gauge<Heap> {
    let mut gauge = gauge(&format!(r#"{{"measure":"rate",{last}"every":"1s"}}"#));
    [1_000, 1_000, 1_000, 2_500, 4_000].iter().for_each(|at| take(&mut gauge, "7", *at));
    gauge
}

/// Values of both signs, and a zero in the middle of the picture; or more of them than there are bins for.
fn signs(bins: u16) -> Gauge<Heap> {
    let mut gauge = gauge(&format!(r#"{{"measure":"quantiles","bins":{bins}}}"#));
    ["-1", "0", "0", "0.5", "1"].iter().for_each(|value| take(&mut gauge, value, 0));
    gauge
}

/// What there is no drawing of, and labels that are longer than what there is room for.
fn texts() -> Gauge<Heap> {
    let mut gauge = gauge(
        r#"{"field":"x","with":"y","measure":["moments","quantiles","distinct","histogram","rate","change","pair","graph"],
            "histogram":{"min":-0.0004,"max":1700000000,"bins":3}}"#,
    );
    let long = "y".repeat(70);
    for (x, y) in [("-0.00020718", "1"), ("1700000000", "2.5"), ("12", &*format!("\"{long}<\""))] {
        take(&mut gauge, format!(r#"{{"x":{x},"y":{y}}}"#), 0);
    }
    gauge
}

/// Seconds of half an hour, as clicks have them: what tells them apart is in their last digits.
fn seconds() -> Gauge<Heap> {
    let mut gauge = gauge(
        r#"{"measure":["moments","quantiles","histogram"],"accuracy":0.0001,"every":"1s","last":"3s",
            "histogram":{"min":1331922600,"max":1331926200,"bins":9}}"#,
    );
    (0..90_u64).for_each(|x| take(&mut gauge, (1_331_923_247 + x * x % 91 * 18).to_string(), 1_000 + x * 33));
    gauge
}

#[test]
fn readings_are_these_bytes() {
    let (now, soon) = (1_700_000_004_700, 4_200);
    let all = [
        ("busy.json", busy(), Format::Json, now),
        ("busy.txt", busy(), Format::Table, now),
        ("busy.metrics", busy(), Format::OpenMetrics, now),
        ("busy.svg", busy(), Format::Svg, now),
        ("frequent.svg", frequent(), Format::Svg, soon),
        ("frequent.txt", frequent(), Format::Table, soon),
        ("constant.svg", constant(), Format::Svg, soon),
        ("rates.svg", rates(r#""last":"3s","#), Format::Svg, soon),
        ("signs.svg", signs(512), Format::Svg, soon),
        ("signs.txt", signs(512), Format::Table, soon),
        ("collapsed.txt", signs(8), Format::Table, soon),
        ("collapsed.json", signs(8), Format::Json, soon),
        ("texts.svg", texts(), Format::Svg, soon),
        ("rate.svg", rates(""), Format::Svg, soon),
        ("seconds.svg", seconds(), Format::Svg, soon),
    ];
    are_as_in_files(all.map(|(file, mut gauge, format, now)| (file, written(&mut gauge, format, now))));
}

#[test]
fn histograms_are_these_bytes() {
    let drawn = |bars: &[Bar], are_integers| {
        let mut out = Vec::new();
        write_histogram("values", bars, are_integers, &mut out).unwrap();
        out
    };
    let bars = |low: f64, width: f64, counts: &[u64]| -> Vec<Bar> {
        let bar = |(place, count): (i32, &u64)| {
            let low = low + width * f64::from(place);
            Bar { low, high: low + width, count: *count }
        };
        (0..).zip(counts).map(bar).collect()
    };
    are_as_in_files([
        ("numbers.svg", drawn(&bars(-0.5, 0.125, &[3, 0, 11, 1_000, 7, 1, 0, 0, 2]), false)),
        ("integers.svg", drawn(&bars(-3.0, 1.0, &[1, 2, 3, 4, 4, 1, 9]), true)),
        ("wide.svg", drawn(&bars(1e6, 2.5e5, &[900_000, 0, 1]), false)),
        ("thin.svg", drawn(&bars(0.0, 1.0, &[1; 200]), true)),
        // Just so wide that nothing is left between them.
        ("narrow.svg", drawn(&[Bar { low: 0.0, high: 4.0, count: 1 }, Bar { low: 4.0, high: 630.0, count: 2 }], false)),
        ("none.svg", drawn(&[], false)),
    ]);
}

#[test]
fn alerts_are_lines_of_json() {
    let when = r#"{"mean >":10,"until":8,"for":"2s"}"#;
    let gauge = gauge(&format!(r#"{{"measure":"moments","every":"1s","when":{when}}}"#));
    let line = |rule, begins, value| {
        let mut out = Vec::new();
        let alert = Alert { rule, begins, value, to: Time::from_millis(1_700_000_000_000) };
        write_alert("g\"", gauge.definition(), &alert, Time::from_millis(1_700_000_000_123), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let rule = r#"{"mean >":10.0,"until":8.0,"for":"2s"}"#;
    let times = r#""to":"2023-11-14T22:13:20.000Z","time":"2023-11-14T22:13:20.123Z""#;
    let expected = format!(r#"{{"gauge":"g\"","rule":{rule},"state":"begins","value":10.5,{times}}}"#);
    assert_eq!(line(0, true, Some(10.5)), expected + "\n");
    let expected = format!(r#"{{"gauge":"g\"","rule":null,"state":"ends","value":null,{times}}}"#);
    assert_eq!(line(1, false, None), expected + "\n");
}

#[test]
fn each_format_has_its_media_type() {
    let types = [Format::Table, Format::Json, Format::OpenMetrics, Format::Svg, Format::Binary, Format::Definition]
        .map(Format::media_type);
    assert_eq!(
        types,
        [
            "text/plain; charset=utf-8",
            "application/json",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            "image/svg+xml",
            "application/octet-stream",
            "application/json",
        ]
    );
}
