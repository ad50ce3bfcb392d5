//! Nobody is told of what is not on the disk: not who asked for it, and no subscriber.

use std::thread;
use std::time::Duration;

use streamgauge_tests::client::Client;
use streamgauge_tests::kept::{killed, serve};
use streamgauge_tests::mounted::{Frozen, Mounted};
use streamgauge_tests::process::Server;
use tempfile::TempDir;

/// What README says that an answer to it means that it is on the disk.
const VERBS: [&str; 10] = [
    "POST /pub?topic=news",
    "POST /put?queue=jobs",
    "POST /mput?queue=jobs",
    "GET /get?queue=there",
    "GET /get?queue=there&lease=600",
    "POST /ack?queue=lent&lease=",
    "POST /nack?queue=lent&lease=",
    "PUT /topics/",
    "PUT /queues/",
    "DELETE /queues/",
];

/// What has to be there for any of these, and each as often as is said.
fn prepare(server: &Server, times: usize) -> Vec<Vec<String>> {
    let mut client = server.connect();
    for number in 0..2 * times {
        assert_eq!(client.post("/put?queue=there", "x").status, 200);
        assert_eq!(client.post("/put?queue=lent", "x").status, 200);
        assert_eq!(client.put(&format!("/queues/old{number}"), "{}").status, 201);
    }
    let mut token = || client.get("/get?queue=lent&lease=600").header("x-lease").expect("a token").to_owned();
    let ask = |verb: &str, number: usize, token: String| match verb.rsplit_once(['=', '/']) {
        Some((_, "")) if verb.ends_with('=') => format!("{verb}{token}"),
        Some((_, "")) if verb.starts_with("DELETE") => format!("{verb}old{number}"),
        Some((_, "")) => format!("{verb}new{number}"),
        _ => verb.to_owned(),
    };
    let of = |verb: &str, token: &mut dyn FnMut() -> String| {
        (0..times).map(|number| ask(verb, number, if verb.ends_with('=') { token() } else { String::new() })).collect()
    };
    VERBS.iter().map(|verb| of(verb, &mut token)).collect()
}

fn send(client: &mut Client, request: &str) {
    let body = if request.starts_with("PUT") { "{}" } else { "x" };
    let body = if request.starts_with("POST /p") || request.starts_with("POST /m") || body == "{}" { body } else { "" };
    client.send(format!("{request} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}", body.len()));
}

#[test]
fn who_asks_and_who_subscribes_hears_nothing_while_the_disk_hangs() {
    let image = TempDir::new().unwrap();
    let Some(disk) = Mounted::on_disk(image.path()) else { return };
    let server = serve(&disk.data(), &["--disk=128MiB"]);
    let requests: Vec<_> = prepare(&server, 1).concat();
    let mut subscriber = server.connect();
    subscriber.send("GET /sub?topic=news&multipart=0 HTTP/1.0\r\nhost: localhost\r\n\r\n");
    subscriber.head();
    assert_eq!(subscriber.take(2), b"\r\n");
    // The first time it holds up all of the server; from then on only who waits for it.
    let mut first = server.connect();
    let frozen = Frozen::new(&disk);
    send(&mut first, "POST /put?queue=jobs");
    thread::sleep(Duration::from_millis(1_500));
    drop(frozen);
    assert_eq!(first.answer().status, 200);

    let frozen = Frozen::new(&disk);
    let mut asked: Vec<_> = requests.iter().map(|request| (request, server.connect())).collect();
    asked.iter_mut().for_each(|(request, client)| send(client, request));
    thread::sleep(Duration::from_millis(700));
    assert_eq!(server.connect().get("/livez").status, 200, "it serves");
    for (request, client) in &mut asked {
        assert!(!client.has_more_within(Duration::from_millis(10)), "{request} is answered");
    }
    assert!(!subscriber.has_more_within(Duration::from_millis(10)), "the subscriber is told");
    drop(frozen);
    for (request, client) in &mut asked {
        let answer = client.answer();
        assert!(matches!(answer.status, 200 | 201), "{request}: {}", answer.head);
    }
    assert_eq!(subscriber.take(2), b"x\n");
}

/// How often the log was synced.
fn syncs(server: &Server) -> u64 {
    let metrics = server.get("/metrics");
    let count = metrics.lines().find_map(|line| line.strip_prefix("streamgauge_disk_sync_seconds_count "));
    count.and_then(|count| count.trim().parse().ok()).unwrap_or_else(|| panic!("{metrics}"))
}

#[test]
fn who_asks_for_one_thing_after_another_is_answered_after_as_many_syncs() {
    const TIMES: usize = 5;
    let folder = TempDir::new().unwrap();
    for sync in ["always", "interval:1h"] {
        let server = serve(&folder.path().join(&sync[..3]), &["--sync", sync]);
        let mut client = server.connect();
        for (verb, requests) in VERBS.iter().zip(prepare(&server, TIMES)) {
            let before = syncs(&server);
            for request in requests {
                send(&mut client, &request);
                let answer = client.answer();
                assert!(matches!(answer.status, 200 | 201), "{request}: {}", answer.head);
            }
            let more = syncs(&server) - before;
            // Files that are made ahead are synced by themselves.
            assert_eq!(more >= TIMES as u64, sync == "always", "{sync}: {more} syncs for {TIMES} times {verb}");
        }
        killed(server);
    }
}
