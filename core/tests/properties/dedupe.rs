//! What was remembered within the window is known, unless the account says that it was not.

use std::collections::HashMap;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use streamgauge_core::dedupe::{Dedupe, Entry};
use streamgauge_core::storage::Grow;
use streamgauge_core::time::Time;

const KEY: [u64; 2] = [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908];
const WINDOW: u64 = 100;

/// Grows by so many entries at a time, or doubles when that is 0, up to a bound.
#[derive(Debug)]
struct Growing {
    entries: Vec<Entry>,
    by: usize,
    most: usize,
}

impl AsRef<[Entry]> for Growing {
    fn as_ref(&self) -> &[Entry] {
        &self.entries
    }
}

impl AsMut<[Entry]> for Growing {
    fn as_mut(&mut self) -> &mut [Entry] {
        &mut self.entries
    }
}

impl Grow<Entry> for Growing {
    fn grow(&mut self) -> bool {
        let by = if self.by == 0 { self.entries.len() } else { self.by };
        let grows = self.entries.len() + by <= self.most;
        if grows {
            // What new places hold does not matter.
            let anything = self.entries.last().copied().unwrap_or_default();
            self.entries.resize(self.entries.len() + by, anything);
        }
        grows
    }
}

fn growing(entries: usize, by: usize, most: usize) -> Dedupe<Growing> {
    let storage = Growing { entries: vec![Entry::FREE; entries], by, most };
    Dedupe::new(storage, KEY, Duration::from_millis(WINDOW))
}

#[derive(Debug, Clone)]
enum Step {
    Remember(u8, u64),
    Forget(u8),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (any::<u8>(), any::<u64>()).prop_map(|(id, value)| Step::Remember(id, value)),
        1 => any::<u8>().prop_map(Step::Forget),
        2 => (0..60_u64).prop_map(Step::Wait),
    ]
}

fn assert_conserved(dedupe: &Dedupe<Growing>) {
    let counters = dedupe.counters();
    let left = counters.expired + counters.evicted + counters.forgotten;
    assert_eq!(counters.remembered, counters.held + left, "{counters:?}");
}

proptest! {
    #[test]
    fn the_window_is_held_or_the_account_says_so(
        steps in vec(step(), 0..400),
        (entries, by, most) in (0..40_usize, 1..20_usize, 0..300_usize),
    ) {
        let mut dedupe = growing(entries, by, most);
        let mut known: HashMap<u8, (u64, u64)> = HashMap::new();
        let mut now = 0;
        for step in steps {
            let time = Time::from_millis(now);
            match step {
                Step::Remember(id, value) => {
                    dedupe.remember(&[id], time, value);
                    known.insert(id, (now, value));
                }
                Step::Forget(id) => {
                    let value = known.remove(&id).filter(|(seen, _)| now - seen < WINDOW).map(|(_, value)| value);
                    let forgotten = dedupe.forget(&[id], time);
                    prop_assert!(forgotten == value || (forgotten.is_none() && dedupe.counters().evicted > 0));
                }
                Step::Wait(millis) => now += millis,
            }
            let time = Time::from_millis(now);
            known.retain(|_, (seen, _)| now - *seen < WINDOW);
            let mut missing = 0;
            for id in 0..=u8::MAX {
                match (dedupe.check(&[id], time), known.get(&id)) {
                    (Some(value), Some((_, expected))) => prop_assert_eq!(value, *expected),
                    (None, None) => {}
                    (Some(_), None) => prop_assert!(false, "{} is known, and should not be", id),
                    (None, Some(_)) => missing += 1,
                }
            }
            prop_assert!(missing <= dedupe.counters().evicted, "{} are missing: {:?}", missing, dedupe.counters());
            assert_conserved(&dedupe);
        }
    }
}

#[test]
fn half_full_holds_the_window() {
    let mut dedupe = growing(4096, 1, 4096);
    for id in 0..2048_u32 {
        dedupe.remember(&id.to_le_bytes(), Time::ZERO, id.into());
    }
    assert_eq!((dedupe.counters().evicted, dedupe.counters().held), (0, 2048));
    for id in 0..2048_u32 {
        assert_eq!(dedupe.check(&id.to_le_bytes(), Time::ZERO), Some(id.into()));
    }
}

#[test]
fn growing_loses_nothing() {
    let mut dedupe = growing(1, 0, 1 << 16);
    for id in 0..5000_u32 {
        dedupe.remember(&id.to_le_bytes(), Time::ZERO, id.into());
    }
    assert_eq!(dedupe.counters().evicted, 0);
    assert!((0..5000_u32).all(|id| dedupe.check(&id.to_le_bytes(), Time::ZERO) == Some(id.into())));
    assert_conserved(&dedupe);
}

#[test]
fn the_oldest_leaves_early_and_the_expired_before_it() {
    let mut dedupe = growing(4, 1, 4);
    for id in 0..4_u8 {
        dedupe.remember(&[id], Time::from_millis(10 + u64::from(id)), id.into());
    }
    dedupe.remember(b"new", Time::from_millis(20), 99);
    let known =
        |dedupe: &Dedupe<Growing>, at| [0, 1, 2, 3].map(|id| dedupe.check(&[id], Time::from_millis(at)).is_some());
    assert_eq!(known(&dedupe, 20), [false, true, true, true]);
    assert_eq!(dedupe.counters().evicted, 1);
    // One is over now: it leaves, and nobody early.
    assert_eq!(known(&dedupe, 111), [false, false, true, true]);
    dedupe.remember(b"newer", Time::from_millis(111), 100);
    assert_eq!(known(&dedupe, 111), [false, false, true, true]);
    assert_eq!((dedupe.counters().evicted, dedupe.counters().expired), (1, 1));
    assert_eq!(dedupe.check(b"new", Time::from_millis(111)), Some(99));
    assert_conserved(&dedupe);
}

/// The same ids lie elsewhere under another key: who doesn't know it can't choose ids that crowd one place.
#[test]
fn the_key_decides_where_an_id_lies() {
    let lost = |key| {
        let storage = Growing { entries: vec![Entry::FREE; 64], by: 1, most: 0 };
        let mut dedupe = Dedupe::new(storage, key, Duration::from_millis(WINDOW));
        (0..80_u8).for_each(|id| dedupe.remember(&[id], Time::from_millis(id.into()), 0));
        (0..80_u8).filter(|id| dedupe.check(&[*id], Time::from_millis(79)).is_none()).collect::<Vec<_>>()
    };
    assert_eq!(lost(KEY), lost(KEY));
    assert_ne!(lost(KEY), lost([KEY[0], KEY[1] + 1]));
    assert_ne!(lost(KEY), lost([KEY[0] + 1, KEY[1]]));
}

/// When the storage grows by little, and is nearly full, ids make room for each other instead of leaving.
#[test]
fn ids_make_room_for_each_other_when_the_storage_grows() {
    let mut dedupe = growing(64, 64, 1 << 16);
    for id in 0..4000_u32 {
        dedupe.remember(&id.to_le_bytes(), Time::ZERO, id.into());
    }
    // Without that it would be half of them.
    assert!(dedupe.counters().evicted < 400, "{:?}", dedupe.counters());
    assert_conserved(&dedupe);
}
