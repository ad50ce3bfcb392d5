//! Topics, queues and gauges of a file: what would be put at their paths, judged by the core's own parsers. And tokens.

use std::convert::Infallible;

use serde_json::{Map, Number, Value as Json};
use streamgauge_core::endpoints::{Method, Parsed, Reply, Request, Settings, Surface, parse};
use streamgauge_core::engine::{BadName, Name};
use streamgauge_core::gauge::Definition;
use toml_edit::{Item, TableLike, Value};

use crate::operations::SettingsOf as Of;
use crate::operations::rights::Token;
use crate::operations::rights::tokens::NO_MEMBER;
use crate::terminal::meant::{meant, nearest};

/// Something that is there once a server runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Declared {
    kind: Kind,
    name: String,
    settings: Map<String, Json>,
    /// A file, and a line of it.
    pub(super) at: (String, usize),
}

/// What it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Token,
    Topic,
    Queue,
    Gauge,
}

impl Kind {
    /// In the order in which they are made: each may name those before it.
    pub(super) const ALL: [Self; 4] = [Self::Token, Self::Topic, Self::Queue, Self::Gauge];

    /// The table, and the first part of the path of what has one.
    pub(super) const fn table(self) -> &'static str {
        match self {
            Self::Token => "tokens",
            Self::Topic => "topics",
            Self::Queue => "queues",
            Self::Gauge => "gauges",
        }
    }
}

impl Kind {
    /// The end of a line that says that there is no such member.
    fn meant(self, line: &str) -> String {
        match self {
            Self::Token => line
                .strip_prefix(NO_MEMBER)
                .map_or_else(String::new, |member| meant(nearest(member, Token::MEMBERS.into_iter()))),
            Self::Topic => Of::Topic.meant(line),
            Self::Queue => Of::Queue.meant(line),
            Self::Gauge => Of::Gauge.meant(line),
        }
    }
}

impl Declared {
    /// What a table declares.
    ///
    /// # Errors
    /// All that is wrong: the member, where it is known, and a line.
    pub(super) fn new(
        kind: Kind,
        name: &str,
        table: &dyn TableLike,
        at: (String, usize),
    ) -> Result<Self, Vec<(Option<String>, String)>> {
        if Name::new(name.as_bytes()).is_err() {
            return Err(vec![(None, BadName.to_string())]);
        }
        let (mut settings, mut wrong) = (Map::new(), Vec::new());
        for (member, item) in table.iter() {
            match json(item) {
                Some(value) => drop(settings.insert(member.to_owned(), value)),
                None => wrong.push((Some(member.to_owned()), "can't be said in JSON".to_owned())),
            }
        }
        let declared = Self { kind, name: name.to_owned(), settings, at };
        // What is wrong is taken away, to find what else is.
        let mut left = declared.clone();
        while let Err(line) = left.judge() {
            let member = left.settings.keys().find(|member| is_named(&line, member)).cloned();
            // What is missing now may be what was wrong before.
            let is_told = |(wrong, _): &(Option<String>, _)| wrong.as_ref().is_some_and(|wrong| is_named(&line, wrong));
            if member.is_none() && wrong.iter().any(is_told) {
                break;
            }
            let is_known = member.as_ref().is_some_and(|member| left.settings.remove(member).is_some());
            let meant = kind.meant(&line);
            wrong.push((member, line + &meant));
            if !is_known {
                break;
            }
        }
        if wrong.is_empty() { Ok(declared) } else { Err(wrong) }
    }

    /// What it is called in the file.
    pub(crate) fn member(&self) -> String {
        format!("{}.{}", self.kind.table(), self.name)
    }

    /// Where it stands.
    pub(crate) fn place(&self) -> String {
        format!("{}:{}", self.at.0, self.at.1)
    }

    /// Whether it is a token: nothing is put then.
    pub(crate) const fn is_token(&self) -> bool {
        matches!(self.kind, Kind::Token)
    }

    /// What it lets its owner do, if it is a token.
    pub(super) fn token(&self) -> Option<Result<Token, String>> {
        self.is_token().then(|| Token::declared(&self.name, &self.settings))
    }

    /// The path at which it is put.
    pub(crate) fn target(&self) -> String {
        format!("/{}/{}", self.kind.table(), self.name)
    }

    /// What is put there.
    pub(crate) fn body(&self) -> Vec<u8> {
        Json::Object(self.settings.clone()).to_string().into_bytes()
    }

    /// A line that says why it is refused, and where it stands.
    pub(crate) fn refused(&self, why: &str) -> String {
        // A server makes these itself, before anything is put.
        let flag = match self.kind {
            Kind::Topic => Some("--log-bytes"),
            Kind::Queue => Some("--queue-bytes"),
            Kind::Token | Kind::Gauge => None,
        };
        let (place, member) = (self.place(), self.member());
        match flag.filter(|_| self.name == Name::MAIN.as_str() && why.starts_with("bytes ")) {
            Some(flag) => format!("{place}: {member}: bytes are given by {flag}"),
            None => format!("{place}: {member}: {why}"),
        }
    }

    pub(super) const fn table(&self) -> &'static str {
        self.kind.table()
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn settings(&self) -> &Map<String, Json> {
        &self.settings
    }

    /// Whether it says the same as another one, wherever that stands.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.is_same(other) && self.settings == other.settings
    }

    /// Whether it is called the same.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.kind == other.kind && self.name == other.name
    }

    /// What one of the same name said, and this one says no more, though it stays: a topic and a queue keep what is not
    /// put, where a gauge is made anew by what it is put, and a token is what is declared.
    pub(crate) fn says_no_more(&self, before: &Self) -> Vec<String> {
        if !self.is_same(before) || !matches!(self.kind, Kind::Topic | Kind::Queue) {
            return Vec::new();
        }
        let gone = before.settings.keys().filter(|member| !self.settings.contains_key(*member));
        gone.map(|member| format!("{}.{member}", self.member())).collect()
    }

    /// Where it is among others.
    pub(super) fn rank(&self) -> usize {
        Kind::ALL.into_iter().position(|kind| kind == self.kind).unwrap_or_default()
    }

    /// What a server would say of it, whatever it has.
    fn judge(&self) -> Result<(), String> {
        if let Some(token) = self.token() {
            return token.map(drop);
        }
        let (target, body, mut said) = (self.target(), self.body(), Vec::new());
        let request = Request { method: Method::Put, body: &body, ..Request::new(target.as_bytes()) };
        let Ok(parsed) = parse(&request, &Settings::new(Surface::Everything), &mut said) as Result<_, Infallible>;
        match parsed {
            Parsed::Reply(Reply::Response(_)) => Err(String::from_utf8_lossy(&said).trim_end().to_owned()),
            Parsed::Reply(Reply::Gauge(_)) => Definition::from_json(&body).map(drop).map_err(|wrong| wrong.to_string()),
            _ => Ok(()),
        }
    }
}

/// Whether a line names a member, as a word of its own.
fn is_named(line: &str, member: &str) -> bool {
    let is_word = |char: char| char.is_ascii_alphanumeric() || char == '_';
    !member.is_empty()
        && line.match_indices(member).any(|(at, found)| {
            let (before, after) = (&line[..at], &line[at + found.len()..]);
            !before.ends_with(is_word) && !after.starts_with(is_word)
        })
}

/// A value as JSON, if it has one.
fn json(item: &Item) -> Option<Json> {
    match item {
        Item::Value(value) => json_of(value),
        Item::Table(table) => object(table),
        Item::ArrayOfTables(tables) => tables.iter().map(|table| object(table)).collect::<Option<_>>().map(Json::Array),
        Item::None => None,
    }
}

fn json_of(value: &Value) -> Option<Json> {
    match value {
        Value::String(text) => Some(Json::String(text.value().clone())),
        Value::Integer(number) => Some(Json::Number((*number.value()).into())),
        Value::Float(number) => Number::from_f64(*number.value()).map(Json::Number),
        Value::Boolean(is_so) => Some(Json::Bool(*is_so.value())),
        Value::Datetime(time) => Some(Json::String(time.value().to_string())),
        Value::Array(values) => values.iter().map(json_of).collect::<Option<_>>().map(Json::Array),
        Value::InlineTable(table) => object(table),
    }
}

fn object(table: &dyn TableLike) -> Option<Json> {
    let members = table.iter().map(|(name, item)| Some((name.to_owned(), json(item)?)));
    members.collect::<Option<_>>().map(Json::Object)
}
