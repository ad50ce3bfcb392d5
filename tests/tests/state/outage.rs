//! Redis away while values come.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use streamgauge_tests::wait::{until, until_within};

use crate::support::*;

#[test]
fn adding_up_goes_on_and_all_of_it_arrives() {
    let Some(mut redis) = Redis::start() else { return };
    let state = redis.url();
    let mut moments = Fed::start(&["moments", "--json", "--every", "1000", "--state", &state, "--key", "k"]);
    moments.feed("1\n");
    until("it to be added", || (redis.ask(&["HGET", "k", "count"]) == "1").then_some(()));
    redis.kill();
    // Far more than fits a pipe: it is read although there is nobody to hand it to.
    let began = Instant::now();
    for _ in 0..200 {
        moments.feed(&"2\n".repeat(1000));
    }
    assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
    redis.restart();
    let (code, out, err) = moments.end();
    assert_eq!(code, 0, "{err}");
    assert!(out.lines().last().is_some_and(|line| line.starts_with("{\"count\":200001,")), "{out}");
    assert!(err.contains("state lost; adding up here until it is back") && err.contains("lost 1 times"), "{err}");
    assert_eq!(redis.ask(&["HGET", "k", "count"]), "200001");
}

#[test]
fn a_graph_that_cannot_leave_does_not_grow_for_ever() {
    const EDGES: usize = 200_000;
    let Some(mut redis) = Redis::start() else { return };
    let state = redis.url();
    let mut graph = Fed::start(&["graph", "--from", "f", "--to", "t", "--top", "0", "--state", &state, "--key", "g"]);
    graph.feed("{\"f\":\"0\",\"t\":\"first\"}\n");
    until("it to be added", || (redis.ask(&["ZCARD", "g:0"]) == "1").then_some(()));
    redis.kill();
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    let mut stdin = graph.stdin();
    let writer = thread::spawn(move || {
        for edge in 0..EDGES {
            writeln!(stdin, "{{\"f\":\"{}\",\"t\":\"{edge}\"}}", edge % 7).expect("it reads");
            count.fetch_add(1, SeqCst);
        }
    });
    // It takes what it has room for, and then leaves the rest where it is.
    let (mut before, mut since) = (0, Instant::now());
    until_within(Duration::from_secs(30), "it to stop reading", || {
        let now = taken.load(SeqCst);
        if now != before {
            (before, since) = (now, Instant::now());
        }
        (now > 0 && since.elapsed() > Duration::from_secs(2)).then_some(())
    });
    assert!(before < EDGES, "all of {EDGES} edges are in memory");
    redis.restart();
    writer.join().expect("all is read");
    let (code, out, err) = graph.end();
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("the connection to the state was lost 1 times"), "{err}");
    assert!(out.contains("200,001 records"), "{out}");
    let edges = fine(&["state", "export", "--state", &state, "--key", "g"], b"");
    assert_eq!(edges.lines().filter(|line| line.ends_with("\t1")).count(), EDGES + 1);
    assert_eq!(edges.lines().count(), EDGES + 1);
}

#[test]
fn a_server_that_is_busy_is_waited_for() {
    let Some(redis) = Redis::start() else { return };
    let state = redis.url();
    let mut moments = Fed::start(&["moments", "--json", "--every", "1000", "--state", &state, "--key", "k"]);
    moments.feed("1\n");
    until("it to be added", || (redis.ask(&["HGET", "k", "count"]) == "1").then_some(()));
    redis.ask(&["CONFIG", "SET", "lua-time-limit", "50"]);
    let cli = |command: &[&str]| {
        let mut cli = Command::new("redis-cli");
        cli.args(["-p", &redis.port.to_string()]).args(command).stdout(Stdio::piped());
        cli
    };
    // Another one has no end, and whoever asks meanwhile is told so.
    let endless = cli(&["EVAL", "while true do end", "0"]).spawn().expect("redis-cli starts");
    let answer = |command: &[&str]| String::from_utf8(cli(command).output().expect("an answer").stdout).expect("text");
    until("redis to be busy", || answer(&["PING"]).starts_with("BUSY").then_some(()));
    moments.feed(&"2\n".repeat(10));
    // Several tries, one of them over a new connection if that is given up.
    thread::sleep(Duration::from_secs(2));
    assert_eq!(answer(&["SCRIPT", "KILL"]).trim(), "OK");
    endless.wait_with_output().expect("it ends");
    let (code, out, err) = moments.end();
    assert_eq!(code, 0, "{err}");
    assert!(out.lines().last().is_some_and(|line| line.starts_with("{\"count\":11,")), "{out}");
    assert!(err.contains("BUSY") && !err.contains("the connection to the state was lost"), "{err}");
}

#[test]
fn what_never_arrives_is_counted() {
    let Some(mut redis) = Redis::start() else { return };
    let state = redis.url();
    let mut moments = Fed::start(&["moments", "--every", "1", "--state", &state, "--key", "k"]);
    for number in 1..=3 {
        moments.feed("1\n");
        until("it to be added", || (redis.ask(&["HGET", "k", "count"]) == number.to_string()).then_some(()));
    }
    redis.kill();
    let began = Instant::now();
    moments.feed(&"1\n".repeat(50));
    let (code, out, err) = moments.end();
    // Not once for each number that could not be shown.
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert_eq!(code, 3, "{err}");
    // The third one is shown if that was faster than the kill.
    assert!((2..=3).contains(&out.lines().count()), "{out}");
    assert!(err.contains("refused (os error 111); the last 50 of 53 records may not have been added"), "{err}");
    redis.restart();
    assert_eq!(redis.ask(&["HGET", "k", "count"]), "3");
}
