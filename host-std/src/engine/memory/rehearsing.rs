//! One shard that nothing is published or queued in, to see what it would say of what is made and changed there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use streamgauge_core::engine::{Name, QueueSettings, Refusal, TopicSettings};
use streamgauge_core::time::Time;

use super::handed::Handed;
use super::rooms::{Counts, Rooms};
use super::shard::Shard;
use super::{Budget, Held, Settings, Shards};
use crate::engine::disk::Notes;
use crate::threads::Threads;

/// What a server has by name, and the memory that all of it takes.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    pub(crate) topics: Vec<(Name, TopicSettings)>,
    pub(crate) queues: Vec<(Name, QueueSettings)>,
    /// Definitions of its gauges.
    pub(crate) gauges: Notes,
    pub(crate) held: u64,
}

impl Inventory {
    /// The paths of what is not as it was before.
    pub(crate) fn others_than(&self, before: &Self) -> BTreeSet<String> {
        let topics = others("topics", pairs(&self.topics), pairs(&before.topics));
        let queues = others("queues", pairs(&self.queues), pairs(&before.queues));
        topics.chain(queues).chain(others("gauges", self.gauges.iter(), before.gauges.iter())).collect()
    }
}

fn pairs<T>(named: &[(Name, T)]) -> impl Iterator<Item = (&Name, &T)> {
    named.iter().map(|(name, settings)| (name, settings))
}

fn others<'a, T: PartialEq + 'a>(
    kind: &str,
    now: impl Iterator<Item = (&'a Name, &'a T)>,
    before: impl Iterator<Item = (&'a Name, &'a T)>,
) -> impl Iterator<Item = String> {
    let before: BTreeMap<_, _> = before.collect();
    now.filter(move |(name, is)| before.get(name).is_some_and(|was| was != is))
        .map(move |(name, _)| format!("/{kind}/{name}"))
}

impl Shards {
    /// One that has what another server has, or what one begins with; as much memory as that has, of which names take as
    /// much as when they are kept on a disk, if `is_kept`; and what of it the other one holds beside its names, to be held
    /// as long. What has no room is left out.
    ///
    /// # Errors
    /// When the budget has no room for what a server begins with.
    pub(crate) fn rehearsing(
        settings: &Settings,
        (memory, is_kept): (u64, bool),
        threads: &Threads,
        there: Option<Inventory>,
    ) -> Result<(Vec<Self>, Held), Refusal> {
        let (budget, counts) = (Budget::new(memory), Counts::new(settings.max_names));
        let rooms = Rooms::new(Arc::clone(&budget), None, counts, (0, 1));
        let rooms = if is_kept { rooms.keeping(settings.defaults.topic.max_message_bytes) } else { rooms };
        let mut memory = settings.begin(rooms, there.is_none(), Time::ZERO)?;
        let Inventory { topics, queues, gauges, held } = there.unwrap_or_default();
        for (name, settings) in &topics {
            let _ = memory.make_topic(name, *settings);
        }
        for (name, settings) in &queues {
            let _ = memory.make_queue(name, *settings, Time::ZERO);
        }
        let mut rest = budget.nothing();
        rest.extend(held.saturating_sub(budget.held()));
        let shard = Shard::after(Handed { memory, notes: gauges, at: Time::ZERO }, settings, None);
        Ok((Self::seen_from_each(vec![Arc::new(shard)], threads), rest))
    }
}
