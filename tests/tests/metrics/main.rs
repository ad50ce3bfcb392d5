//! What a server counts, for who collects such numbers: checked by Prometheus' own tool, and collected by Prometheus.
//!
//! | module | idea |
//! | --- | --- |
//! | `prometheus` | a real one that collects from a server |
//! | `packaging` | the alerts and the dashboard that come with the server |
//! | `scrapes` | what it takes where there are many names |

mod packaging;
mod prometheus;
mod scrapes;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use streamgauge_tests::client::Client;
use streamgauge_tests::command;
use streamgauge_tests::process::Server;
use streamgauge_tests::wait::until;
use streamgauge_tests::{kept, needs};
use tempfile::TempDir;

/// A server of which something can be counted.
fn used(args: &[&str]) -> Server {
    let server = Server::everything(args);
    let mut client = server.connect();
    assert_eq!(client.post("/pub?topic=clicks", "one\ntwo\nthree").status, 200);
    assert_eq!(client.post("/mput?queue=jobs", "a\nb\nc\nd").status, 200);
    assert_eq!(client.get("/get?queue=jobs").text(), "a");
    let lent = client.get("/get?queue=jobs&lease=60");
    assert_eq!(lent.text(), "b");
    assert_eq!(client.get("/get?queue=jobs&lease=soon").status, 400);
    server
}

/// Every sample, with its labels.
fn samples(text: &str) -> BTreeMap<&str, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.rsplit_once(' ').expect("a value"))
        .map(|(name, value)| (name, value.parse().expect("a number")))
        .collect()
}

#[test]
fn what_is_counted_is_what_was_done() {
    let server = used(&[]);
    let text = server.get("/metrics");
    let samples_now = samples(&text);
    let there = |name: &str| *samples_now.get(name).unwrap_or_else(|| panic!("no {name} in {text}"));
    assert_eq!(there(r#"streamgauge_topic_published_messages_total{topic="clicks"}"#), 3.0);
    assert_eq!(there(r#"streamgauge_topic_messages{topic="clicks"}"#), 3.0);
    assert_eq!(there(r#"streamgauge_queue_accepted_items_total{queue="jobs"}"#), 4.0);
    assert_eq!(there(r#"streamgauge_queue_delivered_items_total{queue="jobs"}"#), 1.0);
    assert_eq!(there(r#"streamgauge_queue_leased_items{queue="jobs"}"#), 1.0);
    assert_eq!(there(r#"streamgauge_queue_ready_items{queue="jobs"}"#), 2.0);
    assert!((0.0..60.0).contains(&there(r#"streamgauge_queue_oldest_age_seconds{queue="jobs"}"#)));
    assert_eq!(there(r#"streamgauge_http_answers_total{status="400"}"#), 1.0);
    assert_eq!(there(r#"streamgauge_http_answers_total{status="200"}"#), 4.0);
    assert_eq!((there("streamgauge_topics"), there("streamgauge_queues")), (2.0, 2.0));
    let memory = ["streamgauge_memory_bytes", "streamgauge_memory_budget_bytes"].map(there);
    assert!(memory[0] > 0.0 && memory[0] < memory[1], "{memory:?}");
    assert!(there("process_resident_memory_bytes") > 1e6 && there("process_open_fds") > 5.0);
    assert!(!text.contains("streamgauge_disk"), "nothing is kept");
    let began = there("process_start_time_seconds");
    // The same in the other form, which ends where it ends.
    let mut client = server.connect();
    client.send("GET /metrics HTTP/1.1\r\nHost: t\r\nAccept: application/openmetrics-text\r\n\r\n");
    let open = client.answer();
    assert!(open.head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{}", open.head);
    let text = open.text();
    assert!(text.ends_with("\n# EOF\n"));
    assert!(text.contains("# TYPE streamgauge_queue_accepted_items counter\n"));
    // It began once, whoever asks when.
    for _ in 0..20 {
        std::thread::sleep(std::time::Duration::from_millis(3));
        let text = server.get("/metrics");
        assert_eq!(samples(&text)["process_start_time_seconds"], began);
    }
}

#[test]
fn however_many_names_there_are_the_series_are_bounded() {
    let server = Server::everything(["--memory=8GiB"]);
    let mut client = server.connect();
    for number in 0..300 {
        assert_eq!(client.post(&format!("/pub?topic=t{number}"), "x".repeat(1 + number % 7)).status, 200);
        assert_eq!(client.post(&format!("/put?queue=q{number}"), "item").status, 200);
    }
    let text = server.get("/metrics");
    let of = |family: &str| {
        samples(&text)
            .into_iter()
            .filter(|(name, _)| name.starts_with(family))
            .map(|(_, value)| value)
            .collect::<Vec<_>>()
    };
    for (family, sum) in
        [("streamgauge_topic_published_messages_total{", 300.0), ("streamgauge_queue_ready_items{", 300.0)]
    {
        let values = of(family);
        assert_eq!(values.len(), 101, "a hundred, and the rest");
        assert_eq!(values.iter().sum::<f64>(), sum);
    }
    assert!(text.contains(r#"streamgauge_topic_published_messages_total{topic=".rest"} "#));
}

#[test]
fn a_server_tells_how_it_is_when_all_else_is_taken_and_counts_what_it_said() {
    let server = Server::everything(["--max-body-bytes=17000", "--max-buffered-bytes=17000", "--enable-logging"]);
    let mut client = server.connect();
    for number in 0..100 {
        assert_eq!(client.put(&format!("/gauges/g{number}"), r#"{"topic":"t","measure":["rate"]}"#).status, 201);
    }
    let counted = || {
        let answer = server.connect().get("/metrics");
        assert_eq!((answer.status, answer.body.len() > 17_000), (200, true), "{}", answer.text());
        let text = answer.text();
        let of = |status: u16| {
            samples(&text).get(&*format!("streamgauge_http_answers_total{{status=\"{status}\"}}")).map_or(0.0, |n| *n)
        };
        [of(200), of(503)]
    };
    let before = counted();
    assert_eq!(client.get("/gauges").status, 503, "it is too long for now");
    let after = counted();
    assert_eq!([after[0] - before[0], after[1] - before[1]], [1.0, 1.0], "one answer of 200 is that of /metrics");
    let said = until("a line of the log", || {
        let said = server.process.stderr();
        said.lines().find(|line| line.contains("GET /gauges ")).map(str::to_owned)
    });
    assert!(said.contains("GET /gauges 503"), "{said}");
}

#[test]
fn what_requests_are_refused_for_is_what_a_server_is_short_of() {
    let server = Server::everything(["--max-names=3"]);
    let mut client = server.connect();
    let limited = || {
        let text = server.get("/metrics");
        ["memory", "names"].map(|check| samples(&text)[format!("streamgauge_limited{{check=\"{check}\"}}").as_str()])
    };
    assert_eq!(client.get("/readyz").text(), "ok\nmemory: ok\nnames: ok\n");
    let made = (0..3).map(|number| client.post(&format!("/pub?topic=t{number}"), "x").status);
    assert_eq!(made.collect::<Vec<_>>(), [200, 200, 507], "main is one of three");
    let ready = client.get("/readyz");
    assert_eq!(ready.status, 200);
    let text = ready.text();
    assert!(text.starts_with("limited\nmemory: ok\nnames: limited: all of --max-names"), "{text}");
    assert_eq!(limited(), [0.0, 1.0]);
    assert_eq!(client.put("/queues/large", r#"{"bytes":"2GiB"}"#).status, 507);
    let text = client.get("/readyz").text();
    assert!(text.contains("\nmemory: limited: no room within --memory: "), "{text}");
    assert_eq!(limited(), [1.0, 1.0]);
}

#[test]
fn what_is_answered_by_accept_says_so() {
    let server = used(&[]);
    let mut client = server.connect();
    let mut told = |target: &str, accept: &str| {
        client.send(format!("GET {target} HTTP/1.1\r\nHost: t\r\nAccept: {accept}\r\n\r\n"));
        let answer = client.answer();
        ["content-type", "vary"].map(|name| {
            let value = answer.header(name).unwrap_or_default();
            value.split(';').next().unwrap_or_default().to_owned()
        })
    };
    let (text, json, open) = ("text/plain", "application/json", "application/openmetrics-text");
    for (target, accept, expected) in [
        ("/metrics", "application/openmetrics-text;q=0.1, text/plain", [text, "accept"]),
        ("/metrics", "text/plain;q=0.3, application/*;q=0.4", [open, "accept"]),
        ("/readyz", "application/json;q=0.1, text/plain", [text, "accept"]),
        ("/readyz", "application/*", [json, "accept"]),
        ("/gauges/none", "application/json", ["application/problem+json", "accept"]),
        ("/get?queue=jobs", "text/plain", [text, ""]),
        ("/stats?queue=jobs&format=json", "text/plain", [json, ""]),
    ] {
        assert_eq!(told(target, accept), expected, "{target} {accept}");
    }
}

#[test]
fn no_counter_falls_where_statistics_are_reset() {
    let folder = TempDir::new().unwrap();
    for args in [&[][..], &["--data-dir", kept::text(folder.path())]] {
        let server = Server::everything(args);
        let mut client = server.connect();
        assert_eq!(client.post("/pub?topic=clicks", "one\ntwo\nthree").status, 200);
        let published = || {
            let text = server.get("/metrics");
            samples(&text)["streamgauge_topic_published_messages_total{topic=\"clicks\"}"]
        };
        assert_eq!(published(), 3.0);
        assert_eq!(client.get("/stats?topic=clicks&reset=1").status, 200);
        assert!(client.get("/stats?topic=clicks&format=json").text().contains("\"received\":0,"), "what reset is for");
        assert_eq!(published(), 3.0);
        assert_eq!(client.post("/pub?topic=clicks", "four").status, 200);
        assert_eq!(published(), 4.0);
    }
}

#[test]
fn no_counter_falls_where_names_grow_and_go() {
    let server = Server::everything(["--memory=8GiB"]);
    let mut client = server.connect();
    let put = |client: &mut Client, number: u32, items: usize| {
        assert_eq!(client.post(&format!("/mput?queue=q{number:03}"), "x\n".repeat(items)).status, 200);
    };
    for number in 0..130 {
        let settings = if number < 100 { r#"{"bytes":"64KiB"}"# } else { r#"{"bytes":"64KiB","max_depth":1}"# };
        assert_eq!(client.put(&format!("/queues/q{number:03}"), settings).status, 201);
        put(&mut client, number, if number < 100 { 20 } else { 15 });
    }
    let rest = || {
        let text = server.get("/metrics");
        let of = |family: &str| samples(&text)[format!("streamgauge_queue_{family}{{queue=\".rest\"}}").as_str()];
        ["accepted_items_total", "overflow_items_total", "ready_items"].map(of)
    };
    // And main, which has nothing.
    assert_eq!(rest(), [450.0, 420.0, 30.0]);
    // Ten become larger than others: what they were given as one of the rest is there, and what the others had is not.
    (120..130).for_each(|number| put(&mut client, number, 6));
    assert_eq!(rest(), [510.0, 480.0, 220.0]);
    assert_eq!(rest(), [510.0, 480.0, 220.0]);
    client.send("DELETE /queues/q100 HTTP/1.1\r\nHost: t\r\n\r\n");
    assert_eq!(client.answer().status, 200);
    assert_eq!(rest(), [510.0, 480.0, 219.0]);
    put(&mut client, 101, 1);
    assert_eq!(rest(), [511.0, 481.0, 219.0]);
}

#[test]
fn promtool_finds_nothing_wrong() {
    if !needs::programs(&["promtool"]) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let text = used(&["--data-dir", kept::text(folder.path())]).get("/metrics");
    assert!(text.contains("streamgauge_disk_sync_seconds_bucket{le=\"+Inf\"} "), "all forms are there");
    let mut check = Command::new("promtool");
    let mut check = check
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    check.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = command::ended(check);
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn what_subscribers_got_is_counted_from_a_start_on_and_what_was_published_goes_on() {
    let folder = TempDir::new().expect("a folder");
    let follow = |server: &Server, lines: &str| {
        let mut subscriber = server.connect();
        subscriber.send("GET /sub?topic=t&multipart=0 HTTP/1.1\r\nhost: localhost\r\n\r\n");
        assert!(subscriber.head().contains(" 200 "));
        assert_eq!(server.connect().post("/pub?topic=t", lines).status, 200);
        for line in std::iter::once("\r").chain(lines.lines()) {
            assert_eq!(subscriber.chunk(), Some(format!("{line}\n").into_bytes()));
        }
    };
    let counted = |server: &Server| {
        let text = server.get("/metrics");
        ["published_messages", "sent_messages", "subscriptions"]
            .map(|name| samples(&text)[&*format!("streamgauge_topic_{name}_total{{topic=\"t\"}}")])
    };
    let server = kept::serve(folder.path(), &[]);
    follow(&server, "one\ntwo\nthree");
    assert_eq!(counted(&server), [3.0, 3.0, 1.0]);
    assert_eq!(server.stop(), 0);
    let server = kept::serve(folder.path(), &[]);
    assert_eq!(counted(&server), [3.0, 0.0, 0.0], "after a stop");
    follow(&server, "four");
    kept::killed(server);
    let server = kept::serve(folder.path(), &[]);
    assert_eq!(counted(&server), [4.0, 0.0, 0.0], "after a crash");
}
