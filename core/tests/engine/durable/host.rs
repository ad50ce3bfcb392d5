//! Hosts whose storage grows, and whose tables keep their values in different orders.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;

use streamgauge_core::dedupe::Entry;
use streamgauge_core::engine::journal::Call;
use streamgauge_core::engine::memory::{Host, QueueRoom, Table, TopicRoom};
use streamgauge_core::engine::{Command, Kind, Name, QueueSettings, Refusal, TopicSettings};
use streamgauge_core::log::Mark;
use streamgauge_core::queue::leases::{Away, Slot};
use streamgauge_core::storage::{Fixed, Grow};
use streamgauge_core::time::Time;
use streamgauge_core::topic::Place;

thread_local! {
    /// Whether names come backwards, as no table may give them.
    pub(super) static BACKWARDS: Cell<bool> = const { Cell::new(false) };
}

/// A host whose tables keep the newest last, or with `REVERSED` first, and fill gaps with others.
#[derive(Debug)]
pub(super) struct Home<const REVERSED: bool> {
    /// Bytes that may yet be given.
    budget: Rc<Cell<u64>>,
    /// Places that what grows may have.
    most: usize,
    pub(super) random: u64,
    /// Numbers that were given since somebody looked.
    pub(super) drawn: Vec<u64>,
    /// Numbers that are to be given.
    pub(super) again: VecDeque<u64>,
    pub(super) due: Vec<(Kind, Name, Time)>,
    /// Where items are that queues have but the places of: each entry that was written, if any are.
    pub(super) entries: Option<Vec<Vec<u8>>>,
    fetched: Vec<u8>,
}

impl<const REVERSED: bool> Home<REVERSED> {
    pub(super) fn new(budget: u64, most: usize) -> Self {
        let budget = Rc::new(Cell::new(budget));
        Self {
            budget,
            most,
            random: 0,
            drawn: Vec::new(),
            again: VecDeque::new(),
            due: Vec::new(),
            entries: None,
            fetched: Vec::new(),
        }
    }

    /// The same, where items stay in these entries.
    pub(super) fn keeping(mut self, entries: Option<Vec<Vec<u8>>>) -> Self {
        self.entries = entries;
        self
    }

    /// An item that is there.
    pub(super) fn fetched(&mut self, away: &Away) -> Vec<u8> {
        self.fetch(away).expect("an item").to_vec()
    }

    /// An entry was written, of what was executed last. Only those with items are counted: when time passes, engines may
    /// have different things to do.
    pub(super) fn written(&mut self, call: &Call<'_>, entry: &[u8]) {
        let has_items = matches!(call, Call::Execute(Command::Put { .. } | Command::Publish { .. }) | Call::Move(..));
        if let Some(entries) = self.entries.as_mut().filter(|_| has_items) {
            entries.push(entry.to_vec());
        }
    }

    fn take(&self, needed: u64) -> Result<Lent, Refusal> {
        let left = self.budget.get();
        if needed > left {
            return Err(Refusal::NoRoom { needed, budget: left, held: 0, names: 0 });
        }
        self.budget.set(left - needed);
        // Whatever was there before is nobody's business.
        Ok(Lent(vec![0xa5; needed as usize].into(), Rc::clone(&self.budget)))
    }

    fn growing<T>(&self) -> Growing<T> {
        Growing(Vec::new(), self.most)
    }
}

/// Bytes that go back to the budget.
#[derive(Debug)]
pub(super) struct Lent(Box<[u8]>, Rc<Cell<u64>>);

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl AsMut<[u8]> for Lent {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.1.set(self.1.get() + self.0.len() as u64);
    }
}

/// Places that become more by a half, as far as they go.
#[derive(Debug)]
pub(super) struct Growing<T>(Vec<T>, usize);

impl<T> AsRef<[T]> for Growing<T> {
    fn as_ref(&self) -> &[T] {
        &self.0
    }
}

impl<T> AsMut<[T]> for Growing<T> {
    fn as_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T: Clone + Default> Grow<T> for Growing<T> {
    fn grow(&mut self) -> bool {
        let len = self.0.len();
        self.0.resize((len + len / 2 + 3).min(self.1), T::default());
        self.0.len() > len
    }
}

/// Room for items.
#[derive(Debug)]
pub(super) enum Ring {
    Fixed(Lent),
    Growing(Growing<u8>),
}

impl AsRef<[u8]> for Ring {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Fixed(bytes) => bytes.as_ref(),
            Self::Growing(bytes) => bytes.as_ref(),
        }
    }
}

impl AsMut<[u8]> for Ring {
    fn as_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Fixed(bytes) => bytes.as_mut(),
            Self::Growing(bytes) => bytes.as_mut(),
        }
    }
}

impl Grow<u8> for Ring {
    fn grow(&mut self) -> bool {
        match self {
            Self::Fixed(_) => false,
            Self::Growing(bytes) => bytes.grow(),
        }
    }
}

impl<const REVERSED: bool> Host for Home<REVERSED> {
    type Bytes = Lent;
    type Items = Ring;
    type Marks = Fixed<Vec<Mark>>;
    type Places = Growing<Place>;
    type Slots = Growing<Slot>;
    type Seen = Growing<Entry>;
    type Optional<T> = Option<T>;
    type Table<V> = Heap<V, REVERSED>;

    fn table<V>(&mut self, _: Kind) -> Heap<V, REVERSED> {
        Heap(Vec::new())
    }

    fn topic(&mut self, settings: &TopicSettings) -> Result<TopicRoom<Self>, Refusal> {
        let bytes = self.take(settings.bytes)?;
        Ok(TopicRoom { bytes, marks: Fixed(vec![Mark::FREE; 3]), places: self.growing(), seen: self.growing() })
    }

    fn queue(&mut self, settings: &QueueSettings) -> Result<QueueRoom<Self>, Refusal> {
        let (items, most) = match &self.entries {
            None => (Ring::Fixed(self.take(settings.bytes)?), None),
            // Sometimes less than what is in the queue needs.
            Some(_) => (Ring::Growing(Growing(Vec::new(), 64 + 4 * self.most)), Some(settings.bytes)),
        };
        Ok(QueueRoom { items, most, slots: self.growing(), seen: self.growing() })
    }

    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let number = self.again.pop_front().unwrap_or(self.random);
        self.drawn.push(number);
        number
    }

    fn place(&mut self) -> Option<u64> {
        self.entries.as_ref().map(|entries| entries.len() as u64)
    }

    fn fetch(&mut self, away: &Away) -> Option<&[u8]> {
        let entry = self.entries.as_ref()?.get(away.place as usize)?;
        let begin = entry.len() - away.back as usize;
        self.fetched = entry[begin..begin + away.len as usize].to_vec();
        Some(&self.fetched)
    }

    fn due(&mut self, kind: Kind, name: &Name, at: Time) {
        self.due.push((kind, *name, at));
    }
}

/// Values in no order of their names.
#[derive(Debug)]
pub(super) struct Heap<V, const REVERSED: bool>(Vec<(Name, V)>);

impl<V, const REVERSED: bool> Heap<V, REVERSED> {
    fn place(&self, name: &Name) -> Option<usize> {
        self.0.iter().position(|(known, _)| known == name)
    }
}

impl<V, const REVERSED: bool> Table<V> for Heap<V, REVERSED> {
    type Names = std::vec::IntoIter<Name>;

    fn get(&self, name: &Name) -> Option<&V> {
        self.place(name).map(|at| &self.0[at].1)
    }

    fn get_mut(&mut self, name: &Name) -> Option<&mut V> {
        self.place(name).map(|at| &mut self.0[at].1)
    }

    fn insert(&mut self, name: Name, value: V) -> Result<(), V> {
        if self.0.len() == self.limit() {
            return Err(value);
        }
        let at = if REVERSED { 0 } else { self.0.len() };
        self.0.insert(at, (name, value));
        Ok(())
    }

    fn remove(&mut self, name: &Name) -> Option<V> {
        self.place(name).map(|at| if REVERSED { self.0.remove(at).1 } else { self.0.swap_remove(at).1 })
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn limit(&self) -> usize {
        7
    }

    fn names(&self) -> Self::Names {
        let mut names: Vec<_> = self.0.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        if BACKWARDS.get() {
            names.reverse();
        }
        names.into_iter()
    }
}
