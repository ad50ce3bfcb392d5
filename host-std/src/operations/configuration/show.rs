//! A configuration for a person and for programs. What is secret is not shown.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use super::settings::Takes;
use super::{Chosen, Configuration, Origin};
use crate::terminal::json::string;

impl Configuration {
    /// All of it, and where each is from: a file that says the same. What nobody has set, or is secret, is in comments.
    pub(crate) fn toml(&self) -> String {
        let shown = self.chosen.iter().filter(|chosen| chosen.name != "config");
        // What nobody has said may need something else that nobody has said.
        let line = |chosen: &Chosen| match chosen.origin {
            Origin::Default => format!("# {}", chosen.line()),
            _ if chosen.is_hidden() => format!("# {}", chosen.line()),
            _ => chosen.line(),
        };
        let lines: Vec<_> = shown.map(|chosen| (line(chosen), chosen.origin.to_string())).collect();
        let width = lines.iter().map(|(line, _)| line.chars().count()).filter(|width| *width <= 48).max().unwrap_or(0);
        let mut out = "[server]\n".to_owned();
        for (line, origin) in lines {
            let _ = writeln!(out, "{line:width$}  # {}", of_one_line(&origin));
        }
        for declared in &self.declared {
            let (table, name, at) = (declared.table(), key(declared.name()), of_one_line(&declared.place()));
            let _ = writeln!(out, "\n[{table}.{name}]  # {at}");
            for (member, value) in declared.settings() {
                let _ = writeln!(out, "{} = {}", key(member), toml(value));
            }
        }
        out
    }

    /// The same for programs.
    pub(crate) fn json(&self) -> String {
        let settings = self.chosen.iter().map(|chosen| {
            let value = match (chosen.takes, chosen.is_hidden()) {
                (_, true) => Json::Null,
                (Takes::Switch, _) => Json::Bool(chosen.shown().first().is_some_and(|value| value == "true")),
                (Takes::One, _) => chosen.shown().pop().map_or(Json::Null, Json::String),
                (Takes::Many, _) => Json::from(chosen.shown()),
            };
            let (name, from) = (&chosen.name, from(&chosen.origin));
            if chosen.is_hidden() {
                json!({"name": name, "value": value, "secret": true, "from": from})
            } else {
                json!({"name": name, "value": value, "from": from})
            }
        });
        let declared = self.declared.iter().map(|declared| {
            let (file, line) = &declared.at;
            let from = json!({"source": "file", "file": file, "line": line});
            json!({"name": declared.member(), "settings": declared.settings(), "from": from})
        });
        let all = json!({"settings": settings.collect::<Vec<_>>(), "declared": declared.collect::<Vec<_>>()});
        format!("{all:#}\n")
    }
}

impl Chosen {
    /// What it is, in a line; nothing of it if it is secret.
    pub(crate) fn line(&self) -> String {
        let name = &self.name;
        let number = |text: &str| text.parse::<i64>().is_ok_and(|number| number.to_string() == text);
        let value = |text: &String| if number(text) { text.clone() } else { string(text) };
        match (self.takes, &*self.shown()) {
            (_, [_, ..]) if self.is_hidden() => format!("{name} = (not shown)"),
            (Takes::Switch, [is_on, ..]) => format!("{name} = {is_on}"),
            (Takes::One, [.., last]) => format!("{name} = {}", value(last)),
            (Takes::Many, values) if !values.is_empty() || self.origin != Origin::Default => {
                let values: Vec<_> = values.iter().map(|text| string(text)).collect();
                format!("{name} = [{}]", values.join(", "))
            }
            _ => format!("{name} ="),
        }
    }

    /// The same for a sentence, in which something may be set no more.
    pub(crate) fn told(&self) -> Option<String> {
        let line = self.line();
        (!line.ends_with('=')).then_some(line)
    }

    fn shown(&self) -> Vec<String> {
        self.values.iter().map(|value| value.to_string_lossy().into_owned()).collect()
    }

    /// Whether it says what nobody else should read: by its name, as a URL with a password is refused.
    fn is_hidden(&self) -> bool {
        self.is_secret && !self.values.is_empty()
    }
}

fn from(origin: &Origin) -> Json {
    match origin {
        Origin::Default => json!({"source": "default"}),
        Origin::File(file, line) => json!({"source": "file", "file": file, "line": line}),
        Origin::Environment(variable) => json!({"source": "environment", "variable": variable}),
        Origin::Flag => json!({"source": "flag"}),
    }
}

/// What stands in a line, whatever a file or a member is called.
pub(super) fn of_one_line(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { '?' } else { char }).collect()
}

/// The name of a member.
fn key(name: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !name.is_empty() && name.bytes().all(is_bare) { name.to_owned() } else { string(name) }
}

/// The value of a member; TOML has no null, so none came from it. Its texts are JSON's in which DEL is escaped.
fn toml(value: &Json) -> String {
    match value {
        Json::Null => string(""),
        Json::Bool(is_so) => is_so.to_string(),
        Json::Number(number) => match number.as_i64() {
            Some(number) => number.to_string(),
            None => format!("{:?}", number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => string(text),
        Json::Array(values) => format!("[{}]", values.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Json::Object(members) => {
            let members = members.iter().map(|(name, value)| format!("{} = {}", key(name), toml(value)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
    }
}
