//! Sequences of operations on a queue, against a `VecDeque`.
#![no_main]

use core::ops::ControlFlow;
use std::collections::VecDeque;

use libfuzzer_sys::fuzz_target;
use streamgauge_core::log::prefix_len;
use streamgauge_core::queue::{Limits, Queue};
use streamgauge_fuzz::{item, operations};

fuzz_target!(|data: &[u8]| {
    let Some((&[capacity, depth, bytes], data)) = data.split_first_chunk() else { return };
    let limit = |limit: u8| (limit > 0).then_some(u64::from(limit));
    let limits = Limits { depth: limit(depth & 15), bytes: limit(bytes) };
    let capacity = usize::from(capacity);
    let mut queue = Queue::new(vec![0; capacity], limits);
    let mut model: VecDeque<Vec<u8>> = VecDeque::new();
    let (mut accepted, mut delivered, mut overflow, mut high_water) = (0, 0, 0, 0);
    for (serial, (what, amount)) in operations(data).enumerate() {
        match what % 7 {
            0..=2 => {
                let new = item(usize::from(amount) % 40, serial);
                let fits = new.len() + prefix_len(new.len()) <= capacity;
                let roomy = has_room(&model, &new, capacity, limits);
                if fits {
                    accepted += 1;
                    high_water = high_water.max(model.len() as u64 + 1);
                    // Before the others leave: one that is over the limit of bytes leaves as well.
                    model.push_back(new.clone());
                }
                let mut lost = 0;
                let put = queue.put(&new, |oldest| {
                    assert_eq!(Some(oldest), model.pop_front().as_deref(), "the oldest leaves first");
                    lost += 1;
                });
                overflow += lost;
                assert_eq!(put.is_ok(), fits);
                assert!(!roomy || lost == 0, "{lost} items left although there was room");
            }
            3 => {
                let taken = queue.get().map(<[u8]>::to_vec);
                assert_eq!(taken, model.pop_front());
                delivered += u64::from(taken.is_some());
            }
            4 => assert_eq!(queue.peek(), model.front().map(Vec::as_slice)),
            5 => {
                let (asked, breaks_at) = (u64::from(amount & 7), usize::from(amount >> 4));
                let mut given = 0;
                let taken = queue.mget(asked, |oldest| {
                    assert_eq!(Some(oldest), model.get(given).map(Vec::as_slice));
                    if given == breaks_at {
                        return ControlFlow::Break(());
                    }
                    given += 1;
                    ControlFlow::Continue(())
                });
                assert_eq!(taken, given as u64);
                model.drain(..given);
                delivered += taken;
            }
            _ => {
                queue.reset_high_water();
                high_water = 0;
            }
        }
        let counters = queue.counters();
        assert_eq!(counters.depth, model.len() as u64);
        assert_eq!(counters.bytes, model.iter().map(|item| item.len() as u64).sum::<u64>());
        assert_eq!((counters.accepted, counters.delivered, counters.overflow), (accepted, delivered, overflow));
        assert_eq!(counters.accepted, counters.delivered + counters.depth + counters.overflow);
        assert!(limits.depth.is_none_or(|most| counters.depth <= most));
        assert!(limits.bytes.is_none_or(|most| counters.bytes <= most));
        assert!(counters.high_water <= high_water);
        assert!(queue.iter().eq(model.iter().map(Vec::as_slice)));
        assert_eq!(queue.is_empty(), model.is_empty());
    }
});

/// Whether nothing has to leave for `new`, wherever the items lie: a record may leave a gap of less than its length
/// at the end of the storage, and need room in one piece.
fn has_room(model: &VecDeque<Vec<u8>>, new: &[u8], capacity: usize, limits: Limits) -> bool {
    let record = |item: &[u8]| item.len() + prefix_len(item.len());
    let used: usize = model.iter().map(|item| record(item)).sum();
    let longest = model.iter().map(|item| record(item)).max().unwrap_or(0).max(record(new));
    let bytes: usize = model.iter().map(Vec::len).sum::<usize>() + new.len();
    used + record(new) + 2 * longest <= capacity
        && limits.depth.is_none_or(|most| (model.len() as u64) < most)
        && limits.bytes.is_none_or(|most| bytes as u64 <= most)
}
