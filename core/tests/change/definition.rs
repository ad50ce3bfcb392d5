//! The sums against what they are defined as, in arithmetic that is exact: eighths, and powers of two for sigma.

use proptest::prelude::*;
use streamgauge_core::stats::change::{AfterAlarm, Change, Excursion, Mean, Settings, Sigma};

use crate::{detector, sign};

/// The largest sum of `distance - drift` over the values up to the last, or 0, as Page defines it.
fn page(distances: &[f64], drift: f64) -> f64 {
    let sum = |from: usize| distances[from..].iter().map(|distance| distance - drift).sum::<f64>();
    (0..distances.len()).map(sum).fold(0.0, f64::max)
}

fn sum_of(change: Change) -> (i32, f64) {
    match change {
        Change::Up(excursion) => (1, excursion.sum),
        Change::Down(excursion) => (-1, excursion.sum),
    }
}

proptest! {
    #[test]
    fn sums_are_the_largest_of_all_that_end_here(
        values in prop::collection::vec(-40..40_i32, 0..60),
        (drift, threshold) in (0..16_i32, 1..100_i32),
        (mean, sigma) in (-10..10_i32, -2..3_i32),
    ) {
        let (mean, sigma) = (f64::from(mean) * 0.125, 2_f64.powi(sigma));
        let (drift, threshold) = (f64::from(drift) / 64.0, f64::from(threshold) / 8.0);
        let settings = Settings { drift, threshold, ..Settings::given(mean, sigma) };
        let mut seen = detector(settings);
        // Since the last alarm of each side.
        let (mut ups, mut downs) = (Vec::new(), Vec::new());
        let (mut alarms_up, mut alarms_down) = (0, 0);
        for x in values.iter().map(|x| f64::from(*x) * 0.125) {
            ups.push((x - mean) / sigma);
            downs.push((mean - x) / sigma);
            let (up, down) = (page(&ups, drift), page(&downs, drift));
            let mut expected = None;
            if up > threshold {
                ups.clear();
                (expected, alarms_up) = (Some((1, up)), alarms_up + 1);
            } else if down > threshold {
                downs.clear();
                (expected, alarms_down) = (Some((-1, down)), alarms_down + 1);
            }
            prop_assert_eq!(seen.push(x).map(sum_of), expected);
            prop_assert_eq!((seen.up().sum, seen.down().sum), (page(&ups, drift), page(&downs, drift)));
            prop_assert_eq!((seen.alarms_up(), seen.alarms_down()), (alarms_up, alarms_down));
        }
        prop_assert_eq!(seen.count(), values.len() as u64);
    }

    /// Page and Hinkley: what is cumulated of the distances from the running mean, less its least so far.
    #[test]
    fn about_a_running_mean_it_is_page_and_hinkley(
        values in prop::collection::vec(-1000..1000_i32, 0..100),
        (drift, threshold) in (0.0..2.0_f64, 0.5..50.0_f64),
        after_alarm in prop_oneof![Just(AfterAlarm::Keep), Just(AfterAlarm::Relearn)],
    ) {
        let sigma = 100.0;
        let settings = Settings {
            drift,
            threshold,
            sigma: Sigma::Given(sigma),
            after_alarm,
            ..Settings::page_hinkley(0)
        };
        let mut seen = detector(settings);
        let (mut sum, mut n) = (0.0, 0.0);
        let (mut up, mut least, mut down, mut most) = (0.0_f64, 0.0_f64, 0.0_f64, 0.0_f64);
        for x in values.into_iter().map(f64::from) {
            (sum, n) = (sum + x, n + 1.0);
            let distance = (x - sum / n) / sigma;
            (up, down) = (up + distance - drift, down + distance + drift);
            (least, most) = (least.min(up), most.max(down));
            // Rounding decides nothing here.
            prop_assume!((up - least - threshold).abs() > 1e-9 && (most - down - threshold).abs() > 1e-9);
            let expected = i32::from(up - least > threshold) - i32::from(most - down > threshold);
            prop_assert_eq!(sign(seen.push(x)), expected);
            if expected != 0 && after_alarm == AfterAlarm::Relearn {
                (sum, n, up, least, down, most) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
            } else if expected == 1 {
                (up, least) = (0.0, 0.0);
            } else if expected == -1 {
                (down, most) = (0.0, 0.0);
            }
            prop_assert!((seen.up().sum - (up - least)).abs() < 1e-9);
            prop_assert!((seen.down().sum - (most - down)).abs() < 1e-9);
            prop_assert!(n == 0.0 || (seen.mean().unwrap() - sum / n).abs() < 1e-9);
        }
    }
}

#[test]
fn an_excursion_tells_since_when() {
    let mut seen = detector(Settings { threshold: 3.0, ..Settings::given(0.0, 1.0) });
    let told: Vec<_> = [0.5, 1.5, 0.0, 0.0, -0.5, 1.0, 1.5, -0.25, 2.5].map(|x| (seen.push(x), seen.up())).into();
    let sums: Vec<f64> = told.iter().map(|(_, up)| up.sum).collect();
    let values: Vec<u64> = told.iter().map(|(_, up)| up.values).collect();
    assert_eq!(sums, [0.0, 1.0, 0.5, 0.0, 0.0, 0.5, 1.5, 0.75, 2.75]);
    assert_eq!(values, [0, 1, 2, 0, 0, 1, 2, 3, 4]);
    // The threshold itself is none, beyond it there is one, which takes its sum with it.
    assert_eq!((seen.push(0.75), seen.up().sum), (None, 3.0));
    assert_eq!(seen.push(0.625), Some(Change::Up(Excursion { sum: 3.125, values: 6 })));
    assert_eq!(seen.up(), Excursion::default());
    assert_eq!(seen.push(-4.0), Some(Change::Down(Excursion { sum: 3.5, values: 1 })));
    assert_eq!((seen.alarms_up(), seen.alarms_down(), seen.count()), (1, 1, 12));
    assert_eq!(seen.settings().mean, Mean::Given(0.0));
}

#[test]
fn what_is_not_finite_is_counted_by_kind() {
    let mut seen = detector(Settings::given(0.0, 1.0));
    for x in [f64::NAN, f64::INFINITY, f64::INFINITY, 0.0, f64::NEG_INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY] {
        assert_eq!(seen.push(x), None);
    }
    let counts = [seen.count(), seen.nan(), seen.positive_infinities(), seen.negative_infinities()];
    assert_eq!(counts, [1, 1, 2, 3]);
}
