//! Topics and queues by their names.

use serde_json::{Value, json};
use streamgauge_tests::wait::until;

use super::curl::Typed;
use streamgauge_tests::law::{lawful, number, terms};

#[test]
fn a_name_is_made_changed_shown_listed_and_removed() {
    let Some(typed) = Typed::start(&[]) else { return };
    for kind in ["topics", "queues"] {
        typed.says(&format!("$S/{kind}/news"), 404, &format!("there is no {} news\n", &kind[..5]));
        let put = format!(r#"-X PUT -d '{{"bytes":"1MiB","dedupe_window":"5m"}}' $S/{kind}/news"#);
        typed.says(&put, 201, "");
        let made = typed.json(&format!("$S/{kind}/news"));
        assert_eq!((&made["name"], &made["settings"]["bytes"]), (&json!("news"), &json!(1 << 20)));
        assert_eq!(made["settings"]["dedupe_window"], "300s");
        typed.says(&put, 200, "");
        assert_eq!(typed.json(&format!("$S/{kind}/news")), made, "the same again changes nothing");
        typed.says(&format!(r#"-X PUT -d '{{"dedupe_window":1.5}}' $S/{kind}/news"#), 200, "");
        let changed = typed.json(&format!("$S/{kind}/news"));
        assert_eq!(changed["settings"]["dedupe_window"], "1500ms");
        assert_eq!(changed["settings"]["bytes"], made["settings"]["bytes"], "what is not named stays");
        typed.says(&format!("-X PUT $S/{kind}/newer"), 201, "");
        assert_eq!(names(&typed, &format!("$S/{kind}")), ["main", "newer", "news"]);
        assert_eq!(names(&typed, &format!("\"$S/{kind}?prefix=new\"")), ["newer", "news"]);
        assert_eq!(names(&typed, &format!("\"$S/{kind}?prefix=x\"")), [""; 0]);
        assert_eq!(typed.curl(&format!("$S/{kind}")).header("content-type"), Some("application/json"));
        typed.says(&format!("-X DELETE $S/{kind}/news"), 200, "");
        assert_eq!(typed.curl(&format!("-X DELETE $S/{kind}/news")).status, 404);
    }
}

fn names(typed: &Typed, arguments: &str) -> Vec<String> {
    let list = typed.json(arguments);
    let name = |one: &Value| one["name"].as_str().expect("a name").to_owned();
    list.as_array().expect("a list").iter().map(name).collect()
}

#[test]
fn every_setting_is_kept_as_it_was_said() {
    let Some(typed) = Typed::start(&[]) else { return };
    typed.says(
        r#"-X PUT $S/topics/t -d '{"bytes":65536,"max_age":"1h","max_message_bytes":"1KiB","max_subscribers":3,
            "dedupe_window":"500ms","durable":false}'"#,
        201,
        "",
    );
    assert_eq!(
        typed.json("$S/topics/t")["settings"],
        json!({"bytes":65536,"max_age":"3600s","max_message_bytes":1024,"max_subscribers":3,"dedupe_window":"500ms"})
    );
    typed.says(
        r#"-X PUT $S/queues/q -d '{"bytes":"64KiB","max_depth":9,"max_bytes":"32KiB","max_item_bytes":"1KiB",
            "overflow":"reject","lease":"2s","max_lease":"5m","max_attempts":3,"dead_letter":"graves","ttl":"1h",
            "dedupe_window":10,"topic":"t","sample":2,"durable":false}'"#,
        201,
        "",
    );
    let set = typed.json("$S/queues/q")["settings"].clone();
    let said = json!({"bytes":65536,"max_depth":9,"max_bytes":32768,"max_item_bytes":1024,"overflow":"reject",
        "lease":"2s","max_lease":"300s","max_attempts":3,"dead_letter":"graves","ttl":"3600s","dedupe_window":"10s",
        "topic":"t","sample":2});
    for (name, value) in said.as_object().expect("settings") {
        assert_eq!(&set[name], value, "{name}");
    }
    typed.says(r#"-X PUT $S/queues/q -d '{"max_depth":null,"max_attempts":null,"ttl":null,"topic":null}'"#, 200, "");
    let set = typed.json("$S/queues/q")["settings"].clone();
    for name in ["max_depth", "max_attempts", "ttl", "topic"] {
        assert_eq!(set[name], Value::Null, "{name}");
    }
}

#[test]
fn a_queue_is_paused_resumed_and_emptied() {
    let Some(typed) = Typed::start(&[]) else { return };
    typed.says("--data-binary '1\n2\n3' \"$S/mput?queue=q\"", 200, "");
    typed.says("-X POST $S/queues/q/pause", 200, "");
    assert_eq!(typed.json("$S/queues/q")["counters"]["paused"], true);
    typed.says(r#""$S/get?queue=q&lease=5""#, 204, "");
    typed.says(r#""$S/get?queue=q""#, 200, "");
    typed.says("-X POST $S/queues/q/resume", 200, "");
    typed.says(r#""$S/get?queue=q""#, 200, "1");
    typed.says(r#""$S/get?queue=q&lease=60""#, 200, "2");
    typed.says("-X POST $S/queues/q/empty", 200, "removed 1\n");
    let stats = lawful(&typed.curl(r#""$S/stats?queue=q&format=json""#).text());
    assert_eq!(terms(&stats), [("delivered", 1), ("leased", 1), ("purged", 1)], "what is lent stays");
    let text = typed.curl(r#""$S/stats?queue=q""#).text();
    assert!(text.contains("\naccepted:3\n") && text.contains("\npurged:1\n"), "{text}");
}

#[test]
fn several_queues_on_a_topic_each_get_everything_that_is_published_from_then_on() {
    let Some(typed) = Typed::start(&[]) else { return };
    typed.says(r#"-d zero "$S/pub?topic=t""#, 200, "Published 1 messages to 0 clients.\n");
    typed.says(r#"-X PUT $S/queues/a -d '{"topic":"t"}'"#, 201, "");
    typed.says(r#"-X PUT $S/queues/b -d '{"topic":"t","sample":2}'"#, 201, "");
    typed.says("--data-binary 'one\ntwo\nthree' \"$S/pub?topic=t\"", 200, "Published 3 messages to 0 clients.\n");
    typed.says(r#""$S/mget?queue=a&items=9""#, 200, "one\ntwo\nthree\n");
    typed.says(r#""$S/mget?queue=b&items=9""#, 200, "two\n");
}

#[test]
fn subscribers_of_a_topic_that_is_removed_are_told() {
    let Some(typed) = Typed::start(&[]) else { return };
    let mut subscriber = typed.begin(r#"-N "$S/sub?topic=t&format=sse""#);
    until("a subscriber", || {
        let stats = typed.json(r#""$S/stats?topic=t&format=json""#);
        (number(&stats, "subscribers") == 1).then_some(())
    });
    typed.says("-X DELETE $S/topics/t", 200, "");
    assert_eq!(subscriber.exit_code(), 0);
    assert!(subscriber.stdout().ends_with("event: end\ndata: the topic was removed\n\n"), "{}", subscriber.stdout());
}

#[test]
fn without_auto_create_only_what_was_made_is_there() {
    let Some(typed) = Typed::start(&["--no-auto-create"]) else { return };
    for (target, line) in [
        ("-d a \"$S/pub?topic=t\"", "there is no topic t\n"),
        ("\"$S/sub?topic=t\"", "there is no topic t\n"),
        ("\"$S/clients?topic=t\"", "there is no topic t\n"),
        ("\"$S/clients?topic=t&format=json\"", "there is no topic t\n"),
        ("-d a \"$S/put?queue=q\"", "there is no queue q\n"),
        ("\"$S/get?queue=q&lease=5\"", "there is no queue q\n"),
        ("\"$S/stats?queue=q\"", "there is no queue q\n"),
    ] {
        typed.says(target, 404, line);
    }
    assert_eq!(typed.curl("-I \"$S/sub?topic=t\"").status, 404);
    typed.says("-X PUT $S/queues/q", 201, "");
    typed.says("-d a \"$S/put?queue=q\"", 200, "");
}
