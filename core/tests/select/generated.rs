//! Generated messages and rules.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;
use streamgauge_core::select::{HashKey, Malformed, Path, Refused, Selection, Verb, find};

use crate::text::{Json, any_key, any_number, any_object, any_text, written};
use crate::{key, rules};

/// Verbs, and the steps of their paths.
type Edits = Vec<(Verb, Vec<String>)>;

fn any_path() -> impl Strategy<Value = Vec<String>> {
    vec(any_key(), 1..4)
}

fn any_edits() -> impl Strategy<Value = Edits> {
    let verb = prop_oneof![Just(Verb::Drop), Just(Verb::Keep), Just(Verb::Hash)];
    vec((verb, any_path()), 1..7)
}

/// In brackets, every key of these can be written.
fn path(steps: &[String]) -> Path<String> {
    Path::parse(steps.iter().map(|step| format!("[{step}]")).collect()).unwrap()
}

fn selection(edits: &Edits) -> Selection<8, 256> {
    let mut selection = Selection::new();
    for (verb, steps) in edits {
        selection.add_path(*verb, &path(steps), "").unwrap();
    }
    selection
}

/// What the rules leave of an object or array, by the words of the documentation.
fn leave(value: &Json, at: &[String], edits: &Edits, key: &HashKey) -> Json {
    let Json::Nested(nested) = value else { return value.clone() };
    let mut left = nested.clone();
    left.members.clear();
    for (index, member) in nested.members.iter().enumerate() {
        let mut at = at.to_vec();
        at.push(if nested.is_object { member.key.clone() } else { index.to_string() });
        let names = |verb: Verb| edits.iter().any(|(other, path)| *other == verb && *path == at);
        let keeps = |(verb, path): &(Verb, Vec<String>)| {
            let leads_on = path.starts_with(&at) && matches!(member.value, Json::Nested(_));
            *verb == Verb::Keep && (at.starts_with(path) || leads_on)
        };
        let any_kept = edits.iter().any(|(verb, _)| *verb == Verb::Keep);
        if names(Verb::Drop) || any_kept && !edits.iter().any(keeps) {
            continue;
        }
        let value = if names(Verb::Hash) {
            Json::Scalar(hashed(&member.value, key))
        } else {
            leave(&member.value, &at, edits, key)
        };
        left.members.push(member.with(value));
    }
    // An object that was not empty has no space left of its own.
    if !nested.members.is_empty() {
        left.space.clear();
    }
    Json::Nested(left)
}

fn hashed(value: &Json, key: &HashKey) -> String {
    let message = format!("[{}]", value.text());
    let [value] = find(message.as_bytes(), &[Path::parse("0").unwrap()]).unwrap();
    format!("\"{}\"", String::from_utf8(key.hash(value.unwrap()).to_vec()).unwrap())
}

/// What serde_json, of which the last of a key counts too, has at a path.
fn look<'v>(value: &'v Value, path: &[String]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, step| match value {
        Value::Object(members) => members.get(step),
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        _ => None,
    })
}

proptest! {
    #[test]
    fn edits_are_those_of_the_model_to_the_byte(message in any_object(), edits in any_edits()) {
        let text = message.text();
        let mut out = Vec::new();
        selection(&edits).apply(text.as_bytes()).unwrap().write(&key(), &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        prop_assert_eq!(&out, &leave(&message, &[], &edits, &key()).text());
        prop_assert!(serde_json::from_str::<Value>(&out).is_ok(), "{}", out);
    }

    #[test]
    fn what_is_dropped_is_nowhere(message in any_object(), field in any_key()) {
        let text = message.text();
        let mut out = Vec::new();
        selection(&vec![(Verb::Drop, vec![field.clone()])]).apply(text.as_bytes()).unwrap().write(&key(), &mut out).unwrap();
        let mut expected: Value = serde_json::from_str(&text).unwrap();
        expected.as_object_mut().unwrap().remove(&field);
        prop_assert_eq!(serde_json::from_slice::<Value>(&out).unwrap(), expected);
    }

    #[test]
    fn fields_are_those_that_serde_finds(message in any_object(), steps in [any_path(), any_path(), any_path()]) {
        let text = message.text();
        let value: Value = serde_json::from_str(&text).unwrap();
        let found = find(text.as_bytes(), &[path(&steps[0]), path(&steps[1]), path(&steps[2])]).unwrap();
        for (found, steps) in found.into_iter().zip(&steps) {
            let expected = look(&value, steps);
            prop_assert_eq!(found.is_some(), expected.is_some());
            let (Some(found), Some(expected)) = (found, expected) else { continue };
            prop_assert_eq!(&serde_json::from_str::<Value>(found.raw()).unwrap(), expected);
            prop_assert_eq!(found.text().map(|text| text.chars().collect::<String>()), expected.as_str().map(str::to_owned));
            prop_assert_eq!(found.number().is_some(), expected.is_number());
            prop_assert_eq!(found.boolean(), expected.as_bool());
            prop_assert_eq!((found.is_null(), found.is_object()), (expected.is_null(), expected.is_object()));
            prop_assert_eq!(found.is_array(), expected.is_array());
            if let Some(text) = expected.as_str() {
                prop_assert!(found.is(text));
            }
        }
    }

    #[test]
    fn filters_compare_text_as_it_is_meant(text in any_text(), other in any_text(), style in any::<u32>()) {
        let message = format!("{{\"v\":{}}}", written(&text, style));
        for wanted in [&text, &other] {
            let mut selection: Selection<1, 4096> = Selection::new();
            selection.add_path(Verb::Filter, &Path::parse("v").unwrap(), wanted).unwrap();
            prop_assert_eq!(selection.apply(message.as_bytes()).is_ok(), *wanted == text);
        }
        let [value] = find(message.as_bytes(), &[Path::parse("v").unwrap()]).unwrap();
        let plain = format!("{{\"v\":{}}}", serde_json::to_string(&text).unwrap());
        let [same] = find(plain.as_bytes(), &[Path::parse("v").unwrap()]).unwrap();
        prop_assert_eq!(key().hash(value.unwrap()), key().hash(same.unwrap()));
    }

    /// Against decimal fractions brought to the same power of ten.
    #[test]
    fn numbers_are_equal_when_they_are_worth_the_same(one in any_number(), other in any_number()) {
        let message = format!("[{one},{other}]");
        let paths = ["0", "1"].map(|path| Path::parse(path).unwrap());
        let [first, second] = find(message.as_bytes(), &paths).unwrap().map(Option::unwrap);
        let equal = worth(&one) == worth(&other);
        prop_assert_eq!(first.number() == second.number(), equal);
        prop_assert_eq!(first.is(&other), equal);
        prop_assert_eq!(key().hash(first) == key().hash(second), equal);
    }

    /// One byte is another, too many or missing: what serde reads is read, and what it refuses is refused.
    #[test]
    fn broken_messages_are_noticed(
        message in any_object(), at in any::<prop::sample::Index>(), byte in prop_oneof![any::<u8>(), Just(b'"'), Just(b',')],
        how in 0..3, steps in any_path(),
    ) {
        let mut text = message.text().into_bytes();
        let at = at.index(text.len());
        match how {
            0 => text[at] = byte,
            1 => text.insert(at, byte),
            _ => drop(text.remove(at)),
        }
        // serde does not look at the text of a string that it ignores.
        let is_json = core::str::from_utf8(&text).is_ok() && serde_json::from_slice::<serde::de::IgnoredAny>(&text).is_ok();
        let found = find(&text, &[path(&steps)]);
        prop_assert_eq!(found.is_ok(), is_json, "{:?}", String::from_utf8_lossy(&text));
        let applied = rules("drop=a").apply(&text).map(|_| ());
        match applied {
            Ok(()) | Err(Refused::NoObject) => prop_assert!(is_json),
            refused => prop_assert!(!is_json && refused == Err(Refused::Malformed(Malformed::NotJson))),
        }
    }

    #[test]
    fn bytes_of_any_kind_are_survived(message in vec(any::<u8>(), 0..60), path in "\\PC{0,20}") {
        if let Ok(path) = Path::parse(path.as_str()) {
            prop_assert!(path.steps().all(|step| !step.is_empty()));
            let _ = find(&message, &[path]);
        }
    }
}

/// A number as an integer times 10^-1100, without sign when it is 0.
fn worth(number: &str) -> (bool, String) {
    let (mantissa, power) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let power = 1100 + power.parse::<i32>().unwrap() - fraction.len() as i32;
    let digits = [whole.trim_start_matches('-'), fraction, &"0".repeat(power as usize)].concat();
    let digits = digits.trim_start_matches('0').to_owned();
    (number.starts_with('-') && !digits.is_empty(), digits)
}
