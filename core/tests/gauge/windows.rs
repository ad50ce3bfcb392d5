//! Panes: each is told once, in order, with what came in it; a reading reaches back as far as it says.

use proptest::prelude::*;
use streamgauge_core::gauge::{Format, Gauge, Span, Whose};
use streamgauge_core::time::Time;

use super::support::{Heap, gauge, json, take, written};

/// What a pane told: when it began and ended, and how many messages it had.
fn close(gauge: &mut Gauge<Heap>, now: u64) -> Vec<(u64, u64, u64)> {
    let (now, mut told) = (Time::from_millis(now), Vec::new());
    while gauge.is_over(now) {
        gauge.close(now, |reading, whose, _| {
            assert!(matches!(whose, Whose::All));
            told.push((reading.from.as_millis(), reading.to.as_millis(), reading.messages));
        });
    }
    told
}

proptest! {
    #[test]
    fn each_pane_is_told_once_and_windows_are_exact(
        gaps in prop::collection::vec(prop_oneof![4 => 0_u64..700, 1 => 0_u64..9_000], 1..120),
    ) {
        let mut gauge = gauge(r#"{"measure":"moments","every":"1s","last":"3s"}"#);
        let (mut now, mut all, mut told) = (10_000, Vec::new(), Vec::new());
        for (x, gap) in gaps.iter().enumerate() {
            now += gap;
            told.extend(close(&mut gauge, now));
            take(&mut gauge, x.to_string(), now);
            all.push((now, x));
            let reading = json(&mut gauge, now);
            // The pane of now and three before it.
            let first = (now / 1_000 - 3) * 1_000;
            let within: Vec<_> = all.iter().filter(|(at, _)| *at >= first).collect();
            prop_assert_eq!(reading["count"].as_u64(), Some(within.len() as u64));
            prop_assert_eq!(reading["min"].as_f64(), Some(within[0].1 as f64));
            prop_assert_eq!(reading["messages"].as_u64(), Some(within.len() as u64));
            let bytes: usize = within.iter().map(|(_, x)| x.to_string().len()).sum();
            prop_assert_eq!(reading["bytes"].as_u64(), Some(bytes as u64));
        }
        told.extend(close(&mut gauge, now + 1_000));
        prop_assert!(told.windows(2).all(|two| two[0].1 <= two[1].0));
        for (at, _) in &all {
            prop_assert_eq!(told.iter().filter(|(from, to, _)| from <= at && at < to).count(), 1);
        }
        for (from, to, messages) in &told {
            let came = all.iter().filter(|(at, _)| from <= at && at < to).count();
            prop_assert_eq!(*messages, came as u64, "from {} to {}", from, to);
        }
        prop_assert_eq!(gauge.counters().untold, 0);
    }

    #[test]
    fn what_comes_late_but_not_too_late_is_in_its_pane(
        order in Just((0..200_u64).collect::<Vec<_>>()).prop_shuffle(),
        lateness in 1_u64..8,
    ) {
        // Messages of 50 seconds, each a bit before or after its time.
        let definition = format!(
            r#"{{"field":"x","time":"t","every":"5s","last":"1h","lateness":"{lateness}s","measure":["moments"]}}"#
        );
        let (mut sorted, mut shuffled) = (gauge(&definition), gauge(&definition));
        let message = |x: u64| format!(r#"{{"x":{x},"t":{}}}"#, 2_000_000_000_000 + x * 250);
        let now = 2_000_000_100_000;
        let (mut told, mut others) = (Vec::new(), Vec::new());
        // Each is at most as late as is allowed for.
        let mut near: Vec<u64> = (0..200).collect();
        near.sort_by_key(|x| x * 250 + order[*x as usize] * lateness * 1_000 / 200);
        for x in 0..200 {
            take(&mut sorted, message(x), now);
            told.extend(close(&mut sorted, now));
            take(&mut shuffled, message(near[x as usize]), now);
            others.extend(close(&mut shuffled, now));
        }
        prop_assert_eq!(sorted.counters().late + shuffled.counters().late, 0);
        prop_assert_eq!(&json(&mut sorted, now)["mean"], &json(&mut shuffled, now)["mean"]);
        prop_assert_eq!(json(&mut shuffled, now)["count"].as_u64(), Some(200));
        // Where the first one is earlier, a pane before it may be told empty.
        let filled = |told: Vec<(u64, u64, u64)>| told.into_iter().filter(|told| told.2 > 0).collect::<Vec<_>>();
        prop_assert_eq!(filled(told), filled(others));
    }
}

#[test]
fn what_comes_too_late_or_too_early_is_counted() {
    let mut gauge = gauge(r#"{"time":"t","every":"1s","lateness":"2s","measure":["rate"]}"#);
    let now = 1_700_000_000_000;
    let mut at = |seconds: i64| take(&mut gauge, format!(r#"{{"t":{}}}"#, now / 1_000 + seconds), now as u64);
    at(-10);
    at(-5);
    at(-8);
    at(-7);
    at(10);
    at(0);
    let _ = close(&mut gauge, now as u64);
    assert_eq!((gauge.counters().late, gauge.counters().early), (1, 1));
    assert_eq!(gauge.counters().measured, 4);
}

#[test]
fn a_window_of_messages_has_so_many() {
    let mut gauge = gauge(r#"{"measure":"moments","every":"10 messages","last":"30 messages"}"#);
    let mut told = 0;
    for x in 0..100 {
        told += close(&mut gauge, 0).len();
        take(&mut gauge, x.to_string(), 0);
        let reading = json(&mut gauge, 0);
        let came = x + 1;
        let expected = if came < 30 { came } else { 30 + came % 10 };
        assert_eq!(reading["count"].as_u64(), Some(expected), "after {x}");
    }
    assert_eq!(told + close(&mut gauge, 0).len(), 10);
}

#[test]
fn without_a_window_it_reaches_to_the_start_and_panes_stand_alone() {
    let mut gauge = gauge(r#"{"measure":["moments","rate"],"every":"1s"}"#);
    let mut told = Vec::new();
    for x in 0..50 {
        told.extend(close(&mut gauge, 1_000 + x * 300));
        take(&mut gauge, x.to_string(), 1_000 + x * 300);
    }
    let reading = json(&mut gauge, 20_000);
    assert_eq!((reading["count"].as_u64(), reading["mean"].as_f64()), (Some(50), Some(24.5)));
    assert_eq!(told.iter().map(|(_, _, messages)| messages).sum::<u64>(), 47);
    assert!(told.iter().all(|(from, to, messages)| to - from == 1_000 && (3..=4).contains(messages)), "{told:?}");
}

#[test]
fn what_comes_late_is_told_with_its_pane_where_readings_reach_to_the_start() {
    let mut gauge = gauge(r#"{"field":"x","time":"t","every":"1s","lateness":"3s","measure":"moments"}"#);
    let (began, now) = (1_700_000_000_000, 1_700_000_100_000);
    let mut told = Vec::new();
    for x in 0..60 {
        // Of two neighbours the second comes first, a second early.
        let at = began + (x ^ 1) * 700;
        take(&mut gauge, format!(r#"{{"x":{x},"t":{at}}}"#), now);
        told.extend(close(&mut gauge, now));
    }
    let reading = json(&mut gauge, now);
    assert_eq!((reading["count"].as_u64(), reading["mean"].as_f64()), (Some(60), Some(29.5)));
    // When the first message was, though it came later, and the end of the pane that the last one is in.
    assert_eq!(
        (reading["from"].as_str(), reading["to"].as_str()),
        (Some("2023-11-14T22:13:20.000Z"), Some("2023-11-14T22:14:02.000Z"))
    );
    let expected = |from: u64| (0..60).filter(|x| (from..from + 1_000).contains(&(began + x * 700))).count() as u64;
    assert!(told.iter().all(|(from, _, messages)| *messages == expected(*from)), "{told:?}");
    assert!(told.len() > 35, "{told:?}");
}

#[test]
fn a_reading_is_of_when_its_messages_were_and_not_of_when_they_came() {
    let (began, now) = (1_700_000_000_000_u64, 1_800_000_000_000_u64);
    let ends = |reading: &serde_json::Value| {
        (reading["from"].as_str().unwrap()[11..].to_owned(), reading["to"].as_str().unwrap()[11..].to_owned())
    };
    for (panes, expected) in [
        ("", ("22:13:20.000Z", "22:13:25.000Z")),
        (r#""every":"2s","#, ("22:13:20.000Z", "22:13:26.000Z")),
        (r#""every":"2s","last":"2s","#, ("22:13:22.000Z", "22:13:26.000Z")),
    ] {
        let definition = format!(r#"{{"field":"x","time":"t",{panes}"measure":"moments"}}"#);
        let (mut gauge, mut sum) = (gauge(&definition), gauge(&definition));
        let (from, to) = ends(&json(&mut gauge, now));
        assert_eq!(from, to, "nothing has come: {panes}");
        for x in 0..6 {
            let _ = close(&mut gauge, now);
            take(&mut gauge, format!(r#"{{"x":1,"t":{}}}"#, began + x * 1_000), now);
        }
        let (from, to) = ends(&json(&mut gauge, now));
        assert_eq!((&*from, &*to), expected, "{panes}");
        // What is added up is of as long.
        let bytes = written(&mut gauge, Format::Binary, now);
        sum.merge(&bytes, Time::from_millis(now), &mut Heap).unwrap();
        let added = ends(&json(&mut sum, now));
        assert!(added.0 <= from && to <= added.1, "{panes} {added:?}");
    }
}

#[test]
fn a_time_is_cut_to_milliseconds_however_it_is_written() {
    for (time, millis) in [
        ("1700000009.9999", 1_700_000_009_999),
        ("1700000009999.9", 1_700_000_009_999),
        ("\"2023-11-14T22:13:29.9999Z\"", 1_700_000_009_999),
        (r#""2023-11-14T23:13:29.9999\u002b01:00""#, 1_700_000_009_999),
        // Of these the nearest double is another millisecond's.
        ("1700000000.001", 1_700_000_000_001),
        ("1700000000000.99999999", 1_700_000_000_000),
        ("1.7000000099999e9", 1_700_000_009_999),
        ("17e11", 1_700_000_000_000),
        ("99999999999.9999999", 99_999_999_999_999),
        ("100000000000", 100_000_000_000),
        ("0.0019", 1),
        ("0.0009", 0),
        ("1e-400", 0),
        ("0", 0),
        ("-0.0", 0),
    ] {
        let mut gauge = gauge(r#"{"time":"t","measure":"rate"}"#);
        take(&mut gauge, format!(r#"{{"t":{time}}}"#), 100_000_000_000_000);
        gauge.read(Span::Window, Time::ZERO, |reading, _, _| {
            assert_eq!((reading.from.as_millis(), reading.to.as_millis()), (millis, millis), "{time}");
        });
    }
    let mut gauge = gauge(r#"{"time":"t","measure":"rate"}"#);
    let none = ["-1", "-1e-400", "9e15", "1e400", "1e99999999999999999999", "true", r#""\u0132""#];
    none.iter().for_each(|time| take(&mut gauge, format!(r#"{{"t":{time}}}"#), 0));
    assert_eq!(gauge.counters().unmeasured.no_time, none.len() as u64);
}

#[test]
fn a_pane_of_messages_is_from_its_first_one_to_its_last() {
    let mut gauge = gauge(r#"{"measure":"moments","every":"2 messages","last":"2 messages"}"#);
    let mut told = Vec::new();
    for x in 0..6 {
        told.extend(close(&mut gauge, 1_000 + x * 1_000));
        take(&mut gauge, "1", 1_000 + x * 1_000);
    }
    assert_eq!(told, [(1_000, 2_000, 2), (3_000, 4_000, 2)]);
    assert_eq!(json(&mut gauge, 9_000)["from"], "1970-01-01T00:00:05.000Z");
    assert_eq!(json(&mut gauge, 9_000)["to"], "1970-01-01T00:00:09.000Z");
}

#[test]
fn it_says_when_the_next_pane_is_over() {
    let next = |gauge: &Gauge<Heap>| gauge.next_over().map(Time::as_millis);
    let mut by_time = gauge(r#"{"measure":"moments","every":"1s"}"#);
    assert_eq!(next(&by_time), None);
    take(&mut by_time, "1", 5_300);
    assert_eq!(next(&by_time), Some(6_000));
    assert!(!by_time.is_over(Time::from_millis(5_999)) && by_time.is_over(Time::from_millis(6_000)));
    let _ = close(&mut by_time, 7_700);
    assert_eq!(next(&by_time), Some(8_000));
    for definition in [
        r#"{"measure":"moments"}"#,
        r#"{"measure":"moments","every":"10 messages"}"#,
        r#"{"field":"x","measure":"moments","every":"1s","time":"t"}"#,
    ] {
        let mut gauge = gauge(definition);
        take(&mut gauge, r#"{"t":1,"x":1}"#, 5_300);
        assert_eq!(next(&gauge), None, "{definition}");
    }
}

#[test]
fn it_may_begin_before_anything_comes() {
    let mut by_time = gauge(r#"{"measure":"moments","every":"1s","last":"2s"}"#);
    by_time.begin(Time::from_millis(5_300));
    assert_eq!(by_time.next_over().map(Time::as_millis), Some(6_000));
    assert_eq!(close(&mut by_time, 6_000), [(5_300, 6_000, 0)]);
    assert_eq!(close(&mut by_time, 7_000), [(6_000, 7_000, 0)]);
    // That it has begun stays.
    by_time.begin(Time::from_millis(7_500));
    take(&mut by_time, "1", 7_600);
    assert_eq!(close(&mut by_time, 8_000), [(7_000, 8_000, 1)]);
    let mut from_start = gauge(r#"{"measure":"moments"}"#);
    from_start.begin(Time::from_millis(5_300));
    take(&mut from_start, "1", 7_600);
    assert_eq!(json(&mut from_start, 9_000)["from"], "1970-01-01T00:00:05.300Z");
    // Now is no time of a stream that tells its own.
    let mut by_field = gauge(r#"{"field":"x","time":"t","measure":"moments","every":"1s"}"#);
    by_field.begin(Time::from_millis(1_800_000_000_000));
    take(&mut by_field, r#"{"t":1700000000,"x":1}"#, 1_800_000_000_000);
    assert_eq!(by_field.counters().measured, 1);
}

#[test]
fn what_is_a_pane_and_as_much_as_may_be_late_ahead_is_too_early() {
    let now = 1_700_000_000_000_u64;
    for (ahead, early) in [(3_500, 0), (3_501, 1)] {
        let mut gauge = gauge(r#"{"time":"t","every":"1s","lateness":"2500ms","measure":["rate"]}"#);
        take(&mut gauge, format!(r#"{{"t":{now}}}"#), now);
        take(&mut gauge, format!(r#"{{"t":{}}}"#, now + ahead), now);
        assert_eq!(gauge.counters().early, early);
    }
    // Without panes it is a minute: whatever one says, those behind it count.
    let mut gauge = gauge(r#"{"time":"t","measure":["rate"]}"#);
    for at in [now, now + 60_000, now + 60_001, 8_999_999_999_999_999, now] {
        take(&mut gauge, format!(r#"{{"t":{at}}}"#), now);
    }
    assert_eq!((gauge.counters().early, gauge.counters().measured), (2, 3));
}

#[test]
fn what_nobody_tells_is_counted() {
    let mut gauge = gauge(r#"{"measure":"moments","every":"1s","last":"2s"}"#);
    for x in 0..5 {
        take(&mut gauge, "1", x * 1_000);
    }
    assert_eq!(gauge.counters().untold, 4);
    assert_eq!(json(&mut gauge, 4_000)["count"], 3);
}

#[test]
fn a_long_silence_is_not_told_pane_by_pane() {
    let mut gauge = gauge(r#"{"measure":"moments","every":"1ms","last":"3ms"}"#);
    take(&mut gauge, "1", 1_000);
    let much_later = Time::from_millis(1_700_000_000_000);
    let mut told = 0;
    while gauge.is_over(much_later) && told < 10 {
        gauge.close(much_later, |_, _, _| {});
        told += 1;
    }
    assert!(told < 10 && !gauge.is_over(much_later), "{told} panes were told");
    take(&mut gauge, "2", 1_700_000_000_000);
    assert_eq!(json(&mut gauge, 1_700_000_000_000)["count"], 1);
}
