//! Whatever is pushed, merged or read back: no NaN, nothing lost, nothing refused that pushes have led to.

use proptest::prelude::*;
use streamgauge_core::stats::change::{
    AfterAlarm, Detector, DifferentSettings, Excursion, InvalidParts, InvalidSettings, Mean, Parts, Settings, Sigma,
};

use crate::detector;

fn settings() -> impl Strategy<Value = Settings> {
    let number = || prop_oneof![Just(f64::MAX), Just(f64::from_bits(1)), 1e-3..1e3_f64, Just(1e300)];
    let mean = prop_oneof![
        number().prop_map(Mean::Given),
        number().prop_map(|mean| Mean::Given(-mean)),
        Just(Mean::Learned),
        Just(Mean::Running)
    ];
    let sigma = prop_oneof![number().prop_map(Sigma::Given), Just(Sigma::Learned)];
    let after_alarm = prop_oneof![Just(AfterAlarm::Keep), Just(AfterAlarm::Relearn)];
    let drift = prop_oneof![Just(0.0), Just(0.5), number()];
    let threshold = prop_oneof![Just(5.0), number()];
    (drift, threshold, mean, sigma, 2..9_u32, after_alarm).prop_map(
        |(drift, threshold, mean, sigma, warm_up, after_alarm)| Settings {
            drift,
            threshold,
            mean,
            sigma,
            warm_up,
            after_alarm,
        },
    )
}

fn values() -> impl Strategy<Value = Vec<f64>> {
    let ladder = (0..20_i32, any::<bool>()).prop_map(|(power, even)| {
        let sign = if even { 1.0 } else { -1.0 };
        sign * 2_f64.powi(power * 100 - 1000)
    });
    let any_bits = any::<u64>().prop_map(f64::from_bits);
    let few = prop_oneof![Just(1.0), Just(-1.0), Just(0.0), Just(f64::MAX), Just(-f64::MAX)];
    let of = |value: BoxedStrategy<f64>| prop::collection::vec(value, 0..60);
    prop_oneof![
        of(ladder.boxed()),
        of(any_bits.boxed()),
        of(few.boxed()),
        of((-1.0..1.0_f64).boxed()),
        (any::<f64>(), 0..60_usize).prop_map(|(x, n)| vec![x; n]),
    ]
}

fn of(settings: Settings, values: &[f64]) -> Detector {
    let mut seen = detector(settings);
    for &x in values {
        seen.push(x);
    }
    seen
}

fn assert_sound(seen: &Detector) {
    let threshold = seen.settings().threshold;
    for side in [seen.up(), seen.down()] {
        assert!(side.sum >= 0.0 && side.sum <= threshold, "{seen:?}");
        assert_eq!(side.values > 0, side.sum > 0.0, "{seen:?}");
    }
    assert!(seen.mean().is_none_or(f64::is_finite), "{seen:?}");
    assert!(seen.sigma().is_none_or(|sigma| sigma.is_finite() && sigma >= 0.0), "{seen:?}");
    let back = Detector::from_parts(seen.settings(), &seen.to_parts());
    assert_eq!(back.as_ref(), Ok(seen));
}

fn both(a: &Detector, b: &Detector) -> Detector {
    let (mut ab, mut ba) = (*a, *b);
    ab.merge(b).unwrap();
    ba.merge(a).unwrap();
    assert_eq!(ab, ba);
    ab
}

/// All but what was learned, which rounding may change.
fn counted(seen: &Detector) -> Parts {
    Parts { mean: 0.0, sigma: 0.0, ..seen.to_parts() }
}

proptest! {
    #[test]
    fn everything_is_counted_and_nothing_becomes_nan(settings in settings(), values in values()) {
        let mut seen = detector(settings);
        let mut alarms = 0;
        for (index, &x) in values.iter().enumerate() {
            let before = seen;
            alarms += u64::from(seen.push(x).is_some());
            assert_sound(&seen);
            let counts = [seen.count(), seen.nan(), seen.positive_infinities(), seen.negative_infinities()];
            prop_assert_eq!(counts.iter().sum::<u64>(), index as u64 + 1);
            prop_assert_eq!(seen.alarms_up() + seen.alarms_down(), alarms);
            if !x.is_finite() {
                prop_assert_eq!((seen.up(), seen.down(), seen.mean()), (before.up(), before.down(), before.mean()));
                prop_assert_eq!(seen.nan() - before.nan(), u64::from(x.is_nan()));
                prop_assert_eq!(seen.positive_infinities() - before.positive_infinities(), u64::from(x > 0.0));
            }
        }
    }

    #[test]
    fn merged_in_any_order_counts_add_up(
        settings in settings(),
        (a, b, c) in (values(), values(), values()),
    ) {
        let [a, b, c] = [a, b, c].map(|values| of(settings, &values));
        let left = both(&both(&a, &b), &c);
        let right = both(&a, &both(&b, &c));
        assert_sound(&left);
        assert_sound(&right);
        prop_assert_eq!(counted(&left), counted(&right));
        prop_assert_eq!(left.count(), a.count() + b.count() + c.count());
        prop_assert_eq!(left.alarms_up(), a.alarms_up() + b.alarms_up() + c.alarms_up());
        prop_assert_eq!(left.alarms_down(), a.alarms_down() + b.alarms_down() + c.alarms_down());
        prop_assert_eq!(left.up().sum, a.up().sum.max(b.up().sum).max(c.up().sum));
        prop_assert_eq!(left.down().sum, a.down().sum.max(b.down().sum).max(c.down().sum));
        prop_assert_eq!(both(&a, &detector(settings)), a);
    }

    /// What is accepted goes on without harm.
    #[test]
    fn forged_parts_do_no_harm(
        (settings, a, b) in (settings(), values(), values()),
        number in prop_oneof![any::<u64>().prop_map(f64::from_bits), 0.0..6.0_f64],
        count in prop_oneof![0..9_u64, any::<u64>(), Just(u64::MAX)],
        which in 0..10_usize,
    ) {
        let mut parts = of(settings, &a).to_parts();
        match which {
            0 => parts.mean = number,
            1 => parts.sigma = number,
            2 => parts.up.sum = number,
            3 => parts.down.sum = number,
            4 => parts.up.values = count,
            5 => parts.down.values = count,
            6 => parts.alarms_up = count,
            7 => parts.alarms_down = count,
            8 => parts.count = count,
            _ => parts.learned = count,
        }
        if let Ok(mut seen) = Detector::from_parts(settings, &parts) {
            for x in b {
                seen.push(x);
                assert_sound(&seen);
                let copy = seen;
                seen.merge(&copy).unwrap();
                assert_sound(&seen);
            }
        }
    }
}

/// What two detectors have learned is what one would have.
#[test]
fn what_is_learned_apart_is_learned_together() {
    let settings = Settings { after_alarm: AfterAlarm::Keep, ..Settings::page_hinkley(4) };
    let values = [3.0, 5.0, -2.0, 8.5, 1.0, 0.25];
    let whole = of(Settings { warm_up: 6, ..settings }, &values);
    for cut in 0..=values.len() {
        let parts = [&values[..cut], &values[cut..]].map(|part| of(Settings { warm_up: 6, ..settings }, part));
        let merged = both(&parts[0], &parts[1]);
        let near = |a: Option<f64>, b: Option<f64>| (a.unwrap() / b.unwrap() - 1.0).abs() < 1e-14;
        assert!(near(merged.mean(), whole.mean()) && near(merged.sigma(), whole.sigma()), "{merged:?} {whole:?}");
    }
    // Constants stay what they are, to the bit, though thirds of them don't add up.
    let constant = |n: usize| of(settings, &vec![0.1; n]);
    for (here, there) in (1..9).flat_map(|here| (4..9).map(move |there| (here, there))) {
        let merged = both(&constant(here), &constant(there));
        assert_eq!((merged.mean(), merged.sigma()), (Some(0.1), Some(0.0)), "{here} {there}");
    }
}

/// Twice sigma away is twice sigma away, though the difference is no number.
#[test]
fn distances_are_right_to_the_ends_of_the_range() {
    let mut seen = of(Settings::given(-f64::MAX, f64::MAX), &[f64::MAX]);
    assert_eq!((seen.up().sum, seen.count()), (1.5, 1));
    seen = of(Settings::given(0.0, f64::from_bits(1)), &[f64::from_bits(3)]);
    assert_eq!(seen.up().sum, 2.5);
    seen = of(Settings { threshold: 1e300, ..Settings::given(0.0, 1e-10) }, &[-1e300]);
    assert_eq!((seen.alarms_down(), seen.down()), (1, Excursion::default()));
}

#[test]
fn other_settings_do_not_merge() {
    let mut seen = of(Settings::given(0.0, 1.0), &[1.0]);
    let before = seen;
    for settings in [Settings::given(0.0, 2.0), Settings { drift: 0.25, ..Settings::given(0.0, 1.0) }] {
        assert_eq!(seen.merge(&detector(settings)), Err(DifferentSettings));
    }
    assert_eq!(seen, before);
}

#[test]
fn what_contradicts_itself_is_refused() {
    let settings = Settings::learned(3);
    let seen = of(settings, &[1.0, 2.0, 3.0, 4.0, 3.5]);
    let parts = seen.to_parts();
    assert!(parts.up.values == 2 && parts.up.sum > 0.0 && parts.learned == 3);
    let error = |parts: Parts| Detector::from_parts(settings, &parts).err();
    assert_eq!(error(parts), None);
    for sum in [f64::NAN, f64::INFINITY, -1.0, 5.1, 0.0] {
        assert_eq!(error(Parts { up: Excursion { sum, values: 2 }, ..parts }), Some(InvalidParts::Sum), "{sum}");
    }
    assert_eq!(error(Parts { down: Excursion { sum: 1.0, values: 0 }, ..parts }), Some(InvalidParts::Sum));
    assert_eq!(error(Parts { learned: 2, ..parts }), Some(InvalidParts::Sum), "while it learns");
    assert_eq!(error(Parts { up: Excursion { sum: 1.0, values: 6 }, ..parts }), Some(InvalidParts::Count));
    for (mean, sigma) in [(f64::NAN, 1.0), (f64::INFINITY, 1.0), (1.0, f64::NAN), (1.0, -1.0), (1.0, f64::INFINITY)] {
        assert_eq!(error(Parts { mean, sigma, ..parts }), Some(InvalidParts::Learned));
    }
    let none = Excursion::default();
    let learning = Parts { up: none, ..parts };
    assert_eq!(error(Parts { learned: 1, ..learning }), Some(InvalidParts::Learned), "sigma of one value");
    assert_eq!(error(Parts { learned: 1, sigma: 0.0, ..learning }), None);
    assert_eq!(error(Parts { learned: 0, sigma: 0.0, ..learning }), Some(InvalidParts::Learned), "mean of none");
    assert_eq!(error(Parts { learned: 6, ..parts }), Some(InvalidParts::Count));
    assert_eq!(error(Parts { learned: 6, count: u64::MAX, ..parts }), None);
    // Before each alarm three values were learned from, and three after the last.
    let with_alarms = |alarms_up, alarms_down, count| error(Parts { alarms_up, alarms_down, count, ..parts });
    assert_eq!(with_alarms(2, 1, 14), Some(InvalidParts::Count));
    assert_eq!(with_alarms(2, 1, 15), None);
    assert_eq!(with_alarms(u64::MAX, u64::MAX, u64::MAX - 1), Some(InvalidParts::Count));
    let keep = Settings { after_alarm: AfterAlarm::Keep, ..settings };
    let error = |settings, parts: &Parts| Detector::from_parts(settings, parts).err();
    assert_eq!(error(keep, &Parts { alarms_up: 2, ..parts }), None);
    assert_eq!(error(keep, &Parts { alarms_up: 6, ..parts }), Some(InvalidParts::Count));
    assert_eq!(error(keep, &Parts { learned: 2, ..learning }), Some(InvalidParts::Count), "the others are where?");
    let running = Settings { mean: Mean::Running, ..keep };
    assert_eq!(error(running, &parts), Some(InvalidParts::Count), "a running mean is that of all");
    assert_eq!(error(running, &Parts { learned: 5, ..parts }), None);
    assert_eq!(error(Settings::given(0.0, 1.0), &parts), Some(InvalidParts::Learned), "nothing was to be learned");
    let wrong = InvalidParts::Settings(InvalidSettings::Sigma);
    assert_eq!(error(Settings::given(0.0, 0.0), &Parts::default()), Some(wrong));
}
