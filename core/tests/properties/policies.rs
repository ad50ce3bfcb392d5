//! What the policies of a subscriber decide, over any course of time.

use core::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use streamgauge_core::time::Time;
use streamgauge_core::topic::{Decision, Extent, Lag, LagPolicy, OnLag, Pacer, Replay, Speed};

proptest! {
    /// In no second does a pacer take more, and where enough comes it takes all that it may but for one.
    #[test]
    fn a_pacer_takes_what_it_may_in_any_second(
        rate in prop_oneof![0..12_u32, 90..1100_u32, Just(5_000), Just(u32::MAX)],
        start in prop_oneof![Just(0), any::<u32>().prop_map(u64::from), Just(u64::MAX - 3_000)],
        gaps in vec(prop_oneof![8 => 0..3_u64, 3 => 0..200_u64, 1 => Just(1_500)], 1..400),
    ) {
        let mut pacer = Pacer::new(rate);
        let (mut now, mut clock, mut taken) = (start, 0, Vec::new());
        for gap in gaps {
            now = now.saturating_add(gap);
            // A clock that goes back changes nothing.
            let told = if gap == 1 { now.saturating_sub(700) } else { now };
            clock = clock.max(told);
            if pacer.takes(Time::from_millis(told)) {
                taken.push(clock);
            }
        }
        for (i, from) in taken.iter().enumerate() {
            let within = taken[i..].iter().take_while(|time| *time - from < 1_000).count();
            prop_assert!(within as u64 <= u64::from(rate), "{} in the second from {}", within, from);
        }
    }

    #[test]
    fn a_pacer_samples_evenly(rate in 1..1000_u32) {
        let mut pacer = Pacer::new(rate);
        // One a millisecond, for ten seconds.
        let taken: Vec<u64> = (0..10_000).filter(|ms| pacer.takes(Time::from_millis(*ms))).collect();
        prop_assert!(taken.len() as u64 >= u64::from(rate) * 10 - 1);
        let even = 1_000 / u64::from(rate);
        let distances: Vec<u64> = taken.windows(2).map(|pair| pair[1] - pair[0]).collect();
        prop_assert!(distances.iter().all(|distance| *distance == even || *distance == even + 1), "{:?}", distances);
    }

    /// Against the rule of each policy, written out over the whole course.
    #[test]
    fn a_lag_policy_decides_by_the_lag_and_the_time(
        on_lag in prop_oneof![
            Just(OnLag::Kick), Just(OnLag::Skip), Just(OnLag::Latest),
            (0..2_000_u64).prop_map(|ms| OnLag::Block(Duration::from_millis(ms))),
        ],
        limit in 0..100_u64,
        course in vec((0..150_u64, 0..4_u64, 0..600_u64), 0..60),
    ) {
        let mut policy = LagPolicy::new(on_lag, limit);
        let (mut now, mut over_since, mut blocked) = (7_u64, None, 0_u64);
        for (bytes, messages, passed) in course {
            now += passed;
            let over = bytes > limit;
            let decision = policy.decide(Lag { bytes, messages }, Time::from_millis(now));
            let expected = match on_lag {
                OnLag::Kick => if over { Decision::SendAway } else { Decision::Go },
                OnLag::Skip => if over { Decision::MoveOn { keep: limit / 2 } } else { Decision::Go },
                OnLag::Latest => if messages > 1 { Decision::Newest } else { Decision::Go },
                OnLag::Block(patience) => {
                    let until = *over_since.get_or_insert(now) + patience.as_millis() as u64;
                    if over && now < until {
                        Decision::Hold(Time::from_millis(until))
                    } else {
                        if let Some(since) = over_since.take() {
                            blocked += now - since;
                        }
                        if over { Decision::SendAway } else { Decision::Go }
                    }
                }
            };
            prop_assert_eq!(decision, expected);
            prop_assert_eq!(policy.blocked(), Duration::from_millis(blocked));
        }
    }

    #[test]
    fn a_replay_keeps_the_times_between_messages(
        thousandths in prop_oneof![1..10_000_u32, Just(u32::MAX)],
        began in any::<u32>(),
        gaps in vec(0..100_000_u64, 1..50),
    ) {
        let mut replay = Replay::new(Speed::from_thousandths(thousandths).unwrap(), Time::from_millis(began.into()));
        let first = 1_700_000_000_000;
        let mut published = first;
        for gap in gaps {
            let due = replay.due(Time::from_millis(published)).as_millis() - u64::from(began);
            let exact = (published - first) as f64 * 1_000.0 / f64::from(thousandths);
            prop_assert!((due as f64 - exact).abs() <= 1.0, "{} of {}", due, exact);
            published += gap;
        }
    }

    /// It is over after so many, and never gives what was published later.
    #[test]
    fn an_extent_ends(limit in proptest::option::of(0..20_u64), until in proptest::option::of(0..20_u64), first in any::<u64>()) {
        let mut extent = Extent::ALL;
        if let Some(limit) = limit {
            extent = extent.limit(limit);
        }
        if let Some(until) = until {
            extent = extent.until(first.wrapping_add(until));
        }
        let mut got = 0_u64;
        while got < 50 && !extent.is_over(first.wrapping_add(got)) {
            prop_assert_eq!(extent.left(), limit.map(|limit| limit - got));
            extent.count(1);
            got += 1;
        }
        prop_assert_eq!(got, limit.unwrap_or(50).min(until.unwrap_or(50)));
    }
}

#[test]
fn nothing_is_replayed_at_no_speed_and_nothing_is_due_too_late() {
    assert_eq!(Speed::from_thousandths(0), None);
    let mut slowest = Replay::new(Speed::from_thousandths(1).unwrap(), Time::ZERO);
    assert_eq!(slowest.due(Time::ZERO), Time::ZERO);
    assert_eq!(slowest.due(Time::NEVER), Time::NEVER);
    let mut same = Replay::new(Speed::SAME, Time::from_millis(5));
    assert_eq!(same.due(Time::from_millis(9)), Time::from_millis(5));
    assert_eq!(same.due(Time::from_millis(12)), Time::from_millis(8));
    assert_eq!(same.due(Time::from_millis(1)), Time::from_millis(5));
}
