//! Gauges in a running server, with nothing but HTTP: set up, read in every form, merged, removed; and what they tell.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;
use streamgauge_core::stats::Moments;
use streamgauge_core::stats::moments::NonFinite;
use streamgauge_tests::clicks::clicks;
use streamgauge_tests::client::{Answer, Client};
use streamgauge_tests::command::fine;
use streamgauge_tests::process::Server;
use streamgauge_tests::wait::until;

fn request(server: &Server, method: &str, target: &str, fields: &str, body: impl AsRef<[u8]>) -> Answer {
    let (mut client, body) = (server.connect(), body.as_ref());
    let head =
        format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\n{fields}content-length: {}\r\n\r\n", body.len());
    client.send([head.as_bytes(), body].concat());
    client.answer()
}

fn put(server: &Server, name: &str, definition: &str) -> Answer {
    request(server, "PUT", &format!("/gauges/{name}"), "", definition)
}

fn reading(server: &Server, name: &str) -> Value {
    let answer = server.connect().get(&format!("/gauges/{name}?format=json"));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    serde_json::from_str(&answer.text()).expect("a reading is JSON")
}

/// The reading, once so many messages have come.
fn settled(server: &Server, name: &str, messages: u64) -> Value {
    until("the gauge to have read everything", || {
        let reading = reading(server, name);
        (reading["counters"]["messages"].as_u64() == Some(messages)).then_some(reading)
    })
}

fn publish(server: &Server, topic: &str, lines: &[String]) {
    for some in lines.chunks(500) {
        assert_eq!(server.connect().post(&format!("/pub?topic={topic}"), some.join("\n")).status, 200);
    }
}

#[test]
fn the_clicks_are_measured_as_they_flow() {
    let clicks = clicks();
    let server = Server::everything([""; 0]);
    let by_country = r#"{"topic":"clicks","field":"t","by":"c","groups":300,"top":4,
        "measure":["moments","quantiles","distinct","top","rate"]}"#;
    assert_eq!(put(&server, "country", by_country).status, 201);
    let referrers = r#"{"topic":"clicks","field":"r","with":"u","measure":["graph","distinct"],"edges":20000}"#;
    assert_eq!(put(&server, "referrers", referrers).status, 201);
    publish(&server, "clicks", &clicks);
    let messages = clicks.len() as u64;
    let (country, referrers) = (settled(&server, "country", messages), settled(&server, "referrers", messages));

    let (mut all, mut countries) = (Moments::with_policy(NonFinite::LeaveOut), BTreeMap::<String, u64>::new());
    let mut edges = BTreeMap::<(String, String), u64>::new();
    for click in &clicks {
        let Ok(click) = serde_json::from_str::<Value>(click) else { continue };
        if let Some(t) = click["t"].as_f64() {
            all.push(t);
            if let Some(country) = click["c"].as_str() {
                *countries.entry(country.to_owned()).or_default() += 1;
            }
        }
        if let (Some(r), Some(u)) = (click["r"].as_str(), click["u"].as_str()) {
            *edges.entry((r.to_owned(), u.to_owned())).or_default() += 1;
        }
    }
    assert_eq!(country["count"].as_u64(), Some(all.count()));
    // Added up over all groups: the last digit may differ.
    let near = |name: &str, expected: Option<f64>| {
        let (got, expected) = (country[name].as_f64().expect("a number"), expected.expect("there are clicks"));
        assert!((got / expected - 1.0).abs() < 1e-14, "{name}: {got} and {expected}");
    };
    near("mean", all.mean());
    near("stddev", all.sample_stddev());
    near("max", all.max());
    let groups = country["groups"].as_object().expect("groups");
    assert_eq!(groups.len(), countries.len());
    for (name, count) in &countries {
        assert_eq!(groups[name]["count"].as_u64(), Some(*count), "{name}");
    }
    let heaviest = &referrers["graph"][0];
    let (edge, weight) = edges.iter().max_by_key(|(_, weight)| **weight).expect("an edge");
    assert_eq!(heaviest["count"].as_u64(), Some(*weight));
    if edges.values().filter(|other| *other == weight).count() == 1 && edge.1.len() < 54 {
        assert_eq!((heaviest["from"].as_str(), heaviest["to"].as_str()), (Some(&*edge.0), Some(&*edge.1)));
    }

    // The list has what each costs, and takes its memory from the budget.
    let list: Value = serde_json::from_str(&server.connect().get("/gauges").text()).expect("a list is JSON");
    assert_eq!(list.as_array().map(Vec::len), Some(2));
    for one in list.as_array().expect("a list") {
        assert_eq!(
            (one["messages"].as_u64(), one["behind"].as_u64(), one["missed"].as_u64()),
            (Some(messages), Some(0), Some(0))
        );
        assert!(one["nanoseconds"].as_u64() > Some(0) && one["bytes"].as_u64() > Some(100_000), "{one}");
    }
}

#[test]
fn a_gauge_is_set_up_changed_and_removed() {
    let server = Server::everything([""; 0]);
    assert_eq!(put(&server, "g", r#"{"topic":"a","field":"x","measure":"moments"}"#).status, 201);
    publish(&server, "a", &[r#"{"x":1}"#.to_owned(), r#"{"x":2}"#.to_owned()]);
    assert_eq!(settled(&server, "g", 2)["mean"], 1.5);
    // The same again changes nothing, whatever it looks like; another one begins anew.
    assert_eq!(put(&server, "g", r#"{ "measure":["moments"], "field":"x", "topic":"a" }"#).status, 200);
    assert_eq!(reading(&server, "g")["count"], 2);
    assert_eq!(put(&server, "g", r#"{"topic":"a","field":"y","measure":"moments"}"#).status, 200);
    assert_eq!(reading(&server, "g")["count"], 0);
    let definition = server.connect().get("/gauges/g?format=definition").text();
    assert!(definition.starts_with(r#"{"topic":"a","field":"y","#), "{definition}");
    assert_eq!(put(&server, "copy", &definition).status, 201);
    assert_eq!(request(&server, "DELETE", "/gauges/g", "", "").status, 200);
    for (method, target) in [("GET", "/gauges/g"), ("DELETE", "/gauges/g"), ("POST", "/gauges/g/merge")] {
        let answer = request(&server, method, target, "", "");
        assert_eq!((answer.status, answer.text().as_str()), (404, "there is no gauge g\n"), "{method} {target}");
    }
    assert!(server.connect().get("/gauges?prefix=c").text().contains("\"name\":\"copy\""));
    assert_eq!(server.connect().get("/gauges?prefix=x").text(), "[]\n");
}

#[test]
fn what_is_wrong_is_said() {
    let server = Server::everything(["--memory=400MiB"]);
    for (body, line) in [
        ("", "the body must be a JSON object of settings, such as {\"topic\":\"clicks\",\"measure\":\"rate\"}\n"),
        (r#"{"measure":"rates"}"#, "measure must be one or a list of "),
        (r#"{"mesure":"rate"}"#, "there is no setting \"mesure\"\n"),
    ] {
        let answer = put(&server, "g", body);
        let (status, text) = (answer.status, answer.text());
        assert_eq!(status, 400, "{body}");
        assert!(text.starts_with(line), "{text}");
    }
    let large = r#"{"by":"k","groups":4096,"every":"1s","last":"1h","measure":["quantiles","distinct"]}"#;
    let answer = request(&server, "PUT", "/gauges/large", "accept: application/json\r\n", large);
    let (status, text) = (answer.status, answer.text());
    assert_eq!(status, 507);
    assert!(text.contains("\"limit\":\"memory\",\"value\":419430400"), "{text}");
    // What it had taken is given back.
    assert_eq!(put(&server, "small", r#"{"measure":"quantiles"}"#).status, 201);
    let name = "n".repeat(59);
    assert_eq!(put(&server, &name, r#"{"measure":"rate"}"#).status, 400);
    assert_eq!(request(&server, "POST", "/gauges/small", "", "").status, 405);
    let answer = request(&server, "GET", "/gauges/small/merge", "", "");
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
    assert_eq!(server.connect().get("/gauges/small?format=xml").status, 400);
}

#[test]
fn a_gauge_does_not_measure_its_own_readings_message_for_message() {
    let server = Server::everything(["--shards=2"]);
    let of = |topic: &str, every: &str| format!(r#"{{"topic":"{topic}","measure":"rate","every":"{every}"}}"#);
    let answer = put(&server, "self", &of("gauge.self", "1 message"));
    let (status, text) = (answer.status, answer.text());
    assert_eq!(status, 409, "{text}");
    assert!(text.starts_with("a gauge can't measure its own readings: "), "{text}");
    assert_eq!(put(&server, "self", &of("gauge.self", "1h")).status, 201);
    assert_eq!(put(&server, "a", &of("gauge.b", "1 message")).status, 201);
    assert_eq!(put(&server, "b", &of("gauge.c", "1 message")).status, 201);
    assert_eq!(put(&server, "c", &of("gauge.a", "1 message")).status, 409);
    assert_eq!(put(&server, "c", &of("clicks", "1 message")).status, 201);
    publish(&server, "clicks", &["1".to_owned()]);
    assert_eq!(settled(&server, "a", 1)["counters"]["messages"], 1);
}

#[test]
fn every_form_has_its_type() {
    let server = Server::everything([""; 0]);
    put(&server, "g", r#"{"field":"x","measure":["moments","quantiles"]}"#);
    publish(&server, "main", &(0..100).map(|x| format!(r#"{{"x":{x}}}"#)).collect::<Vec<_>>());
    settled(&server, "g", 100);
    for (accept, media_type, beginning) in [
        ("*/*", "text/plain; charset=utf-8", "g  topic main  from "),
        ("application/json", "application/json", "{\"gauge\":\"g\","),
        ("image/svg+xml", "image/svg+xml", "<svg "),
        (
            "application/openmetrics-text; version=1.0.0,text/plain;q=0.5",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            "# TYPE streamgauge_gauge gauge\n",
        ),
        ("application/octet-stream", "application/octet-stream", "SGG1"),
        ("text/plain;q=0.5,application/json", "application/json", "{\"gauge\":\"g\","),
        ("image/*", "image/svg+xml", "<svg "),
        ("text/csv", "text/plain; charset=utf-8", "g  topic main  from "),
    ] {
        let answer = request(&server, "GET", "/gauges/g", &format!("accept: {accept}\r\n"), "");
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(media_type)), "{accept}");
        assert_eq!(answer.header("vary"), Some("accept"));
        assert!(answer.body.starts_with(beginning.as_bytes()), "{accept}");
    }
    let mut client = server.connect();
    client.send("HEAD /gauges/g HTTP/1.1\r\nhost: localhost\r\n\r\n");
    assert!(client.head().starts_with("HTTP/1.1 200 "));
    // Nothing stands between it and the next answer.
    assert_eq!(client.get("/gauges?prefix=none").text(), "[]\n");
}

#[test]
fn what_one_server_measured_is_added_to_another() {
    let definition = r#"{"field":"x","by":"g","measure":["moments","quantiles","distinct","top"]}"#;
    let servers = [Server::everything([""; 0]), Server::everything([""; 0])];
    for (at, server) in servers.iter().enumerate() {
        assert_eq!(put(server, "g", definition).status, 201);
        let half = (0..500).map(|x| format!(r#"{{"x":{},"g":"{}"}}"#, x * 2 + at, x % 3));
        publish(server, "main", &half.collect::<Vec<_>>());
        settled(server, "g", 500);
    }
    let bytes = servers[0].connect().get("/gauges/g?format=binary").body;
    assert_eq!(request(&servers[1], "POST", "/gauges/g/merge", "", &bytes).status, 200);
    // From a pipe, too, which is there once.
    assert!(fine(&["merge", "/dev/stdin"], &bytes).starts_with("merged  topic main  "));
    let sum = reading(&servers[1], "g");
    assert_eq!((sum["count"].as_u64(), sum["mean"].as_f64()), (Some(1_000), Some(499.5)));
    assert_eq!((sum["min"].as_f64(), sum["max"].as_f64()), (Some(0.0), Some(999.0)));
    assert_eq!(sum["groups"]["2"]["count"], 332);
    let mut corrupt = bytes.clone();
    corrupt[bytes.len() / 2] ^= 1;
    assert_eq!(request(&servers[1], "POST", "/gauges/g/merge", "", &corrupt).status, 400);
    assert_eq!(request(&servers[1], "POST", "/gauges/g/merge", "", "hello").status, 400);
    put(&servers[1], "other", r#"{"field":"y","measure":"moments"}"#);
    assert_eq!(request(&servers[1], "POST", "/gauges/other/merge", "", &bytes).status, 409);
    assert_eq!(reading(&servers[1], "g")["count"], 1_000);
}

/// A subscriber of a topic, by lines.
fn subscribe(server: &Server, topic: &str) -> Client {
    let mut client = server.connect();
    client.send(format!("GET /sub?topic={topic}&multipart=0 HTTP/1.1\r\nhost: x\r\n\r\n"));
    assert!(client.head().starts_with("HTTP/1.1 200 "));
    client
}

/// A message, or null for a line of what it is sent in.
fn line(client: &mut Client) -> Value {
    let line = client.take_to(b"\n");
    let text = String::from_utf8_lossy(&line).into_owned();
    // Chunks of the transfer are lines of their own.
    match text.find('{') {
        Some(start) => serde_json::from_str(text[start..].trim_end()).unwrap_or_else(|error| panic!("{error}: {text}")),
        None => Value::Null,
    }
}

#[test]
fn a_rule_that_holds_ends_with_its_gauge() {
    let server = Server::everything([""; 0]);
    let definition = |bound: u32| {
        format!(
            r#"{{"topic":"a","measure":"moments","every":"200ms","last":"1m","when":{{"mean >":{bound},"to":"b"}}}}"#
        )
    };
    let mut alerts = subscribe(&server, "b");
    let mut next = || {
        let alert = until("an alert", || Some(line(&mut alerts)).filter(|value| !value.is_null()));
        (alert["rule"]["mean >"].as_f64(), alert["state"].as_str().map(str::to_owned), alert["value"].as_f64())
    };
    let told = |bound: f64, state: &str, value: Option<f64>| (Some(bound), Some(state.to_owned()), value);
    assert_eq!(put(&server, "g", &definition(10)).status, 201);
    publish(&server, "a", &["40".to_owned()]);
    assert_eq!(next(), told(10.0, "begins", Some(40.0)));
    assert_eq!(put(&server, "g", &definition(20)).status, 200);
    assert_eq!(next(), told(10.0, "ends", None));
    publish(&server, "a", &["50".to_owned()]);
    assert_eq!(next(), told(20.0, "begins", Some(50.0)));
    assert_eq!(request(&server, "DELETE", "/gauges/g", "", "").status, 200);
    assert_eq!(next(), told(20.0, "ends", None));
}

#[test]
fn silence_is_told_though_nothing_has_ever_come() {
    let server = Server::everything([""; 0]);
    let mut alerts = subscribe(&server, "b");
    let definition = r#"{"topic":"a","measure":"moments","every":"200ms","when":{"count <":1,"to":"b"}}"#;
    assert_eq!(put(&server, "g", definition).status, 201);
    let alert = until("an alert", || Some(line(&mut alerts)).filter(|value| !value.is_null()));
    assert_eq!((alert["state"].as_str(), alert["value"].as_f64()), (Some("begins"), Some(0.0)));
    assert!(alert["to"].as_str() <= alert["time"].as_str(), "{alert}");
}

#[test]
fn readings_and_alerts_are_topics() {
    let server = Server::everything([""; 0]);
    let definition = r#"{"topic":"a","measure":["moments","rate"],"every":"200ms","last":"200ms","when":{"mean >":10,"to":"alerts"}}"#;
    assert_eq!(put(&server, "g", definition).status, 201);
    let (mut readings, mut alerts) = (subscribe(&server, "gauge.g"), subscribe(&server, "alerts"));
    publish(&server, "a", &["40".to_owned(), "50".to_owned()]);
    let begun = until("the alert", || Some(line(&mut alerts)).filter(|value| !value.is_null()));
    assert_eq!((begun["state"].as_str(), begun["value"].as_f64()), (Some("begins"), Some(45.0)));
    assert_eq!(begun["rule"]["mean >"], 10.0);
    let told = until("a pane with both", || Some(line(&mut readings)).filter(|value| value["count"] == 2));
    assert_eq!((told["gauge"].as_str(), told["mean"].as_f64()), (Some("g"), Some(45.0)));
    // When nothing comes any more, panes go on and the rule has ended.
    let ended = until("its end", || Some(line(&mut alerts)).filter(|value| !value.is_null()));
    assert_eq!(ended["state"], "ends");
    let empty = until("an empty pane", || Some(line(&mut readings)).filter(|value| value["count"] == 0));
    assert!(empty["from"].as_str() >= told["to"].as_str());
}

#[test]
fn a_gauge_is_nobodys_subscriber_and_says_what_it_missed() {
    let server = Server::everything([""; 0]);
    assert_eq!(request(&server, "PUT", "/topics/a", "", r#"{"bytes":"4KiB"}"#).status, 201);
    assert_eq!(put(&server, "g", r#"{"topic":"a","measure":"rate"}"#).status, 201);
    let answer = server.connect().post("/pub?topic=a", "x").text();
    assert_eq!(answer, "Published 1 messages to 0 clients.\n");
    // Far more than the log holds, at once: what is gone is counted.
    let body = vec!["0123456789"; 20_000].join("\n");
    assert_eq!(server.connect().post("/pub?topic=a", body).status, 200);
    let reading = until("all to be read or missed", || {
        let counters = reading(&server, "g")["counters"].clone();
        let sum = counters["messages"].as_u64()? + counters["missed"].as_u64()?;
        (sum == 20_001).then_some(counters)
    });
    assert!(reading["missed"].as_u64() > Some(10_000), "{reading}");
    // The topic goes, and another one of its name is measured on.
    assert_eq!(request(&server, "DELETE", "/topics/a", "", "").status, 200);
    let before = reading["messages"].as_u64().expect("a number");
    publish(&server, "a", &["y".to_owned()]);
    until("the new one to be read", || {
        let messages = self::reading(&server, "g")["counters"]["messages"].as_u64();
        (messages == Some(before + 1)).then_some(())
    });
}

#[test]
fn gauges_are_where_their_topics_are() {
    let server = Server::everything(["--shards=3"]);
    for number in 0..12 {
        let definition = format!(r#"{{"topic":"t{number}","field":"x","measure":"moments"}}"#);
        assert_eq!(put(&server, &format!("g{number}"), &definition).status, 201);
        publish(&server, &format!("t{number}"), &[format!(r#"{{"x":{number}}}"#)]);
    }
    let mut client = server.connect();
    for number in 0..12 {
        // One connection goes to each of them.
        until("it to be read", || {
            let text = client.get(&format!("/gauges/g{number}?format=json")).text();
            let reading: Value = serde_json::from_str(&text).expect("a reading is JSON");
            (reading["mean"].as_f64() == Some(f64::from(number))).then_some(())
        });
    }
    let list: Value = serde_json::from_str(&client.get("/gauges").text()).expect("a list is JSON");
    let names: Vec<_> = list.as_array().expect("a list").iter().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(names.len(), 12);
    assert!(names.is_sorted(), "{names:?}");
    let elsewhere = (0..12)
        .find(|number| put(&server, "g0", &format!(r#"{{"topic":"t{number}","measure":"rate"}}"#)).status == 409);
    assert!(elsewhere.is_some(), "a gauge stays where it is");
    for number in 0..12 {
        assert_eq!(request(&server, "DELETE", &format!("/gauges/g{number}"), "", "").status, 200);
    }
    assert_eq!(client.get("/gauges").text(), "[]\n");
}

/// A server that has nothing to do: how long it takes is how busy the machine is.
struct Idle(Server);

impl Idle {
    fn start() -> Self {
        Self(Server::everything([""; 0]))
    }

    fn time(&self) -> Duration {
        time_of(|| assert_eq!(self.0.connect().get("/put?data=x").status, 200))
    }
}

fn time_of(request: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    request();
    begun.elapsed()
}

#[test]
fn a_busy_gauge_slows_nobody_for_long() {
    let (server, idle) = (Server::everything([""; 0]), Idle::start());
    let definition = r#"{"topic":"a","field":"x","by":"g","every":"100ms","last":"10s",
        "measure":["moments","quantiles","distinct","top","rate"]}"#;
    assert_eq!(put(&server, "g", definition).status, 201);
    let lines: Vec<_> = (0..20_000).map(|x| format!(r#"{{"x":{},"g":{}}}"#, x * 7 % 1_000, x % 300)).collect();
    publish(&server, "a", &lines);
    let mut slowest = [Duration::ZERO; 2];
    let mut client = server.connect();
    until("the gauge to have read everything", || {
        slowest[0] = slowest[0].max(time_of(|| assert_eq!(client.get("/put?queue=q&data=x").status, 200)));
        slowest[1] = slowest[1].max(idle.time());
        let list = client.get("/gauges").text();
        list.contains("\"messages\":20000,").then_some(())
    });
    assert!(slowest[0] < Duration::from_secs(2) + 3 * slowest[1], "{slowest:?}");
}

#[test]
fn a_message_that_ends_many_panes_holds_nobody_up() {
    let (server, idle) = (Server::everything(["--memory=400MiB"]), Idle::start());
    let definition = r#"{"topic":"j","by":"b","time":"t","every":"1s","last":"400s","groups":400,"measure":"rate"}"#;
    assert_eq!(put(&server, "g", definition).status, 201);
    let at = |group: u64, second: u64| format!(r#"{{"b":{group},"t":{}}}"#, 1_700_000_000 + second);
    publish(&server, "j", &(1..=400).map(|group| at(group, 0)).collect::<Vec<_>>());
    settled(&server, "g", 400);
    let before = server.process.peak_memory();
    // 399 panes of 400 groups are over at once, and what comes meanwhile is counted in its pane.
    publish(&server, "j", &[at(1, 399)]);
    let (mut client, mut slowest) = (server.connect(), [Duration::ZERO; 2]);
    for _ in 0..50 {
        slowest[0] = slowest[0].max(time_of(|| assert_eq!(client.post("/pub?topic=other", "x").status, 200)));
        slowest[1] = slowest[1].max(idle.time());
    }
    publish(&server, "j", &[at(2, 398), at(2, 399), at(3, 400)]);
    let last = until("all panes to be told", || {
        // Without chunks: the log goes past who reads what is published so fast, and there is no last one then.
        let mut told = server.connect();
        told.send("GET /sub?topic=gauge.g&multipart=0&from=first&follow=0 HTTP/1.0\r\n\r\n");
        let told = String::from_utf8_lossy(&told.rest()).into_owned();
        let line: Value = serde_json::from_str(told.lines().rfind(|line| line.starts_with('{'))?).ok()?;
        (line["from"] == "2023-11-14T22:19:59.000Z").then_some(line)
    });
    assert_eq!((&last["messages"], &last["counters"]["untold"]), (&2.into(), &0.into()));
    let reading = settled(&server, "g", 404);
    assert_eq!((&reading["counters"]["late"], &reading["counters"]["untold"]), (&1.into(), &0.into()));
    assert!(slowest[0] < Duration::from_millis(500) + 3 * slowest[1], "{slowest:?}");
    if let (Some(before), Some(after)) = (before, server.process.peak_memory()) {
        assert!(after - before < 16 << 20, "{} bytes more", after - before);
    }
}

/// Of a server whose `--memory` has room for a gauge, and not for two.
const SMALL: [&str; 5] = [
    "--memory=40MiB",
    "--log-bytes=1MiB",
    "--queue-bytes=1MiB",
    "--max-body-bytes=256KiB",
    "--max-message-bytes=64KiB",
];

#[test]
fn a_gauge_that_is_refused_leaves_no_topic() {
    let server = Server::everything(SMALL);
    let large = r#"{"topic":"a","by":"k","groups":4096,"every":"1s","last":"1h","measure":"distinct"}"#;
    let answer = put(&server, "large", large);
    assert_eq!(answer.status, 507);
    let text = answer.text();
    assert!(text.starts_with("there is no room for this gauge: it needs ") && text.contains("--memory"), "{text}");
    let own = r#"{"topic":"gauge.self","measure":"rate","every":"1 message"}"#;
    assert_eq!(put(&server, "self", own).status, 409);
    let topics = server.get("/topics");
    assert!(!topics.contains("gauge."), "{topics}");
}

#[test]
fn where_names_have_to_be_made_a_gauge_uses_no_others() {
    let server = Server::everything(["--no-auto-create"]);
    let missing = r#"{"topic":"a","measure":"rate","every":"100ms"}"#;
    let answer = put(&server, "g", missing);
    assert_eq!((answer.status, answer.text().as_str()), (404, "there is no topic a\n"));
    assert_eq!(request(&server, "PUT", "/topics/a", "", "{}").status, 201);
    let telling = r#"{"topic":"a","field":"x","measure":"moments","every":"1s","when":{"mean >":1,"to":"alerts"}}"#;
    let answer = put(&server, "g", telling);
    assert_eq!((answer.status, answer.text().as_str()), (404, "there is no topic alerts\n"));
    assert!(!server.get("/topics").contains("gauge.g"));
    assert_eq!(put(&server, "g", missing).status, 201);
    assert_eq!(request(&server, "DELETE", "/topics/gauge.g", "", "").status, 200);
    assert_eq!(put(&server, "g", missing).status, 200);
    assert!(server.get("/topics").contains("gauge.g"));
}

#[test]
fn a_reading_that_is_too_long_for_its_topic_is_counted() {
    let server = Server::everything([""; 0]);
    let definition =
        r#"{"topic":"a","field":"x","by":"g","groups":1000,"every":"1000 messages","measure":["moments","rate"]}"#;
    // One has a topic that holds any of its readings, and the other one a topic that was there before.
    let small = r#"{"bytes":"64KiB"}"#;
    assert_eq!(request(&server, "PUT", "/topics/gauge.small", "", small).status, 201);
    for (name, warning) in [("large", ""), ("small", "and gauge.small takes 65504")] {
        let answer = put(&server, name, definition);
        let (status, said) = (answer.status, answer.text());
        assert!(status == 201 && said.contains(warning) && said.is_empty() == warning.is_empty(), "{said}");
        assert_eq!((put(&server, name, definition).status, put(&server, name, definition).text()), (200, said));
    }
    let lines: Vec<_> = (0..1_001).map(|group| format!(r#"{{"x":{group},"g":{}}}"#, group % 1_000)).collect();
    publish(&server, "a", &lines);
    settled(&server, "small", 1_001);
    until("the pane to be counted", || (reading(&server, "small")["counters"]["untold"] == 1).then_some(()));
    let told = server.get("/sub?topic=gauge.large&multipart=0&from=first&follow=0");
    let told = told.lines().find(|line| line.starts_with('{')).expect("a reading");
    assert!(told.len() > 256 << 10, "{}", told.len());
    assert_eq!(serde_json::from_str::<Value>(told).unwrap()["groups"]["999"]["count"], 1);
    assert_eq!(reading(&server, "large")["counters"]["untold"], 0);
    let list: Value = serde_json::from_str(&server.get("/gauges")).unwrap();
    assert_eq!((&list[0]["untold"], &list[1]["untold"]), (&0.into(), &1.into()));
    let metrics = server.get("/metrics");
    for sample in [
        "streamgauge_gauges 2\n",
        "streamgauge_gauge_messages_total{gauge=\"small\"} 1001\n",
        "streamgauge_gauge_untold_readings_total{gauge=\"large\"} 0\n",
        "streamgauge_gauge_untold_readings_total{gauge=\"small\"} 1\n",
    ] {
        assert!(metrics.contains(sample), "{sample}{metrics}");
    }
}

#[test]
fn a_gauge_whose_topic_does_not_fit_is_refused() {
    let server =
        Server::everything(["--memory=64MiB", "--log-bytes=4MiB", "--queue-bytes=1MiB", "--max-body-bytes=1MiB"]);
    let overview: Value = serde_json::from_str(&server.get("/overview")).unwrap();
    let [held, budget] = ["bytes", "budget"].map(|name| overview["memory"][name].as_u64().unwrap());
    // Room for the gauge, and not for a reading of a mebibyte.
    let filler = format!(r#"{{"bytes":{}}}"#, budget - held - 1_500_000);
    assert_eq!(request(&server, "PUT", "/topics/filler", "", filler).status, 201);
    let of = |top: u32| format!(r#"{{"topic":"a","every":"1s","measure":"top","top":{top}}}"#);
    assert_eq!(put(&server, "g", &of(2_500)).status, 507);
    assert!(!server.get("/topics").contains("gauge.g") && !server.get("/gauges").contains("\"g\""));
    assert_eq!(put(&server, "g", &of(25)).status, 201);
}

#[test]
fn a_gauge_that_does_not_fit_beside_the_one_before_is_told_so() {
    let server = Server::everything(SMALL);
    let of = |groups: u32| format!(r#"{{"topic":"a","field":"x","by":"k","groups":{groups},"measure":"quantiles"}}"#);
    assert_eq!(put(&server, "g", &of(3_000)).status, 201);
    let answer = put(&server, "g", &of(2_500));
    let (status, text) = (answer.status, answer.text());
    assert!(status == 507 && text.trim_end().ends_with("until then: remove that first"), "{status} {text}");
    // It has not lost what it is.
    assert!(server.get("/gauges/g?format=definition").contains("3000"));
    assert_eq!(request(&server, "DELETE", "/gauges/g", "", "").status, 200);
    assert_eq!(put(&server, "g", &of(2_500)).status, 201);
}
