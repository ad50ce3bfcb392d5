//! Tables of topics and queues, whose entries are counted over all shards.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use streamgauge_core::engine::Name;
use streamgauge_core::engine::memory::Table;

use crate::engine::memory::ByName;

/// How many topics and queues all shards have together, and may have of each.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    pub(super) topics: Arc<AtomicUsize>,
    pub(super) queues: Arc<AtomicUsize>,
    pub(super) most: Arc<AtomicUsize>,
}

impl Counts {
    /// None, of so many of each kind at the most.
    pub(crate) fn new(most: usize) -> Self {
        Self { most: Arc::new(AtomicUsize::new(most)), ..Self::default() }
    }

    /// How many topics and queues there are.
    pub(super) fn all(&self) -> u64 {
        [&self.topics, &self.queues].map(|count| count.load(Ordering::Relaxed) as u64).iter().sum()
    }

    /// From now on there may be so many of each.
    pub(crate) fn set_most(&self, most: usize) {
        self.most.store(most, Ordering::Relaxed);
    }
}

/// Topics or queues of a shard by their names.
#[derive(Debug)]
pub(crate) struct Names<V> {
    values: ByName<Box<V>>,
    /// Those of all shards.
    count: Arc<AtomicUsize>,
    limit: Arc<AtomicUsize>,
}

impl<V> Names<V> {
    /// None, which count here, and of which there may be so many.
    pub(super) fn new(count: Arc<AtomicUsize>, limit: Arc<AtomicUsize>) -> Self {
        Self { values: ByName::default(), count, limit }
    }
}

impl<V> Drop for Names<V> {
    /// What is in a table that goes, as one that was restored for nothing, counts no more: others count on here.
    fn drop(&mut self) {
        self.count.fetch_sub(self.values.len(), Ordering::Relaxed);
    }
}

impl<V> Table<V> for Names<V> {
    type Names = std::vec::IntoIter<Name>;

    fn get(&self, name: &Name) -> Option<&V> {
        self.values.get(name).map(|value| &**value)
    }

    fn get_mut(&mut self, name: &Name) -> Option<&mut V> {
        self.values.get_mut(name).map(|value| &mut **value)
    }

    fn insert(&mut self, name: Name, value: V) -> Result<(), V> {
        // The engine has looked at the limit before it made the value. What was there already, and was only taken out
        // for a moment, always has its place: with several shards there may be one more a shard.
        if self.values.insert(name, Box::new(value)).is_none() {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn remove(&mut self, name: &Name) -> Option<V> {
        let value = self.values.remove(name)?;
        self.count.fetch_sub(1, Ordering::Relaxed);
        Some(*value)
    }

    fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    fn names(&self) -> Self::Names {
        let mut names: Vec<Name> = self.values.keys().copied().collect();
        names.sort_unstable();
        names.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_goes_takes_its_names_out_of_the_count() {
        let Counts { topics, most, .. } = Counts::new(9);
        let table = || Names::new(Arc::clone(&topics), Arc::clone(&most));
        let name = |byte| Name::new(&[byte]).unwrap();
        let (mut stays, mut goes) = (table(), table());
        for one in *b"abc" {
            goes.insert(name(one), one).unwrap();
        }
        stays.insert(name(b'a'), b'a').unwrap();
        goes.insert(name(b'a'), b'x').unwrap();
        goes.remove(&name(b'b'));
        assert_eq!(stays.len(), 3);
        drop(goes);
        assert_eq!(stays.len(), 1, "only its own");
    }
}
