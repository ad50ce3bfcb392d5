//! What a graph is in Redis: a sorted set a node, and a list of them.

use std::sync::LazyLock;

use ::redis::aio::MultiplexedConnection;
use ::redis::{RedisError, Script};
use streamgauge_core::stats::graph::Edge;
use streamgauge_core::stats::space_saving::Counted;

use super::Key;
use super::kinds::{COUNTS, Fields, Shared, Update, number, present};
use crate::results::StateError;
use crate::results::tally::{Counters, GraphTally, Tally as _};

static ADD: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(include_str!("begin.lua"), include_str!("graph.lua"), include_str!("end.lua")))
});
static RESET: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("reset.lua")));

impl Shared for GraphTally {
    const KIND: &'static str = "graph";

    fn spec(&self) -> String {
        self.spec().to_owned()
    }

    fn records(&self) -> u64 {
        self.counters.records
    }

    fn is_full(&self) -> bool {
        self.len() >= COUNTS
    }

    fn empty(&self) -> Self {
        self.cleared()
    }

    fn script() -> &'static Script {
        &ADD
    }

    fn data(key: &Key) -> (String, &'static str) {
        (key.list(), "zset")
    }

    fn updates(&self, key: &Key) -> Vec<Update> {
        let count = |edge: Counted<Edge<Box<str>>>| (key.node(&edge.key.from), edge.key.to.into(), edge.weight);
        let start = Update {
            counters: self.counters.named().to_vec(),
            keys: vec![Self::data(key).0],
            arguments: key.databases().map(|database| database.to_string()).to_vec(),
        };
        start.split(self.total().edges.into_iter().map(count))
    }

    async fn load(
        &self,
        connection: &mut MultiplexedConnection,
        key: &Key,
    ) -> Result<Result<Self::Total, StateError>, RedisError> {
        let mut graph = match self.shown() {
            Ok(graph) => graph,
            Err(error) => return Ok(Err(error)),
        };
        let about: Fields = ::redis::cmd("HGETALL").arg(key.about()).query_async(connection).await?;
        graph.counters = Counters::read(|name| number(&about, name));
        let [home, there] = key.databases();
        let nodes = nodes(connection, key).await?;
        if let Err(lost) = present(key, !nodes.is_empty(), &about) {
            return Ok(Err(lost));
        }
        for some in nodes.chunks(NODES) {
            let mut all = ::redis::pipe();
            if home != there {
                all.cmd("SELECT").arg(there).ignore();
            }
            for node in some {
                all.cmd("ZRANGE").arg(node).arg(0).arg(-1).arg("WITHSCORES");
            }
            if home != there {
                all.cmd("SELECT").arg(home).ignore();
            }
            let edges: Vec<Vec<(String, f64)>> = all.query_async(connection).await?;
            for (node, edges) in some.iter().zip(edges) {
                let from = key.name(node).unwrap_or_default();
                for (to, weight) in edges {
                    graph.add(from.into(), to.into(), weight as u64);
                }
            }
        }
        Ok(Ok(graph.total()))
    }
}

/// Sorted sets that are read in one round trip.
const NODES: usize = 256;

/// The sorted sets of a graph, in a fixed order, so that a bounded graph is the same each time.
async fn nodes(connection: &mut MultiplexedConnection, key: &Key) -> Result<Vec<String>, RedisError> {
    let mut found = Vec::new();
    let mut cursor = 0_u64;
    loop {
        let mut scan = ::redis::cmd("ZSCAN");
        scan.arg(key.list()).arg(cursor).arg("COUNT").arg(1000);
        let (next, keys): (u64, Vec<(String, f64)>) = scan.query_async(connection).await?;
        found.extend(keys.into_iter().map(|(node, _)| node));
        if next == 0 {
            break;
        }
        cursor = next;
    }
    found.sort_unstable();
    // A node can come twice.
    found.dedup();
    Ok(found)
}

/// Removes a graph: how many keys.
pub(super) async fn reset(connection: &mut MultiplexedConnection, key: &Key) -> Result<u64, RedisError> {
    let mut removed = 0;
    loop {
        let mut call = RESET.prepare_invoke();
        call.key(key.about()).key(key.list()).arg(&key.databases()[..]).arg(COUNTS);
        let (keys, is_all): (u64, bool) = call.invoke_async(connection).await?;
        removed += keys;
        if is_all {
            return Ok(removed);
        }
    }
}
