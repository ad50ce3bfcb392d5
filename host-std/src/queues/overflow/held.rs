//! The items between the thread of the server and the one that writes.
//!
//! There are two rings. The server's thread appends to one; the writer has the other, and exchanges them when it is
//! done with it, so that neither ever waits for more than that.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use streamgauge_core::engine::Name;
use streamgauge_core::log::Log;

/// Items in their order, in a bounded room. Each is a record: the length of its queue's name, the name, its bytes.
pub(super) type Ring = Log<Box<[u8]>>;

/// What an item takes beside its bytes at the most: a name with its length, and the length of all.
pub(super) const BESIDE: usize = 1 + Name::LONGEST + 10;

/// An item in a [`Ring`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Item<'a> {
    pub(super) queue: &'a [u8],
    pub(super) data: &'a [u8],
}

/// The items of a ring.
pub(super) fn items(ring: &Ring) -> impl Iterator<Item = Item<'_>> {
    ring.iter(ring.start()).filter_map(|record| {
        let (length, rest) = record.split_first()?;
        let (queue, data) = rest.split_at_checked(usize::from(*length))?;
        Some(Item { queue, data })
    })
}

/// Items that were handed over, and what else the two threads have to tell each other.
#[derive(Debug)]
pub(super) struct Held {
    state: Mutex<State>,
    /// Rung when the writer has something to do.
    work: Condvar,
    /// Rung when the writer has got on, got stuck, or ended.
    progress: Condvar,
    /// Items that were pushed and are not in the file.
    unlogged: AtomicU64,
    /// Bytes of each ring.
    half: usize,
}

#[derive(Debug)]
struct State {
    incoming: Ring,
    /// There was no room for an item.
    refused: bool,
    reopen: bool,
    /// Nothing more will come.
    ending: bool,
    writer: Writer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writer {
    Working,
    /// The file takes nothing, or nothing has been written for long.
    Stuck,
    /// The same, and nothing more will come: it has tried for the last time.
    GivingUp,
    Ended,
}

/// What the writer has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Write what is in its ring.
    Write,
    /// Open the file again, and write what is in its ring.
    Reopen,
    End,
}

/// How long a file that takes nothing is left alone.
const RETRY: Duration = Duration::from_secs(1);

/// How long a writer that does not get on is waited for at the end.
const PATIENCE: Duration = Duration::from_secs(10);

impl Held {
    /// Nothing, with two rings of so many bytes.
    pub(super) fn new(half: usize) -> Self {
        let incoming = Log::new(vec![0; half].into_boxed_slice());
        let state = State { incoming, refused: false, reopen: false, ending: false, writer: Writer::Working };
        Self {
            state: Mutex::new(state),
            work: Condvar::new(),
            progress: Condvar::new(),
            unlogged: AtomicU64::new(0),
            half,
        }
    }

    /// The writer's ring.
    pub(super) fn ring(&self) -> Ring {
        Log::new(vec![0; self.half].into_boxed_slice())
    }

    pub(super) fn unlogged(&self) -> u64 {
        self.unlogged.load(Ordering::Relaxed)
    }

    /// Counts an item.
    pub(super) fn count(&self) {
        self.unlogged.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an item, and keeps it if there is room.
    pub(super) fn push(&self, queue: &Name, item: &[u8]) {
        self.count();
        let mut state = self.state.lock();
        state.refused |= !state.append(queue, item);
    }

    /// Lets the writer look whether there are items; whether there was no room for some since the last call.
    pub(super) fn wake(&self) -> bool {
        let mut state = self.state.lock();
        if state.writer == Writer::Working {
            self.work.notify_one();
        }
        std::mem::take(&mut state.refused)
    }

    pub(super) fn reopen(&self) {
        self.state.lock().reopen = true;
        self.work.notify_one();
    }

    /// [`push`](Self::push) of an item that was [counted](Self::count), but while there is no room it waits for a writer
    /// that gets on.
    pub(super) fn push_patiently(&self, queue: &Name, item: &[u8]) {
        let mut state = self.state.lock();
        while !state.append(queue, item) {
            if state.writer != Writer::Working {
                state.refused = true;
                return;
            }
            self.work.notify_one();
            if self.progress.wait_for(&mut state, PATIENCE).timed_out() && state.writer == Writer::Working {
                // Nor does the next item wait for it.
                state.writer = Writer::Stuck;
            }
        }
    }

    /// Says that nothing more will come, and waits until the writer has ended or does not get on.
    pub(super) fn finish(&self) {
        let mut state = self.state.lock();
        state.ending = true;
        self.work.notify_one();
        let mut before = self.unlogged();
        while state.writer != Writer::Ended {
            if self.progress.wait_for(&mut state, PATIENCE).timed_out() {
                if self.unlogged() == before {
                    return;
                }
                before = self.unlogged();
            }
        }
    }

    /// Waits until the writer has something to do. With an empty ring that is what has come in, which is then in it;
    /// a ring that is not empty has items that the file did not take.
    pub(super) fn next_turn(&self, ring: &mut Ring) -> Turn {
        let retry = Instant::now() + RETRY;
        let mut state = self.state.lock();
        loop {
            if std::mem::take(&mut state.reopen) {
                return Turn::Reopen;
            }
            if ring.is_empty() {
                if !state.incoming.is_empty() {
                    std::mem::swap(&mut state.incoming, ring);
                    self.progress.notify_all();
                    return Turn::Write;
                }
                if state.ending {
                    return Turn::End;
                }
                self.work.wait(&mut state);
            } else {
                match (state.ending, state.writer) {
                    (true, Writer::GivingUp) => return Turn::End,
                    (true, _) => {
                        state.writer = Writer::GivingUp;
                        return Turn::Write;
                    }
                    (false, _) if self.work.wait_until(&mut state, retry).timed_out() => return Turn::Write,
                    _ => {}
                }
            }
        }
    }

    /// Takes note that so many items are in the file, and whether it took all.
    pub(super) fn written(&self, items: u64, all: bool) {
        self.unlogged.fetch_sub(items, Ordering::Relaxed);
        let mut state = self.state.lock();
        match (all, state.writer) {
            (true, _) => state.writer = Writer::Working,
            (false, Writer::GivingUp) => {}
            (false, _) => state.writer = Writer::Stuck,
        }
        self.progress.notify_all();
    }

    pub(super) fn end_writing(&self) {
        self.state.lock().writer = Writer::Ended;
        self.progress.notify_all();
    }
}

impl State {
    /// Whether there was room.
    fn append(&mut self, queue: &Name, item: &[u8]) -> bool {
        let queue = queue.as_bytes();
        let len = 1 + queue.len() + item.len();
        let fill = |room: &mut [u8]| {
            let (name, data) = room.split_at_mut(1 + queue.len());
            // A name has 64 bytes at the most.
            name[0] = queue.len() as u8;
            name[1..].copy_from_slice(queue);
            data.copy_from_slice(item);
        };
        self.incoming.append(len, fill).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(ring: &Ring) -> Vec<u8> {
        items(ring).flat_map(|item| item.data.iter().copied()).collect()
    }

    #[test]
    fn what_has_no_room_is_counted_and_said_once() {
        // An item is its length, the name with its length, and its byte.
        let held = Held::new(3 * 7);
        b"abcde".iter().for_each(|item| held.push(&Name::MAIN, &[*item]));
        assert_eq!(held.unlogged(), 5);
        assert_eq!((held.wake(), held.wake()), (true, false));
        let mut ring = held.ring();
        assert_eq!((held.next_turn(&mut ring), data(&ring)), (Turn::Write, b"abc".to_vec()));
        held.push(&Name::MAIN, b"f");
        assert!(!held.wake(), "the other ring has room while this one is written");
        held.written(3, true);
        assert_eq!(held.unlogged(), 3, "two that are lost, and one that waits");
    }

    #[test]
    fn names_and_bytes_come_out_as_they_went_in() {
        let held = Held::new(1 << 10);
        let long = Name::new(&[b'n'; Name::LONGEST]).unwrap();
        held.push(&long, b"\0\n\xff");
        held.push(&Name::MAIN, b"");
        let mut ring = held.ring();
        held.next_turn(&mut ring);
        let expected = [Item { queue: long.as_bytes(), data: b"\0\n\xff" }, Item { queue: b"main", data: b"" }];
        assert_eq!(items(&ring).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_longest_item_fits() {
        let held = Held::new((5 << 20) + BESIDE);
        held.push(&Name::new(&[b'n'; Name::LONGEST]).unwrap(), &vec![0; 5 << 20]);
        assert!(!held.wake());
    }

    #[test]
    fn a_file_that_takes_nothing_is_left_alone_for_a_second_but_for_a_hangup() {
        let held = Held::new(64);
        held.push(&Name::MAIN, b"a");
        let mut ring = held.ring();
        assert_eq!(held.next_turn(&mut ring), Turn::Write);
        held.written(0, false);
        let begun = Instant::now();
        held.push(&Name::MAIN, b"b");
        held.wake();
        assert_eq!((held.next_turn(&mut ring), data(&ring)), (Turn::Write, b"a".to_vec()));
        assert!(begun.elapsed() >= RETRY - Duration::from_millis(50), "{:?}", begun.elapsed());
        held.written(0, false);
        held.reopen();
        let begun = Instant::now();
        assert_eq!(held.next_turn(&mut ring), Turn::Reopen);
        assert!(begun.elapsed() < RETRY / 2);
    }

    #[test]
    fn at_the_end_there_is_one_more_try() {
        let held = Held::new(64);
        held.push(&Name::MAIN, b"a");
        let mut ring = held.ring();
        held.next_turn(&mut ring);
        held.written(0, false);
        held.state.lock().ending = true;
        assert_eq!(held.next_turn(&mut ring), Turn::Write);
        held.written(0, false);
        assert_eq!(held.next_turn(&mut ring), Turn::End);

        let held = Held::new(64);
        let mut ring = held.ring();
        held.state.lock().ending = true;
        held.push(&Name::MAIN, b"a");
        assert_eq!(held.next_turn(&mut ring), Turn::Write, "what is held is written first");
        ring.pop();
        held.written(1, true);
        assert_eq!((held.next_turn(&mut ring), held.unlogged()), (Turn::End, 0));
    }
}
