//! How shards begin: with nothing, with what another process has handed or a folder holds, or behind others.

use std::sync::Arc;

use streamgauge_core::engine::memory::{Defaults, Memory};
use streamgauge_core::engine::{Name, Refusal};
use streamgauge_core::time::Time;

use super::follow::{Follow, follow};
use super::rooms::Counts;
use super::{Budget, Rooms, Settings, Shard, Shards, handed, home};
use crate::engine::disk::{self, Keeper, Recovered, StateError};
use crate::engine::remote::{self, Unreadable};
use crate::queues::OverflowLog;
use crate::threads::Threads;

impl Settings {
    /// What there is before anybody has asked for anything: the topic and the queue `main`, if `has_main`.
    ///
    /// # Errors
    /// When the budget has no room for these.
    pub(super) fn begin(&self, rooms: Rooms, has_main: bool, now: Time) -> Result<Memory<Rooms>, Refusal> {
        let mut memory = Memory::with_defaults(rooms, self.defaults);
        if let Some(topic) = self.main_topic.filter(|_| has_main) {
            memory.make_topic(&Name::MAIN, topic)?;
        }
        if let Some(queue) = self.main_queue.filter(|_| has_main) {
            memory.make_queue(&Name::MAIN, queue, now)?;
        }
        Ok(memory)
    }
}

impl Shards {
    /// A shard for each of `threads`, seen from each of them; with what others have [handed](Self::hand), unless that is
    /// nothing.
    ///
    /// # Errors
    /// When the budget has no room for the topic and the queue `main`, or for what was handed.
    pub(crate) fn new(
        settings: &Settings,
        budget: &Arc<Budget>,
        overflow: Option<&Arc<OverflowLog>>,
        threads: &Threads,
        left: &[u8],
    ) -> Result<Vec<Self>, String> {
        let (count, counts) = (threads.count(), Counts::new(settings.max_names));
        let wrong = |error: Unreadable| format!("what the server before this one held: {}", error.0);
        let left = handed::shards(left).map_err(wrong)?;
        let shards = (0..count).map(|at| {
            let log = overflow.cloned();
            let rooms = Rooms::new(Arc::clone(budget), log.clone(), counts.clone(), (at, count));
            let shard = match left.get(at) {
                None => Shard::new(settings, rooms, log, home(&Name::MAIN, count) == at)
                    .map_err(|refusal| refusal.to_string()),
                Some(left) => {
                    let left = handed::read(left, rooms, settings).map_err(wrong)?;
                    Ok(Shard::after(left, settings, log))
                }
            };
            shard.map(Arc::new)
        });
        let shards = shards.collect::<Result<Vec<_>, String>>()?;
        remember_guests(&shards);
        Ok(Self::seen_from_each(shards, threads))
    }

    /// One shard, which is kept in a folder. `heard` is told how many bytes of how many were read, and `found` what was found,
    /// whatever comes of it: the next start finds something else.
    ///
    /// # Errors
    /// What the folder holds can't be read, or has no room in the budget.
    pub(crate) fn kept(
        settings: &Settings,
        disk: &disk::Settings,
        memory: u64,
        overflow: Option<&Arc<OverflowLog>>,
        threads: &Threads,
        heard: &mut dyn FnMut(u64, u64),
        found: impl FnOnce(&Recovered),
    ) -> Result<Vec<Self>, KeptError> {
        // Whatever was there has its room until it is known how much that is.
        let (budget, counts) = (Budget::telling(memory), Counts::new(usize::MAX));
        budget.refuse_again(Some(Vec::new()));
        let longest = settings.defaults.topic.max_message_bytes;
        let rooms = Rooms::new(Arc::clone(&budget), None, counts.clone(), (0, 1)).keeping(longest);
        let (keeper, mut engine, recovered) =
            Keeper::open(disk, rooms, settings.defaults, heard).map_err(KeptError::State)?;
        found(&recovered);
        if budget.held() > memory {
            return Err(KeptError::Memory { held: budget.held(), memory });
        }
        engine.host().set_max_names(settings.max_names);
        engine.host_mut().set_overflow(overflow.cloned());
        let before = *engine.defaults();
        engine.set_defaults(Defaults { first: before.first, ..settings.defaults });
        if *engine.defaults() != before {
            // What is executed from now on goes by these.
            keeper.begin_with(&engine, recovered.latest).map_err(KeptError::Io)?;
        }
        let shard = Shard::kept(settings, (keeper, engine, recovered.latest), overflow.cloned());
        let shard = shard.map_err(KeptError::Refused)?;
        Ok(Self::seen_from_each(vec![Arc::new(shard)], threads))
    }

    /// One shard without anything yet, which others have too.
    ///
    /// # Errors
    /// When the budget has no room for the topic and the queue `main`, or this program was built without what it takes.
    pub(crate) fn ordered(
        settings: &Settings,
        remote: &remote::Settings,
        memory: u64,
        overflow: Option<&Arc<OverflowLog>>,
        threads: &Threads,
    ) -> Result<(Vec<Self>, Follow), String> {
        let gateway = getrandom::u64().map_err(|error| error.to_string())?;
        let order = Arc::new(remote::Order::new(gateway, remote.patience));
        // What only this process has must not decide what it does together with others.
        let (own, local) = (memory - memory / 8, Budget::new(memory / 8));
        let (budget, counts, beside) = (Budget::new(own), Counts::new(settings.max_names), Arc::clone(&local));
        let rooms = move || Rooms::new(Arc::clone(&budget), None, counts.clone(), (0, 1)).beside(Arc::clone(&beside));
        let shard = Shard::ordered(settings, rooms(), Arc::clone(&order), local, overflow.cloned());
        let shard = Arc::new(shard);
        let group = remote::Group { memory, max_names: settings.max_names as u64 };
        let follow = follow(&shard, &order, remote, (group, own), rooms, settings)?;
        Ok((Self::seen_from_each(vec![shard], threads), follow))
    }
}

/// Lets the shards where queues are at home know of those that are with their topics elsewhere.
fn remember_guests(shards: &[Arc<Shard>]) {
    for (at, shard) in shards.iter().enumerate() {
        for queue in shard.with(|memory| memory.queue_names().collect::<Vec<_>>()) {
            let home = home(&queue, shards.len());
            if home != at {
                shards[home].remember_move(queue, at);
            }
        }
    }
}

/// Why what a folder holds can't be gone on with.
#[derive(Debug)]
pub(crate) enum KeptError {
    /// It can't be read.
    State(StateError),
    /// It can't be written.
    Io(std::io::Error),
    /// It holds more than there is memory for.
    Memory { held: u64, memory: u64 },
    /// There is no room for what there is from the start.
    Refused(Refusal),
}

impl std::fmt::Display for KeptError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::State(error) => error.fmt(f),
            Self::Io(error) => error.fmt(f),
            Self::Memory { held, memory } => {
                write!(f, "what is kept takes {held} bytes of memory, and the limit memory is {memory}")
            }
            Self::Refused(refusal) => refusal.fmt(f),
        }
    }
}
