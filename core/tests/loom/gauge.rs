//! A gauge that is read, told and added to while it is fed: each message is seen whole or not at all, each pane told once.

use loom::future::block_on;
use loom::sync::Arc;
use streamgauge_core::gauge::{Definition, Gauge, Group, Key, Measured, Pane, Reading, Span, Storage};
use streamgauge_core::shared::{Closed, Guarded, SharedGauge, Slot, TakeError};
use streamgauge_core::stats::graph::Edge;
use streamgauge_core::stats::space_saving;
use streamgauge_core::time::Time;

use crate::{Mutex, model, spawn};

/// Room for moments, and for panes.
struct Heap;

impl Storage for Heap {
    type Bins = [u32; 0];
    type Registers = [u8; 0];
    type Counts = [u64; 0];
    type Slots = [space_saving::Slot<Key>; 0];
    type Edges = [space_saving::Slot<Edge<Key>>; 0];
    type Cells = Vec<Measured<Self>>;
    type Panes = Vec<Pane>;
    type Groups = [Group; 0];

    fn bins(&mut self, _: usize) -> Option<Self::Bins> {
        None
    }

    fn registers(&mut self, _: usize) -> Option<Self::Registers> {
        None
    }

    fn counts(&mut self, _: usize) -> Option<Self::Counts> {
        None
    }

    fn slots(&mut self, _: usize) -> Option<Self::Slots> {
        None
    }

    fn edges(&mut self, _: usize) -> Option<Self::Edges> {
        None
    }

    fn cells(
        &mut self,
        len: usize,
        mut make: impl FnMut(&mut Self, usize) -> Option<Measured<Self>>,
    ) -> Option<Self::Cells> {
        (0..len).map(|number| make(self, number)).collect()
    }

    fn panes(&mut self, len: usize) -> Option<Self::Panes> {
        Some(vec![Pane::EMPTY; len])
    }

    fn groups(&mut self, _: usize) -> Option<Self::Groups> {
        None
    }
}

type Shared = SharedGauge<Mutex<Guarded<Gauge<Heap>, [Slot; 2]>>>;

const NOW: Time = Time::ZERO;
const ALL: &str = r#"{"measure":"moments"}"#;
/// Each message is a pane of its own.
const EACH: &str = r#"{"measure":"moments","every":"1 messages"}"#;

fn alone(definition: &str, messages: &[&str]) -> Gauge<Heap> {
    let mut gauge = Gauge::new(&Definition::from_json(definition.as_bytes()).unwrap(), &mut Heap).unwrap();
    messages.iter().for_each(|message| gauge.take(message.as_bytes(), NOW));
    gauge
}

fn shared(definition: &str) -> Arc<Shared> {
    Arc::new(SharedGauge::new(Mutex::new(Guarded::new(alone(definition, &[]), [Slot::FREE; 2]))))
}

/// What a reading says: messages, numbers, and their sum.
fn said(reading: &Reading<'_>, cell: &[Measured<Heap>]) -> (u64, u64, f64) {
    let [Measured::Moments(moments)] = cell else { panic!("moments are measured") };
    let count = moments.count();
    (reading.messages, count, moments.mean().unwrap_or_default() * count as f64)
}

fn read(gauge: &Shared) -> (u64, u64, f64) {
    let mut found = None;
    gauge.with(|gauge| gauge.read(Span::Window, NOW, |reading, _, cell| found = Some(said(reading, cell))));
    found.expect("a reading of all")
}

#[test]
fn reading_while_it_is_fed_and_added_to() {
    let mut other = Vec::new();
    let Ok(()) = alone(ALL, &["4"]).write_binary(NOW, &mut other);
    model("reading_while_it_is_fed_and_added_to", Some(4), 8000, move || {
        let gauge = shared(ALL);
        let feeding = spawn(&gauge, |gauge| {
            gauge.take(b"1", NOW).unwrap();
            gauge.take(b"2", NOW).unwrap();
        });
        let other = other.clone();
        let adding = spawn(&gauge, move |gauge| gauge.merge(&other, NOW, &mut Heap).unwrap().unwrap());
        let sums: [&[u32]; 6] = [&[], &[1], &[1, 2], &[4], &[1, 4], &[1, 2, 4]];
        let some = sums.map(|of| (of.len() as u64, of.len() as u64, f64::from(of.iter().sum::<u32>())));
        let first = read(&gauge);
        assert!(some.contains(&first), "{first:?}");
        let all = block_on(gauge.wait_for(|gauge| (gauge.counters().measured == 3).then_some(())));
        assert_eq!(all, Ok(()));
        let mut sequential = alone(ALL, &["1", "2", "4"]);
        let mut expected = None;
        sequential.read(Span::Window, NOW, |reading, _, cell| expected = Some(said(reading, cell)));
        assert_eq!(Some(read(&gauge)), expected);
        feeding.join().unwrap();
        adding.join().unwrap();
    });
}

#[test]
fn each_pane_is_told_once() {
    model("each_pane_is_told_once", Some(4), 100, || {
        let gauge = shared(EACH);
        // Two who feed, each of which tells what has to be told before.
        let feed = |message: &'static [u8]| {
            move |gauge: &Shared| {
                let mut told = Vec::new();
                loop {
                    match gauge.try_take(message, NOW) {
                        Ok(()) => return told,
                        Err(TakeError::Untold) => tell(gauge, &mut told),
                        Err(error) => panic!("{error}"),
                    }
                }
            }
        };
        let (a, b) = (spawn(&gauge, feed(b"1")), spawn(&gauge, feed(b"2")));
        let mut told = Vec::new();
        tell(&gauge, &mut told);
        told.extend(a.join().unwrap());
        told.extend(b.join().unwrap());
        tell(&gauge, &mut told);
        tell(&gauge, &mut told);
        told.sort_by(f64::total_cmp);
        assert_eq!(told, [1.0, 2.0]);
        let counters = gauge.with(|gauge| *gauge.counters());
        assert_eq!((counters.measured, counters.untold), (2, 0));
    });
}

/// Tells a pane if one is over: it has one message.
fn tell(gauge: &Shared, told: &mut Vec<f64>) {
    let before = told.len();
    let was_told = gauge.tell(NOW, |reading, _, cell| {
        let (messages, count, sum) = said(reading, cell);
        assert_eq!((messages, count), (1, 1));
        told.push(sum);
    });
    assert_eq!(was_told.is_some(), told.len() > before, "who is told so has told a pane");
}

#[test]
fn who_can_not_take_waits_until_a_pane_is_told() {
    model("who_can_not_take_waits_until_a_pane_is_told", Some(4), 180, || {
        let gauge = shared(EACH);
        gauge.take(b"1", NOW).unwrap();
        let feeding = spawn(&gauge, |gauge| {
            while gauge.try_take(b"2", NOW) == Err(TakeError::Untold) {
                block_on(gauge.wait_for(|gauge| (!gauge.is_over(NOW)).then_some(()))).unwrap();
            }
        });
        let mut told = Vec::new();
        for _ in 0..2 {
            block_on(gauge.wait_for(|gauge| gauge.is_over(NOW).then_some(()))).unwrap();
            tell(&gauge, &mut told);
        }
        assert_eq!(told, [1.0, 2.0]);
        feeding.join().unwrap();
    });
}

#[test]
fn take_against_close() {
    model("take_against_close", Some(4), 350, || {
        let gauge = shared(ALL);
        let feeding = spawn(&gauge, |gauge| match gauge.take(b"1", NOW) {
            Ok(()) => gauge.try_take(b"2", NOW).is_ok() as u64 + 1,
            Err(Closed) => 0,
        });
        let waiting = spawn(&gauge, |gauge| {
            block_on(gauge.wait_for(|gauge| (gauge.counters().measured > 0).then_some(()))).is_ok()
        });
        gauge.close();
        let (taken, seen) = (feeding.join().unwrap(), waiting.join().unwrap());
        assert_eq!(read(&gauge).1, taken);
        assert!(taken > 0 || !seen);
    });
}
