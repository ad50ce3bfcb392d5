//! What is refused: a line for people, and for programs a problem with a type that never changes.

use serde_json::json;

use super::curl::Typed;

/// That a call is refused with this line, and with `Accept: application/json` with a problem that says the same.
#[track_caller]
fn refused(typed: &Typed, call: &str, status: u16, problem: &str, line: &str) {
    typed.says(call, status, &format!("{line}\n"));
    for accept in ["application/json", "application/problem+json"] {
        let answer = typed.curl(&format!("-H 'Accept: {accept}' {call}"));
        assert_eq!(answer.status, status, "{call}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{call}");
        let text = answer.text();
        let said: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let kind = format!("urn:streamgauge:problem:{problem}");
        assert_eq!((&said["type"], &said["status"], &said["detail"]), (&json!(kind), &json!(status), &json!(line)));
    }
}

#[test]
fn what_is_not_understood_is_named() {
    let Some(typed) = Typed::start(&[]) else { return };
    for (call, line) in [
        (
            r#"-d a "$S/put?queue=.hidden""#,
            "queue: a name has 1 to 64 of the characters A-Z a-z 0-9 _ . - and does not begin with .",
        ),
        (r#"-X PUT -d '{"leese":5}' $S/queues/q"#, "there is no setting \"leese\""),
        (r#"-X PUT -d '{"bytes":-1}' $S/topics/t"#, "bytes must be a number of bytes, or a text such as \"8MiB\""),
        ("-X PUT -d '[]' $S/topics/t", "the body must be a JSON object of settings, such as {\"bytes\":\"8MiB\"}"),
        (r#"-X POST "$S/put?queue=q""#, "missing data"),
        (r#""$S/mget?queue=q&items=0""#, "number of items must be > 0"),
        (r#""$S/get?queue=q&lease=soon""#, "lease must be a number of seconds above 0, or such as 500ms, 2s, 5m or 1h"),
        (r#"-X POST "$S/ack?queue=q""#, "lease must be the token of a lease; or send tokens as the body, a line each"),
        (r#""$S/peek?queue=q&state=lost""#, "state must be ready, leased, delayed or dead"),
        (r#""$S/sub?topic=t&policy=drop""#, "policy must be kick, skip, latest, or block=SECONDS"),
        (
            r#""$S/sub?topic=t&from=yesterday""#,
            "from must be now, first, the number of a message, or a time such as 2012-03-16T18:40:47Z",
        ),
        (r#""$S/sub?topic=t&filter=country""#, "a filter without a value: it is written as filter=country:de"),
        (
            "-H 'Upgrade: websocket' -H 'Connection: Upgrade' -H 'Sec-WebSocket-Version: 13' $S/sub",
            "a WebSocket needs Sec-WebSocket-Key and Sec-WebSocket-Version: 13",
        ),
    ] {
        refused(&typed, call, 400, "bad-request", line);
    }
}

#[test]
fn what_is_not_for_pages_is_403() {
    let Some(typed) = Typed::start(&["--cors-origin=*"]) else { return };
    refused(&typed, "-H 'Origin: http://evil.example' $S/exit", 403, "forbidden", "/exit is not for pages");
}

#[test]
fn what_is_not_there_is_404() {
    let Some(typed) = Typed::start(&[]) else { return };
    refused(&typed, "$S/topics/none", 404, "no-such-topic", "there is no topic none");
    refused(&typed, "-X DELETE $S/queues/none", 404, "no-such-queue", "there is no queue none");
    // As the original does.
    typed.says("$S/nowhere", 404, "");
}

#[test]
fn another_method_is_told_which_there_are() {
    let Some(typed) = Typed::start(&[]) else { return };
    for (call, allow, line) in [
        ("-X POST $S/topics", "GET, HEAD", "method POST is not answered here: use GET or HEAD"),
        (
            "-X POST $S/queues/q",
            "GET, HEAD, PUT, DELETE",
            "method POST is not answered here: use GET, HEAD, PUT or DELETE",
        ),
        ("$S/queues/q/pause", "POST", "method GET is not answered here: use POST"),
        ("-X PATCH $S/pub", "GET, POST, HEAD", "method PATCH is not answered here: use GET, POST or HEAD"),
    ] {
        refused(&typed, call, 405, "method-not-allowed", line);
        assert_eq!(typed.curl(call).header("allow"), Some(allow), "{call}");
    }
}

#[test]
fn what_contradicts_is_a_conflict() {
    let Some(typed) = Typed::start(&[]) else { return };
    typed.says(r#"-X PUT -d '{"bytes":65536}' $S/queues/q"#, 201, "");
    let line = "bytes are given when a queue is made, and stay: remove it first";
    refused(&typed, r#"-X PUT -d '{"bytes":"1MiB"}' $S/queues/q"#, 409, "conflict", line);
    let line = "lease must not be longer than max_lease";
    refused(&typed, r#"-X PUT -d '{"lease":"1h"}' $S/queues/q"#, 409, "conflict", line);
    let line = "dead_letter must be another queue: without one, dead letters stay in the queue itself";
    refused(&typed, r#"-X PUT -d '{"dead_letter":"q"}' $S/queues/q"#, 409, "conflict", line);
}

#[test]
fn what_is_too_large_is_told_the_limit() {
    let Some(typed) = Typed::start(&["--max-body-bytes=1000000"]) else { return };
    typed.says(r#"-X PUT -d '{"max_item_bytes":3}' $S/queues/q"#, 201, "");
    typed.says(r#"-X PUT -d '{"max_message_bytes":3}' $S/topics/t"#, 201, "");
    let put = r#"-d long "$S/put?queue=q""#;
    refused(&typed, put, 413, "too-large", "item of 4 bytes is over the limit max-item-bytes 3");
    let said = typed.json(&format!("-H 'Accept: application/json' {put}"));
    assert_eq!((&said["limit"], &said["value"]), (&json!("max-item-bytes"), &json!(3)));
    let publish = r#"-d long "$S/pub?topic=t""#;
    refused(&typed, publish, 413, "too-large", "message of 4 bytes is over the limit max-message-bytes 3");
    let long = r#"-H 'Expect: 100-continue' -X POST --data-binary @long "$S/put?queue=q""#;
    typed.write("long", &"x".repeat(1_000_001));
    refused(&typed, long, 413, "body-too-large", "the body is over the limit max-body-bytes 1000000");
}

#[test]
fn a_full_queue_that_rejects_says_when_to_come_back() {
    let Some(typed) = Typed::start(&[]) else { return };
    typed.says(r#"-X PUT -d '{"max_depth":1,"overflow":"reject"}' $S/queues/q"#, 201, "");
    let put = r#"-d a "$S/put?queue=q""#;
    typed.says(put, 200, "");
    refused(&typed, put, 503, "queue-full", "the queue q is full: the limit max_depth 1 is reached");
    assert_eq!(typed.curl(put).header("retry-after"), Some("1"));
    typed.says(r#""$S/mget?queue=q&items=9""#, 200, "a\n");
}

#[test]
fn what_does_not_fit_into_the_budget_is_told_what_holds_it() {
    let Some(typed) = Typed::start(&["--memory=64MiB", "--queue-bytes=1MiB", "--log-bytes=12MiB", "--max-names=3"])
    else {
        return;
    };
    let put = r#"-X PUT -d '{"bytes":"128MiB"}' $S/queues/large"#;
    let said = typed.json(&format!("-H 'Accept: application/json' {put}"));
    assert_eq!((&said["limit"], &said["value"]), (&json!("memory"), &json!(64 << 20)));
    let line = said["detail"].as_str().expect("a line").to_owned();
    assert!(line.contains(" do not fit into the budget memory 67108864: 2 topics and queues hold "), "{line}");
    refused(&typed, put, 507, "no-room", &line);
    for name in ["a", "b"] {
        typed.says(&format!("-X PUT -d '{{\"bytes\":1024}}' $S/queues/{name}"), 201, "");
    }
    let line = "the limit max-names 3 is reached: no more queues";
    refused(&typed, r#"-X PUT -d '{"bytes":1024}' $S/queues/c"#, 507, "too-many-names", line);
}
