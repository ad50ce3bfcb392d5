//! Nothing appears or is lost, whatever many clients do at the same time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use streamgauge_tests::process::Server;
use streamgauge_tests::wait::until;

const WRITERS: usize = 3;
const EACH: usize = 300;

/// `writer:number` of each line, checked to be one.
fn parse(line: &str) -> (usize, usize) {
    let (writer, number) = line.split_once(':').unwrap_or_else(|| panic!("not one of ours: {line:?}"));
    (writer.parse().expect("a writer"), number.parse().expect("a number"))
}

/// The numbers of each writer rise.
#[track_caller]
fn assert_in_order<'a>(lines: impl IntoIterator<Item = &'a str>) {
    let mut last = BTreeMap::new();
    for line in lines {
        let (writer, number) = parse(line);
        if let Some(before) = last.insert(writer, number) {
            assert!(before < number, "writer {writer}: {number} after {before}");
        }
    }
}

/// Each number of each writer is there once.
#[track_caller]
fn assert_all_once(mut lines: Vec<String>) {
    lines.sort_by_key(|line| parse(line));
    let all: Vec<_> =
        (0..WRITERS).flat_map(|writer| (0..EACH).map(move |number| format!("{writer}:{number}"))).collect();
    assert!(
        lines == all,
        "{} lines, {} expected; the first that differs: {:?}",
        lines.len(),
        all.len(),
        lines.iter().zip(&all).find(|(a, b)| a != b)
    );
}

/// Batches of a writer's lines, of growing and shrinking size.
fn batches(writer: usize) -> Vec<String> {
    let lines: Vec<_> = (0..EACH).map(|number| format!("{writer}:{number}")).collect();
    let (mut batches, mut rest, mut size) = (Vec::new(), &lines[..], 1);
    while !rest.is_empty() {
        let (batch, after) = rest.split_at(size.min(rest.len()));
        batches.push(batch.join("\n"));
        (rest, size) = (after, size % 7 + 1);
    }
    batches
}

#[test]
fn every_subscriber_gets_every_message_once_and_in_order() {
    let server = Arc::new(Server::start("pubsub", [""; 0]));
    // How many messages each reads before it leaves, and how long it waits between chunks.
    let subscribers = [(usize::MAX, 0), (usize::MAX, 0), (usize::MAX, 1), (50, 0), (200, 0)].map(|(most, pause)| {
        let mut client = server.connect();
        client.send("GET /sub?multipart=0 HTTP/1.1\r\nhost: x\r\n\r\n");
        client.head();
        assert_eq!(client.chunk().expect("the opening"), b"\r\n");
        thread::spawn(move || {
            let mut lines = Vec::new();
            while lines.len() < most {
                let Some(chunk) = client.chunk() else { break };
                let line = String::from_utf8(chunk).expect("text");
                lines.push(line.strip_suffix('\n').expect("a line").to_owned());
                thread::sleep(Duration::from_millis(pause));
            }
            lines
        })
    });
    let publishers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let server = Arc::clone(&server);
            thread::spawn(move || {
                let mut client = server.connect();
                for batch in batches(writer) {
                    let answer = client.post("/pub", &batch).text();
                    assert!(
                        answer.starts_with(&format!("Published {} messages to ", batch.lines().count())),
                        "{answer}"
                    );
                }
            })
        })
        .collect();
    publishers.into_iter().for_each(|publisher| publisher.join().expect("a publisher"));
    let total = (WRITERS * EACH) as u64;
    assert_eq!(server.counter("Messages received"), total);
    until("those who leave to be gone", || (server.counter("Active connections") == 3).then_some(()));
    assert_eq!((server.counter("Total connections"), server.counter("Kicked clients")), (5, 0));
    until("everything to be sent", || {
        // published == received + pending for each that stays; for one that left, what it was sent is between
        // what it read and all of it.
        let sent = server.counter("Messages sent");
        (3 * total + 250..=5 * total).contains(&sent).then_some(())
    });
    let server = Arc::into_inner(server).expect("all publishers are done");
    assert_eq!(server.stop(), 0);
    let read = subscribers.map(|subscriber| subscriber.join().expect("a subscriber"));
    assert_eq!(read.each_ref().map(Vec::len), [900, 900, 900, 50, 200]);
    for lines in &read {
        assert_in_order(lines.iter().map(String::as_str));
        // Everybody sees the same order over all publishers.
        assert_eq!(lines[..], read[0][..lines.len()]);
    }
    assert_all_once(read[0].clone());
}

#[test]
fn every_item_is_got_or_overflows_or_is_still_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("overflow");
    let server = Arc::new(Server::start(
        "simplequeue",
        ["--max-depth=20".to_owned(), format!("--overflow-log={}", log.display())],
    ));
    let done = Arc::new(AtomicBool::new(false));
    let getters: Vec<_> = (0..3)
        .map(|getter| {
            let (server, done) = (Arc::clone(&server), Arc::clone(&done));
            thread::spawn(move || {
                let (mut client, mut lines) = (server.connect(), Vec::new());
                let target = if getter == 0 { "/get".to_owned() } else { format!("/mget?items={}", getter * 3) };
                loop {
                    let ended = done.load(Ordering::Relaxed);
                    let text = client.get(&target).text();
                    lines.extend(text.lines().map(str::to_owned));
                    if getter == 2 {
                        thread::sleep(Duration::from_millis(2));
                    }
                    if ended {
                        return lines;
                    }
                }
            })
        })
        .collect();
    let putters: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let server = Arc::clone(&server);
            thread::spawn(move || {
                let mut client = server.connect();
                for batch in batches(writer) {
                    let answer = match batch.lines().count() {
                        1 => client.get(&format!("/put?data={batch}")),
                        2 | 3 => client.get(&format!("/mput?data={}", batch.replace('\n', "%0A"))),
                        _ => client.post("/mput", &batch),
                    };
                    assert_eq!(answer.status, 200);
                }
            })
        })
        .collect();
    putters.into_iter().for_each(|putter| putter.join().expect("a putter"));
    done.store(true, Ordering::Relaxed);
    let mut got: Vec<_> = getters.into_iter().map(|getter| getter.join().expect("a getter")).collect();
    // A few that stay.
    let left = ["left 1", "left 2"];
    let mut client = server.connect();
    got.push(client.get("/mget?items=100").text().lines().map(str::to_owned).collect());
    client.post("/mput", left.join("\n"));
    until("what left to be written", || server.get("/stats?queue=main").contains("\nunlogged:0\n").then_some(()));
    let overflow = std::fs::read_to_string(&log).expect("the overflow log");
    let counters = ["puts", "gets", "depth", "overflow"].map(|name| server.counter(name));
    let gets: usize = got.iter().map(Vec::len).sum();
    assert_eq!(counters, [902, gets as u64, 2, overflow.lines().count() as u64]);
    assert_eq!(counters[0], counters[1] + counters[2] + counters[3]);
    for lines in &got {
        assert_in_order(lines.iter().map(String::as_str));
    }
    assert_in_order(overflow.lines());
    assert_all_once(got.into_iter().flatten().chain(overflow.lines().map(str::to_owned)).collect());
    drop(client);
    assert_eq!(Arc::into_inner(server).expect("all clients are done").stop(), 0);
    assert_eq!(std::fs::read_to_string(&log).expect("the overflow log"), overflow + "left 1\nleft 2\n");
}
