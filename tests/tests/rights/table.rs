//! Every verb x every right, by a table.

use super::{Tokens, ask, bearer, status};

/// What each request needs: a right, or `any`, and on what.
const VERBS: [(&str, &str); 44] = [
    ("POST /pub?topic=clicks.de", "pub:clicks.de"),
    ("GET /publish?topic=clicks.de", "pub:clicks.de"),
    ("HEAD /pub?topic=clicks.de", "pub:clicks.de"),
    ("GET /sub?topic=clicks.de", "sub:clicks.de"),
    ("HEAD /sub?topic=clicks.de", "sub:clicks.de"),
    ("GET /clients?topic=clicks.de", "any:clicks.de"),
    ("GET /put?queue=clicks.de&data=x", "put:clicks.de"),
    ("POST /mput?queue=clicks.de&data=x", "put:clicks.de"),
    ("GET /get?queue=clicks.de", "get:clicks.de"),
    ("POST /mget?queue=clicks.de&items=2&lease=1", "get:clicks.de"),
    ("POST /ack?queue=clicks.de&lease=1", "get:clicks.de"),
    ("POST /nack?queue=clicks.de&lease=1", "get:clicks.de"),
    ("POST /touch?queue=clicks.de&lease=1", "get:clicks.de"),
    ("GET /peek?queue=clicks.de", "get:clicks.de"),
    ("GET /dump?queue=clicks.de", "get:clicks.de"),
    ("POST /redrive?queue=clicks.de", "admin:clicks.de"),
    ("GET /stats?topic=clicks.de", "any:clicks.de"),
    ("GET /stats?queue=clicks.de&format=json", "any:clicks.de"),
    ("GET /stats?queue=clicks.de&reset=1", "admin:clicks.de"),
    ("GET /stats?topic=clicks.de&reset=1", "admin:clicks.de"),
    ("GET /topics", "any:*"),
    ("HEAD /topics", "any:*"),
    ("GET /topics?prefix=clicks.", "any:clicks.*"),
    ("GET /queues", "any:*"),
    ("GET /queues?prefix=clicks.", "any:clicks.*"),
    ("GET /gauges", "any:*"),
    ("GET /gauges?prefix=clicks.", "any:clicks.*"),
    ("GET /topics/clicks.de", "any:clicks.de"),
    ("PUT /topics/clicks.de", "admin:clicks.de"),
    ("GET /queues/clicks.de", "any:clicks.de"),
    ("PUT /queues/clicks%2Ede", "admin:clicks.de"),
    ("POST /queues/clicks.de/pause", "admin:clicks.de"),
    ("POST /queues/clicks.de/resume", "admin:clicks.de"),
    ("POST /queues/clicks.de/empty", "admin:clicks.de"),
    ("POST /queues/clicks.de/redrive", "admin:clicks.de"),
    ("DELETE /queues/clicks.de", "admin:clicks.de"),
    ("DELETE /topics/clicks.de", "admin:clicks.de"),
    ("GET /gauges/clicks.de", "any:clicks.de"),
    ("PUT /gauges/clicks.de", "admin:clicks.de"),
    ("POST /gauges/clicks.de/merge", "admin:clicks.de"),
    ("DELETE /gauges/clicks.de", "admin:clicks.de"),
    ("GET /metrics", "any:*"),
    ("GET /overview", "any:*"),
    ("POST /ticket", "any:"),
];

const RIGHTS: [&str; 5] = ["pub", "sub", "put", "get", "admin"];

/// The names of a right: the one of the table, another one, some that begin alike, and all.
const NAMES: [&str; 5] = ["clicks.de", "clicks.us", "clicks.*", "other.*", "*"];

/// Whether a right is enough, as a person reads the table.
fn is_enough(need: &str, right: &str, name: &str) -> bool {
    let (what, on) = need.split_once(':').expect("a right and a name");
    let covers = match on {
        "" => true,
        "clicks.de" => ["clicks.de", "clicks.*", "*"].contains(&name),
        "clicks.*" => ["clicks.*", "*"].contains(&name),
        "*" => name == "*",
        _ => panic!("{on}"),
    };
    covers && (what == "any" || what == right)
}

#[test]
fn every_verb_needs_its_right_and_takes_no_other() {
    let tokens = Tokens::new();
    let grants = RIGHTS.into_iter().flat_map(|right| NAMES.map(|name| (right, name)));
    let grants: Vec<_> =
        grants.map(|(right, name)| (right, name, tokens.add(&format!("{right}:{name}"), &[]))).collect();
    for shards in ["--shards=1", "--shards=3"] {
        let server = tokens.serve(&[shards]);
        for (request, need) in VERBS {
            for (right, name, token) in &grants {
                let status = status(&server, request, &bearer(token));
                let refused = [401, 403, 429].contains(&status);
                assert_eq!(!refused, is_enough(need, right, name), "{request} with {right}:{name}: {status}");
                assert!(!refused || status == 403, "{request} with {right}:{name}: {status}");
            }
        }
        // It needs all names, and then there is no server.
        for (right, name, token) in grants.iter().filter(|(right, name, _)| !(*right == "admin" && *name == "*")) {
            assert_eq!(status(&server, "GET /exit", &bearer(token)), 403, "/exit with {right}:{name}");
        }
        let (.., all) = grants.iter().find(|(right, name, _)| *right == "admin" && *name == "*").expect("one for all");
        assert_eq!(status(&server, "GET /exit", &bearer(all)), 200);
    }
}

#[test]
fn a_token_that_is_none_gives_nothing() {
    let tokens = Tokens::new();
    let all = "pub:* sub:* put:* get:* admin:*";
    let good = tokens.add(all, &[]);
    let expired = tokens.add(all, &["--expires=2020-01-01T00:00:00Z"]);
    let server = tokens.serve(&[]);
    let mut near = good.clone();
    let last = if near.pop() == Some('A') { 'E' } else { 'A' };
    near.push(last);
    for (fields, challenge) in [
        (String::new(), "Bearer"),
        ("authorization: Basic c2dfOnNn\r\n".to_owned(), "Bearer"),
        ("authorization: Bearer\r\n".to_owned(), "Bearer"),
        ("authorization: Bearer \r\n".to_owned(), "Bearer"),
        (format!("authorization: {good}\r\n"), "Bearer"),
        (format!("authorization: Bearer {good} {good}\r\n"), "Bearer"),
        (format!("x-authorization: Bearer {good}\r\n"), "Bearer"),
        (bearer(&near), "Bearer error=\"invalid_token\""),
        (bearer(&good[..45]), "Bearer error=\"invalid_token\""),
        (bearer(&good.to_uppercase()), "Bearer error=\"invalid_token\""),
        (bearer("a.b.c"), "Bearer error=\"invalid_token\""),
        (bearer(&expired), "Bearer error=\"invalid_token\""),
        // The first counts.
        (bearer(&near) + &bearer(&good), "Bearer error=\"invalid_token\""),
    ] {
        for (request, _) in VERBS.into_iter().chain([("GET /exit", "")]) {
            assert_eq!(status(&server, request, &fields), 401, "{request} with {fields}");
        }
        let answer = ask(&server, "POST /put", &format!("accept: application/json\r\n{fields}"), "x");
        assert_eq!(answer.header("www-authenticate"), Some(challenge), "{fields}");
        assert!(answer.text().contains("urn:streamgauge:problem:unauthorized"), "{fields}");
    }
    // In a query it is none.
    for parameter in ["token", "access_token", "ticket"] {
        assert_eq!(status(&server, &format!("GET /stats?{parameter}={good}"), ""), 401, "{parameter}");
    }
    assert_eq!(server.connect().get("/livez").status, 200);
    for path in ["/", "/readyz", "/nothing/here"] {
        assert!(![401, 403].contains(&status(&server, &format!("GET {path}"), "")), "{path}");
    }
    assert_eq!(status(&server, "GET /stats", &bearer(&good)), 200);
}

#[test]
fn what_is_missing_is_said_and_the_token_is_not() {
    let tokens = Tokens::new();
    let token = tokens.add("sub:clicks.*", &[]);
    let server = tokens.serve(&[]);
    for (request, line) in [
        ("POST /pub?topic=clicks.de", "this token has no right pub on clicks.de"),
        ("GET /sub?topic=other", "this token has no right sub on other"),
        ("GET /stats?topic=other", "this token has no right on other"),
        ("GET /topics", "this token has no right on *"),
        ("GET /exit", "this token has no right admin on *"),
    ] {
        let answer = ask(&server, request, &bearer(&token), "");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer error=\"insufficient_scope\""), "{request}");
        assert_eq!((answer.status, answer.text()), (403, format!("{line}\n")), "{request}");
    }
    let refused = ask(&server, "GET /stats?topic=other", &(bearer(&token) + "accept: application/json\r\n"), "");
    let problem: serde_json::Value = serde_json::from_str(&refused.text()).expect("JSON");
    assert_eq!(problem["type"], "urn:streamgauge:problem:forbidden");
    assert_eq!(
        ask(&server, "GET /stats", "", "").text(),
        "this needs a token: send it as Authorization: Bearer TOKEN\n"
    );
    assert_eq!(ask(&server, "GET /stats", &bearer("x"), "").text(), "this token is not known here\n");
    // A name that is none says so, to whom it may.
    assert_eq!(status(&server, "GET /sub?topic=.x", &bearer(&token)), 400);
    assert_eq!(status(&server, "GET /sub?topic=.x", ""), 401);
}

#[test]
fn a_body_that_is_not_let_in_is_not_waited_for() {
    let tokens = Tokens::new();
    let server = tokens.serve(&[]);
    let mut client = server.connect();
    client.send("POST /pub HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 1000000\r\n\r\n");
    let answer = client.answer();
    assert_eq!((answer.status, answer.header("connection")), (401, Some("close")));
}
