//! Publishing to a topic.

use serde_json::json;

use super::curl::Typed;

#[test]
fn lines_are_messages_and_a_body_is_one_for_who_says_so() {
    let Some(typed) = Typed::start(&[]) else { return };
    let body = "--data-binary 'one\ntwo\n'";
    typed.says(&format!("{body} \"$S/pub?topic=t\""), 200, "Published 2 messages to 0 clients.\n");
    let octets = format!("{body} -H 'Content-Type: application/octet-stream' \"$S/pub?topic=t\"");
    typed.says(&octets, 200, "Published 1 messages to 0 clients.\n");
    typed.says(&format!("{body} \"$S/pub?topic=t&whole=1\""), 200, "Published 1 messages to 0 clients.\n");
    let stats = typed.json(r#""$S/stats?topic=t&format=json""#);
    assert_eq!((&stats["received"], &stats["messages"]), (&json!(4), &json!(4)));
    typed.says(r#""$S/sub?topic=t&multipart=0&from=first&limit=3""#, 200, "\r\none\ntwo\none\ntwo\n\n");
}

#[test]
fn programs_are_told_the_numbers() {
    let Some(typed) = Typed::start(&[]) else { return };
    let publish = |more: &str| typed.json(&format!("-H 'Accept: application/json' {more} \"$S/pub?topic=t\""));
    let first = publish("--data-binary 'a\nb\nc'");
    let at = first["first"].as_u64().expect("a number");
    let said = |first: u64, last: u64, messages: u64, duplicates: u64| json!({"topic":"t","first":first,"last":last,"messages":messages,"duplicates":duplicates,"subscribers":0});
    assert_eq!(first, said(at, at + 2, 3, 0));
    assert_eq!(publish("-d d"), said(at + 3, at + 3, 1, 0));
    assert_eq!(publish("-X POST")["first"], json!(null), "nothing");
}

#[test]
fn the_same_id_is_accepted_once_and_answered_as_before() {
    let Some(typed) = Typed::start(&[]) else { return };
    typed.says(r#"-X PUT $S/topics/t -d '{"dedupe_window":"1h"}'"#, 201, "");
    let line = "Published 2 messages to 0 clients.\n";
    let publish = |target: &str, more: &str| format!("--data-binary 'a\nb' {more} \"$S{target}\"");
    typed.says(&publish("/pub?topic=t&id=X", ""), 200, line);
    typed.says(&publish("/pub?topic=t&id=X", ""), 200, line);
    typed.says(&publish("/pub?topic=t", "-H 'Message-Id: X'"), 200, line);
    let known = typed.json(&publish("/pub?topic=t", "-H 'Message-Id: X' -H 'Accept: application/json'"));
    assert_eq!((&known["messages"], &known["duplicates"]), (&json!(2), &json!(2)));
    typed.says(&publish("/pub?topic=t&id=Y", ""), 200, line);
    // An id belongs to its topic.
    typed.says(&publish("/pub?topic=u&id=X", ""), 200, line);
    let stats = typed.json(r#""$S/stats?topic=t&format=json""#);
    assert_eq!((&stats["received"], &stats["duplicates"]), (&json!(4), &json!(6)));
    assert_eq!(typed.json(r#""$S/stats?topic=u&format=json""#)["received"], json!(2));
}
