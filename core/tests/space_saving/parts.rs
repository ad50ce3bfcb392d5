//! Sketches taken apart and put together, also from what others have sent.

use proptest::prelude::*;
use streamgauge_core::stats::space_saving::{Counted, InvalidKeys, Slot, SpaceSaving, Totals};

use crate::Hasher;
use crate::merge::{Sketch, sketch};

fn restored(slots: usize, totals: Totals, keys: Vec<Counted<u8>>) -> Result<Sketch, InvalidKeys> {
    SpaceSaving::restore(vec![Slot::EMPTY; slots], Hasher::default(), totals, keys)
}

/// Several sketches of any numbers of slots, merged into the first.
fn merged() -> impl Strategy<Value = Sketch> {
    let weight = prop_oneof![4 => 0..9_u64, 1 => any::<u64>()];
    let stream = prop::collection::vec((0..20_u8, weight), 0..60);
    prop::collection::vec((0..9_usize, stream), 1..4).prop_map(|parts| {
        let of = |(slots, stream): (usize, Vec<(u8, u64)>)| {
            let mut seen = sketch(slots);
            stream.into_iter().for_each(|(key, weight)| seen.add(key, weight));
            seen
        };
        parts
            .into_iter()
            .map(of)
            .reduce(|mut seen, other| {
                seen.merge(&other);
                seen
            })
            .unwrap()
    })
}

proptest! {
    #[test]
    fn what_was_taken_apart_goes_on(seen in merged(), stream in prop::collection::vec((0..20_u8, 0..9_u64), 0..40)) {
        let mut whole = seen.clone();
        let (state, mut slots, hasher) = seen.into_parts();
        // In a slab: only for as long as it takes.
        let mut state = state;
        for &(key, weight) in &stream {
            whole.add(key, weight);
            let mut part = SpaceSaving::from_parts(state, &mut slots[..], hasher.clone());
            part.add(key, weight);
            state = part.into_parts().0;
        }
        let part = SpaceSaving::from_parts(state, slots, hasher);
        prop_assert_eq!(part.totals(), whole.totals());
        prop_assert!(part.iter().eq(whole.iter()));
    }

    /// With as many slots or more, and whatever the order of the keys.
    #[test]
    fn what_was_stored_comes_back(seen in merged(), more in 0..3_usize) {
        let keys: Vec<Counted<u8>> = seen.iter().cloned().collect();
        for keys in [keys.clone(), keys.into_iter().rev().collect()] {
            let back = restored(seen.capacity() + more, seen.totals(), keys);
            prop_assert!(back.is_ok(), "{:?} {:?}", seen, back);
            let mut back = back.unwrap();
            prop_assert_eq!((back.totals(), back.len()), (seen.totals(), seen.len()));
            prop_assert!(seen.iter().all(|counted| back.get(&counted.key) == Some(counted)));
            // The heap is one: the lightest leaves.
            for new in 30..40 {
                if back.is_empty() || back.len() < back.capacity() {
                    break;
                }
                let least = back.iter().map(|counted| counted.weight).min();
                back.add(new, 1);
                prop_assert_eq!(back.get(&new).map(|counted| counted.error), least);
            }
        }
    }

    /// Whatever is accepted can be gone on with; what was wrong is said.
    #[test]
    fn forged_keys_do_no_harm(
        keys in prop::collection::vec((0..9_u8, 0..9_u64, 0..9_u64), 0..9),
        (total, floor) in (0..40_u64, 0..9_u64),
        slots in 0..9_usize,
    ) {
        let keys: Vec<_> = keys.into_iter().map(|(key, weight, error)| Counted { key, weight, error }).collect();
        let totals = Totals { total, evicted: 3, floor };
        let Ok(mut seen) = restored(slots, totals, keys.clone()) else { return Ok(()) };
        prop_assert_eq!(seen.len(), keys.len());
        prop_assert!(keys.iter().all(|counted| counted.error <= floor && counted.weight >= floor));
        let copy = seen.clone();
        seen.merge(&copy);
        seen.add(30, 1);
        prop_assert!(seen.heaviest().count() <= slots);
        prop_assert!(seen.iter().all(|counted| counted.error <= seen.floor() && counted.weight >= seen.floor()));
    }
}

#[test]
fn what_contradicts_itself_is_refused() {
    let of = |key, weight, error| Counted { key, weight, error };
    let totals = Totals { total: 10, evicted: 2, floor: 3 };
    let error = |totals, keys: &[Counted<u8>]| restored(2, totals, keys.to_vec()).err();
    assert_eq!(error(totals, &[of(1, 6, 3), of(2, 4, 2)]), None);
    assert_eq!(error(totals, &[of(1, 6, 3), of(1, 4, 2)]), Some(InvalidKeys::Twice));
    assert_eq!(error(totals, &[of(1, 6, 3), of(2, 4, 2), of(3, 3, 3)]), Some(InvalidKeys::TooMany));
    assert_eq!(error(totals, &[of(1, 6, 4), of(2, 4, 2)]), Some(InvalidKeys::Floor));
    assert_eq!(error(totals, &[of(1, 6, 3), of(2, 2, 2)]), Some(InvalidKeys::Floor));
    assert_eq!(error(totals, &[of(1, 11, 3)]), Some(InvalidKeys::Total));
    assert_eq!(error(totals, &[of(1, 8, 1), of(2, 5, 1)]), Some(InvalidKeys::Total), "11 at least, of 10");
    assert_eq!(error(Totals { floor: 11, ..totals }, &[]), Some(InvalidKeys::Total));
    assert_eq!(error(totals, &[]), Some(InvalidKeys::Total), "where is the rest?");
    assert_eq!(error(Totals { floor: 10, ..totals }, &[]), None);
    let exact = Totals { floor: 0, ..totals };
    assert_eq!(error(exact, &[of(1, 6, 0), of(2, 3, 0)]), Some(InvalidKeys::Total), "9, and nothing was missed");
    assert_eq!(error(exact, &[of(1, 6, 0), of(2, 4, 0)]), None);
    assert!(restored(0, Totals::default(), vec![of(1, 0, 0)]).is_err_and(|error| error == InvalidKeys::TooMany));
}

/// Slots that don't belong to the state: nonsense comes out, and it does come out.
#[test]
fn other_slots_end_no_worse_than_in_nonsense() {
    let filled = |slots: usize, from: u8| {
        let mut seen = sketch(slots);
        (from..from + 40).for_each(|key| seen.add(key, u64::from(key)));
        seen.into_parts()
    };
    for (slots, cut) in [(8, 0), (8, 1), (8, 3), (2, 0), (0, 0), (30, 7)] {
        let (state, ..) = filled(16, 0);
        let (_, mut others, hasher) = filled(slots, 9);
        let mut mixed = SpaceSaving::from_parts(state, &mut others[cut..], hasher);
        let (other_state, other_slots, hasher) = filled(5, 70);
        mixed.merge(&SpaceSaving::from_parts(other_state, other_slots, hasher));
        (0..100).for_each(|key| mixed.add(key, 3));
        assert!(mixed.heaviest().count() <= 16.max(slots));
        assert!((0..=u8::MAX).filter(|key| mixed.get(key).is_some()).count() <= 16 + 2 * slots);
    }
}
