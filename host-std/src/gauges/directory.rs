//! On which shard each gauge is.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, Weak};

use parking_lot::Mutex;
use streamgauge_core::engine::Name;

use super::Gauges;

/// Gauges have names of their own, and are where their topics are: so where one is has to be looked up. Only requests
/// about gauges do.
#[derive(Default)]
pub(crate) struct Directory {
    shards: Mutex<BTreeMap<Name, usize>>,
    all: OnceLock<Vec<Weak<Gauges>>>,
}

impl Directory {
    /// The gauges of all shards are these, in the order of the shards; only the first call counts.
    pub(crate) fn set_all(&self, all: &[Arc<Gauges>]) {
        let _ = self.all.set(all.iter().map(Arc::downgrade).collect());
    }

    /// The gauges of all shards.
    pub(super) fn all(&self) -> Vec<Arc<Gauges>> {
        self.all.get().into_iter().flatten().filter_map(Weak::upgrade).collect()
    }

    /// The shard of a gauge, if there is one of that name.
    pub(super) fn shard_of(&self, name: &Name) -> Option<usize> {
        self.shards.lock().get(name).copied()
    }

    /// Takes a name for a shard, unless there are `most`; whether it has it.
    pub(super) fn insert(&self, name: Name, shard: usize, most: usize) -> bool {
        let mut names = self.shards.lock();
        if names.len() >= most && !names.contains_key(&name) {
            return false;
        }
        *names.entry(name).or_insert(shard) == shard
    }

    pub(super) fn remove(&self, name: &Name) {
        self.shards.lock().remove(name);
    }
}
