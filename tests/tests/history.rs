//! Topics that are longer than memory: their messages are told from the disk.

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use streamgauge_core::time::Time;
use streamgauge_core::wire::units::Rfc3339;
use streamgauge_tests::client::Client;
use streamgauge_tests::kept::{self, bytes_in, damage, data, killed, log_with};
use streamgauge_tests::process::Server;
use streamgauge_tests::wait::until_within;
use tempfile::TempDir;

/// A server with little memory that keeps what it has in a folder.
fn serve(folder: &Path, more: &[&str]) -> Server {
    let little = ["--memory", "64MiB", "--log-bytes", "4MiB", "--queue-bytes", "4MiB", "--max-body-bytes", "1MiB"];
    kept::serve(folder, &[&little, more].concat())
}

/// Makes a topic that keeps so many bytes.
fn make(server: &Server, topic: &str, settings: &str) {
    let length = settings.len();
    let mut client = server.connect();
    client.send(format!("PUT /topics/{topic} HTTP/1.1\r\nHost: t\r\nContent-Length: {length}\r\n\r\n{settings}"));
    assert_eq!(client.answer().status, 201);
}

/// The message of a number, of about a thousand bytes.
fn message(number: u64) -> String {
    format!("{number:09}{}", "x".repeat(900 + (number % 200) as usize))
}

const BATCH: u64 = 500;

/// Publishes messages, some at a time.
fn publish(server: &Server, topic: &str, numbers: Range<u64>) {
    let mut client = server.connect();
    for first in numbers.clone().step_by(BATCH as usize) {
        let body: Vec<_> = (first..numbers.end.min(first + BATCH)).map(message).collect();
        // Where the disk has no room at once there is some after the next checkpoint.
        until_within(Duration::from_secs(10), "it is published", || {
            let answer = client.post(&format!("/pub?topic={topic}"), body.join("\n"));
            assert!(matches!(answer.status, 200 | 507), "{}", answer.head);
            (answer.status == 200).then_some(())
        });
    }
}

/// All that a subscription tells that ends by itself, without the head.
fn told(server: &Server, target: &str) -> (String, String) {
    let mut client = server.connect();
    client.send(format!("GET /sub?follow=0&{target} HTTP/1.0\r\n\r\n"));
    let head = client.head();
    let text = String::from_utf8(client.rest()).expect("messages are text");
    // Lines begin with an empty one.
    (head, text.trim_start().to_owned())
}

fn is_all(lines: &str, numbers: Range<u64>) {
    let mut lines = lines.lines();
    for number in numbers {
        let line = lines.next().unwrap_or_else(|| panic!("{number} is missing"));
        assert!(line == message(number), "{number} is to come, and {} came", line.get(..9).unwrap_or(line));
    }
    assert_eq!(lines.next(), None);
}

/// The events of a text, and the gaps between them.
fn events(text: &str) -> Vec<(u64, String)> {
    let mut all = Vec::new();
    for event in text.split("\n\n").filter(|event| event.contains("id: ")) {
        let member = |start| event.lines().find_map(|line| line.strip_prefix(start)).expect("a member").to_owned();
        all.push((member("id: ").parse().expect("a number"), member("data: ")));
    }
    all
}

/// A counter of a topic.
fn counter(server: &Server, topic: &str, name: &str) -> u64 {
    let text = server.get(&format!("/topics/{topic}"));
    let rest = text.split_once(&format!("\"{name}\":")).unwrap_or_else(|| panic!("no {name} in {text}")).1;
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().expect("a number")
}

fn now() -> Rfc3339 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    Rfc3339(Time::ZERO.after(since))
}

#[test]
fn what_is_longer_than_memory_is_told_from_the_disk() {
    const ALL: u64 = 50_000;
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &[]);
    make(&server, "long", r#"{"bytes":209715200}"#);
    publish(&server, "long", 0..20_000);
    thread::sleep(Duration::from_millis(20));
    let middle = now();
    thread::sleep(Duration::from_millis(20));
    publish(&server, "long", 20_000..ALL);
    let look = |server: &Server| {
        let counters = ["messages", "bytes", "first", "next"].map(|name| counter(server, "long", name));
        assert_eq!((counters[0], counters[3] - counters[2]), (ALL, ALL));
        assert!(counters[1] > 48_000_000, "{counters:?}");
        let (head, lines) = told(server, "topic=long&multipart=0&from=first");
        assert!(!head.contains("x-pubsub-gap"), "{head}");
        is_all(&lines, 0..ALL);
        counters[2]
    };
    let first = look(&server);
    assert_eq!(server.stop(), 0);

    let server = serve(folder.path(), &[]);
    assert!(server.process.peak_memory().is_none_or(|bytes| bytes < 80 << 20), "it is in memory");
    assert_eq!(look(&server), first);
    let (_, text) = told(&server, "topic=long&format=sse&from=first");
    let all = events(&text);
    assert!(all.iter().map(|(number, _)| *number).eq(first..first + ALL), "each has its number");
    let (_, lines) = told(&server, &format!("topic=long&multipart=0&from={}", first + 777));
    is_all(&lines, 777..ALL);
    let (_, text) = told(&server, &format!("topic=long&format=sse&last_event_id={}&limit=5", first + 30_000));
    assert_eq!(events(&text), (30_001..30_006).map(|number| (first + number, message(number))).collect::<Vec<_>>());
    let (_, lines) = told(&server, &format!("topic=long&multipart=0&from={middle}&limit=3"));
    is_all(&lines, 20_000..20_003);
}

#[test]
fn who_reads_what_was_goes_on_with_what_comes() {
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &[]);
    make(&server, "long", r#"{"bytes":209715200}"#);
    publish(&server, "long", 0..20_000);
    killed(server);
    let server = serve(folder.path(), &[]);
    let (is_over, count) = (AtomicBool::new(false), AtomicU64::new(20_000));
    thread::scope(|scope| {
        scope.spawn(|| {
            // As long as somebody is behind, and then some more.
            let begun = Instant::now();
            while !is_over.load(Ordering::Relaxed) && begun.elapsed() < Duration::from_secs(40) {
                let first = count.fetch_add(10, Ordering::Relaxed);
                publish(&server, "long", first..first + 10);
                thread::sleep(Duration::from_millis(1));
            }
        });
        let readers: Vec<_> = ["", "&policy=skip&max_lag=8MiB"]
            .iter()
            .map(|plan| {
                let mut client = server.connect();
                client.send(format!("GET /sub?topic=long&multipart=0&from=first{plan} HTTP/1.0\r\n\r\n"));
                scope.spawn(move || {
                    client.head();
                    assert_eq!(client.take(2), b"\r\n");
                    for number in 0..24_000 {
                        let line = client.take(message(number).len() + 1);
                        let line = String::from_utf8_lossy(&line);
                        assert!(line.strip_suffix('\n') == Some(&message(number)), "{number} is to come: {line}");
                    }
                    client
                })
            })
            .collect();
        let mut clients: Vec<_> = readers.into_iter().map(|reader| reader.join().expect("all of it")).collect();
        is_over.store(true, Ordering::Relaxed);
        until_within(Duration::from_secs(20), "nobody lags", || {
            let told = server.get("/clients?topic=long&format=json");
            let lags: Vec<_> = told.match_indices("\"lag_messages\":0,").collect();
            clients.iter_mut().for_each(|client| drop(client.so_far(Duration::from_millis(50))));
            (lags.len() == 2).then_some(())
        });
        let told = server.get("/clients?topic=long&format=json");
        let next = count.load(Ordering::Relaxed);
        assert_eq!(told.matches(&format!("\"published\":{next},\"sent\":{next},")).count(), 2, "{told}");
        publish(&server, "long", next..next + 1);
        for client in &mut clients {
            assert_eq!(client.take(message(next).len()), message(next).as_bytes());
        }
    });
}

#[test]
fn who_was_cut_off_by_a_kill_goes_on_behind_what_it_saw() {
    let folder = TempDir::new().unwrap();
    let mut server = serve(folder.path(), &[]);
    make(&server, "long", r#"{"bytes":209715200}"#);
    let mut got: Vec<(u64, String)> = Vec::new();
    let mut published = 0;
    for round in 0..4 {
        publish(&server, "long", published..published + 5_000);
        published += 5_000;
        let from = got.last().map_or("from=first".to_owned(), |(id, _)| format!("last_event_id={id}"));
        let mut client = server.connect();
        client.send(format!("GET /sub?topic=long&format=sse&{from} HTTP/1.0\r\n\r\n"));
        client.head();
        // It is cut off in the middle of something.
        let some = client.take(1_500_000 + round * 777);
        killed(server);
        let text = String::from_utf8(some).expect("text");
        let whole = text.rfind("\n\n").map_or(0, |end| end + 2);
        assert!(!text.contains("event: gap"));
        got.extend(events(&text[..whole]));
        server = serve(folder.path(), &[]);
    }
    let (_, rest) = told(&server, &format!("topic=long&format=sse&last_event_id={}", got.last().unwrap().0));
    got.extend(events(&rest));
    let first = got[0].0;
    let expected = (0..published).map(|number| (first + number, message(number)));
    assert!(got.into_iter().eq(expected), "each once and in order");
}

#[test]
fn a_websocket_is_told_what_was_too() {
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &[]);
    publish(&server, "short", 0..300);
    assert_eq!(server.stop(), 0);
    let server = serve(folder.path(), &[]);
    let mut client = server.connect();
    client.send(
        "GET /sub?topic=short&from=first HTTP/1.1\r\nHost: t\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    );
    assert!(client.head().starts_with("HTTP/1.1 101"));
    publish(&server, "short", 300..400);
    for number in 0..400 {
        let head = client.take(4);
        assert_eq!(head[..2], [0x81, 126]);
        let len = u16::from_be_bytes([head[2], head[3]]);
        assert!(client.take(len.into()) == message(number).as_bytes(), "{number} is to come");
    }
}

#[test]
fn what_is_too_old_is_not_told() {
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &[]);
    make(&server, "aging", r#"{"bytes":10000000,"max_age":"5s"}"#);
    publish(&server, "aging", 0..100);
    assert_eq!(server.stop(), 0);
    let server = serve(folder.path(), &[]);
    thread::sleep(Duration::from_millis(5_100));
    publish(&server, "aging", 100..150);
    let (head, lines) = told(&server, "topic=aging&multipart=0&from=first");
    is_all(&lines, 100..150);
    assert!(head.contains("x-pubsub-gap: 100\r\n"), "{head}");
    let (_, text) = told(&server, "topic=aging&format=sse&from=first");
    assert!(text.contains("event: gap\ndata: 100\n\n"), "{}", &text[..200]);
}

#[test]
fn what_leaves_gives_its_room_back_and_a_topic_never_fills_the_disk() {
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &["--disk", "128MiB"]);
    // More than there may be.
    make(&server, "greedy", r#"{"bytes":1073741824}"#);
    make(&server, "modest", r#"{"bytes":10000000}"#);
    let mut next = 0;
    while next < 240_000 {
        publish(&server, "greedy", next..next + 10_000);
        publish(&server, "modest", next..next + 2_000);
        next += 10_000;
    }
    assert!(bytes_in(folder.path()) <= 128 << 20);
    let kept = |server: &Server| ["greedy", "modest"].map(|topic| counter(server, topic, "bytes"));
    let before = kept(&server);
    assert!(before[0] > 20 << 20 && before[1] >= 8_000_000, "{before:?}");
    killed(server);
    let server = serve(folder.path(), &["--disk", "128MiB"]);
    let (_, text) = told(&server, "topic=greedy&format=sse&from=first");
    let all = events(&text);
    assert!(all.len() > 20_000 && all.windows(2).all(|two| two[1].0 == two[0].0 + 1));
    assert_eq!(all.last().unwrap().1, message(239_999));
}

#[test]
fn what_a_slow_topic_keeps_stays_beside_a_busy_queue() {
    const ALL: u64 = 300;
    let folder = TempDir::new().unwrap();
    let serve = || serve(folder.path(), &["--disk", "128MiB"]);
    let slow = |number: u64| format!("{number}{}", ".".repeat((number % 90) as usize));
    let is_whole = |server: &Server, first: u64| {
        let (head, text) = told(server, "topic=slow&format=sse&from=first");
        assert!(!head.contains("x-pubsub-gap") && !text.contains("event: gap"), "{head}{text}");
        let all = events(&text);
        let expected = (0..).map(|number| (first + number, slow(number)));
        assert!(all.iter().cloned().eq(expected.take(all.len())), "each once, in order, under its number");
        all.len() as u64
    };
    let item = "x".repeat(1_000_000);
    let accepted = |client: &mut Client, target: &str, body: &str| {
        until_within(Duration::from_secs(10), "it is accepted", || {
            let answer = client.post(target, body);
            assert!(matches!(answer.status, 200 | 507), "{}", answer.head);
            (answer.status == 200).then_some(())
        });
    };
    let mut server = serve();
    make(&server, "slow", r#"{"bytes":10000000}"#);
    let first = counter(&server, "slow", "next");
    for begin in (0..ALL).step_by(100) {
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let begun = Instant::now();
                while !is_over.load(Ordering::Relaxed) && begun.elapsed() < Duration::from_secs(60) {
                    assert!(is_whole(&server, first) >= begin, "nothing is missing while it is told again");
                }
            });
            let mut client = server.connect();
            for number in begin..begin + 100 {
                accepted(&mut client, "/pub?topic=slow", &slow(number));
                for _ in 0..2 {
                    accepted(&mut client, "/put?queue=busy", &item);
                    assert_eq!(client.get("/get?queue=busy").body.len(), item.len());
                }
            }
            is_over.store(true, Ordering::Relaxed);
        });
        assert!(bytes_in(folder.path()) <= 128 << 20);
        killed(server);
        server = serve();
        assert_eq!(is_whole(&server, first), begin + 100);
    }
    assert_eq!(server.stop(), 0);
    let (code, said) = data("check", folder.path(), &[]);
    assert_eq!(code, 0, "{said}");
    let server = serve();
    assert_eq!(is_whole(&server, first), ALL);
}

#[test]
fn who_reads_what_was_takes_memory_and_is_refused_where_there_is_none() {
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &[]);
    publish(&server, "t", 0..3_000);
    assert_eq!(server.stop(), 0);
    let server = serve(folder.path(), &[]);
    // They take their time, and stay where they are.
    let mut slow: Vec<Client> = Vec::new();
    let refused = loop {
        let mut client = server.connect();
        client.send("GET /sub?topic=t&from=first&speed=0.001 HTTP/1.1\r\nHost: t\r\n\r\n");
        let head = client.head();
        if !head.starts_with("HTTP/1.1 200") {
            break head;
        }
        slow.push(client);
        assert!(slow.len() < 100);
    };
    assert!(refused.starts_with("HTTP/1.1 507"), "{refused}");
    assert!(slow.len() > 5, "{}", slow.len());
    drop(slow);
    until_within(Duration::from_secs(10), "the room is there again", || {
        let (head, lines) = told(&server, "topic=t&from=first&multipart=0");
        head.starts_with("HTTP/1.1 200").then(|| is_all(&lines, 0..3_000))
    });
}

#[test]
fn what_is_damaged_is_told_as_missing_and_the_server_goes_on() {
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &[]);
    publish(&server, "t", 0..3_000);
    assert_eq!(server.stop(), 0);
    let path = log_with(folder.path(), "000001234");
    damage(&path, "000001234");
    let server = serve(folder.path(), &["--enable-logging"]);
    let (_, text) = told(&server, "topic=t&format=sse&from=first");
    let numbers: Vec<_> = events(&text).iter().map(|(_, data)| data[..9].parse::<u64>().unwrap()).collect();
    // The batch that it was published with.
    assert!(numbers.iter().copied().eq((0..1_000).chain(1_500..3_000)), "{} messages", numbers.len());
    assert!(text.contains("event: gap\ndata: 500\n\n"));
    let ids: Vec<_> = events(&text).iter().map(|(id, _)| *id).collect();
    assert_eq!(ids[1_000] - ids[999], 501);
    // Who goes on for ever has no plan of its own.
    let mut client = server.connect();
    client.send("GET /sub?topic=t&format=sse&from=first HTTP/1.0\r\n\r\n");
    let told = String::from_utf8(client.take_to(b"event: gap\ndata: 500\n\n")).expect("text");
    assert_eq!(events(&told).len(), 1_000);
    let (said, file) = (server.complaints(), path.file_name().unwrap().to_str().unwrap());
    assert!(said.contains(file) && said.contains("can't be read"), "{said}");
    drop(client);
    let (code, said) = data("check", folder.path(), &[]);
    assert_eq!(code, 1);
    let line = said.lines().find(|line| line.starts_with("messages ")).expect("a line of it");
    assert!(line.contains(file) && line.contains("bytes are not what was written"), "{said}");
    assert!(said.contains("a server starts, and says what is missing"), "{said}");
}

#[test]
fn a_repair_keeps_what_topics_had() {
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &[]);
    publish(&server, "t", 0..3_000);
    assert_eq!(server.stop(), 0);
    let server = serve(folder.path(), &[]);
    publish(&server, "t", 3_000..6_000);
    killed(server);
    // A batch that came after the checkpoint.
    damage(&log_with(folder.path(), "000004234"), "000004234");
    let (code, said) = data("repair", folder.path(), &["--yes"]);
    assert_eq!(code, 0, "{said}");
    for _ in 0..2 {
        let server = serve(folder.path(), &[]);
        let (_, lines) = told(&server, "topic=t&multipart=0&from=first");
        let numbers: Vec<u64> = lines.lines().map(|line| line[..9].parse().expect("a number")).collect();
        assert!(numbers.iter().copied().eq((0..4_000).chain(4_500..6_000)), "{} messages", numbers.len());
        assert_eq!(server.stop(), 0);
    }
}
