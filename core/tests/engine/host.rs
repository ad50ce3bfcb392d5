//! A host with a budget, which writes down what it is told.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use streamgauge_core::dedupe::Entry;
use streamgauge_core::engine::memory::{Host, QueueRoom, Table, TopicRoom};
use streamgauge_core::engine::{Kind, Name, QueueSettings, Refusal, TopicSettings};
use streamgauge_core::log::Mark;
use streamgauge_core::queue::leases::{Held, Slot};
use streamgauge_core::storage::{Fixed, Grow};
use streamgauge_core::time::Time;
use streamgauge_core::topic::Place;

type Boxed<T> = Fixed<Box<[T]>>;

/// Gives what settings ask for, as long as the budget lasts.
#[derive(Debug)]
pub(crate) struct Bounded {
    budget: u64,
    /// Bytes that are held, and by how many.
    held: Rc<Cell<(u64, u64)>>,
    random: u64,
    /// Items that had to leave, and of which queue.
    pub(crate) overflow: Vec<(Name, Vec<u8>)>,
    /// The earliest time that was said for each, which is all that a timer needs.
    pub(crate) due: BTreeMap<(Kind, Name), Time>,
    /// Queues that may have items.
    pub(crate) ready: Vec<Name>,
    /// Queues that another engine has.
    pub(crate) foreign: Vec<Name>,
}

impl Bounded {
    /// Items that can be set aside, ids that are remembered, and subscribers, of each.
    pub(crate) const PLACES: usize = 64;

    pub(crate) fn new(budget: u64) -> Self {
        let (overflow, due, ready, foreign) = (Vec::new(), BTreeMap::new(), Vec::new(), Vec::new());
        Self { budget, held: Rc::default(), random: 0, overflow, due, ready, foreign }
    }

    fn take(&mut self, needed: u64) -> Result<Lent, Refusal> {
        let (budget, (held, names)) = (self.budget, self.held.get());
        if needed > budget - held {
            return Err(Refusal::NoRoom { needed, budget, held, names });
        }
        self.held.set((held + needed, names + 1));
        Ok(Lent { bytes: vec![0; needed as usize].into(), held: Rc::clone(&self.held) })
    }
}

/// Storage that goes back to the budget when it is dropped.
#[derive(Debug)]
pub(crate) struct Lent {
    bytes: Box<[u8]>,
    held: Rc<Cell<(u64, u64)>>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl AsMut<[u8]> for Lent {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl Grow<u8> for Lent {}

impl Drop for Lent {
    fn drop(&mut self) {
        let (held, names) = self.held.get();
        self.held.set((held - self.bytes.len() as u64, names - 1));
    }
}

impl Host for Bounded {
    type Bytes = Lent;
    type Items = Lent;
    type Marks = Boxed<Mark>;
    type Places = Boxed<Place>;
    type Slots = Boxed<Slot>;
    type Seen = Boxed<Entry>;
    type Optional<T> = Option<T>;
    type Table<V> = Names<V>;

    fn table<V>(&mut self, _: Kind) -> Names<V> {
        Names(BTreeMap::new())
    }

    fn topic(&mut self, settings: &TopicSettings) -> Result<TopicRoom<Self>, Refusal> {
        Ok(TopicRoom {
            bytes: self.take(settings.bytes)?,
            marks: Fixed(vec![Mark::FREE; 16].into()),
            places: Fixed(vec![Place::FREE; Self::PLACES].into()),
            seen: Fixed(vec![Entry::FREE; Self::PLACES].into()),
        })
    }

    fn queue(&mut self, settings: &QueueSettings) -> Result<QueueRoom<Self>, Refusal> {
        Ok(QueueRoom {
            items: self.take(settings.bytes)?,
            most: None,
            slots: Fixed(vec![Slot::FREE; Self::PLACES].into()),
            seen: Fixed(vec![Entry::FREE; Self::PLACES].into()),
        })
    }

    /// The same ones in each test, so that tokens can be written down.
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.random
    }

    fn ready(&mut self, queue: &Name) {
        self.ready.push(*queue);
    }

    fn due(&mut self, kind: Kind, name: &Name, at: Time) {
        let due = self.due.entry((kind, *name)).or_insert(at);
        *due = at.min(*due);
    }

    fn owns(&self, queue: &Name) -> bool {
        !self.foreign.contains(queue)
    }

    fn overflow(&mut self, queue: &Name, item: Held<'_>) {
        let Held::Here(item) = item else { unreachable!("it keeps nothing elsewhere") };
        self.overflow.push((*queue, item.to_vec()));
    }

    /// It has no file.
    fn unlogged(&self) -> u64 {
        self.overflow.len() as u64
    }
}

/// Values by their names.
#[derive(Debug)]
pub(crate) struct Names<V>(BTreeMap<Name, V>);

impl<V> Table<V> for Names<V> {
    type Names = std::vec::IntoIter<Name>;

    fn get(&self, name: &Name) -> Option<&V> {
        self.0.get(name)
    }

    fn get_mut(&mut self, name: &Name) -> Option<&mut V> {
        self.0.get_mut(name)
    }

    fn insert(&mut self, name: Name, value: V) -> Result<(), V> {
        if self.0.len() == self.limit() {
            return Err(value);
        }
        self.0.insert(name, value);
        Ok(())
    }

    fn remove(&mut self, name: &Name) -> Option<V> {
        self.0.remove(name)
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn limit(&self) -> usize {
        16
    }

    fn names(&self) -> Self::Names {
        self.0.keys().copied().collect::<Vec<_>>().into_iter()
    }
}
