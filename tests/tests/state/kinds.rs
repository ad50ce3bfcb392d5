//! What moments and histograms are in Redis.

use serde_json::Value;
use streamgauge_tests::exact::Exact;
use streamgauge_tests::process::Server;
use streamgauge_tests::sets;

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
fn a_state_expires_when_nobody_adds_to_it() {
    let Some(redis) = Redis::start() else { return };
    let state = redis.url();
    let out = fine(&["moments", "--state", &state, "--key", "k", "--expire", "100", "--json"], b"1\nx\nnan\n-inf\n2\n");
    assert!(out.starts_with("{\"count\":2,"), "{out}");
    assert!(out.ends_with("\"rejected\":{\"not_a_number\":1,\"nan\":1,\"infinite\":1}}\n"), "{out}");
    let add = |expire: &[&str]| {
        fine(&[&["moments", "--state", &state, "--key", "k"], expire].concat(), b"3\n");
        fine(&[&["histogram", "--integers", "--state", &state, "--key", "h"], expire].concat(), b"1\n2\n");
    };
    let left = |key: &str| -> i64 { redis.ask(&["PTTL", key]).parse().expect("milliseconds") };
    const KEYS: [&str; 4] = ["k", "streamgauge:k", "h", "streamgauge:h"];
    // The longest time that anybody gave counts, from whoever added last.
    for (expire, least, most) in [("100", 50_000, 100_000), ("900", 500_000, 900_000), ("100", 500_000, 900_000)] {
        add(&["--expire", expire]);
        for key in KEYS {
            assert!((least..=most).contains(&left(key)), "{key} after {expire}: {}", left(key));
        }
    }
    KEYS.iter().for_each(|key| _ = redis.ask(&["EXPIRE", key, "200"]));
    add(&["--expire", "100"]);
    assert!(KEYS.iter().all(|key| left(key) > 500_000), "{:?}", KEYS.map(left));
    // Who gives none keeps it for ever, whatever the next one gives.
    for expire in [&[][..], &["--expire", "100"]] {
        add(expire);
        assert_eq!(KEYS.map(left), [-1; 4]);
    }
    // Nor does an earlier version's, which has noted nothing, get an end.
    ["streamgauge:k", "streamgauge:h"].iter().for_each(|key| _ = redis.ask(&["HDEL", key, "lifetime"]));
    add(&["--expire", "100"]);
    assert_eq!(KEYS.map(left), [-1; 4]);
}

#[test]
fn bins_of_real_numbers_are_filled_by_several_readers() {
    const BINS: [&str; 7] = ["histogram", "--min", "0", "--max", "1", "--bins", "8"];
    let Some(redis) = Redis::start() else { return };
    let queue = Server::start("simplequeue", [""; 0]);
    let numbers =
        fine(&["generate", "normal", "--mean", "0.5", "--variance", "0.1", "--count", "20000", "--seed", "3"], b"");
    let lines: Vec<_> = numbers.lines().collect();
    let mut client = queue.connect();
    for some in lines.chunks(10_000) {
        assert_eq!(client.post("/mput", some.join("\n")).status, 200);
    }
    let readers: Vec<_> = (0..3).map(|_| reader(queue.address, &redis.url(), &BINS)).collect();
    for reader in readers {
        ends_well(reader);
    }
    // Counted here by what a bin is: an eighth of the range, its lower edge included.
    let values: Vec<f64> = lines.iter().map(|line| line.parse().expect("a number")).collect();
    let count = |from: f64, to: f64| values.iter().filter(|value| (from..to).contains(*value)).count() as u64;
    let expected = (0..8).map(|bin| (bin, count(bin as f64 / 8.0, (bin + 1) as f64 / 8.0))).collect();
    assert_eq!(counts(&redis), expected);
    for (field, number) in [("underflow", count(f64::NEG_INFINITY, 0.0)), ("overflow", count(1.0, f64::INFINITY))] {
        assert!(number > 0, "{field}");
        assert_eq!(redis.ask(&["HGET", "streamgauge:k", field]), number.to_string(), "{field}");
    }
    let alone = fine(&[&BINS[..], &["--json"]].concat(), numbers.as_bytes());
    assert_eq!(fine(&["state", "export", "--state", &redis.url(), "--key", "k"], b""), alone);
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
