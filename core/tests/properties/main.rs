//! The log, the queue and the fan-out against plain models, under any sequence of operations.

mod dedupe;
mod leases;
mod log;
mod policies;
mod queue;
mod resume;
mod topic;
mod topic_times;

use std::collections::VecDeque;

use proptest::prelude::*;
use streamgauge_core::log::prefix_len;

/// Where records lie, as the documentation of the log says: one behind the other; what does not fit before the end
/// of the storage goes to its start; an empty log begins anew.
#[derive(Debug, Default)]
struct Spans {
    capacity: usize,
    /// Offset and framed length of each record, oldest first.
    held: VecDeque<(usize, usize)>,
}

impl Spans {
    /// Whether so many bytes found room.
    fn append(&mut self, needed: usize) -> bool {
        let (Some(front), Some(back)) = (self.held.front(), self.held.back()) else {
            self.held.extend((needed <= self.capacity).then_some((0, needed)));
            return needed <= self.capacity;
        };
        let (head, tail) = (front.0, back.0 + back.1);
        let wrapped = self.held.iter().zip(self.held.iter().skip(1)).any(|(a, b)| b.0 < a.0);
        let at = if wrapped {
            (tail + needed <= head).then_some(tail)
        } else if tail + needed <= self.capacity {
            Some(tail)
        } else {
            (needed <= head).then_some(0)
        };
        self.held.extend(at.map(|at| (at, needed)));
        at.is_some()
    }
}

/// The same, and the bytes of each.
#[derive(Debug, Default)]
struct Placement {
    spans: Spans,
    records: VecDeque<Vec<u8>>,
}

impl Placement {
    fn new(capacity: usize) -> Self {
        Self { spans: Spans { capacity, held: VecDeque::new() }, records: VecDeque::new() }
    }

    fn can_ever_hold(&self, record: &[u8]) -> bool {
        framed(record) <= self.spans.capacity
    }

    /// Whether `record` found room.
    fn append(&mut self, record: &[u8]) -> bool {
        let fits = self.spans.append(framed(record));
        self.records.extend(fits.then(|| record.to_vec()));
        fits
    }

    fn pop(&mut self) -> Option<Vec<u8>> {
        self.spans.held.pop_front();
        self.records.pop_front()
    }

    fn contents(&self) -> Vec<Vec<u8>> {
        self.records.iter().cloned().collect()
    }

    fn bytes(&self) -> u64 {
        self.records.iter().map(|record| record.len() as u64).sum()
    }
}

fn framed(record: &[u8]) -> usize {
    record.len() + prefix_len(record.len())
}

fn capacity() -> impl Strategy<Value = usize> {
    prop_oneof![Just(0), Just(1), Just(2), Just(3), Just(7), 4..64_usize, Just(131), 64..700_usize]
}

/// Numbers that the first record may have: far from the wrap, just before it, and on the other side of 2^63.
fn start() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), (0..40_u64).prop_map(|below| u64::MAX - below), Just(u64::MAX / 2), any::<u64>()]
}

fn record() -> impl Strategy<Value = Vec<u8>> {
    let length = prop_oneof![4 => 0..6_usize, 4 => 0..40_usize, 1 => 120..135_usize];
    (length, any::<u8>()).prop_map(|(length, seed)| (0..length).map(|i| seed.wrapping_add(i as u8)).collect())
}

/// Where one goes on who saw the message numbered `sequence`, as how many messages were published before: what is
/// below the first number is of an earlier life and gets everything, what is above the newest counts as that.
/// `None` for an earlier life. Reckoned without wrapping.
fn after(sequence: u64, origin: u64, published: u64) -> Option<u64> {
    let (sequence, origin, end) =
        (u128::from(sequence), u128::from(origin), u128::from(origin) + u128::from(published));
    let number = [sequence, sequence + (1 << 64)].into_iter().find(|number| (origin..end).contains(number));
    match number {
        Some(number) => Some((number - origin) as u64 + 1),
        None if sequence < origin => None,
        None => Some(published),
    }
}
