//! What is refused is counted by its reason, and told.

use std::collections::BTreeMap;

use serde_json::Value;
use streamgauge_tests::client::Client;
use streamgauge_tests::process::Server;

/// A request, and the status and the reason with which it is refused.
const BAD: [(&str, u16, &str); 14] = [
    ("NONSENSE\r\n\r\n", 400, "bad-request"),
    ("GET / HTTP/1.1\r\n\r\n", 400, "bad-request"),
    ("GET / HTTP/3.0\r\nhost: x\r\n\r\n", 505, "version-not-supported"),
    ("GET /get HTTP/1.1\r\nhost: evil.example\r\n\r\n", 403, "forbidden"),
    ("POST /put HTTP/1.1\r\nhost: x\r\norigin: http://evil.example\r\ncontent-length: 1\r\n\r\nx", 403, "forbidden"),
    ("DELETE /put HTTP/1.1\r\nhost: x\r\n\r\n", 405, "method-not-allowed"),
    ("POST /put HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999\r\n\r\n", 413, "body-too-large"),
    ("POST /put HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\n", 501, "not-implemented"),
    ("GET /nowhere?token=secret HTTP/1.1\r\nhost: x\r\n\r\n", 404, "not-found"),
    ("GET /topics/none HTTP/1.1\r\nhost: x\r\n\r\n", 404, "no-such-topic"),
    ("GET /gauges/none HTTP/1.1\r\nhost: x\r\n\r\n", 404, "no-such-name"),
    ("POST /put?data=%2a&delay=soon HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\nx", 400, "bad-request"),
    ("PUT /topics/large HTTP/1.1\r\nhost: x\r\ncontent-length: 18\r\n\r\n{\"bytes\":\"100GiB\"}", 507, "no-room"),
    ("POST /ack?lease=0123456789abcdef HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n", 410, "lease-over"),
];

#[test]
fn reasons_are_counted_and_the_last_are_told() {
    let server = Server::everything([] as [&str; 0]);
    let mut expected = BTreeMap::new();
    for json in [false, true] {
        for (request, status, reason) in BAD {
            let mut client = Client::connect(server.address);
            let accept = if json { "\r\naccept: application/json\r\n\r\n" } else { "\r\n\r\n" };
            client.send(request.replacen("\r\n\r\n", accept, 1));
            assert_eq!(client.answer().status, status, "{request}");
            *expected.entry(reason.to_owned()).or_insert(0_u64) += 1;
        }
    }
    let metrics = server.get("/metrics");
    for (reason, count) in &expected {
        let line = format!("streamgauge_refused_requests_total{{reason=\"{reason}\"}} {count}");
        assert!(metrics.lines().any(|found| found == line), "no {line} in {metrics}");
    }
    assert_eq!(metrics.matches("\nstreamgauge_refused_requests_total{").count(), expected.len());
    let overview: Value = serde_json::from_str(&server.get("/overview")).expect("JSON");
    assert_eq!(overview["refused"], serde_json::to_value(&expected).unwrap());
    let last = overview["refusals"].as_array().unwrap();
    assert_eq!(last.len(), BAD.len() * 2);
    assert!(!overview.to_string().contains("secret"), "no query is told");
    for (told, (request, status, reason)) in last.iter().rev().zip(BAD.iter().chain(&BAD)) {
        assert_eq!((&told["status"], &told["reason"]), (&(*status).into(), &(*reason).into()), "{request}");
        assert!(told["peer"].as_str().is_some_and(|peer| peer.starts_with("127.0.0.1:")), "{told}");
    }
    // The latest first, with the line that was said, whatever form it had.
    for at in [2, 2 + BAD.len()] {
        assert_eq!((&last[at]["method"], &last[at]["path"]), (&"POST".into(), &"/put".into()));
        assert!(last[at]["line"].as_str().is_some_and(|line| line.starts_with("delay must be ")), "{}", last[at]);
    }
    let nowhere = BAD.iter().position(|(request, ..)| request.contains("/nowhere")).expect("it is asked for");
    assert_eq!(last[BAD.len() - 1 - nowhere]["line"], "nothing answers at this path");
    // And no more than the last 50.
    let mut client = server.connect();
    (0..60).for_each(|_| assert_eq!(client.get("/nowhere").status, 404));
    let overview: Value = serde_json::from_str(&server.get("/overview")).expect("JSON");
    assert_eq!((overview["refusals"].as_array().unwrap().len(), &overview["refused"]["not-found"]), (50, &62.into()));
}
