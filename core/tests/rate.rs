//! Decayed rates against the sum they are defined by.

use std::time::Duration;

use proptest::prelude::*;
use streamgauge_core::stats::Rate;
use streamgauge_core::stats::rate::{InvalidParts, Parts, PerSecond};
use streamgauge_core::time::Time;

const SPANS: [u64; 3] = [60_000, 300_000, 900_000];

/// Fixed point: units of 2^-100.
const ONE: u128 = 1 << 100;

/// `a * b` in fixed point, for numbers of at most 1.
fn times(a: u128, b: u128) -> u128 {
    let low = (1 << 64) - 1;
    let (a_high, a_low, b_high, b_low) = (a >> 64, a & low, b >> 64, b & low);
    ((a_high * b_high) << 28) + ((a_high * b_low + a_low * b_high) >> 36) + ((a_low * b_low) >> 100)
}

/// e^(-age / span) in fixed point: the series for what is below 1, and as often 1/e.
fn share(age: u64, span: u64) -> u128 {
    let series = |part: u64| {
        let (mut term, mut sum) = (ONE, ONE);
        for n in 1..40 {
            term = term / u128::from(span) * u128::from(part) / n;
            sum = if n % 2 == 0 { sum + term } else { sum - term };
        }
        sum
    };
    let whole = series(span);
    (0..(age / span).min(80)).fold(series(age % span), |product, _| times(product, whole))
}

/// Messages and bytes a second as of the latest time, and the rest by the exponential of `std`.
#[derive(Debug, Clone, Default)]
struct Model(Vec<(u64, u64, u64)>);

impl Model {
    fn rates(&self, now: u64) -> [[f64; 3]; 2] {
        let latest = self.0.iter().map(|event| event.0).max().unwrap_or(0);
        let mut rates = [[0.0; 3]; 2];
        for (at, span) in SPANS.into_iter().enumerate() {
            let sum = |weight: fn(&(u64, u64, u64)) -> u64| -> f64 {
                let weighted = |event| share(latest - (event as &(u64, _, _)).0, span) * u128::from(weight(event));
                let sum = self.0.iter().map(weighted).sum::<u128>() as f64 / ONE as f64;
                let rest = now.max(latest) - latest;
                let decay = (-((rest / span) as f64)).exp() * (-((rest % span) as f64 / span as f64)).exp();
                sum * decay / (span / 1000) as f64
            };
            rates[0][at] = sum(|event| event.1);
            rates[1][at] = sum(|event| event.2);
        }
        rates
    }
}

fn array(rates: PerSecond) -> [f64; 3] {
    [rates.one_minute, rates.five_minutes, rates.fifteen_minutes]
}

fn rates(seen: &Rate, now: u64) -> [[f64; 3]; 2] {
    let now = Time::from_millis(now);
    [array(seen.messages_per_second(now)), array(seen.bytes_per_second(now))]
}

fn of(events: &[(u64, u64, u64)]) -> Rate {
    let mut seen = Rate::new();
    for &(at, messages, bytes) in events {
        seen.push_many(Time::from_millis(at), messages, bytes);
    }
    seen
}

/// Both to a part in 10^15, twice the rounding of an `f64` or so a step; or next to nothing.
fn are_near(found: [[f64; 3]; 2], expected: [[f64; 3]; 2], digits: i32) -> bool {
    let near = |(found, expected): (&f64, &f64)| {
        (found - expected).abs() <= expected * 10_f64.powi(-digits) + 1e-260 && *found >= 0.0
    };
    found.as_flattened().iter().zip(expected.as_flattened()).all(near)
}

/// A gap before an event, or a way back: within a millisecond, between, around the spans, and of years.
fn gap() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => Just(0),
        4 => 1..2000_i64,
        2 => prop_oneof![Just(59_999), Just(60_000), Just(60_001), Just(300_000), Just(900_000)],
        2 => 0..5_000_000_i64,
        2 => -100_000..0_i64,
        1 => -30_000_000..0_i64,
        1 => 0..100_000_000_000_i64,
    ]
}

/// Events in no order; each has a message, for the model's sums to be at least 1.
fn events() -> impl Strategy<Value = Vec<(u64, u64, u64)>> {
    let event = (gap(), 1..1000_u64, 1..1_000_000_u64);
    (0..1_u64 << 42, prop::collection::vec(event, 0..60)).prop_map(|(start, events)| {
        let mut now = start;
        let mut step = |(gap, messages, bytes)| {
            now = now.saturating_add_signed(gap);
            (now, messages, bytes)
        };
        events.into_iter().map(&mut step).collect()
    })
}

fn latest(events: &[(u64, u64, u64)]) -> u64 {
    events.iter().map(|event| event.0).max().unwrap_or(0)
}

proptest! {
    #[test]
    fn rates_are_the_sum_to_the_last_digit(events in events(), later in prop_oneof![Just(0), 0..10_000_000_u64]) {
        let seen = of(&events);
        let now = latest(&events) + later;
        let (found, expected) = (rates(&seen, now), Model(events.clone()).rates(now));
        prop_assert!(are_near(found, expected, 15), "{:?} {:?}", found, expected);
        prop_assert_eq!(seen.messages(), events.iter().map(|event| event.1).sum::<u64>());
        prop_assert_eq!(seen.bytes(), events.iter().map(|event| event.2).sum::<u64>());
        prop_assert_eq!(seen.latest().map(Time::as_millis), events.iter().map(|event| event.0).max());
    }

    /// In any order and split, to the digit; and to the bit, whichever comes first.
    #[test]
    fn merged_is_as_seen_by_one(events in events(), owners in prop::collection::vec(0..4_usize, 60)) {
        let mut parts = [Rate::new(); 4];
        for (event, owner) in events.iter().zip(owners) {
            parts[owner].push_many(Time::from_millis(event.0), event.1, event.2);
        }
        let both = |a: &Rate, b: &Rate| {
            let mut merged = *a;
            merged.merge(b);
            let mut back = *b;
            back.merge(a);
            assert_eq!(merged, back);
            merged
        };
        let [a, b, c, d] = &parts;
        let trees = [
            both(&both(&both(a, b), c), d),
            both(&both(a, b), &both(c, d)),
            both(a, &both(b, &both(c, d))),
            both(&both(d, b), &both(a, c)),
        ];
        let now = latest(&events) + 12_345;
        let expected = Model(events).rates(now);
        for merged in trees {
            prop_assert!(are_near(rates(&merged, now), expected, 15), "{:?} {:?}", rates(&merged, now), expected);
            let totals = (merged.messages(), merged.bytes(), merged.latest());
            let of_one = (trees[0].messages(), trees[0].bytes(), trees[0].latest());
            prop_assert_eq!(totals, of_one);
        }
    }

    #[test]
    fn parts_come_back_as_they_went(events in events()) {
        let seen = of(&events);
        let parts = seen.to_parts();
        let back = Rate::from_parts(&parts);
        prop_assert!(back.is_ok(), "{:?} {:?}", parts, back);
        let back = back.unwrap();
        prop_assert_eq!(back.to_parts(), parts);
        let now = latest(&events) + 1_234_567;
        prop_assert_eq!(rates(&back, now), rates(&seen, now));
    }

    /// Old messages and bytes that weigh much, then few: all that pushes lead to is accepted, whatever the weights.
    #[test]
    fn no_state_of_pushes_is_refused(
        events in prop::collection::vec((gap(), any::<u64>(), any::<u64>(), 0..64_u32, 0..64_u32), 0..30),
    ) {
        let (mut seen, mut now) = (Rate::new(), 1 << 40);
        for (gap, messages, bytes, fewer, less) in events {
            now = u64::saturating_add_signed(now, gap);
            seen.push_many(Time::from_millis(now), messages >> fewer, bytes >> less);
            let back = Rate::from_parts(&seen.to_parts());
            prop_assert!(back.is_ok(), "{:?} {:?}", seen, back);
            prop_assert!(rates(&seen, now).as_flattened().iter().all(|rate| rate.is_finite() && *rate >= 0.0));
        }
    }

    /// What is accepted gives no NaN, merges and goes on.
    #[test]
    fn forged_parts_do_no_harm(
        events in events(),
        (which, place, half) in (0..2_usize, 0..3_usize, 0..2_usize),
        forged in prop_oneof![any::<u64>().prop_map(f64::from_bits), 0.0..2e6_f64],
        (latest, messages) in (any::<u64>(), any::<u64>()),
    ) {
        let parts = of(&events).to_parts();
        let mut sums = parts;
        [&mut sums.message_sums, &mut sums.byte_sums][which][place][half] = forged;
        for parts in [sums, Parts { latest, ..parts }, Parts { messages, ..parts }, Parts { bytes: messages, ..parts }] {
            let Ok(mut seen) = Rate::from_parts(&parts) else { continue };
            for round in 0..1200_u64 {
                let copy = seen;
                seen.merge(&copy);
                let at = parts.latest.saturating_add(round / 400 * 30_000);
                seen.push(Time::from_millis(at), round);
                if round % 100 != 99 {
                    continue;
                }
                let found = rates(&seen, at);
                prop_assert!(found.as_flattened().iter().all(|x| x.is_finite() && *x >= 0.0), "{:?} {:?}", parts, found);
            }
        }
    }
}

/// Ten million messages, one a millisecond: a geometric series.
#[test]
fn nothing_drifts() {
    let events = if cfg!(miri) { 1000 } else { 10_000_000_u64 };
    let start = 1_790_000_000_123_u64;
    let mut seen = Rate::new();
    for at in start..start + events {
        seen.push(Time::from_millis(at), 1000);
    }
    let expected = SPANS.map(|span| {
        let span_in_millis = span as f64;
        let series = (-(events as f64) / span_in_millis).exp_m1() / (-1.0 / span_in_millis).exp_m1();
        series / (span / 1000) as f64
    });
    let found = rates(&seen, start + events - 1);
    assert!(are_near(found, [expected, expected.map(|rate| rate * 1000.0)], 15), "{found:?} {expected:?}");
}

/// As a load average: 0 at first, 63 % after τ; and at once what it is, if since when is known.
#[test]
fn a_steady_stream_begins_at_nothing() {
    let mut seen = Rate::new();
    for millis in 0..60_000 {
        seen.push(Time::from_millis(millis), 10);
    }
    let age = Duration::from_secs(60);
    let (messages, bytes) = (seen.messages_per_second(Time::from_millis(60_000)), seen.bytes_per_second(Time::ZERO));
    let share = 1.0 - (-1.0_f64).exp();
    assert!((messages.one_minute / (1000.0 * share) - 1.0).abs() < 1e-4, "{messages:?}");
    assert!((bytes.one_minute / (10_000.0 * share) - 1.0).abs() < 1e-4, "{bytes:?}");
    for rate in array(messages.since_start(age)) {
        assert!((rate / 1000.0 - 1.0).abs() < 1e-4, "{rate}");
    }
    // Less than a millisecond is one: nothing is divided by nothing.
    let young = of(&[(5, 1, 1)]).messages_per_second(Time::from_millis(5));
    for age in [Duration::ZERO, Duration::from_millis(1)] {
        for rate in array(young.since_start(age)) {
            assert!((rate / 1000.0 - 1.0).abs() < 1e-4, "{rate}");
        }
    }
    let very_old = young.since_start(Duration::MAX);
    assert_eq!(very_old, young);
}

#[test]
fn after_years_nothing_is_left_but_the_totals() {
    let year = 365 * 86_400_000;
    let mut seen = of(&[(7, u64::MAX, u64::MAX)]);
    for now in [year, 3000 * year, u64::MAX] {
        assert_eq!(rates(&seen, now), [[0.0; 3]; 2]);
    }
    seen.push(Time::from_millis(year), 60);
    let found = rates(&seen, year);
    assert!(are_near(found, [[1.0 / 60.0, 1.0 / 300.0, 1.0 / 900.0], [1.0, 0.2, 60.0 / 900.0]], 15), "{found:?}");
    // Late by years, at the end of time, and again at its beginning.
    for at in [0, u64::MAX, 0] {
        seen.push(Time::from_millis(at), 0);
    }
    assert_eq!((seen.messages(), seen.bytes()), (u64::MAX, u64::MAX));
    assert!(are_near(rates(&seen, u64::MAX), [[1.0 / 60.0, 1.0 / 300.0, 1.0 / 900.0], [0.0; 3]], 15));
}

/// A message of which e^-621 is left is kept, of e^-623 nothing is; and neither is anything but a number.
#[test]
fn what_has_all_but_vanished_vanishes() {
    for (minutes, is_left) in [(621, true), (622, false), (700, false), (744, false), (800, false)] {
        let seen = of(&[(0, 1, 0), (minutes * 60_000, 0, 1)]);
        let parts = seen.to_parts();
        assert_eq!(parts.message_sums[0][0] > 0.0, is_left, "{minutes}");
        assert_eq!(Rate::from_parts(&parts).map(|back| back.to_parts()), Ok(parts));
        assert_eq!(rates(&of(&[(0, 1, 0)]), minutes * 60_000)[0][0] > 0.0, is_left);
        // Late by as much, it counts for as much.
        let late = of(&[(minutes * 60_000, 0, 1), (0, 1, 0)]).to_parts();
        for ([late, _], [sum, _]) in late.message_sums.into_iter().zip(parts.message_sums) {
            assert!((late - sum).abs() <= sum * 1e-15, "{late:e} {sum:e}");
        }
    }
}

#[test]
fn nothing_is_no_event() {
    let mut seen = Rate::new();
    seen.push_many(Time::from_millis(99), 0, 0);
    assert_eq!((seen, seen.latest()), (Rate::default(), None));
    let mut other = of(&[(50, 1, 7)]);
    other.merge(&seen);
    seen.merge(&other);
    assert_eq!((other, seen), (of(&[(50, 1, 7)]), of(&[(50, 1, 7)])));
    seen.push_many(Time::from_millis(60_099), 0, 0);
    assert_eq!(seen, other);
}

#[test]
fn what_contradicts_itself_is_refused() {
    // A message of 10 bytes 60 seconds before the latest, one of 30 now; `begin` is `latest` for each.
    let parts = of(&[(1_740_000, 1, 10), (1_800_000, 1, 30)]).to_parts();
    let expected = SPANS.map(|span| 1.0 + (-60_000.0 / span as f64).exp());
    for (sum, expected) in parts.message_sums.iter().zip(expected) {
        assert!((sum[0] - expected).abs() < 1e-15);
    }
    let error = |parts: Parts| Rate::from_parts(&parts).err();
    let messages = |place: usize, pair: [f64; 2]| {
        let mut forged = parts;
        forged.message_sums[place] = pair;
        error(forged)
    };
    assert_eq!(error(parts), None);
    for bad in [f64::NAN, f64::INFINITY, -1.0, 1e-300, 1e61] {
        assert_eq!(messages(1, [bad, 0.0]), Some(InvalidParts::Sum), "{bad}");
    }
    assert_eq!(messages(1, [expected[1], 1e-15]), Some(InvalidParts::Sum), "not rounded");
    assert_eq!(messages(1, [0.0, f64::from_bits(1)]), Some(InvalidParts::Sum), "a rest of nothing");
    assert_eq!(messages(2, [2.1, 0.0]), Some(InvalidParts::Sum), "more than all");
    assert_eq!(messages(0, [1.9, 0.0]), Some(InvalidParts::Contradiction), "older messages weigh less in a minute");
    assert_eq!(messages(1, [1.95, 0.0]), Some(InvalidParts::Contradiction), "and in five");
    assert_eq!(messages(1, [1.5, 0.0]), Some(InvalidParts::Contradiction), "less than the 15 minutes say");
    assert_eq!(messages(0, [1.01, 0.0]), Some(InvalidParts::Contradiction), "less than the 5 minutes say");
    assert_eq!(error(Parts { messages: 1, ..parts }), Some(InvalidParts::Sum));
    assert_eq!(error(Parts { messages: 0, ..parts }), Some(InvalidParts::Sum));
    assert_eq!(error(Parts { latest: 1, messages: 0, bytes: 0, ..Parts::default() }), Some(InvalidParts::Nothing));
    assert_eq!(error(Parts { latest: 1_800_001, ..parts }), None);
    let later = of(&[(1_740_000, 1, 0), (1_739_000, 1, 0)]).to_parts();
    assert_eq!(error(Parts { latest: 1_790_000, ..later }), Some(InvalidParts::Latest));
}

#[test]
fn messages_without_bytes_and_bytes_without_messages_are_something() {
    let second = Time::from_millis(1_000);
    for (messages, bytes) in [(1, 0), (0, 1)] {
        let mut one = Rate::new();
        one.push_many(second, messages, bytes);
        assert_eq!((one.messages(), one.bytes(), one.latest()), (messages, bytes, Some(second)));
        let mut both = one;
        both.merge(&one);
        assert_eq!((both.messages(), both.bytes()), (2 * messages, 2 * bytes));
        let mut other = Rate::new();
        other.merge(&one);
        assert_eq!(other, one);
    }
}
