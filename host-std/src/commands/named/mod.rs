//! `streamgauge topic` and `streamgauge queue`: topics and queues by their names.
//!
//! | module | idea |
//! | --- | --- |
//! | here | the requests, which are the same for both |
//! | `settings` | `key=value…` as a JSON object |
//! | `show` | a list as a table, one as settings and counters |

pub(super) mod settings;
mod show;

use clap::{Args, Subcommand};
use http::{Response, StatusCode};

use super::EXIT_CODES;
use super::at::URL;
use crate::client::{Connection, Limits, Url};
use crate::operations::SettingsOf;
use crate::terminal::exit::{Failure, accepted};
use crate::terminal::flags::server;
use crate::terminal::json;
use crate::terminal::output;

/// List topics, set their limits, look at one, or remove it
#[derive(Debug, Args)]
#[command(after_long_help = EXIT_CODES)]
pub struct Topic {
    #[command(subcommand)]
    action: TopicAction,
    #[command(flatten)]
    how: How,
}

/// List queues, set their limits and behaviour, look at one, pause, empty or remove it
#[derive(Debug, Args)]
#[command(after_long_help = EXIT_CODES)]
pub struct Queue {
    #[command(subcommand)]
    action: QueueAction,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, Args)]
struct How {
    /// Address of the server
    #[arg(long, env = URL, default_value = "http://127.0.0.1:8080", global = true, value_parser = server)]
    url: Url,
    /// Print the server's JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum TopicAction {
    /// Print a line for each, with what it has counted
    List(List),
    /// Create a topic, or change its settings: bytes, max_age, max_message_bytes, max_subscribers, dedupe_window, …
    Set(Set),
    /// Print its settings and counters
    Show(Name),
    /// Remove it; its subscribers are told why
    Remove(Name),
}

#[derive(Debug, Subcommand)]
enum QueueAction {
    /// Print a line for each, with what it has counted
    List(List),
    /// Create a queue, or change its settings: lease, max_attempts, dead_letter, max_depth, ttl, topic, filter, …
    Set(Set),
    /// Print its settings and counters
    Show(Name),
    /// Remove it, with all its items
    Remove(Name),
    /// Give nothing out until it is resumed; what is put stays
    Pause(Name),
    /// Give items out again
    Resume(Name),
    /// Remove all its items
    Empty(Name),
}

#[derive(Debug, Args)]
struct List {
    /// Only those whose names begin so
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
}

#[derive(Debug, Args)]
struct Set {
    /// Its name
    name: String,
    /// Settings, such as lease=30s topic=clicks filter=c:DE; null takes one away, text in quotes is never a number, and
    /// a KEY that comes again makes a list
    #[arg(value_name = "KEY=VALUE", value_parser = settings::pair)]
    settings: Vec<(String, String)>,
}

#[derive(Debug, Args)]
struct Name {
    /// Its name
    name: String,
}

pub(super) async fn topic(options: Topic) -> Result<(), Failure> {
    let of = Of { kind: Kind::Topic, how: options.how };
    match options.action {
        TopicAction::List(list) => of.list(list).await,
        TopicAction::Set(set) => of.set(&set).await,
        TopicAction::Show(Name { name }) => of.show(&name).await,
        TopicAction::Remove(Name { name }) => of.remove(&name).await,
    }
}

pub(super) async fn queue(options: Queue) -> Result<(), Failure> {
    let of = Of { kind: Kind::Queue, how: options.how };
    match options.action {
        QueueAction::List(list) => of.list(list).await,
        QueueAction::Set(set) => of.set(&set).await,
        QueueAction::Show(Name { name }) => of.show(&name).await,
        QueueAction::Remove(Name { name }) => of.remove(&name).await,
        QueueAction::Pause(Name { name }) => of.act(&name, "pause", "paused").await,
        QueueAction::Resume(Name { name }) => of.act(&name, "resume", "resumed").await,
        QueueAction::Empty(Name { name }) => of.empty(&name).await,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Topic,
    Queue,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Queue => "queue",
        }
    }
}

/// The topics, or the queues, of a server.
struct Of {
    kind: Kind,
    how: How,
}

impl Of {
    async fn list(&self, list: List) -> Result<(), Failure> {
        let url = self.how.url.join(&format!("/{}s", self.kind.name())).and("prefix", list.prefix);
        let answer = accepted(&url, call("GET", &url, None).await?)?;
        self.print(&url, &answer, |answer| show::list(self.kind, answer))
    }

    async fn show(&self, name: &str) -> Result<(), Failure> {
        let url = self.address(name);
        let answer = accepted(&url, call("GET", &url, None).await?)?;
        self.print(&url, &answer, |answer| show::one(self.kind, answer))
    }

    async fn set(&self, set: &Set) -> Result<(), Failure> {
        let url = self.address(&set.name);
        let answer = call("PUT", &url, Some(settings::object(&set.settings).as_bytes())).await?;
        let done = if answer.status() == StatusCode::CREATED { "created" } else { "set" };
        let settings = match self.kind {
            Kind::Topic => SettingsOf::Topic,
            Kind::Queue => SettingsOf::Queue,
        };
        accepted(&url, answer).map_err(|failure| failure.with(|line| settings.meant(line)))?;
        self.say(&set.name, done)
    }

    async fn remove(&self, name: &str) -> Result<(), Failure> {
        let url = self.address(name);
        accepted(&url, call("DELETE", &url, None).await?)?;
        self.say(name, "removed")
    }

    async fn act(&self, name: &str, verb: &str, done: &str) -> Result<(), Failure> {
        let url = self.address(name).join(&format!("/{verb}"));
        accepted(&url, call("POST", &url, Some(b"")).await?)?;
        self.say(name, done)
    }

    async fn empty(&self, name: &str) -> Result<(), Failure> {
        let url = self.address(name).join("/empty");
        let answer = accepted(&url, call("POST", &url, Some(b"")).await?)?;
        let answer = String::from_utf8_lossy(&answer);
        let items = answer.trim().strip_prefix("removed ").and_then(|items| items.parse::<u64>().ok());
        let items = items.ok_or_else(|| Failure::Refused(format!("{url}: its answer is no number of items")))?;
        output::line(&if self.how.json { format!("{{\"removed\": {items}}}") } else { format!("removed {items}") })
    }

    fn address(&self, name: &str) -> Url {
        self.how.url.join_name(&format!("/{}s/", self.kind.name()), name)
    }

    /// Prints the server's JSON, or what people make of it.
    fn print(&self, url: &Url, answer: &[u8], table: impl Fn(&[u8]) -> Option<String>) -> Result<(), Failure> {
        if self.how.json {
            return output::write(answer);
        }
        let strange = || Failure::Refused(format!("{url}: its answer tells nothing of a {}", self.kind.name()));
        output::write(table(answer).ok_or_else(strange)?.as_bytes())
    }

    fn say(&self, name: &str, done: &str) -> Result<(), Failure> {
        if !self.how.json {
            return output::line(&format!("{done} {name}"));
        }
        output::line(&format!("{{\"{}\": {}, \"done\": \"{done}\"}}", self.kind.name(), json::string(name)))
    }
}

async fn call(method: &str, url: &Url, body: Option<&[u8]>) -> Result<Response<Vec<u8>>, Failure> {
    let answer = Connection::new(Limits::default()).call(method, url, body).await;
    answer.map_err(|error| Failure::of(url, &error))
}
