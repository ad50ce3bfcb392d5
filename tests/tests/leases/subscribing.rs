//! Subscribing: where to begin, how much, and what of it.

use serde_json::Value;
use streamgauge_tests::wait::until;

use super::curl::Typed;
use streamgauge_tests::law::number;

/// A server whose topic `t` has four messages; the number of the first.
fn told() -> Option<(Typed, u64)> {
    let typed = Typed::start(&[])?;
    let messages = (0..4).map(|n| format!(r#"{{"n":{n},"u":"user {}","c":"{}"}}"#, n % 2, ["de", "fr"][n % 2]));
    let body = messages.collect::<Vec<_>>().join("\n");
    typed.says(&format!("--data-binary '{body}' \"$S/pub?topic=t\""), 200, "Published 4 messages to 0 clients.\n");
    let first = number(&typed.json("$S/topics/t")["counters"], "first");
    Some((typed, first))
}

/// The messages that a download brings, as lines.
#[track_caller]
fn download(typed: &Typed, query: &str) -> Vec<Value> {
    let text = typed.curl(&format!("\"$S/sub?topic=t&multipart=0&follow=0&{query}\"")).text();
    let lines = text.lines().filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

#[track_caller]
fn numbers(typed: &Typed, query: &str) -> Vec<u64> {
    download(typed, query).iter().map(|message| number(message, "n")).collect()
}

#[test]
fn a_stream_begins_where_it_is_told_and_ends_when_it_is_told() {
    let Some((typed, first)) = told() else { return };
    assert_eq!(numbers(&typed, "from=first"), [0, 1, 2, 3]);
    assert_eq!(numbers(&typed, "from=now"), [0; 0]);
    assert_eq!(numbers(&typed, ""), [0; 0], "as from=now");
    assert_eq!(numbers(&typed, &format!("from={}", first + 2)), [2, 3]);
    assert_eq!(numbers(&typed, "from=2012-03-16T18:40:47Z"), [0, 1, 2, 3]);
    assert_eq!(numbers(&typed, "from=2999-01-01T00:00:00Z"), [0; 0]);
    assert_eq!(numbers(&typed, "from=first&limit=3"), [0, 1, 2]);
    assert_eq!(numbers(&typed, "from=first&speed=4"), [0, 1, 2, 3]);
    let follow = typed.curl(r#""$S/sub?topic=t&multipart=0&from=first&limit=1""#);
    assert_eq!(follow.header("x-pubsub-sequence"), Some(first.to_string().as_str()));
    let events = typed.curl(r#""$S/sub?topic=t&format=sse&from=first&follow=0""#).text();
    assert!(events.contains(&format!("id: {first}\ndata: {{\"n\":0,")), "{events}");
    let parts = typed.curl(r#""$S/sub?topic=t&from=first&follow=0""#);
    assert!(parts.header("content-type").is_some_and(|kind| kind.starts_with("multipart/x-mixed-replace")));
}

#[test]
fn what_is_gone_is_told_as_a_gap() {
    let Some(typed) = Typed::start(&[]) else { return };
    typed.says(r#"-X PUT $S/topics/t -d '{"bytes":4096}'"#, 201, "");
    let body = (0..100).map(|n| format!("{n:0100}")).collect::<Vec<_>>().join("\n");
    typed.says(&format!("-d '{body}' \"$S/pub?topic=t\""), 200, "Published 100 messages to 0 clients.\n");
    let counters = typed.json("$S/topics/t")["counters"].clone();
    let gone = 100 - number(&counters, "messages");
    assert!(gone > 50 && gone < 100, "{counters}");
    let from = number(&counters, "next") - 100;
    let lines = typed.curl(&format!("\"$S/sub?topic=t&multipart=0&from={from}&follow=0\""));
    assert_eq!(lines.header("x-pubsub-gap"), Some(gone.to_string().as_str()));
    let events = typed.curl(&format!("\"$S/sub?topic=t&format=sse&from={from}&follow=0\"")).text();
    assert!(events.contains(&format!("event: gap\ndata: {gone}\n\n")), "{events}");
    let parts = typed.curl(&format!("\"$S/sub?topic=t&from={from}&follow=0\"")).text();
    assert!(parts.contains(&format!("x-pubsub-gap: {gone}\r\n")), "{parts}");
}

#[test]
fn a_subscriber_gets_what_it_selects() {
    let Some((typed, _)) = told() else { return };
    assert_eq!(numbers(&typed, "from=first&filter=c:de"), [0, 2]);
    assert_eq!(numbers(&typed, "from=first&filter=c:de&filter=n:2"), [2]);
    let dropped = download(&typed, "from=first&drop=u&drop=c");
    assert_eq!(dropped[1].to_string(), r#"{"n":1}"#);
    let kept = download(&typed, "from=first&keep=c");
    assert_eq!(kept[1].to_string(), r#"{"c":"fr"}"#);
    let hashed = download(&typed, "from=first&hash=u");
    assert!(hashed[0]["u"] != "user 0" && hashed[0]["u"] == hashed[2]["u"] && hashed[0]["u"] != hashed[1]["u"]);
}

#[test]
fn every_policy_is_understood_and_shown() {
    let Some((typed, _)) = told() else { return };
    let policies = ["kick", "skip", "latest", "block=5"];
    let _subscribers: Vec<_> = policies
        .iter()
        .map(|policy| {
            typed.begin(&format!("-N \"$S/sub?topic=t&policy={policy}&max_lag=1MiB&rate=10&client={policy}\""))
        })
        .collect();
    let clients = until("all to subscribe", || {
        let clients = typed.json(r#""$S/clients?topic=t&format=json""#);
        (clients["clients"].as_array().map(Vec::len) == Some(policies.len())).then_some(clients)
    });
    for client in clients["clients"].as_array().expect("clients") {
        let (name, policy) = (client["name"].as_str().expect("a name"), client["policy"].as_str().expect("a policy"));
        assert!(name.starts_with(policy) && policies.contains(&name), "{client}");
        for term in ["sent", "lag_messages", "lag_bytes", "skipped"] {
            number(client, term);
        }
        assert!(client["peer"].is_string() && client["blocked"].is_number(), "{client}");
    }
    assert_eq!(clients["sent_away"].as_array().map(Vec::len), Some(0));
}
