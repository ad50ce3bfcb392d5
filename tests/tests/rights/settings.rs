//! What a change of settings names beside what it changes is not given away with it.

use super::{Tokens, ask, bearer};

#[test]
fn who_feeds_a_queue_from_a_topic_may_subscribe_to_it() {
    let tokens = Tokens::new();
    let admin = tokens.add("admin:own.*", &[]);
    let reader = tokens.add("admin:own.* sub:secret put:letters pub:told", &[]);
    let told = r#"{"topic":"secret","measure":"moments","every":"1m","when":{"count >":100,"to":"told"}}"#;
    for shards in ["--shards=1", "--shards=3"] {
        let server = tokens.serve(&[shards]);
        for (request, body, line) in [
            ("PUT /queues/own.a", r#"{"topic":"secret"}"#, "this token has no right sub on secret\n"),
            ("PUT /queues/own.a", r#"{"dead_letter":"letters"}"#, "this token has no right put on letters\n"),
            ("PUT /gauges/own.g", r#"{"topic":"secret","measure":"rate"}"#, "this token has no right sub on secret\n"),
            ("PUT /gauges/own.r", told, "this token has no right pub on told\n"),
        ] {
            let answer = ask(&server, request, &bearer(&admin), body);
            assert_eq!((answer.status, answer.text()), (403, line.to_owned()), "{request} {body}");
            let answer = ask(&server, request, &bearer(&reader), body);
            assert!([200, 201].contains(&answer.status), "{request} {body}: {}", answer.text());
        }
        assert_eq!(ask(&server, "PUT /queues/own.b", &bearer(&admin), r#"{"max_depth":5}"#).status, 201);
    }
}
