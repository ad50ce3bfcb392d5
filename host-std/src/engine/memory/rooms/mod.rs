//! What the memory engine of the core is given here: bytes, places, tables and random numbers, from one budget.
//!
//! | module | idea |
//! | --- | --- |
//! | [`Rooms`] | what is kept for an engine, and what it has told |
//! | `host` | what the engine asks for |
//! | `looks` | what a look has brought to memory |
//! | `storage` | bytes and values, there at once or as they are needed |
//! | `names` | tables that are counted over all shards |
//! | `random` | random bits |

mod host;
mod looks;
mod names;
mod random;
mod storage;

use std::collections::VecDeque;
use std::sync::Arc;

use streamgauge_core::engine::memory::{Host as _, TopicOf, TopicRoom};
use streamgauge_core::engine::{Kind, Name, Refusal, TopicSettings};
use streamgauge_core::queue::leases::Away;
use streamgauge_core::time::Time;
use streamgauge_core::topic::{Settings, Topic};
use tokio::sync::Notify;

use super::ByName;
use super::budget::{Budget, Held};
use crate::engine::disk::{Position, Shelf};
use crate::queues::OverflowLog;
use looks::Looks;
pub(crate) use names::{Counts, Names};
pub(crate) use random::Drawn;
use random::Random;
use storage::Bounded;
use storage::Steps;

/// Gives the engine of a shard what it needs, and keeps what it is told until somebody looks at it.
#[derive(Debug)]
pub(crate) struct Rooms {
    budget: Arc<Budget>,
    /// For what this process alone has: places of subscribers.
    local: Arc<Budget>,
    counts: Counts,
    /// Which shard this is, of how many.
    shard: (usize, usize),
    /// Queues that are at home here, and on another shard.
    pub(super) moved: ByName<usize>,
    /// Where items go that have to leave a queue.
    overflow: Option<Arc<OverflowLog>>,
    random: Random,
    /// What was drawn at random since somebody looked, if anybody does.
    drawn: Option<Vec<u64>>,
    /// What is drawn next, while something is executed again.
    again: VecDeque<u64>,
    /// What all numbers are drawn of, while something is executed that others execute too.
    key: Option<Drawn>,
    /// Where what is executed will be in it.
    place: Option<Position>,
    shelf: Option<Arc<Shelf>>,
    /// Whether items may be read from there at once.
    is_patient: bool,
    /// An item from there.
    fetched: Vec<u8>,
    /// One that was not at hand.
    missing: Option<Away>,
    looks: Looks,
    /// Those who wait for an item of a queue.
    pub(super) waiting: ByName<Waiting>,
    news: News,
    /// The longest message, where messages are kept on the disk: topics have only the newest in memory then.
    keeps: Option<u64>,
}

/// Those who wait for items of a queue.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) clients: usize,
    pub(super) bell: Arc<Notify>,
}

/// What has happened in an engine, to be acted upon when it is not locked.
#[derive(Debug, Default)]
pub(super) struct News {
    /// With payload bytes.
    pub(super) published: Vec<(Name, u64)>,
    /// Queues with items for somebody who waits.
    pub(super) ready: Vec<Name>,
    pub(super) due: Vec<(Time, Kind, Name)>,
    pub(super) removed: Vec<(Kind, Name)>,
    /// Queues with letters for one of another shard.
    pub(super) letters: Vec<Name>,
    /// Items had to leave a queue, and who writes them has to know.
    pub(super) overflow: bool,
    /// Items that had to leave a queue, and are on the disk.
    pub(super) left: Vec<(Name, Away)>,
}

impl Rooms {
    /// For the shard of a number, of so many.
    pub(super) fn new(
        budget: Arc<Budget>,
        overflow: Option<Arc<OverflowLog>>,
        counts: Counts,
        shard: (usize, usize),
    ) -> Self {
        Self {
            local: Arc::clone(&budget),
            budget,
            counts,
            shard,
            moved: ByName::default(),
            overflow,
            random: Random::default(),
            drawn: None,
            again: VecDeque::new(),
            key: None,
            place: None,
            shelf: None,
            is_patient: false,
            fetched: Vec::new(),
            missing: None,
            looks: Looks::default(),
            waiting: ByName::default(),
            news: News::default(),
            keeps: None,
        }
    }

    /// The messages of topics are on the disk, of which none will be longer: in memory are the newest. So are the items of
    /// queues, which have but their places.
    pub(crate) const fn keeping(mut self, longest: u64) -> Self {
        self.keeps = Some(longest);
        self
    }

    /// For a shard that others have too, of so many names; what this process has alone is of the other budget.
    #[cfg(test)]
    pub(crate) fn of_group(budget: Arc<Budget>, local: Arc<Budget>, max_names: usize) -> Self {
        Self::new(budget, None, Counts::new(max_names), (0, 1)).beside(local)
    }

    /// Others have the same topics and queues, and this process has something beside them from another budget.
    pub(crate) fn beside(mut self, local: Arc<Budget>) -> Self {
        self.local = local;
        self
    }

    /// From now on all random numbers are drawn of this.
    pub(crate) const fn draw_of(&mut self, key: Option<Drawn>) {
        self.key = key;
    }

    /// For the only shard, of as many names as there are.
    pub(crate) fn alone(budget: Arc<Budget>) -> Self {
        Self::new(budget, None, Counts::new(usize::MAX), (0, 1))
    }

    /// From now on there may be so many topics, and so many queues.
    pub(crate) fn set_max_names(&self, most: usize) {
        self.counts.set_most(most);
    }

    /// These are drawn first, the last of them before all others: so what happens, happens again.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn drawing(mut self, numbers: Vec<u64>) -> Self {
        self.random = Random::these(numbers);
        self
    }

    /// What is executed next will be there in the log.
    pub(crate) const fn set_place(&mut self, place: Option<Position>) {
        self.place = place;
    }

    /// From now on items are looked at, and are there.
    pub(crate) fn set_shelf(&mut self, shelf: Arc<Shelf>) {
        self.shelf = Some(shelf);
    }

    /// From now on items are looked at, and who does waits for them.
    pub(crate) fn look_patiently_at(&mut self, shelf: Arc<Shelf>) {
        (self.shelf, self.is_patient) = (Some(shelf), true);
    }

    /// An item that was asked for since the last call and was not at hand.
    pub(crate) const fn take_missing(&mut self) -> Option<Away> {
        self.missing.take()
    }

    /// From now on it is only asked where items are.
    pub(crate) fn only_looks_for_places(&mut self) {
        self.looks.begin();
    }

    /// Where they are, as many as [`LOOKED_AT`](crate::engine::disk::LOOKED_AT) bytes hold; from now on they are asked for.
    pub(crate) fn places(&mut self) -> Vec<Away> {
        self.looks.places()
    }

    /// From now on these items are at hand.
    pub(crate) fn look_at(&mut self, items: Vec<(Away, Box<[u8]>)>) {
        self.looks.keep(items);
    }

    /// The look is over; what is returned is to be dropped.
    pub(crate) fn look_away(&mut self) -> impl Sized + use<> {
        self.looks.end()
    }

    /// What they share.
    pub(crate) const fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Remembers from now on what is drawn at random, and gives what was since the last call.
    pub(crate) fn take_drawn(&mut self) -> Vec<u64> {
        self.drawn.replace(Vec::new()).unwrap_or_default()
    }

    /// Something is executed again: gives these numbers before any other, and refuses these requests for memory.
    pub(crate) fn go_back(&mut self, random: impl Iterator<Item = u64>, refused: Vec<u32>) {
        self.again = random.collect();
        self.drawn = Some(Vec::new());
        self.budget.refuse_again(Some(refused));
    }

    /// Whether all of those numbers were drawn, and no others.
    pub(crate) fn is_back(&self) -> bool {
        self.again.is_empty() && self.drawn.as_ref().is_none_or(Vec::is_empty)
    }

    /// From now on everything is as there is room.
    pub(crate) fn go_on(&self) {
        self.budget.refuse_again(None);
    }

    /// Hands on what has to leave from now on.
    pub(super) fn set_overflow(&mut self, overflow: Option<Arc<OverflowLog>>) {
        self.overflow = overflow;
    }

    /// What has happened since the last call, in exchange for an empty one; `false` if that is nothing.
    pub(super) fn swap_news(&mut self, news: &mut News) -> bool {
        let is_some = !self.news.is_empty();
        if is_some {
            std::mem::swap(&mut self.news, news);
        }
        is_some
    }
}

impl News {
    fn is_empty(&self) -> bool {
        let Self { published, ready, due, removed, letters, overflow, left } = self;
        let is_quiet = published.is_empty() && ready.is_empty() && due.is_empty() && left.is_empty();
        is_quiet && removed.is_empty() && letters.is_empty() && !overflow
    }
}

/// Bytes of the log of one subscriber, unless a message is longer.
const OWN: u64 = 1 << 20;

/// Room for the log of one subscriber.
pub(crate) struct OwnRoom {
    room: TopicRoom<Rooms>,
    held: Held,
}

impl OwnRoom {
    /// A log whose first message gets that number, and what is held for it.
    pub(crate) fn begin(self, first: u64) -> (TopicOf<Rooms>, Held) {
        let Self { room: TopicRoom { bytes, places, marks, .. }, held } = self;
        (Topic::new(bytes, places, marks, Settings::NONE, first), held)
    }
}

/// Bytes that the newest messages of a topic have in memory, if all of them are on the disk: an eighth of the budget, but
/// so many at least, and so many at the most.
const NEWEST: std::ops::RangeInclusive<u64> = 16 << 20..=64 << 20;

/// Bytes beside a message in memory, at the most.
const BESIDE: u64 = 32;

impl Rooms {
    /// Bytes of a topic that are in memory. What fits into the topic fits there, so that a message that was taken once is
    /// taken again.
    fn in_memory(&self, settings: &TopicSettings) -> u64 {
        let Some(longest) = self.keeps else { return settings.bytes };
        let newest = (self.budget.bytes() / 8).clamp(*NEWEST.start(), *NEWEST.end());
        let longest = longest.max(settings.max_message_bytes).saturating_add(BESIDE);
        settings.bytes.min(newest.max(longest))
    }

    /// Room for the log of one subscriber, none of whose messages is longer, and for what is on its way there.
    ///
    /// # Errors
    /// There is no memory for it.
    pub(crate) fn own_room(&mut self, longest: u64) -> Result<OwnRoom, Refusal> {
        let bytes = OWN.max(longest.saturating_add(BESIDE));
        let held = self.take(OWN / 4 + longest)?;
        let room = self.topic(&TopicSettings { bytes, max_message_bytes: longest, ..TopicSettings::DEFAULT })?;
        Ok(OwnRoom { room, held })
    }

    /// Takes `bytes` of the budget.
    fn take(&self, bytes: u64) -> Result<Held, Refusal> {
        let mut held = self.budget.nothing();
        if held.extend(bytes) {
            return Ok(held);
        }
        Err(self.lacks(bytes))
    }

    /// What is said where there are not so many bytes.
    fn lacks(&self, needed: u64) -> Refusal {
        let (budget, held) = (self.budget.bytes(), self.budget.held());
        Refusal::NoRoom { needed, budget, held, names: self.counts.all() }
    }

    fn bounded<T>(&self, most: u64, steps: Steps) -> Bounded<T> {
        Self::bounded_by(&self.budget, most, steps)
    }

    fn bounded_by<T>(budget: &Arc<Budget>, most: u64, steps: Steps) -> Bounded<T> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        Bounded::new(most, steps, budget.nothing())
    }
}

#[cfg(test)]
mod tests {
    use streamgauge_core::engine::memory::Table as _;

    use super::*;

    #[test]
    fn only_topics_and_queues_are_counted_among_what_holds_memory() {
        let mut rooms = Rooms::alone(Budget::new(4 * OWN));
        let there: Vec<_> = std::iter::from_fn(|| rooms.own_room(1).ok()).collect();
        let refusal = rooms.own_room(1).map(drop).unwrap_err();
        assert!(!there.is_empty() && matches!(refusal, Refusal::NoRoom { names: 0, .. }), "{refusal}");
    }
    #[test]
    fn who_has_no_room_is_told_what_holds_it() {
        let mut rooms = Rooms::alone(Budget::new(100));
        let mut topics = rooms.table(Kind::Topic);
        let held = rooms.take(60).unwrap();
        topics.insert(Name::MAIN, held).unwrap();
        let refusal = rooms.take(41).unwrap_err();
        assert_eq!(refusal, Refusal::NoRoom { needed: 41, budget: 100, held: 60, names: 1 });
    }
}
