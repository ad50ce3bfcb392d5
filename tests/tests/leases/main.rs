//! Queues that lend their items, over HTTP: workers that fail on the real clicks, and every call with `curl` alone.
//!
//! | module | idea |
//! | --- | --- |
//! | `workers` | two queues on one topic, six workers that fail one time in five, and each record done once on each |
//! | `curl` | a command line of curl, and its answer |
//! | `resources`, `publishing`, `subscribing`, `lending` | a table of the interface each, call by call |
//! | `refusals` | what is refused, in a line for people and in a problem for programs |

mod curl;
mod lending;
mod publishing;
mod refusals;
mod resources;
mod subscribing;
mod workers;

use serde_json::Value;

/// The terms whose sum is what a queue has accepted.
const TERMS: [&str; 9] = ["acked", "delivered", "ready", "delayed", "leased", "overflow", "dead", "expired", "purged"];

/// What a queue counts, which follows the law: each item that was accepted is one of these now.
#[track_caller]
fn lawful(stats: &str) -> Value {
    let stats: Value = serde_json::from_str(stats).unwrap_or_else(|error| panic!("{error}: {stats}"));
    let sum: u64 = TERMS.iter().map(|term| number(&stats, term)).sum();
    assert_eq!(number(&stats, "accepted"), sum, "{stats}");
    stats
}

/// The terms that are not 0.
#[track_caller]
fn terms(stats: &Value) -> Vec<(&'static str, u64)> {
    TERMS.iter().map(|term| (*term, number(stats, term))).filter(|(_, count)| *count > 0).collect()
}

#[track_caller]
fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_else(|| panic!("no number {name} in {value}"))
}
