//! The binary form of a gauge: what is taken can be read, written and taken again; what is refused changes nothing.
//!
//! The input is edits of a form that a gauge has written, three bytes each: where, and what stands there; or a form itself.
//! The sum at the end is put right first, or hardly any would come past it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use streamgauge_core::gauge::{Definition, Described, Format, Gauge, MergeError, render};
use streamgauge_core::time::Time;
use support::Heap;

#[expect(dead_code, reason = "the tests need more of it")]
#[path = "../../core/tests/gauge/support.rs"]
mod support;

const NOW: Time = Time::from_millis(10_000);

/// What is edited measures one of these.
const DEFINITIONS: [&str; 4] = [
    r#"{"field":"x","measure":["moments","rate"],"filter":"y:2"}"#,
    r#"{"field":"x","bins":8,"precision":4,"measure":["quantiles","distinct"]}"#,
    r#"{"field":"x","with":"y","by":"g","groups":2,"top":3,"edges":3,"measure":["top","graph","pair"]}"#,
    r#"{"field":"x","histogram":{"integers":[0,3]},"change":{"learn":2},"measure":["histogram","change"]}"#,
];

fuzz_target!(|data: &[u8]| {
    let form = if data.starts_with(b"SGG1") { data.to_vec() } else { edited(data) };
    let bytes = with_sum(&form);
    let Ok(described) = Described::of(&bytes) else { return };
    // As much as a test may take.
    let definition = &described.definition;
    let size = u64::from(definition.groups) * (u64::from(definition.bins) + (1 << definition.precision));
    if size > 1 << 22 || definition.edges > 1 << 12 || definition.every.is_some() {
        return;
    }
    let Ok(mut gauge) = Gauge::new(definition, &mut Heap) else { return };
    (0..5).for_each(|x| gauge.take(format!(r#"{{"x":{x},"y":2,"g":{x}}}"#).as_bytes(), NOW));
    let before = binary(&mut gauge);
    match gauge.merge(&bytes, NOW, &mut Heap) {
        Err(_) => assert_eq!(binary(&mut gauge), before),
        Ok(()) => {
            for format in [Format::Json, Format::Table, Format::OpenMetrics, Format::Svg] {
                let mut out = Vec::new();
                let Ok(()) = render(&mut gauge, "g", format, NOW, &mut out);
                assert!(!out.is_empty());
            }
            let merged = binary(&mut gauge);
            let mut other = Gauge::new(definition, &mut Heap).expect("there was room before");
            // What no messages have led to may only be seen when it stands beside what some have.
            match other.merge(&merged, NOW, &mut Heap) {
                Ok(()) => {
                    let read = |gauge: &mut Gauge<Heap>| {
                        let mut out = Vec::new();
                        let Ok(()) = render(gauge, "g", Format::Json, NOW, &mut out);
                        String::from_utf8(out).expect("JSON is text")
                    };
                    assert_eq!(read(&mut other), read(&mut gauge));
                }
                Err(error) => assert!(matches!(error, MergeError::Impossible(_)) && bytes != unedited(data), "{error}"),
            }
        }
    }
});

/// The form that the input edits.
fn unedited(data: &[u8]) -> Vec<u8> {
    with_sum(&edited(data.get(..1).unwrap_or_default()))
}

/// A form that was written, with edits.
fn edited(data: &[u8]) -> Vec<u8> {
    let (first, edits) = data.split_first().unwrap_or((&0, &[]));
    let definition = DEFINITIONS[usize::from(*first) % DEFINITIONS.len()];
    let definition = Definition::from_json(definition.as_bytes()).expect("a definition");
    let mut gauge = Gauge::new(&definition, &mut Heap).expect("room");
    (0..7).for_each(|x| gauge.take(format!(r#"{{"x":{x},"y":2,"g":{}}}"#, x % 4).as_bytes(), NOW));
    let mut form = binary(&mut gauge);
    for edit in edits.chunks_exact(3) {
        let place = usize::from(u16::from_le_bytes([edit[0], edit[1]]));
        if let Some(byte) = form.get_mut(place) {
            *byte = edit[2];
        }
    }
    form
}

fn with_sum(data: &[u8]) -> Vec<u8> {
    let body = data.get(..data.len().saturating_sub(8)).unwrap_or_default();
    [body, &xxhash_rust::xxh3::xxh3_64(body).to_le_bytes()].concat()
}

fn binary(gauge: &mut Gauge<Heap>) -> Vec<u8> {
    let mut out = Vec::new();
    let Ok(()) = gauge.write_binary(NOW, &mut out);
    out
}
