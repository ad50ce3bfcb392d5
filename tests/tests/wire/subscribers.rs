//! Subscribers that are slow, absent, idle or back again.

use std::thread;
use std::time::Duration;

use streamgauge_tests::client::{Client, show};
use streamgauge_tests::process::Server;
use streamgauge_tests::wait::{until, until_within};

pub(crate) const WEBSOCKET: &str = "GET /sub HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n";

fn subscribe(server: &Server, request: &str) -> Client {
    let mut client = server.connect();
    client.send(request);
    let head = client.head();
    assert!(head.starts_with("HTTP/1.1 200 ") || head.starts_with("HTTP/1.1 101 "), "{head}");
    client
}

/// The whole of what was sent in chunks, and that they have an end.
#[track_caller]
fn unchunked(mut client: Client) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(chunk) = client.try_chunk().expect("a last chunk") {
        all.extend(chunk);
    }
    assert_eq!(client.rest(), b"", "after the last chunk");
    all
}

fn message(number: usize) -> String {
    format!("{number:07} {}", "x".repeat(1000))
}

/// How many messages stand in `text` from number 0 on, each as `frame` makes it, and what follows them.
fn count_messages(mut text: &[u8], frame: impl Fn(usize) -> Vec<u8>) -> (usize, String) {
    for number in 0.. {
        match text.strip_prefix(&frame(number)[..]) {
            Some(rest) => text = rest,
            None => return (number, show(text)),
        }
    }
    unreachable!("there are fewer messages than numbers")
}

#[track_caller]
fn assert_kick_line(line: &str) {
    let pending =
        line.strip_prefix("ERROR_TOO_SLOW. kicked for having ").and_then(|rest| rest.strip_suffix(" pending bytes\\n"));
    let pending: u64 =
        pending.and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("no line for who is kicked: {line}"));
    assert!(pending > 200_000, "{pending} is not too slow");
}

#[test]
fn who_is_too_slow_is_told_and_harms_nobody() {
    let flags = ["--log-bytes=2MiB", "--max-body-bytes=1MiB", "--max-lag-bytes=200000"];
    let server = Server::start("pubsub", flags);
    let lines = subscribe(&server, "GET /sub?multipart=0 HTTP/1.1\r\nhost: x\r\n\r\n");
    let parts = subscribe(&server, "GET /sub HTTP/1.1\r\nhost: x\r\n\r\n");
    let mut events = server.connect();
    events.send("GET /sub?format=sse HTTP/1.1\r\nhost: x\r\n\r\n");
    let head = events.head();
    let first = head.lines().find_map(|line| line.strip_prefix("x-pubsub-sequence: ")).expect("a first number");
    let first: usize = first.parse().expect("a number");
    let mut old = subscribe(&server, "GET /sub?multipart=0 HTTP/1.0\r\n\r\n");
    let mut websocket = subscribe(&server, WEBSOCKET);
    // This one keeps up: it is read all the time.
    let fast = subscribe(&server, "GET /sub?multipart=0 HTTP/1.1\r\nhost: x\r\n\r\n");
    let reader = thread::spawn(move || unchunked(fast));

    let mut publisher = server.connect();
    let mut published = 0;
    // The operating system takes some megabytes for a client that reads nothing.
    while server.counter("Kicked clients") < 5 {
        assert!(published < 100_000, "nobody is kicked: {}", server.get("/stats"));
        let batch: Vec<_> = (published..published + 50).map(message).collect();
        assert_eq!(publisher.post("/pub", batch.join("\n")).status, 200);
        published += 50;
    }
    // The kicked ones are still being told, and no subscribers any more.
    let stats = server.get("/stats");
    assert!(stats.starts_with("Active connections: 1\nTotal connections: 6\n"), "{stats}");

    let line_of = |number| (message(number) + "\n").into_bytes();
    let text = unchunked(lines);
    let (by_lines, rest) = count_messages(&text[2..], line_of);
    assert_kick_line(&rest);
    let text = old.rest();
    let (by_old, rest) = count_messages(&text[2..], line_of);
    assert_kick_line(&rest);
    let text = unchunked(parts);
    let part_of = |number| {
        let message = message(number);
        format!("content-type: */*\r\ncontent-length: {}\r\n\r\n{message}\r\n--xXPubSubXx\r\n", message.len())
            .into_bytes()
    };
    let (by_parts, rest) = count_messages(&text["--xXPubSubXx\r\n".len()..], part_of);
    assert_kick_line(&rest);
    let text = unchunked(events);
    let event_of = |number| format!("id: {}\ndata: {}\n\n", first + number, message(number)).into_bytes();
    let (by_events, rest) = count_messages(&text["retry: 1000\n\n".len()..], event_of);
    assert_kick_line(
        rest.strip_prefix("event: error\\ndata: ").and_then(|rest| rest.strip_suffix("\\n")).expect("an error event"),
    );
    let text = websocket.rest();
    let frame_of = |number| [&[0x81, 0x7e, 0x03, 0xf0][..], message(number).as_bytes()].concat();
    let (by_websocket, rest) = count_messages(&text, frame_of);
    assert!(rest.contains("ERROR_TOO_SLOW. kicked for ") && rest.ends_with("\\x88\\x00"), "{rest}");

    // Nobody else noticed anything.
    assert_eq!(publisher.post("/pub", message(published)).text(), "Published 1 messages to 1 clients.\n");
    until("all messages to be sent", || (server.counter("Active connections") == 1).then_some(()));
    assert_eq!(server.counter("Messages received"), published as u64 + 1);
    assert_eq!(server.counter("Kicked clients"), 5);
    // What was handed to a subscriber is counted once for each, and so is each message that was half sent when its reader
    // was kicked: the rest still went out.
    let handed = (by_lines + by_old + by_parts + by_events + by_websocket + published + 1) as u64;
    until("all to be counted", || (server.counter("Messages sent") == handed).then_some(()));
    assert_eq!(server.stop(), 0);
    let text = reader.join().expect("the fast one reads to the end");
    let (by_fast, rest) = count_messages(&text[2..], line_of);
    assert_eq!((by_fast, rest.as_str()), (published + 1, ""));
}

#[test]
fn a_burst_beyond_the_lag_limit_kicks_nobody_who_reads() {
    const BURST: usize = 400;
    let server = Server::start("pubsub", ["--max-lag-bytes=1000"]);
    let mut subscribers = [
        subscribe(&server, "GET /sub?multipart=0 HTTP/1.1\r\nhost: x\r\n\r\n"),
        subscribe(&server, "GET /sub?format=sse HTTP/1.1\r\nhost: x\r\n\r\n"),
        subscribe(&server, WEBSOCKET),
    ];
    let burst = (0..BURST).map(message).collect::<Vec<_>>().join("\n");
    for _ in 0..10 {
        let told = server.connect().post("/pub", &burst).text();
        assert_eq!(told, format!("Published {BURST} messages to 3 clients.\n"));
        for subscriber in &mut subscribers {
            subscriber.take_to(message(BURST - 1).as_bytes());
        }
    }
    assert_eq!(server.counter("Kicked clients"), 0);
}

#[test]
fn who_comes_back_after_a_gap_is_no_slow_subscriber() {
    let server = Server::start("pubsub", ["--log-bytes=2000", "--max-body-bytes=1000"]);
    let mut events = server.connect();
    events.send("GET /sub?format=sse HTTP/1.1\r\nhost: x\r\n\r\n");
    let head = events.head();
    let first = head.lines().find_map(|line| line.strip_prefix("x-pubsub-sequence: ")).expect("a first number");
    let mut publisher = server.connect();
    for _ in 0..5 {
        publisher.post("/pub", "y".repeat(900));
    }
    let mut websocket = server.connect();
    websocket.send(WEBSOCKET.replace("/sub", &format!("/sub?last_event_id={first}")));
    assert!(websocket.head().starts_with("HTTP/1.1 101 "));
    // The log holds two of them.
    for _ in 0..2 {
        assert_eq!(websocket.take(904)[..4], [0x81, 0x7e, 0x03, 0x84]);
    }
    for number in 0..3 {
        publisher.post("/pub", format!("news {number}"));
        let frame = [&[0x81, 0x06][..], format!("news {number}").as_bytes()].concat();
        assert_eq!(websocket.take(8), frame);
    }
    assert_eq!(server.counter("Kicked clients"), 0);
}

#[test]
fn a_number_that_was_never_given_is_from_another_life_or_the_newest() {
    let server = Server::start("pubsub", [""; 0]);
    let mut publisher = server.connect();
    publisher.post("/pub", "one\ntwo");
    let back = |id: &str| {
        subscribe(&server, &format!("GET /sub?format=sse HTTP/1.1\r\nhost: x\r\nlast-event-id: {id}\r\n\r\n"))
    };
    let (mut ancient, mut newest, mut next) = (back("1"), back("18446744073709551615"), back("9007199254740993"));
    publisher.post("/pub", "three");
    let told = |client: &mut Client| String::from_utf8(client.take_to(b"data: three\n\n")).expect("events");
    let text = told(&mut ancient);
    assert!(text.contains("event: gap\ndata: 0\n\n"), "nobody knows how many there were: {text}");
    assert!(text.contains("data: one\n") && text.contains("data: two\n"), "{text}");
    for client in [&mut newest, &mut next] {
        let text = told(client);
        assert!(!text.contains("gap") && !text.contains("one") && !text.contains("two"), "{text}");
    }
}

#[test]
fn a_small_log_does_not_run_away_from_who_keeps_up() {
    let server = Server::start("pubsub", ["--log-bytes=2000", "--max-body-bytes=1000"]);
    let mut subscriber = subscribe(&server, "GET /sub?multipart=0 HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!(subscriber.chunk().unwrap(), b"\r\n");
    // All at once, ten times what the log holds.
    let requests: String = (0..20)
        .map(|number| format!("POST /pub HTTP/1.1\r\nhost: x\r\ncontent-length: 900\r\n\r\n{number:0900}"))
        .collect();
    let mut publisher = server.connect();
    publisher.send(requests);
    for number in 0..20 {
        assert_eq!(subscriber.chunk().unwrap(), format!("{number:0900}\n").into_bytes());
    }
    assert_eq!(server.counter("Kicked clients"), 0);
}

#[test]
fn an_idle_event_stream_gets_a_comment_and_a_websocket_a_ping_every_15_seconds_and_others_nothing() {
    let server = Server::start("pubsub", [""; 0]);
    let mut lines = subscribe(&server, "GET /sub?multipart=0 HTTP/1.1\r\nhost: x\r\n\r\n");
    let mut events = subscribe(&server, "GET /sub?format=sse HTTP/1.1\r\nhost: x\r\n\r\n");
    let mut websocket = subscribe(&server, WEBSOCKET);
    assert_eq!(events.chunk().unwrap(), b"retry: 1000\n\n");
    let start = std::time::Instant::now();
    until_within(Duration::from_secs(25), "a comment", || {
        events.has_more_within(Duration::from_millis(50)).then_some(())
    });
    let after = start.elapsed().as_secs_f64();
    assert!((13.5..18.0).contains(&after), "the comment came after {after} s");
    assert_eq!(events.chunk().unwrap(), b": keep-alive\n\n");
    assert_eq!(websocket.take(2), b"\x89\x00", "a WebSocket gets a ping");
    assert_eq!(lines.so_far(Duration::from_millis(50)), b"2\r\n\r\n\r\n");
    server.connect().post("/pub", "x");
    assert!(events.chunk().unwrap().ends_with(b"data: x\n\n"));
}

#[test]
fn who_leaves_is_forgotten_and_who_stays_is_served() {
    let server = Server::start("pubsub", [""; 0]);
    let mut stays = subscribe(&server, "GET /sub?multipart=0 HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!(stays.chunk().unwrap(), b"\r\n");
    for round in 0..20 {
        let leaves =
            subscribe(&server, if round % 2 == 0 { "GET /sub HTTP/1.1\r\nhost: x\r\n\r\n" } else { WEBSOCKET });
        drop(leaves);
        server.connect().post("/pub", round.to_string());
        assert_eq!(stays.chunk().unwrap(), format!("{round}\n").into_bytes());
    }
    until("all others to be gone", || (server.counter("Active connections") == 1).then_some(()));
    assert_eq!(server.counter("Total connections"), 21);
    assert_eq!(server.get("/clients").lines().count(), 1);
    assert_eq!(server.counter("Kicked clients"), 0);
}
