//! What is refused changes nothing, and says why.

use core::time::Duration;

use streamgauge_core::endpoints::{Method, Request};
use streamgauge_core::engine::memory::Defaults;
use streamgauge_core::engine::{Engine as _, Kind, Name, QueueSettings, TopicSettings};

use crate::Town;
use crate::host::Bounded;

fn town() -> Town {
    let queue = QueueSettings { bytes: 1_000, ..QueueSettings::DEFAULT };
    let topic = TopicSettings { bytes: 1_000, ..TopicSettings::DEFAULT };
    Town::new(5_500, Defaults { queue, topic, ..Defaults::default() })
}

/// All that can be seen of it.
fn state(town: &mut Town) -> (String, String) {
    (town.send("GET /queues").body, town.send("GET /topics").body)
}

#[test]
fn what_is_not_understood_is_400_and_changes_nothing() {
    let mut town = town();
    assert_eq!(town.status("PUT /queues/jobs {\"lease\":5,\"topic\":\"news\"}"), 201);
    assert_eq!(town.status("POST /put?queue=jobs one"), 200);
    let before = state(&mut town);
    for line in [
        "PUT /queues/jobs {\"leese\":5}",
        "PUT /queues/jobs {\"lease\":5,\"max_attempts\":3,\"x\":1}",
        "PUT /queues/jobs {\"lease\":0}",
        "PUT /queues/jobs {\"lease\":\"5 s\"}",
        "PUT /queues/jobs {\"max_attempts\":0}",
        "PUT /queues/jobs {\"max_attempts\":65536}",
        "PUT /queues/jobs {\"dead_letter\":\"a b\"}",
        "PUT /queues/jobs {\"dead_letter\":\".a\"}",
        "PUT /queues/jobs {\"sample\":0}",
        "PUT /queues/jobs {\"filter\":\"country\"}",
        "PUT /queues/jobs {\"filter\":{\"country\":\"de\"}}",
        "PUT /queues/jobs {\"filter\":[\"a:1\",\"b:2\",\"c:3\"]}",
        "PUT /queues/jobs {\"durable\":true}",
        "PUT /queues/jobs {\"overflow\":\"newest\"}",
        "PUT /queues/jobs {\"lease\":5} x",
        "PUT /queues/jobs [1]",
        "PUT /topics/news {\"lease\":5}",
        "PUT /topics/news {\"max_age\":\"yesterday\"}",
        "PUT /queues/a%20b",
        "PUT /queues/.a",
        "PUT /queues/",
        "GET /queues/%C3%A9",
        "DELETE /topics/a%2Fb",
        "POST /queues/a%00/pause",
        "POST /put?queue=a/b x",
        "POST /put?queue= x",
        "POST /put?queue=jobs",
        "POST /put?queue=jobs&delay=soon x",
        "POST /put?queue=jobs&delay=721h x",
        "POST /mput?queue=jobs&separator=12345678901234567 x",
        "POST /pub?topic=.. x",
        "GET /get?queue=jobs&lease=0",
        "GET /get?queue=jobs&lease=x",
        "GET /get?queue=jobs&wait=x",
        "GET /mget?queue=jobs&items=0",
        "POST /ack?queue=jobs",
        "POST /nack?queue=jobs&lease=x&delay=never",
        "POST /nack?queue=jobs&lease=x&delay=2592001",
        "POST /touch?queue=jobs&lease=x&seconds=0",
        "GET /peek?queue=jobs&state=lost",
        "GET /peek?queue=jobs&items=0",
        "GET /sub?topic=news&policy=drop",
    ] {
        let answer = town.send(line);
        assert_eq!(answer.status, 400, "{line}: {answer:?}");
        assert!(answer.body.lines().count() == 1 && answer.body.ends_with('\n'), "{line}: {:?}", answer.body);
        assert_eq!(state(&mut town), before, "{line}");
    }
    let answer = town.send("POST /put?queue=jobs&delay=18446744073709551615 x");
    let line = "delay must be a number of seconds, or such as 500ms, 2s, 5m or 1h, and not above 720h\n";
    assert_eq!((answer.status, &*answer.body), (400, line));
    let id = "x".repeat(129);
    assert_eq!(town.status(&format!("POST /put?queue=jobs&id={id} x")), 400);
    let name = "n".repeat(65);
    assert_eq!(town.status(&format!("POST /put?queue={name} x")), 400);
    for (line, status) in [
        ("POST /queues/jobs", 405),
        ("DELETE /queues", 405),
        ("GET /queues/jobs/pause", 405),
        ("PUT /put?queue=jobs x", 405),
        ("POST /queues/jobs/stop", 404),
        ("GET /acks", 404),
        ("PUT /queues/jobs {\"dead_letter\":\"jobs\"}", 409),
        ("PUT /queues/jobs {\"bytes\":2000}", 409),
        ("PUT /queues/jobs {\"lease\":\"1h\"}", 409),
        ("PUT /topics/news {\"bytes\":2000}", 409),
        ("PUT /topics/news {\"max_message_bytes\":1048577}", 409),
        ("PUT /topics/other {\"max_message_bytes\":1048577}", 409),
        ("PUT /queues/jobs {\"max_item_bytes\":1048577}", 409),
        ("PUT /queues/other {\"max_item_bytes\":1048577}", 409),
    ] {
        assert_eq!(town.status(line), status, "{line}");
        assert_eq!(state(&mut town), before, "{line}");
    }
}

#[test]
fn head_is_answered_as_get_but_for_the_body() {
    let mut town = town();
    assert_eq!(town.status("PUT /queues/jobs"), 201);
    for (path, status) in [
        ("/topics", 200),
        ("/topics/none", 404),
        ("/queues", 200),
        ("/queues/jobs", 200),
        ("/queues/none", 404),
        ("/nowhere", 404),
    ] {
        let get = Request { accept: b"application/json", ..Request::new(path.as_bytes()) };
        let (head, get) = (town.ask(&Request { method: Method::Head, ..get }), town.ask(&get));
        assert_eq!((head.status, head.content_type), (status, get.content_type), "{path}");
        assert_eq!(get.status, status, "{path}");
    }
}

#[test]
fn nothing_is_said_of_a_path_that_is_none_but_to_who_accepts_json() {
    let mut town = town();
    assert_eq!(town.send("GET /nowhere").body, "");
    let answer = town.ask(&Request { accept: b"application/json", ..Request::new(b"/nowhere") });
    assert_eq!((answer.status, answer.content_type), (404, "application/problem+json"));
    assert_eq!(
        answer.body,
        "{\"type\":\"urn:streamgauge:problem:not-found\",\"status\":404,\"detail\":\"nothing answers at this path\"}\n"
    );
}

#[test]
fn the_same_settings_twice_change_nothing() {
    let mut town = town();
    let settings = r#"{"lease":"90s","max_lease":600,"max_attempts":3,"dead_letter":"dead","ttl":"1h","topic":"news","filter":["c:\"de\"","a.b:\\u00e9"],"sample":2,"overflow":"reject","max_depth":5,"max_bytes":"1KiB"}"#;
    assert_eq!(town.status(&format!("PUT /queues/jobs {settings}")), 201);
    assert_eq!(town.status("POST /pub?topic=news a\nb\nc"), 200);
    let before = state(&mut town);
    assert_eq!(town.status(&format!("PUT /queues/jobs {settings}")), 200);
    assert_eq!(town.status("PUT /queues/jobs"), 200);
    assert_eq!(town.status("PUT /queues/jobs {}"), 200);
    assert_eq!(state(&mut town), before);
    // What the resource shows is understood as settings, and the same.
    let shown: serde_json::Value = serde_json::from_str(&town.send("GET /queues/jobs").body).unwrap();
    assert_eq!(town.status(&format!("PUT /queues/jobs {}", shown["settings"])), 200);
    let shown: serde_json::Value = serde_json::from_str(&town.send("GET /topics/news").body).unwrap();
    assert_eq!(town.status(&format!("PUT /topics/news {}", shown["settings"])), 200);
    assert_eq!(state(&mut town), before);
    // Only what is named changes.
    assert_eq!(town.status(r#"PUT /queues/jobs {"ttl":null}"#), 200);
    let changed = state(&mut town).0;
    assert_eq!(changed, before.0.replace("\"ttl\":\"3600s\"", "\"ttl\":null"));
    assert_ne!(changed, before.0);
}

#[test]
fn a_name_too_many_is_507_and_names_the_budget() {
    let mut town = town();
    for name in ["a", "b", "c", "d", "e"] {
        assert_eq!(town.status(&format!("POST /put?queue={name} item")), 200);
    }
    let before = state(&mut town);
    let refused = "1000 bytes do not fit into the budget memory 5500: 5 topics and queues hold 5000\n";
    for line in ["POST /put?queue=f item", "PUT /queues/f", "GET /get?queue=f", "POST /pub?topic=t x", "PUT /topics/t"]
    {
        let answer = town.send(line);
        assert_eq!((answer.status, &*answer.body), (507, refused), "{line}");
        assert_eq!(state(&mut town), before, "{line}");
    }
    // A queue that a topic would have to feed is not made without it.
    assert_eq!(town.status("PUT /queues/f {\"bytes\":400,\"topic\":\"t\"}"), 507);
    assert_eq!(state(&mut town), before);
    assert_eq!(town.status("PUT /queues/f {\"bytes\":400}"), 201);
    // Nor is its topic without the queue, though that has room.
    assert_eq!(town.status("DELETE /queues/a"), 200);
    assert_eq!(town.status("PUT /queues/g {\"bytes\":9000,\"topic\":\"t\"}"), 507);
    assert_eq!(town.status("GET /topics/t"), 404);
}

#[test]
fn who_makes_no_names_by_itself_says_404() {
    let mut town = Town::new(1 << 20, Defaults { auto_create: false, ..Defaults::default() });
    for line in [
        "POST /put?queue=jobs x",
        "GET /get",
        "GET /get?queue=jobs&lease=5",
        "POST /ack?queue=jobs&lease=x",
        "GET /peek?queue=jobs",
        "GET /dump?queue=jobs",
        "POST /redrive?queue=jobs",
        "GET /stats?queue=jobs",
        "POST /queues/jobs/pause",
        "POST /queues/jobs/empty",
        "GET /queues/jobs",
        "DELETE /queues/jobs",
    ] {
        let answer = town.send(line);
        let name = if line == "GET /get" { "main" } else { "jobs" };
        assert_eq!((answer.status, answer.body), (404, format!("there is no queue {name}\n")), "{line}");
    }
    for line in ["POST /pub?topic=t x", "GET /stats?topic=t", "GET /topics/t", "DELETE /topics/t"] {
        let answer = town.send(line);
        assert_eq!((answer.status, &*answer.body), (404, "there is no topic t\n"), "{line}");
    }
    assert_eq!(state(&mut town), ("[]\n".to_owned(), "[]\n".to_owned()));
    assert_eq!(town.status("PUT /queues/jobs {\"bytes\":1000}"), 201);
    assert_eq!(town.status("POST /put?queue=jobs x"), 200);
}

#[test]
fn a_queue_that_rejects_is_503_and_one_that_drops_tells_what_left() {
    let mut town = town();
    assert_eq!(town.status("PUT /queues/full {\"max_depth\":2,\"overflow\":\"reject\"}"), 201);
    assert_eq!(town.status("PUT /queues/drop {\"max_depth\":2}"), 201);
    for queue in ["full", "drop"] {
        assert_eq!(town.status(&format!("POST /mput?queue={queue} a\nb")), 200);
    }
    let answer = town.send("POST /put?queue=full c");
    assert_eq!((answer.status, answer.headers), (503, vec![("Retry-After", "1".to_owned())]));
    assert_eq!(answer.body, "the queue full is full: the limit max_depth 2 is reached\n");
    assert_eq!(town.status("POST /put?queue=drop c"), 200);
    let left = (Name::new(b"drop").unwrap(), b"a".to_vec());
    assert_eq!(town.engine.host().overflow, [left]);
    assert_eq!(town.stats("drop")["overflow"], 1);
    assert_eq!(town.stats("full")["overflow"], 0);
    assert_eq!(
        (&town.stats("drop")["unlogged"], &town.stats("full")["unlogged"]),
        (&1.into(), &1.into()),
        "of all queues"
    );
    // A batch is put whole or not at all.
    town.send("GET /get?queue=full");
    assert_eq!(town.status("POST /mput?queue=full x\ny"), 503);
    assert_eq!(town.stats("full")["ready"], 1);
}

/// Whatever the reason is, an item that was not accepted is counted once.
#[test]
fn what_is_refused_is_counted() {
    let mut town = town();
    assert_eq!(town.status(r#"PUT /queues/full {"max_depth":2,"overflow":"reject","max_item_bytes":5}"#), 201);
    let late: String = "x\n".repeat(Bounded::PLACES + 1);
    for (line, status, refused) in [
        ("POST /put?queue=full toolong", 413, 1),
        ("POST /mput?queue=full a\ntoolong", 413, 3),
        ("POST /mput?queue=full a\nb\nc", 503, 6),
        ("POST /mput?queue=full a\nb", 200, 6),
        ("POST /put?queue=full c", 503, 7),
    ] {
        assert_eq!(town.status(line), status, "{line}");
        assert_eq!(town.stats("full")["refused"], refused, "{line}");
    }
    assert_eq!(town.status(&format!("POST /mput?queue=late&delay=5 {late}")), 507);
    assert_eq!(town.stats("late")["refused"], Bounded::PLACES + 1);
}

/// An acknowledgement is not taken back, so there is always room to tell of it.
#[test]
fn however_many_leases_are_over_those_that_were_not_are_told() {
    let mut town = town();
    let line = "the lease 0123456789abcdef01234567 is over\n";
    for (max_answer, json, told) in [
        (96, false, "4 leases are over\nacked 1\n".to_owned()),
        (96, true, "{\"over\":[],\"more\":4,\"acked\":1}\n".to_owned()),
        (200, false, format!("{}1 more leases are over\nacked 1\n", line.repeat(3))),
        (236, false, format!("{}acked 1\n", line.repeat(4))),
    ] {
        town.settings.max_answer = max_answer;
        assert_eq!(town.status("POST /put?queue=jobs item"), 200);
        let lent = town.send("GET /mget?queue=jobs&items=1&lease=5").body;
        let lent: serde_json::Value = serde_json::from_str(&lent).unwrap();
        let body = format!("{}{}", "0123456789abcdef01234567\n".repeat(4), lent["lease"].as_str().unwrap());
        let accept: &[u8] = if json { b"application/json" } else { b"" };
        let answer = town.ask(&Request { accept, ..Request::new(b"/ack?queue=jobs").with_body(body.as_bytes()) });
        assert_eq!((answer.status, answer.body), (200, told), "{max_answer}");
        assert_eq!(town.stats("jobs")["leased"], 0);
    }
}

/// An id that had to go before its window was over would count a second time, and that is seen.
#[test]
fn ids_that_are_forgotten_early_are_counted() {
    let mut town = town();
    for id in 0..4 * Bounded::PLACES {
        assert_eq!(town.status(&format!("POST /put?queue=jobs&id={id} x")), 200);
        assert_eq!(town.status(&format!("POST /pub?topic=news&id={id} x")), 200);
    }
    let topic = town.send("GET /stats?topic=news&format=json").body;
    let topic: serde_json::Value = serde_json::from_str(&topic).unwrap();
    for stats in [town.stats("jobs"), topic] {
        let early = stats["forgotten_early"].as_u64().unwrap();
        assert!(early >= 3 * Bounded::PLACES as u64, "{stats}");
    }
}

/// All or none: also where an item by itself could be put, and several can't.
#[test]
fn a_batch_that_can_not_all_be_set_aside_is_not_put() {
    let mut town = town();
    let items: String = (0..Bounded::PLACES + 1).map(|i| format!("{i}\n")).collect();
    assert_eq!(town.status(&format!("POST /mput?queue=jobs&delay=5 {items}")), 507);
    assert_eq!(town.stats("jobs")["accepted"], 0);
}

/// A timer that looks at nothing but what it was told has everything done in time.
#[test]
fn who_is_told_when_something_is_due_needs_no_other_clock() {
    let mut town = town();
    let jobs = Name::new(b"jobs").unwrap();
    assert_eq!(town.status("PUT /queues/jobs {\"max_attempts\":1,\"dead_letter\":\"dead\"}"), 201);
    assert_eq!(town.status("POST /put?queue=jobs lent"), 200);
    assert_eq!(town.status("GET /get?queue=jobs&lease=30"), 200);
    assert_eq!(town.status("POST /put?queue=jobs&delay=10 later"), 200);
    for (seconds, ready, dead) in [(10, 1, 0), (30, 1, 1)] {
        let due = town.engine.host_mut().due.remove(&(Kind::Queue, jobs)).expect("something is due");
        assert_eq!(due, town.now.after(Duration::from_secs(seconds)));
        town.engine.host_mut().ready.clear();
        town.engine.advance(Kind::Queue, &jobs, due);
        assert!(!town.engine.host().ready.is_empty());
        let shown = town.engine.execute(
            &streamgauge_core::engine::Command::QueueStats { queue: jobs, reset: false },
            due,
            &mut |part: streamgauge_core::engine::Part<'_>| {
                if let streamgauge_core::engine::Part::QueueStats(stats) = part {
                    assert_eq!((stats.counters.ready, stats.counters.dead), (ready, dead), "{seconds}");
                }
                core::ops::ControlFlow::Continue(())
            },
        );
        assert_eq!(shown, streamgauge_core::engine::Outcome::Told(1));
    }
    assert!(town.engine.host().ready.contains(&Name::new(b"dead").unwrap()));
    assert_eq!(town.send("GET /get?queue=dead").body, "lent");
}
