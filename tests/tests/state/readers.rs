//! Three readers of one queue that add to one state, killed and restarted, and Redis with them.

use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal::SIGKILL;
use streamgauge_tests::exact::Exact;
use streamgauge_tests::process::Server;
use streamgauge_tests::wait::until;

use crate::support::*;

fn bins(redis: &Redis) -> u64 {
    redis.ask(&["HLEN", "k"]).parse().expect("a number")
}

#[test]
fn three_readers_make_one_result() {
    let Some(redis) = Redis::start() else { return };
    let queue = filled_queue();
    let state = redis.url();
    let readers: Vec<_> = (0..3).map(|_| reader(queue.address, &state, &["moments"])).collect();
    for reader in readers {
        ends_well(reader);
    }
    let json = fine(&["state", "export", "--state", &state, "--key", "k"], b"");
    let values: Vec<f64> = (1..=NUMBERS).map(|number| number as f64).collect();
    let exact = Exact::of(&values);
    assert!(json.starts_with(&format!("{{\"count\":{NUMBERS},")), "{json}");
    assert!(digits(&json, &exact) >= 15.5, "{json}");
    // Whoever has ended well leaves no trace.
    assert!(!redis.ask(&["HKEYS", "streamgauge:k"]).contains("writer:"));
    assert_eq!(fine(&["state", "reset", "--state", &state, "--key", "k"], b""), "removed 2 keys\n");
    assert_eq!(redis.ask(&["DBSIZE"]), "0");
}

#[test]
fn a_killed_reader_takes_what_it_held_and_nothing_is_counted_twice() {
    let Some(redis) = Redis::start() else { return };
    let queue = filled_queue();
    let state = redis.url();
    let victim = reader(queue.address, &state, EACH);
    let others: Vec<_> = (0..2).map(|_| reader(queue.address, &state, EACH)).collect();
    until("a first batch", || (bins(&redis) > 0).then_some(()));
    victim.signal(SIGKILL);
    let again = reader(queue.address, &state, EACH);
    for reader in others.into_iter().chain([again]) {
        ends_well(reader);
    }
    let counted = counted_once(&redis);
    assert_one_answer_lost_at_most(&counted);
}

#[test]
fn a_restart_of_redis_loses_nothing_and_doubles_nothing() {
    let Some(mut redis) = Redis::start() else { return };
    let queue = Server::start("simplequeue", [""; 0]);
    let state = redis.url();
    let readers = (0..3).map(|_| endless(queue.address, &state)).collect();
    put(&queue, 1..=NUMBERS / 2);
    until("a first batch", || (bins(&redis) > 0).then_some(()));
    redis.kill();
    put(&queue, NUMBERS / 2 + 1..=NUMBERS);
    thread::sleep(Duration::from_millis(700));
    redis.restart();
    let notes = stop_when_empty(&queue, readers);
    assert!(notes.contains("state lost; adding up here"), "{notes}");
    let counted = counted_once(&redis);
    assert_eq!(counted.len(), NUMBERS);
}

#[test]
fn a_redis_that_forgets_is_told_and_what_is_gone_is_counted() {
    let Some(mut redis) = Redis::start() else { return };
    let queue = Server::start("simplequeue", [""; 0]);
    let state = redis.url();
    // All of what is put at once is there before the first is taken.
    put(&queue, 1..=10_000);
    let reader = endless(queue.address, &state);
    until("all batches", || (bins(&redis) == 10_000).then_some(()));
    // The reader has to know, too.
    thread::sleep(Duration::from_secs(1));
    redis.kill();
    put(&queue, 10_001..=NUMBERS);
    redis.restart_empty();
    let notes = stop_when_empty(&queue, vec![reader]);
    let counted = counted_once(&redis);
    assert!(counted.iter().copied().eq(10_001..=NUMBERS as u64), "{counted:?}");
    let gone = format!("warning: {} batches that had been added are no longer in the state", batches(10_000));
    assert!(notes.contains(&gone), "{notes}");
}

#[test]
fn everything_at_once_counts_nothing_twice() {
    let Some(mut redis) = Redis::start() else { return };
    let queue = Server::start("simplequeue", [""; 0]);
    let state = redis.url();
    let numbers: Vec<_> = (1..=NUMBERS).map(|number| number.to_string()).collect();
    // The stream goes on while they are killed.
    let mut client = queue.connect();
    let writer = thread::spawn(move || {
        for some in numbers.chunks(500) {
            assert_eq!(client.post("/mput", some.join("\n")).status, 200);
            thread::sleep(Duration::from_millis(15));
        }
    });
    let mut readers: Vec<_> = (0..3).map(|_| endless(queue.address, &state)).collect();
    until("a first batch", || (bins(&redis) > 0).then_some(()));
    readers.remove(0).signal(SIGKILL);
    readers.push(endless(queue.address, &state));
    until("more batches", || (bins(&redis) > 10_000).then_some(()));
    redis.kill();
    thread::sleep(Duration::from_millis(500));
    redis.restart();
    writer.join().expect("the queue takes all");
    stop_when_empty(&queue, readers);
    let counted = counted_once(&redis);
    assert_one_answer_lost_at_most(&counted);
}

#[test]
fn a_batch_is_one_round_trip() {
    let Some(redis) = Redis::start() else { return };
    let queue = filled_queue();
    ends_well(reader(queue.address, &redis.url(), EACH));
    assert_eq!(counts(&redis).len(), NUMBERS);
    let stats = redis.ask(&["INFO", "commandstats"]);
    let calls = |command: &str| {
        let start = format!("cmdstat_{command}:calls=");
        let line = stats.lines().find_map(|line| line.strip_prefix(start.as_str()));
        line.map_or(0, |line| line.split(',').next().and_then(|calls| calls.parse().ok()).expect("a number"))
    };
    // The first call finds that Redis has to be given the script.
    assert_eq!((calls("evalsha"), calls("script|load")), (batches(NUMBERS) as u64 + 1, 1), "{stats}");
}

/// How many answers that many short items take: a reader asks for 16, and for twice as many each time, up to 1000.
fn batches(items: usize) -> usize {
    let (mut left, mut each, mut batches) = (items, 16, 0);
    while left > 0 {
        (left, each, batches) = (left.saturating_sub(each), (2 * each).min(1000), batches + 1);
    }
    batches
}
