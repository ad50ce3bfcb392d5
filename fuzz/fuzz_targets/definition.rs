//! Definitions of gauges: what is taken is JSON by serde_json, and is written as a text that reads back to the same
//! definition and is written again as the same; what is refused has one line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};
use streamgauge_core::gauge::Definition;

fuzz_target!(|data: &[u8]| {
    let definition = match Definition::from_json(data) {
        Ok(definition) => definition,
        Err(wrong) => {
            let line = wrong.to_string();
            return assert!(!line.is_empty() && !line.contains(char::is_control), "{line:?}");
        }
    };
    let given: Map<String, Value> = serde_json::from_slice(data).expect("JSON");
    let json = written(&definition);
    assert_eq!(Definition::from_json(&json).as_ref(), Ok(&definition));
    let shown: Map<String, Value> = serde_json::from_slice(&json).expect("JSON");
    // What was given is there, and of what takes no other form it is what was given.
    for (name, value) in given.iter().filter(|(_, value)| is_something(value)) {
        let shown = shown.get(name).unwrap_or_else(|| panic!("{name} is not written"));
        if matches!(name.as_str(), "topic" | "field" | "with" | "by" | "time" | "directed") {
            assert_eq!(shown, value);
        }
    }
    // The same members in another order, each written by serde_json.
    let other = Definition::from_json(&serde_json::to_vec(&shown).unwrap()).expect("a definition");
    assert_eq!(written(&other), json);
    assert!(other.measures_like(&definition));
});

fn written(definition: &Definition) -> Vec<u8> {
    let mut json = Vec::new();
    let Ok(()) = definition.write_json(&mut json);
    json
}

/// Not null, none or no time, which are left out.
fn is_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Number(number) => number.as_str().bytes().any(|digit| matches!(digit, b'1'..=b'9')),
        Value::String(text) => !text.starts_with('0'),
        _ => true,
    }
}
