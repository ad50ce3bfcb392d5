//! The file of the items that had to leave: each is in it once and whole, or counted.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::sys::signal::Signal::{SIGHUP, SIGTERM};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::Value;
use streamgauge_tests::build::tool;
use streamgauge_tests::mounted::Mounted;
use streamgauge_tests::needs;
use streamgauge_tests::process::{Process, Server};
use streamgauge_tests::wait::until;
use tempfile::TempDir;

struct Overflow {
    _folder: TempDir,
    path: PathBuf,
}

impl Overflow {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder of its own");
        let path = folder.path().join("overflow.log");
        Self { _folder: folder, path }
    }

    fn flag(&self) -> String {
        format!("--overflow-log={}", self.path.display())
    }
}

#[track_caller]
fn assert_file(path: &Path, expected: &str) {
    assert_eq!(String::from_utf8_lossy(&read(path)), expected);
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).expect("the overflow log")
}

/// A counter of the queue `main` as JSON has it.
fn counter(server: &Server, name: &str) -> u64 {
    let stats = server.get("/stats?queue=main&format=json");
    let stats: Value = serde_json::from_str(&stats).expect("JSON");
    stats[name].as_u64().unwrap_or_else(|| panic!("no {name} in {stats}"))
}

fn is_logged(server: &Server) -> Option<()> {
    (counter(server, "unlogged") == 0).then_some(())
}

#[test]
fn the_overflow_log_gets_what_leaves_and_what_is_left() {
    let log = Overflow::new();
    fs::write(&log.path, "from before\n").expect("a file");
    let server = Server::start("simplequeue", ["--max-depth=2".to_owned(), log.flag()]);
    let mut client = server.connect();
    client.post("/mput", "1\n2\n3");
    until("the item to be written", || is_logged(&server));
    assert_file(&log.path, "from before\n1\n");
    client.post("/put", "with\nnewline");
    client.get("/put?data=%00%ff");
    assert_eq!(client.get("/get").text(), "with\nnewline");
    client.get("/put?data=5");
    assert_eq!((server.counter("overflow"), server.counter("depth")), (3, 2));
    assert_eq!(server.stop(), 0);
    assert_eq!(read(&log.path), b"from before\n1\n2\n3\n\0\xff\n5\n");
}

#[test]
fn exit_writes_what_is_left_too() {
    let log = Overflow::new();
    let mut server = Server::start("simplequeue", [log.flag()]);
    server.connect().post("/mput", "a\nb\nc");
    assert_eq!(server.connect().get("/exit").status, 200);
    assert_eq!(server.process.exit_code(), 0);
    assert_file(&log.path, "a\nb\nc\n");
}

#[test]
fn a_hangup_opens_the_overflow_log_again() {
    let log = Overflow::new();
    let mut server = Server::start("simplequeue", ["--max-depth=1".to_owned(), log.flag()]);
    let mut client = server.connect();
    client.post("/mput", "1\n2");
    let old = log.path.with_extension("1");
    fs::rename(&log.path, &old).expect("the file can be moved");
    client.post("/put", "3");
    until("the first items to be written", || is_logged(&server));
    server.process.signal(SIGHUP);
    until("a new file", || log.path.exists().then_some(()));
    client.post("/put", "4");
    until("the next item to be written", || is_logged(&server));
    assert_file(&old, "1\n2\n");
    assert_file(&log.path, "3\n");
    server.process.signal(SIGTERM);
    assert_eq!(server.process.exit_code(), 0);
    assert_file(&log.path, "3\n4\n");
    // A pubsub has nothing to open again, and goes on.
    let pubsub = Server::start("pubsub", [""; 0]);
    pubsub.process.signal(SIGHUP);
    assert!(pubsub.get("/stats").ends_with('\n'));
    assert_eq!(pubsub.stop(), 0);
}

#[test]
fn without_an_overflow_log_what_is_left_is_named() {
    let server = Server::start("simplequeue", ["--max-depth=2"]);
    let mut client = server.connect();
    client.post("/mput", "a\nb\nc");
    assert_eq!(counter(&server, "unlogged"), 0, "there is no log that they could be in");
    client.post("/put?queue=later&delay=60", "d");
    client.post("/put?queue=lent", "e");
    assert_eq!(client.get("/get?queue=lent&lease=60").status, 200);
    let said = server.complaints();
    assert!(
        said.contains("4 items were still queued when the server stopped, and no --overflow-log keeps them"),
        "{said}"
    );
}

/// What each line of a log of JSON says.
fn json_items(path: &Path) -> Vec<(String, Value)> {
    let text = String::from_utf8(read(path)).expect("JSON is UTF-8");
    assert!(text.is_empty() || text.ends_with('\n'), "{text}");
    let item = |line: &str| {
        let mut item: BTreeMap<String, Value> = serde_json::from_str(line).expect("a line is an object");
        let queue = item.remove("queue").and_then(|queue| Some(queue.as_str()?.to_owned())).expect("a queue");
        let (key, data) = item.pop_first().expect("data");
        assert!(item.is_empty() && (key == "data" || key == "data64"), "{line}");
        (queue, if key == "data" { data } else { Value::from(vec![data]) })
    };
    text.lines().map(item).collect()
}

/// As [`json_items`] has it: base64 is in a list.
fn base64(text: &str) -> Value {
    Value::from(vec![text])
}

#[test]
fn json_says_which_queue_and_every_byte() {
    let log = Overflow::new();
    let flags = ["--max-depth=1".to_owned(), "--overflow-format=json".to_owned(), log.flag()];
    let server = Server::start("simplequeue", &flags);
    let mut client = server.connect();
    let long = "\u{1}\n".repeat(100_000);
    for item in [&b"two\nlines\r\n"[..], "\"\\\u{7f}\u{2028}é".as_bytes(), b"\xff\0\n", long.as_bytes(), b"last"] {
        assert_eq!(client.post("/put", item).status, 200);
    }
    client.post("/put?queue=jobs", "\n");
    assert_eq!(server.stop(), 0);
    let expected = [
        ("main", Value::from("two\nlines\r\n")),
        ("main", Value::from("\"\\\u{7f}\u{2028}é")),
        ("main", base64("/wAK")),
        ("main", Value::from(long)),
        ("main", Value::from("last")),
        ("jobs", Value::from("\n")),
    ];
    assert_eq!(json_items(&log.path), expected.map(|(queue, data)| (queue.to_owned(), data)));
}

#[test]
fn at_the_end_of_serve_all_queues_are_in_the_log() {
    let log = Overflow::new();
    let mut serve = Server::bridged(["--queue-bytes=4MiB".to_owned(), log.flag()]);
    serve.process.line("limits   ");
    let said = serve.process.stdout();
    assert!(said.contains("         overflow log "), "it is part of the ceiling: {said}");
    let mut client = serve.connect();
    client.post("/mput?queue=aaa", "dies\nlent\nstays");
    client.get("/get?queue=aaa&lease=60");
    client.post("/pub", "first\nsecond");
    client.send("PUT /queues/aaa HTTP/1.1\r\nhost: localhost\r\ncontent-length: 18\r\n\r\n{\"max_attempts\":1}");
    assert_eq!(client.answer().status, 200);
    let token = client.get("/mget?queue=aaa&items=1&lease=60").text();
    let token = token.split("\"lease\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a token").to_owned();
    assert_eq!(client.post(&format!("/nack?queue=aaa&lease={token}"), "").text(), "nacked 1\n");
    client.post("/put?queue=zzz&delay=60", "later");
    assert_eq!(client.post("/queues/zzz/pause", "").status, 200);
    client.post("/put?queue=zzz", "paused");
    assert_eq!(serve.stop(), 0);
    let expected = [
        ("main", "first"),
        ("main", "second"),
        ("aaa", "stays"),
        ("aaa", "dies"),
        ("aaa", "lent"),
        ("zzz", "paused"),
        ("zzz", "later"),
    ];
    assert_eq!(json_items(&log.path), expected.map(|(queue, data)| (queue.to_owned(), Value::from(data))));
}

/// A queue of one item whose files may be no longer than `bytes`: what is beyond is refused as by a disk that is full.
fn on_a_small_disk(log: &Overflow, bytes: u64) -> Option<Server> {
    if !needs::programs(&["prlimit"]) {
        return None;
    }
    // The signal that comes with the refusal would end it.
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ && exec \"$0\" \"$@\""]).arg(tool("simplequeue"));
    command
        .args(["--port=0", "--address=127.0.0.1", "--max-depth=1", "--max-body-bytes=1MiB"])
        .arg(log.flag())
        .env_remove("RUST_LOG");
    let mut process = Process::spawn(command);
    let address = process.line("listening on ").parse().expect("an address");
    let server = Server { process, address };
    limit_files(&server, &bytes.to_string());
    Some(server)
}

fn limit_files(server: &Server, bytes: &str) {
    let flags = [format!("--pid={}", server.process.id()), format!("--fsize={bytes}:")];
    assert!(Command::new("prlimit").args(flags).status().is_ok_and(|status| status.success()));
}

/// Items of many lengths, each of which says which one it is.
fn item(number: usize) -> String {
    format!("{number:06} {}", "x".repeat(number * 37 % 1500))
}

fn put(server: &Server, numbers: std::ops::Range<usize>) {
    let mut client = server.connect();
    for batch in numbers.collect::<Vec<_>>().chunks(100) {
        let items: Vec<_> = batch.iter().copied().map(item).collect();
        assert_eq!(client.post("/mput", items.join("\n")).status, 200);
    }
}

/// The numbers of the items in a file, which are whole.
#[track_caller]
fn numbers(path: &Path) -> Vec<usize> {
    let text = String::from_utf8(read(path)).expect("text");
    assert!(text.is_empty() || text.ends_with('\n'), "the last line is torn: {:?}", text.lines().next_back());
    let number = |line: &str| {
        let number = line.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(usize::MAX);
        assert!(number < 1 << 20 && line == item(number), "a torn item: {line:?}");
        number
    };
    text.lines().map(number).collect()
}

fn complaints(server: &Server) -> usize {
    server.process.stderr().matches("the overflow log can't be written").count()
}

/// 490 items have left, 64 KiB of them are in the file.
fn fill(log: &Overflow) -> Option<(Server, Instant)> {
    let began = Instant::now();
    let server = on_a_small_disk(log, 64 << 10)?;
    put(&server, 0..491);
    until("the disk to be full", || (complaints(&server) > 0).then_some(()));
    assert_eq!(counter(&server, "overflow"), 490);
    let there = numbers(&log.path);
    assert!((50..490).contains(&there.len()), "{} fit", there.len());
    until("all others to be counted", || (counter(&server, "unlogged") == 490 - there.len() as u64).then_some(()));
    Some((server, began))
}

#[test]
fn a_full_disk_costs_nothing_once_there_is_room_and_a_hangup() {
    let log = Overflow::new();
    let Some((server, began)) = fill(&log) else { return };
    let mut there = numbers(&log.path);
    // It is tried again, in vain, and not talked about all the time.
    thread::sleep(Duration::from_millis(2500));
    assert_eq!(numbers(&log.path), there);
    let (said, seconds) = (complaints(&server) as u64, began.elapsed().as_secs());
    assert!((2..=seconds + 1).contains(&said), "{said} lines in {seconds} seconds: {}", server.process.stderr());
    let old = log.path.with_extension("1");
    fs::rename(&log.path, &old).expect("the file can be moved");
    limit_files(&server, "unlimited");
    server.process.signal(SIGHUP);
    until("all of them to be in a file", || is_logged(&server));
    assert_eq!(numbers(&old), there);
    there.extend(numbers(&log.path));
    assert_eq!(there, (0..490).collect::<Vec<_>>(), "each once, and in order");
    assert_eq!(server.stop(), 0);
    assert_eq!(numbers(&log.path).last(), Some(&490));
}

#[test]
fn a_full_disk_is_tried_again_by_itself() {
    let log = Overflow::new();
    let Some((server, _)) = fill(&log) else { return };
    limit_files(&server, "unlimited");
    until("all of them to be in the file", || is_logged(&server));
    assert_eq!(numbers(&log.path), (0..490).collect::<Vec<_>>());
}

#[test]
fn what_is_beyond_the_buffer_is_counted_and_nothing_is_torn() {
    const COUNT: usize = 12_000;
    let log = Overflow::new();
    let Some(server) = on_a_small_disk(&log, 64 << 10) else { return };
    put(&server, 0..COUNT);
    assert_eq!(counter(&server, "overflow"), COUNT as u64 - 1);
    until("the law to hold", || {
        (counter(&server, "unlogged") as usize == COUNT - 1 - numbers(&log.path).len()).then_some(())
    });
    limit_files(&server, "unlimited");
    let lost = until("what was held to be written", || {
        let lost = counter(&server, "unlogged");
        // A disk that has room takes an item at once.
        put(&server, COUNT..COUNT + 1);
        thread::sleep(Duration::from_millis(100));
        let there = numbers(&log.path);
        (there.last() == Some(&COUNT) && counter(&server, "unlogged") == lost).then_some(lost)
    });
    let mut there = numbers(&log.path);
    assert_eq!(there.len() as u64 + lost, counter(&server, "overflow"));
    there.retain(|number| *number < COUNT - 1);
    assert!(there.is_sorted_by(|a, b| a < b), "each at most once, and in order");
    let bytes: usize = there.iter().map(|number| item(*number).len()).sum();
    assert!(lost > 0 && bytes > 2 << 20, "{bytes} bytes were kept of 9 MB, {lost} items are lost");
}

#[test]
fn at_the_end_a_full_disk_is_said_and_not_waited_for() {
    let log = Overflow::new();
    let Some((mut server, _)) = fill(&log) else { return };
    let there = numbers(&log.path);
    put(&server, 491..10_000);
    let asked = Instant::now();
    server.process.signal(SIGTERM);
    assert_eq!(server.process.exit_code(), 0);
    assert!(asked.elapsed() < Duration::from_secs(8), "{:?}", asked.elapsed());
    assert_eq!(numbers(&log.path), there);
    let said = format!("{} items that had to leave, or were still queued", 10_000 - there.len());
    assert!(server.process.stderr().contains(&said), "{said}: {}", server.process.stderr());
}

/// A pipe that nobody empties is a disk that hangs.
#[test]
fn a_disk_that_hangs_keeps_nobody_waiting() {
    const COUNT: usize = 1000;
    let log = Overflow::new();
    mkfifo(&log.path, Mode::S_IRWXU).expect("a pipe");
    let nonblocking = OFlag::O_NONBLOCK.bits();
    let mut reader = fs::File::options().read(true).custom_flags(nonblocking).open(&log.path).expect("its other end");
    let flags = ["--max-depth=1".to_owned(), log.flag()];
    let server = Server::start("simplequeue", &flags);
    put(&server, 0..COUNT);
    assert_eq!(counter(&server, "overflow"), COUNT as u64 - 1);
    assert!(counter(&server, "unlogged") > 0, "the pipe holds less than that");
    assert!(server.get("/get").starts_with(&format!("{:06}", COUNT - 1)));
    server.process.signal(SIGHUP);
    assert_eq!(server.get("/stats").lines().count(), 6);
    // Once somebody reads it goes on where it was.
    let mut text = Vec::new();
    until("all that has left", || {
        match reader.read_to_end(&mut text) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            read => panic!("{read:?}"),
        }
        (text.iter().filter(|byte| **byte == b'\n').count() == COUNT - 1).then_some(())
    });
    let copy = log.path.with_extension("copy");
    fs::write(&copy, text).expect("a file");
    assert_eq!(numbers(&copy), (0..COUNT - 1).collect::<Vec<_>>());
    until("the count to know", || is_logged(&server));
}

#[test]
fn a_second_signal_ends_a_server_whose_disk_hangs() {
    let log = Overflow::new();
    mkfifo(&log.path, Mode::S_IRWXU).expect("a pipe");
    let nonblocking = OFlag::O_NONBLOCK.bits();
    let _reader = fs::File::options().read(true).custom_flags(nonblocking).open(&log.path).expect("its other end");
    let mut server = Server::start("simplequeue", [log.flag()]);
    put(&server, 0..1000);
    server.process.signal(SIGTERM);
    thread::sleep(Duration::from_millis(500));
    assert_eq!(server.process.try_exit_code(), None, "it waits for the disk");
    let asked = Instant::now();
    server.process.signal(SIGTERM);
    assert_ne!(server.process.exit_code(), 0, "not a clean end");
    assert!(asked.elapsed() < Duration::from_secs(6), "{:?}", asked.elapsed());
}

#[test]
fn a_real_disk_that_is_full_is_tried_again() {
    let Some(disk) = Mounted::small("64k") else { return };
    let path = disk.path().join("overflow.log");
    let flags = ["--max-depth=1".to_owned(), format!("--overflow-log={}", path.display())];
    let server = Server::start("simplequeue", flags);
    put(&server, 0..491);
    until("the disk to be full", || (complaints(&server) > 0).then_some(()));
    let there = numbers(&path).len() as u64;
    until("all others to be counted", || (counter(&server, "unlogged") == 490 - there).then_some(()));
    assert!(disk.changes("remount,size=4m"), "a larger disk");
    until("all of them to be in the file", || is_logged(&server));
    assert_eq!(numbers(&path), (0..490).collect::<Vec<_>>());
    assert_eq!(server.stop(), 0);
}
