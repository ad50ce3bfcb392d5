//! Where in Redis a state is.

use core::time::Duration;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use ::redis::IntoConnectionInfo as _;

use crate::state::StateError;

/// A name for a state, and the keys that belong to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(String);

impl core::str::FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // A colon would make `a:b` both a state and a node of the graph `a`.
        if text.is_empty() || text.contains(':') {
            return Err("must not be empty, and without a colon".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

impl core::fmt::Display for Key {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Key {
    /// The hash about the state.
    pub(super) fn about(&self) -> String {
        format!("streamgauge:{}", self.0)
    }

    /// The data of moments and histograms.
    pub(super) fn data(&self) -> &str {
        &self.0
    }

    /// The sorted set of the edges that start at a node.
    pub(super) fn node(&self, node: &str) -> String {
        format!("{}:{node}", self.0)
    }

    /// All of these, as SCAN takes it.
    pub(super) fn nodes(&self) -> String {
        let mut out = String::new();
        for c in self.0.chars() {
            if matches!(c, '*' | '?' | '[' | ']' | '\\' | '^' | '-') {
                out.push('\\');
            }
            out.push(c);
        }
        out + ":*"
    }

    /// The node that a sorted set is of.
    pub(super) fn name<'k>(&self, node: &'k str) -> Option<&'k str> {
        node.strip_prefix(&self.0)?.strip_prefix(':')
    }
}

/// A server, a state there, and who adds to it.
#[derive(Debug, Clone)]
pub struct Target {
    pub(super) client: ::redis::Client,
    pub(super) key: Key,
    pub(super) expire: Option<Duration>,
    pub(super) writer: String,
}

impl Target {
    /// A state at a server. After `expire` without anything added it is gone.
    ///
    /// # Errors
    /// It is no address of a Redis server.
    pub fn new(url: &str, key: Key, expire: Option<Duration>) -> Result<Self, StateError> {
        let bad = |error: ::redis::RedisError| StateError::new(format_args!("--state {url}: {}", super::words(&error)));
        let client = ::redis::Client::open(url.into_connection_info().map_err(bad)?).map_err(bad)?;
        // Two writers of one name would take each other's batches for their own.
        let writer = format!("{:016x}-{}", RandomState::new().build_hasher().finish(), std::process::id());
        Ok(Self { client, key, expire, writer })
    }

    /// The server, for people.
    pub(super) fn server(&self) -> String {
        self.client.get_connection_info().addr().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_name_without_a_colon() {
        let key: Key = "cl*cks".parse().unwrap();
        assert_eq!((key.node("a:b").as_str(), key.nodes().as_str()), ("cl*cks:a:b", "cl\\*cks:*"));
        assert_eq!(key.name("cl*cks:a:b"), Some("a:b"));
        assert_eq!(key.name("clacks:a"), None);
        assert!("a:b".parse::<Key>().is_err() && "".parse::<Key>().is_err());
    }
}
