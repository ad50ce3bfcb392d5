//! What the memory engine of the core is given here: bytes, places, tables and random numbers, from one budget.

use std::cell::OnceCell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use streamgauge_core::dedupe::Entry;
use streamgauge_core::engine::memory::{Host, QueueRoom, Table, TopicOf, TopicRoom};
use streamgauge_core::engine::{Kind, Name, QueueSettings, Refusal, TopicSettings};
use streamgauge_core::log::Mark;
use streamgauge_core::queue::leases::{self, Away, Slot};
use streamgauge_core::storage::{Grow, Optional};
use streamgauge_core::time::Time;
use streamgauge_core::topic::{Place, Settings, Topic};
use tokio::sync::Notify;

use super::budget::{Budget, Held};
use super::{ByName, home};
use crate::engine::disk::{Position, Shelf};
use crate::queues::OverflowLog;

/// Gives the engine of a shard what it needs, and keeps what it is told until somebody looks at it.
#[derive(Debug)]
pub(crate) struct Rooms {
    budget: Arc<Budget>,
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
    /// Where what is executed will be in it.
    place: Option<Position>,
    shelf: Option<Arc<Shelf>>,
    /// Whether items may be read from there at once.
    is_patient: bool,
    /// An item from there.
    fetched: Vec<u8>,
    /// One that was not at hand.
    missing: Option<Away>,
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
            budget,
            counts,
            shard,
            moved: ByName::default(),
            overflow,
            random: Random::default(),
            drawn: None,
            again: VecDeque::new(),
            place: None,
            shelf: None,
            is_patient: false,
            fetched: Vec::new(),
            missing: None,
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

    /// For the only shard, of as many names as there are.
    pub(crate) fn alone(budget: Arc<Budget>) -> Self {
        Self::new(budget, None, Counts::new(usize::MAX), (0, 1))
    }

    /// These are drawn first, the last of them before all others: so what happens, happens again.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn drawing(mut self, numbers: Vec<u64>) -> Self {
        self.random.ready = numbers;
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

/// The most bytes of an entry of a topic or a queue, without its storage.
const ENTRY: u64 = 1 << 10;

/// The most bytes of what only some queues have.
const TIES: u64 = 320;

/// A mark of an index is made for so many bytes: so far a subscriber that comes back has the log walked, under the lock.
const BYTES_A_MARK: u64 = 8 << 10;

impl Host for Rooms {
    type Bytes = Bytes;
    type Items = Items;
    type Marks = Lazy<Mark>;
    type Places = Bounded<Place>;
    type Slots = Bounded<Slot>;
    type Seen = Bounded<Entry>;
    type Optional<T> = Boxed<T>;
    type Table<V> = Names<V>;

    fn table<V>(&mut self, kind: Kind) -> Names<V> {
        // A table that has just grown has two places for each.
        const { assert!((size_of::<V>() + 2 * size_of::<(Name, Box<V>)>()) as u64 <= ENTRY) };
        let count = match kind {
            Kind::Topic => &self.counts.topics,
            Kind::Queue => &self.counts.queues,
        };
        Names { values: ByName::default(), count: Arc::clone(count), limit: Arc::clone(&self.counts.most) }
    }

    fn topic(&mut self, settings: &TopicSettings) -> Result<TopicRoom<Self>, Refusal> {
        let bytes = self.in_memory(settings);
        let marks = bytes / BYTES_A_MARK;
        let held = self.budget.take(bytes.saturating_add(marks * size_of::<Mark>() as u64).saturating_add(ENTRY))?;
        Ok(TopicRoom {
            bytes: Bytes::new(bytes, held),
            marks: Lazy::new(usize::try_from(marks).unwrap_or(0)),
            places: self.bounded(settings.max_subscribers, Steps::Small),
            seen: self.bounded(MOST_IDS, Steps::Double),
        })
    }

    fn queue(&mut self, settings: &QueueSettings) -> Result<QueueRoom<Self>, Refusal> {
        let here = if self.keeps.is_some() { 0 } else { settings.bytes };
        let held = self.budget.take(here.saturating_add(ENTRY + TIES))?;
        let items = if self.keeps.is_some() {
            Items::Growing(Bounded { values: Vec::new(), most: usize::MAX, steps: Steps::Quarter, held })
        } else {
            Items::Fixed(Bytes::new(settings.bytes, held))
        };
        Ok(QueueRoom {
            items,
            most: self.keeps.map(|_| settings.bytes),
            slots: self.bounded(u64::MAX, Steps::Small),
            seen: self.bounded(MOST_IDS, Steps::Double),
        })
    }

    fn random(&mut self) -> u64 {
        if let Some(bits) = self.again.pop_front() {
            return bits;
        }
        let bits = self.random.next();
        if let Some(drawn) = &mut self.drawn {
            drawn.push(bits);
        }
        bits
    }

    fn published(&mut self, topic: &Name, bytes: u64) {
        self.news.published.push((*topic, bytes));
    }

    fn ready(&mut self, queue: &Name) {
        // An engine says it each time that there are items, and mostly nobody waits.
        if self.waiting.contains_key(queue) && self.news.ready.last() != Some(queue) {
            self.news.ready.push(*queue);
        }
    }

    fn due(&mut self, kind: Kind, name: &Name, at: Time) {
        self.news.due.push((at, kind, *name));
    }

    fn owns(&self, queue: &Name) -> bool {
        let (here, shards) = self.shard;
        home(queue, shards) == here && !self.moved.contains_key(queue)
    }

    fn letters(&mut self, queue: &Name) {
        if self.news.letters.last() != Some(queue) {
            self.news.letters.push(*queue);
        }
    }

    fn place(&mut self) -> Option<u64> {
        self.place.map(Position::number)
    }

    fn fetch(&mut self, away: &Away) -> Option<&[u8]> {
        // While something is executed again nobody looks at what it tells.
        let Some(shelf) = &self.shelf else { return Some(&[]) };
        let is_there = if self.is_patient {
            shelf.fetch(away, &mut self.fetched).is_ok()
        } else {
            shelf.get(away, &mut self.fetched)
        };
        if is_there {
            return Some(&self.fetched);
        }
        self.missing = Some(*away);
        None
    }

    fn overflow(&mut self, queue: &Name, item: leases::Held<'_>) {
        let Some(log) = &self.overflow else { return };
        match item {
            leases::Held::Here(item) => {
                log.push(queue, item);
                self.news.overflow = true;
            }
            leases::Held::Away(away) => self.news.left.push((*queue, away)),
        }
    }

    fn unlogged(&self) -> u64 {
        self.overflow.as_ref().map_or(0, |log| log.unlogged())
    }

    fn removed(&mut self, kind: Kind, name: &Name) {
        self.news.removed.push((kind, *name));
    }
}

/// Ids that are remembered of one topic or queue at the most.
const MOST_IDS: u64 = 1 << 20;

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
        let held = self.budget.take(OWN / 4 + longest)?;
        let room = self.topic(&TopicSettings { bytes, max_message_bytes: longest, ..TopicSettings::DEFAULT })?;
        Ok(OwnRoom { room, held })
    }

    fn bounded<T>(&self, most: u64, steps: Steps) -> Bounded<T> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        Bounded { values: Vec::new(), most, steps, held: self.budget.nothing() }
    }
}

/// Bytes that are there once they are looked at: a topic or a queue that nobody uses takes none.
#[derive(Debug)]
pub(crate) struct Bytes {
    bytes: OnceCell<Box<[u8]>>,
    len: usize,
    _held: Held,
}

impl Bytes {
    fn new(len: u64, held: Held) -> Self {
        Self { bytes: OnceCell::new(), len: usize::try_from(len).unwrap_or(usize::MAX), _held: held }
    }

    fn make(&self) -> &[u8] {
        self.bytes.get_or_init(|| vec![0; self.len].into_boxed_slice())
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        self.make()
    }
}

impl AsMut<[u8]> for Bytes {
    fn as_mut(&mut self) -> &mut [u8] {
        self.make();
        self.bytes.get_mut().map_or(&mut [], |bytes| &mut **bytes)
    }
}

/// Room for items: all of it from the start, or more as there are more, where it holds but their places.
#[derive(Debug)]
pub(crate) enum Items {
    Fixed(Bytes),
    Growing(Bounded<u8>),
}

impl AsRef<[u8]> for Items {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Fixed(bytes) => bytes.as_ref(),
            Self::Growing(bytes) => bytes.as_ref(),
        }
    }
}

impl AsMut<[u8]> for Items {
    fn as_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Fixed(bytes) => bytes.as_mut(),
            Self::Growing(bytes) => bytes.as_mut(),
        }
    }
}

impl Grow<u8> for Items {
    fn grow(&mut self) -> bool {
        match self {
            Self::Fixed(_) => false,
            Self::Growing(bytes) => bytes.grow(),
        }
    }
}

/// As [`Bytes`], for what comes out of the same budget as its bytes.
#[derive(Debug)]
pub(crate) struct Lazy<T> {
    values: OnceCell<Box<[T]>>,
    len: usize,
}

impl<T: Clone + Default> Lazy<T> {
    const fn new(len: usize) -> Self {
        Self { values: OnceCell::new(), len }
    }

    fn make(&self) -> &[T] {
        self.values.get_or_init(|| vec![T::default(); self.len].into_boxed_slice())
    }
}

impl<T: Clone + Default> AsRef<[T]> for Lazy<T> {
    fn as_ref(&self) -> &[T] {
        self.make()
    }
}

impl<T: Clone + Default> AsMut<[T]> for Lazy<T> {
    fn as_mut(&mut self) -> &mut [T] {
        self.make();
        self.values.get_mut().map_or(&mut [], |values| &mut **values)
    }
}

/// Values that become more as they are needed, as far as a limit and the budget go.
#[derive(Debug)]
pub(crate) struct Bounded<T> {
    values: Vec<T>,
    most: usize,
    steps: Steps,
    held: Held,
}

/// By how much there are more each time.
#[derive(Debug, Clone, Copy)]
enum Steps {
    /// By little: what is made is memory that is used. The room for them doubles, which costs nothing until then.
    Small,
    /// By as many: each time all of them have to find another place.
    Double,
    /// By a quarter, and some pages at least: what is there may have to be moved each time.
    Quarter,
}

impl<T> AsRef<[T]> for Bounded<T> {
    fn as_ref(&self) -> &[T] {
        &self.values
    }
}

impl<T> AsMut<[T]> for Bounded<T> {
    fn as_mut(&mut self) -> &mut [T] {
        &mut self.values
    }
}

impl<T: Clone + Default> Grow<T> for Bounded<T> {
    fn grow(&mut self) -> bool {
        let len = self.values.len();
        let step = match self.steps {
            Steps::Small => (len / 256).clamp(4, 4096),
            Steps::Double => len.max(4),
            Steps::Quarter => (len / 4).max(4096),
        };
        let more = step.min(self.most - len);
        if more == 0 || !self.held.extend((more * size_of::<T>()) as u64) {
            return false;
        }
        self.values.reserve(more);
        self.values.resize(len + more, T::default());
        true
    }
}

/// How many topics and queues all shards have together, and may have of each.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts {
    topics: Arc<AtomicUsize>,
    queues: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Counts {
    /// None, of so many of each kind at the most.
    pub(super) fn new(most: usize) -> Self {
        Self { most: Arc::new(AtomicUsize::new(most)), ..Self::default() }
    }

    /// From now on there may be so many of each.
    pub(super) fn set_most(&self, most: usize) {
        self.most.store(most, Ordering::Relaxed);
    }
}

/// A value in a place of its own, if it is there at all.
#[derive(Debug)]
pub(crate) struct Boxed<T>(Option<Box<T>>);

impl<T> Default for Boxed<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Optional<T> for Boxed<T> {
    fn get(&self) -> Option<&T> {
        self.0.as_deref()
    }

    fn get_mut(&mut self) -> Option<&mut T> {
        self.0.as_deref_mut()
    }

    fn set(&mut self, value: Option<T>) {
        const { assert!(size_of::<T>() as u64 <= TIES) };
        self.0 = value.map(Box::new);
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

/// Random bits from the operating system, some at a time.
#[derive(Debug, Default)]
struct Random {
    ready: Vec<u64>,
}

impl Random {
    fn next(&mut self) -> u64 {
        loop {
            if let Some(bits) = self.ready.pop() {
                return bits;
            }
            let mut bytes = [0; 512];
            if let Err(error) = getrandom::fill(&mut bytes) {
                // Nothing that could be guessed is ever given out: whoever asks waits, as for a lock.
                tracing::error!(%error, "the operating system gives no random numbers");
                std::thread::sleep(std::time::Duration::from_millis(100));
                continue;
            }
            self.ready.extend(bytes.chunks_exact(8).filter_map(|chunk| chunk.try_into().ok().map(u64::from_le_bytes)));
        }
    }
}
