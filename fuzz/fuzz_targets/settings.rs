//! Settings of resources: what is refused changes nothing; what is taken is shown as settings that are taken as well, and
//! then change nothing; and what is no JSON object, serde_json says so too.
#![no_main]

use libfuzzer_sys::fuzz_target;
use streamgauge_core::endpoints::{Method, Reply, Request, Settings, Status, Surface, answer};
use streamgauge_core::engine::memory::{Fixed, Memory};
use streamgauge_core::time::Time;

fuzz_target!(|data: &[u8]| {
    let Some((kind, body)) = data.split_first() else { return };
    let target: &[u8] = if kind & 1 == 0 { b"/queues/a" } else { b"/topics/a" };
    let mut engine = Memory::new(Fixed::<3, 64, 2>::seeded(0));
    let mut ask = |method, body: &[u8]| {
        let mut out = Vec::new();
        let request = Request { method, body, ..Request::new(target) };
        match answer(&request, &Settings::new(Surface::Everything), &mut engine, Time::ZERO, &mut out) {
            Ok(Reply::Response(response)) => (response.status, out),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(ask(Method::Put, b"").0, Status::Created);
    let (_, before) = ask(Method::Get, b"");
    let (status, said) = ask(Method::Put, body);
    let (_, after) = ask(Method::Get, b"");
    let object = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(body);
    match status {
        Status::Ok => {
            // Numbers that no f64 holds, and depths that serde has enough of, are none that settings have.
            let is_empty = body.trim_ascii().is_empty();
            assert!(is_empty || object.is_ok(), "it is no object");
        }
        Status::BadRequest | Status::Conflict => {
            assert!(said.len() > 1 && said.iter().filter(|byte| **byte == b'\n').count() == 1, "one line");
            assert_eq!(before, after);
        }
        other => panic!("{other:?}"),
    }
    let shown: serde_json::Value = serde_json::from_slice(&after).expect("JSON");
    assert_eq!(ask(Method::Put, shown["settings"].to_string().as_bytes()).0, Status::Ok, "{shown}");
    assert_eq!(ask(Method::Get, b"").1, after);
});
