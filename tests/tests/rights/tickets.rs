//! Tickets: for `EventSource`, which sends no header.

use nix::sys::signal::Signal;
use streamgauge_tests::process::Server;
use streamgauge_tests::wait::until;

use super::{Tokens, ask, bearer, sent, status};

/// A ticket for the owner of a token.
fn ticket(server: &Server, token: &str) -> String {
    let answer = ask(server, "POST /ticket", &bearer(token), "");
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
    let said: serde_json::Value = serde_json::from_str(&answer.text()).expect("JSON");
    assert!(said["expires"].as_str().is_some_and(|time| time.ends_with('Z')), "{said}");
    said["ticket"].as_str().expect("a ticket").to_owned()
}

#[test]
fn a_ticket_lets_an_event_source_look_and_nobody_change() {
    let tokens = Tokens::new();
    let token = tokens.add("sub:clicks.* pub:clicks.* get:clicks.* put:clicks.* admin:clicks.*", &[]);
    let server = tokens.serve(&["--enable-logging"]);
    let ticket = ticket(&server, &token);
    let with = |request: &str| format!("{request}{}ticket={ticket}", if request.contains('?') { "&" } else { "?" });
    let mut events = sent(&server, &with("GET /sub?topic=clicks.de"), "accept: text/event-stream\r\n", "");
    assert!(events.head().starts_with("HTTP/1.1 200"));
    assert_eq!(ask(&server, "POST /pub?topic=clicks.de", &bearer(&token), "hello").status, 200);
    events.take_to(b"hello");
    for request in ["GET /stats?topic=clicks.de", "GET /peek?queue=clicks.de", "GET /topics/clicks.de"] {
        assert_eq!(status(&server, &with(request), ""), 200, "{request}");
    }
    for request in [
        "POST /pub?topic=clicks.de",
        "GET /pub?topic=clicks.de",
        "GET /put?queue=clicks.de&data=x",
        "GET /get?queue=clicks.de",
        "POST /sub?topic=clicks.de",
        "PUT /topics/clicks.de",
        "DELETE /topics/clicks.de",
        "GET /stats?topic=clicks.de&reset=1",
        "POST /ticket",
    ] {
        let status = status(&server, &with(request), "");
        assert!([401, 403].contains(&status), "{request}: {status}");
    }
    // It gives no more than the token, and nothing if it is changed, or shown to another server.
    assert_eq!(status(&server, &with("GET /sub?topic=other"), ""), 403);
    let forged = ticket.replace(&ticket[..2], "BB");
    assert_eq!(status(&server, &format!("GET /sub?topic=clicks.de&ticket={forged}"), ""), 401);
    assert_eq!(status(&tokens.serve(&[]), &with("GET /sub?topic=clicks.de"), ""), 401);
    // Nor is it good when the token is not.
    std::fs::write(&tokens.path, "").expect("the file is written");
    server.process.signal(Signal::SIGHUP);
    until("the token to be gone", || {
        (status(&server, "GET /stats?topic=clicks.de", &bearer(&token)) == 401).then_some(())
    });
    assert_eq!(status(&server, &with("GET /stats?topic=clicks.de"), ""), 401);
    let log = server.complaints();
    assert!(
        log.contains("/stats?topic=clicks.de&ticket=- ") && !log.contains(&ticket) && !log.contains(&token),
        "{log}"
    );
}

#[test]
fn without_tokens_there_are_no_tickets() {
    let server = Server::everything::<&str>([]);
    assert_eq!(ask(&server, "POST /ticket", "", "").status, 404);
}
