//! Gauges that saw a part each, added up; and what is refused.

use proptest::prelude::*;
use streamgauge_core::gauge::{Counters, Described, Format, MergeError};
use streamgauge_core::time::Time;

use super::support::{Heap, gauge, json, take, written};

const DEFINITION: &str = r#"{"field":"x","with":"y","by":"g","groups":8,"accuracy":0.02,"bins":64,"precision":6,"top":8,
    "edges":8,"histogram":{"integers":[-3,3]},
    "measure":["moments","quantiles","distinct","top","histogram","rate","change","pair","graph"]}"#;

fn message(x: i32) -> String {
    let (value, group) = (f64::from(x) * 0.75, x.rem_euclid(5));
    format!(r#"{{"x":{value},"y":{},"g":"g{group}"}}"#, x % 11)
}

proptest! {
    #[test]
    fn what_was_split_adds_up(values in prop::collection::vec((-50_i32..50, 0_usize..3), 0..150), order in Just([0, 1, 2]).prop_shuffle()) {
        let mut whole = gauge(DEFINITION);
        let mut parts = [gauge(DEFINITION), gauge(DEFINITION), gauge(DEFINITION)];
        for (x, part) in &values {
            take(&mut whole, message(*x), 1_000);
            take(&mut parts[*part], message(*x), 1_000);
        }
        let mut sum = gauge(DEFINITION);
        for part in order {
            let bytes = written(&mut parts[part], Format::Binary, 1_000);
            sum.merge(&bytes, Time::from_millis(1_000), &mut Heap).unwrap();
        }
        let (one, all) = (json(&mut whole, 1_000), json(&mut sum, 1_000));
        for (one, all) in [(&one, &all), (&one["groups"]["g3"], &all["groups"]["g3"])] {
            for exact in ["count", "min", "max", "p50", "p99", "p999", "distinct", "histogram"] {
                prop_assert_eq!(&one[exact], &all[exact], "{}", exact);
            }
            for close in ["mean", "variance", "skewness"] {
                let (one, all) = (one[close].as_f64(), all[close].as_f64());
                prop_assert_eq!(one.is_some(), all.is_some());
                if let (Some(one), Some(all)) = (one, all) {
                    prop_assert!((one - all).abs() <= 1e-13 * one.abs().max(1e-2), "{}: {} and {}", close, one, all);
                }
            }
        }
        prop_assert_eq!(&one["counters"], &all["counters"]);
        prop_assert_eq!(one["pair"]["count"].as_u64(), all["pair"]["count"].as_u64());
        let rate = |of: &serde_json::Value| of["rate"]["messages_1m"].as_f64().unwrap();
        prop_assert!((rate(&one) - rate(&all)).abs() <= 1e-13 * rate(&one));
    }

    #[test]
    fn groups_that_were_merged_give_way_as_those_that_came(
        before in prop::collection::vec(0_u32..4, 0..200),
        behind in prop::collection::vec(0_u32..8, 0..200),
    ) {
        let definition = r#"{"field":"x","by":"g","groups":4,"measure":"moments"}"#;
        let (mut one, mut part, mut merged) = (gauge(definition), gauge(definition), gauge(definition));
        let message = |group: &u32| format!(r#"{{"x":{group},"g":"g{group}"}}"#);
        for group in &before {
            take(&mut one, message(group), 0);
            take(&mut part, message(group), 0);
        }
        merged.merge(&written(&mut part, Format::Binary, 0), Time::ZERO, &mut Heap).unwrap();
        for group in &behind {
            take(&mut one, message(group), 0);
            take(&mut merged, message(group), 0);
        }
        let (one, merged) = (json(&mut one, 0), json(&mut merged, 0));
        prop_assert_eq!(&one["counters"], &merged["counters"]);
        let counts = |of: &serde_json::Value| {
            let groups = of["groups"].as_object().unwrap();
            groups.iter().map(|(name, group)| (name.clone(), group["count"].as_u64())).collect::<Vec<_>>()
        };
        prop_assert_eq!(counts(&one), counts(&merged));
    }

    #[test]
    fn a_byte_that_is_not_as_it_was_refuses_all(
        values in prop::collection::vec(-50_i32..50, 0..20),
        at in any::<prop::sample::Index>(),
        change in 1_u8..,
    ) {
        let (mut one, mut other) = (gauge(DEFINITION), gauge(DEFINITION));
        values.iter().for_each(|x| take(&mut one, message(*x), 1_000));
        take(&mut other, message(7), 1_000);
        let mut bytes = written(&mut one, Format::Binary, 1_000);
        let before = written(&mut other, Format::Binary, 1_000);
        let place = at.index(bytes.len());
        bytes[place] ^= change;
        prop_assert!(other.merge(&bytes, Time::from_millis(1_000), &mut Heap).is_err());
        let cut = bytes.len() - 1 - at.index(bytes.len() - 1);
        prop_assert!(other.merge(&bytes[..cut], Time::from_millis(1_000), &mut Heap).is_err());
        prop_assert_eq!(written(&mut other, Format::Binary, 1_000), before);
    }

    #[test]
    fn bytes_with_a_sum_that_fits_break_nothing(
        values in prop::collection::vec(-50_i32..50, 0..20),
        at in any::<prop::sample::Index>(),
        change in prop::collection::vec(any::<u8>(), 1..9),
    ) {
        let (mut one, mut other) = (gauge(DEFINITION), gauge(DEFINITION));
        values.iter().for_each(|x| take(&mut one, message(*x), 1_000));
        let mut bytes = written(&mut one, Format::Binary, 1_000);
        let body = bytes.len() - 8;
        let at = at.index(body);
        bytes[at..body].iter_mut().zip(&change).for_each(|(byte, change)| *byte = *change);
        let sum = xxhash_rust::xxh3::xxh3_64(&bytes[..body]);
        bytes[body..].copy_from_slice(&sum.to_le_bytes());
        take(&mut other, message(7), 1_000);
        let before = written(&mut other, Format::Binary, 1_000);
        match other.merge(&bytes, Time::from_millis(1_000), &mut Heap) {
            // It may be another gauge's: then what comes out can be read, and goes in again.
            Ok(()) => {
                let _ = json(&mut other, 1_000);
                let merged = written(&mut other, Format::Binary, 1_000);
                // What no messages have led to may only be seen when it stands beside what some have.
                let again = gauge(DEFINITION).merge(&merged, Time::from_millis(1_000), &mut Heap);
                prop_assert!(matches!(again, Ok(()) | Err(MergeError::Impossible(_))), "{:?}", again);
            }
            Err(_) => prop_assert_eq!(written(&mut other, Format::Binary, 1_000), before),
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Described::of(&bytes).is_err());
        let framed = [b"SGG1", &bytes[..]].concat();
        prop_assert!(Described::of(&framed).is_err());
    }
}

#[test]
fn a_group_that_found_no_place_has_its_messages_behind_it() {
    let definition = r#"{"by":"g","groups":1,"measure":["rate","distinct"]}"#;
    let (mut one, mut other) = (gauge(definition), gauge(definition));
    (0..10).for_each(|_| take(&mut one, r#"{"g":"a"}"#, 0));
    (0..100).for_each(|_| take(&mut other, r#"{"g":"b"}"#, 0));
    one.merge(&written(&mut other, Format::Binary, 0), Time::ZERO, &mut Heap).unwrap();
    let groups = |gauge: &mut _| json(gauge, 0)["groups"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!((groups(&mut one), one.counters().moved), (vec!["a".to_owned()], 0));
    take(&mut one, r#"{"g":"b"}"#, 0);
    assert_eq!((groups(&mut one), one.counters().moved), (vec!["b".to_owned()], 10));
}

#[test]
fn what_is_merged_into_nothing_is_the_same_bytes() {
    let definition = r#"{"field":"x","with":"y","bins":64,"precision":6,"top":64,"edges":64,"change":{"learn":10},
        "histogram":{"integers":[-9,9]},
        "measure":["moments","quantiles","distinct","top","histogram","rate","change","pair","graph"]}"#;
    let (mut one, mut other) = (gauge(definition), gauge(definition));
    for x in 0..40 {
        take(&mut one, message(x * x % 23 - 8), 1_000 + x as u64);
    }
    let bytes = written(&mut one, Format::Binary, 2_000);
    other.merge(&bytes, Time::from_millis(1_000), &mut Heap).unwrap();
    assert!(bytes == written(&mut other, Format::Binary, 2_000));
    let again = gauge(definition).merge(&written(&mut other, Format::Binary, 2_000), Time::ZERO, &mut Heap);
    assert_eq!((json(&mut one, 2_000), again), (json(&mut other, 2_000), Ok(())));
}

#[test]
fn what_could_not_be_measured_adds_up() {
    let definition = r#"{"field":"x","time":"t","filter":"k:1","measure":["moments","top"]}"#;
    let (mut one, mut other) = (gauge(definition), gauge(definition));
    let messages = [
        "{",
        r#"{"k":2}"#,
        r#"{"k":1}"#,
        r#"{"k":1,"t":1}"#,
        r#"{"k":1,"t":1,"x":"a"}"#,
        r#"{"k":1,"t":1,"x":1e999}"#,
        r#"{"k":1,"t":1,"x":7}"#,
    ];
    messages.iter().for_each(|message| take(&mut other, message, 0));
    one.miss(2);
    other.miss(3);
    let bytes = written(&mut other, Format::Binary, 0);
    for _ in 0..2 {
        one.merge(&bytes, Time::ZERO, &mut Heap).unwrap();
    }
    let (one, other) = (one.counters(), other.counters());
    let all = |of: &Counters| {
        let unmeasured = of.unmeasured;
        [
            of.messages,
            of.measured,
            of.bytes,
            of.filtered,
            unmeasured.missing,
            unmeasured.not_a_number,
            unmeasured.infinite,
            unmeasured.no_time,
            unmeasured.total(),
        ]
    };
    assert_eq!(all(one), all(other).map(|number| number * 2));
    assert_eq!((one.missed, all(other).contains(&0)), (8, false), "{other:?}");
}

#[test]
fn what_measures_something_else_is_refused() {
    let now = Time::from_millis(0);
    let mut one = gauge(r#"{"field":"x","measure":"moments"}"#);
    for other in [
        r#"{"field":"y","measure":"moments"}"#,
        r#"{"field":"x","measure":["moments","rate"]}"#,
        r#"{"field":"x","by":"g","measure":"moments"}"#,
    ] {
        let bytes = written(&mut gauge(other), Format::Binary, 0);
        assert_eq!(one.merge(&bytes, now, &mut Heap), Err(MergeError::Different), "{other}");
    }
    // Where it stands and how far it reaches is another matter.
    let mut elsewhere = gauge(r#"{"topic":"b","field":"x","measure":"moments","every":"1s","last":"1m"}"#);
    take(&mut elsewhere, r#"{"x":4}"#, 0);
    let bytes = written(&mut elsewhere, Format::Binary, 0);
    one.merge(&bytes, now, &mut Heap).unwrap();
    assert_eq!(json(&mut one, 0)["mean"], 4.0);
    assert_eq!(one.merge(b"SGG2", now, &mut Heap), Err(MergeError::NotAGauge));
}

#[test]
fn what_is_merged_into_a_window_leaves_with_its_pane() {
    let mut window = gauge(r#"{"field":"x","measure":"moments","every":"1s","last":"2s"}"#);
    let mut other = gauge(r#"{"field":"x","measure":"moments"}"#);
    take(&mut other, r#"{"x":4}"#, 0);
    let bytes = written(&mut other, Format::Binary, 0);
    take(&mut window, r#"{"x":2}"#, 5_000);
    window.merge(&bytes, Time::from_millis(5_500), &mut Heap).unwrap();
    assert_eq!(json(&mut window, 5_900)["mean"], 3.0);
    assert_eq!(json(&mut window, 5_900)["messages"], 2);
    take(&mut window, r#"{"x":9}"#, 8_000);
    assert_eq!(json(&mut window, 8_000)["mean"], 9.0);
}

#[test]
fn a_window_is_merged_with_as_many_messages_as_are_in_it() {
    for panes in [r#""every":"1s","last":"1s""#, r#""every":"2 messages","last":"2 messages""#] {
        let definition = format!(r#"{{"field":"x","measure":"moments",{panes}}}"#);
        let (mut window, mut other) = (gauge(&definition), gauge(&definition));
        for x in 0..101 {
            take(&mut window, r#"{"x":4}"#, x * 1_000);
        }
        take(&mut window, "{", 100_000);
        let own = json(&mut window, 100_000);
        assert!(own["messages"].as_u64() < Some(5), "{own}");
        let bytes = written(&mut window, Format::Binary, 100_000);
        let Described { counters, .. } = Described::of(&bytes).unwrap();
        assert_eq!(Some(counters.messages), own["messages"].as_u64(), "{panes}");
        // To what reaches to the start, and to a pane of another window.
        let mut sum = gauge(r#"{"field":"x","measure":"moments"}"#);
        for into in [&mut sum, &mut other] {
            into.merge(&bytes, Time::from_millis(100_000), &mut Heap).unwrap();
            let into = json(into, 100_000);
            for member in ["messages", "bytes", "count"] {
                assert_eq!(into[member], own[member], "{panes} {member}");
            }
            assert_eq!(into["counters"]["messages"], own["messages"]);
        }
    }
}

#[test]
fn what_is_merged_after_a_silence_is_in_the_pane_of_now() {
    let mut window = gauge(r#"{"field":"x","measure":"moments","every":"1s","last":"2s"}"#);
    let mut other = gauge(r#"{"field":"x","measure":"moments"}"#);
    take(&mut other, r#"{"x":4}"#, 0);
    let bytes = written(&mut other, Format::Binary, 0);
    take(&mut window, r#"{"x":2}"#, 5_000);
    // Nobody has told the panes between: they are over all the same.
    for (at, count) in [(5_100, 2), (60_000, 1), (61_000, 2), (64_500, 1)] {
        window.merge(&bytes, Time::from_millis(at), &mut Heap).unwrap();
        let reading = json(&mut window, at);
        assert_eq!((reading["count"].as_u64(), reading["messages"].as_u64()), (Some(count), Some(count)), "at {at}");
    }
}

#[test]
fn what_is_merged_does_not_push_a_window_of_messages_on() {
    let mut window = gauge(r#"{"field":"x","measure":"moments","every":"10 messages","last":"10 messages"}"#);
    let mut other = gauge(r#"{"field":"x","measure":"moments"}"#);
    (0..1_000).for_each(|_| take(&mut other, r#"{"x":4}"#, 0));
    let bytes = written(&mut other, Format::Binary, 0);
    take(&mut window, r#"{"x":2}"#, 0);
    window.merge(&bytes, Time::ZERO, &mut Heap).unwrap();
    assert_eq!(json(&mut window, 0)["count"], 1_001);
    (0..25).for_each(|_| take(&mut window, r#"{"x":2}"#, 0));
    assert_eq!(json(&mut window, 0)["max"], 2.0);
}

#[test]
fn a_stream_goes_on_in_a_gauge_that_begins_with_another_one() {
    let now = 1_700_000_000_000_u64;
    let message = |seconds: u64| format!(r#"{{"x":1,"t":{}}}"#, now / 1_000 - seconds);
    for panes in ["", r#","every":"1h""#, r#","every":"1h","last":"2h""#, r#","every":"10s","lateness":"20s""#] {
        let definition = format!(r#"{{"field":"x","time":"t","measure":"moments"{panes}}}"#);
        let (mut one, mut sum) = (gauge(&definition), gauge(&definition));
        // Of one that has measured nothing there is no time.
        sum.merge(&written(&mut one, Format::Binary, now + 9_000_000), Time::from_millis(now), &mut Heap).unwrap();
        take(&mut one, message(30), now);
        sum.merge(&written(&mut one, Format::Binary, now), Time::from_millis(now), &mut Heap).unwrap();
        // The pane that the other one was in is not over; nor is what may be late.
        let seconds = if panes.contains("lateness") { [45, 20, 0] } else { [30, 20, 0] };
        seconds.iter().for_each(|seconds| take(&mut sum, message(*seconds), now));
        while sum.is_over(Time::from_millis(now)) {
            sum.close(Time::from_millis(now), |_, _, _| {});
        }
        assert_eq!((sum.counters().late, sum.counters().measured), (0, 4), "{panes}");
        assert_eq!(json(&mut sum, now)["count"], 4, "{panes}");
    }
}

#[test]
fn when_messages_came_is_no_time_of_a_stream() {
    let (of_stream, of_clock) = (r#"{"time":"t","measure":"rate","every":"1s"}"#, r#"{"measure":"rate","every":"1s"}"#);
    for (here, there) in [(of_stream, of_clock), (of_clock, of_stream)] {
        let bytes = written(&mut gauge(there), Format::Binary, 9);
        assert_eq!(gauge(here).merge(&bytes, Time::from_millis(9), &mut Heap), Err(MergeError::Different), "{here}");
    }
    // Which field it is makes no difference.
    let mut other = gauge(r#"{"time":"u","measure":"rate"}"#);
    gauge(of_stream).merge(&written(&mut other, Format::Binary, 9), Time::from_millis(9), &mut Heap).unwrap();
}

#[test]
fn where_a_field_tells_the_time_a_merge_makes_nothing_late() {
    let definition = r#"{"field":"x","time":"t","measure":"moments","every":"1s","last":"10s"}"#;
    let (mut window, mut other) = (gauge(definition), gauge(definition));
    let (then, now) = (1_500_000_000, 1_700_000_000_000);
    let message = |second: u64| format!(r#"{{"x":1,"t":{}}}"#, then + second);
    take(&mut other, message(0), now);
    let bytes = written(&mut other, Format::Binary, now);
    window.merge(&bytes, Time::from_millis(now), &mut Heap).unwrap();
    take(&mut window, message(3), now);
    window.merge(&bytes, Time::from_millis(now), &mut Heap).unwrap();
    take(&mut window, message(4), now);
    assert_eq!((window.counters().late, json(&mut window, now)["count"].as_u64()), (0, Some(4)));
}
