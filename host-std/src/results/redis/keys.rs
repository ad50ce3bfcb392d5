//! Where in Redis a state is.

use core::time::Duration;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use ::redis::IntoConnectionInfo as _;

use crate::results::StateError;
use crate::terminal::masked;

/// A name for a state, and the keys that belong to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    name: String,
    /// The database of the state.
    home: i64,
    /// The one that has the nodes of a graph as they are called, if they are not beside the state.
    nodes: Option<i64>,
}

/// What the keys about all states begin with.
const ABOUT: &str = "streamgauge";

impl core::str::FromStr for Key {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        // A colon would make `a:b` both a state and a node of the graph `a`, and so would this name what is about `b`.
        if name.is_empty() || name.contains(':') || name == ABOUT {
            return Err(format!("must not be empty, without a colon, and not `{ABOUT}`"));
        }
        Ok(Self { name: name.to_owned(), home: 0, nodes: None })
    }
}

impl core::fmt::Display for Key {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.name)
    }
}

impl Key {
    /// The hash about the state.
    pub(super) fn about(&self) -> String {
        format!("{ABOUT}:{}", self.name)
    }

    /// The data of moments and histograms.
    pub(super) fn data(&self) -> &str {
        &self.name
    }

    /// The sorted set that lists those of the nodes, scored by when they expire: only what is on it is the graph's.
    pub(super) fn list(&self) -> String {
        format!("{ABOUT}:{}:nodes", self.name)
    }

    /// The sorted set of the edges that start at a node.
    pub(super) fn node(&self, node: &str) -> String {
        if self.nodes.is_some() { node.to_owned() } else { format!("{}:{node}", self.name) }
    }

    /// The node that a sorted set is of.
    pub(super) fn name<'k>(&self, node: &'k str) -> Option<&'k str> {
        if self.nodes.is_some() { Some(node) } else { node.strip_prefix(&self.name)?.strip_prefix(':') }
    }

    /// The databases of the state and of its nodes.
    pub(super) fn databases(&self) -> [i64; 2] {
        [self.home, self.nodes.unwrap_or(self.home)]
    }

    /// What all who add to the state have in common, where its nodes are being one of it.
    pub(super) fn spec(&self, tally: &str) -> String {
        self.nodes.map_or_else(|| tally.to_owned(), |nodes| format!("{tally}{NODES_IN}{nodes}"))
    }

    /// The other way round: what it is of the tally; the nodes are where it says.
    pub(super) fn follow(&mut self, spec: &str) -> String {
        let place = spec.rsplit_once(NODES_IN).and_then(|(tally, nodes)| Some((tally, nodes.parse().ok()?)));
        self.nodes = place.map(|(_, nodes)| nodes);
        place.map_or(spec, |(tally, _)| tally).to_owned()
    }
}

/// What is between the spec of a graph and the database of its nodes.
const NODES_IN: &str = ", nodes in database ";

/// A server, a state there, and who adds to it.
#[derive(Debug, Clone)]
pub struct Target {
    /// The server, for people: as it was said, without a password.
    pub(super) server: String,
    pub(super) client: ::redis::Client,
    pub(super) key: Key,
    pub(super) expire: Option<Duration>,
    pub(super) writer: String,
}

impl Target {
    /// A state at a server. After `expire` without anything added it is gone, unless somebody who adds to it gives a
    /// longer time, or none.
    ///
    /// # Errors
    /// It is no address of a Redis server.
    pub fn new(url: &str, mut key: Key, expire: Option<Duration>) -> Result<Self, StateError> {
        let server = masked(url).into_owned();
        let bad =
            |error: ::redis::RedisError| StateError::new(format_args!("--state {server}: {}", super::words(&error)));
        let client = ::redis::Client::open(url.into_connection_info().map_err(bad)?).map_err(bad)?;
        key.home = client.get_connection_info().redis_settings().db();
        // Two writers of one name would take each other's batches for their own.
        let writer = format!("{:016x}-{}", RandomState::new().build_hasher().finish(), std::process::id());
        Ok(Self { server, client, key, expire, writer })
    }

    /// Puts the nodes of a graph into a database of their own, where they are called what they are called.
    ///
    /// # Errors
    /// It is the database of the state, where they could be taken for states.
    pub fn nodes_in(mut self, database: u32) -> Result<Self, StateError> {
        if self.key.home == i64::from(database) {
            return Err(StateError::new("--nodes-db must be another database than that of --state"));
        }
        self.key.nodes = Some(database.into());
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_name_without_a_colon() {
        let key: Key = "cl*cks".parse().unwrap();
        assert_eq!((key.node("a:b").as_str(), key.about().as_str()), ("cl*cks:a:b", "streamgauge:cl*cks"));
        assert_eq!(key.name("cl*cks:a:b"), Some("a:b"));
        assert_eq!(key.name("clacks:a"), None);
        for bad in ["a:b", "", "streamgauge"] {
            assert!(bad.parse::<Key>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_spec_says_where_nodes_are() {
        let mut key: Key = "clicks".parse().unwrap();
        assert_eq!(key.follow("directed edges, nodes in database 12"), "directed edges");
        assert_eq!((key.databases(), key.node("a:b").as_str(), key.name("a:b")), ([0, 12], "a:b", Some("a:b")));
        assert_eq!(key.spec("directed edges"), "directed edges, nodes in database 12");
        assert_eq!(key.follow("range 0 1 20"), "range 0 1 20");
        assert_eq!((key.databases(), key.spec("numbers").as_str()), ([0, 0], "numbers"));
    }
}
