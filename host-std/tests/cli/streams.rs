//! Which message is which in a stream: what is gone, what is left out, and what comes after a loss.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

use crate::server::{Server, parts, run, text};

/// The messages that a server has, with the numbers that it gives them.
fn kept(server: &Server) -> Vec<(u64, String)> {
    let address = server.pubsub.strip_prefix("http://").expect("an address").trim_end_matches('/');
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.write_all(b"GET /sub?format=sse&from=first&follow=0 HTTP/1.0\r\n\r\n").expect("a request");
    let mut events = String::new();
    stream.read_to_string(&mut events).expect("text");
    let messages = events.split("\n\n").filter_map(|event| event.strip_prefix("id: ")?.split_once("\ndata: "));
    messages.map(|(id, data)| (id.parse().expect("a number"), data.to_owned())).collect()
}

/// What `sub --json` prints of these.
fn printed(messages: &[(u64, String)]) -> String {
    messages.iter().map(|(id, data)| format!("{{\"id\": {id}, \"data\": {data:?}}}\n")).collect()
}

#[test]
fn what_is_gone_is_told_and_is_no_message() {
    let server = Server::start(&["--log-bytes=64KiB", "--max-body-bytes=16KiB", "--max-message-bytes=16KiB"]);
    let lines: String = (0..30).map(|number| format!("{number} {}\n", "x".repeat(5000))).collect();
    assert_eq!(parts(&run(&["pub", "--url", &server.pubsub], lines)), (0, "published 30\n", ""));
    let kept = kept(&server);
    assert!((4..30).contains(&kept.len()));
    let missed = 30 - kept.len();
    let said = format!("missed {missed} messages: the server no longer has them\n");
    let sub = ["sub", "--url", &server.pubsub, "--json"];
    let all = run(&[&sub[..], &["--from=first", "--no-follow"]].concat(), "");
    assert_eq!(parts(&all), (0, printed(&kept).as_str(), said.as_str()));
    let three = run(&[&sub[..], &["--from=first", "--limit=3"]].concat(), "");
    assert_eq!(parts(&three), (0, printed(&kept[..3]).as_str(), said.as_str()));
    // From the number of one that is gone, of one that is there, and behind the latter.
    let one = kept[0].0;
    let gone = run(&[&sub[..], &[&format!("--from={}", one - 2), "--limit=1"]].concat(), "");
    let said = "missed 2 messages: the server no longer has them\n";
    assert_eq!(parts(&gone), (0, printed(&kept[..1]).as_str(), said));
    for place in [format!("--from={}", one + 1), format!("--since={one}")] {
        let there = run(&[&sub[..], &[&place, "--limit=1"]].concat(), "");
        assert_eq!(parts(&there), (0, printed(&kept[1..2]).as_str(), ""));
    }
    // The newest alone: what is skipped lies behind the first message, though it is told before any.
    let newest = run(&[&sub[..], &[&format!("--from={one}"), "--policy=latest", "--limit=1"]].concat(), "");
    let said = format!("missed {} messages: the server no longer has them\n", kept.len() - 1);
    assert_eq!(parts(&newest), (0, printed(&kept[kept.len() - 1..]).as_str(), said.as_str()));
}

#[test]
fn what_is_left_out_does_not_move_the_numbers_of_the_others() {
    let server = Server::start(&[]);
    let line = |number| format!("{{\"c\":\"{}\",\"n\":{number}}}\n", if number % 100 == 7 { "DE" } else { "US" });
    let lines: String = (0..1000).map(line).collect();
    assert_eq!(parts(&run(&["pub", "--url", &server.pubsub], lines)), (0, "published 1000\n", ""));
    let wanted: Vec<_> = kept(&server).into_iter().filter(|(_, data)| data.contains("DE")).collect();
    assert_eq!(wanted.len(), 10);
    let sub = ["sub", "--url", &server.pubsub, "--json", "--filter=c:DE", "--no-follow"];
    let all = run(&[&sub[..], &["--from=first"]].concat(), "");
    assert_eq!(parts(&all), (0, printed(&wanted).as_str(), ""));
    let rest = run(&[&sub[..], &[&format!("--since={}", wanted[4].0)]].concat(), "");
    assert_eq!(parts(&rest), (0, printed(&wanted[5..]).as_str(), ""));
}

/// A source that gives each connection one of these answers, and ends it; and the first lines of what it is asked.
fn scripted(answers: Vec<String>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let source = std::thread::spawn(move || {
        let answer = |answer: String| {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut lines = BufReader::new(stream.try_clone().expect("a clone")).lines();
            let asked = lines.next().expect("a request").expect("text");
            lines.find(|line| line.as_ref().is_ok_and(String::is_empty)).expect("a whole head").expect("text");
            stream.write_all(answer.as_bytes()).expect("an answer");
            asked
        };
        answers.into_iter().map(answer).collect()
    });
    (url, source)
}

/// The answer of a stream that begins with this number, and has these messages.
fn stream(first: u64, messages: &[&str]) -> String {
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: multipart/x-mixed-replace; boundary=xXPubSubXx\r\nconnection: close\r\n";
    let part = |message: &&str| format!("content-length: {}\r\n\r\n{message}\r\n--xXPubSubXx\r\n", message.len());
    let body: String = messages.iter().map(part).collect();
    format!("{head}x-pubsub-epoch: 5\r\nx-pubsub-sequence: {first}\r\n\r\n--xXPubSubXx\r\n{body}")
}

#[test]
fn who_has_to_begin_anew_says_that_messages_may_be_missing() {
    let refusal = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned();
    let (url, source) = scripted(vec![stream(7, &[]), stream(7, &["one"]), refusal, stream(9, &["two"])]);
    let output = run(&["sub", "--url", &url, "--count=2"], "");
    let (code, stdout, stderr) = parts(&output);
    assert_eq!((code, stdout), (0, "one\ntwo\n"));
    assert!(stderr.ends_with("nobody can say how many messages were missed\n"), "{stderr}");
    assert_eq!(source.join().expect("the source ends")[3], "GET /sub?multipart=1 HTTP/1.1");
}

#[test]
fn who_is_refused_for_a_while_goes_on_where_it_was() {
    for status in ["401 Unauthorized", "404 Not Found"] {
        let refusal = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        let (url, source) = scripted(vec![stream(7, &[]), stream(7, &["one"]), refusal, stream(8, &["two"])]);
        let output = run(&["sub", "--url", &url, "--from=first", "--count=2", "--json"], "");
        let (code, stdout, _) = parts(&output);
        assert_eq!((code, stdout), (0, "{\"id\": 7, \"data\": \"one\"}\n{\"id\": 8, \"data\": \"two\"}\n"));
        let again = "GET /sub?last_event_id=7&multipart=1&from=first HTTP/1.1";
        assert_eq!(source.join().expect("the source ends")[2..], [again, again], "{status}");
    }
}

#[test]
fn a_source_that_ends_its_streams_at_once_is_asked_less_and_less_often() {
    let mut answers = vec![stream(7, &[]); 4];
    answers.extend([stream(7, &["one"]), stream(8, &["two"])]);
    let (url, source) = scripted(answers);
    let output = run(&["sub", "--url", &url, "--count=2"], "");
    source.join().expect("the source ends");
    assert_eq!(text(&output.stdout), "one\ntwo\n");
    let waits = text(&output.stderr).lines().filter_map(|line| line.split_once("again in ")).map(|(_, wait)| wait);
    // What brings a message is there again.
    assert_eq!(waits.collect::<Vec<_>>(), ["0.1 s", "0.2 s", "0.4 s", "0.1 s"]);
}
