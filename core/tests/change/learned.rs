//! What is learned, from how many values, and what becomes of it.

use proptest::prelude::*;
use streamgauge_core::stats::Moments;
use streamgauge_core::stats::change::{
    AfterAlarm, Detector, InvalidParts, InvalidSettings, Mean, Parts, Settings, Sigma,
};

use crate::{detector, sign};

/// A detector that does nothing but learn.
fn learning(values: &[f64]) -> Detector {
    let mut seen = detector(Settings::learned(values.len() as u32));
    for &x in values {
        assert_eq!((seen.mean(), seen.sigma()), (None, None));
        assert_eq!(seen.push(x), None);
    }
    seen
}

fn hostile() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -10.0..10.0_f64,
        1 => Just(f64::MAX),
        1 => Just(-f64::MAX),
        1 => (0..100_u64).prop_map(f64::from_bits),
        1 => (0..100_u64).prop_map(|bits| -f64::from_bits(bits)),
        2 => any::<f64>().prop_filter("finite", |x| x.is_finite()),
    ]
}

proptest! {
    /// Of any magnitude: against sums in double-double.
    #[test]
    fn mean_and_sigma_are_those_of_the_first_values(values in prop::collection::vec(hostile(), 2..50)) {
        let seen = learning(&values);
        let mut exact = Moments::new();
        exact.extend_from_slice(&values);
        let (mean, sigma) = (seen.mean().unwrap(), seen.sigma().unwrap());
        let size = values.iter().fold(0.0_f64, |size, x| size.max(x.abs()));
        // Some roundings of the largest, and of the least there is.
        let slack = size * 1e-13 + f64::from_bits(200);
        prop_assert!((mean * 0.5 - exact.mean().unwrap() * 0.5).abs() <= slack, "{} {:?}", mean, exact.mean());
        let expected = exact.sample_stddev().unwrap();
        // Distances beyond the range count as its end, which is half of them at worst.
        let beyond = values.iter().any(|a| values.iter().any(|b| (a - b).is_infinite()));
        let least = if beyond { 0.49 * expected.min(f64::MAX) } else { expected * (1.0 - 1e-13) - slack };
        prop_assert!(sigma >= least && sigma <= expected.min(f64::MAX) * (1.0 + 1e-13) + slack, "{} {}", sigma, expected);
        prop_assert_eq!(sigma == 0.0, values.iter().all(|x| *x == values[0]));
    }
}

/// However little one value is away, and of however many.
#[test]
fn only_a_constant_has_no_sigma() {
    let mut values = [0.0; 100];
    assert_eq!(learning(&values).sigma(), Some(0.0));
    for at in 0..values.len() {
        values[at] = f64::from_bits(1);
        assert!(learning(&values).sigma() > Some(0.0), "{at}");
        values[at] = 0.0;
    }
}

/// A constant has no sigma: it is no change however long it lasts, and the first other value is one at once.
#[test]
fn of_a_constant_any_other_value_is_a_change() {
    for constant in [0.0, -0.0, 0.1, 1e300, -f64::MAX, f64::from_bits(1)] {
        for settings in [Settings::learned(7), Settings::page_hinkley(7)] {
            let mut seen = detector(settings);
            assert!((0..1000).all(|_| seen.push(constant).is_none()));
            assert_eq!((seen.mean(), seen.sigma()), (Some(constant), Some(0.0)));
            let larger = if constant == -f64::MAX { -f64::MAX.next_down() } else { constant.next_up() };
            assert_eq!(sign(seen.push(larger)), 1, "{constant:e}");
            assert_eq!((seen.mean(), seen.up().sum, seen.down().sum), (None, 0.0, 0.0));
        }
    }
    let kept = Settings { after_alarm: AfterAlarm::Keep, ..Settings::learned(2) };
    let mut seen = detector(kept);
    let told: Vec<i32> = [5.0, 5.0, 5.0, 4.0, 5.0, 6.0, 6.0].map(|x| sign(seen.push(x))).into();
    assert_eq!(told, [0, 0, 0, -1, 0, 1, 1]);
}

/// A step from 0 to 10 for good: told once and learned, or told for as long as it lasts.
#[test]
fn after_an_alarm_the_new_mean_is_learned_or_the_old_one_kept() {
    let noise = [1.0, -1.0];
    let steps = |settings: Settings| {
        let mut seen = detector(settings);
        for index in 0..1000 {
            let level = if index < 500 { 0.0 } else { 10.0 };
            seen.push(level + noise[index % 2]);
        }
        seen
    };
    for settings in [Settings::learned(50), Settings::page_hinkley(50)] {
        let relearned = steps(settings);
        assert_eq!((relearned.alarms_up(), relearned.alarms_down()), (1, 0));
        assert!((relearned.mean().unwrap() - 10.0).abs() < 0.1, "{relearned:?}");
        let kept = steps(Settings { after_alarm: AfterAlarm::Keep, ..settings });
        assert!(kept.alarms_up() > 100, "{kept:?}");
        assert_eq!(kept.mean().unwrap().round(), if settings.mean == Mean::Running { 5.0 } else { 0.0 });
        assert!((kept.sigma().unwrap() - 1.0).abs() < 0.02, "{kept:?}");
    }
    // What is given stays, and nothing is waited for.
    let given = steps(Settings::given(0.0, 1.0));
    assert_eq!((given.mean(), given.sigma(), given.alarms_down()), (Some(0.0), Some(1.0), 0));
    assert!(given.alarms_up() > 400, "{given:?}");
}

#[test]
fn one_of_both_can_be_given() {
    let mut seen = detector(Settings { mean: Mean::Given(3.0), ..Settings::learned(2) });
    assert_eq!([1.0, 5.0, 9.0].map(|x| sign(seen.push(x))), [0; 3]);
    assert_eq!(seen.mean(), Some(3.0));
    assert!((seen.sigma().unwrap() / 8_f64.sqrt() - 1.0).abs() < 1e-15);
    assert!((seen.up().sum - (6.0 / 8_f64.sqrt() - 0.5)).abs() < 1e-12);
    let mut seen = detector(Settings { sigma: Sigma::Given(4.0), ..Settings::learned(1) });
    assert_eq!([1.0, 5.0].map(|x| sign(seen.push(x))), [0; 2]);
    assert_eq!((seen.mean(), seen.sigma(), seen.up().sum), (Some(1.0), Some(4.0), 0.5));
}

#[test]
fn settings_that_mean_nothing_are_refused() {
    let error = |settings| Detector::new(settings).err();
    let given = Settings::given(0.0, 1.0);
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(error(Settings { drift: bad, ..given }), Some(InvalidSettings::Drift));
        assert_eq!(error(Settings { threshold: bad, ..given }), Some(InvalidSettings::Threshold));
        assert_eq!(error(Settings::given(bad, 1.0)), Some(InvalidSettings::Mean));
        assert_eq!(error(Settings::given(0.0, bad)), Some(InvalidSettings::Sigma));
    }
    assert_eq!(error(Settings { drift: -0.1, ..given }), Some(InvalidSettings::Drift));
    assert_eq!(error(Settings { drift: 0.0, ..given }), None);
    for bad in [0.0, -1.0] {
        assert_eq!(error(Settings { threshold: bad, ..given }), Some(InvalidSettings::Threshold));
        assert_eq!(error(Settings::given(0.0, bad)), Some(InvalidSettings::Sigma));
    }
    let warm_up = |settings: Settings, warm_up| error(Settings { warm_up, ..settings });
    assert_eq!(warm_up(Settings::default(), 1), Some(InvalidSettings::WarmUp));
    assert_eq!(warm_up(Settings::page_hinkley(9), 1), Some(InvalidSettings::WarmUp));
    assert_eq!([warm_up(Settings::default(), 2), warm_up(given, 0)], [None; 2]);
    let sigma = Sigma::Given(1.0);
    assert_eq!(warm_up(Settings { sigma, ..Settings::default() }, 0), Some(InvalidSettings::WarmUp));
    assert_eq!(warm_up(Settings { sigma, ..Settings::default() }, 1), None);
    assert_eq!(warm_up(Settings { sigma, ..Settings::page_hinkley(9) }, 0), None);
}

/// Of equal means the deviations count all the same.
#[test]
fn what_was_learned_around_one_mean_is_merged() {
    let (mut one, two) = (learning(&[-1.0, 1.0, -1.0, 1.0]), learning(&[-3.0, 3.0, -3.0, 3.0]));
    one.merge(&two).unwrap();
    let expected = (40.0_f64 / 7.0).sqrt();
    let sigma = one.sigma().unwrap();
    assert!(one.mean() == Some(0.0) && (sigma - expected).abs() < 1e-15 * expected, "{sigma}");
    let mut one = learning(&[5.0; 4]);
    one.merge(&learning(&[5.0; 4])).unwrap();
    assert_eq!((one.mean(), one.sigma()), (Some(5.0), Some(0.0)));
    // Two constants are none together, and one is none with what is around it.
    for other in [&[7.0; 4], &[3.0, 7.0, 3.0, 7.0]] {
        for [mut one, other] in [[learning(&[5.0; 4]), learning(other)], [learning(other), learning(&[5.0; 4])]] {
            one.merge(&other).unwrap();
            assert!(one.sigma() > Some(0.5), "{:?}", one.sigma());
        }
    }
}

/// A count that went no further says nothing about the others.
#[test]
fn what_was_counted_to_the_end_is_restored() {
    let settings = Settings::page_hinkley(4);
    let restored = |count, alarms_up| {
        let parts = Parts { learned: 9, mean: 1.0, sigma: 1.0, count, alarms_up, ..Parts::default() };
        Detector::from_parts(settings, &parts).err()
    };
    assert_eq!((restored(9, 0), restored(8, 0), restored(9, 1)), (None, COUNT, COUNT));
    assert_eq!(restored(u64::MAX, u64::MAX), None);
}

const COUNT: Option<InvalidParts> = Some(InvalidParts::Count);
