//! The queue with leases accounts for every item, whatever is done with it and however time jumps.

mod model;
mod run;

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use streamgauge_core::queue::Limits;
use streamgauge_core::queue::leases::{Overflow, Settings, Slot, State};
use streamgauge_core::storage::Grow;

use self::run::Run;
use crate::record;

#[derive(Debug, Clone)]
enum Step {
    Put(Vec<u8>, Duration),
    /// Of another queue, with why it died.
    PutLetter(Vec<u8>, Vec<u8>),
    Mput(Vec<Vec<u8>>),
    /// Asks for so many, and takes so many of them.
    Get(u64, u64),
    Lease(u64, u64, Duration),
    /// With one of all the tokens that were ever given, from the newest on.
    Ack(usize),
    Nack(usize, Duration, Vec<u8>),
    Touch(usize, Duration),
    Peek(State, u64, u64),
    Dump,
    /// Goes on with the dump, for so many.
    DumpMore(u64),
    TakeDead(u64, u64),
    Redrive,
    Purge,
    Advance(u64),
    Set(Settings),
    ResetHighWater,
}

fn span() -> impl Strategy<Value = Duration> {
    prop_oneof![
        1 => Just(Duration::ZERO),
        6 => (1..40_u64).prop_map(Duration::from_millis),
        1 => Just(Duration::from_nanos(1)),
        1 => Just(Duration::from_secs(1 << 22)),
        1 => Just(Duration::from_millis(1 << 48)),
        1 => Just(Duration::MAX),
    ]
}

fn state() -> impl Strategy<Value = State> {
    prop_oneof![Just(State::Ready), Just(State::Leased), Just(State::Delayed), Just(State::Dead)]
}

fn step() -> impl Strategy<Value = Step> {
    let reason = prop_oneof![2 => Just(0), 3 => 1..12_usize, 1 => 120..140_usize];
    let reason = (reason, any::<u8>()).prop_map(|(length, byte)| vec![byte; length]);
    let of_letter = reason.clone();
    let delay = prop_oneof![3 => Just(Duration::ZERO), 1 => span()];
    prop_oneof![
        12 => (record(), delay.clone()).prop_map(|(item, delay)| Step::Put(item, delay)),
        2 => (record(), of_letter).prop_map(|(item, reason)| Step::PutLetter(item, reason)),
        2 => vec(record(), 0..5).prop_map(Step::Mput),
        3 => (0..4_u64, 0..4_u64).prop_map(|(asked, taken)| Step::Get(asked, taken)),
        8 => (0..4_u64, 0..4_u64, span()).prop_map(|(asked, taken, span)| Step::Lease(asked, taken, span)),
        5 => (0..8_usize).prop_map(Step::Ack),
        5 => (0..8_usize, delay, reason).prop_map(|(which, delay, reason)| Step::Nack(which, delay, reason)),
        2 => (0..8_usize, span()).prop_map(|(which, span)| Step::Touch(which, span)),
        1 => (state(), 0..5_u64, 0..5_u64).prop_map(|(state, asked, taken)| Step::Peek(state, asked, taken)),
        1 => Just(Step::Dump),
        3 => (0..4_u64).prop_map(Step::DumpMore),
        1 => (0..3_u64, 0..3_u64).prop_map(|(asked, taken)| Step::TakeDead(asked, taken)),
        1 => Just(Step::Redrive),
        1 => prop_oneof![9 => Just(Step::ResetHighWater), 1 => Just(Step::Purge)],
        2 => (0..4_u64).prop_map(Step::Advance),
        1 => settings().prop_map(Step::Set),
    ]
}

fn settings() -> impl Strategy<Value = Settings> {
    let overflow = prop_oneof![Just(Overflow::DropOldest), Just(Overflow::Reject)];
    let depth = proptest::option::weighted(0.3, 0..6_u64);
    let bytes = proptest::option::weighted(0.3, 0..100_u64);
    let ttl = proptest::option::weighted(0.3, (0..200_u64).prop_map(Duration::from_millis));
    let max_attempts = proptest::option::weighted(0.6, 0..4_u16);
    (depth, bytes, overflow, ttl, max_attempts).prop_map(|(depth, bytes, overflow, ttl, max_attempts)| Settings {
        limits: Limits { depth, bytes },
        overflow,
        ttl,
        max_attempts,
    })
}

/// Milliseconds from one step to the next; backwards there are none.
fn passing() -> impl Strategy<Value = i64> {
    prop_oneof![8 => Just(0), 8 => 1..12_i64, 2 => 12..300_i64, 1 => Just(1 << 31), 1 => -50..0_i64]
}

fn capacity() -> impl Strategy<Value = usize> {
    prop_oneof![
        Just(0),
        Just(1),
        Just(9),
        Just(10),
        Just(11),
        10..70_usize,
        10..70_usize,
        70..300_usize,
        300..900_usize
    ]
}

/// Places that are made one after the other, up to a limit.
#[derive(Debug, Clone)]
struct Growing {
    slots: Vec<Slot>,
    most: usize,
}

impl AsRef<[Slot]> for Growing {
    fn as_ref(&self) -> &[Slot] {
        &self.slots
    }
}

impl AsMut<[Slot]> for Growing {
    fn as_mut(&mut self) -> &mut [Slot] {
        &mut self.slots
    }
}

impl Grow<Slot> for Growing {
    fn grow(&mut self) -> bool {
        let may = self.slots.len() < self.most;
        if may {
            self.slots.push(Slot::FREE);
        }
        may
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn a_queue_with_leases_accounts_for_every_item(
        capacity in capacity(),
        made in 0..4_usize,
        most in prop_oneof![0..4_usize, Just(100)],
        settings in settings(),
        begin in prop_oneof![Just(0), Just(1_764_000_000_000)],
        random in prop_oneof![Just(0), any::<u64>()],
        stuck in any::<bool>(),
        steps in vec((passing(), step()), 0..150),
    ) {
        let slots = Growing { slots: vec![Slot::FREE; made], most };
        let mut run = Run::new(capacity, slots, settings, random, stuck);
        let mut now: i64 = begin;
        for (passed, step) in steps {
            now = (now + passed).max(0);
            run.step(now as u64, step);
            run.check();
        }
    }
}
