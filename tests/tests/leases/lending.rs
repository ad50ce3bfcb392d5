//! The queue with leases.

use serde_json::{Value, json};
use streamgauge_tests::client::Client;
use streamgauge_tests::wait::until;

use super::curl::Typed;
use streamgauge_tests::law::{lawful, terms};

#[track_caller]
fn put(typed: &Typed, items: &str) {
    typed.says(&format!("--data-binary '{items}' \"$S/mput?queue=q\""), 200, "");
}

/// The terms of the law that are not 0.
#[track_caller]
fn standing(typed: &Typed) -> Vec<(&'static str, u64)> {
    terms(&lawful(&typed.curl(r#""$S/stats?queue=q&format=json""#).text()))
}

/// A lease on the next item.
#[track_caller]
fn lease(typed: &Typed) -> String {
    let answer = typed.curl(r#""$S/get?queue=q&lease=30&wait=10""#);
    answer.header("x-lease").unwrap_or_else(|| panic!("no lease: {}", answer.head)).to_owned()
}

/// The only item in a state.
#[track_caller]
fn only(typed: &Typed, state: &str) -> Value {
    let items = typed.lines(&format!("\"$S/peek?queue=q&state={state}&items=10\""));
    assert_eq!(items.len(), 1, "{state}: {items:?}");
    items[0].clone()
}

#[test]
fn an_item_is_given_away_or_lent() {
    let Some(typed) = Typed::start(&[]) else { return };
    put(&typed, "one\ntwo\nthree\nfour");
    typed.says(r#""$S/get?queue=q""#, 200, "one");
    let two = typed.curl(r#""$S/get?queue=q&lease=30&wait=20""#);
    assert_eq!((two.status, two.header("x-item"), two.header("x-attempt")), (200, Some("1"), Some("1")));
    assert!(two.header("x-lease-until").is_some_and(|until| until.ends_with('Z')), "{}", two.head);
    let token = two.header("x-lease").expect("a lease").to_owned();
    assert_eq!(two.text(), "two");
    let three = typed.json(r#"-H 'Accept: application/json' "$S/get?queue=q&lease=""#);
    assert_eq!((&three["item"], &three["attempt"], &three["data"]), (&json!(2), &json!(1), &json!("three")));
    assert_ne!(three["lease"], token.as_str());
    assert_eq!(only(&typed, "ready")["data"], "four");
    assert_eq!(standing(&typed), [("delivered", 1), ("ready", 1), ("leased", 2)]);
    typed.says(&format!("-X POST \"$S/ack?queue=q&lease={token}\""), 200, "acked 1\n");
    typed.says(&format!("-X POST \"$S/ack?queue=q&lease={token}\""), 410, &format!("the lease {token} is over\n"));
    assert_eq!(standing(&typed), [("acked", 1), ("delivered", 1), ("ready", 1), ("leased", 1)]);
    typed.says(r#""$S/get?queue=q""#, 200, "four");
    typed.says(r#""$S/get?queue=q""#, 200, "");
    typed.says(r#""$S/get?queue=q&wait=0.1""#, 204, "");
    typed.says(r#""$S/get?queue=q&lease=5""#, 204, "");
    typed.says(r#""$S/mget?queue=q&lease=5&items=9""#, 204, "");
}

#[test]
fn many_are_lent_and_settled_at_once() {
    let Some(typed) = Typed::start(&[]) else { return };
    put(&typed, "a\nb\nc");
    typed.says(r#""$S/put?queue=q&data=%FF%00""#, 200, "");
    let lent = typed.lines(r#""$S/mget?queue=q&items=100&lease=30""#);
    let data: Vec<_> = lent.iter().map(|item| item["data"].as_str().or(item["data64"].as_str())).collect();
    assert_eq!(data, [Some("a"), Some("b"), Some("c"), Some("/wA=")]);
    assert!(lent[3].get("data").is_none(), "what is no text is coded: {}", lent[3]);
    let tokens: Vec<_> = lent.iter().map(|item| item["lease"].as_str().expect("a token")).collect();
    typed.says(r#"-d x "$S/ack?queue=q""#, 410, "the lease x is over\n");
    let body = format!("{}\n{}\n{}", tokens[0], tokens[0], tokens[1]);
    let said = format!("the lease {} is over\nacked 2\n", tokens[0]);
    typed.says(&format!("--data-binary '{body}' \"$S/ack?queue=q\""), 200, &said);
    let body = format!("{}\n{}", tokens[1], tokens[2]);
    let settled = typed.json(&format!("-H 'Accept: application/json' --data-binary '{body}' \"$S/ack?queue=q\""));
    assert_eq!(settled, json!({"over": [tokens[1]], "acked": 1}));
    assert_eq!(standing(&typed), [("acked", 3), ("leased", 1)]);
}

#[test]
fn what_fails_comes_back_and_beyond_the_most_attempts_it_is_dead() {
    let Some(typed) = Typed::start(&[]) else { return };
    typed.says(r#"-X PUT $S/queues/q -d '{"max_attempts":2}'"#, 201, "");
    put(&typed, "hard");
    let token = lease(&typed);
    let nack = |token: &str, more: &str| format!("-X POST \"$S/nack?queue=q&lease={token}{more}\"");
    typed.says(&nack(&token, "&delay=60&reason=disk+full"), 200, "nacked 1\n");
    typed.says(&nack(&token, ""), 410, &format!("the lease {token} is over\n"));
    assert_eq!(only(&typed, "delayed")["attempt"], 1);
    assert_eq!(standing(&typed), [("delayed", 1)]);
    typed.says("-X POST $S/queues/q/empty", 200, "removed 1\n");
    put(&typed, "hard");
    typed.says(&nack(&lease(&typed), "&delay=500ms"), 200, "nacked 1\n");
    // Who waits gets it when the delay is over.
    typed.says(&nack(&lease(&typed), "&reason=disk+still+full"), 200, "nacked 1\n");
    let dead = only(&typed, "dead");
    assert_eq!(
        (&dead["attempt"], &dead["reason"], &dead["data"]),
        (&json!(2), &json!("disk still full"), &json!("hard"))
    );
    assert!(dead["put"].is_string() && dead["until"].is_string(), "its times: {dead}");
    typed.says(r#""$S/get?queue=q&lease=5""#, 204, "");
    assert_eq!(standing(&typed), [("dead", 1), ("purged", 1)]);
    typed.says(r#"-X POST "$S/redrive?queue=q""#, 200, "redriven 1\n");
    let again = typed.curl(r#""$S/get?queue=q&lease=5""#);
    assert_eq!(again.header("x-attempt"), Some("1"), "attempts start again");
    assert_eq!(standing(&typed), [("leased", 1), ("purged", 1)]);
}

#[test]
fn the_dead_go_to_the_queue_that_is_named() {
    let Some(typed) = Typed::start(&[]) else { return };
    typed.says(r#"-X PUT $S/queues/q -d '{"max_attempts":1,"dead_letter":"graves"}'"#, 201, "");
    put(&typed, "hard");
    typed.says(&format!("-X POST \"$S/nack?queue=q&lease={}\"", lease(&typed)), 200, "nacked 1\n");
    typed.says(r#""$S/get?queue=graves""#, 200, "hard");
    assert_eq!(standing(&typed), [("dead", 1)]);
}

#[test]
fn a_lease_that_runs_out_puts_the_item_back_at_the_front() {
    let Some(typed) = Typed::start(&[]) else { return };
    typed.says(r#"-X PUT $S/queues/q -d '{"lease":"20s","max_lease":"1h"}'"#, 201, "");
    put(&typed, "first\nsecond");
    let short = typed.curl(r#""$S/get?queue=q&lease=300ms""#);
    let long = typed.curl(r#""$S/get?queue=q&lease=""#);
    let token = long.header("x-lease").expect("a lease");
    typed.says(&format!("-X POST \"$S/touch?queue=q&lease={token}&seconds=60\""), 200, "touched 1\n");
    put(&typed, "third");
    until("the short lease to be over", || (standing(&typed) == [("ready", 2), ("leased", 1)]).then_some(()));
    let token = short.header("x-lease").expect("a lease");
    for verb in ["ack", "nack", "touch"] {
        let over = format!("the lease {token} is over\n");
        typed.says(&format!("-X POST \"$S/{verb}?queue=q&lease={token}\""), 410, &over);
    }
    let touched = only(&typed, "leased");
    // Times of this form are ordered as their texts are.
    assert!(touched["until"].as_str() > long.header("x-lease-until"), "{touched}");
    assert_eq!(touched["data"], "second");
    let again = typed.curl(r#""$S/get?queue=q&lease=30""#);
    assert_eq!(again.header("x-attempt"), Some("2"), "its attempt is counted");
    assert_eq!(again.text(), "first");
}

#[test]
fn an_item_is_put_for_later_and_once_under_an_id() {
    let Some(typed) = Typed::start(&[]) else { return };
    let put = r#"-d once "$S/put?queue=q&delay=2&id=X""#;
    typed.says(put, 200, "");
    typed.says(put, 200, "");
    let known = typed.json(r#"-d once -H 'Message-Id: X' -H 'Accept: application/json' "$S/put?queue=q""#);
    assert_eq!(known, json!({"put": 1, "duplicate": true}));
    assert_eq!(only(&typed, "delayed")["data"], "once");
    typed.says(r#""$S/get?queue=q""#, 200, "");
    typed.says(r#""$S/get?queue=q&wait=10""#, 200, "once");
    assert_eq!(standing(&typed), [("delivered", 1)]);
}

#[test]
fn who_leaves_before_its_answer_takes_along_what_was_given_and_not_what_was_lent() {
    let Some(typed) = Typed::start(&[]) else { return };
    // More than the sockets take.
    typed.write("long", &"x".repeat(900_000));
    let leave = |target: &str, left: &'static str| {
        typed.says("--data-binary @long \"$S/put?queue=q\"", 200, "");
        let mut client = Client::connect_with_little_room(typed.server.address);
        client.send(format!("GET {target} HTTP/1.1\r\nhost: x\r\n\r\n"));
        until(left, || standing(&typed).iter().any(|(term, _)| *term == left).then_some(()));
    };
    leave("/get?queue=q", "delivered");
    leave("/get?queue=q&lease=2", "leased");
    let again = typed.curl(r#""$S/get?queue=q&lease=30&wait=10""#);
    assert_eq!((again.header("x-attempt"), again.body.len()), (Some("2"), 900_000));
    assert_eq!(standing(&typed), [("delivered", 1), ("leased", 1)]);
}
