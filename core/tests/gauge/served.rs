//! Gauges beside an engine, as a microcontroller has them: asked over its endpoints, in blocks that come back.

use streamgauge_core::connection::{Answer, AnswerFull, Gauges, Reply, Served, Service as _};
use streamgauge_core::endpoints::{Method, Request, Surface};
use streamgauge_core::engine::memory::{Fixed, Memory};
use streamgauge_core::gauge::{Blocks, Format, Group, Measured, Pane, Storage};
use streamgauge_core::stats::space_saving::Slot;
use streamgauge_core::time::Time;

use super::support::{Heap, gauge, take, written};

type Device<S, const N: usize> = Served<Memory<Fixed<2, 1024, 4>>, Gauges<S, N>>;

fn device<S: Storage, const N: usize>(storage: S) -> Device<S, N> {
    Served::with_gauges(Memory::new(Fixed::seeded(0)), Surface::Everything, Gauges::new(storage))
}

/// Sends a request with room for an answer of so many bytes.
fn send_within<S: Storage, const N: usize>(
    room: usize,
    device: &mut Device<S, N>,
    request: Request<'_>,
    at: u64,
) -> Result<(u16, Vec<u8>), AnswerFull> {
    let mut room = vec![0; room];
    let mut answer = Answer::new(&mut room);
    device.now = Time::from_millis(at);
    match device.call(request, &mut answer)? {
        Reply::Response(response) => Ok((response.status.code(), answer.as_bytes().to_vec())),
        Reply::Dump(_) => panic!("no queue was asked"),
    }
}

fn send<S: Storage, const N: usize>(
    device: &mut Device<S, N>,
    method: Method,
    target: &str,
    body: impl AsRef<[u8]>,
    at: u64,
) -> (u16, Vec<u8>) {
    let request = Request { method, body: body.as_ref(), ..Request::new(target.as_bytes()) };
    send_within(8192, device, request, at).expect("room")
}

fn line<S: Storage, const N: usize>(
    device: &mut Device<S, N>,
    method: Method,
    target: &str,
    body: impl AsRef<[u8]>,
) -> (u16, String) {
    let (status, body) = send(device, method, target, body, 0);
    (status, String::from_utf8(body).unwrap())
}

/// Room for two gauges of three measures without panes, or for one with some.
fn blocks() -> &'static Blocks<6> {
    let blocks: &'static Blocks<6> = Box::leak(Box::default());
    assert_eq!(blocks.cells.cut(Box::leak(Box::new([const { Measured::BLANK }; 24])), 12), 2);
    assert_eq!(blocks.bins.cut(Box::leak(Box::new([7; 6 * 64])), 64), 6);
    assert_eq!(blocks.panes.cut(Box::leak(Box::new([Pane::EMPTY; 4])), 4), 1);
    blocks
}

const LOAD: &str = r#"{"field":"t","measure":["moments","quantiles","rate"],"bins":32}"#;

#[test]
fn the_same_messages_give_the_same_bytes_as_anywhere() {
    let definitions = [
        LOAD,
        r#"{"field":"t","measure":["moments","quantiles"],"bins":32,"every":"1s"}"#,
        r#"{"field":"t","measure":["moments","rate"],"every":"2s","last":"4s"}"#,
        r#"{"field":"t","measure":"moments","every":"2s","last":"4s","time":"at","lateness":"1s"}"#,
        r#"{"field":"t","measure":["moments","rate"],"every":"3 messages"}"#,
    ];
    for definition in definitions {
        let (mut device, mut alone) = (device::<_, 1>(blocks()), gauge(definition));
        assert_eq!(send(&mut device, Method::Put, "/gauges/g", definition, 0).0, 201);
        for second in 1_u64..20 {
            let at = second * 700;
            let body = format!(r#"{{"t":{second},"at":{}}}{}{{"t":-{second},"at":{second}}}"#, at / 1000 + 9, '\n');
            assert_eq!(send(&mut device, Method::Post, "/pub", &body, at).0, 200);
            for message in body.lines() {
                close(&mut alone, at);
                take(&mut alone, message, at);
            }
            close(&mut alone, at);
            for (name, format) in
                [("json", Format::Json), ("binary", Format::Binary), ("text", Format::Table), ("svg", Format::Svg)]
            {
                let now = at + 100;
                close(&mut alone, now);
                let read = send(&mut device, Method::Get, &format!("/gauges/g?format={name}"), "", now);
                let here = written(&mut alone, format, now);
                assert_eq!(read, (200, here), "{definition} after {second}, {name}");
            }
        }
    }
}

/// As a server does, to which panes are told.
fn close(gauge: &mut streamgauge_core::gauge::Gauge<Heap>, at: u64) {
    while gauge.is_over(Time::from_millis(at)) {
        gauge.close(Time::from_millis(at), |_, _, _| {});
    }
}

#[test]
fn what_is_published_is_measured_once_and_nothing_else_is() {
    let mut device = device::<_, 2>(Heap);
    let ok = |device: &mut Device<Heap, 2>, target: &str, body: &str| {
        assert_eq!(send(device, Method::Post, target, body, 0).0, 200, "{target}");
    };
    send(&mut device, Method::Put, "/gauges/main", r#"{"measure":"moments"}"#, 0);
    send(&mut device, Method::Put, "/gauges/other", r#"{"topic":"other","measure":"moments"}"#, 0);
    ok(&mut device, "/pub?id=a", "1\n2");
    ok(&mut device, "/pub?id=a", "1\n2");
    ok(&mut device, "/pub", "");
    ok(&mut device, "/put", "3");
    ok(&mut device, "/pub?topic=other", "4");
    // Too long for the topic's log: it is refused, and so is what came with it.
    assert_eq!(send(&mut device, Method::Post, "/pub", format!("5\n{}", "6".repeat(1500)), 0).0, 413);
    // It is published, though nobody can be told so.
    let request = Request::new(b"/pub").with_body(b"7");
    assert_eq!(send_within(10, &mut device, request, 0), Err(AnswerFull));
    let list = line(&mut device, Method::Get, "/gauges", "");
    let told: serde_json::Value = serde_json::from_str(&list.1).unwrap();
    assert_eq!((&told[0]["name"], &told[0]["messages"]), (&"main".into(), &3.into()), "{told}");
    assert_eq!((&told[1]["name"], &told[1]["messages"]), (&"other".into(), &1.into()), "{told}");
}

#[test]
fn gauges_are_made_changed_listed_and_removed() {
    let mut device = device::<_, 2>(blocks());
    let here = &mut device;
    assert_eq!(line(here, Method::Get, "/gauges", ""), (200, "[]\n".to_owned()));
    assert_eq!(line(here, Method::Put, "/gauges/b", LOAD), (201, String::new()));
    assert_eq!(line(here, Method::Put, "/gauges/b", LOAD), (200, String::new()));
    send(here, Method::Post, "/pub", r#"{"t":1}"#, 0);
    assert_eq!(line(here, Method::Put, "/gauges/b", LOAD), (200, String::new()));
    let list = line(here, Method::Get, "/gauges", "").1;
    assert!(list.contains(r#""messages":1}]"#), "the same definition begins nothing anew: {list}");
    assert_eq!(line(here, Method::Put, "/gauges/a", r#"{"measure":"rate"}"#), (201, String::new()));
    let names = |device: &mut Device<_, 2>, target: &str| -> Vec<String> {
        let list: serde_json::Value = serde_json::from_str(&line(device, Method::Get, target, "").1).unwrap();
        list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(here, "/gauges"), ["a", "b"]);
    assert_eq!(names(here, "/gauges?prefix=b"), ["b"]);
    assert_eq!(names(here, "/gauges?prefix=c"), [""; 0]);
    let many = line(here, Method::Put, "/gauges/c", r#"{"measure":"rate"}"#);
    assert_eq!(many, (507, "there are 2 gauges, as many as there may be\n".to_owned()));
    // Another definition begins anew, if it has room beside what it replaces.
    assert_eq!(line(here, Method::Put, "/gauges/a", r#"{"measure":"moments"}"#).0, 507);
    assert_eq!(line(here, Method::Delete, "/gauges/b", ""), (200, String::new()));
    assert_eq!(line(here, Method::Put, "/gauges/a", r#"{"measure":"moments"}"#), (200, String::new()));
    let gone = (404, "there is no gauge b\n".to_owned());
    assert_eq!(line(here, Method::Delete, "/gauges/b", ""), gone);
    assert_eq!(line(here, Method::Get, "/gauges/b", ""), gone);
    assert_eq!(line(here, Method::Post, "/gauges/b/merge", ""), gone);
    assert_eq!(names(here, "/gauges"), ["a"]);
}

#[test]
fn what_can_not_be_is_refused_in_a_line_and_nothing_has_changed() {
    let blocks = blocks();
    let mut device = device::<_, 2>(blocks);
    let here = &mut device;
    let no_room = (
        507,
        concat!(
            "there is no room for this gauge beside the others: fewer bins, panes or groups take less,",
            " unless there is no storage for its measures at all\n"
        )
        .to_owned(),
    );
    // More bins, other kinds, more panes and more cells than there are.
    for definition in [
        r#"{"field":"t","measure":"quantiles","bins":33}"#,
        r#"{"field":"t","measure":"distinct"}"#,
        r#"{"field":"t","measure":"moments","every":"1s","last":"4s"}"#,
        r#"{"field":"t","measure":["moments","rate","pair","change","quantiles"],"with":"u","bins":32}"#,
    ] {
        assert_eq!(line(here, Method::Put, "/gauges/g", definition), no_room, "{definition}");
        let free = [blocks.cells.len(), blocks.bins.len(), blocks.panes.len()];
        assert_eq!(free, [2, 6, 1], "what was taken for it has come back: {definition}");
    }
    assert_eq!(line(here, Method::Put, "/gauges/g", "{").0, 400);
    let rules = r#"{"field":"t","measure":"moments","every":"1s","when":{"mean >":1}}"#;
    assert_eq!(line(here, Method::Put, "/gauges/g", rules).0, 501);
    assert_eq!(line(here, Method::Get, "/gauges", "").1, "[]\n");
    let refused = Request::new(b"/gauges/g").with_body(br#"{"measure":"distinct"}"#);
    let refused = Request { method: Method::Put, accept: b"application/json", ..refused };
    let (status, body) = send_within(8192, here, refused, 0).unwrap();
    let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, &problem["type"]), (507, &"urn:streamgauge:problem:no-room".into()));
    // What stands stays, if there is no room for the one that should replace it.
    assert_eq!(line(here, Method::Put, "/gauges/g", LOAD).0, 201);
    send(here, Method::Post, "/pub", r#"{"t":1}"#, 0);
    assert_eq!(line(here, Method::Put, "/gauges/g", r#"{"measure":"distinct"}"#), no_room);
    let before = line(here, Method::Get, "/gauges/g?format=json", "");
    assert!(before.1.contains(r#""count":1"#), "{before:?}");
    let show = Request::new(b"/gauges/g?format=json");
    assert_eq!(send_within(200, here, show, 0), Err(AnswerFull));
    assert_eq!(line(here, Method::Get, "/gauges/g?format=json", ""), before);
}

#[test]
fn blocks_come_back_with_the_gauge_that_had_them() {
    let blocks = blocks();
    let mut device = device::<_, 2>(blocks);
    for round in 0_usize..50 {
        let both = ["a", "b"].map(|name| line(&mut device, Method::Put, &format!("/gauges/{name}"), LOAD).0);
        assert_eq!(both, [201, 201], "{round}");
        assert!(blocks.bins.is_empty() && blocks.cells.is_empty());
        send(&mut device, Method::Post, "/pub", r#"{"t":5}"#, 0);
        let (_, read) = line(&mut device, Method::Get, "/gauges/a?format=json", "");
        assert!(read.contains(r#""count":1,"mean":5"#), "it knows nothing of those before: {read}");
        for name in if round.is_multiple_of(2) { ["a", "b"] } else { ["b", "a"] } {
            assert_eq!(line(&mut device, Method::Delete, &format!("/gauges/{name}"), "").0, 200);
        }
        assert_eq!([blocks.cells.len(), blocks.bins.len()], [2, 6], "{round}");
    }
}

#[test]
fn the_shortest_block_that_is_long_enough_is_taken() {
    let blocks: &'static Blocks<3> = Box::leak(Box::default());
    for len in [8, 2, 4] {
        blocks.counts.cut(Box::leak(vec![0; len].into_boxed_slice()), len);
    }
    assert_eq!(blocks.counts.cut(Box::leak(Box::new([0; 2])), 1), 0, "they have no place");
    let four = blocks.counts.take(3).expect("a block of four");
    assert_eq!(four.as_ref().len(), 3);
    let eight = blocks.counts.take(3).expect("a block of eight");
    assert!(blocks.counts.take(3).is_none());
    drop(eight);
    assert_eq!(blocks.counts.take(8).expect("it is back, whole").as_ref(), [0; 8]);
    drop(four);
    assert_eq!(blocks.counts.len(), 3);
    assert!(blocks.counts.take(0).is_some_and(|none| none.as_ref().is_empty()));
}

#[test]
fn what_others_have_measured_is_added() {
    let (mut here, mut there) = (device::<_, 2>(blocks()), gauge(LOAD));
    for message in [r#"{"t":1}"#, r#"{"t":2}"#, "x"] {
        take(&mut there, message, 1);
    }
    let there = written(&mut there, Format::Binary, 1);
    let here = &mut here;
    send(here, Method::Put, "/gauges/g", LOAD, 0);
    send(here, Method::Post, "/pub", r#"{"t":3}"#, 0);
    assert_eq!(send(here, Method::Post, "/gauges/g/merge", &there, 0), (200, Vec::new()));
    let (_, read) = line(here, Method::Get, "/gauges/g?format=json", "");
    assert!(read.contains(r#""count":3,"mean":2"#), "{read}");
    let mut corrupt = there.clone();
    corrupt[20] ^= 1;
    assert_eq!(send(here, Method::Post, "/gauges/g/merge", &corrupt, 0).0, 400);
    let other = written(&mut gauge(r#"{"field":"u","measure":"moments"}"#), Format::Binary, 1);
    assert_eq!(send(here, Method::Post, "/gauges/g/merge", other, 0).0, 409);
    // All bins are in use, and there is none left to look at another gauge with.
    assert_eq!(send(here, Method::Put, "/gauges/h", LOAD, 0).0, 201);
    assert_eq!(send(here, Method::Post, "/gauges/g/merge", &there, 0).0, 507);
    assert_eq!(line(here, Method::Get, "/gauges/g?format=json", "").1, read);
}

#[test]
fn every_kind_of_block_is_found() {
    const ALL: &str = r#"{"field":"x","with":"y","by":"g","groups":2,"every":"1s","last":"2s","bins":8,"precision":4,
        "top":4,"edges":4,"histogram":{"integers":[0,9]},"measure":["quantiles","distinct","top","histogram","graph"]}"#;
    let blocks: &'static Blocks<24> = Box::leak(Box::default());
    // Four panes of three groups, and two cells to add up in; keys that wait beside the most frequent ones.
    let cells = 14;
    assert!(blocks.counts.is_empty());
    blocks.cells.cut(Box::leak(Box::new([const { Measured::BLANK }; 5 * 14])), 5 * cells);
    blocks.bins.cut(Box::leak(vec![0; 16 * cells].into()), 16);
    blocks.registers.cut(Box::leak(vec![0; 16 * cells].into()), 16);
    blocks.counts.cut(Box::leak(vec![0; 10 * cells].into()), 10);
    blocks.slots.cut(Box::leak(vec![Slot::EMPTY; 4 * (cells + 1)].into()), 4);
    blocks.edges.cut(Box::leak(vec![Slot::EMPTY; 4 * cells].into()), 4);
    blocks.panes.cut(Box::leak(vec![Pane::EMPTY; 4].into()), 4);
    blocks.groups.cut(Box::leak(vec![Group::EMPTY; 2].into()), 2);
    assert!(!blocks.counts.is_empty());
    let (mut device, mut alone) = (device::<_, 1>(blocks), gauge(ALL));
    assert_eq!(line(&mut device, Method::Put, "/gauges/g", ALL), (201, String::new()));
    for x in 0..50_u64 {
        let message = format!(r#"{{"x":{},"y":{},"g":{}}}"#, x % 11, x % 3, x % 4);
        send(&mut device, Method::Post, "/pub", &message, x * 100);
        close(&mut alone, x * 100);
        take(&mut alone, message, x * 100);
    }
    let read = send(&mut device, Method::Get, "/gauges/g?format=json", "", 4_950);
    assert_eq!(read, (200, written(&mut alone, Format::Json, 4_950)));
}

#[test]
fn gauges_may_be_kept_elsewhere() {
    let mut gauges = Gauges::<Heap, 1>::new(Heap);
    let bare = Memory::new(Fixed::<2, 1024, 4>::seeded(0));
    let mut device = Served::with_gauges(bare, Surface::Everything, &mut gauges);
    let mut room = [0; 1024];
    for (method, target, body) in [
        (Method::Put, "/gauges/g", r#"{"measure":"moments"}"#),
        (Method::Post, "/pub", "7"),
        (Method::Get, "/gauges", ""),
    ] {
        let request = Request { method, body: body.as_bytes(), ..Request::new(target.as_bytes()) };
        let mut answer = Answer::new(&mut room);
        assert!(device.call(request, &mut answer).is_ok());
        let told = String::from_utf8_lossy(answer.as_bytes());
        assert!(method != Method::Get || told.contains(r#""messages":1}"#), "{told}");
    }
}

#[test]
fn a_problem_has_its_type() {
    let mut device = device::<_, 2>(blocks());
    let here = &mut device;
    send(here, Method::Put, "/gauges/g", LOAD, 0);
    let other = written(&mut gauge(r#"{"field":"u","measure":"moments"}"#), Format::Binary, 1);
    let rules = br#"{"field":"t","measure":"moments","every":"1s","when":{"mean >":1}}"#;
    for (method, target, body, expected) in [
        (Method::Get, "/gauges/none", &b""[..], (404, "no-such-name")),
        (Method::Post, "/gauges/g/merge", &other, (409, "conflict")),
        (Method::Put, "/gauges/h", rules, (501, "not-implemented")),
        (Method::Put, "/gauges/h", br#"{"measure":"distinct"}"#, (507, "no-room")),
        (Method::Put, "/gauges/h", b"{", (400, "bad-request")),
        (Method::Put, "/gauges/full", br#"{"measure":"rate"}"#, (507, "too-many")),
    ] {
        if target == "/gauges/full" {
            send(here, Method::Put, "/gauges/h", r#"{"measure":"rate"}"#, 0);
        }
        let request = Request { method, body, accept: b"application/json", ..Request::new(target.as_bytes()) };
        let (status, body) = send_within(8192, here, request, 0).unwrap();
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let (code, kind) = expected;
        assert_eq!((status, &problem["type"]), (code, &format!("urn:streamgauge:problem:{kind}").into()), "{target}");
    }
}

#[test]
fn the_first_type_of_accept_that_there_is_decides() {
    let (mut device, mut alone) = (device::<_, 1>(Heap), gauge(LOAD));
    send(&mut device, Method::Put, "/gauges/g", LOAD, 0);
    for (accept, format) in [
        ("", Format::Table),
        ("*/*", Format::Table),
        ("application/json", Format::Json),
        ("text/html, image/svg+xml;q=0.9, application/json", Format::Svg),
        ("application/openmetrics-text; version=1.0.0", Format::OpenMetrics),
        ("x/y,application/octet-stream", Format::Binary),
        ("text/plain,application/json", Format::Table),
    ] {
        let request = Request { accept: accept.as_bytes(), ..Request::new(b"/gauges/g") };
        let (status, body) = send_within(8192, &mut device, request, 0).unwrap();
        assert_eq!((status, body), (200, written(&mut alone, format, 0)), "{accept}");
    }
}

#[test]
fn without_gauges_nothing_answers_there() {
    let mut bare = Served::new(Memory::new(Fixed::<2, 1024, 4>::seeded(0)), Surface::Everything);
    let mut room = [0; 64];
    for target in ["/gauges", "/gauges/g"] {
        let reply = bare.call(Request::new(target.as_bytes()), &mut Answer::new(&mut room)).unwrap();
        assert!(matches!(reply, Reply::Response(response) if response.status.code() == 404), "{target}");
    }
}
