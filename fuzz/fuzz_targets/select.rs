//! Fields of JSON as serde_json has them, and a message edited by any rules as serde_json edits it. The first line of
//! the input is a query with the rules, the rest the message.
#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use streamgauge_core::select::{HashKey, Malformed, Path, Refused, Selection, find};
use streamgauge_core::wire::Query;

fuzz_target!(|data: &[u8]| {
    let line = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (query, message) = data.split_at(line);
    let message = message.get(1..).unwrap_or_default();
    let Ok(mut selection) = Selection::<8, 256>::parse(&Query::new(query)) else { return };
    let rules = rules(query);
    let found: Result<Vec<_>, _> =
        rules.iter().map(|rule| find(message, &[rule.path()]).map(|[value]| value.map(|value| value.raw()))).collect();
    // serde does not look at the text of a string that it ignores.
    let is_json = core::str::from_utf8(message).is_ok() && read::<IgnoredAny>(message).is_some();
    if !rules.is_empty() {
        assert_eq!(is_json, !matches!(found, Err(Malformed::NotJson)));
    }
    let mut out = Vec::new();
    let key = HashKey::new(&[7; 32]);
    let applied = selection.apply(message).map(|selected| {
        let Ok(()) = selected.write(&key, &mut out);
    });
    let counters = selection.counters();
    assert_eq!(counters.passed + counters.unequal + counters.no_object + counters.not_json + counters.too_deep, 1);
    if rules.is_empty() {
        return assert_eq!((applied, &out[..]), (Ok(()), message));
    }
    let Ok(found) = found else {
        return assert!(matches!(applied, Err(Refused::Malformed(_))));
    };
    // Halves of surrogate pairs are JSON, but no text that serde could hold.
    let Some(value) = read::<Value>(message) else { return };
    for (rule, found) in rules.iter().zip(&found) {
        assert_eq!(found.map(|text| read::<Value>(text.as_bytes()).unwrap()).as_ref(), look(&value, &rule.steps));
    }
    if !value.is_object() {
        return assert_eq!(applied, Err(Refused::NoObject));
    }
    let equal = rules.iter().zip(&found).all(|(rule, found)| {
        let found = found.and_then(|text| read::<Value>(text.as_bytes()));
        rule.verb != b'f' || found.is_some_and(|value| rule.is_said_by(&value))
    });
    assert_eq!(applied, if equal { Ok(()) } else { Err(Refused::Unequal) });
    // Which of two values under one key is seen depends on who reads it; when both are gone it does not.
    if equal && (rules.iter().all(|rule| matches!(rule.verb, b'f' | b'd')) || has_unique_keys(message)) {
        let mut steps = Vec::new();
        assert_eq!(
            read::<Value>(&out).unwrap(),
            leave(&value, &mut steps, &rules, &|rule| {
                let [value] = find(message, &[rule.path()]).unwrap();
                String::from_utf8(key.hash(value.unwrap()).to_vec()).unwrap()
            })
        );
    }
});

struct Rule {
    /// The first letter of its verb.
    verb: u8,
    text: String,
    steps: Vec<String>,
    value: String,
}

impl Rule {
    fn path(&self) -> Path<&str> {
        Path::parse(self.text.as_str()).unwrap()
    }

    fn is_said_by(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => *text == self.value,
            Value::Number(number) => same_number(number.as_str(), &self.value),
            Value::Bool(true) => self.value == "true",
            Value::Bool(false) => self.value == "false",
            Value::Null => self.value == "null",
            Value::Array(_) | Value::Object(_) => false,
        }
    }
}

/// As exact fractions of ten, where they are short enough to be written out; otherwise as the core says.
fn same_number(one: &str, other: &str) -> bool {
    let number = streamgauge_core::select::Number::parse;
    let (Some(ours), Some(theirs)) = (number(one), number(other)) else { return false };
    match (digits(one), digits(other)) {
        (Some(one), Some(other)) => one == other,
        _ => ours == theirs,
    }
}

/// A number as an integer times 10^-2000, without sign when it is 0; `None` when it is too long for that.
fn digits(number: &str) -> Option<(bool, String)> {
    let (mantissa, power) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let power = power.parse::<i32>().ok().filter(|power| power.abs() < 1000 && fraction.len() < 1000)?;
    let zeros = "0".repeat((2000 + power) as usize - fraction.len());
    let digits = [whole.trim_start_matches('-'), fraction, &zeros].concat().trim_start_matches('0').to_owned();
    Some((number.starts_with('-') && !digits.is_empty(), digits))
}

fn rules(query: &[u8]) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (key, value) in form_urlencoded::parse(query) {
        if !["filter", "drop", "keep", "hash"].contains(&&*key) {
            continue;
        }
        let verb = key.as_bytes()[0];
        let mut end = value.len();
        if verb == b'f' {
            let mut bracket = false;
            end = value
                .bytes()
                .position(|byte| {
                    bracket = byte == b'[' || bracket && byte != b']';
                    byte == b':' && !bracket
                })
                .unwrap();
        }
        let (text, value) = value.split_at(end);
        let steps = Path::parse(text).unwrap().steps().map(str::to_owned).collect();
        rules.push(Rule { verb, text: text.to_owned(), steps, value: value.get(1..).unwrap_or_default().to_owned() });
    }
    rules
}

fn look<'v>(value: &'v Value, steps: &[String]) -> Option<&'v Value> {
    steps.iter().try_fold(value, |value, step| match value {
        Value::Object(members) => members.get(step),
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        _ => None,
    })
}

/// What the rules leave of a value, with what is hashed by `hash`.
fn leave(value: &Value, at: &mut Vec<String>, rules: &[Rule], hash: &dyn Fn(&Rule) -> String) -> Value {
    let mut left = |step: String, value: &Value| {
        at.push(step);
        let ends = |verb: u8| rules.iter().find(|rule| rule.verb == verb && is_same(&rule.steps, at));
        let is_nested = value.is_object() || value.is_array();
        let keeps = |rule: &Rule| {
            let common = rule.steps.len().min(at.len());
            let on_the_way = is_nested || rule.steps.len() <= at.len();
            rule.verb == b'k' && is_same(&rule.steps[..common], &at[..common]) && on_the_way
        };
        let stays = !rules.iter().any(|rule| rule.verb == b'k') || rules.iter().any(keeps);
        let left = if ends(b'd').is_some() || !stays {
            None
        } else if let Some(rule) = ends(b'h') {
            Some(Value::String(hash(rule)))
        } else {
            Some(leave(value, at, rules, hash))
        };
        at.pop();
        left
    };
    match value {
        Value::Object(members) => {
            let left = members.iter().filter_map(|(key, value)| Some((key.clone(), left(key.clone(), value)?)));
            Value::Object(left.collect())
        }
        Value::Array(items) => {
            // A place is told from a key by a NUL.
            let left = items.iter().enumerate().filter_map(|(place, item)| left(format!("\0{place}"), item));
            Value::Array(left.collect())
        }
        scalar => scalar.clone(),
    }
}

/// Whether a path leads here: a place may be written with zeros before it.
fn is_same(steps: &[String], at: &[String]) -> bool {
    steps.len() == at.len()
        && steps.iter().zip(at).all(|(step, at)| match at.strip_prefix('\0') {
            Some(place) if place.parse::<u64>().is_ok() => step.parse::<u64>().ok() == place.parse().ok(),
            _ => step == at,
        })
}

/// JSON of any depth; `None` if it isn't, or doesn't fit a `T`.
fn read<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Option<T> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    deserializer.disable_recursion_limit();
    let value = T::deserialize(&mut deserializer).ok()?;
    deserializer.end().ok().map(|()| value)
}

fn has_unique_keys(message: &[u8]) -> bool {
    // A key that begins with NUL would be taken for a place by the model.
    read::<Unique>(message).is_some_and(|unique| unique.0)
}

/// Whether no object in a value has a key twice.
struct Unique(bool);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Unique;

    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Unique, E> {
        Ok(Unique(true))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Unique, E> {
        Ok(Unique(true))
    }

    fn visit_str<E>(self, _: &str) -> Result<Unique, E> {
        Ok(Unique(true))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Unique, A::Error> {
        let (mut unique, mut keys) = (true, HashSet::new());
        while let Some((key, Unique(inside))) = map.next_entry::<String, Unique>()? {
            unique &= inside && !key.starts_with('\0') && keys.insert(key);
        }
        Ok(Unique(unique))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Unique, A::Error> {
        let mut unique = true;
        while let Some(Unique(inside)) = items.next_element()? {
            unique &= inside;
        }
        Ok(Unique(unique))
    }
}
