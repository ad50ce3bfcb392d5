//! What graphs are in Redis, and what is theirs there.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;
use streamgauge_tests::needs;
use streamgauge_tests::wait::until;

use crate::support::*;

/// Weights by where an edge starts and where it leads.
type Edges = BTreeMap<(String, String), u64>;

#[test]
fn a_graph_is_a_sorted_set_a_node() {
    let Some(redis) = Redis::start() else { return };
    let state = redis.url();
    let Some(folder) = needs::data() else { return };
    let clicks = folder.join("usagov-clicks.jsonl");
    let text = std::fs::read_to_string(&clicks).expect("clicks");
    // Counted here as the workshop counts: each record built whole.
    let mut expected: HashMap<(String, String), u64> = HashMap::new();
    for line in text.lines() {
        let record: Value = serde_json::from_str(line).expect("JSON");
        if let (Some(from), Some(to)) = (record["r"].as_str(), record["u"].as_str()) {
            *expected.entry((from.to_owned(), to.to_owned())).or_default() += 1;
        }
    }
    let (front, back) = text.split_at(text.match_indices('\n').nth(700).expect("lines").0 + 1);
    for part in [front, back] {
        fine(&["graph", "--from", "r", "--to", "u", "--state", &state, "--key", "clicks"], part.as_bytes());
    }
    for from in ["direct", "http://www.facebook.com/"] {
        let out = redis.ask(&["ZRANGE", &format!("clicks:{from}"), "0", "-1", "WITHSCORES"]);
        let lines: Vec<_> = out.lines().collect();
        let found: HashMap<_, u64> =
            lines.chunks(2).map(|pair| ((from.to_owned(), pair[0].to_owned()), pair[1].parse().unwrap())).collect();
        let here: HashMap<_, _> = expected.clone().into_iter().filter(|((start, _), _)| start == from).collect();
        assert_eq!(found, here);
    }
    let shared = fine(&["state", "export", "--state", &state, "--key", "clicks"], b"");
    let alone = fine(&["graph", "--from", "r", "--to", "u", "--format", "edges"], text.as_bytes());
    assert_eq!(shared, alone);
    assert_eq!(shared.lines().count(), expected.len());
    for line in shared.lines() {
        let [from, to, weight] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        assert_eq!(expected[&(from.to_owned(), to.to_owned())].to_string(), weight);
    }
    assert!(
        fine(&["state", "show", "--state", &state, "--key", "clicks"], b"").contains("1,780 records, 54 heartbeats")
    );
    fine(&["state", "reset", "--state", &state, "--key", "clicks"], b"");
    assert_eq!(redis.ask(&["DBSIZE"]), "0");
}

/// What the workshop's `redis_graph_to_networkx.py` builds: each key is a node, each member of it an edge.
fn networkx(redis: &Redis, database: &str) -> Edges {
    let ask = |command: &[&str]| redis.ask(&[&["-n", database], command].concat());
    let mut edges = Edges::new();
    for key in ask(&["KEYS", "*"]).lines() {
        let members = ask(&["ZRANGE", key, "0", "-1", "WITHSCORES"]);
        for pair in members.lines().collect::<Vec<_>>().chunks(2) {
            let [to, weight] = pair else { panic!("{key}: {members}") };
            edges.insert((key.to_owned(), (*to).to_owned()), weight.parse().expect("a weight"));
        }
    }
    edges
}

fn record(from: &str, to: &str) -> String {
    format!("{{\"r\":\"{from}\",\"u\":\"{to}\"}}\n")
}

/// Adds to the graph `clicks` the nodes of which are in database 4.
fn add(redis: &Redis, more: &[&str], records: &str) -> (i32, String, String) {
    let state = redis.url();
    let args = ["graph", "--from", "r", "--to", "u", "--state", &state, "--key", "clicks", "--nodes-db", "4"];
    run(&[&args, more].concat(), records.as_bytes())
}

fn state(redis: &Redis, action: &str) -> (i32, String, String) {
    run(&["state", action, "--state", &redis.url(), "--key", "clicks"], b"")
}

#[test]
fn the_scripts_of_the_workshop_read_a_database_of_nodes() {
    let Some(redis) = Redis::start() else { return };
    let mut records = fine(&["generate", "clicks", "--count", "300", "--seed", "1"], b"");
    // Paths, and names that are keys about states elsewhere.
    for (from, to) in [("a", "b"), ("b", "c"), ("b", "c"), ("streamgauge:clicks", "a"), ("clicks:a", "")] {
        records += &record(from, to);
    }
    let mut expected = Edges::new();
    for line in records.lines() {
        let record: Value = serde_json::from_str(line).expect("JSON");
        if let (Some(from), Some(to)) = (record["r"].as_str(), record["u"].as_str()) {
            *expected.entry((from.to_owned(), to.to_owned())).or_default() += 1;
        }
    }
    let (front, back) = records.split_at(records.match_indices('\n').nth(150).expect("lines").0 + 1);
    for part in [front, back] {
        // The graph is read in between, too.
        let (code, _, err) = add(&redis, &["--every", "50"], part);
        assert_eq!(code, 0, "{err}");
    }
    assert_eq!(networkx(&redis, "4"), expected);
    let shared = state(&redis, "export").1;
    assert_eq!(shared, fine(&["graph", "--from", "r", "--to", "u", "--format", "edges"], records.as_bytes()));
    assert_eq!(shared.lines().count(), expected.len());
    assert!(state(&redis, "show").1.contains(" of 305 records"), "{:?}", state(&redis, "show"));
    // All of it, and nothing of what somebody else has put beside it.
    for (name, value) in [("ours?", "no"), ("A", "zset")] {
        let words = if value == "zset" { vec!["ZADD", name, "5", "B"] } else { vec!["SET", name, value] };
        redis.ask(&[&["-n", "4"], &words[..]].concat());
    }
    let froms: BTreeSet<_> = expected.keys().map(|(from, _)| from).collect();
    assert_eq!(state(&redis, "reset").1, format!("removed {} keys\n", froms.len() + 2));
    assert_eq!(redis.ask(&["DBSIZE"]), "0");
    let mut left: Vec<_> = redis.ask(&["-n", "4", "KEYS", "*"]).lines().map(str::to_owned).collect();
    left.sort_unstable();
    assert_eq!(left, ["A", "ours?"]);
}

#[test]
fn a_node_that_is_somebody_elses_key_is_refused() {
    let Some(redis) = Redis::start() else { return };
    redis.ask(&["-n", "4", "ZADD", "A", "5", "B"]);
    redis.ask(&["-n", "4", "SET", "S", "x"]);
    assert_eq!(add(&redis, &[], &record("C", "B")).0, 0);
    for (name, what) in [("A", "zset"), ("S", "string")] {
        let (code, _, err) = add(&redis, &[], &(record(name, "B") + &record("C", "B")));
        assert_eq!(code, 3, "{err}");
        assert!(err.contains(&format!("{name} is a {what}, and not of this graph")), "{err}");
    }
    assert_eq!(state(&redis, "export").1, "C\tB\t1\n");
    assert_eq!(state(&redis, "reset").1, "removed 3 keys\n");
    assert_eq!(
        (redis.ask(&["-n", "4", "ZSCORE", "A", "B"]), redis.ask(&["-n", "4", "GET", "S"])),
        ("5".into(), "x".into())
    );
}

#[test]
fn nodes_are_in_a_database_that_there_is_and_all_agree_on() {
    let Some(redis) = Redis::start() else { return };
    let of = |more: &[&str]| {
        let state = redis.url();
        run(&[&["graph", "--from", "r", "--to", "u", "--state", &state, "--key", "clicks"], more].concat(), b"")
    };
    for (more, code, words) in [
        (&["--nodes-db", "3"][..], 2, "--nodes-db must be another database than that of --state"),
        (&["--nodes-db", "99"], 3, "--nodes-db 99: "),
        (&["--nodes-db", "x"], 2, "--nodes-db"),
    ] {
        let (exit, _, err) = of(more);
        assert_eq!(exit, code, "{err}");
        assert!(err.contains(words), "{err}");
    }
    let (code, _, err) = run(&["graph", "--from", "r", "--to", "u", "--nodes-db", "4"], b"");
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("--nodes-db need --state"), "{err}");
    assert_eq!(add(&redis, &[], &record("a", "b")).0, 0);
    let (code, _, err) = of(&[]);
    assert_eq!(code, 3, "{err}");
    assert!(err.contains("holds graph (directed edges, nodes in database 4), not graph (directed edges)"), "{err}");
}

#[test]
fn a_large_graph_is_removed_in_several_steps() {
    let Some(redis) = Redis::start() else { return };
    let records: String = (0..25_000).map(|node| record(&node.to_string(), "to")).collect();
    assert_eq!(add(&redis, &["--top", "0"], &records).0, 0);
    assert_eq!(state(&redis, "export").1.lines().count(), 25_000);
    assert_eq!(state(&redis, "reset").1, "removed 25002 keys\n");
    assert_eq!((redis.ask(&["DBSIZE"]), redis.ask(&["-n", "4", "DBSIZE"])), ("0".to_owned(), "0".to_owned()));
}

#[test]
fn each_node_expires_by_itself() {
    let Some(redis) = Redis::start() else { return };
    let ttl =
        |database: &str, key: &str| -> i64 { redis.ask(&["-n", database, "PTTL", key]).parse().expect("milliseconds") };
    let near = |left: i64, seconds: i64| ((seconds - 50) * 1000..=seconds * 1000).contains(&left);
    let graph = ["graph", "--from", "r", "--to", "u", "--state", &redis.url(), "--key", "g", "--expire"];
    fine(&[&graph[..], &["300"]].concat(), (record("a", "b") + &record("b", "c")).as_bytes());
    fine(&[&graph[..], &["100"]].concat(), record("b", "c").as_bytes());
    // The longest lifetime counts, and what is about the graph outlives the last of its nodes.
    for (key, seconds) in [("g:a", 300), ("g:b", 300), ("streamgauge:g", 300), ("streamgauge:g:nodes", 300)] {
        assert!(near(ttl("3", key), seconds), "{key}: {}", ttl("3", key));
    }
    add(&redis, &["--expire", "0.2"], &(record("a", "b") + &record("b", "c")));
    add(&redis, &[], &record("c", "d"));
    assert_eq!((ttl("4", "c"), ttl("3", "streamgauge:clicks"), ttl("3", "streamgauge:clicks:nodes")), (-1, -1, -1));
    until("two nodes to expire", || (redis.ask(&["-n", "4", "KEYS", "*"]) == "c").then_some(()));
    assert_eq!(state(&redis, "export").1, "c\td\t1\n");
    // One of them comes back, and the name of the other one is free.
    assert_eq!(add(&redis, &[], &record("a", "b")).0, 0);
    assert_eq!(state(&redis, "export").1, "a\tb\t1\nc\td\t1\n");
    redis.ask(&["-n", "4", "ZADD", "b", "5", "B"]);
    assert_eq!(state(&redis, "reset").1, "removed 4 keys\n");
    assert_eq!(redis.ask(&["-n", "4", "KEYS", "*"]), "b");
}

#[test]
fn an_undirected_edge_is_stored_once() {
    let Some(redis) = Redis::start() else { return };
    let args = ["graph", "--undirected", "--from", "r", "--to", "u", "--state", &redis.url(), "--key", "g"];
    for (from, to) in [("a", "b"), ("b", "a"), ("c", "a"), ("b", "b")] {
        fine(&args, record(from, to).as_bytes());
    }
    let mut keys: Vec<_> = redis.ask(&["KEYS", "g:*"]).lines().map(str::to_owned).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["g:a", "g:b"]);
    assert_eq!(redis.ask(&["ZRANGE", "g:a", "0", "-1", "WITHSCORES"]), "c\n1\nb\n2");
    assert_eq!(redis.ask(&["ZRANGE", "g:b", "0", "-1", "WITHSCORES"]), "b\n1");
    let export =
        |format: &str| fine(&["state", "export", "--state", &redis.url(), "--key", "g", "--format", format], b"");
    assert_eq!(export("edges"), "a\tb\t2\na\tc\t1\nb\tb\t1\n");
    assert!(export("dot").starts_with("graph {\n  \"a\" -- \"b\""), "{}", export("dot"));
    let (code, _, err) = run(&["graph", "--from", "r", "--to", "u", "--state", &redis.url(), "--key", "g"], b"");
    assert_eq!(code, 3, "{err}");
    assert!(err.contains("holds graph (undirected edges), not graph (directed edges)"), "{err}");
}
