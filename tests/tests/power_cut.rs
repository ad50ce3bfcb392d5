//! What a power cut may take of a server that does not sync before it answers.

use std::fs;
use std::path::Path;

use nix::sys::signal::Signal;
use streamgauge_tests::kept::{killed, newest_log, serve};
use streamgauge_tests::process::{Process, Server};
use streamgauge_tests::wait::until;
use tempfile::TempDir;

/// As the machine were another one since: what was written and not synced may be gone.
fn restart_machine(folder: &Path) {
    let lock = folder.join("lock");
    let words = fs::read_to_string(&lock).expect("words of the process before");
    let (boot, rest) = words.strip_prefix("boot ").and_then(|rest| rest.split_once('\n')).expect("which run it was");
    assert!(!boot.is_empty(), "this operating system does not say which run of the machine it is");
    fs::write(&lock, format!("boot another\n{rest}")).expect("a file that can be written");
}

/// Lets all of the log be gone from an entry on that has a text.
fn cut_off(folder: &Path, text: &str) {
    let path = newest_log(folder);
    let mut bytes = fs::read(&path).expect("the log");
    let at = bytes.windows(text.len()).position(|some| some == text.as_bytes()).expect("it is there");
    bytes[at..].fill(0);
    fs::write(path, bytes).expect("a file that can be written");
}

/// What `/sub` of the topic tells that ends by itself.
fn told(server: &Server, from: &str, fields: &str) -> String {
    let mut client = server.connect();
    client.send(format!("GET /sub?topic=news&follow=0&format=sse{from} HTTP/1.0\r\n{fields}\r\n"));
    String::from_utf8(client.rest()).expect("events are text")
}

/// The numbers of messages, with their data.
fn events(text: &str) -> Vec<(u64, &str)> {
    let mut all = Vec::new();
    for event in text.split("\n\n") {
        let member = |start| event.lines().find_map(|line| line.strip_prefix(start));
        if let (Some(id), Some(data)) = (member("id: "), member("data: ")) {
            all.push((id.parse().expect("a number"), data));
        }
    }
    all
}

fn publish(server: &Server, message: &str) {
    let answer = server.connect().post("/pub?topic=news", message);
    assert_eq!(answer.status, 200, "{}", answer.head);
}

/// All that a server has complained about, when it has ended, is not that something may be lost.
#[track_caller]
fn none_is_in_doubt(said: &str) {
    assert!(!said.contains("may be lost"), "{said}");
}

/// Numbers that are left out, as README says.
const SKIPPED: u64 = 100_000_000;

#[test]
fn what_may_be_lost_is_told_and_no_number_is_given_twice() {
    let folder = TempDir::new().unwrap();
    let interval = ["--sync", "interval:200ms"];
    let server = serve(folder.path(), &interval);
    ["zero", "one", "two", "three"].iter().for_each(|message| publish(&server, message));
    let all = told(&server, "&from=first", "");
    let first = events(&all)[0].0;
    assert_eq!(events(&all).len(), 4);
    killed(server);
    cut_off(folder.path(), "two");
    restart_machine(folder.path());

    let server = serve(folder.path(), &interval);
    // It is said before anybody is served, but on another pipe.
    let said = || server.process.stderr().contains("interval:200ms: what was answered in so long, behind 20");
    until("what may be lost", || said().then_some(()));
    publish(&server, "after");
    let next = first + 2 + SKIPPED;
    let look = |server: &Server| {
        let all = told(server, "&from=first", "");
        assert_eq!(events(&all), [(first, "zero"), (first + 1, "one"), (next, "after")], "{all}");
        assert!(all.contains(&format!("event: gap\ndata: {SKIPPED}\n\n")), "{all}");
        // Who has seen what is lost gets what is new, and knows that there is something between.
        let rest = told(server, "", &format!("Last-Event-ID: {}\r\n", first + 3));
        assert_eq!(events(&rest), [(next, "after")], "{rest}");
        assert!(rest.contains("event: gap\n"), "{rest}");
        let topic = server.get("/topics/news");
        assert!(topic.contains(r#""received":3,"#) && topic.contains(r#""messages":3,"#), "{topic}");
    };
    look(&server);
    killed(server);

    // The same process of the machine: all is there.
    let mut server = serve(folder.path(), &interval);
    look(&server);
    publish(&server, "more");
    assert_eq!(events(&told(&server, &format!("&from={next}"), "")), [(next, "after"), (next + 1, "more")]);
    // It ends as it should: whatever the machine does then.
    server.process.signal(Signal::SIGTERM);
    assert_eq!(server.process.exit_code(), 0);
    none_is_in_doubt(&server.process.stderr());
    restart_machine(folder.path());
    let server = serve(folder.path(), &interval);
    publish(&server, "last");
    assert_eq!(events(&told(&server, &format!("&from={}", next + 1), "")), [(next + 1, "more"), (next + 2, "last")]);
    none_is_in_doubt(&killed(server));
}

#[test]
fn a_start_that_comes_to_nothing_tells_what_may_be_lost() {
    let folder = TempDir::new().unwrap();
    let interval = ["--sync", "interval:1h"];
    let server = serve(folder.path(), &interval);
    for topic in 0..24 {
        let made = server.connect().put(&format!("/topics/t{topic}"), r#"{"bytes":"16MiB"}"#);
        assert_eq!(made.status, 201, "{}", made.head);
    }
    publish(&server, "zero");
    killed(server);
    restart_machine(folder.path());
    let data_dir = folder.path().to_str().expect("a path that is text");
    let little = ["serve", "--pubsub-port", "0", "--queue-port", "0", "--data-dir", data_dir, "--memory", "200MiB"];
    let mut failed = Process::start("streamgauge", [&little[..], &interval].concat());
    assert_eq!(failed.exit_code(), 2);
    let said = failed.stderr();
    assert!(said.contains("may be lost") && said.contains("the limit memory is"), "{said}");
    // It has been told, and nothing of it is done twice.
    none_is_in_doubt(&killed(serve(folder.path(), &interval)));
}

#[test]
fn what_is_synced_before_it_is_answered_is_not_in_doubt() {
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &[]);
    publish(&server, "zero");
    let all = told(&server, "&from=first", "");
    let first = events(&all)[0].0;
    killed(server);
    restart_machine(folder.path());
    let server = serve(folder.path(), &[]);
    publish(&server, "one");
    assert_eq!(events(&told(&server, "&from=first", "")), [(first, "zero"), (first + 1, "one")]);
    none_is_in_doubt(&killed(server));
}
