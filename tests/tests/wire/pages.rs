//! What browser pages may do: a page of any site can send requests to whatever its reader can reach.

use streamgauge_tests::client::Client;
use streamgauge_tests::process::{Process, Server};
use streamgauge_tests::wait::until;

/// The status, and the line that says why.
fn ask(server: &Server, method: &str, target: &str, fields: &str) -> (u16, String) {
    let mut client = server.connect();
    let host = if fields.contains("host:") { "" } else { "host: localhost\r\n" };
    client.send(format!("{method} {target} HTTP/1.1\r\n{host}{fields}\r\n"));
    let answer = client.answer();
    (answer.status, answer.text())
}

const OTHER: &str = "origin: http://evil.example\r\n";
const CROSS: &str = "sec-fetch-site: cross-site\r\n";
const REFERER: &str = "referer: http://evil.example/page\r\n";
const UPGRADE: &str = "upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n";

#[test]
fn a_page_of_another_origin_changes_nothing() {
    let pubsub = Server::start("pubsub", [""; 0]);
    let line = "a page of http://evil.example may not do this: --cors-origin lets an origin in\n".to_owned();
    let post = "content-type: text/plain\r\ncontent-length: 1\r\n";
    let published = |fields: &str| {
        let mut client = pubsub.connect();
        client.send(format!("POST /pub HTTP/1.1\r\nhost: localhost\r\n{fields}{post}\r\nx"));
        client.answer().status
    };
    assert_eq!(ask(&pubsub, "GET", "/pub", OTHER), (403, line.clone()));
    assert_eq!((published(OTHER), published(CROSS), published("origin: null\r\n")), (403, 403, 403));
    assert_eq!(published("sec-fetch-site: same-site\r\n"), 403, "another port is another origin");
    assert_eq!(ask(&pubsub, "GET", "/stats?reset=1", OTHER), (403, line.clone()));
    assert_eq!(ask(&pubsub, "GET", "/sub", &(OTHER.to_owned() + UPGRADE)), (403, line), "nor reads a WebSocket");
    assert_eq!(pubsub.counter("Messages received"), 0);
    // What only reads is answered, and the browser keeps it from the page.
    assert_eq!(ask(&pubsub, "GET", "/stats", OTHER).0, 200);
    assert_eq!(ask(&pubsub, "GET", "/clients", CROSS).0, 200);
    assert_eq!(ask(&pubsub, "HEAD", "/pub", CROSS).0, 200);
    // A page of its own, a typed address, and who is no browser.
    assert_eq!((published("origin: http://localhost\r\n"), published("sec-fetch-site: same-origin\r\n")), (200, 200));
    assert_eq!((published("sec-fetch-site: none\r\n"), published("")), (200, 200));
    let mut own = pubsub.connect();
    own.send(format!("GET /sub HTTP/1.1\r\nhost: localhost\r\norigin: http://localhost\r\n{UPGRADE}\r\n"));
    assert!(own.head().starts_with("HTTP/1.1 101 "));

    let queue = Server::start("simplequeue", [""; 0]);
    queue.get("/put?data=kept");
    for target in ["/get", "/mget", "/put?data=x", "/mput?data=x", "/stats?reset=1"] {
        assert_eq!(ask(&queue, "GET", target, CROSS).0, 403, "{target}: an image is enough to ask for it");
        assert_eq!(ask(&queue, "POST", target, OTHER).0, 403, "{target}");
        assert_eq!(ask(&queue, "GET", target, REFERER).0, 403, "{target}: in a page that came over plain HTTP");
    }
    assert_eq!((queue.get("/get"), queue.counter("puts")), ("kept".to_owned(), 1));
}

#[test]
fn a_page_that_is_let_in_may_do_what_anyone_may() {
    let server = Server::start("simplequeue", ["--cors-origin=http://evil.example"]);
    assert_eq!(ask(&server, "GET", "/put?data=x", &(OTHER.to_owned() + CROSS)).0, 200);
    assert_eq!(ask(&server, "GET", "/put?data=x", REFERER).0, 200);
    assert_eq!(ask(&server, "GET", "/put?data=x", CROSS).0, 403, "nobody knows whose page this is");
    assert_eq!(ask(&server, "GET", "/put?data=x", "origin: http://other.example\r\n").0, 403);
    let all = Server::start("simplequeue", ["--cors-origin=*"]);
    assert_eq!((ask(&all, "GET", "/put?data=x", OTHER).0, ask(&all, "GET", "/put?data=x", CROSS).0), (200, 200));
    // But no page ends it.
    assert_eq!(ask(&all, "GET", "/exit", OTHER), (403, "/exit is not for pages\n".to_owned()));
    assert_eq!(ask(&all, "GET", "/exit", CROSS).0, 403);
    assert_eq!(ask(&all, "GET", "/exit", "").0, 200);
}

#[test]
fn what_a_page_may_send_is_told_and_counted_and_nothing_follows_a_body_that_nobody_reads() {
    let server = Server::everything(["--cors-origin=*"]);
    let mut client = server.connect();
    let preflight = |body: &str| {
        let length = body.len();
        format!("OPTIONS /pub HTTP/1.1\r\nhost: x\r\n{OTHER}content-length: {length}\r\n\r\n{body}")
    };
    client.send(preflight(""));
    let answer = client.answer();
    let allowed = answer.header("access-control-allow-headers").unwrap_or_default().to_owned();
    assert_eq!((answer.status, answer.header("connection")), (204, None));
    assert!(["authorization", "traceparent", "tracestate"].iter().all(|name| allowed.contains(name)), "{allowed}");
    client.send(preflight("x"));
    let answer = client.answer();
    assert_eq!((answer.status, answer.header("connection")), (204, Some("close")));
    let counted = server.get("/metrics");
    assert!(counted.contains("streamgauge_http_answers_total{status=\"204\"} 2\n"), "{counted}");
}

#[test]
fn a_server_on_loopback_is_called_by_its_own_names() {
    let server = Server::start("simplequeue", ["--allow-host=gauge.example"]);
    let port = server.address.port();
    for name in ["localhost", "127.0.0.1", "[::1]", "LocalHost", "gauge.example"] {
        assert_eq!(ask(&server, "GET", "/put?data=x", &format!("host: {name}\r\n")).0, 200, "{name}");
        assert_eq!(ask(&server, "GET", "/put?data=x", &format!("host: {name}:{port}\r\n")).0, 200, "{name}");
    }
    let line = |host: &str| format!("this server is not called {host}: --allow-host lets a name in\n");
    for host in ["evil.example", "localhost.evil.example:80", "192.0.2.1"] {
        // As a page has it whose name leads here: to the browser this is its own origin.
        let fields = format!("host: {host}\r\norigin: http://{host}\r\n");
        assert_eq!(ask(&server, "GET", "/get", &fields), (403, line(host)));
    }
    assert_eq!(server.counter("depth"), 10);
}

#[test]
fn a_page_whose_name_leads_to_loopback_does_nothing_to_a_server_that_is_open_to_others() {
    let mut process = Process::start("simplequeue", ["--port=0", "--address=0.0.0.0"]);
    let port = process.line("listening on 0.0.0.0:").parse::<u16>().expect("a port");
    let ask = |target: &str, host: &str| {
        let mut client = Client::connect(([127, 0, 0, 1], port).into());
        client.send(format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n\r\n"));
        client.answer().status
    };
    assert_eq!(ask("/put?data=x", "evil.example"), 403, "on loopback a name may lead here from anywhere");
    assert_eq!(ask("/exit", "evil.example"), 403);
    assert_eq!(ask("/put?data=x", "gauge"), 200);
    assert_eq!(ask("/exit", "localhost:80"), 200);
    assert_eq!(until("the end", || process.try_exit_code()), 0);
}
