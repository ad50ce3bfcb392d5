//! `streamgauge peek` and `redrive`: what a queue holds, and its dead letters.

use clap::{Args, ValueEnum};

use super::EXIT_CODES;
use super::at::{Expected, QueueAt, explain};
use super::table::Table;
use crate::client::{Connection, Limits, Url};
use crate::terminal::exit::{Failure, accepted};
use crate::terminal::json::{Members, Value, members};
use crate::terminal::output;

/// Look at the items of a queue, the first first, and change nothing
#[derive(Debug, Args)]
#[command(after_long_help = EXIT_CODES)]
pub struct Peek {
    #[command(flatten)]
    at: QueueAt,
    /// Items in this state
    #[arg(long, value_enum, default_value_t = State::Ready)]
    state: State,
    /// Up to so many
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    items: u64,
    /// Print all that is known of each as a line of JSON, as the server has it
    #[arg(long)]
    json: bool,
}

/// Put the dead letters of a queue back on it; their attempts start again
#[derive(Debug, Args)]
#[command(after_long_help = EXIT_CODES)]
pub struct Redrive {
    #[command(flatten)]
    at: QueueAt,
    /// Print {"redriven": N}
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum State {
    /// Whoever asks next gets them
    Ready,
    /// Lent to somebody
    Leased,
    /// Ready later
    Delayed,
    /// Lent as often as they may be
    Dead,
}

impl State {
    const fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Leased => "leased",
            Self::Delayed => "delayed",
            Self::Dead => "dead",
        }
    }
}

pub(super) async fn peek(options: Peek) -> Result<(), Failure> {
    let items = options.items.to_string();
    let url = options.at.verb("/peek").and("state", Some(options.state.name())).and("items", Some(items));
    let answer = call("GET", &options.at.url, &url).await?;
    if answer.is_empty() {
        return Err(Failure::Nothing);
    }
    if options.json {
        return output::write(&answer);
    }
    let lines = answer.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let items: Option<Vec<_>> = lines.map(|line| members(line).map(Members)).collect();
    let items = items.ok_or_else(|| Failure::Refused(format!("{url}: its answer is no list of items")))?;
    output::write(table(&items).as_bytes())
}

/// Columns that no item has are left out.
fn table(items: &[Members]) -> String {
    let named =
        [("item", true), ("attempt", true), ("put", false), ("until", false), ("died", false), ("reason", false)];
    let is_there = |(name, _): &(&'static str, bool)| items.iter().any(|item| text(item, name).is_some());
    let named: Vec<_> = named.into_iter().filter(is_there).collect();
    let mut table = Table::new(named.iter().copied().chain([("data", false)]));
    for item in items {
        let cells = named.iter().map(|(name, _)| text(item, name).unwrap_or_default());
        let data = match text(item, "data") {
            Some(data) => data.escape_debug().to_string().replace("\\\"", "\"").replace("\\'", "'"),
            None => format!("(base64) {}", text(item, "data64").unwrap_or_default()),
        };
        table.row(cells.chain([data]));
    }
    table.text()
}

/// What is known of an item under that name; of its death in another queue, when and why that was.
fn text(item: &Members, name: &str) -> Option<String> {
    let died = |name| match item.get("died")? {
        Value::Object(died) => died.get(name),
        Value::Plain(_) => None,
    };
    let value = match name {
        "died" => died("at"),
        "reason" => item.get(name).or_else(|| died(name)),
        _ => item.get(name),
    };
    value.map(Value::text)
}

pub(super) async fn redrive(options: Redrive) -> Result<(), Failure> {
    let url = options.at.verb("/redrive");
    let answer = call("POST", &options.at.url, &url).await?;
    let answer = String::from_utf8_lossy(&answer);
    let count = answer.trim().strip_prefix("redriven ").and_then(|count| count.parse::<u64>().ok());
    let count = count.ok_or_else(|| Failure::Refused(format!("{url}: its answer is no number of items")))?;
    output::line(&if options.json { format!("{{\"redriven\": {count}}}") } else { format!("redriven {count}") })
}

async fn call(method: &str, server: &Url, url: &Url) -> Result<Vec<u8>, Failure> {
    let body = (method == "POST").then_some(&b""[..]);
    let answer = Connection::new(Limits::default()).call(method, url, body).await;
    match accepted(url, answer.map_err(|error| Failure::of(url, &error))?) {
        Err(failure) => Err(explain(failure, server, Expected::Queue, "the address of a queue").await),
        done => done,
    }
}
