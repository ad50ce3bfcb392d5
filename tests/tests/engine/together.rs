//! What one gateway was told is so at every other.

use std::time::{Duration, Instant};

use serde_json::Value;
use streamgauge_tests::client::Client;
use streamgauge_tests::law::{lawful, number};
use streamgauge_tests::link::Link;
use streamgauge_tests::nats::Cluster;

use crate::{gateway, has, joined, messages, pair, shows};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// What a publisher is told.
fn published(client: &mut Client, target: &str, text: &str) -> Value {
    let length = text.len();
    client.send(format!(
        "POST {target} HTTP/1.1\r\nhost: localhost\r\naccept: application/json\r\ncontent-length: {length}\r\n\r\n{text}"
    ));
    json(&client.answer().text())
}

#[test]
fn a_lease_of_one_gateway_is_good_at_every_other() {
    let Some((_cluster, [a, b])) = pair() else { return };
    let (mut a, mut b) = (a.connect(), b.connect());
    assert_eq!(a.post("/put?queue=q", "one").status, 200);
    let lent = b.get("/get?queue=q&lease=30&wait=5");
    assert_eq!((lent.status, lent.header("x-attempt")), (200, Some("1")));
    let token = lent.header("x-lease").unwrap().to_owned();
    assert_eq!(a.get("/get?queue=q&lease=30").status, 204, "nobody else has it");
    assert_eq!(a.post(&format!("/touch?queue=q&lease={token}&seconds=60"), "").status, 200);
    assert_eq!(a.post(&format!("/nack?queue=q&lease={token}&reason=no"), "").status, 200);
    assert_eq!(b.post(&format!("/ack?queue=q&lease={token}"), "").status, 410, "it is over");
    let again = a.get("/get?queue=q&lease=30&wait=5");
    assert_eq!(again.header("x-attempt"), Some("2"));
    let token = again.header("x-lease").unwrap().to_owned();
    let both = b.post("/ack?queue=q", format!("nonsense\n{token}\n"));
    let text = both.text();
    assert!(text.contains("acked 1") && text.contains("nonsense"), "{text}");
    assert_eq!(a.post(&format!("/ack?queue=q&lease={token}"), "").status, 410, "nothing is taken twice");
}

#[test]
fn an_item_that_one_gateway_has_no_room_to_tell_is_there_for_another() {
    let Some((cluster, [wide, _])) = pair() else { return };
    let flags = ["--max-body-bytes", "20000", "--max-buffered-bytes", "30000"];
    let narrow = gateway(&cluster.url(), &flags);
    let (mut wide, mut narrow) = (wide.connect(), narrow.connect());
    let long = "x".repeat(100_000);
    assert_eq!(wide.post("/put?queue=q", &long).status, 200);
    for target in ["/get?queue=q", "/get?queue=q&lease=30&wait=5", "/mget?queue=q&items=2&lease=30"] {
        let refused = narrow.get(target);
        assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")), "{target}");
        let why = refused.text();
        assert!(why.contains("max-buffered-bytes"), "{why}");
    }
    let lent = wide.get("/get?queue=q&lease=30&wait=5");
    assert_eq!(lent.header("x-attempt"), Some("1"));
    assert_eq!(lent.text(), long);
}

#[test]
fn settings_delays_ids_and_dead_letters_are_the_same_everywhere() {
    let Some((_cluster, [a, b])) = pair() else { return };
    let (mut a, mut b) = (a.connect(), b.connect());
    let jobs = r#"{"max_attempts":2,"dead_letter":"dead","lease":"300ms","bytes":65536}"#;
    assert_eq!(a.put("/queues/jobs", jobs).status, 201);
    assert_eq!(b.put("/queues/jobs", jobs).status, 200, "it is there");
    // An id counts once, wherever it comes.
    for client in [&mut a, &mut b] {
        assert_eq!(client.post("/put?queue=jobs&id=x", "work").status, 200);
    }
    assert_eq!(b.post("/put?queue=jobs&delay=1&id=y", "later").status, 200);
    let begun = Instant::now();
    // Twice its lease runs out, with nobody but the clock to say so.
    for attempt in ["1", "2"] {
        let lent = a.get("/get?queue=jobs&lease=300ms&wait=10");
        assert_eq!((lent.header("x-attempt"), &lent.body[..]), (Some(attempt), &b"work"[..]));
    }
    let later = b.get("/get?queue=jobs&wait=10");
    assert_eq!(later.text(), "later");
    assert!(begun.elapsed() >= Duration::from_millis(900), "{:?}", begun.elapsed());
    let dead = b.get("/get?queue=dead&wait=10&format=json");
    assert_eq!((dead.status, dead.text().as_str()), (200, "work"));
    let stats = lawful(&a.get("/stats?queue=jobs&format=json").text());
    assert_eq!(number(&stats, "duplicates"), 1, "{stats}");
}

#[test]
fn who_was_at_one_gateway_goes_on_at_another() {
    let Some((_cluster, [a, b])) = pair() else { return };
    let publish =
        |client: &mut Client, text: &str| published(client, "/pub?topic=news", text)["first"].as_u64().unwrap();
    let (mut at_a, mut at_b) = (a.connect(), b.connect());
    let first = publish(&mut at_a, "one");
    assert_eq!([publish(&mut at_b, "two"), publish(&mut at_a, "three")], [first + 1, first + 2]);
    let shown = |server, from: u64| has(server, "news", &from.to_string(), |text| text.ends_with("three\n"));
    assert_eq!(shown(&a, first), "one\ntwo\nthree\n");
    assert_eq!(shown(&b, first + 1), "two\nthree\n");
    // The same message under the same id, when the answer was lost.
    let twice = [&mut at_a, &mut at_b].map(|client| published(client, "/pub?topic=news&id=4", "four"));
    assert_eq!((&twice[0]["first"], &twice[1]["duplicates"]), (&twice[1]["first"], &Value::from(1)));
}

#[test]
fn panes_that_messages_of_one_time_end_are_all_told() {
    let Some((_cluster, [a, b])) = pair() else { return };
    let gauge = r#"{"topic":"t","measure":["moments"],"every":"10 messages","when":{"mean >":45,"to":"alarms"}}"#;
    assert_eq!(a.connect().put("/gauges/g", gauge).status, 201);
    shows(&b, "/gauges", |text| text.contains("\"g\""));
    let lines = (0..100).map(|number| number.to_string()).collect::<Vec<_>>().join("\n");
    assert_eq!(b.connect().post("/pub?topic=t", lines).status, 200);
    for server in [&a, &b] {
        has(server, "gauge.g", "first", |text| text.lines().count() == 10);
    }
    // Until the slower one has told them too.
    std::thread::sleep(Duration::from_millis(1_500));
    let means: Vec<_> = messages(&a, "gauge.g", "first").lines().map(|line| json(line)["mean"].as_f64()).collect();
    assert_eq!(means, (0..10).map(|pane| Some(f64::from(pane * 10) + 4.5)).collect::<Vec<_>>());
    assert_eq!(messages(&b, "alarms", "first").lines().count(), 1);
}

#[test]
fn a_gauge_measures_what_all_gateways_publish_and_each_pane_is_told_once() {
    let Some((cluster, [a, b])) = pair() else { return };
    let (mut at_a, mut at_b) = (a.connect(), b.connect());
    let gauge = r#"{"topic":"t","field":"x","measure":["moments"],"every":"1s","last":"60s","shared":true}"#;
    let made = at_a.put("/gauges/g", gauge);
    assert_eq!(made.status, 201, "{}", made.head);
    shows(&b, "/gauges", |text| text.contains("\"g\""));
    // Over more than one pane.
    for number in 0..20 {
        let client = if number % 2 == 0 { &mut at_a } else { &mut at_b };
        assert_eq!(client.post("/pub?topic=t", format!("{{\"x\":{number}}}")).status, 200);
        std::thread::sleep(Duration::from_millis(60));
    }
    for server in [&a, &b] {
        let read = shows(server, "/gauges/g?format=json", |text| text.contains("\"count\":20,"));
        assert!(read.contains("9.5"), "{read}");
    }
    // Both know what a pane had, and one of them tells.
    let count = |text: &str| -> u64 {
        let moments = text.lines().map(|line| json(line)["count"].as_u64().unwrap_or(0));
        moments.sum()
    };
    for server in [&a, &b] {
        has(server, "gauge.g", "first", |text| count(text) == 20);
    }
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!([&a, &b].map(|server| count(&messages(server, "gauge.g", "first"))), [20, 20]);
    // Who begins anew measures again what the topic holds, and tells nothing twice.
    let c = gateway(&cluster.url(), &[]);
    let read = shows(&c, "/gauges/g?format=json", |text| text.contains("\"count\":20,"));
    assert!(read.contains("9.5"), "{read}");
    // What one alone had taken in would not be there.
    let binary = at_a.get("/gauges/g?format=binary").body;
    let merged = at_a.post("/gauges/g/merge", binary);
    assert_eq!(merged.status, 501);
    let why = merged.text();
    assert!(why.contains("streamgauge merge"), "{why}");
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(count(&messages(&c, "gauge.g", "first")), 20);
    at_b.send("DELETE /gauges/g HTTP/1.1\r\nhost: localhost\r\n\r\n");
    assert_eq!(at_b.answer().status, 200);
    shows(&a, "/gauges", |text| !text.contains("\"g\""));
}

#[test]
fn a_gauge_that_waits_for_the_end_of_a_pane_takes_no_time() {
    let Some((_cluster, [a, _])) = pair() else { return };
    let mut client = a.connect();
    assert_eq!(client.put("/gauges/g", r#"{"topic":"t","measure":["rate"],"every":"1s"}"#).status, 201);
    assert_eq!(client.post("/pub?topic=t", "x").status, 200);
    has(&a, "gauge.g", "first", |text| text.lines().count() > 1);
    let Some(before) = a.process.processor_time() else { return };
    let begun = Instant::now();
    std::thread::sleep(Duration::from_secs(5));
    let (took, of) = (a.process.processor_time().expect("it runs") - before, begun.elapsed());
    assert!(took < of / 2, "{took:?} of {of:?}");
}

#[test]
fn a_gauge_that_was_made_again_while_a_gateway_was_cut_off_is_another_one_there_too() {
    let Some(cluster) = Cluster::start(1) else { return };
    let mut link = Link::to(cluster.addresses()[0]);
    let (a, b) = (gateway(&cluster.url(), &[]), gateway(&format!("nats://{}", link.address()), &[]));
    let mut client = a.connect();
    let gauge = r#"{"topic":"t","measure":["moments"]}"#;
    assert_eq!(client.put("/gauges/g", gauge).status, 201);
    for number in 0..3 {
        assert_eq!(client.post("/pub?topic=t", number.to_string()).status, 200);
    }
    let counts = |count: &'static str| move |text: &str| text.contains(count);
    shows(&b, "/gauges/g?format=json", counts("\"count\":3,"));
    link.cut();
    client.send("DELETE /gauges/g HTTP/1.1\r\nhost: localhost\r\n\r\n");
    assert_eq!(client.answer().status, 200);
    assert_eq!(client.put("/gauges/g", gauge).status, 201);
    assert_eq!(client.post("/pub?topic=t", "7").status, 200);
    link.mend();
    joined(&b);
    for server in [&a, &b] {
        shows(server, "/gauges/g?format=json", counts("\"count\":1,"));
    }
}
