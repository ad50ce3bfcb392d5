//! Bad input: every bound has its status and its line of text, the server goes on, and its counters are right.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use nix::sys::socket::{setsockopt, sockopt};
use streamgauge_tests::client::{Answer, Client};
use streamgauge_tests::process::Server;
use streamgauge_tests::wait::until;

/// The answer has this status and line, and the connection ends after it.
#[track_caller]
fn assert_refused(mut client: Client, status: u16, line: &str) -> Answer {
    let answer = client.answer();
    assert_eq!((answer.status, String::from_utf8_lossy(&answer.body).as_ref()), (status, line), "{}", answer.head);
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(answer.header("connection"), Some("close"), "{}", answer.head);
    assert_eq!(client.rest(), b"", "after the answer");
    answer
}

/// Sends `request` to a queue and to a pubsub.
#[track_caller]
fn both_refuse(servers: &[Server; 2], request: &[u8], status: u16, line: &str) {
    for server in servers {
        let mut client = server.connect();
        client.try_send(request);
        assert_refused(client, status, line);
        assert!(server.get("/stats").ends_with('\n'), "it still answers");
    }
}

fn both(flags: &[&str]) -> [Server; 2] {
    [Server::start("simplequeue", flags), Server::start("pubsub", flags)]
}

/// Nothing was put or published.
fn assert_untouched(servers: &[Server; 2]) {
    assert_eq!((servers[0].counter("puts"), servers[0].counter("depth")), (0, 0));
    assert_eq!(servers[1].counter("Messages received"), 0);
}

fn post(length: &str) -> String {
    format!("POST /pub HTTP/1.1\r\nhost: x\r\n{length}\r\n\r\n")
}

#[test]
fn bodies_beyond_the_limit_are_413() {
    let servers = both(&["--max-body-bytes=1000"]);
    let line = "the body is over the limit max-body-bytes 1000\n";
    let announced = [post("content-length: 1001").as_bytes(), &[b'x'; 1001]].concat();
    both_refuse(&servers, &announced, 413, line);
    both_refuse(&servers, post("content-length: 9223372036854775807").as_bytes(), 413, line);
    both_refuse(&servers, post("content-length: 1001\r\nexpect: 100-continue").as_bytes(), 413, line);
    let chunk = [&b"258\r\n"[..], &[b'x'; 600], b"\r\n"].concat();
    let chunks = [post("transfer-encoding: chunked").as_bytes(), &chunk, &chunk, b"0\r\n\r\n"].concat();
    both_refuse(&servers, &chunks, 413, line);
    assert_untouched(&servers);
    assert_eq!(servers[0].connect().post("/put", [b'x'; 1000]).status, 200, "exactly the limit is no excess");
    assert_eq!(servers[1].connect().post("/pub", [b'x'; 1000]).status, 200);
}

#[test]
fn a_large_body_that_nobody_reads_does_not_reset_the_answer() {
    let server = Server::start("simplequeue", ["--max-body-bytes=1000"]);
    let mut client = server.connect();
    client.try_send(post("content-length: 4000000").as_bytes());
    client.try_send(&vec![b'x'; 4_000_000]);
    assert_refused(client, 413, "the body is over the limit max-body-bytes 1000\n");
}

#[test]
fn messages_and_items_beyond_the_limit_are_413_and_the_connection_goes_on() {
    let pubsub = Server::start("pubsub", ["--max-message-bytes=10"]);
    let mut client = pubsub.connect();
    let answer = client.post("/pub", "fits\neleven chars\nalso fits");
    assert_eq!(answer.status, 413);
    assert_eq!(answer.text(), "message of 12 bytes is over the limit max-message-bytes 10\n");
    assert_eq!(client.post("/pub", "ten  chars").text(), "Published 1 messages to 0 clients.\n");
    assert_eq!(pubsub.counter("Messages received"), 1, "all of a body or nothing");

    let queue = Server::start("simplequeue", ["--max-item-bytes=10", "--queue-bytes=64"]);
    let mut client = queue.connect();
    for (target, body) in [
        ("/put", "12345678901"),
        ("/put?data=%3112345678901", ""),
        ("/mput", "a\n12345678901"),
        ("/mput?data=a%0A12345678901", ""),
    ] {
        let answer = client.post(target, body);
        assert_eq!(answer.status, 413, "{target}");
        assert_eq!(
            answer.text(),
            format!(
                "item of {} bytes is over the limit max-item-bytes 10\n",
                if target.len() > 22 && target.starts_with("/put") { 12 } else { 11 }
            )
        );
    }
    assert_eq!(client.post("/put", "1234567890").status, 200);
    assert_eq!((queue.counter("puts"), queue.counter("depth"), queue.counter("overflow")), (1, 1, 0));

    let small = Server::start("simplequeue", ["--queue-bytes=25"]);
    let answer = small.connect().post("/put", "sixteen bytes at");
    assert_eq!((answer.status, answer.text()), (413, "item of 16 bytes is over the limit queue-bytes 25\n".into()));
    assert_eq!(small.connect().post("/put", "fifteen  bytes.").status, 200);
    assert_eq!(small.get("/get"), "fifteen  bytes.");
}

#[test]
fn heads_beyond_a_limit_are_431() {
    let servers = both(&["--max-header-bytes=8192"]);
    let line = "the head is over the limit max-header-bytes 8192 or 100 fields\n";
    let long = |length| format!("GET /stats HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "y".repeat(length));
    for server in &servers {
        for length in [8192, 20_000] {
            let mut client = server.connect();
            client.try_send(long(length).as_bytes());
            let answer = client.answer();
            assert_eq!(answer.status, 431, "{}", answer.head);
            assert!(answer.text().starts_with("the head is over the limit max-header-bytes 8192"));
        }
        assert_eq!(server.connect().get("/stats").status, 200);
        let mut client = server.connect();
        client.send(long(8000));
        assert_eq!(client.answer().status, 200);
    }
    let fields = |n: usize| {
        let fields: String = (0..n).map(|i| format!("x-{i}: y\r\n")).collect();
        format!("GET /stats HTTP/1.1\r\nhost: x\r\n{fields}\r\n")
    };
    both_refuse(&servers, fields(100).as_bytes(), 431, line);
    for server in &servers {
        let mut client = server.connect();
        client.send(fields(99));
        assert_eq!(client.answer().status, 200, "a hundred fields are allowed");
    }
    // A head that never ends.
    let endless = [&b"GET /stats HTTP/1.1\r\nx: "[..], &vec![b'y'; 100_000]].concat();
    both_refuse(&servers, &endless, 431, line);
    assert_untouched(&servers);
}

#[test]
fn a_target_beyond_what_a_head_may_have_is_refused() {
    let servers = both(&["--max-header-bytes=200000"]);
    let target = format!("GET /put?data={} HTTP/1.1\r\nhost: x\r\n\r\n", "y".repeat(70_000));
    both_refuse(&servers, target.as_bytes(), 414, "the request target is over 65534 bytes\n");
    assert_untouched(&servers);
}

#[test]
fn garbage_is_400() {
    let servers = both(&[]);
    let line = "this is not an HTTP/1.1 request\n";
    for garbage in [
        "\r\n\r\nhello\r\n\r\n",
        "GET\r\n\r\n",
        "GET /put?data=x\r\n\r\n",
        "GET /put?data=x HTTPS/1.1\r\n\r\n",
        "GET /put?data=a b HTTP/1.1\r\nhost: x\r\n\r\n",
        "GET /put?data=x HTTP/1.1\r\nhost: x\r\nno colon\r\n\r\n",
        "GET /put?data=x HTTP/1.1\r\nhost: x\r\nbad name: x\r\n\r\n",
        "\u{1}\u{2}\u{3}\u{4}\u{16}\u{3}\u{1}\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
    ] {
        for server in &servers {
            let mut client = server.connect();
            client.try_send(garbage.as_bytes());
            client.finish();
            let answer = client.answer();
            assert_eq!((answer.status, answer.clone().text().as_str()), (400, line), "{garbage:?} {}", answer.head);
            assert_eq!(client.rest(), b"");
        }
    }
    // What everybody types first, and has to know how to write.
    for server in &servers {
        let mut client = server.connect();
        client.send("GET /put?data={\"a\":1} HTTP/1.1\r\nhost: x\r\n\r\n");
        let answer = client.answer();
        assert_eq!((answer.status, answer.text().as_str()), (400, "a \" in a target is written %22\n"));
    }
    let no_number = "the content-length is not one number\n";
    for (length, status, line) in [
        ("1\r\ncontent-length: 2", 400, "there are two content-lengths that differ\n"),
        ("1, 2", 400, no_number),
        ("-1", 400, no_number),
        ("+1", 400, no_number),
        ("0x1", 400, no_number),
        ("one", 400, no_number),
        ("", 400, no_number),
        ("99999999999999999999999", 413, "the body is over the limit max-body-bytes 5242880\n"),
    ] {
        let request = format!("POST /put HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\nxy");
        both_refuse(&servers, request.as_bytes(), status, line);
    }
    for version in ["0.9", "1.2", "2.0", "3.0"] {
        let request = format!("GET /put?data=x HTTP/{version}\r\nhost: x\r\n\r\n");
        both_refuse(&servers, request.as_bytes(), 505, "of HTTP only 1.1 and 1.0 are understood here\n");
    }
    let tls = [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], &[0; 64]].concat();
    both_refuse(&servers, &tls, 400, line);
    // After a request that was answered.
    let after = b"GET /stats HTTP/1.1\r\nhost: x\r\n\r\nnonsense\r\n\r\n";
    for server in &servers {
        let mut client = server.connect();
        client.send(after);
        assert_eq!(client.answer().status, 200);
        assert_refused(client, 400, line);
    }
    assert_untouched(&servers);
}

#[test]
fn chunks_that_are_none_are_400() {
    let servers = both(&[]);
    for chunks in ["x\r\n", "5\r\nhello!!", "-1\r\n\r\n", "fffffffffffffffff\r\n", "5;\n\n", "\r\n\r\n"] {
        let request = post("transfer-encoding: chunked") + chunks;
        both_refuse(&servers, request.as_bytes(), 400, "the body is not valid\n");
    }
    // Both lengths: a request that two readers could take for two different ones.
    for server in &servers {
        let mut client = server.connect();
        client.send("POST /put HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /put?data=smuggled HTTP/1.1\r\nhost: x\r\n\r\n");
        client.finish();
        let answers = String::from_utf8_lossy(&client.rest()).into_owned();
        assert_eq!(answers.matches("HTTP/1.1 ").count(), answers.matches("HTTP/1.1 4").count(), "{answers}");
    }
    assert_untouched(&servers);
}

#[test]
fn a_head_that_is_too_slow_is_408() {
    let servers = both(&["--header-timeout=0.3"]);
    for server in &servers {
        let mut idle = server.connect();
        assert_eq!(idle.get("/stats").status, 200);
        let mut silent = server.connect();
        let start = Instant::now();
        let mut slow = server.connect();
        slow.send("GET /stats HTTP/1.1\r\nhost: x\r\n");
        let mut sent = 0;
        // A field every so often: each moves bytes, but the head is never whole.
        while slow.try_send(b"x: y\r\n") {
            sent += 1;
            assert!(sent < 95, "the head may take as long as it likes");
            if slow.has_more_within(Duration::from_millis(40)) {
                break;
            }
        }
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(250) && took < Duration::from_secs(5), "{took:?}");
        assert_refused(slow, 408, "the head took longer than the limit header-timeout 0.3 s\n");
        assert_eq!(silent.rest(), b"", "who never sends anything is under the same limit, and has nothing to be told");
        // The limit is for one head, not for the connection.
        for _ in 0..3 {
            assert_eq!(idle.so_far(Duration::from_millis(150)), b"");
            assert_eq!(idle.get("/stats").status, 200);
        }
    }
}

#[test]
fn a_body_that_stands_still_is_408_and_an_idle_connection_is_closed() {
    let servers = both(&["--io-timeout=0.3", "--idle-timeout=0.6", "--header-timeout=0.2"]);
    for server in &servers {
        let mut client = server.connect();
        client.send(post("content-length: 10") + "half");
        assert_refused(client, 408, "the body stood still for 0.3 s\n");
        let mut idle = server.connect();
        let start = Instant::now();
        assert_eq!(idle.get("/stats").status, 200);
        assert_eq!(idle.rest(), b"", "an idle connection ends without a word");
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(500) && took < Duration::from_secs(5), "{took:?}");
    }
    assert_untouched(&servers);
}

/// The system has room for a part of the answer, and says so only when much of that has gone.
#[test]
fn a_client_that_is_slow_and_does_not_stand_still_gets_the_whole_answer() {
    const ITEM: usize = 1_000_000;
    const ITEMS: usize = 5;
    let server = Server::start("simplequeue", ["--io-timeout=1"]);
    let mut client = server.connect();
    for _ in 0..ITEMS {
        assert_eq!(client.post("/put", "x".repeat(ITEM)).status, 200);
    }
    let mut slow = std::net::TcpStream::connect(server.address).unwrap();
    setsockopt(&slow, sockopt::RcvBuf, &(64 << 10)).unwrap();
    slow.write_all(format!("GET /mget?items={ITEMS} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes())
        .unwrap();
    let begun = Instant::now();
    let (mut come, mut buffer) = (0, vec![0; 20_000]);
    loop {
        match slow.read(&mut buffer).unwrap() {
            0 => break,
            read => come += read,
        }
        // Some megabytes are in the system's buffers, and a second is over before a third of them has gone.
        if begun.elapsed() < Duration::from_secs(8) {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    assert!(come > ITEMS * ITEM, "{come} bytes have come");
}

#[test]
fn a_client_that_leaves_in_the_middle_of_a_body_puts_nothing() {
    let servers = both(&[]);
    for server in &servers {
        let mut gone = server.connect();
        gone.send(post("content-length: 10") + "half");
        drop(gone);
        let mut finished = server.connect();
        finished.send(post("content-length: 10") + "half");
        finished.finish();
        assert_refused(finished, 400, "the body is not valid\n");
        let mut head = server.connect();
        head.send("POST /put HTTP/1.1\r\nhost: x\r\nhost");
        head.finish();
        let answer = head.rest();
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400 "), "{answer:?}");
        assert_eq!(server.connect().get("/stats").status, 200);
    }
    assert_untouched(&servers);
}

#[test]
fn connections_beyond_the_limit_are_503() {
    let servers = both(&["--max-connections=2"]);
    for server in &servers {
        let (mut first, mut second) = (server.connect(), server.connect());
        assert_eq!((first.get("/stats").status, second.get("/stats").status), (200, 200));
        let mut third = server.connect();
        third.try_send(b"GET /put?data=x HTTP/1.1\r\nhost: x\r\n\r\n");
        let answer = assert_refused(third, 503, "the limit max-connections 2 is reached\n");
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert_eq!(first.get("/stats").status, 200);
        drop(second);
        until("a place to be free again", || {
            let mut client = server.connect();
            client.try_send(b"GET /stats HTTP/1.1\r\nhost: x\r\n\r\n");
            (client.answer().status == 200).then_some(())
        });
    }
    assert_untouched(&servers);
}

#[test]
fn who_never_sends_a_byte_holds_a_place_no_longer_than_a_head_may_take() {
    // What is idle after a request may stay for longer than this test waits.
    let server = Server::start("simplequeue", ["--max-connections=3", "--header-timeout=2", "--idle-timeout=60"]);
    let silent = [(); 3].map(|()| server.connect());
    let is_served = || {
        let mut client = server.connect();
        client.try_send(b"GET /stats HTTP/1.1\r\nhost: x\r\n\r\n");
        client.answer().status == 200
    };
    assert!(!is_served(), "all places are taken");
    until("their places", || is_served().then_some(()));
    silent.into_iter().for_each(|mut silent| assert_eq!(silent.rest(), b""));
}

#[test]
fn subscribers_beyond_the_limit_are_503_and_places_come_back() {
    let server = Server::start("pubsub", ["--max_subscribers=2"]);
    let subscribe = || {
        let mut client = server.connect();
        client.send("GET /sub?multipart=0 HTTP/1.1\r\nhost: x\r\n\r\n");
        let head = client.head();
        (client, head)
    };
    let ((first, _), (mut second, _)) = (subscribe(), subscribe());
    let (mut third, head) = subscribe();
    assert!(head.starts_with("HTTP/1.1 503 ") && head.contains("retry-after: 5\r\n"), "{head}");
    assert_eq!(third.take(35), b"the limit max-subscribers 2 is reac");
    assert_eq!(third.take(4), b"hed\n");
    assert_eq!(third.get("/stats").status, 200, "the connection goes on");
    let mut websocket = server.connect();
    websocket.send("GET /sub HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n");
    assert_eq!(websocket.answer().status, 503);
    drop(first);
    until("the place of one who left", || (server.counter("Active connections") == 1).then_some(()));
    assert!(subscribe().1.starts_with("HTTP/1.1 200 "));
    assert_eq!(server.counter("Total connections"), 3, "who was refused is not counted");
    assert_eq!(second.chunk().unwrap(), b"\r\n");
    server.connect().post("/pub", "x");
    assert_eq!(second.chunk().unwrap(), b"x\n");
}

#[test]
fn a_handshake_that_is_none_is_400_and_the_connection_goes_on() {
    let server = Server::start("pubsub", [""; 0]);
    let mut client = server.connect();
    let right = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13";
    let needs = "a WebSocket needs Sec-WebSocket-Key and Sec-WebSocket-Version: 13\n";
    for (head, line) in [
        (format!("GET /sub HTTP/1.1\r\n{right}"), "a WebSocket needs Connection: upgrade\n"),
        (format!("GET /sub HTTP/1.1\r\nconnection: keep-alive\r\n{right}"), "a WebSocket needs Connection: upgrade\n"),
        (format!("POST /sub HTTP/1.1\r\nconnection: upgrade\r\n{right}"), "a WebSocket begins with GET\n"),
        (
            "GET /sub HTTP/1.1\r\nconnection: upgrade\r\nsec-websocket-key: x\r\nsec-websocket-version: 13".into(),
            "Sec-WebSocket-Key must be 16 bytes in base64\n",
        ),
        (format!("GET /sub HTTP/1.1\r\nconnection: upgrade\r\n{right}\r\nsec-websocket-key: x"), needs),
    ] {
        client.send(format!("{head}\r\nhost: x\r\nupgrade: websocket\r\n\r\n"));
        let answer = client.answer();
        assert_eq!((answer.status, answer.text().as_str()), (400, line), "{head}");
    }
    let newer = right.replace("13", "25");
    client
        .send(format!("GET /sub HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n{newer}\r\n\r\n"));
    let answer = client.answer();
    assert_eq!((answer.status, answer.header("sec-websocket-version")), (426, Some("13")), "{}", answer.head);
    assert_eq!((answer.header("upgrade"), answer.header("connection")), (Some("websocket"), Some("upgrade")));
    assert_eq!(answer.text(), "of WebSockets only version 13 is understood here\n");
    // Nothing becomes a WebSocket over HTTP/1.0: it is a stream as any other.
    let mut old = server.connect();
    old.send(format!("GET /sub HTTP/1.0\r\nconnection: upgrade\r\nupgrade: websocket\r\n{right}\r\n\r\n"));
    assert!(old.head().starts_with("HTTP/1.1 200 "));
    drop(old);
    let asked = format!(
        "GET /sub HTTP/1.1\r\nhost: x\r\nconnection: keep-alive, Upgrade\r\nupgrade: WebSocket\r\n{right}\r\n\r\n"
    );
    client.send(&asked);
    assert!(client.head().starts_with("HTTP/1.1 101 "));
    // What is no frame ends with the number that says why.
    client.send(b"\x81\x02hi");
    assert_eq!(client.rest(), b"\x88\x02\x03\xea");
    // So does one that is too long, though most of it comes when all is said.
    let mut long = server.connect();
    long.send(&asked);
    assert!(long.head().starts_with("HTTP/1.1 101 "));
    let frame = [&b"\x81\xff"[..], &70_000_u64.to_be_bytes(), b"mask", &[b'x'; 70_000]].concat();
    long.send(frame);
    // A reset, as there was more to read, may overtake what was said.
    let said = long.rest();
    assert!([&b""[..], b"\x88\x02\x03\xf1"].contains(&&said[..]), "{said:?}");
    until("its place is free", || server.get("/stats").starts_with("Active connections: 0\n").then_some(()));
    assert_eq!(server.counter("Total connections"), 3);
}

#[test]
fn bodies_beyond_the_shared_budget_are_503() {
    let servers = both(&["--max-body-bytes=100000", "--max-buffered-bytes=100000"]);
    for server in &servers {
        let mut first = server.connect();
        first.send(post("content-length: 90000"));
        first.send(vec![b'x'; 80_000]);
        let refused = until("the first body to take the budget", || {
            let mut second = server.connect();
            second.try_send(post("content-length: 50000").as_bytes());
            second.try_send(&vec![b'y'; 50_000]);
            let answer = second.answer();
            // Before the first body has arrived, the second one is simply taken.
            (answer.status == 503).then_some(answer)
        });
        assert_eq!(refused.header("retry-after"), Some("1"));
        assert_eq!(refused.header("connection"), Some("close"));
        assert_eq!(refused.text(), "the limit max-buffered-bytes 100000 is reached\n");
        first.send([b'x'; 10_000]);
        assert_eq!(first.answer().status, if server.process.stdout().contains("/pub") { 200 } else { 404 });
        let target = if server.process.stdout().contains("/pub") { "/pub" } else { "/put" };
        assert_eq!(first.post(target, [b'z'; 90_000]).status, 200, "what was taken is given back");
    }
}

#[test]
fn an_answer_that_is_too_long_for_now_is_503() {
    let server = Server::everything(["--max-body-bytes=18000", "--max-buffered-bytes=20000"]);
    let mut client = server.connect();
    for number in 0..60 {
        client.post(&format!("/put?queue=queue{number}"), "x");
    }
    let answer = client.get("/queues");
    let line = "the limit max-buffered-bytes 20000 is reached: this answer is too long for now";
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    assert_eq!(answer.text(), format!("{line}\n"));
    client.send("GET /queues HTTP/1.1\r\nhost: x\r\naccept: application/json\r\n\r\n");
    let answer = client.answer();
    assert_eq!((answer.status, answer.header("content-type")), (503, Some("application/problem+json")));
    let said = format!(
        "{{\"type\":\"urn:streamgauge:problem:busy\",\"status\":503,\"detail\":\"{line}\",\
         \"limit\":\"max-buffered-bytes\",\"value\":20000}}\n"
    );
    assert_eq!(answer.text(), said);
}

#[test]
fn a_dump_can_not_pass_for_an_answer_of_the_server() {
    let server = Server::start("simplequeue", [""; 0]);
    let mut client = server.connect();
    // The second piece of the dump begins with what looks like a refusal that the server would put into words.
    let filler = vec![b'x'; (64 << 10) - 1];
    client.post("/put", &filler);
    client.post("/put", "HTTP/1.1 400 Bad Request");
    for version in ["1.0", "1.1"] {
        let mut client = server.connect();
        client.send(format!("GET /dump HTTP/{version}\r\nhost: x\r\n\r\n"));
        let mut body = client.answer().body;
        if version == "1.0" {
            body = client.rest();
        }
        let expected = [&filler[..], b"\nHTTP/1.1 400 Bad Request\n"].concat();
        assert!(
            body == expected,
            "HTTP/{version}: {} bytes, the end is {:?}",
            body.len(),
            String::from_utf8_lossy(&body[body.len().saturating_sub(80)..])
        );
    }
}
