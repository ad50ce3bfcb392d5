//! More is due at once than is done at once.

use streamgauge_core::engine::memory::Defaults;
use streamgauge_core::engine::{Kind, Name, QueueSettings, TopicSettings};
use streamgauge_core::time::Time;

use super::Keeper;
use super::host::{BACKWARDS, Home};

/// Where a look stops that has done enough is where it stops again; and looks between that are not kept don't matter.
#[test]
fn what_is_left_over_is_left_over_again() {
    let queue = QueueSettings { bytes: 400_000, ..QueueSettings::DEFAULT };
    let defaults = Defaults { queue, ..Defaults::default() };
    let mut engine = Keeper::new(Home::<false>::new(9 << 20, 12_000), defaults);
    engine.is_strict = false;
    let at = |millis: u64| Time::from_millis(1_000_000 + millis);
    let body: String = (0..10_000).map(|i| format!("{i}\n")).collect();
    let told = engine.ask("PUT", "/queues/q", r#"{"max_attempts":1,"dead_letter":"dead","ttl":30}"#, at(0), 1 << 20);
    assert!(told.starts_with("201"), "{told}");
    engine.ask("POST", "/mput?queue=q", &body, at(0), 1 << 20);
    assert!(engine.ask("GET", "/mget?queue=q&items=9000&lease=1", "", at(1), 1 << 30).starts_with("200"));
    let mut other = engine.restored(Home::<true>::new(9 << 20, 12_000));
    engine.log.clear();
    let name = Name::new(b"q").unwrap();
    let mut kept = Vec::new();
    for now in [900, 1_001, 1_001, 1_002, 1_002, 30_000, 30_001, 40_000] {
        engine.ask("GET", "/peek?queue=q&items=1", "", at(now), 1 << 20);
        engine.ask("GET", "/mget?queue=q&items=2", "", at(now), 1 << 20);
        engine.ask("GET", "/queues", "", at(now), 1 << 20);
        engine.advance_one(Kind::Queue, &name, at(now));
        kept.push(engine.log.len());
        let again = engine.restored(Home::<true>::new(9 << 20, 12_000));
        assert_eq!(again.saved(), engine.saved());
    }
    assert!(kept[0] <= 1 && kept[1] > 2, "{kept:?}");
    other.replay(&engine.log);
    assert_eq!(other.saved(), engine.saved());
}

/// Letters that wait for room go with the next command that has any business with their queue, even if that gets nothing.
#[test]
fn letters_that_go_at_last_are_kept() {
    let mut engine = Keeper::new(
        Home::<false>::new(1 << 20, 20),
        Defaults { queue: QueueSettings { bytes: 1_000, ..QueueSettings::DEFAULT }, ..Defaults::default() },
    );
    let at = Time::from_millis;
    let mut now = 1;
    for (method, target, body) in [
        ("PUT", "/queues/dead", r#"{"max_depth":1,"overflow":"reject"}"#),
        ("PUT", "/queues/jobs", r#"{"max_attempts":1,"dead_letter":"dead"}"#),
        ("POST", "/put?queue=dead", "full"),
        ("POST", "/put?queue=jobs", "letter"),
        ("GET", "/get?queue=jobs&lease=1", ""),
        ("GET", "/get?queue=jobs", ""),
        ("GET", "/get?queue=dead", ""),
        ("GET", "/get?queue=jobs", ""),
    ] {
        now += 2_000;
        engine.ask(method, target, body, at(now), 1 << 20);
    }
    let mut other = Keeper::new(
        Home::<true>::new(1 << 20, 20),
        Defaults { queue: QueueSettings { bytes: 1_000, ..QueueSettings::DEFAULT }, ..Defaults::default() },
    );
    other.replay(&engine.log);
    assert_eq!(other.saved(), engine.saved());
    assert!(engine.ask("GET", "/get?queue=dead", "", at(now), 1 << 20).ends_with("letter"));
}

/// Which queue a topic feeds first does not depend on how a table goes through its names.
#[test]
fn a_topic_that_is_made_again_feeds_its_queues_in_one_order() {
    let saved = [false, true].map(|backwards| {
        let queue = QueueSettings { bytes: 100, ..QueueSettings::DEFAULT };
        let topic = TopicSettings { bytes: 100, ..TopicSettings::DEFAULT };
        let defaults = Defaults { queue, topic, ..Defaults::default() };
        let mut engine = Keeper::new(Home::<false>::new(1 << 20, 20), defaults);
        let mut ask = |method, target: &str, body| engine.ask(method, target, body, Time::ZERO, 1 << 20);
        for queue in ["b", "d", "a", "c", "e"] {
            ask("PUT", &format!("/queues/{queue}"), r#"{"topic":"news"}"#);
        }
        ask("PUT", "/queues/d", r#"{"topic":"other"}"#);
        ask("DELETE", "/topics/news", "");
        BACKWARDS.set(backwards);
        let published = ask("POST", "/pub?topic=news", "extra");
        BACKWARDS.set(false);
        assert!(published.starts_with("200"), "{published}");
        engine.saved()
    });
    assert_eq!(saved[0], saved[1]);
}
