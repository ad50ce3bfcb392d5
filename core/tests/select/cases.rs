//! What is said in the documentation, one by one.

use streamgauge_core::select::{
    BadPath, BadSelection, Counters, DEPTH, HashKey, Malformed, Path, Refused, Selection, Verb, find, find_all,
};
use streamgauge_core::wire::Query;

use crate::{Rules, at, edited, key, rules};

#[test]
fn fields_are_found_wherever_they_are() {
    for (message, path, expected) in [
        (r#"{"a":1,"b":2}"#, "b", Some("2")),
        (r#" {"a" : {"b": [-1, {"c":0.5}]}} "#, "a.b.1.c", Some("0.5")),
        (r#" {"a" : {"b": [-1, {"c":0.5}]}} "#, "a.b[1].c", Some("0.5")),
        (r#"{"a":{"b":[-1,2]}}"#, "a.b.0", Some("-1")),
        (r#"{"a":{"0":5}}"#, "a[0]", Some("5")),
        (r#"{"\u0061":"x\/y"}"#, "a", Some(r#""x\/y""#)),
        (r#"{"a\u0062":1,"a\\u0062":2}"#, r"a\u0062", Some("2")),
        (r#"{"a":null}"#, "a", Some("null")),
        (r#"{"a":true}"#, "a", Some("true")),
        (r#"{"a": { "b" : [ ] } }"#, "a", Some(r#"{ "b" : [ ] }"#)),
        (r#"{"a": {} , "b": []}"#, "a", Some("{}")),
        (r#"{"a":1}"#, "a.b", None),
        (r#"{"a":1,"a":2}"#, "a", Some("2")),
        (r#"{"a":1,"\u0061":2}"#, "a", Some("2")),
        (r#"{"a":{"b":1},"a":{}}"#, "a.b", None),
        (r#"{"a":{"b":1},"a":{"b":2,"c":3}}"#, "a.b", Some("2")),
        (r#"{"b":1}"#, "a", None),
        (r#"{"a.b":1}"#, "a.b", None),
        (r#"{"a.b":1}"#, "[a.b]", Some("1")),
        ("[5,6]", "1", Some("6")),
        ("[5,6]", "2", None),
        ("7", "a", None),
        (r#"{"ä":{"😀":1}}"#, "ä.😀", Some("1")),
        (r#"{"\ud83d\ude00":1}"#, "😀", Some("1")),
        // Half of a pair is no character.
        (r#"{"\ud83d":1}"#, "\u{fffd}", None),
    ] {
        assert_eq!(at(message, path).as_deref(), expected, "{path} of {message}");
    }
}

#[test]
fn several_at_once_even_one_inside_another() {
    let paths = ["a", "a.b", "c", "c", "d"].map(|path| Path::parse(path).unwrap());
    let found = find(br#"{"c":"x","a":{"b":1}}"#, &paths).unwrap();
    let raw = |value: Option<streamgauge_core::select::Value<'static>>| value.map(|value| value.raw());
    assert_eq!(found.map(raw), [Some(r#"{"b":1}"#), Some("1"), Some(r#""x""#), Some(r#""x""#), None]);

    let mut fewer = [None; 2];
    find_all(br#"{"c":"x","a":{"b":1}}"#, &paths, &mut fewer).unwrap();
    assert_eq!(fewer.map(raw), [Some(r#"{"b":1}"#), Some("1")]);
    assert_eq!(find_all(br#"{"a":{"b":1}"#, &paths, &mut fewer), Err(Malformed::NotJson));
    assert_eq!(fewer.map(raw), [None, None]);
    // The last of 64 paths is one like the others.
    let mut many = vec![Path::parse("x").unwrap(); 65];
    (many[63], many[64]) = (paths[2], paths[2]);
    let mut found = vec![None; 65];
    find_all(br#"{"c":"x"}"#, &many, &mut found).unwrap();
    assert_eq!((raw(found[62]), raw(found[63]), raw(found[64])), (None, Some(r#""x""#), None));
}

#[test]
fn what_is_no_json_is_noticed_wherever_it_stands() {
    let broken = [
        "",
        " ",
        "{",
        "}",
        "{]",
        "[}",
        r#"{"a"}"#,
        r#"{"a":}"#,
        r#"{"a":1"#,
        r#"{"a":1,}"#,
        r#"{,"a":1}"#,
        r#"{a:1}"#,
        r#"{"a":1}}"#,
        r#"{"a":1} x"#,
        r#"{"a":1}{"a":1}"#,
        r#"{"a":NaN}"#,
        r#"{"a":01}"#,
        r#"{"a":1.}"#,
        r#"{"a":.1}"#,
        r#"{"a":1e}"#,
        r#"{"a":+1}"#,
        r#"{"a":-}"#,
        r#"{"a":tru}"#,
        r#"{"a":nulll}"#,
        r#"{"a":"x}"#,
        r#"{"a":"\x"}"#,
        r#"{"a":"\u12g4"}"#,
        r#"{"a":"\u123"}"#,
        "{\"a\":\"\t\"}",
        "{\"a\u{1}\":1}",
        r#"{"a":[1,]}"#,
        r#"{"a":[1 2]}"#,
        r#"{"a":1 "b":2}"#,
        r#"{'a':1}"#,
        "\u{feff}{}",
        "{\"a\":1}\u{a0}",
        "{\"b\":[{\"a\":[}]}",
    ];
    for message in broken {
        for path in ["a", "b", "a.b", "0", "b[0].a"] {
            let path = Path::parse(path).unwrap();
            assert_eq!(find(message.as_bytes(), &[path]).err(), Some(Malformed::NotJson), "{message}");
        }
        for query in ["filter=a:1", "filter=z:1", "drop=a", "keep=b.c", "hash=a"] {
            assert_eq!(edited(message, query), Err(Refused::Malformed(Malformed::NotJson)), "{message}");
        }
    }
    let mut selection = rules("drop=a");
    assert_eq!(selection.apply(b"{\"b\":\"\xff\"}").err(), Some(Refused::Malformed(Malformed::NotJson)));
}

#[test]
fn nesting_ends_at_the_same_depth_whichever_way() {
    let nested = |depth: usize| ["{\"a\":".repeat(depth), "1".to_owned(), "}".repeat(depth)].concat();
    for path in ["a", "b", "a.a", "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a", "a.b.c"] {
        let path = [Path::parse(path).unwrap()];
        assert!(find(nested(DEPTH).as_bytes(), &path).is_ok());
        assert_eq!(find(nested(DEPTH + 1).as_bytes(), &path).err(), Some(Malformed::TooDeep));
    }
    assert_eq!(edited(&nested(DEPTH), "drop=b").as_ref(), Ok(&nested(DEPTH)));
    assert_eq!(edited(&nested(DEPTH + 1), "drop=b"), Err(Refused::Malformed(Malformed::TooDeep)));
}

#[test]
fn filters_compare_as_people_do() {
    for (message, filter, passes) in [
        (r#"{"a":"de"}"#, "a:de", true),
        (r#"{"a":"\u0064e"}"#, "a:de", true),
        (r#"{"a":"de"}"#, "a:d", false),
        (r#"{"a":"de"}"#, "a:%22de%22", false),
        (r#"{"a":"x:y z"}"#, "a:x:y+z", true),
        (r#"{"a":""}"#, "a:", true),
        (r#"{"a":1}"#, "a:1.0", true),
        (r#"{"a":1.0}"#, "a:1", true),
        (r#"{"a":"1.0"}"#, "a:1", false),
        (r#"{"a":"1"}"#, "a:1", true),
        (r#"{"a":12}"#, "a:1", false),
        (r#"{"a":9007199254740993}"#, "a:9007199254740992", false),
        (r#"{"a":1}"#, "a: 1", false),
        (r#"{"a":true}"#, "a:true", true),
        (r#"{"a":"true"}"#, "a:true", true),
        (r#"{"a":false}"#, "a:true", false),
        (r#"{"a":null}"#, "a:null", true),
        (r#"{"b":null}"#, "a:null", false),
        (r#"{"a":{}}"#, "a:{}", false),
        (r#"{"a":[1]}"#, "a:[1]", false),
        (r#"{"a":[1]}"#, "a[0]:1", true),
        (r#"{"a:b":1}"#, "[a:b]:1", true),
        (r#"{"a":1,"a":2}"#, "a:2", true),
        (r#"{"a":1,"a":2}"#, "a:1", false),
        (r#"{"a":1,"b":2}"#, "a:1&filter=b:2", true),
        (r#"{"a":1,"b":2}"#, "a:1&filter=b:1", false),
        (r#"{"a":1}"#, "a:1&filter=a:2", false),
    ] {
        let result = edited(message, &format!("filter={filter}"));
        assert_eq!(result, if passes { Ok(message.to_owned()) } else { Err(Refused::Unequal) }, "{filter} {message}");
    }
}

#[test]
fn edits_leave_every_other_byte() {
    for (message, query, expected) in [
        (r#"{"a":1,"b":2,"c":3}"#, "drop=b", r#"{"a":1,"c":3}"#),
        (r#"{"a":1,"b":2,"c":3}"#, "drop=a", r#"{"b":2,"c":3}"#),
        (r#"{"a":1,"b":2,"c":3}"#, "drop=c", r#"{"a":1,"b":2}"#),
        (r#"{"a":1,"b":2,"c":3}"#, "drop=a&drop=b", r#"{"c":3}"#),
        (r#"{"a":1,"b":2,"c":3}"#, "drop=b&drop=c", r#"{"a":1}"#),
        (r#"{"a":1,"b":2,"c":3}"#, "drop=a&drop=c", r#"{"b":2}"#),
        (r#"{"a":1,"b":2,"c":3}"#, "drop=a&drop=b&drop=c", "{}"),
        (r#"{"a":1,"b":2,"c":3}"#, "drop=x", r#"{"a":1,"b":2,"c":3}"#),
        (" { \"a\" : 1 , \"b\" : 2 }\n", "drop=a", " { \"b\" : 2 }\n"),
        (" { \"a\" : 1 , \"b\" : 2 }\n", "drop=b", " { \"a\" : 1 }\n"),
        (" { \"a\" : 1 , \"b\" : 2 }\n", "drop=a&drop=b", " {}\n"),
        (" { } ", "drop=a&hash=b&keep=c", " { } "),
        // Both of two, and however the key is written.
        (r#"{"ip":1,"x":0,"ip":2}"#, "drop=ip", r#"{"x":0}"#),
        (r#"{"i\u0070":1,"\u0069p":2,"ip":3}"#, "drop=ip", "{}"),
        (r#"{"u":{"ip":1},"u":{"ip":2,"x":3}}"#, "drop=u.ip", r#"{"u":{},"u":{"x":3}}"#),
        // Inside of others.
        (r#"{"u":{"n":"x","ip":1},"t":1}"#, "drop=u.ip", r#"{"u":{"n":"x"},"t":1}"#),
        (r#"{"u":[0,1,2],"t":1}"#, "drop=u[1]", r#"{"u":[0,2],"t":1}"#),
        (r#"{"u":[0,1,2],"t":1}"#, "drop=u.0&drop=u.2", r#"{"u":[1],"t":1}"#),
        (r#"{"u":[{"a":1},{"a":2}]}"#, "drop=u[1].a", r#"{"u":[{"a":1},{}]}"#),
        (r#"{"u":5}"#, "drop=u.ip", r#"{"u":5}"#),
        (r#"{"a":1,"u":{"b":1}}"#, "drop=u&drop=u.b", r#"{"a":1}"#),
        // Only these.
        (r#"{"a":1,"b":2,"c":3}"#, "keep=b", r#"{"b":2}"#),
        (r#"{"a":1,"b":2,"c":3}"#, "keep=c&keep=a", r#"{"a":1,"c":3}"#),
        (r#"{"a":1, "b":2, "a":3}"#, "keep=a", r#"{"a":1, "a":3}"#),
        (r#"{"a":1,"b":2}"#, "keep=x", "{}"),
        (r#"{"u":{"n":"x","ip":1},"t":1}"#, "keep=u.n", r#"{"u":{"n":"x"}}"#),
        (r#"{"u":{"n":"x","ip":1},"t":1}"#, "keep=u&keep=u.n", r#"{"u":{"n":"x","ip":1}}"#),
        (r#"{"u":{"n":{"a":1},"ip":1},"t":1}"#, "keep=u.n.b", r#"{"u":{"n":{}}}"#),
        (r#"{"u":5,"t":1}"#, "keep=u.n", "{}"),
        (r#"{"u":[1,[2,3],4]}"#, "keep=u[1][0]", r#"{"u":[[2]]}"#),
        // Together.
        (r#"{"a":{"x":1,"y":2},"b":2}"#, "keep=a&drop=a.x", r#"{"a":{"y":2}}"#),
        (r#"{"a":1,"b":2}"#, "keep=a&drop=a", "{}"),
        (r#"{"a":1,"b":2}"#, "filter=b:2&drop=b", r#"{"a":1}"#),
        (r#"{"a":1,"b":2}"#, "hash=a&drop=a", r#"{"b":2}"#),
        // Not looked into.
        (r#"{"x":[{"a":1}],"s":"{\"a\":1}"}"#, "drop=a", r#"{"x":[{"a":1}],"s":"{\"a\":1}"}"#),
        (r#"{"n":1.50e+01,"s":"\u00e9\/","a":0}"#, "drop=a", r#"{"n":1.50e+01,"s":"\u00e9\/"}"#),
    ] {
        assert_eq!(edited(message, query).as_deref(), Ok(expected), "{query} of {message}");
    }
}

/// Half of a surrogate pair is no character, and two of them are not the same.
#[test]
fn strings_that_are_no_text_are_told_apart() {
    let written = [r"\ud83d", r"\ud83e", r"\udc00", r"\ufffd", r"\ud83dx", r"\ud83d\u0078"];
    let hashes = written.map(|text| edited(&format!(r#"{{"v":"{text}"}}"#), "hash=v").expect("a message"));
    for (at, hash) in hashes.iter().enumerate() {
        assert!(!hashes[..at].contains(hash), "{}", written[at]);
    }
    assert_eq!(edited("{\"v\":\"\u{fffd}\"}", "hash=v").as_ref(), Ok(&hashes[3]), "which is one");
}

/// Computed with Python's hmac: what a value is hashed as stays, so that hashes can be joined for as long as a key is.
#[test]
fn hashes_are_those_of_hmac_sha_256() {
    for (message, expected) in [
        (r#"{"v": "192.0.2.1"}"#, HASH_OF_ADDRESS),
        (r#"{"v": "192.0.2.\u0031"}"#, HASH_OF_ADDRESS),
        (r#"{"v": ""}"#, HASH_OF_NOTHING),
        (r#"{"v": 1.5}"#, HASH_OF_NUMBER),
        (r#"{"v": 150E-2}"#, HASH_OF_NUMBER),
        (r#"{"v": null}"#, HASH_OF_NULL),
        (r#"{"v": [1, 2]}"#, HASH_OF_ARRAY),
        (r#"{"v": 1e99999999999999999999}"#, HASH_OF_HUGE),
    ] {
        let expected = format!(r#"{{"v": "{expected}"}}"#);
        assert_eq!(edited(message, "hash=v"), Ok(expected), "{message}");
    }
    // Under another key it is another.
    let mut out = Vec::new();
    rules("hash=v").apply(br#"{"v": ""}"#).unwrap().write(&HashKey::new(&[0; 32]), &mut out).unwrap();
    assert!(!String::from_utf8(out).unwrap().contains(HASH_OF_NOTHING));
    assert!(!format!("{:?}", key()).contains("32"));
}

const HASH_OF_ADDRESS: &str = "132a3bf046d2583bf91603de3f41552e";
const HASH_OF_NOTHING: &str = "da74f6c47775969e05d76757bf68308c";
const HASH_OF_NUMBER: &str = "a5ef77d0b2b272f1dce9c09e49cf4456";
const HASH_OF_NULL: &str = "86a05a65699038b6bb3dc3c209e5583e";
const HASH_OF_ARRAY: &str = "c77b4d64d3b4ef710fdce7d0ffd6fe13";
const HASH_OF_HUGE: &str = "601ae5f84d7c6923831c40e528582f42";

#[test]
fn every_occurrence_is_hashed_and_equal_values_equally() {
    let out = edited(r#"{"a":1,"b":[10e-1,"1","\u0031",true],"\u0061":{"x":2}}"#, "hash=a&hash=b.0&hash=b.1&hash=b.2");
    let out: Vec<_> = out.unwrap().split('"').map(str::to_owned).collect();
    let hashes: Vec<_> = out.iter().filter(|part| part.len() == 32).collect();
    let [first, number, text, escaped, object] = hashes[..] else { panic!("{out:?}") };
    assert_eq!((first, text), (number, escaped));
    assert!(first != text && object != first && object != text);
    // A value is hashed as it came, with what would leave.
    let whole = edited(r#"{"a":{"x":1,"y":2}}"#, "hash=a&drop=a.x").unwrap();
    assert_eq!(Ok(whole), edited(r#"{"a":{"x":1,"y":2}}"#, "hash=a"));
}

#[test]
fn what_can_not_be_looked_into_is_refused_and_counted() {
    let mut selection = rules("hash=a&filter=b:1");
    let mut apply = |message: &[u8]| selection.apply(message).map(|_| ());
    assert_eq!(apply(br#"{"b":1}"#), Ok(()));
    assert_eq!(apply(br#"{"b":2}"#), Err(Refused::Unequal));
    assert_eq!(apply(br#"[{"b":1}]"#), Err(Refused::NoObject));
    assert_eq!(apply(b"1"), Err(Refused::NoObject));
    assert_eq!(apply(b"secret=1"), Err(Refused::Malformed(Malformed::NotJson)));
    assert_eq!(apply(&b"[".repeat(DEPTH + 2)), Err(Refused::Malformed(Malformed::TooDeep)));
    let expected = Counters { passed: 1, unequal: 1, no_object: 2, not_json: 1, too_deep: 1 };
    assert_eq!(selection.counters(), expected);
    for query in ["drop=a", "keep=a", "hash=a"] {
        assert_eq!(edited(r#"["a"]"#, query), Err(Refused::NoObject));
    }
}

#[test]
fn without_rules_anything_passes_untouched() {
    let mut selection = rules("topic=clicks&from=first");
    assert!(selection.is_empty());
    let message = b"\xff no JSON";
    assert_eq!(selection.apply(message).unwrap().unchanged(), Some(&message[..]));
    assert_eq!(selection.counters().passed, 1);
    let filtered = br#"{"a":1}"#;
    assert_eq!(rules("filter=a:1").apply(filtered).unwrap().unchanged(), Some(&filtered[..]));
    assert_eq!(rules("drop=b").apply(filtered).unwrap().unchanged(), None);
}

#[test]
fn limits_are_told() {
    let parse = |query: &str| Rules::parse(&Query::new(query.as_bytes())).err();
    assert_eq!(parse(&"drop=a&".repeat(8)), None);
    assert_eq!(parse(&"drop=a&".repeat(9)), Some(BadSelection::TooManyRules(8)));
    assert_eq!(parse(&format!("drop={}&keep=b", "a".repeat(255))), None);
    assert_eq!(parse(&format!("drop={}&keep=bc", "a".repeat(255))), Some(BadSelection::TooMuchText(256)));
    assert_eq!(parse(&format!("filter=a:{}", "b".repeat(254))), None);
    assert_eq!(parse(&format!("filter=a:{}", "b".repeat(255))), Some(BadSelection::TooMuchText(256)));
    assert_eq!(parse("filter=a"), Some(BadSelection::NoValue));
    assert_eq!(parse("filter=[a:b]"), Some(BadSelection::NoValue));
    assert_eq!(parse("filter=:b"), Some(BadSelection::Path(BadPath::EmptyStep)));
    assert_eq!(parse("drop="), Some(BadSelection::Path(BadPath::EmptyStep)));
    assert_eq!(parse("drop=%ff"), Some(BadSelection::NotUtf8));
    assert_eq!(parse("%64rop=%5Bx.y%5D"), None);
    assert!(BadSelection::TooManyRules(8).to_string().contains("more than 8"));
    // Refused rules leave nothing behind.
    let mut selection: Selection<2, 4> = Selection::new();
    assert_eq!(selection.add(Verb::Drop, "abcde"), Err(BadSelection::TooMuchText(4)));
    assert!(selection.is_empty());
    selection.add(Verb::Drop, "abcd").unwrap();
    let key = Path::key("a.b").unwrap();
    assert_eq!(selection.add_path(Verb::Keep, &key, ""), Err(BadSelection::TooMuchText(4)));
    assert_eq!(Path::key(""), Err(BadPath::EmptyStep));
}

#[test]
fn a_number_is_kept_as_it_is_written() {
    for text in ["0", "-0", "1.50", "-12e-3", "1E+400"] {
        assert_eq!(streamgauge_core::select::Number::parse(text).unwrap().raw(), text);
    }
}
