//! A list as a table, one as settings and counters.

use std::fmt::Write as _;

use super::Kind;
use crate::commands::table::Table;
use crate::terminal::json::{Members, Value, members};

/// The counters of a list, as they are called and as the columns are.
const OF_TOPICS: [(&str, &str); 6] = [
    ("subscribers", "subscribers"),
    ("received", "received"),
    ("sent", "sent"),
    ("kicked", "kicked"),
    ("messages", "held"),
    ("bytes", "bytes"),
];
const OF_QUEUES: [(&str, &str); 9] = [
    ("ready", "ready"),
    ("leased", "leased"),
    ("delayed", "delayed"),
    ("dead", "dead"),
    ("acked", "acked"),
    ("delivered", "delivered"),
    ("overflow", "overflow"),
    ("expired", "expired"),
    ("bytes", "bytes"),
];

/// A line each; `None` if it is another answer.
pub(super) fn list(kind: Kind, answer: &[u8]) -> Option<String> {
    let all: Vec<Members> = serde_json::from_slice(answer).ok()?;
    let columns: &[_] = match kind {
        Kind::Topic => &OF_TOPICS,
        Kind::Queue => &OF_QUEUES,
    };
    let numbers = columns.iter().map(|(_, column)| (*column, true));
    let state = (kind == Kind::Queue).then_some(("", false));
    let mut table = Table::new([(kind.name(), false)].into_iter().chain(numbers).chain(state));
    for one in &all {
        let Some(Value::Object(counters)) = one.get("counters") else { return None };
        let cell = |name: &str| counters.get(name).map_or_else(String::new, Value::text);
        let is_paused = counters.get("paused").is_some_and(|paused| paused.text() == "true");
        let state = (kind == Kind::Queue).then(|| if is_paused { "paused".to_owned() } else { String::new() });
        let name = one.get("name")?.text();
        table.row([name].into_iter().chain(columns.iter().map(|(name, _)| cell(name))).chain(state));
    }
    Some(table.text())
}

/// All that there is to tell of one.
pub(super) fn one(kind: Kind, answer: &[u8]) -> Option<String> {
    let one = Members(members(answer)?);
    let mut text = format!("{} {}\n", kind.name(), one.get("name")?.text());
    for part in ["settings", "counters"] {
        let Some(Value::Object(Members(members))) = one.get(part) else { return None };
        let _ = writeln!(text, "{part}");
        for (name, value) in members {
            let _ = writeln!(text, "  {name:<20} {:>12}", value.text());
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUEUE: &str = r#"{"name":"jobs","settings":{"lease":"30s","ttl":null},"counters":{"ready":3,"leased":1,"delayed":0,"dead":2,"acked":40,"delivered":0,"overflow":0,"expired":0,"bytes":123,"paused":true,"oldest":null}}"#;

    #[test]
    fn queues_are_a_table() {
        let text = list(Kind::Queue, format!("[{QUEUE}]\n").as_bytes()).unwrap();
        assert_eq!(
            text,
            "queue  ready  leased  delayed  dead  acked  delivered  overflow  expired  bytes\n\
             jobs       3       1        0     2     40          0         0        0    123  paused\n"
        );
        assert_eq!(list(Kind::Topic, b"[]\n").unwrap(), "topic  subscribers  received  sent  kicked  held  bytes\n");
        assert_eq!(list(Kind::Queue, b"<html>"), None);
    }

    #[test]
    fn one_is_told_whole() {
        let text = one(Kind::Queue, QUEUE.as_bytes()).unwrap();
        assert!(text.starts_with("queue jobs\nsettings\n  lease                         30s\n  ttl "), "{text}");
        assert!(text.contains("counters\n  ready                           3\n"), "{text}");
        assert_eq!(one(Kind::Queue, b"{}"), None);
    }
}
