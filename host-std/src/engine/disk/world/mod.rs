//! A server over a simulated disk, which executes, makes checkpoints and crashes from a seed.
//!
//! | module | idea |
//! | --- | --- |
//! | [`World`] | after any crash the state is one that there was, and at least as late as the last one that somebody was told of |
//! | `commands` | what is executed |
//! | `retelling` | messages that are told again |
//! | `published` | what has to be there of the messages of topics |

mod commands;
mod published;
mod retelling;

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash as _, Hasher as _};
use std::io;
use std::sync::Arc;

use streamgauge_core::engine::memory::{Defaults, Memory};
use streamgauge_core::engine::{QueueSettings, TopicSettings};
use streamgauge_core::generate::Rng;
use streamgauge_core::queue::leases::Away;
use streamgauge_core::time::Time;

use super::files::simulated::{Faults, Simulated};
use super::history::{Histories, Retelling};
use super::keeper::{Last, unneeded};
use super::log::{Opened, segments};
use super::shelf::Shelf;
use super::space::Space;
use super::state::{self, Found, Notes};
use crate::engine::clock;
use crate::engine::memory::{Budget, Rooms};
pub(in crate::engine) use commands::is_lawful;
pub(super) use published::read;
use published::{Change, Published};

/// What was executed, and what it came to.
pub(super) struct World {
    pub(super) disk: Simulated,
    pub(super) random: Rng,
    now: Time,
    /// Bytes of a segment: there are many.
    segment: u32,
    /// Whether most of what is executed publishes.
    publishes: bool,
    /// The state that the last start found, and that after each thing that was kept since.
    states: Vec<State>,
    /// Somebody was told of so many of them.
    told: usize,
    /// What was published before the first of them.
    published: Published,
    /// Pieces that were made.
    made: u64,
    tokens: Vec<String>,
    /// What was read to be told again.
    retelling: Vec<Retelling>,
    /// Every entry that was added, by its place, and all that was ever put or published.
    entries: BTreeMap<u64, Vec<u8>>,
    pieces: BTreeSet<Vec<u8>>,
}

/// What was so once.
struct State {
    hash: u64,
    /// When what led to it was executed, and what that did to topics.
    at: Time,
    change: Option<Change>,
}

/// What runs until the disk crashes.
pub(super) struct Running {
    pub(super) memory: Memory<Rooms>,
    pub(super) notes: Notes,
    pub(super) histories: Histories,
    pub(super) log: Opened<Simulated>,
    last: Last,
    /// Segments that nobody needs any more, of whose files others are made.
    spare: Vec<u32>,
}

pub(super) const DEFAULTS: Defaults = Defaults {
    auto_create: true,
    topic: TopicSettings { bytes: 2_000, ..TopicSettings::DEFAULT },
    queue: QueueSettings { bytes: 3_000, ..QueueSettings::DEFAULT },
    first: 1_000,
};

/// So little memory that growth is refused now and then, and with twice of it not.
const MEMORY: u64 = 16_000;

/// Rooms of a server that starts, which draws its numbers from a seed.
pub(super) fn rooms(budget: Arc<Budget>, seed: u64) -> Rooms {
    /// More than it draws.
    const MOST: usize = 1_000;
    budget.refuse_again(Some(Vec::new()));
    let mut random = Rng::new(seed);
    Rooms::alone(budget).keeping(0).drawing((0..MOST).map(|_| random.bits()).collect())
}

impl Running {
    /// Goes on with what a folder holds.
    pub(super) fn of(found: Found<Simulated>) -> Self {
        let Found { memory, notes, histories, log, .. } = found;
        Self { memory, notes, histories, log, last: Last::none(), spare: Vec::new() }
    }

    /// What a checkpoint would hold, whenever it is made.
    pub(super) fn saved(&self) -> Vec<u8> {
        state::saved(&self.memory, &self.notes, &self.histories, Time::ZERO)
    }

    /// All of it, with the items that are in the log.
    fn hash(&self, mut item: impl FnMut(&Away) -> Vec<u8>) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.saved().hash(&mut hasher);
        self.memory.elsewhere(|_, _, away| item(&away).hash(&mut hasher));
        hasher.finish()
    }

    /// Makes a segment, if there is none to go on in.
    pub(super) fn make_ahead(&mut self) -> io::Result<()> {
        if !self.log.tail.has_next() {
            let made = match self.spare.pop().map(|old| (old, self.log.maker.make(Some(old)))) {
                Some((_, Ok(made))) => made,
                // One of another length, or the disk fails: it may be there still.
                Some((old, Err(_))) => {
                    self.spare.insert(0, old);
                    self.log.maker.make(None)?
                }
                None => self.log.maker.make(None)?,
            };
            self.log.tail.set_next(made.fresh);
            self.log.segments.adopt(made);
        }
        Ok(())
    }

    /// Writes what was added, and waits until it is on the disk.
    pub(super) fn write(&mut self) -> io::Result<()> {
        let group = self.log.tail.take(true);
        self.log.segments.write(group)
    }
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Rng::new(seed);
        let disk = Simulated::new(random.bits());
        let (segment, publishes) = ([2_100, 4_000][random.below(2) as usize], random.below(2) == 0);
        Self {
            disk,
            random,
            now: Time::from_millis(1_281_000_000_000),
            segment,
            publishes,
            states: Vec::new(),
            told: 0,
            published: Published::default(),
            made: 0,
            tokens: Vec::new(),
            retelling: Vec::new(),
            entries: BTreeMap::new(),
            pieces: BTreeSet::new(),
        }
    }

    pub(super) fn odds(&mut self, of: u64) -> bool {
        self.random.below(of) == 0
    }

    /// Starts and runs until something fails or the disk crashes, some times; and starts once more.
    pub(super) fn crash(&mut self) -> Running {
        for _ in 0..4 {
            if self.odds(3) {
                self.disk.set_faults(Faults { short: 4, write: 40, sync: 40, full: 40, name: 60, read: 200 });
            }
            let most = [150, 400][self.random.below(2) as usize];
            self.disk.crash_after(1 + self.random.below(most));
            if let Some(mut running) = self.open() {
                let _ = self.run(&mut running);
            }
            if self.odds(4) { self.disk.set_working() } else { self.disk.restart() }
        }
        self.open().expect("the disk works")
    }

    /// Goes on with what is on the disk, which has to be a state that there was.
    pub(super) fn open(&mut self) -> Option<Running> {
        let memory = [MEMORY, 2 * MEMORY][self.random.below(2) as usize];
        let rooms = rooms(Budget::telling(memory), self.random.bits());
        let found = match state::find(&self.disk, Space::new(self.segment, u64::MAX), rooms, DEFAULTS, &mut |_, _| {}) {
            Ok(found) => found,
            Err(error) if !error.is_loss() => return None,
            Err(_) if self.disk.is_crashed() => return None,
            Err(error) => panic!("{error}"),
        };
        let (latest, running) = (found.latest, Running::of(found));
        // Names that have no place now have none when this is executed again, whatever there is by then.
        running.memory.host().set_max_names([1, 2, 3, usize::MAX][self.random.below(4) as usize]);
        let disk = self.disk.copied();
        let shelf = Shelf::new(disk.clone(), None);
        let hash = running.hash(|away| {
            let mut item = Vec::new();
            shelf.fetch(away, &mut item).unwrap_or_else(|error| panic!("{error}"));
            item
        });
        let is_there = |state: &State| state.hash == hash;
        assert!(self.states.is_empty() || self.states.iter().any(is_there), "no state that there was");
        let known = self.told.saturating_sub(1);
        let there = self.states.iter().skip(known).position(is_there);
        assert!(self.states.is_empty() || there.is_some(), "somebody was told of more");
        let mut at = Time::ZERO;
        for state in self.states.drain(..).take(known + there.map_or(0, |behind| behind + 1)) {
            at = state.at;
            if let Some(change) = state.change {
                self.published.take(change);
            }
        }
        self.published.is_kept(&running.histories, &disk);
        self.now = clock::first(self.shown_next(), latest);
        assert!(self.now >= at, "what comes next is earlier than what was");
        self.states.push(State { hash, at, change: None });
        self.told = 1;
        self.retelling.clear();
        Some(running)
    }

    /// What the machine's clock shows at the next start: it may have been set, or nobody was there for a day.
    fn shown_next(&mut self) -> Time {
        let (now, span) = (self.now.as_millis(), [1_000, 86_400_000][self.random.below(2) as usize]);
        let jump = self.random.below(span);
        Time::from_millis(if self.odds(2) { now - jump } else { now + jump })
    }

    pub(super) fn run(&mut self, it: &mut Running) -> io::Result<()> {
        for _ in 0..self.random.below(60) {
            it.make_ahead()?;
            self.step(it);
            if self.odds(3) {
                it.write()?;
                self.told = self.states.len();
            }
            if self.odds(25) {
                self.checkpoint(it)?;
            }
        }
        Ok(())
    }

    fn checkpoint(&mut self, it: &mut Running) -> io::Result<()> {
        let (from, mut needed) = (it.log.tail.end(), it.histories.segments());
        needed.extend(state::needed(&it.memory).into_keys());
        it.write()?;
        self.told = self.states.len();
        state::write(&self.disk, &state::saved(&it.memory, &it.notes, &it.histories, self.now), from)?;
        let unneeded = unneeded(segments(&self.disk)?, &it.last, from, &needed);
        (it.last.from, it.last.needed) = (from, needed);
        // Some are kept, as far as the budget has room for them.
        let (spare, unneeded): (Vec<_>, Vec<_>) = unneeded.into_iter().partition(|segment| segment % 2 == 0);
        it.spare.extend(spare);
        it.log.maker.remove(unneeded, drop)?;
        // Nothing else is left before it.
        let is_left = |segment: &u32| *segment < from.segment && !it.spare.contains(segment);
        let left = segments(&self.disk)?.into_iter().filter(is_left);
        assert!(left.eq(it.last.needed.range(..from.segment).copied()));
        Ok(())
    }
}
