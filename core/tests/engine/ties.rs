//! What ties queues to topics, and to each other.

use core::ops::ControlFlow;
use core::time::Duration;

use streamgauge_core::endpoints::{Reply, Request};
use streamgauge_core::engine::memory::Defaults;
use streamgauge_core::engine::{
    Command, Data, Engine as _, Kind, Name, Outcome, Part, Pieces, QueueSettings, TopicSettings,
};
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

/// Whoever has copies of letters is the only one who does anything with them until it says so.
#[test]
fn letters_that_are_being_handed_on_are_nowhere_else() {
    let mut town = town();
    let settings = r#"{"max_bytes":30,"max_attempts":1,"dead_letter":"far"}"#;
    assert_eq!(town.status(&format!("PUT /queues/jobs {settings}")), 201);
    town.engine.host_mut().foreign.push(name("far"));
    assert_eq!(town.status("POST /put?queue=jobs 0123456789"), 200);
    assert_eq!(town.status("POST /put?queue=jobs aaaaabbbbb"), 200);
    kill(&mut town, "jobs", 2);
    assert!(town.engine.is_handing(&name("jobs")));
    let sent = letters(&mut town, "jobs");
    assert_eq!(sent.len(), 2);
    // Their target comes here, and others ask for their room.
    town.engine.host_mut().foreign.clear();
    assert_eq!(town.status("PUT /queues/far {}"), 201);
    let put = |queue, items: &'static [u8]| Command::Put {
        queue,
        items: Pieces::whole(Data::Plain(items)),
        delay: Duration::ZERO,
        id: None,
    };
    for (items, has_to_wait) in [(&b"short"[..], false), (b"too long for it", true)] {
        let Command::Put { queue, items, .. } = put(name("jobs"), items) else { unreachable!() };
        assert_eq!(town.engine.has_to_wait(&queue, &items), has_to_wait);
    }
    assert_eq!(town.status("POST /put?queue=jobs short"), 200);
    assert_eq!(town.status("POST /put?queue=jobs too+long+for+it"), 503, "who does not wait is refused");
    assert_eq!(town.status("POST /put?queue=jobs ten+bytes."), 200);
    assert_eq!(town.engine.host().overflow, [(name("jobs"), b"short".to_vec())], "what is ready leaves");
    assert_eq!(town.send("POST /redrive?queue=jobs").body, "redriven 0\n");
    assert_eq!(town.send("POST /queues/jobs/empty").body, "removed 1\n");
    town.engine.advance(Kind::Queue, &name("jobs"), town.now);
    assert_eq!(letters(&mut town, "jobs"), sent);
    assert_eq!(town.stats("far")["accepted"], 0);
    // One has arrived, and the other one has not.
    assert_eq!(town.engine.drop_letters(&name("jobs"), [sent[0]]), 1);
    town.engine.set_handing(&name("jobs"), false);
    town.engine.advance(Kind::Queue, &name("jobs"), town.now);
    assert_eq!((&town.stats("jobs")["dead"], &town.stats("far")["accepted"]), (&2.into(), &1.into()));
    assert_eq!(town.status("POST /put?queue=jobs all+of+the+room,+no+less+of+it"), 200, "nothing is left of them");
}

/// Who publishes waits for letters of the queues that it feeds, as who puts does; who can't loses nothing.
#[test]
fn what_a_topic_feeds_waits_for_letters_that_are_being_handed_on() {
    let mut town = town();
    let settings = r#"{"max_bytes":30,"max_attempts":1,"dead_letter":"far","topic":"news","filter":["a:1"]}"#;
    assert_eq!(town.status(r#"PUT /topics/news {}"#), 201);
    assert_eq!(town.status(&format!("PUT /queues/jobs {settings}")), 201);
    assert_eq!(town.status(r#"PUT /queues/last {"topic":"news"}"#), 201);
    town.engine.host_mut().foreign.push(name("far"));
    let waits = |town: &Town, message: &'static str| {
        town.engine.has_to_wait_to_feed(&name("news"), &Pieces::whole(Data::Plain(message.as_bytes())))
    };
    let (short, long, other) = (r#"{"a":1}"#, r#"{"a":1,"b":"0123456789"}"#, r#"{"a":2,"b":"0123456789"}"#);
    assert_eq!(town.status("POST /put?queue=jobs 0123456789"), 200);
    assert!(!waits(&town, long), "nothing is handed on");
    kill(&mut town, "jobs", 1);
    assert!(town.engine.is_handing(&name("jobs")));
    assert_eq!([short, long, other].map(|message| waits(&town, message)), [false, true, false]);
    assert_eq!(town.status(&format!("POST /pub?topic=news {long}")), 200);
    assert_eq!(town.engine.host().overflow, [(name("jobs"), long.as_bytes().to_vec())]);
    assert_eq!((&town.stats("jobs")["refused"], &town.stats("last")["accepted"]), (&1.into(), &1.into()));
    // However it ends, it ends.
    town.engine.set_handing(&name("jobs"), false);
    assert!(!waits(&town, long));
    for _ in 0..2 {
        town.engine.set_handing(&name("jobs"), true);
    }
    assert!(waits(&town, long));
    assert_eq!(town.status("DELETE /queues/jobs"), 200);
    assert!(!waits(&town, long));
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

/// All that a queue says of the timers and the clients that wait.
fn forget(town: &mut Town) {
    let host = town.engine.host_mut();
    host.due.clear();
    host.ready.clear();
}

fn due(town: &Town, queue: &str) -> Option<Time> {
    town.engine.host().due.get(&(Kind::Queue, name(queue))).copied()
}

fn kill(town: &mut Town, queue: &str, items: usize) {
    for token in lend(town, queue, items) {
        nack(town, queue, &token);
    }
}

/// Whatever a letter does to the queue that takes it follows as after a put.
#[test]
fn a_queue_that_takes_letters_is_looked_after() {
    let mut town = town();
    assert_eq!(town.status(r#"PUT /queues/jobs {"max_attempts":1,"dead_letter":"dead"}"#), 201);
    assert_eq!(town.status(r#"PUT /queues/dead {"max_attempts":1,"dead_letter":"jobs","ttl":9}"#), 201);
    assert_eq!(town.status("POST /mput?queue=jobs a\nb"), 200);
    forget(&mut town);
    kill(&mut town, "jobs", 1);
    assert_eq!(due(&town, "dead"), Some(town.now.after(Duration::from_secs(9))), "they grow too old there");
    assert!(town.engine.host().ready.contains(&name("dead")));
    // And back, and so on.
    kill(&mut town, "dead", 1);
    assert_eq!((&town.stats("jobs")["ready"], &town.stats("dead")["ready"]), (&2.into(), &0.into()));
    assert_eq!(town.status("POST /queues/dead/pause"), 200);
    forget(&mut town);
    kill(&mut town, "jobs", 2);
    assert_eq!(town.stats("dead")["ready"], 2);
    assert!(!town.engine.host().ready.contains(&name("dead")), "nobody gets what is paused");
}

#[test]
fn letters_that_had_no_room_are_tried_again() {
    let mut town = town();
    assert_eq!(town.status(r#"PUT /queues/jobs {"max_attempts":1,"dead_letter":"dead"}"#), 201);
    assert_eq!(town.status(r#"PUT /queues/dead {"max_depth":1,"overflow":"reject"}"#), 201);
    assert_eq!(town.status("POST /mput?queue=jobs a\nb"), 200);
    kill(&mut town, "jobs", 2);
    assert_eq!(town.send("GET /get?queue=dead").body, "a");
    let again = due(&town, "jobs").expect("it is tried again");
    assert_eq!(again, town.now.after(Duration::from_secs(1)));
    forget(&mut town);
    town.engine.advance(Kind::Queue, &name("jobs"), again);
    assert_eq!(town.send("GET /get?queue=dead").body, "b");
    assert_eq!(due(&town, "jobs"), None);
}

/// Whoever notices that a lease is over says so: those who wait for an item need no timer that is older.
#[test]
fn who_only_looks_wakes_those_who_wait() {
    for line in ["GET /peek?queue=jobs", "GET /stats?queue=jobs", "GET /queues/jobs", "GET /queues"] {
        let mut town = town();
        assert_eq!(town.status(r#"PUT /queues/jobs {"max_attempts":2,"dead_letter":"dead"}"#), 201);
        assert_eq!(town.status("POST /mput?queue=jobs a\nb"), 200);
        lend(&mut town, "jobs", 2);
        forget(&mut town);
        town.now = town.now.after(Duration::from_secs(5));
        assert_eq!(town.status(line), 200);
        assert!(town.engine.host().ready.contains(&name("jobs")), "{line}");
        lend(&mut town, "jobs", 1);
        assert_eq!(due(&town, "jobs"), Some(town.now.after(Duration::from_secs(5))), "{line}");
        // Letters are not moved by that, but soon.
        forget(&mut town);
        town.now = town.now.after(Duration::from_secs(5));
        assert_eq!(town.status(line), 200);
        assert_eq!(due(&town, "jobs"), Some(town.now), "{line}");
        town.engine.advance(Kind::Queue, &name("jobs"), town.now);
        assert_eq!(town.stats("dead")["ready"], 1, "{line}");
    }
}

/// A queue is emptied of what is its own.
#[test]
fn a_queue_that_is_emptied_hands_its_letters_on_before() {
    let mut town = town();
    assert_eq!(town.status(r#"PUT /queues/jobs {"max_attempts":1,"dead_letter":"dead"}"#), 201);
    assert_eq!(town.status("POST /mput?queue=jobs a\nb"), 200);
    lend(&mut town, "jobs", 1);
    town.now = town.now.after(Duration::from_secs(5));
    assert_eq!(town.send("POST /queues/jobs/empty").body, "removed 1\n");
    assert_eq!((&town.stats("jobs")["purged"], &town.stats("dead")["ready"]), (&1.into(), &1.into()));
}

#[test]
fn a_queue_is_fed_again_by_a_topic_that_is_made_again() {
    let (mut town, mut other) = (town(), town());
    assert_eq!(town.status(r#"PUT /queues/fed {"topic":"news"}"#), 201);
    let fed = |town: &mut Town| {
        assert_eq!(town.status("POST /pub?topic=news x"), 200);
        town.send("GET /get?queue=fed").body == "x"
    };
    assert!(fed(&mut town));
    for topic in ["other", "news"] {
        assert_eq!(town.status("DELETE /topics/news"), 200);
        assert_eq!(town.status(&format!("PUT /topics/{topic}")), 201);
        assert!(fed(&mut town));
    }
    // And by one of another engine, which has no such topic yet.
    let queue = town.engine.detach_queue(&name("fed")).expect("it is here");
    assert!(other.engine.attach_queue(&name("fed"), queue, town.now).is_ok());
    assert!(fed(&mut other));
}

/// A limit holds for whatever comes into a queue.
#[test]
fn what_is_too_long_comes_neither_from_a_topic_nor_from_the_dead() {
    let mut town = town();
    assert_eq!(town.status(r#"PUT /queues/short {"max_item_bytes":5,"topic":"news"}"#), 201);
    assert_eq!(town.status(r#"PUT /queues/jobs {"max_attempts":1,"dead_letter":"short"}"#), 201);
    assert_eq!(town.status("POST /pub?topic=news fits\ntoolong"), 200);
    let stats = town.stats("short");
    assert_eq!((&stats["accepted"], &stats["refused"]), (&1.into(), &1.into()));
    assert_eq!(town.status("POST /mput?queue=jobs fits\ntoolong"), 200);
    kill(&mut town, "jobs", 2);
    assert_eq!(town.send("GET /mget?queue=short&items=9").body, "fits\nfits\n");
    assert!(town.send("GET /peek?queue=jobs&state=dead").body.contains("toolong"), "it is still where it was");
}
