//! Any requests to a small memory engine: every one is answered, and the law holds for every queue after each.
#![no_main]

use core::ops::ControlFlow;
use core::time::Duration;

use libfuzzer_sys::fuzz_target;
use streamgauge_core::endpoints::{Method, Reply, Request, Settings, Surface, answer};
use streamgauge_core::engine::memory::{Fixed, Memory};
use streamgauge_core::engine::{Command, Engine, Kind, Part, Prefix};
use streamgauge_core::time::Time;

// A line each: a method's letter, an hour's digit of time to pass, a target, and behind a space the body. In the body
// and the target `@` is the newest token, so that leases are found again.
fuzz_target!(|data: &[u8]| {
    let mut engine = Memory::new(Fixed::<3, 128, 3>::seeded(7));
    let settings = Settings::new(Surface::Everything);
    let (mut now, mut token) = (Time::ZERO, Vec::new());
    for line in data.split(|byte| *byte == b'\n') {
        let [method, wait, rest @ ..] = line else { continue };
        now = now.after(Duration::from_secs(u64::from(wait % 10)));
        let mut text = Vec::new();
        for byte in rest {
            if *byte == b'@' { text.extend_from_slice(&token) } else { text.push(*byte) }
        }
        let (target, body) = text.split_at(text.iter().position(|byte| *byte == b' ').unwrap_or(text.len()));
        let method = match method % 5 {
            0 => Method::Get,
            1 => Method::Post,
            2 => Method::Put,
            3 => Method::Delete,
            _ => Method::Head,
        };
        let body = body.strip_prefix(b" ").unwrap_or_default();
        let accept: &[u8] = if wait & 16 == 0 { b"" } else { b"application/json" };
        let request = Request { method, body, accept, ..Request::new(target) };
        let mut out = Vec::new();
        match answer(&request, &settings, &mut engine, now, &mut out).expect("a vector takes everything") {
            Reply::Response(response) => {
                if response.content_type.ends_with("json") {
                    let text = core::str::from_utf8(&out).expect("JSON is text");
                    text.lines().filter(|_| response.content_type != "application/json").for_each(is_json);
                    if response.content_type == "application/json" {
                        is_json(text);
                    }
                }
                response.headers.for_each(|name, value| {
                    let value = value.to_string();
                    assert!(value.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{name}: {value:?}");
                    if name == "X-Lease" {
                        token = value.into_bytes();
                    }
                });
            }
            Reply::Dump(mut dump) => {
                let mut items = 0;
                while engine.dump(&mut dump, |_| {
                    items += 1;
                    if items % 2 == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                }) {
                    assert!(items < 1_000, "a dump without end");
                }
            }
            _ => {}
        }
        let list = Command::List { kind: Kind::Queue, prefix: Prefix::EMPTY };
        engine.execute(&list, now, &mut |part: Part<'_>| {
            if let Part::Queue(name, _, stats) = part {
                assert!(stats.counters.balanced(), "{name}: {:?}", stats.counters);
            }
            ControlFlow::Continue(())
        });
    }
});

fn is_json(text: &str) {
    let json: Result<serde::de::IgnoredAny, _> = serde_json::from_str(text);
    assert!(json.is_ok(), "{text:?}");
}
