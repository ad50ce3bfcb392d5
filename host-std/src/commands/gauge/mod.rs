//! `streamgauge gauge` and `streamgauge merge`: gauges of a server, and what several of them have measured.
//!
//! | module | idea |
//! | --- | --- |
//! | here | the requests |
//! | `watch` | what one measures, again and again: a table with sparklines, or a line each |
//! | `merge` | binary forms added up, without a server |

mod merge;
mod watch;

pub(super) use merge::{Merge, merge};

use core::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use http::StatusCode;

use super::EXIT_CODES;
use super::at::URL;
use super::named::settings;
use crate::client::{Connection, Limits, Url};
use crate::operations::SettingsOf;
use crate::terminal;
use crate::terminal::exit::{Failure, accepted};
use crate::terminal::flags::{seconds, server};
use crate::terminal::json;
use crate::terminal::output;
use crate::terminal::signals::Stop;

/// Set up gauges in a server's topics, look at what they measure, or remove them
#[derive(Debug, Args)]
#[command(after_long_help = EXIT_CODES)]
pub struct Gauge {
    #[command(subcommand)]
    action: Action,
    /// Address of the server
    #[arg(long, env = URL, default_value = "http://127.0.0.1:8080", global = true, value_parser = server)]
    url: Url,
    /// Print the server's JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print a line for each: where it stands, what it measures, and what it costs
    List {
        /// Only those whose names begin so
        #[arg(long, value_name = "TEXT")]
        prefix: Option<String>,
    },
    /// Set one up, or another one in its place: topic, field, measure, by, every, last, …
    Set {
        /// Its name
        name: String,
        /// Settings, such as topic=clicks field=t measure=moments measure=quantiles every=10s last=5m; or one JSON
        /// object. A KEY that comes again makes a list
        #[arg(value_name = "KEY=VALUE", required = true)]
        settings: Vec<String>,
    },
    /// Print what it measures now
    Show {
        /// Its name
        name: String,
        /// In which form
        #[arg(long, value_enum, default_value_t = Form::Text)]
        format: Form,
    },
    /// Print what it measures again and again, until a signal
    Watch {
        /// Its name
        name: String,
        /// How often
        #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "1")]
        interval: Duration,
    },
    /// Remove it
    Remove {
        /// Its name
        name: String,
    },
}

/// How a reading is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A table
    Text,
    /// JSON
    Json,
    /// OpenMetrics
    Openmetrics,
    /// A picture
    Svg,
    /// All of its state, for `streamgauge merge`
    Binary,
    /// What it measures, as JSON
    Definition,
}

impl Form {
    const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Openmetrics => "openmetrics",
            Self::Svg => "svg",
            Self::Binary => "binary",
            Self::Definition => "definition",
        }
    }
}

pub(super) async fn run(options: Gauge, mut stop: Stop) -> Result<(), Failure> {
    let has_end = !matches!(options.action, Action::Watch { .. });
    let done = options.run();
    if has_end { stop.before(done).await } else { stop.until(done).await }
}

impl Gauge {
    async fn run(self) -> Result<(), Failure> {
        let Self { action, url, json } = self;
        match action {
            Action::List { prefix } => list(&url.join("/gauges").and("prefix", prefix), json).await,
            Action::Set { name, settings } => set(&address(&url, &name), &name, &settings, json).await,
            Action::Show { name, format } => {
                let format = if json { Form::Json } else { format };
                let url = address(&url, &name).and("format", Some(format.name()));
                output::write(&call("GET", &url, None).await?.1)
            }
            Action::Watch { name, interval } => watch::run(&address(&url, &name), interval, json).await,
            Action::Remove { name } => {
                call("DELETE", &address(&url, &name), None).await?;
                say(&name, "removed", json)
            }
        }
    }
}

fn address(url: &Url, name: &str) -> Url {
    url.join_name("/gauges/", name)
}

async fn set(url: &Url, name: &str, given: &[String], json: bool) -> Result<(), Failure> {
    let body = match given {
        [object] if object.trim_start().starts_with('{') => object.clone(),
        pairs => {
            let pairs: Result<Vec<_>, _> = pairs.iter().map(|pair| settings::pair(pair)).collect();
            settings::object(&pairs.map_err(|wrong| Failure::Refused(format!("a setting {wrong}")))?)
        }
    };
    let set = call("PUT", url, Some(body.as_bytes())).await;
    let (status, warning) = set.map_err(|failure| failure.with(|line| SettingsOf::Gauge.meant(line)))?;
    if let Some(line) = String::from_utf8_lossy(&warning).lines().next() {
        terminal::say(format_args!("{line}"));
    }
    say(name, if status == StatusCode::CREATED { "created" } else { "set" }, json)
}

async fn list(url: &Url, json: bool) -> Result<(), Failure> {
    let (_, answer) = call("GET", url, None).await?;
    if json {
        return output::write(&answer);
    }
    let strange = || Failure::Refused(format!("{url}: its answer tells nothing of gauges"));
    output::write(table(&answer).ok_or_else(strange)?.as_bytes())
}

/// A line for each gauge.
fn table(answer: &[u8]) -> Option<String> {
    let all: Vec<serde_json::Value> = serde_json::from_slice(answer).ok()?;
    let mut table = super::table::Table::new([
        ("gauge", false),
        ("topic", false),
        ("field", false),
        ("by", false),
        ("measures", false),
        ("bytes", true),
        ("messages", true),
        ("ns each", true),
        ("behind", true),
        ("missed", true),
    ]);
    for one in &all {
        let definition = &one["definition"];
        let text = |name: &str| definition[name].as_str().unwrap_or_default().to_owned();
        let measures: Vec<_> = definition["measure"].as_array()?.iter().filter_map(|one| one.as_str()).collect();
        let number = |name: &str| one[name].as_u64();
        let each = number("nanoseconds")?.checked_div(number("messages")?);
        table.row([
            one["name"].as_str()?.to_owned(),
            text("topic"),
            text("field"),
            text("by"),
            measures.join(" "),
            number("bytes")?.to_string(),
            number("messages")?.to_string(),
            each.map_or_else(|| "-".to_owned(), |each| each.to_string()),
            number("behind")?.to_string(),
            number("missed")?.to_string(),
        ]);
    }
    Some(table.text())
}

fn say(name: &str, done: &str, json: bool) -> Result<(), Failure> {
    if !json {
        return output::line(&format!("{done} {name}"));
    }
    output::line(&format!("{{\"gauge\": {}, \"done\": \"{done}\"}}", json::string(name)))
}

async fn call(method: &str, url: &Url, body: Option<&[u8]>) -> Result<(StatusCode, Vec<u8>), Failure> {
    let answer = Connection::new(Limits::default()).call(method, url, body).await;
    let answer = answer.map_err(|error| Failure::of(url, &error))?;
    let status = answer.status();
    Ok((status, accepted(url, answer)?))
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn gauges_are_a_table() {
        let answer = br#"[{"name":"t","definition":{"topic":"clicks","field":"a.b","measure":["moments","rate"]},
            "bytes":2048,"messages":10,"nanoseconds":4000,"behind":0,"missed":3}]"#;
        assert_eq!(
            table(answer).unwrap(),
            "gauge  topic   field  by  measures      bytes  messages  ns each  behind  missed\n\
             t      clicks  a.b        moments rate   2048        10      400       0       3\n"
        );
        assert_eq!(table(b"<html>"), None);
        assert_eq!(table(br#"[{"name":"t"}]"#), None);
    }
}
