//! What a gauge measures, again and again.

use core::time::Duration;
use std::collections::VecDeque;
use std::fmt::Write as _;

use serde_json::Value;
use tokio::time::sleep;

use crate::client::{Connection, Limits, Url};
use crate::commands::number::{grouped, short};
use crate::commands::sparkline::sparkline;
use crate::terminal::display::{is_screen, printable};
use crate::terminal::exit::{Failure, accepted};
use crate::terminal::output;

/// How many readings a sparkline shows.
const SHOWN: usize = 40;

/// Significant digits of a result.
const DIGITS: usize = 6;

/// Results that are watched, as far as a reading has them.
const RESULTS: [&str; 15] = [
    "counters.measured",
    "count",
    "mean",
    "stddev",
    "min",
    "max",
    "p50",
    "p90",
    "p99",
    "p999",
    "distinct.estimate",
    "rate.messages_1m",
    "rate.bytes_1m",
    "change.up",
    "pair.correlation",
];

pub(super) async fn run(url: &Url, interval: Duration, json: bool) -> Result<(), Failure> {
    let url = url.and("format", Some("json"));
    let is_screen = is_screen(&std::io::stdout());
    let mut connection = Connection::new(Limits::default());
    let mut history = History::default();
    loop {
        let answer = connection.call("GET", &url, None).await;
        let answer = accepted(&url, answer.map_err(|error| Failure::of(&url, &error))?)?;
        if json {
            output::write(&answer)?;
        } else {
            let strange = |_| Failure::Refused(format!("{url}: its answer is no reading"));
            let reading: Value = serde_json::from_slice(&answer).map_err(strange)?;
            history.push(&reading);
            output::redraw(&if is_screen { history.table(&reading) } else { line(&reading) }, 0)?;
        }
        tokio::select! {
            biased;
            () = output::closed() => return Err(Failure::NobodyReads),
            () = sleep(interval) => {}
        }
    }
}

/// A result by its name, of which what is before a point is an object.
fn result<'v>(reading: &'v Value, name: &str) -> Option<&'v Value> {
    let found = match name.split_once('.') {
        Some((object, member)) => reading.get(object)?.get(member)?,
        None => reading.get(name)?,
    };
    (!found.is_null()).then_some(found)
}

fn shown(name: &str) -> &str {
    match name {
        "counters.measured" => "measured",
        "distinct.estimate" => "distinct",
        "rate.messages_1m" => "messages/s",
        "rate.bytes_1m" => "bytes/s",
        "change.up" => "changes up",
        "pair.correlation" => "correlation",
        name => name,
    }
}

/// One line of all results: for a file, or another program.
fn line(reading: &Value) -> String {
    let mut line = reading["to"].as_str().unwrap_or_default().to_owned();
    for name in RESULTS {
        if let Some(value) = result(reading, name) {
            let _ = write!(line, "  {} {value}", shown(name).replace(' ', "_"));
        }
    }
    line.push('\n');
    line
}

/// A count, or a result to some digits.
fn number(value: &Value) -> Option<String> {
    value.as_u64().map(grouped).or_else(|| Some(short(value.as_f64()?, DIGITS)))
}

/// The last readings.
#[derive(Default)]
struct History {
    readings: VecDeque<[Option<f64>; RESULTS.len()]>,
}

impl History {
    fn push(&mut self, reading: &Value) {
        if self.readings.len() >= SHOWN {
            self.readings.pop_front();
        }
        self.readings.push_back(RESULTS.map(|name| result(reading, name)?.as_f64()));
    }

    /// A line for each result, with how it went.
    fn table(&self, reading: &Value) -> String {
        let text = |name: &str| printable(reading[name].as_str().unwrap_or_default());
        let mut table = format!("{}  topic {}  {} to {}\n\n", text("gauge"), text("topic"), text("from"), text("to"));
        for (at, name) in RESULTS.iter().enumerate() {
            let Some(value) = result(reading, name).and_then(number) else { continue };
            let values = self.readings.iter().map(|reading| reading[at]);
            let _ = writeln!(table, "{:<12} {value:>14}  {}", shown(name), sparkline(values, None));
        }
        if let Some(top) = reading["top"].as_array().filter(|top| !top.is_empty()) {
            let _ = writeln!(table, "\nmost frequent");
            for one in top.iter().take(8) {
                let count = number(&one["count"]).unwrap_or_default();
                let _ = writeln!(table, "{count:>14}  {}", printable(&one["value"].to_string()));
            }
        }
        if let Some(groups) = reading["groups"].as_object() {
            let _ = writeln!(table, "\n{} groups; streamgauge gauge show has each", groups.len());
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading() -> Value {
        serde_json::from_str(
            r#"{"gauge":"t","topic":"clicks","from":"A","to":"B","count":3,"mean":1.5e-9,"p99":null,
                "distinct":{"estimate":2.0,"error":0.1},"top":[{"value":"x","count":2,"error":0}]}"#,
        )
        .unwrap()
    }

    #[test]
    fn a_line_has_the_results_that_there_are() {
        assert_eq!(line(&reading()), "B  count 3  mean 1.5e-9  distinct 2.0\n");
    }

    #[test]
    fn a_table_shows_how_it_went() {
        let mut history = History::default();
        (0..50).for_each(|_| history.push(&reading()));
        let table = history.table(&reading());
        assert!(table.starts_with("t  topic clicks  A to B\n\ncount "), "{table}");
        assert!(
            table.contains("\nmean                 1.5e-9  ") && table.contains("\ncount                     3  "),
            "{table}"
        );
        assert_eq!(table.matches('▁').count(), 3 * SHOWN);
        assert!(table.contains("\nmost frequent\n             2  \"x\"\n"), "{table}");
    }

    #[test]
    fn no_digit_is_made_up() {
        let text = r#"{"count":1545001,"mean":1331923247540.7,"min":1331923247123.0,
            "top":[{"value":"\u009b2J","count":1234567}]}"#;
        let table = History::default().table(&serde_json::from_str(text).unwrap());
        for line in [
            "count             1,545,001",
            "mean             1.33192e12",
            "min           1331923247123",
            "     1,234,567  \"\u{fffd}2J\"",
        ] {
            assert!(table.lines().any(|found| found.trim_end() == line), "{line}: {table}");
        }
    }
}
