//! The law of a queue: each item that was accepted is in one place, and counted there.

use serde_json::Value;

/// The terms whose sum is what a queue has accepted.
const TERMS: [&str; 9] = ["acked", "delivered", "ready", "delayed", "leased", "overflow", "dead", "expired", "purged"];

/// What a queue counts, which follows the law: each item that was accepted is one of these now.
///
/// # Panics
/// When it does not.
#[track_caller]
pub fn lawful(stats: &str) -> Value {
    let stats: Value = serde_json::from_str(stats).unwrap_or_else(|error| panic!("{error}: {stats}"));
    let sum: u64 = TERMS.iter().map(|term| number(&stats, term)).sum();
    assert_eq!(number(&stats, "accepted"), sum, "{stats}");
    stats
}

/// The terms that are not 0.
///
/// # Panics
/// When one is missing.
#[track_caller]
pub fn terms(stats: &Value) -> Vec<(&'static str, u64)> {
    TERMS.iter().map(|term| (*term, number(stats, term))).filter(|(_, count)| *count > 0).collect()
}

/// A member that is a number.
///
/// # Panics
/// When it is none.
#[track_caller]
pub fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_else(|| panic!("no number {name} in {value}"))
}
