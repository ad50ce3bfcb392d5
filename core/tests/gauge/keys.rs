//! Values that are told apart.

use core::cmp::Ordering;
use core::hash::{BuildHasher as _, Hasher as _};

use streamgauge_core::gauge::{Format, Key, KeyHasher};
use streamgauge_core::select::Number;
use streamgauge_core::time::Time;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::support::{Heap, gauge, json, take, written};

fn number(text: &str) -> Key {
    Key::of_number(&Number::parse(text).unwrap())
}

#[test]
fn of_a_long_text_whole_characters_are_shown() {
    for (text, shown) in [
        ("x".repeat(53), 53),
        ("x".repeat(54), 54),
        ("x".repeat(55), 54),
        ("x".repeat(52) + "é", 54),
        ("x".repeat(53) + "é", 53),
        ("x".repeat(52) + "€", 52),
        ("x".repeat(51) + "😀", 51),
        ("x".repeat(50) + "😀", 54),
        ("x".repeat(50) + "😀y", 54),
    ] {
        let key = Key::of_text(&text);
        assert_eq!(key.shown(), &text[..shown]);
        assert_eq!((key.is_text(), key.is_whole()), (true, text.len() == shown), "{text}");
        let mut gauge = gauge(r#"{"measure":"top"}"#);
        take(&mut gauge, &text, 0);
        let table = String::from_utf8(written(&mut gauge, Format::Table, 0)).unwrap();
        assert_eq!(table.contains('…'), text.len() > shown, "{table}");
    }
    // A number of as many digits may have been cut.
    assert!(number(&"1".repeat(53)).is_whole() && !number(&"1".repeat(54)).is_whole());
    assert_eq!(number(&"1".repeat(99)).shown(), "1".repeat(54));
}

#[test]
fn what_is_cut_of_a_number_is_read_again() {
    let digits = "1".repeat(53);
    for number in [format!("{digits}.5"), format!("{digits}e5"), format!("{}e-5", "1".repeat(52)), "1".repeat(99)] {
        let mut part = gauge(r#"{"field":"x","measure":"top"}"#);
        take(&mut part, format!(r#"{{"x":{number}}}"#), 0);
        let bytes = written(&mut part, Format::Binary, 0);
        let mut sum = gauge(r#"{"field":"x","measure":"top"}"#);
        assert_eq!(sum.merge(&bytes, Time::ZERO, &mut Heap), Ok(()), "{number}");
        assert_eq!(json(&mut sum, 0)["top"], json(&mut part, 0)["top"], "{number}");
    }
}

#[test]
fn hashes_are_the_same_everywhere() {
    assert_eq!(Key::of_text("a").hash(), xxh3_64_with_seed(b"a", 0));
    assert_eq!(Key::of_text(&"a".repeat(99)).hash(), xxh3_64_with_seed(&[b'a'; 99], 0));
    // The sign, the digits, and where the point is.
    let canonical = |exponent: i64| [&b"-15"[..], &exponent.to_be_bytes()].concat();
    let hashes = [-1, 0, 1, 2].map(|exponent| xxh3_64_with_seed(&canonical(exponent), 2));
    for text in ["-1.5", "-15e-1", "-0.150e1"] {
        assert!(hashes.contains(&number(text).hash()), "{text}");
        assert_eq!(number(text), number("-1.5"));
    }
    assert_eq!(Key::of_float(-1.5), Some(number("-1.5")));
    assert_eq!((Key::of_float(f64::NAN), Key::of_float(f64::INFINITY)), (None, None));
}

#[test]
fn keys_stand_in_one_order() {
    let long = "x".repeat(60);
    // Numbers, of which their spelling says nothing, stand by their hashes.
    let mut numbers = [number("-1"), number("1")];
    numbers.sort_unstable_by_key(Key::hash);
    let keys = [
        Key::of_text("1"),
        Key::of_text("a"),
        Key::of_text("ab"),
        Key::of_text(&long),
        Key::of_text(&format!("{long}y")),
        numbers[0],
        numbers[1],
    ];
    for (here, one) in keys.iter().enumerate() {
        for (there, other) in keys.iter().enumerate() {
            // Of two that look the same the hash decides.
            let look_the_same = (here.min(there), here.max(there)) == (3, 4);
            let order = if look_the_same { one.hash().cmp(&other.hash()) } else { here.cmp(&there) };
            assert_eq!((one.cmp(other), one.partial_cmp(other)), (order, Some(order)), "{one:?}, {other:?}");
            assert_eq!(one == other, here == there);
        }
    }
    // They are written in two ways, and are one.
    assert_eq!(number("1.0").cmp(&number("1")), Ordering::Equal);
    assert_eq!(format!("{:?}, {:?}", number("1.0"), Key::of_text("a")), "Number 1.0, Text a");
}

#[test]
fn one_key_has_its_hash_and_two_are_mixed() {
    let (a, b, c) = (Key::of_text("a"), Key::of_text("b"), Key::of_text("c"));
    let hash = |keys: &[Key]| {
        let mut hasher = KeyHasher::default().build_hasher();
        keys.iter().for_each(|key| std::hash::Hash::hash(key, &mut hasher));
        hasher.finish()
    };
    assert_eq!(hash(&[a]), a.hash());
    assert_ne!(hash(&[a, b]), hash(&[b, a]));
    // Of two that begin alike the hashes are as different as their ends.
    assert_eq!(hash(&[a, b]) ^ hash(&[a, c]), b.hash() ^ c.hash());
    let bytes = |bytes: &[u8]| {
        let mut hasher = KeyHasher::default();
        hasher.write(bytes);
        hasher.finish()
    };
    assert_ne!(bytes(b"ab"), bytes(b"ba"));
}

#[test]
fn one_text_is_one_value_however_it_is_escaped_and_as_long_as_it_is() {
    for length in [10, 1_000, 1_023, 1_024, 1_025, 1_100, 5_000] {
        let plain = format!("https://a/{}", "é".repeat(length / 2));
        let escaped = plain.replace('/', "\\/");
        let last = format!("{escaped}\\u0041");
        let mut one = gauge(r#"{"field":"u","measure":["top","distinct"]}"#);
        for text in [&plain, &plain, &escaped, &escaped, &last] {
            take(&mut one, format!(r#"{{"u":"{text}"}}"#), 0);
        }
        let reading = json(&mut one, 0);
        let counts: Vec<_> = reading["top"].as_array().unwrap().iter().map(|counted| &counted["count"]).collect();
        assert_eq!(counts, [4, 1], "{length}");
        assert_eq!(reading["distinct"]["estimate"].as_f64().map(f64::round), Some(2.0), "{length}");
    }
}

/// Which of its ends an edge without direction is told with does not hang on how a number is spelled.
#[test]
fn an_edge_between_numbers_is_one_however_they_are_spelled() {
    let mut gauge = gauge(r#"{"field":"a","with":"b","measure":["graph"],"directed":false}"#);
    for ends in [("10", "15"), ("1e1", "15"), ("15", "10.0"), ("1.5e1", "10")] {
        take(&mut gauge, format!(r#"{{"a":{},"b":{}}}"#, ends.0, ends.1), 0);
    }
    let graph = json(&mut gauge, 0)["graph"].clone();
    assert_eq!((graph.as_array().map(Vec::len), &graph[0]["count"]), (Some(1), &4.into()), "{graph}");
}
