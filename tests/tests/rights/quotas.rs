//! Quotas: 429, and when it is over.

use std::thread::sleep;
use std::time::Duration;

use streamgauge_tests::client::Answer;

use super::{Tokens, ask, bearer};

/// When to come again, in seconds.
fn after(answer: &Answer) -> u64 {
    answer.header("retry-after").and_then(|seconds| seconds.parse().ok()).expect("a number of seconds")
}

#[test]
fn whoever_owes_may_name_where_dead_letters_go() {
    let tokens = Tokens::new();
    let admin = bearer(&tokens.add("admin:jobs put:grave", &["--messages=1/s"]));
    let server = tokens.serve(&[]);
    assert_eq!(ask(&server, "POST /mput?queue=grave", &admin, &"x\n".repeat(60)).status, 200);
    assert_eq!(ask(&server, "POST /put?queue=grave", &admin, "x").status, 429);
    let named = |dead: &str| ask(&server, "PUT /queues/jobs", &admin, &format!(r#"{{"dead_letter":"{dead}"}}"#)).status;
    assert_eq!((named("grave"), named("other")), (201, 403));
}

#[test]
fn whoever_sends_too_much_waits_and_nobody_else() {
    let tokens = Tokens::new();
    let few = tokens.add("pub:* put:* get:* sub:*", &["--messages=20/s"]);
    let small = tokens.add("put:*", &["--bytes=1000/s"]);
    let other = tokens.add("put:*", &[]);
    for shards in ["--shards=1", "--shards=3"] {
        let server = tokens.serve(&[shards]);
        let (few, small, other) = (bearer(&few), bearer(&small), bearer(&other));
        // What can be sent in three seconds, and then nothing for two.
        let lines = "x\n".repeat(60);
        assert_eq!(ask(&server, "POST /pub?topic=t", &few, &lines).status, 200);
        let refused = ask(&server, "POST /put?queue=q", &(few.clone() + "accept: application/json\r\n"), "x");
        assert_eq!((refused.status, (1..=2).contains(&after(&refused))), (429, true), "{}", refused.head);
        let problem: serde_json::Value = serde_json::from_str(&refused.text()).expect("JSON");
        assert_eq!(problem["type"], "urn:streamgauge:problem:quota");
        assert_eq!((&problem["limit"], &problem["value"]), (&"messages".into(), &20.into()));
        assert_eq!(
            ask(&server, "POST /put?queue=q", &few, "x").text(),
            "the quota of 20 messages a second is used up\n"
        );
        // Only what is charged for is refused.
        for request in ["GET /get?queue=q", "GET /stats"] {
            assert_eq!(ask(&server, request, &few, "").status, 200, "{request}");
        }
        assert_eq!(ask(&server, "POST /put?queue=q", &other, "x").status, 200);
        assert_eq!(ask(&server, "POST /put?queue=q", &small, &"x".repeat(4_000)).status, 200);
        let refused = ask(&server, "POST /put?queue=q", &small, "x");
        assert_eq!((refused.status, (2..=3).contains(&after(&refused))), (429, true), "{}", refused.head);
        sleep(Duration::from_millis(2_050));
        assert_eq!(ask(&server, "POST /put?queue=q", &few, "x").status, 200);
    }
}
