//! Queues that are longer than memory: what they hold is on the disk, and their places alone are in memory.

use std::fs;
use std::time::Duration;

use streamgauge_tests::client::Client;
use streamgauge_tests::kept::{bytes_in, damage, data, killed, log_with, logs, serve, text};
use streamgauge_tests::process::Server;
use streamgauge_tests::wait::until_within;
use tempfile::TempDir;

/// An item of 1,000 bytes, of that number.
fn item(number: u64) -> String {
    format!("{number:08}{}", "x".repeat(992))
}

/// Puts so many items, some at a time.
fn put(client: &mut Client, queue: &str, numbers: std::ops::Range<u64>) {
    let numbers: Vec<_> = numbers.collect();
    for some in numbers.chunks(4_000) {
        let body: Vec<_> = some.iter().map(|number| item(*number)).collect();
        let answer = client.post(&format!("/mput?queue={queue}"), body.join("\n"));
        assert_eq!((answer.status, answer.text().as_str()), (200, ""));
    }
}

/// Gets so many items, and looks whether they are those.
fn get(client: &mut Client, queue: &str, numbers: std::ops::Range<u64>) {
    let mut next = numbers.start;
    while next < numbers.end {
        let items = (numbers.end - next).min(3_000);
        let answer = client.get(&format!("/mget?queue={queue}&items={items}"));
        let got = answer.text();
        assert_eq!(got.lines().count() as u64, items, "all that were asked for, wherever they are");
        for line in got.lines() {
            assert!(line == item(next), "{next}: {line}");
            next += 1;
        }
    }
}

/// What a server may have in memory beside the places of items: what was added of late, bodies and answers on their way.
const MEMORY: u64 = 160 << 20;

fn is_small(server: &Server) {
    let most = server.process.peak_memory().unwrap_or_default();
    assert!(most < MEMORY, "{most} bytes");
}

#[test]
fn a_queue_is_longer_than_memory_and_room_comes_back_around_what_stays() {
    let folder = TempDir::new().unwrap();
    let limits = ["--memory", "48MiB", "--log-bytes", "10MiB", "--disk", "384MiB"];
    let mut server = serve(folder.path(), &limits);
    let made = server.connect().put("/queues/long", r#"{"bytes":"300MiB","overflow":"reject"}"#);
    assert_eq!(made.status, 201);
    server.connect().post("/put?queue=long", item(0));
    assert_eq!(server.get("/get?queue=long&lease=900"), item(0), "it is never acknowledged");
    let mut begin = 1;
    // More than the disk has, in turns that are more than memory has.
    for turn in 0..5 {
        let end = begin + 100_000;
        let mut client = server.connect();
        put(&mut client, "long", begin..end);
        let stats = server.get("/stats?queue=long&format=json");
        assert!(stats.contains(r#""ready":100000"#) && stats.contains(r#""leased":1"#), "{stats}");
        get(&mut client, "long", begin..begin + 5_000);
        if turn % 2 == 0 {
            is_small(&server);
            killed(server);
            server = serve(folder.path(), &limits);
            client = server.connect();
        }
        get(&mut client, "long", begin + 5_000..end);
        is_small(&server);
        assert!(bytes_in(folder.path()) <= 384 << 20);
        begin = end;
    }
    assert_eq!(server.get("/get?queue=long"), "");
    let leased = server.get("/peek?queue=long&state=leased");
    assert!(leased.contains(&item(0)), "{leased}");
}

/// What it takes of memory for each item is not there; the limits of the queue are far away.
#[test]
fn a_queue_that_memory_has_no_room_for_says_so() {
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &["--memory", "48MiB", "--log-bytes", "10MiB"]);
    let mut client = server.connect();
    assert_eq!(client.put("/queues/long", r#"{"bytes":"300MiB"}"#).status, 201);
    let items = vec!["x".repeat(48); 50_000].join("\n");
    let refused = (0..40).map(|_| client.post("/mput?queue=long", &items)).find(|answer| answer.status != 200);
    let refused = refused.expect("memory has an end");
    assert_eq!(refused.status, 507);
    let text = refused.text();
    assert!(text.contains("the budget memory 50331648"), "{text}");
    assert!(server.get("/readyz").contains("memory"), "{}", server.get("/readyz"));
    assert!(server.get("/stats?queue=long&format=json").contains(r#""refused":50000"#));
    assert_eq!(client.get("/get?queue=long").text(), "x".repeat(48));
}

/// Each of them would hold a file of its own, and all of them more than there is.
#[test]
fn what_stays_for_long_does_not_hold_the_disk() {
    let folder = TempDir::new().unwrap();
    let limits = ["--disk", "160MiB"];
    let mut server = serve(folder.path(), &limits);
    assert_eq!(server.connect().put("/queues/long", r#"{"bytes":"100MiB","overflow":"reject"}"#).status, 201);
    const STAY: u64 = 16;
    for stays in 0..STAY {
        let mut client = server.connect();
        assert_eq!(client.post("/put?queue=stay", item(stays)).status, 200);
        assert_eq!(client.get("/get?queue=stay&lease=900").text(), item(stays));
        put(&mut client, "long", 0..20_000);
        get(&mut client, "long", 0..20_000);
        if stays == STAY / 2 {
            killed(server);
            server = serve(folder.path(), &limits);
        }
    }
    assert!(bytes_in(folder.path()) <= 160 << 20);
    killed(server);
    let server = serve(folder.path(), &limits);
    let leased = server.get(&format!("/peek?queue=stay&state=leased&items={STAY}"));
    for stays in 0..STAY {
        assert!(leased.contains(&item(stays)), "{stays}: {}", leased.len());
    }
}

#[test]
fn an_item_that_the_disk_has_lost_is_named_and_only_that_is_lost() {
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &[]);
    for number in 0..5 {
        assert_eq!(server.connect().post("/put?queue=jobs", item(number)).status, 200);
    }
    // A start reads the checkpoint, and not what lies before it.
    assert_eq!(server.stop(), 0);
    let at = damage(&logs(folder.path())[0], &item(2));
    let (code, said) = data("check", folder.path(), &[]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("an entry with 1 items of queue jobs is not what was written"), "{said}");
    assert!(said.contains("a server starts"), "{said}");
    let (code, said) = data("dump", folder.path(), &["--items"]);
    let lines = |what: &str| said.lines().filter(|line| line.contains(what)).count();
    assert_eq!((code, lines(r#""queue":"jobs","items":1"#), lines(&"x".repeat(992))), (1, 1, 4), "{said}");

    let server = serve(folder.path(), &[]);
    let mut client = server.connect();
    for number in [0, 1, 3, 4] {
        assert_eq!(client.get("/get?queue=jobs").text(), item(number));
    }
    assert!(server.get("/stats?queue=jobs&format=json").contains(r#""purged":1"#));
    let said = server.complaints();
    assert!(said.contains("items are lost") && said.contains("0000000001.log at byte"), "{at}: {said}");
    assert_eq!(data("check", folder.path(), &[]).0, 0, "it is not there any more");
}

#[test]
fn a_repair_goes_on_with_what_can_be_read() {
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &[]);
    for number in 0..3 {
        server.connect().post("/put?queue=jobs", item(number));
    }
    assert_eq!(server.stop(), 0);
    let server = serve(folder.path(), &[]);
    for number in 3..6 {
        server.connect().post("/put?queue=jobs", item(number));
    }
    killed(server);
    damage(&logs(folder.path())[0], &item(1));
    damage(&log_with(folder.path(), &item(4)), &item(4));
    let (code, said) = data("repair", folder.path(), &["--yes"]);
    assert!(code == 0 && said.contains("lost: ") && said.contains("1 items of queue jobs"), "{said}");
    let server = serve(folder.path(), &[]);
    for number in [0, 2, 3, 5] {
        assert_eq!(server.get("/get?queue=jobs"), item(number), "in {}", text(folder.path()));
    }
    assert_eq!(server.get("/get?queue=jobs"), "");
}

/// What leaves a queue that is kept is handed to the overflow log as any other.
#[test]
fn what_has_to_leave_is_logged_with_its_bytes() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("overflow");
    let server = serve(&folder.path().join("data"), &["--overflow-log", text(&log), "--overflow-format", "lines"]);
    let made = server.connect().put("/queues/short", r#"{"max_depth":2}"#);
    assert_eq!(made.status, 201);
    put(&mut server.connect(), "short", 0..5);
    let expected: String = (0..3).map(|number| item(number) + "\n").collect();
    until_within(Duration::from_secs(10), "the log", || {
        let there = fs::read_to_string(&log).unwrap_or_default();
        (there == expected).then_some(())
    });
}
