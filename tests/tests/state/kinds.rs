//! What the kinds of states are in Redis.

use std::collections::HashMap;

use serde_json::Value;
use streamgauge_tests::exact::Exact;
use streamgauge_tests::{needs, sets};

use crate::support::*;

#[test]
fn merged_moments_keep_their_digits() {
    let Some(redis) = Redis::start() else { return };
    let url = redis.url();
    for (number, set) in sets::all().iter().enumerate() {
        let key = format!("set{number}");
        let args = ["moments", "--json", "--state", &url, "--key", &key];
        let exact = Exact::of(&set.values);
        let mut random = sets::Random::new(number as u64);
        let mut rest = set.values.as_slice();
        let mut last = String::new();
        for part in (0..4).rev() {
            let (front, back) = rest.split_at(if part == 0 { rest.len() } else { random.below(rest.len() + 1) });
            rest = back;
            last = fine(&args, lines(front));
        }
        let json: Value = serde_json::from_str(&last).expect("JSON");
        assert_eq!(json["count"], set.values.len(), "{}", set.name);
        let digits = digits(&last, &exact);
        assert!(digits >= 15.5, "{}: {digits} digits: {last}", set.name);
        assert_eq!(fine(&["state", "export", "--state", &url, "--key", &key], b""), last, "{}", set.name);
    }
}

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

#[test]
fn a_state_expires_when_nobody_adds_to_it() {
    let Some(redis) = Redis::start() else { return };
    let state = redis.url();
    let out = fine(&["moments", "--state", &state, "--key", "k", "--expire", "100", "--json"], b"1\nx\nnan\n-inf\n2\n");
    assert!(out.starts_with("{\"count\":2,"), "{out}");
    assert!(out.ends_with("\"rejected\":{\"not_a_number\":1,\"nan\":1,\"infinite\":1}}\n"), "{out}");
    for key in ["k", "streamgauge:k"] {
        let left: i64 = redis.ask(&["PTTL", key]).parse().expect("milliseconds");
        assert!((50_000..=100_000).contains(&left), "{key}: {left}");
    }
}

#[test]
fn whole_numbers_are_counted_one_and_all() {
    let Some(redis) = Redis::start() else { return };
    let numbers: String = (0..30_000).map(|number| format!("{number}\n")).collect();
    let args = ["histogram", "--integers", "--max-values", "10", "--json", "--state", &redis.url(), "--key", "k"];
    let json: Value = serde_json::from_str(&fine(&args, numbers.as_bytes())).expect("JSON");
    assert_eq!(json["count"], 30_000);
    assert_eq!(counts(&redis).len(), 30_000);
    assert_eq!(redis.ask(&["HGET", "streamgauge:k", "other"]), "");
}
