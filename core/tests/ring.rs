//! The ring against a plain model, and between two threads.
#![cfg(not(streamgauge_loom))]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc, reason = "the tests are hosted")]

use std::collections::VecDeque;

use proptest::prelude::*;
use streamgauge_core::shared::ring::{Byte, Full, Ring};

fn boxed(capacity: usize) -> Box<[Byte]> {
    (0..capacity).map(|_| Byte::new()).collect()
}

#[test]
fn holds_exactly_what_was_asked_for() {
    for capacity in 0..5 {
        let mut ring = Ring::new(boxed(capacity));
        let (mut producer, mut consumer) = ring.split();
        for _ in 0..7 {
            assert_eq!((producer.room(), consumer.is_empty()), (capacity, true));
            (0..capacity).for_each(|i| producer.push(&[i as u8]).unwrap());
            assert_eq!((producer.room(), consumer.len()), (0, capacity));
            producer.push(&[]).unwrap();
            assert!(producer.push(&[9]).is_err());
            let expected: Vec<u8> = (0..capacity as u8).collect();
            assert_eq!(consumer.pop(&mut [0; 8]), expected);
        }
        assert_eq!(consumer.overflow(), 7);
    }
}

#[test]
fn goes_on_where_it_was_when_it_is_split_again() {
    let mut storage = [const { Byte::new() }; 4];
    let mut ring = Ring::new(&mut storage[..3]);
    ring.split().0.push(&[1, 2]).unwrap();
    assert_eq!(ring.split().1.pop(&mut [0; 1]), [1]);
    assert!(ring.split().0.push(&[3, 4, 5]).is_err_and(|full| full.refused == 3));
    let (mut producer, mut consumer) = ring.split();
    producer.push(&[3, 4]).unwrap();
    assert!(producer.push(&[5]).is_err());
    assert_eq!(consumer.pop(&mut [0; 4]), [2, 3, 4]);
    assert_eq!(consumer.overflow(), 4);
}

/// Whoever lends the cells may be anybody's code.
#[test]
fn begins_anew_when_its_storage_has_another_size() {
    struct Shrinking(Box<[Byte]>, usize);
    impl AsMut<[Byte]> for Shrinking {
        fn as_mut(&mut self) -> &mut [Byte] {
            self.1 -= 3;
            &mut self.0[..self.1]
        }
    }
    let mut ring = Ring::new(Shrinking(boxed(11), 11));
    let (mut producer, mut consumer) = ring.split();
    producer.push(&[1; 8]).unwrap();
    assert_eq!(consumer.pop(&mut [0; 7]), [1; 7]);
    for capacity in [5, 2] {
        let (mut producer, mut consumer) = ring.split();
        assert_eq!((producer.room(), consumer.len()), (capacity, 0));
        for bytes in [&[1, 2][..], &[3], &[4, 5]] {
            producer.push(bytes).unwrap();
            assert_eq!(consumer.pop(&mut [0; 8]), bytes);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 8 } else { 256 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn is_a_bounded_queue_of_bytes(
        capacity in 0_usize..9,
        steps in prop::collection::vec((any::<bool>(), 0_usize..12), 0..60),
    ) {
        let mut ring = Ring::new(boxed(capacity));
        let (mut producer, mut consumer) = ring.split();
        let (mut model, mut overflow, mut byte) = (VecDeque::new(), 0, 0_u8);
        for (push, n) in steps {
            if push {
                let bytes: Vec<u8> = (0..n).map(|i| byte.wrapping_add(i as u8)).collect();
                byte = byte.wrapping_add(n as u8);
                let fits = model.len() + n <= capacity;
                let pushed: Result<(), Full> = producer.push(&bytes);
                prop_assert_eq!(pushed.is_ok(), fits);
                if fits { model.extend(bytes) } else { overflow += n }
            } else {
                let expected: Vec<u8> = model.drain(..n.min(model.len())).collect();
                let mut buffer = vec![0; n];
                prop_assert_eq!(consumer.pop(&mut buffer), expected);
            }
            prop_assert_eq!((consumer.len(), consumer.is_empty()), (model.len(), model.is_empty()));
            prop_assert_eq!(producer.room(), capacity - model.len());
            prop_assert_eq!(consumer.overflow(), overflow);
        }
    }
}

#[test]
fn carries_bytes_between_threads() {
    let total: usize = if cfg!(miri) { 60 } else { 300_000 };
    let mut ring = Ring::new([const { Byte::new() }; 7]);
    let (mut producer, mut consumer) = ring.split();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for i in (0..total).step_by(3) {
                while producer.push(&[i, i + 1, i + 2].map(|i| i as u8)).is_err() {
                    std::thread::yield_now();
                }
            }
        });
        let (mut next, mut buffer) = (0_usize, [0; 5]);
        while next < total {
            for &byte in consumer.pop(&mut buffer) {
                assert_eq!(byte, next as u8);
                next += 1;
            }
            std::thread::yield_now();
        }
        assert!(consumer.is_empty() && consumer.overflow() % 3 == 0);
    });
}
