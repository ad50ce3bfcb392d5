//! What ties queues to topics, and to each other.

use core::ops::ControlFlow;

use streamgauge_core::endpoints::{Reply, Request};
use streamgauge_core::engine::memory::Defaults;
use streamgauge_core::engine::{Command, Engine as _, Name, Outcome, Part, QueueSettings, TopicSettings};
use streamgauge_core::time::Time;

use crate::Town;

fn town() -> Town {
    let queue = QueueSettings { bytes: 4 << 10, ..QueueSettings::DEFAULT };
    let topic = TopicSettings { bytes: 4 << 10, ..TopicSettings::DEFAULT };
    Town::new(1 << 20, Defaults { queue, topic, ..Defaults::default() })
}

fn name(name: &str) -> Name {
    Name::new(name.as_bytes()).expect("a name")
}

/// Lends items of a queue, and returns their tokens.
fn lend(town: &mut Town, queue: &str, items: usize) -> Vec<String> {
    let lines = town.send(&format!("GET /mget?queue={queue}&items={items}&lease=5")).body;
    let token =
        |line| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["lease"].as_str().map(str::to_owned);
    let tokens: Vec<_> = lines.lines().filter_map(token).collect();
    assert_eq!(tokens.len(), items);
    tokens
}

fn nack(town: &mut Town, queue: &str, token: &str) {
    assert_eq!(town.status(&format!("POST /nack?queue={queue}&lease={token}")), 200);
}

/// The letters of a queue, as who hands them on to another engine sees them.
fn letters(town: &mut Town, queue: &str) -> Vec<(Time, u64)> {
    let mut letters = Vec::new();
    let _ = town.engine.letters(&name(queue), town.now, |letter| {
        letters.push((letter.died_at, letter.id));
        ControlFlow::Continue(())
    });
    letters
}

/// Letters are sent to another engine while their queue goes on: each that has arrived there leaves, and no other.
#[test]
fn letters_that_another_engine_has_leave_whatever_happened_meanwhile() {
    let mut town = town();
    assert_eq!(town.status(r#"PUT /queues/jobs {"max_attempts":1,"dead_letter":"far"}"#), 201);
    town.engine.host_mut().foreign.push(name("far"));
    assert_eq!(town.status("POST /mput?queue=jobs a\nb\nc\nd"), 200);
    let tokens = lend(&mut town, "jobs", 4);
    tokens[1..].iter().for_each(|token| nack(&mut town, "jobs", token));
    let sent = letters(&mut town, "jobs");
    assert_eq!(sent.len(), 3);
    // The first of them leaves by itself, and now another one is the first.
    assert_eq!(town.engine.drop_letters(&name("jobs"), [sent[0]]), 1);
    nack(&mut town, "jobs", &tokens[0]);
    assert_eq!(town.engine.drop_letters(&name("jobs"), sent.iter().copied()), 2);
    let left = letters(&mut town, "jobs");
    assert!(left.len() == 1 && left < sent, "{left:?}");
    assert_eq!(town.stats("jobs")["dead"], 4);
}

/// However much there is to be moved, one request moves it; the engine does a part of it at a time.
#[test]
fn a_queue_is_emptied_in_parts_by_one_request() {
    let mut town = town();
    assert_eq!(town.status(r#"PUT /queues/long {"bytes":300000}"#), 201);
    let fill =
        |town: &mut Town| assert_eq!(town.status(&format!("POST /mput?queue=long {}", "x\n".repeat(12_345))), 200);
    fill(&mut town);
    assert_eq!(town.send("POST /queues/long/empty").body, "removed 12345\n");
    fill(&mut town);
    let (empty, now) = (Command::Empty { queue: name("long") }, town.now);
    let mut turn = || town.engine.execute(&empty, now, &mut |_: Part<'_>| ControlFlow::Continue(()));
    assert_eq!(turn(), Outcome::Moved { items: 10_000, more: true });
    assert_eq!(turn(), Outcome::Moved { items: 2_345, more: false });
}

/// A walk is over when its queue is gone, even if there is another one of that name.
#[test]
fn a_queue_that_is_made_again_is_another_one() {
    let mut town = town();
    let dump = |town: &mut Town| {
        let Reply::Dump(dump) = town.reply(&Request::new(b"/dump?queue=jobs"), &mut Vec::new()) else { panic!() };
        dump
    };
    assert_eq!(town.status("POST /mput?queue=jobs first\nsecond\nthird"), 200);
    let mut walk = dump(&mut town);
    let mut first = None;
    let more = town.engine.dump(&mut walk, |item| match first.replace(item.to_vec()) {
        None => ControlFlow::Continue(()),
        Some(_) => ControlFlow::Break(()),
    });
    assert!(more);
    for line in ["DELETE /queues/jobs", "PUT /queues/jobs {\"bytes\":100}", "POST /mput?queue=jobs 1\n2\n3\n4"] {
        assert!([200, 201].contains(&town.status(line)));
    }
    let other = |item: &[u8]| panic!("{item:?} is of another queue");
    assert!(!town.engine.dump(&mut walk, other));
    let mut all = Vec::new();
    let mut walk = dump(&mut town);
    assert!(!town.engine.dump(&mut walk, |item| (all.extend_from_slice(item), ControlFlow::Continue(())).1));
    assert_eq!(all, b"1234");
    let line = town.send("GET /peek?queue=jobs").body;
    assert!(line.starts_with("{\"item\":3,"), "the ids go on: {line}");
}
