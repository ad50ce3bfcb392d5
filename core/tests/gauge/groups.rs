//! Groups: the heaviest have a place, and no message is lost when one gives way.

use proptest::prelude::*;

use super::support::{gauge, json, take};

proptest! {
    #[test]
    fn no_message_is_lost_when_groups_give_way(
        keys in prop::collection::vec(prop_oneof![3 => 0_u32..4, 1 => 0_u32..200], 0..600),
        every in prop::bool::ANY,
    ) {
        let every = if every { r#""every":"1s","last":"5s","# } else { "" };
        let mut gauge = gauge(&format!(r#"{{"field":"x","by":"k","groups":4,{every}"measure":["moments","distinct"]}}"#));
        for (x, key) in keys.iter().enumerate() {
            take(&mut gauge, format!(r#"{{"x":{x},"k":"k{key}"}}"#), 1_000 + x as u64);
        }
        let reading = json(&mut gauge, 1_000 + keys.len() as u64);
        let groups = reading["groups"].as_object().unwrap();
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        prop_assert_eq!(groups.len(), distinct.len().min(4));
        let sum: u64 = groups.values().chain([&reading["other"]]).map(|group| group["count"].as_u64().unwrap()).sum();
        prop_assert_eq!(sum, keys.len() as u64);
        prop_assert_eq!(reading["count"].as_u64(), Some(keys.len() as u64));
        // A group has no more than came, and none of another.
        for (name, group) in groups {
            let of: Vec<usize> =
                keys.iter().enumerate().filter(|(_, key)| *name == format!("k{key}")).map(|(x, _)| x).collect();
            prop_assert!(group["count"].as_u64().unwrap() <= of.len() as u64);
            prop_assert!(of.iter().any(|x| Some(*x as f64) == group["max"].as_f64()) || group["count"] == 0);
        }
    }
}

#[test]
fn a_heavy_group_gets_a_place_from_a_light_one() {
    let mut gauge = gauge(r#"{"by":"k","groups":2,"measure":["rate"]}"#);
    for key in ["a", "b"] {
        (0..10).for_each(|_| take(&mut gauge, format!(r#"{{"k":"{key}"}}"#), 0));
    }
    (0..100).for_each(|_| take(&mut gauge, r#"{"k":"heavy"}"#, 0));
    let reading = json(&mut gauge, 0);
    let groups = reading["groups"].as_object().unwrap();
    assert!(groups.contains_key("heavy") && groups.len() == 2, "{groups:?}");
    assert_eq!(reading["counters"]["moved"], 10);
    // Many light ones take nobody's place.
    (0..10_000).for_each(|number| take(&mut gauge, format!(r#"{{"k":{number}}}"#), 0));
    assert_eq!(json(&mut gauge, 0)["groups"].as_object().unwrap().len(), 2);
    assert_eq!(gauge.counters().moved, 10);
}

#[test]
fn a_place_is_given_to_who_is_a_quarter_and_sixteen_messages_heavier() {
    let message = |key: &str| format!(r#"{{"k":"{key}"}}"#);
    for held in [1, 3, 4, 10, 100, 1_000] {
        let mut gauge = gauge(r#"{"by":"k","groups":1,"measure":["rate"]}"#);
        (0..held).for_each(|_| take(&mut gauge, message("held"), 0));
        let needed = held + held / 4 + 17;
        (1..needed).for_each(|_| take(&mut gauge, message("next"), 0));
        assert_eq!(gauge.counters().moved, 0, "{held}");
        take(&mut gauge, message("next"), 0);
        assert_eq!(gauge.counters().moved, held, "{held}");
    }
    // The one that holds the place has become heavier since it was looked at.
    let mut gauge = gauge(r#"{"by":"k","groups":1,"measure":["rate"]}"#);
    for (key, messages) in [("held", 10), ("next", 28), ("held", 1), ("next", 1)] {
        (0..messages).for_each(|_| take(&mut gauge, message(key), 0));
        assert_eq!(gauge.counters().moved, 0);
    }
    take(&mut gauge, message("next"), 0);
    assert_eq!(gauge.counters().moved, 11);
}

/// What came before a key had a place is not counted again when it gives way.
#[test]
fn two_that_come_alike_do_not_take_turns() {
    let mut gauge = gauge(r#"{"by":"k","groups":1,"measure":["rate"]}"#);
    for (key, messages) in [("a", 1), ("b", 18), ("a", 38), ("b", 29), ("a", 20), ("b", 9)] {
        (0..messages).for_each(|_| take(&mut gauge, format!(r#"{{"k":"{key}"}}"#), 0));
    }
    let moved = gauge.counters().moved;
    assert!((1..=115).contains(&moved), "{moved} of 115 messages");
    for key in ["a", "b"].repeat(1_000) {
        take(&mut gauge, format!(r#"{{"k":"{key}"}}"#), 0);
    }
    assert_eq!(gauge.counters().moved, moved);
}

#[test]
fn a_place_is_empty_when_it_is_given_away() {
    for every in ["", r#""every":"1s","last":"5s","#] {
        let mut gauge = gauge(&format!(r#"{{{every}"field":"x","by":"k","groups":1,"measure":["moments","change"]}}"#));
        (0..10).for_each(|_| take(&mut gauge, r#"{"k":"light","x":1}"#, 0));
        (0..30).for_each(|_| take(&mut gauge, r#"{"k":"heavy","x":5}"#, 0));
        let reading = json(&mut gauge, 0);
        let (heavy, other) = (&reading["groups"]["heavy"], &reading["other"]);
        assert_eq!((heavy["count"].as_u64(), heavy["min"].as_f64()), (Some(2), Some(5.0)), "{reading}");
        assert_eq!((other["count"].as_u64(), other["min"].as_f64()), (Some(38), Some(1.0)), "{reading}");
    }
}

#[test]
fn groups_are_of_what_a_value_means() {
    let mut gauge = gauge(r#"{"by":"k","measure":["rate"]}"#);
    for value in ["1", "1.0", "10e-1", "10", "0.1", "-1", "\"1\"", "\"a\"", "\"\\u0061\"", "true", "null", "[1]"] {
        take(&mut gauge, format!(r#"{{"k":{value}}}"#), 0);
    }
    let groups = json(&mut gauge, 0)["groups"].as_object().unwrap().clone();
    // The number and the text are two groups, though they look the same.
    assert_eq!(groups.keys().collect::<Vec<_>>(), ["-1", "0.1", "1", "10", "1…9b2bcfe1065d4870", "a", "true"]);
}
