//! The ring: every byte once and in order, whatever the positions, and every refused one counted.

use streamgauge_core::shared::ring::{Byte, Consumer, Producer, Ring};

use crate::model;

/// A ring of `N` bytes whose positions have moved on by `moved`.
fn ring<const N: usize>(moved: usize) -> (Producer<'static>, Consumer<'static>) {
    // The halves go to threads, and loom has no scoped ones.
    let ring = Box::leak(Box::new(Ring::new(core::array::from_fn::<_, N, _>(|_| Byte::new()))));
    let (mut producer, mut consumer) = ring.split();
    for _ in 0..moved {
        producer.push(&[0]).unwrap();
        assert_eq!(consumer.pop(&mut [0; 2]), [0]);
    }
    (producer, consumer)
}

/// Pushes byte by byte while another thread pops; both across the wrap of the storage and of the positions.
fn bytes<const N: usize>(moved: usize) {
    let (mut producer, mut consumer) = ring::<N>(moved);
    let pushing = loom::thread::spawn(move || {
        let accepted: Vec<u8> = (1..=4).filter(|&byte| producer.push(&[byte]).is_ok()).collect();
        (accepted, producer)
    });
    let mut popped = Vec::new();
    for _ in 0..3 {
        popped.extend_from_slice(consumer.pop(&mut [0; 2]));
    }
    let (accepted, _producer) = pushing.join().unwrap();
    assert_eq!(consumer.overflow(), 4 - accepted.len());
    assert_eq!(consumer.len() + popped.len(), accepted.len());
    popped.extend_from_slice(consumer.pop(&mut [0; 4]));
    assert_eq!(popped, accepted);
}

#[test]
fn one_byte() {
    for moved in 0..2 {
        model("ring of 1", Some(4), 2000, move || bytes::<1>(moved));
    }
}

#[test]
fn two_bytes() {
    for moved in 0..4 {
        model("ring of 2", Some(4), 3000, move || bytes::<2>(moved));
    }
}

#[test]
fn three_bytes() {
    for moved in [0, 2, 5] {
        model("ring of 3", Some(4), 5000, move || bytes::<3>(moved));
    }
}

/// What is pushed together is seen together.
#[test]
fn records_stay_whole() {
    for moved in 0..6 {
        model("ring of records", Some(4), 1000, move || {
            let (mut producer, mut consumer) = ring::<3>(moved);
            let pushing = loom::thread::spawn(move || {
                let pushed = [[1, 2], [3, 4], [5, 6]].map(|record| producer.push(&record).is_ok());
                pushed.iter().filter(|pushed| **pushed).count()
            });
            let mut popped = Vec::new();
            for _ in 0..3 {
                let mut buffer = [0; 4];
                let record = consumer.pop(&mut buffer);
                assert!(record.len() % 2 == 0);
                popped.extend_from_slice(record);
            }
            let accepted = pushing.join().unwrap();
            popped.extend_from_slice(consumer.pop(&mut [0; 4]));
            assert_eq!(popped.len(), accepted * 2);
            assert_eq!(consumer.overflow(), (3 - accepted) * 2);
            assert!(popped.chunks(2).all(|record| record[1] == record[0] + 1));
        });
    }
}
