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

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[test]
fn messages_carry_their_trace_where_that_is_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = format!("--data-dir={}", folder.path().display());
    for flags in [vec![], vec![&*data]] {
        let Some(typed) = Typed::start(&[&flags[..], &["--max-body-bytes=1000"]].concat()) else { return };
        typed.says("-X PUT $S/queues/fed -d '{\"topic\":\"t\"}'", 201, "");
        let traced = format!("-H 'Traceparent: {TRACE}'");
        let body = "--data-binary '{\"u\":1}\nH3110\n{\"traceparent\":\"own\"}\n{}'";
        let line = |clients| format!("Published 4 messages to {clients} clients.\n");
        typed.says(&format!("{body} {traced} \"$S/pub?topic=t&trace=1\""), 200, &line(0));
        let own = format!("{{\"traceparent\":\"{TRACE}\"");
        let carried = format!("{own},\"u\":1}}\nH3110\n{{\"traceparent\":\"own\"}}\n{own}}}");
        typed.says("\"$S/sub?topic=t&multipart=0&from=first&limit=4\"", 200, &format!("\r\n{carried}\n"));
        typed.says("\"$S/mget?queue=fed&items=9\"", 200, &format!("{carried}\n"));
        // Items too, in a body or a query; one with a newline in it stays one.
        typed.says(&format!("{traced} \"$S/put?queue=q&trace=1&data=%7B%7D\""), 200, "");
        typed.says(&format!("{traced} \"$S/put?queue=q&trace=1\" --data-binary '{{\n\"u\":1}}'"), 200, "");
        typed.says(&format!("{traced} \"$S/mput?queue=q&trace=1&separator=0\" -d '1020{{}}'"), 200, "");
        for item in [&*format!("{own}}}"), &format!("{own},\n\"u\":1}}"), "1", "2", &format!("{own}}}")] {
            typed.says("$S/get?queue=q", 200, item);
        }
        // Without a trace, or without being asked to, nothing is added.
        for query in ["/put?queue=q&trace=1", "/put?queue=q", "/put?queue=q&trace=0"] {
            let field = if query.ends_with("=1") { "-H 'Traceparent: none'" } else { &traced };
            typed.says(&format!("{field} \"$S{query}\" -d '{{}}'"), 200, "");
            typed.says("$S/get?queue=q", 200, "{}");
        }
        // A limit is one for what is kept.
        let many = ["{}"; 20].join("\n");
        let refused = "with a traceparent each the messages are over the limit max-body-bytes 1000\n";
        typed.says(&format!("{traced} \"$S/pub?topic=t&trace=1\" --data-binary '{many}'"), 413, refused);
        typed.says(
            &format!("{traced} \"$S/pub?topic=t\" --data-binary '{many}'"),
            200,
            "Published 20 messages to 0 clients.\n",
        );
    }
}

#[test]
fn what_traces_take_is_counted() {
    let Some(typed) = Typed::start(&["--max-body-bytes=100000", "--max-buffered-bytes=100000"]) else { return };
    typed.write("many", &"{}\n".repeat(1200));
    let publish = format!("-H 'Traceparent: {TRACE}' --data-binary @many");
    typed.says(&format!("{publish} \"$S/pub?topic=t&trace=1\""), 200, "Published 1200 messages to 0 clients.\n");
    typed.write("many", &"{}\n".repeat(1360));
    typed.says(&format!("{publish} \"$S/pub?topic=t\""), 200, "Published 1360 messages to 0 clients.\n");
    let line =
        "the limit max-buffered-bytes 100000 is reached: there is no room to add a traceparent to each message\n";
    typed.says(&format!("{publish} \"$S/pub?topic=t&trace=1\""), 503, line);
}
