//! Servers that keep what they have in a folder: killed, cut off and damaged.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use streamgauge_tests::client::Client;
use streamgauge_tests::kept::{killed, newest_log, serve, text};
use streamgauge_tests::law::lawful;
use streamgauge_tests::ports::free_address;
use streamgauge_tests::process::{Process, Server};
use streamgauge_tests::wait::{until, until_within};
use tempfile::TempDir;

#[test]
fn four_lines() {
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &[]);
    assert_eq!(server.get("/put?data=H3110"), "");
    killed(server);
    let server = serve(folder.path(), &[]);
    assert_eq!(server.get("/get"), "H3110");
}

#[test]
fn who_subscribes_while_messages_are_not_safe_yet_waits_for_the_next_and_holds_nobody_up() {
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &[]);
    let (is_over, published) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut client = server.connect();
                while !is_over.load(Ordering::Relaxed) {
                    assert_eq!(client.post("/pub?topic=t", "x").status, 200);
                    published.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(2) {
            let mut subscriber = server.connect();
            subscriber.send("GET /sub?topic=t&multipart=0 HTTP/1.0\r\nhost: localhost\r\n\r\n");
            subscriber.head();
            assert_eq!(subscriber.take(4), b"\r\nx\n");
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(published.load(Ordering::Relaxed) > 20);
    assert_eq!(server.stop(), 0);
}

/// What is not safe yet is not sent either, and a small log holds little of it.
#[test]
fn who_keeps_up_is_sent_all_that_is_published_within_a_sync() {
    const PUBLISHERS: usize = 8;
    const MESSAGES: usize = 50;
    const BYTES: usize = 40_000;
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &[]);
    assert_eq!(server.connect().put("/topics/t", r#"{"bytes":200000}"#).status, 201);
    let mut subscriber = server.connect();
    subscriber.send("GET /sub?topic=t&multipart=0 HTTP/1.0\r\nhost: localhost\r\n\r\n");
    subscriber.head();
    thread::scope(|scope| {
        for _ in 0..PUBLISHERS {
            scope.spawn(|| {
                let mut client = server.connect();
                for _ in 0..MESSAGES {
                    assert_eq!(client.post("/pub?topic=t", "x".repeat(BYTES)).status, 200);
                }
            });
        }
        assert_eq!(subscriber.take(2), b"\r\n");
        for _ in 0..PUBLISHERS * MESSAGES {
            assert!(subscriber.take(BYTES + 1) == format!("{}\n", "x".repeat(BYTES)).as_bytes());
        }
    });
    let counted = server.get("/stats?topic=t&format=json");
    assert!(counted.contains(r#""kicked":0"#), "{counted}");
}

#[test]
fn what_was_answered_is_there_after_a_kill_as_it_was() {
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &[]);
    let mut client = server.connect();
    let mut ask = |method: &str, target: &str, body: &str| {
        let length = body.len();
        client.send(format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{body}"));
        let answer = client.answer();
        assert!(answer.status < 300, "{method} {target}: {}", answer.text());
        answer.text()
    };
    ask("PUT", "/topics/clicks", r#"{"bytes":1000000,"max_age":"1h"}"#);
    ask("PUT", "/queues/jobs", r#"{"lease":"30s","max_attempts":2,"dead_letter":"dead","topic":"clicks"}"#);
    ask("PUT", "/gauges/latency", r#"{"topic":"clicks","field":"t","measure":"moments","every":"10s"}"#);
    assert_eq!(
        ask("POST", "/pub?topic=clicks&id=first", "{\"t\":1}\n{\"t\":2}"),
        "Published 2 messages to 0 clients.\n"
    );
    let lent = ask("GET", "/get?queue=jobs&lease=600", "");
    assert_eq!(lent, "{\"t\":1}");
    let token = ask("GET", "/peek?queue=jobs&state=leased", "");
    let token = token.split_once("\"until\"").map(|(_, rest)| rest.to_owned()).unwrap();
    ask("POST", "/put?queue=later&delay=3600&id=once", "not yet");
    ask("POST", "/put?queue=mixed", "a");
    ask("POST", "/mput?queue=mixed", "b\nc");
    assert_eq!(ask("GET", "/get?queue=mixed", ""), "a");
    ask("POST", "/queues/mixed/pause", "");
    let stats = |server: &Server| -> Vec<String> {
        ["jobs", "later", "mixed"]
            .iter()
            .map(|queue| server.get(&format!("/stats?queue={queue}&format=json")))
            .collect()
    };
    let (before, topics) = (stats(&server), server.get("/topics/clicks"));
    killed(server);

    let server = serve(folder.path(), &[]);
    assert_eq!(stats(&server), before);
    assert_eq!(server.get("/topics/clicks"), topics);
    let there = server.get("/peek?queue=jobs&state=leased");
    assert_eq!(there.split_once("\"until\"").unwrap().1, token, "its lease goes on as long as it was given");
    assert_eq!(server.get("/get?queue=mixed"), "", "it is paused");
    assert_eq!(server.connect().post("/put?queue=later&id=once", "again").text(), "");
    assert!(server.get("/stats?queue=later&format=json").contains(r#""duplicates":1"#));
    let repeated = server.connect().post("/pub?topic=clicks&id=first", "{\"t\":1}\n{\"t\":2}").text();
    assert_eq!(repeated, "Published 2 messages to 0 clients.\n");
    assert!(server.get("/topics/clicks").contains(r#""messages":2"#), "it was recognised");
    assert!(server.get("/gauges").contains(r#""name":"latency""#));
    let all = server.get("/sub?topic=clicks&from=first&follow=0&multipart=0");
    assert_eq!(all.trim_start(), "{\"t\":1}\n{\"t\":2}\n");
}

#[test]
fn who_is_alone_is_answered_over_the_ends_of_files() {
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &["--disk", "128MiB"]);
    let mut client = server.connect();
    let item = "x".repeat(64 << 10);
    // Until something was answered nothing may be there.
    assert_eq!(client.post("/put", "H3110").status, 200);
    assert_eq!(client.get("/get").text(), "H3110");
    let first = newest_log(folder.path());
    for _ in 0..600 {
        assert_eq!(client.post("/put", &item).status, 200);
        assert_eq!(client.get("/get").text().len(), item.len());
    }
    assert_eq!(client.post("/put", &item).status, 200);
    assert_ne!(newest_log(folder.path()), first);
    killed(server);
    let server = serve(folder.path(), &["--disk", "128MiB"]);
    assert_eq!(server.get("/get").len(), item.len());
    assert_eq!(server.get("/get"), "");
}

#[test]
fn a_subscriber_goes_on_where_it_was() {
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &[]);
    let publish = |server: &Server, message: &str| server.connect().post("/pub?topic=t", message).text();
    publish(&server, "one");
    publish(&server, "two");
    let events = |server: &Server, after: &str| server.get(&format!("/sub?topic=t&format=sse&follow=0{after}"));
    let first = events(&server, "&from=first");
    let id = first.lines().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned();
    killed(server);
    let server = serve(folder.path(), &[]);
    publish(&server, "three");
    let rest = events(&server, &format!("&last_event_id={id}"));
    let data: Vec<_> = rest.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    assert_eq!(data, ["two", "three"], "{rest}");
    assert!(!rest.contains("gap"), "{rest}");
}

#[test]
fn one_server_has_a_folder() {
    let folder = TempDir::new().unwrap();
    let _server = serve(folder.path(), &[]);
    let path = folder.path().to_str().unwrap();
    let mut second =
        Process::start("streamgauge", ["serve", "--pubsub-port", "0", "--queue-port", "0", "--data-dir", path]);
    assert_eq!(second.exit_code(), 2);
    assert!(second.stderr().contains("another server has this folder"), "{}", second.stderr());
}

/// On a full disk it may be what the next process lacks.
#[test]
fn what_had_no_name_left_has_none_again_after_a_kill() {
    let folder = TempDir::new().unwrap();
    let limits = ["--max-names", "2"];
    let server = serve(folder.path(), &limits);
    let mut client = server.connect();
    let letters = r#"{"dead_letter":"b","max_attempts":1}"#;
    assert_eq!(client.put("/queues/a", letters).status, 201);
    assert_eq!(client.post("/put?queue=a", "H3110").status, 200);
    let lent = client.get("/get?queue=a&lease=30");
    let token = lent.header("x-lease").expect("a token").to_owned();
    assert_eq!(client.post("/nack?queue=a", &token).status, 200);
    // It is to go to a queue for which there is no name.
    assert_eq!(client.put("/queues/b", "{}").status, 507);
    let law = server.get("/stats?queue=a&format=json");
    killed(server);
    let server = serve(folder.path(), &limits);
    assert_eq!(server.get("/stats?queue=a&format=json"), law);
    killed(server);
    // With more names it goes there.
    let server = serve(folder.path(), &[]);
    until("the letter", || (server.get("/get?queue=b") == "H3110").then_some(()));
}

#[test]
fn more_leases_than_have_room_in_the_log_are_some() {
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &["--disk", "128MiB", "--max-body-bytes", "4MiB", "--log-bytes", "16MiB"]);
    let mut client = server.connect();
    let items = "x\n".repeat(1_000_000);
    for _ in 0..2 {
        assert_eq!(client.post("/mput", &items).status, 200);
    }
    let lent = client.get("/mget?items=2000000&lease=30").text().lines().count();
    assert!(lent > 1_000, "{lent}");
}

#[test]
#[cfg(target_os = "linux")]
fn what_comes_much_at_a_time_is_hardly_written_twice() {
    let written = |server: &Server| {
        let io = fs::read_to_string(format!("/proc/{}/io", server.process.id())).unwrap();
        io.lines().find_map(|line| line.strip_prefix("wchar: ")?.parse::<u64>().ok()).unwrap()
    };
    let folder = TempDir::new().unwrap();
    // Files of 4 MiB.
    let server = serve(folder.path(), &["--disk", "128MiB", "--log-bytes", "16MiB"]);
    let mut client = server.connect();
    assert_eq!(client.put("/topics/t", r#"{"bytes":67108864}"#).status, 201);
    let (lines, before) = (format!("{}\n", "x".repeat(99)).repeat(10_000), written(&server));
    for _ in 0..30 {
        assert_eq!(client.post("/pub?topic=t&lines=1", &lines).status, 200);
    }
    let (given, wrote) = (30 * lines.len() as u64, written(&server) - before);
    // New files have no zeros once it is known how much comes at a time.
    assert!(wrote * 10 < given * 13, "{wrote} bytes for {given}");
}

#[test]
fn who_looks_sees_what_is_on_the_disk() {
    let folder = TempDir::new().unwrap();
    let flags = ["--disk", "256MiB"];
    let server = serve(folder.path(), &flags);
    let mut client = server.connect();
    assert_eq!(client.put("/queues/between", r#"{"bytes":33554432}"#).status, 201);
    // Between two of a queue there is as much as is read at a time, and in all more than is kept.
    let between = "x".repeat(300_000);
    for number in 0..60 {
        let item = format!("{number} {}\n", "y".repeat(100));
        for target in ["/put?queue=ready", "/put?queue=delayed&delay=3600", "/put?queue=leased"] {
            assert_eq!(client.post(target, &item).status, 200);
        }
        assert_eq!(client.post("/put?queue=between", &between).status, 200);
    }
    assert_eq!(client.get("/mget?queue=leased&items=60&lease=900").text().lines().count(), 60);
    let look = |server: &Server| {
        let mut client = server.connect();
        for _ in 0..2 {
            for state in ["ready", "delayed", "leased"] {
                let seen = client.get(&format!("/peek?queue={state}&state={state}&items=1000")).text();
                assert_eq!(seen.lines().count(), 60, "{state}");
            }
            let dumped = client.get("/dump?queue=ready").text();
            let numbers = dumped.lines().filter(|line| !line.is_empty()).map(|line| line.split(' ').next());
            assert!(
                numbers.eq((0..60).map(|number| number.to_string()).collect::<Vec<_>>().iter().map(|n| Some(&**n)))
            );
            assert_eq!(client.get("/dump?queue=between").body.len(), 60 * (between.len() + 1));
        }
        // It is the same each time.
        let some = [(); 2].map(|()| client.get("/peek?queue=between&items=1000").text().lines().count());
        assert!(some[0] == some[1] && some[0] >= 17, "{some:?}: as many as an answer holds");
    };
    look(&server);
    killed(server);
    look(&serve(folder.path(), &flags));
}

#[test]
fn what_is_said_of_main_is_so_though_it_was_there_before() {
    let folder = TempDir::new().unwrap();
    let start = |more: &[&str]| Server::bridged([&["--data-dir", text(folder.path())][..], more].concat());
    // What it does not print is known when it has ended.
    let said_bridge = |mut server: Server| {
        server.process.signal(Signal::SIGTERM);
        assert_eq!(server.process.exit_code(), 0);
        server.process.stdout().contains("bridge   every message")
    };
    let depth = |server: &Server| server.get("/queues/main");
    let mut first = start(&["--no-bridge", "--max-depth", "3", "--queue-bytes", "1MiB"]);
    assert!(depth(&first).contains(r#""max_depth":3"#));
    assert!(!said_bridge(first));
    // Nobody says anything, and it stays as it is.
    first = start(&[]);
    assert!(depth(&first).contains(r#""max_depth":3"#), "{}", depth(&first));
    first.connect().put("/queues/main", r#"{"topic":"main"}"#);
    assert!(!said_bridge(first));
    let mut server = start(&["--max-depth", "100", "--queue-bytes", "2MiB"]);
    assert!(depth(&server).contains(r#""max_depth":100"#) && depth(&server).contains(r#""bytes":1048576"#));
    let said = || server.process.stderr().contains("keeps its 1048576 bytes (streamgauge queue remove main");
    until("it is said", || said().then_some(()));
    server.connect().post("/pub", "hello");
    assert_eq!(server.get("/get"), "hello");
    assert!(said_bridge(server));
    server = start(&["--no-bridge"]);
    server.connect().post("/pub", "hello");
    assert_eq!(server.connect().get("/get").status, 200);
    assert_eq!(server.get("/get"), "");
    assert!(!said_bridge(server));
}

#[test]
fn what_was_in_the_making_when_a_process_ended_is_removed() {
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &[]);
    assert_eq!(server.get("/put?data=H3110"), "");
    killed(server);
    let left = ["checkpoint.new", "made", "rescued"].map(|name| folder.path().join(name));
    left.iter().for_each(|path| fs::write(path, [7; 5_000]).unwrap());
    let server = serve(folder.path(), &[]);
    // A server makes files of these names too.
    let is_left = |path: &PathBuf| fs::read(path).is_ok_and(|bytes| bytes.starts_with(&[7]));
    let is_gone = || (!left.iter().any(is_left)).then_some(());
    until_within(Duration::from_secs(10), "what was left is gone", is_gone);
    assert_eq!(server.get("/get"), "H3110");
}

#[test]
fn what_is_damaged_is_named_and_nothing_starts() {
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &[]);
    for number in 0..20 {
        server.get(&format!("/put?data=item-{number}"));
    }
    killed(server);
    // A bit of an item in the middle of the log, which is neither its end nor zero.
    let name = newest_log(folder.path());
    let mut file = fs::OpenOptions::new().read(true).write(true).open(&name).unwrap();
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    let at = bytes.windows(6).position(|six| six == b"item-7").unwrap();
    file.seek(SeekFrom::Start(at as u64)).unwrap();
    file.write_all(&[bytes[at] ^ 1]).unwrap();
    let path = folder.path().to_str().unwrap();
    let mut start =
        Process::start("streamgauge", ["serve", "--pubsub-port", "0", "--queue-port", "0", "--data-dir", path]);
    assert_eq!(start.exit_code(), 2);
    let (said, file) = (start.stderr(), name.file_name().unwrap().to_str().unwrap());
    assert!(said.contains(file) && said.contains("bytes are not what was written"), "{said}");
}

/// What clients of a server that is killed again and again know.
#[derive(Default)]
struct Known {
    /// Items whose put was answered.
    put: BTreeSet<String>,
    /// Items whose acknowledgement was answered.
    acked: BTreeSet<String>,
    /// Items whose acknowledgement was sent.
    asked: BTreeSet<String>,
    /// Messages whose publish was answered, by publisher, in their order.
    published: HashMap<usize, Vec<String>>,
    /// Messages that the subscriber got.
    received: Vec<String>,
}

/// One request to a server that may be gone at any time; `None` if it was not answered.
fn try_ask(port: u16, request: &str, body: &str) -> Option<(u16, String)> {
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let length = body.len();
    let head =
        format!("{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let text = String::from_utf8(answer).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    // A body that was cut off is no answer.
    if length.is_some_and(|length: usize| length != body.len()) {
        return None;
    }
    Some((head.get(9..12)?.parse().ok()?, body.to_owned()))
}

#[test]
fn nothing_answered_is_lost_by_kills_under_load() {
    let seconds = std::env::var("STREAMGAUGE_SOAK").ok().and_then(|text| text.parse().ok()).unwrap_or(15);
    let folder = TempDir::new().unwrap();
    let port = free_address().port();
    let (known, over, count) =
        (Arc::new(Mutex::new(Known::default())), Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut threads = Vec::new();
    for number in 0..3 {
        let (known, over, count) = (Arc::clone(&known), Arc::clone(&over), Arc::clone(&count));
        threads.push(thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                let item = format!("item-{}", count.fetch_add(1, Ordering::Relaxed));
                // Until somebody answers: the same id counts once.
                let is_told = |request: &str, body: &str| {
                    until_within(Duration::from_secs(60), request, || {
                        try_ask(port, request, body).filter(|(status, _)| *status == 200).map(drop)
                    });
                };
                is_told(&format!("POST /put?queue=jobs&id={item}"), &item);
                known.lock().unwrap().put.insert(item);
                let message = format!("{number}-{}", count.fetch_add(1, Ordering::Relaxed));
                is_told(&format!("POST /pub?topic=news&id={message}"), &message);
                known.lock().unwrap().published.entry(number).or_default().push(message);
            }
        }));
    }
    for _ in 0..2 {
        let (known, over) = (Arc::clone(&known), Arc::clone(&over));
        threads.push(thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                let Some((200, lent)) = try_ask(port, "GET /mget?queue=jobs&items=1&lease=3&wait=1", "") else {
                    thread::sleep(Duration::from_millis(5));
                    continue;
                };
                let member = |name: &str| {
                    let rest = lent.split_once(&format!("\"{name}\":\""))?.1;
                    Some(rest.split_once('"')?.0.to_owned())
                };
                let (Some(token), Some(item)) = (member("lease"), member("data")) else { continue };
                assert!(!known.lock().unwrap().acked.contains(&item), "{item} was acknowledged, and comes again");
                known.lock().unwrap().asked.insert(item.clone());
                if let Some((200, _)) = try_ask(port, &format!("POST /ack?queue=jobs&lease={token}"), "") {
                    known.lock().unwrap().acked.insert(item);
                }
            }
        }));
    }
    let all_published = Arc::new(AtomicBool::new(false));
    let subscriber = {
        let (known, all_published) = (Arc::clone(&known), Arc::clone(&all_published));
        thread::spawn(move || {
            let mut last = "from=first".to_owned();
            let mut quiet = 0;
            // Once more when all is over, for what is left.
            while quiet < 2 {
                quiet += u32::from(all_published.load(Ordering::Relaxed));
                let Some((200, events)) = try_ask(port, &format!("GET /sub?topic=news&format=sse&follow=0&{last}"), "")
                else {
                    thread::sleep(Duration::from_millis(5));
                    continue;
                };
                assert!(!events.contains("event: gap"), "{events}");
                // Only events that are whole: the stream may have been cut off.
                for event in events.split_inclusive("\n\n").filter(|event| event.ends_with("\n\n")) {
                    let line = |start: &str| event.lines().find_map(|line| line.strip_prefix(start).map(str::to_owned));
                    if let (Some(id), Some(data)) = (line("id: "), line("data: ")) {
                        last = format!("last_event_id={id}");
                        known.lock().unwrap().received.push(data);
                    }
                }
                thread::sleep(Duration::from_millis(20));
            }
        })
    };
    let start = || {
        let (folder, port) = (folder.path().to_str().unwrap(), port.to_string());
        let args = ["serve", "--no-bridge", "--pubsub-port", &port, "--queue-port", "0", "--data-dir", folder];
        let mut server = Process::start("streamgauge", args);
        server.line("pubsub   ");
        server
    };
    let (begun, mut kills) = (Instant::now(), 0_u64);
    let mut server = start();
    while begun.elapsed() < Duration::from_secs(seconds) {
        // Now and then in the middle of a start.
        thread::sleep(Duration::from_millis(if kills % 5 == 4 { 30 } else { 300 + kills * 53 % 900 }));
        server.signal(Signal::SIGKILL);
        server.wait();
        kills += 1;
        server = start();
    }
    over.store(true, Ordering::Relaxed);
    let ended: Vec<_> = threads.into_iter().map(thread::JoinHandle::join).collect();
    all_published.store(true, Ordering::Relaxed);
    subscriber.join().unwrap();
    ended.into_iter().for_each(|ended| ended.unwrap());

    // What is left on the queue, and on lease until that is over.
    let mut left = BTreeMap::new();
    until_within(Duration::from_secs(120), "the queue to be empty", || {
        let (_, items) = try_ask(port, "GET /mget?queue=jobs&items=1000", "")?;
        for item in items.lines() {
            *left.entry(item.to_owned()).or_insert(0) += 1;
        }
        let (_, stats) = try_ask(port, "GET /stats?queue=jobs&format=json", "")?;
        (stats.contains(r#""ready":0"#) && stats.contains(r#""leased":0"#)).then_some(())
    });
    lawful(&try_ask(port, "GET /stats?queue=jobs&format=json", "").expect("it is there").1);
    let known = known.lock().unwrap();
    assert!(kills > 5 && known.put.len() > 50 && known.acked.len() > 20, "{kills} kills, {} put", known.put.len());
    for item in &known.put {
        let is_there = left.contains_key(item);
        assert!(is_there || known.asked.contains(item), "{item} was answered, and is nowhere");
        assert!(!(is_there && known.acked.contains(item)), "{item} was acknowledged, and is there");
    }
    assert!(left.values().all(|times| *times == 1), "nothing is there twice: {left:?}");
    let mut received: HashMap<usize, Vec<String>> = HashMap::new();
    for message in &known.received {
        let publisher = message.split_once('-').unwrap().0.parse().unwrap();
        received.entry(publisher).or_default().push(message.clone());
    }
    assert_eq!(received, known.published, "each message once, and each publisher's in its order");
    eprintln!("{kills} kills: {} items put, {} messages received", known.put.len(), known.received.len());
    let mut client = Client::connect(([127, 0, 0, 1], port).into());
    client.get("/exit");
    server.wait();
}

#[test]
fn pipelined_requests_are_answered_in_their_order_and_are_there() {
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &[]);
    let mut client = server.connect();
    let ask = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut requests = String::new();
    for number in 0..100 {
        requests += &ask(&format!("/put?data={number}"));
        requests += &ask("/stats?queue=main&format=json");
        requests += &ask(if number % 2 == 0 { "/get" } else { "/nowhere" });
    }
    client.send(requests);
    for number in 0..100 {
        assert_eq!(client.answer().text(), "");
        let stats = client.answer().text();
        assert!(stats.contains(&format!(r#""accepted":{}"#, number + 1)), "{number}: {stats}");
        let got = client.answer();
        if number % 2 == 0 {
            assert_eq!(got.text(), (number / 2).to_string());
        } else {
            assert_eq!(got.status, 404);
        }
    }
    killed(server);
    let server = serve(folder.path(), &[]);
    assert_eq!(server.get("/get"), "50");
    assert!(server.get("/stats?queue=main&format=json").contains(r#""accepted":100"#));
}
