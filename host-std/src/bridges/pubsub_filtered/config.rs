use core::fmt;
use std::path::PathBuf;

use clap::Parser;
use regex_lite::Regex;
use streamgauge_core::endpoints::Surface;
use streamgauge_core::select::{self, MAX_RULES, Verb};

use super::filter::{Filter, Selection};
use crate::client::{BadUrl, Url};
use crate::commands::options::{Connections, Flags, Https, Listen, NameOptions, PubsubOptions};
use crate::gateway::Settings;
use crate::hash_key;
use crate::terminal::{Process, StartError};

/// Reads a pubsub and is one itself, with fields of its messages removed or replaced by hashes.
///
/// Messages are JSON objects. What can't be read as one is not passed on, since a field that is to be hidden may be in
/// it; it is counted. A message with the field _heartbeat_ is passed on whatever is expected.
///
/// Example: clicks of one country, without who clicked
///
///   pubsub_filtered --pubsub-url 'http://127.0.0.1:8080/sub?multipart=0' --port 8090 \
///                   --blacklist-fields ip,al --encrypted-fields a --expected-key c --expected-value DE
#[derive(Debug, Clone, Parser)]
#[command(name = "pubsub_filtered", version, verbatim_doc_comment)]
pub struct Options {
    /// Where to read from
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1/sub?multipart=0")]
    pub pubsub_url: String,
    /// Fields to remove, with commas between them
    #[arg(long, value_name = "FIELDS")]
    pub blacklist_fields: Option<String>,
    /// Fields to replace by a keyed hash of their value, with commas between them
    #[arg(long, value_name = "FIELDS")]
    pub encrypted_fields: Option<String>,
    /// Field that decides whether a message is passed on
    #[arg(long, value_name = "FIELD")]
    pub expected_key: Option<String>,
    /// Value that --expected-key must have
    #[arg(long, value_name = "VALUE")]
    pub expected_value: Option<String>,
    /// Regular expression that the value of --expected-key must match somewhere
    #[arg(long, value_name = "REGEX")]
    pub expected_value_regex: Option<String>,
    /// File with the key of the hashes, 64 hexadecimal digits [default: random in each process]
    #[arg(long, value_name = "FILE")]
    pub hash_key_file: Option<PathBuf>,
    /// Whom it trusts.
    #[command(flatten)]
    pub https: Https,
    /// Where it listens.
    #[command(flatten)]
    pub listen: Listen,
    /// The bounds of what it serves.
    #[command(flatten)]
    pub pubsub: PubsubOptions,
    #[command(flatten)]
    pub(super) names: NameOptions,
    /// The bounds of who reads it.
    #[command(flatten)]
    pub connections: Connections,
    /// How it runs.
    #[command(flatten)]
    pub process: Process,
}

impl Options {
    /// Where to read from.
    ///
    /// # Errors
    /// A line that names the flag.
    pub fn source(&self) -> Result<Url, BadOption> {
        self.pubsub_url.parse().map_err(|bad: BadUrl| BadOption(format!("--pubsub-url {bad}")))
    }

    /// The bounds of what it serves.
    ///
    /// # Errors
    /// When two limits contradict each other.
    pub fn settings(&self) -> Result<Settings, StartError> {
        let (pubsub, connections) = (Some(&self.pubsub), &self.connections);
        let (surface, names, is_kept) = (Surface::Pubsub, &self.names, false);
        Flags { surface, pubsub, queue: None, names, connections, is_kept }.settings(0)
    }

    /// What is passed on, and what of it. Reads the file of the key.
    ///
    /// # Errors
    /// A line that names the flag.
    pub fn filter(&self) -> Result<Filter, BadOption> {
        let mut selection = Selection::new();
        for (verb, flag, fields) in [
            (Verb::Drop, "--blacklist-fields", &self.blacklist_fields),
            (Verb::Hash, "--encrypted-fields", &self.encrypted_fields),
        ] {
            for field in fields.iter().flat_map(|fields| fields.split(',')).filter(|field| !field.is_empty()) {
                if field.trim() != field {
                    // It would be another field's name, and the one that was meant would go through.
                    return Err(BadOption(format!("{flag}: `{field}` begins or ends with a space: leave it out")));
                }
                let added = key(flag, field).map(|path| selection.add_path(verb, &path, ""))?;
                added.map_err(|_| {
                    BadOption(format!("{flag}: both kinds of fields are {MAX_RULES} and 4096 bytes of names at most"))
                })?;
            }
        }
        let regex = self.expected_value_regex.as_deref().map(Regex::new).transpose();
        let regex = regex.map_err(|error| BadOption(format!("--expected-value-regex: {error}")))?;
        let expected = match (&self.expected_key, &self.expected_value, regex) {
            (None, None, None) => None,
            (Some(field), value, regex) if value.is_some() || regex.is_some() => {
                Some((key("--expected-key", field.clone())?, value.clone(), regex))
            }
            _ => {
                let line = "--expected-key and --expected-value or --expected-value-regex must be used together";
                return Err(BadOption(line.to_owned()));
            }
        };
        let key = match &self.hash_key_file {
            Some(file) => hash_key::stored(file).map_err(BadOption)?,
            None => hash_key::random().map_err(|error| BadOption(error.to_string()))?,
        };
        Ok(Filter::new(selection, expected, key))
    }
}

/// A field as the original knows it: a key of the message itself, whatever is in its name.
fn key<T: AsRef<str>>(flag: &str, field: T) -> Result<select::Path<T>, BadOption> {
    select::Path::key(field).map_err(|bad| BadOption(format!("{flag}: {bad}")))
}

/// What is wrong with the options, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadOption(String);

impl fmt::Display for BadOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An error of a regular expression is a drawing of several lines.
        f.write_str(&self.0.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

impl core::error::Error for BadOption {}
