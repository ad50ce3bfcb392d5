//! Which message is which in a stream: what is gone, what is left out, and what comes after a loss.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::server::{Server, parts, run};

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
