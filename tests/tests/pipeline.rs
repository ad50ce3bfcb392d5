//! The workshop's first chapter as typed, and three processes that pass on every record.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal::SIGTERM;
use streamgauge_tests::clicks::clicks;
use streamgauge_tests::needs;
use streamgauge_tests::ports::free_address;
use streamgauge_tests::process::{Process, Server};
use streamgauge_tests::wait::{SOON, until, until_within};

fn bridge(pubsub: &Server, queue: &Server) -> Process {
    let source = format!("--pubsub-url=http://{}/sub?multipart=0", pubsub.address);
    let destination = format!("--destination-get-url=http://{}/put?data=%s", queue.address);
    let mut bridge = Process::start("ps_to_http", [source, destination]);
    bridge.line("CONNECTING TO SOURCE ");
    until("the bridge to subscribe", || (pubsub.counter("Active connections") == 1).then_some(()));
    bridge
}

/// What a shell prints for a line as people type it.
fn shell(line: &str) -> String {
    let output = Command::new("sh").args(["-c", line]).output().expect("a shell");
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn the_first_chapter_of_the_workshop_works_as_typed() {
    if !needs::programs(&["curl"]) {
        return;
    }
    let pubsub = Server::start("pubsub", [""; 0]);
    let queue = Server::start("simplequeue", [""; 0]);
    let (crier, secretary) = (pubsub.address.port(), queue.address.port());
    let typed = |line: &str| shell(&line.replace("8080", &crier.to_string()).replace("8081", &secretary.to_string()));
    assert_eq!(
        typed(r#"curl "http://localhost:8080/stats""#),
        "Active connections: 0\nTotal connections: 0\nMessages received: 0\nMessages sent: 0\nKicked clients: 0\n"
    );
    assert_eq!(
        typed("curl localhost:8081/stats"),
        "puts:0\ngets:0\ndepth:0\ndepth_high_water:0\nbytes:0\noverflow:0\n"
    );
    let source = format!("http://127.0.0.1:{crier}/sub?multipart=0");
    let bridge = bridge(&pubsub, &queue);
    assert_eq!(bridge.stdout(), format!("AUTODETECTING ENCODING FOR {source}\nCONNECTING TO SOURCE {source}\n"));
    assert_eq!(
        typed(r#"echo "H3110" | curl -d@- "http://localhost:8080/pub""#),
        "Published 1 messages to 1 clients.\n"
    );
    until("the message to be on the queue", || (queue.counter("depth") == 1).then_some(()));
    assert_eq!(
        typed(r#"curl -s "http://localhost:8081/stats" # get the stats for our simplequeue"#),
        "puts:1\ngets:0\ndepth:1\ndepth_high_water:1\nbytes:5\noverflow:0\n"
    );
    assert_eq!(typed(r#"curl -s "http://localhost:8081/get" # fetch the data"#), "H3110");
    assert_eq!(
        typed(r#"curl -s "http://localhost:8081/stats" # look at the stats again"#),
        "puts:1\ngets:1\ndepth:0\ndepth_high_water:1\nbytes:0\noverflow:0\n"
    );
}

/// Publishes records a few at a time, and tells after each how many there were.
fn publish(pubsub: &Server, records: &[String], mut told: impl FnMut(usize)) {
    let mut publisher = pubsub.connect();
    let mut published = 0;
    for batch in records.chunks(25) {
        let answer = publisher.post("/pub", batch.join("\n")).text();
        assert!(answer.starts_with(&format!("Published {} messages to ", batch.len())), "{answer}");
        published += batch.len();
        told(published);
    }
}

#[track_caller]
fn assert_same(got: &[String], records: &[String]) {
    let differs = got.iter().zip(records).position(|(a, b)| a != b);
    assert_eq!((got.len(), differs), (records.len(), None), "records, and the first that differs");
}

#[test]
fn every_click_arrives_byte_for_byte_and_in_order() {
    let clicks = clicks();
    let (pubsub, queue) = (Server::start("pubsub", [""; 0]), Server::start("simplequeue", [""; 0]));
    let bridge = bridge(&pubsub, &queue);
    publish(&pubsub, &clicks, |_| ());
    let (mut reader, mut got) = (queue.connect(), Vec::new());
    until("all clicks", || {
        let text = reader.get("/mget?items=200").text();
        got.extend(text.lines().map(str::to_owned));
        (got.len() >= clicks.len()).then_some(())
    });
    assert_same(&got, &clicks);
    let count = clicks.len() as u64;
    assert_eq!([queue.counter("puts"), queue.counter("gets"), queue.counter("depth")], [count, count, 0]);
    assert_eq!([pubsub.counter("Messages received"), pubsub.counter("Messages sent")], [count, count]);
    stop(bridge);
}

#[track_caller]
fn stop(mut bridge: Process) {
    bridge.signal(SIGTERM);
    assert_eq!(bridge.exit_code(), 0, "{}", bridge.stderr());
}

#[test]
fn a_bridge_that_could_not_deliver_all_does_not_end_well() {
    let (pubsub, away) = (Server::start("pubsub", [""; 0]), free_address());
    let source = format!("--pubsub-url=http://{}/sub?multipart=0", pubsub.address);
    let mut bridge = Process::start("ps_to_http", [source, format!("--destination-post-url=http://{away}/put")]);
    until("a subscriber", || (pubsub.counter("Active connections") == 1).then_some(()));
    assert_eq!(pubsub.connect().post("/pub", "one").status, 200);
    until("a try", || bridge.stderr().contains(&away.to_string()).then_some(()));
    bridge.signal(SIGTERM);
    assert_eq!(until_within(SOON * 3, "the bridge to give up", || bridge.try_exit_code()), 1);
    assert!(bridge.stderr().contains("undelivered=1"), "{}", bridge.stderr());
}

#[test]
fn a_queue_that_is_stopped_and_started_again_loses_nothing() {
    let clicks = clicks();
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("overflow");
    let flags = [format!("--overflow-log={}", log.display())];
    let pubsub = Server::start("pubsub", [""; 0]);
    let queue = Server::start("simplequeue", &flags);
    let port = queue.address.port();
    let bridge = bridge(&pubsub, &queue);
    let (tell, told) = mpsc::channel();
    let taken = thread::scope(|scope| {
        let publisher = scope.spawn(|| {
            publish(&pubsub, &clicks, |published| {
                let _ = tell.send(published);
                thread::sleep(Duration::from_millis(5));
            });
        });
        // Twice it goes away in the middle of the stream; what it held is in its overflow log.
        let mut queue = queue;
        for part in [1, 2] {
            while told.recv_timeout(SOON).expect("the publisher goes on") < clicks.len() * part / 3 {}
            assert_eq!(queue.stop(), 0);
            // Some are published while nobody listens.
            told.recv_timeout(SOON).expect("the publisher goes on");
            queue = Server::start_at("simplequeue", port, &flags);
        }
        publisher.join().expect("the publisher ends");
        until_within(SOON * 2, "the last click", || {
            let last = queue.get("/dump").lines().last().map(str::to_owned);
            (last.as_ref() == clicks.last()).then_some(())
        });
        stop(bridge);
        assert_eq!(queue.stop(), 0);
        lines(&log)
    });
    assert_nothing_lost(&taken, &clicks);
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).expect("the overflow log").lines().map(str::to_owned).collect()
}

/// All records in order. A request whose answer was cut off may have been sent again, so the last few may come twice,
/// but nothing else.
#[track_caller]
fn assert_nothing_lost(got: &[String], records: &[String]) {
    const IN_FLIGHT: usize = 16;
    let mut next = 0;
    for (at, line) in got.iter().enumerate() {
        if records.get(next) == Some(line) {
            next += 1;
        } else {
            let again = records[next.saturating_sub(IN_FLIGHT)..next].contains(line);
            assert!(again, "line {at} is neither record {next} nor one of the few before it: {line}");
        }
    }
    assert_eq!(next, records.len(), "records that arrived, in order");
    assert!(got.len() - records.len() <= 2 * IN_FLIGHT, "{} came twice", got.len() - records.len());
}

#[test]
fn a_pubsub_that_is_stopped_and_started_again_loses_nothing_that_it_was_given() {
    let clicks = clicks();
    let (first, second) = clicks.split_at(clicks.len() / 2);
    let queue = Server::start("simplequeue", [""; 0]);
    let pubsub = Server::start("pubsub", [""; 0]);
    let port = pubsub.address.port();
    let bridge = bridge(&pubsub, &queue);
    publish(&pubsub, first, |_| ());
    // What was published is handed out before the end.
    assert_eq!(pubsub.stop(), 0);
    let pubsub = Server::start_at("pubsub", port, [""; 0]);
    // At once: what comes before the bridge is back waits for it in the log.
    publish(&pubsub, second, |_| ());
    until_within(SOON * 2, "all clicks", || (queue.counter("depth") as usize >= clicks.len()).then_some(()));
    assert_same(&queue.get("/dump").lines().map(str::to_owned).collect::<Vec<_>>(), &clicks);
    stop(bridge);
}
