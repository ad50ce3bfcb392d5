//! Ids that are accepted once: what is published or put again within a window is answered as before.

mod save;

use core::time::Duration;

use siphasher::sip128::SipHasher24;

use crate::storage::Grow;
use crate::time::Time;

/// Remembers ids for a window of time, each with a value to answer it with when it comes again.
///
/// An id is kept as its hash of 128 bits under a secret key (SipHash-2-4, Aumasson and Bernstein 2012): who doesn't
/// know the key can't make two ids that are taken for one, nor many that crowd one place. Among 2^32 ids, two are
/// taken for one with a probability of 2^-65.
///
/// Each id has two runs of eight places (fewer if there are fewer), which its hash chooses, and is put where there is
/// a free one; so nothing looks at more than sixteen places. When all of them are taken, the storage is asked for
/// more; if there is none, the oldest id among them leaves before its window is over, and is counted:
/// while [`evicted`](Counters::evicted) stands still, the window was held. Storage for twice as many ids as come in a
/// window is enough in practice. Storage that grows should double: by small steps it stays so full that some leave while
/// they are moved, also counted.
///
/// At any time [`remembered`](Counters::remembered) `==` [`held`](Counters::held) `+`
/// [`expired`](Counters::expired) `+` [`evicted`](Counters::evicted) `+` [`forgotten`](Counters::forgotten).
///
/// ```
/// use core::time::Duration;
/// use streamgauge_core::dedupe::{Dedupe, Entry};
/// use streamgauge_core::time::Time;
///
/// // The key is drawn at random once, by who has randomness.
/// let mut seen = Dedupe::new([Entry::FREE; 64], [0x243F_6A88, 0x85A3_08D3], Duration::from_secs(120));
/// let now = Time::from_millis(5);
/// assert_eq!(seen.check(b"order-17", now), None);
/// let sequence = 4711; // published: this is what the client is told
/// seen.remember(b"order-17", now, sequence);
///
/// let again = now.after(Duration::from_secs(119));
/// assert_eq!(seen.check(b"order-17", again), Some(4711));
/// let too_late = now.after(Duration::from_secs(120));
/// assert_eq!(seen.check(b"order-17", too_late), None);
/// ```
#[derive(Debug, Clone)]
pub struct Dedupe<S> {
    entries: S,
    key: [u64; 2],
    window: Duration,
    counters: Counters,
}

/// Room for an id: 32 bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Entry {
    /// Zero in a free one.
    hash: [u64; 2],
    seen: Time,
    value: u64,
}

impl Entry {
    /// Room that nothing is in.
    pub const FREE: Self = Self { hash: [0; 2], seen: Time::ZERO, value: 0 };

    const fn is_free(&self) -> bool {
        matches!(self.hash, [0, 0])
    }
}

/// What became of the ids. Counts wrap at 2^64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Ids that were remembered; again, if the same one was.
    pub remembered: u64,
    /// Ids in the storage now, with those whose window is over and whose place nobody has needed.
    pub held: u64,
    /// Ids that left after their window.
    pub expired: u64,
    /// Ids that left within their window, because there was no room: they would be accepted a second time.
    pub evicted: u64,
    /// Ids that the caller took back, or remembered anew.
    pub forgotten: u64,
}

/// Places next to each other that an id may be in; it has two such runs.
const RUN: usize = 8;

impl<S> Dedupe<S> {
    /// Remembers nothing yet. All of `entries` have to be free.
    ///
    /// `key` should be random, and known to nobody who chooses ids.
    pub const fn new(entries: S, key: [u64; 2], window: Duration) -> Self {
        let counters = Counters { remembered: 0, held: 0, expired: 0, evicted: 0, forgotten: 0 };
        Self { entries, key, window, counters }
    }

    /// What became of the ids. O(1).
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// How long an id is remembered.
    pub const fn window(&self) -> Duration {
        self.window
    }

    /// Remembers ids for so long from now on, also those that it knows. O(1).
    pub const fn set_window(&mut self, window: Duration) {
        self.window = window;
    }

    fn hash(&self, id: &[u8]) -> [u64; 2] {
        let [first, second] = self.key;
        let hash = SipHasher24::new_with_keys(first, second).hash(id);
        // The one that means a free place is another's as well.
        if (hash.h1, hash.h2) == (0, 0) { [0, 1] } else { [hash.h1, hash.h2] }
    }

    fn is_over(&self, entry: &Entry, now: Time) -> bool {
        now.since(entry.seen) >= self.window
    }
}

impl<S: AsRef<[Entry]>> Dedupe<S> {
    /// The value that `id` was remembered with, less than a window ago. O(length of the id).
    pub fn check(&self, id: &[u8], now: Time) -> Option<u64> {
        let (_, entry) = self.find(self.hash(id))?;
        (!self.is_over(entry, now)).then_some(entry.value)
    }

    fn find(&self, hash: [u64; 2]) -> Option<(usize, &Entry)> {
        let entries = self.entries.as_ref();
        let mut places = places(hash, entries.len()).filter_map(|at| Some((at, entries.get(at)?)));
        places.find(|(_, entry)| entry.hash == hash)
    }
}

impl<S: Grow<Entry>> Dedupe<S> {
    /// Remembers `id` from now on, and the value to answer it with; in the place of what it had, if it was known.
    /// O(length of the id); O(entries) when the storage grows.
    ///
    /// Without any storage it is evicted at once.
    pub fn remember(&mut self, id: &[u8], now: Time, value: u64) {
        let entry = Entry { hash: self.hash(id), seen: now, value };
        self.counters.remembered = self.counters.remembered.wrapping_add(1);
        self.counters.held = self.counters.held.wrapping_add(1);
        if let Some((at, known)) = self.find(entry.hash) {
            let is_over = self.is_over(known, now);
            self.remove(at, if is_over { Leaves::Expired } else { Leaves::Forgotten });
        }
        loop {
            match self.place_for(entry.hash, now) {
                Some((at, leaves)) => {
                    if leaves != Leaves::Evicted || !self.grow(now) {
                        self.remove(at, leaves);
                        return self.write(at, entry);
                    }
                }
                None if self.grow(now) => {}
                None => return self.count(Leaves::Evicted),
            }
        }
    }

    /// Takes `id` back, as if it had not been remembered, and returns its value: for what was accepted and then
    /// failed. O(length of the id).
    pub fn forget(&mut self, id: &[u8], now: Time) -> Option<u64> {
        let (at, &entry) = self.find(self.hash(id))?;
        let is_over = self.is_over(&entry, now);
        self.remove(at, if is_over { Leaves::Expired } else { Leaves::Forgotten });
        (!is_over).then_some(entry.value)
    }

    /// The best of an id's places: a free one, or whose id has to leave. Nothing if there is no storage.
    fn place_for(&self, hash: [u64; 2], now: Time) -> Option<(usize, Leaves)> {
        let entries = self.entries.as_ref();
        let ranked = |at| {
            let entry: &Entry = entries.get(at)?;
            let leaves = match entry {
                entry if entry.is_free() => Leaves::Nobody,
                entry if self.is_over(entry, now) => Leaves::Expired,
                _ => Leaves::Evicted,
            };
            Some((leaves, entry.seen, at))
        };
        // The emptier of the two runs: that is what keeps them from filling up long before the storage does.
        let [first, second] = runs(hash, entries.len()).map(|run| {
            let taken = run.clone().filter_map(ranked).filter(|(leaves, ..)| *leaves == Leaves::Evicted).count();
            (run.filter_map(ranked).min_by_key(|&(leaves, seen, _)| (leaves, seen)), taken)
        });
        let (one, other) = if second.1 < first.1 { (second.0, first.0) } else { (first.0, second.0) };
        let by_age =
            |&(leaves, seen, _): &(Leaves, Time, usize)| if leaves == Leaves::Evicted { seen } else { Time::ZERO };
        let best = one.into_iter().chain(other).min_by_key(by_age)?;
        Some((best.2, best.0))
    }

    /// Asks for more storage, and moves each id to where it belongs now.
    fn grow(&mut self, now: Time) -> bool {
        let before = self.entries.as_ref().len();
        if !self.entries.grow() || self.entries.as_ref().len() <= before {
            return false;
        }
        for place in self.entries.as_mut().iter_mut().skip(before) {
            *place = Entry::FREE;
        }
        for at in 0..before {
            let Some(&entry) = self.entries.as_ref().get(at) else { break };
            if !entry.is_free() && !self.belongs(at, &entry) {
                self.write(at, Entry::FREE);
                self.settle(entry, now);
            }
        }
        true
    }

    /// Puts an id where it belongs; who is in its way and belongs elsewhere is put there, and so on. Each that is put
    /// stays, so this ends.
    fn settle(&mut self, mut entry: Entry, now: Time) {
        loop {
            let entries = self.entries.as_ref();
            let len = entries.len();
            let mut strangers = places(entry.hash, len);
            let stranger = strangers.find(|&at| entries.get(at).is_some_and(|other| !self.belongs(at, other)));
            let Some((at, leaves)) = self.place_for(entry.hash, now) else { return self.count(Leaves::Evicted) };
            match stranger {
                Some(stranger) if leaves == Leaves::Evicted => {
                    let Some(&other) = entries.get(stranger) else { return };
                    self.write(stranger, entry);
                    entry = other;
                }
                _ => {
                    self.remove(at, leaves);
                    return self.write(at, entry);
                }
            }
        }
    }

    fn belongs(&self, at: usize, entry: &Entry) -> bool {
        entry.is_free() || places(entry.hash, self.entries.as_ref().len()).any(|place| place == at)
    }

    fn remove(&mut self, at: usize, leaves: Leaves) {
        self.write(at, Entry::FREE);
        self.count(leaves);
    }

    fn write(&mut self, at: usize, entry: Entry) {
        if let Some(place) = self.entries.as_mut().get_mut(at) {
            *place = entry;
        }
    }

    const fn count(&mut self, leaves: Leaves) {
        let Counters { expired, evicted, forgotten, .. } = &mut self.counters;
        let count = match leaves {
            Leaves::Nobody => return,
            Leaves::Expired => expired,
            Leaves::Evicted => evicted,
            Leaves::Forgotten => forgotten,
        };
        *count = count.wrapping_add(1);
        self.counters.held = self.counters.held.wrapping_sub(1);
    }
}

/// Why an id leaves its place; in the order in which one is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Leaves {
    Nobody,
    Expired,
    Evicted,
    Forgotten,
}

/// The two runs that an id may be in. They may overlap, and go on at the beginning.
fn runs(hash: [u64; 2], len: usize) -> [impl Iterator<Item = usize> + Clone; 2] {
    hash.map(move |half| {
        let start = half.checked_rem(len as u64).unwrap_or_default() as usize;
        (0..RUN.min(len)).map(move |i| {
            let at = start.saturating_add(i);
            if at < len { at } else { at.saturating_sub(len) }
        })
    })
}

fn places(hash: [u64; 2], len: usize) -> impl Iterator<Item = usize> + Clone {
    let [first, second] = runs(hash, len);
    first.chain(second)
}

const _: () = assert!(size_of::<Entry>() == 32);
