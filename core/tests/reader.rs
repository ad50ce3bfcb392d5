//! The reader against a plain model in `serde_json`, and against envelopes written down from the protocol.

use core::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use streamgauge_core::reader::{
    BackoffTimer, Envelope, Malformed, Outcome, Policy, Poll, Reader, Round, Step, Task, Verdict,
};

const NOW: Duration = Duration::from_secs(1_331_923_247);

fn reader(names: &[&'static str], policy: Policy) -> Reader<Vec<Task<&'static str>>, &'static str> {
    Reader::new(policy, names.iter().copied().map(Task::new).collect()).unwrap()
}

/// What a failing task makes of an item, with the other tasks done.
fn requeued(item: &str, names: &[&'static str], failing: &str) -> String {
    let mut reader = reader(names, Policy { max_tries: u32::MAX, ..Policy::default() });
    let Ok(Step::Attempt(mut attempt)) = reader.handle_item(item.as_bytes(), NOW) else { panic!("{item}") };
    reader.handle_ready(&mut attempt);
    while let Some(task) = reader.poll_task(&attempt) {
        let outcome = if names[task] == failing { Outcome::Failed } else { Outcome::Done };
        reader.handle_outcome(&mut attempt, task, outcome);
    }
    let Verdict::Requeue { retry_on } = reader.handle_end(&attempt, NOW) else { panic!("{item}") };
    let mut out = Vec::new();
    reader.write(&attempt, Some(retry_on), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn what_the_original_began_is_finished_here() {
    // As json.dumps and ujson write them.
    let dumps = r#"{"retry_on": 1331923157.51, "tries": 2, "data": {"msg": "H4110!", "n": 1e2}, "started": 1331922977, "tasks_left": ["store"]}"#;
    let ujson = r#"{"retry_on":1331923157.5099999905,"tries":2,"data":{"msg":"H4110!","n":100.0},"started":1331922977,"tasks_left":["store"]}"#;
    for item in [dumps, ujson] {
        let mut reader = reader(&["print", "store"], Policy::default());
        let Ok(Step::Attempt(mut attempt)) = reader.handle_item(item.as_bytes(), NOW) else { panic!() };
        assert_eq!(attempt.tries(), 3);
        assert_eq!(attempt.envelope().started(), Some(Duration::from_secs(1_331_922_977)));
        reader.handle_ready(&mut attempt);
        // Only what is left is run.
        assert_eq!(reader.poll_task(&attempt), Some(1));
        reader.handle_outcome(&mut attempt, 1, Outcome::Done);
        assert_eq!(reader.poll_task(&attempt), None);
        assert_eq!(reader.handle_end(&attempt, NOW), Verdict::Finished);
    }
}

#[test]
fn what_was_begun_here_is_as_the_original_reads_it() {
    for (item, expected) in [
        (
            r#"{"msg": "H4110!"}"#,
            r#"{"data": {"msg": "H4110!"}, "tries": 1, "retry_on": 1331923337.000000, "started": 1331923247, "tasks_left": ["store"]}"#,
        ),
        // Data stays as it is written, but in one line: /mget separates items by line breaks.
        (
            "[1.0,\r\n 1e400, \"\\u00e9\"] ",
            r#"{"data": [1.0,   1e400, "\u00e9"], "tries": 1, "retry_on": 1331923337.000000, "started": 1331923247, "tasks_left": ["store"]}"#,
        ),
        // An unknown task and unknown members stay.
        (
            r#"{"tries":1,"id":{"a":[1]},"data":"x","retry_on":null,"tasks_left":["other","store","print"],"started":5.5,"z":0}"#,
            r#"{"data": "x", "tries": 2, "retry_on": 1331923427.000000, "started": 5.5, "tasks_left": ["other", "store"], "id": {"a":[1]}, "z": 0}"#,
        ),
        // Somebody else's, without the list of tasks.
        (
            r#"{"data": 7, "tries": 0, "retry_on": null, "started": 1}"#,
            r#"{"data": 7, "tries": 1, "retry_on": 1331923337.000000, "started": 1, "tasks_left": ["store"]}"#,
        ),
    ] {
        assert_eq!(requeued(item, &["print", "store"], "store"), expected);
    }
}

#[test]
fn data_that_python_takes_for_nothing_is_wrapped_once() {
    for data in [
        "0",
        "-0.0e5",
        "false",
        "null",
        "\"\"",
        "[ ]",
        "{}",
        r#"{"data": 0}"#,
        r#"{"data": null, "tries": 3}"#,
        r#"{"data": ""}"#,
        r#"{"data": [ ]}"#,
        // One member short of an envelope, each in turn.
        r#"{"data": 0, "tries": 3, "retry_on": 5, "started": 1}"#,
        r#"{"data": 0, "tries": 3, "retry_on": 5, "tasks_left": []}"#,
        r#"{"data": 0, "tries": 3, "started": 1, "tasks_left": []}"#,
        r#"{"data": 0, "retry_on": 5, "started": 1, "tasks_left": []}"#,
    ] {
        let first = requeued(data, &["store"], "store");
        let again = Envelope::parse(first.as_bytes(), NOW).unwrap();
        assert_eq!((again.data(), again.tries()), (data, 1));
    }
}

/// What is accepted is still accepted when it comes back in an envelope.
#[test]
fn the_deepest_item_comes_back_from_its_requeue() {
    const DEPTH: usize = streamgauge_core::reader::DEPTH;
    let nested = |levels: usize| "[".repeat(levels) + "0" + &"]".repeat(levels);
    for item in [nested(DEPTH), format!(r#"{{"a": {}}}"#, nested(DEPTH - 1)), format!(r#"{{"a": {}}}"#, nested(DEPTH))]
    {
        let mut reader = reader(&["print"], Policy::default());
        let accepted = reader.handle_item(item.as_bytes(), NOW).is_ok();
        assert_eq!(accepted, item.matches(['[', '{']).count() <= DEPTH);
        if accepted {
            let requeued = requeued(&item, &["print"], "print");
            let again = reader.handle_item(requeued.as_bytes(), NOW);
            assert!(again.is_ok(), "{again:?}");
        }
    }
}

#[test]
fn tasks_are_told_apart_by_their_names() {
    let named = |names: &[&'static str]| {
        Reader::<Vec<Task<_>>, _>::new(Policy::default(), names.iter().copied().map(Task::new).collect())
    };
    assert!(named(&["a", "b", "c"]).is_some());
    assert!(named(&["a", "b", "a"]).is_none() && named(&["a", "a"]).is_none());
}

#[test]
fn a_task_may_have_any_name() {
    for name in ["", "say \"\\\"", "\0\t\u{1e}\r\n", "żółw 🐢"] {
        let item: Value = serde_json::from_str(&requeued("1", &[name], name)).unwrap();
        assert_eq!(item["tasks_left"], json!([name]));
    }
}

#[test]
fn what_is_refused_is_rested_for_and_tried_again() {
    let mut reader = reader(&["store"], Policy::default());
    let Ok(Step::Attempt(mut attempt)) = reader.handle_item(b"1", NOW) else { panic!() };
    reader.handle_refusal(&mut attempt);
    assert_eq!(reader.poll_task(&attempt), None);
    assert!(matches!(reader.handle_end(&attempt, NOW), Verdict::Requeue { .. }));
    assert!(reader.poll_rest() > Duration::ZERO);
    // A task that does not exist changes nothing.
    reader.handle_outcome(&mut attempt, 64, Outcome::Done);
    assert!(matches!(reader.handle_end(&attempt, NOW), Verdict::Requeue { .. }));
}

#[test]
fn what_is_no_envelope_is_said() {
    for (item, expected) in [
        ("", Malformed::NotJson),
        ("nope", Malformed::NotJson),
        ("{} {}", Malformed::NotJson),
        ("{\"a\": 1,}", Malformed::NotJson),
        ("[01]", Malformed::NotJson),
        ("\"\t\"", Malformed::NotJson),
        (r#"{"data": 1, "tries": "1"}"#, Malformed::BadMember("tries")),
        (r#"{"data": 1, "tries": -1}"#, Malformed::BadMember("tries")),
        (r#"{"data": 1, "retry_on": "soon"}"#, Malformed::BadMember("retry_on")),
        (r#"{"data": 1, "tasks_left": {"print": 1}}"#, Malformed::BadMember("tasks_left")),
        (r#"{"data": 1, "tasks_left": [1]}"#, Malformed::BadMember("tasks_left")),
    ] {
        assert_eq!(Envelope::parse(item.as_bytes(), NOW).err(), Some(expected), "{item}");
    }
    assert_eq!(Envelope::parse(b"\"\xff\"", NOW).err(), Some(Malformed::NotJson));
}

#[test]
fn the_timer_of_the_protocol() {
    let mut timer = BackoffTimer::with_steps(Duration::from_millis(100), Duration::from_secs(120), 10, 1000);
    let hundredths = |timer: &BackoffTimer| (timer.interval().as_secs_f64() * 100.0).round();
    timer.handle_success();
    assert_eq!(timer.interval(), Duration::from_millis(100));
    timer.handle_failure();
    assert_eq!((timer.interval(), hundredths(&timer)), (Duration::from_micros(3_187_425), 319.0));
    timer.handle_failure();
    assert_eq!(hundredths(&timer), 627.0);
    timer.handle_success();
    assert_eq!(hundredths(&timer), 319.0);
    (0..25).for_each(|_| timer.handle_failure());
    assert_eq!(hundredths(&timer), 3241.0);
    (0..5000).for_each(|_| timer.handle_failure());
    assert_eq!(timer.interval(), Duration::from_secs(120));
    (0..5000).for_each(|_| timer.handle_success());
    assert_eq!(timer.interval(), Duration::from_millis(100));
}

#[test]
fn giving_up_comes_after_the_last_try() {
    let mut item = b"1".to_vec();
    let mut reader = reader(&["store"], Policy::default());
    let mut now = NOW;
    for tries in 1..=6 {
        let Ok(Step::Attempt(mut attempt)) = reader.handle_item(&item, now) else { panic!("{tries}") };
        reader.handle_ready(&mut attempt);
        reader.handle_outcome(&mut attempt, 0, Outcome::FailedWithoutBackoff);
        let verdict = reader.handle_end(&attempt, now);
        if tries == 6 {
            assert_eq!(verdict, Verdict::GiveUp);
            continue;
        }
        let retry_on = now + Duration::from_secs(90) * tries;
        assert_eq!(verdict, Verdict::Requeue { retry_on });
        let mut out = Vec::new();
        reader.write(&attempt, Some(retry_on), &mut out).unwrap();
        let early = retry_on - Duration::from_micros(1);
        assert!(matches!(reader.handle_item(&out, early), Ok(Step::Waiting(due)) if due == retry_on));
        (item, now) = (out, retry_on);
    }
    let counters = reader.counters();
    assert_eq!((counters.items, counters.requeued, counters.waiting, counters.given_up), (11, 5, 5, 1));
    // Nobody asked for back-off.
    assert_eq!(reader.poll_rest(), Duration::ZERO);
}

#[test]
fn what_comes_during_a_round_is_looked_for_too() {
    let (at, due) = (Duration::from_secs(1), Duration::from_secs(20));
    let mut round = Round::new(Duration::from_millis(500));
    let wait = |round: &mut Round, times: usize| {
        for _ in 0..times {
            assert_eq!(round.poll(at), Poll::Get);
            round.handle_waiting(due, at);
        }
        assert_eq!(round.poll(at), Poll::Depth);
    };
    wait(&mut round, 1);
    round.handle_depth(Some(3), at);
    wait(&mut round, 2);
    // A new one has come, and another one while all four were looked through: the count begins anew.
    round.handle_depth(Some(4), at);
    wait(&mut round, 4);
    round.handle_depth(Some(5), at);
    wait(&mut round, 5);
    round.handle_depth(Some(5), at);
    assert_eq!(round.poll(at), Poll::Wait(at + Duration::from_millis(500)));
    // A queue that can't be asked is looked through once a second.
    let mut round = Round::new(Duration::from_millis(500));
    wait(&mut round, 1);
    round.handle_depth(None, at);
    assert_eq!(round.poll(at + Round::BLIND), Poll::Get);
}

#[test]
fn what_is_worked_on_is_seen_and_ends_a_rest() {
    let seconds = Duration::from_secs;
    let (at, due) = (seconds(1), seconds(20));
    let resting = |depth| {
        let mut round = Round::new(Duration::from_millis(500));
        round.handle_waiting(due, at);
        round.handle_depth(Some(depth), at);
        round
    };
    let mut round = resting(3);
    // Two have not been seen.
    round.handle_found();
    assert_eq!(round.poll(at), Poll::Get);
    round.handle_found();
    assert_eq!(round.poll(at), Poll::Depth);
    let mut round = resting(1);
    assert_eq!(round.poll(at), Poll::Wait(at + Duration::from_millis(500)));
    // Another worker puts back what it had in hand.
    round.handle_waiting(seconds(10), at);
    assert_eq!(round.poll(at), Poll::Wait(at + Duration::from_millis(500)));
    assert_eq!(round.poll(seconds(9)), Poll::Depth);
    assert_eq!(round.poll(seconds(10)), Poll::Get);
    // One was tried again, and it is no news that there are two now.
    round.handle_requeue(seconds(5));
    round.handle_depth(Some(2), seconds(3));
    assert_eq!(round.poll(seconds(3)), Poll::Wait(seconds(3) + Duration::from_millis(500)));
    assert_eq!(round.poll(seconds(5)), Poll::Get);
    // At the end of a rest the queue is looked through anew.
    let mut other = round.clone();
    other.handle_waiting(seconds(8), seconds(5));
    assert_eq!(other.poll(seconds(5)), Poll::Depth);
    round.handle_found();
    assert_eq!(round.poll(seconds(3)), Poll::Get);
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(json!(0)),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        let names = prop_oneof![Just("data".to_owned()), Just("tries".to_owned()), ".*"];
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec((names, inner), 0..5).prop_map(|members| members.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

/// Names are escaped and spaces added in ways that don't matter.
fn written(value: &Value, pretty: bool) -> String {
    let text = if pretty { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) }.unwrap();
    if pretty { text.replace("\"data\"", "\"d\\u0061t\\u0061\"") } else { text }
}

fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(value) => value.as_f64() != Some(0.0),
        Value::String(value) => !value.is_empty(),
        Value::Array(value) => !value.is_empty(),
        Value::Object(value) => !value.is_empty(),
    }
}

proptest! {
    #[test]
    fn any_json_goes_through_unchanged(value in json_value(), pretty: bool) {
        let text = written(&value, pretty);
        let is_envelope = value.get("data").is_some_and(is_truthy);
        let is_sound = value.get("tries").is_none_or(|tries| tries.as_f64().is_some_and(|tries| !tries.is_sign_negative()));
        match Envelope::parse(text.as_bytes(), NOW) {
            Ok(_) => {
                let data = if is_envelope { value["data"].clone() } else { value.clone() };
                let out = requeued(&text, &["a", "b"], "b");
                prop_assert!(!out.contains(['\n', '\r']));
                let out: Value = serde_json::from_str(&out).unwrap();
                prop_assert_eq!(&out["data"], &data);
                prop_assert_eq!(&out["tasks_left"], &json!(["b"]));
                prop_assert_eq!(out["retry_on"].as_f64().map(|time| time > NOW.as_secs_f64()), Some(true));
                if let (true, Value::Object(members)) = (is_envelope, &value) {
                    for (name, member) in members.iter().filter(|(name, _)| *name != "tries" && *name != "data") {
                        prop_assert_eq!(&out[name], member);
                    }
                }
            }
            Err(Malformed::BadMember("tries")) => prop_assert!(is_envelope && !is_sound),
            Err(other) => prop_assert!(false, "{:?}: {}", other, text),
        }
    }

    #[test]
    fn what_is_json_is_what_serde_takes_for_it(text in "[\\[\\]{}:,\" 0-9eE+.\\-\\\\ntrufalse]{0,12}") {
        let ours = Envelope::parse(text.as_bytes(), NOW);
        let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&text);
        prop_assert_eq!(ours.err() != Some(Malformed::NotJson), theirs.is_ok(), "{}", text);
    }

    #[test]
    fn any_bytes_are_survived(bytes in vec(any::<u8>(), 0..64)) {
        let ours = Envelope::parse(&bytes, NOW).is_ok();
        prop_assert_eq!(ours, serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).is_ok());
    }

    #[test]
    fn every_item_is_counted(outcomes in vec((0..4_u8, any::<bool>()), 0..60)) {
        let mut reader = reader(&["a", "b"], Policy::default());
        let (mut finished, mut dropped, mut requeued, mut failures) = (0, 0, 0, 0_u32);
        for (kind, done) in outcomes {
            let Ok(Step::Attempt(mut attempt)) = reader.handle_item(b"1", NOW) else { panic!() };
            match kind {
                0 => reader.handle_drop(&mut attempt),
                1 => reader.handle_refusal(&mut attempt),
                _ => reader.handle_ready(&mut attempt),
            }
            while let Some(task) = reader.poll_task(&attempt) {
                prop_assert!(kind > 1);
                let fails = task == 0 && !done;
                failures = match (task, fails) {
                    (0, true) => (failures + 1).min(10),
                    (0, false) => failures.saturating_sub(1),
                    _ => failures,
                };
                reader.handle_outcome(&mut attempt, task, if fails { Outcome::Failed } else { Outcome::Done });
            }
            let expected = match (kind, done) {
                (0, _) => { dropped += 1; Verdict::Dropped }
                (2.., true) => { finished += 1; Verdict::Finished }
                _ => { requeued += 1; Verdict::Requeue { retry_on: NOW + Duration::from_secs(90) } }
            };
            prop_assert_eq!(reader.handle_end(&attempt, NOW), expected);
        }
        let counters = reader.counters();
        prop_assert_eq!((counters.finished, counters.dropped, counters.requeued), (finished, dropped, requeued));
        prop_assert_eq!(counters.items, finished + dropped + requeued);
        prop_assert!(reader.poll_rest() >= Duration::from_secs(3) * failures);
    }

    /// A simulated queue, looked after by its `Round`: what is new or due is found soon, and what waits costs little.
    #[test]
    fn waiting_items_rest(dues in vec(5_u64..200, 0..20), arrivals in vec(1_u64..200, 0..10)) {
        let second = Duration::from_secs;
        // Items are when they are due; when they came is when they can be found.
        let mut queue: std::collections::VecDeque<u64> = dues.iter().copied().collect();
        let mut arrivals = arrivals;
        arrivals.sort_unstable();
        let all = dues.len() + arrivals.len();
        let mut arrivals = std::collections::VecDeque::from(arrivals);
        let mut round = Round::new(Duration::from_millis(500));
        let (mut now, mut found, mut gets, mut asked) = (Duration::ZERO, 0, 0, 0);
        while now < second(260) {
            while arrivals.front().is_some_and(|at| second(*at) <= now) {
                queue.extend(arrivals.pop_front());
            }
            match round.poll(now) {
                Poll::Wait(until) => {
                    prop_assert!(until > now);
                    prop_assert!(until <= now + Duration::from_millis(500), "it can't be seen what comes");
                    now = until;
                }
                Poll::Depth => {
                    asked += 1;
                    round.handle_depth(Some(queue.len() as u64), now);
                }
                Poll::Get => {
                    gets += 1;
                    now += Duration::from_micros(100);
                    match queue.pop_front() {
                        None => round.handle_empty(now),
                        Some(due) if second(due) > now => {
                            queue.push_back(due);
                            round.handle_waiting(second(due), now);
                        }
                        Some(due) => {
                            prop_assert!(now <= second(due) + Duration::from_millis(600), "{} found at {:?}", due, now);
                            found += 1;
                            round.handle_found();
                        }
                    }
                }
            }
        }
        prop_assert_eq!(found, all);
        // Each item that comes or is due is one reason to look through all, and so is every half minute.
        prop_assert!(gets <= 560 + 2 * (all + 10) * (all + 1), "{} gets for {}", gets, all);
        prop_assert!(asked <= 560 + 4 * (all + 10), "{} asked for {}", asked, all);
    }
}
