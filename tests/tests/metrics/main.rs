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
use streamgauge_tests::process::Server;
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
    let output = check.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}
