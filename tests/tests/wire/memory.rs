//! The ceiling that a server prints at its start holds, whatever its subscribers do not read.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use streamgauge_tests::client::Client;
use streamgauge_tests::needs;
use streamgauge_tests::process::{Process, Server};
use streamgauge_tests::wait::until;

use crate::subscribers::WEBSOCKET;

const DEAF: u64 = 130;

/// One of them at a time: what is not read lies in the operating system's memory, which has its own limits.
static ALONE: Mutex<()> = Mutex::new(());

const BOUNDS: [&str; 6] = [
    "--log-bytes=8MiB",
    "--max-body-bytes=2MiB",
    "--max-lag-bytes=2MiB",
    "--max-subscribers=140",
    "--max-connections=180",
    "--max-buffered-bytes=2MiB",
];

/// What `--max-message-bytes` allows, nearly.
const MESSAGE: usize = 1_000_000;

const REQUESTS: [(&str, &str); 4] = [
    ("multipart", "GET /sub HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    ("lines", "GET /sub?multipart=0 HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    ("events", "GET /sub?format=sse HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    ("WebSocket", WEBSOCKET),
];

fn kicked(pubsub: SocketAddr) -> u64 {
    let stats = Client::connect(pubsub).get("/stats").text();
    let kicked = stats.lines().find_map(|line| line.strip_prefix("Kicked clients: "));
    kicked.and_then(|kicked| kicked.parse().ok()).unwrap_or_else(|| panic!("{stats}"))
}

/// Publishes to subscribers that read nothing until all of them are sent away, in the middle of a message each.
fn publish_to_the_deaf(pubsub: SocketAddr, framing: &str, request: &str) {
    let deaf: Vec<Client> = (0..DEAF)
        .map(|_| {
            let mut client = Client::connect_with_little_room(pubsub);
            client.send(request);
            client.head();
            client
        })
        .collect();
    let before = kicked(pubsub);
    let mut publisher = Client::connect(pubsub);
    for published in 0.. {
        if kicked(pubsub) == before + DEAF {
            break;
        }
        assert!(published < 30, "{framing}: {} of {DEAF} are sent away", kicked(pubsub) - before);
        assert_eq!(publisher.post("/pub", "x".repeat(MESSAGE)).status, 200);
    }
    // Whoever comes now is served.
    let mut fresh = Client::connect(pubsub);
    fresh.send("GET /sub?multipart=0 HTTP/1.1\r\nhost: localhost\r\n\r\n");
    fresh.head();
    assert_eq!(fresh.chunk().unwrap(), b"\r\n");
    publisher.post("/pub", "still here");
    assert_eq!(fresh.chunk().unwrap(), b"still here\n");
    drop(deaf);
    drop(fresh);
    until("all to be gone", || {
        let stats = Client::connect(pubsub).get("/clients").text();
        // The bridge of `serve` stays.
        (stats.lines().count() <= 1).then_some(())
    });
}

#[track_caller]
fn assert_held(process: &mut Process, line: &str) {
    let said = process.line(line);
    let promised: u64 = said.split(' ').next().and_then(|bytes| bytes.parse().ok()).expect("a number of bytes");
    let copies = DEAF * MESSAGE as u64;
    assert!(promised < copies, "{promised} bytes are promised: a copy of a message each would not be noticed");
    let peak = process.peak_memory().expect("a peak");
    assert!(peak <= promised, "{} MiB of {} MiB that were promised", peak >> 20, promised >> 20);
}

#[test]
fn who_reads_nothing_takes_no_memory_from_a_pubsub() {
    if !needs::process_status() {
        return;
    }
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for (framing, request) in REQUESTS {
        let mut server = Server::start("pubsub", BOUNDS);
        publish_to_the_deaf(server.address, framing, request);
        println!("{framing}: {} MiB", server.process.peak_memory().unwrap_or_default() >> 20);
        assert_held(&mut server.process, "memory at most ");
    }
}

#[test]
fn who_reads_nothing_takes_no_memory_from_serve() {
    if !needs::process_status() {
        return;
    }
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let own = ["serve", "--pubsub-port=0", "--queue-port=0", "--queue-bytes=4MiB", "--memory=48MiB"];
    let mut serve = Process::start("streamgauge", own.into_iter().chain(BOUNDS));
    let at = serve.line("pubsub   http://");
    let at = at.split(' ').next().and_then(|at| at.parse().ok()).expect("an address");
    for (framing, request) in REQUESTS {
        publish_to_the_deaf(at, framing, request);
        println!("{framing}: {} MiB", serve.peak_memory().unwrap_or_default() >> 20);
        assert_held(&mut serve, "memory   at most ");
    }
}

/// A topic each: what is encoded for one is not kept for every other.
#[test]
fn who_reads_nothing_takes_no_memory_on_many_topics() {
    if !needs::process_status() {
        return;
    }
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    const TOPICS: usize = 120;
    let own = ["serve", "--pubsub-port=0", "--queue-port=0", "--queue-bytes=4MiB", "--memory=200MiB", "--no-bridge"];
    let mut serve = Process::start("streamgauge", own.into_iter().chain(BOUNDS));
    let at = serve.line("pubsub   http://");
    let at = at.split(' ').next().and_then(|at| at.parse().ok()).expect("an address");
    let mut client = Client::connect(at);
    let deaf: Vec<Client> = (0..TOPICS)
        .map(|topic| {
            let settings = "{\"bytes\":1100000}";
            client.send(format!(
                "PUT /topics/t{topic} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{settings}",
                settings.len()
            ));
            assert_eq!(client.answer().status, 201);
            let mut deaf = Client::connect_with_little_room(at);
            deaf.send(format!("GET /sub?topic=t{topic}&multipart={} HTTP/1.1\r\nhost: localhost\r\n\r\n", topic % 2));
            deaf.head();
            deaf
        })
        .collect();
    for topic in 0..TOPICS {
        assert_eq!(client.post(&format!("/pub?topic=t{topic}"), "x".repeat(MESSAGE)).status, 200);
    }
    let said = serve.line("memory   at most ");
    let topics: u64 = 200 << 20;
    let promised: u64 = said.split(' ').next().and_then(|bytes| bytes.parse().ok()).expect("a number of bytes");
    // The topics' own room is there whether they are deaf or not.
    let beside = promised - topics;
    let held = TOPICS as u64 * 1_100_000 + (12 << 20);
    let peak = serve.peak_memory().expect("a peak");
    assert!(beside < TOPICS as u64 * MESSAGE as u64, "{beside} bytes beside: this test would notice nothing");
    assert!(peak <= held + beside, "{} MiB, of which {} are messages", peak >> 20, held >> 20);
    drop(deaf);
}

#[test]
fn the_limit_on_subscribers_is_one_of_all_topics() {
    let flags = ["serve", "--pubsub-port=0", "--queue-port=0", "--max-subscribers=2", "--shards=2"];
    let mut serve = Process::start("streamgauge", flags);
    let at = serve.line("pubsub   http://");
    let at = at.split(' ').next().and_then(|at| at.parse().ok()).expect("an address");
    let subscribe = |topic: &str| {
        let mut client = Client::connect(at);
        client.send(format!("GET /sub?topic={topic}&multipart=0 HTTP/1.1\r\nhost: localhost\r\n\r\n"));
        client
    };
    let mut both = ["a", "b"].map(subscribe);
    both.iter_mut().for_each(|client| assert!(client.head().starts_with("HTTP/1.1 200 ")));
    let refused = subscribe("c").answer();
    assert_eq!((refused.status, refused.text().as_str()), (503, "the limit max-subscribers 2 is reached\n"));
    drop(both);
    until("a place", || subscribe("c").head().starts_with("HTTP/1.1 200 ").then_some(()));
}
