//! Bins: their width, where they begin, and how much they span.

use proptest::prelude::*;
use streamgauge_core::stats::DdSketch;
use streamgauge_core::stats::quantiles::{Accuracy, Bin};

use crate::exact::is_within;
use crate::model::sketch_of;
use crate::streams;

const ACCURACIES: [f64; 6] = [0.000_01, 0.000_3, 0.01, 0.021, 0.1, 0.5];

fn bin_of(x: f64, accuracy: f64) -> Bin {
    let sketch = sketch_of(&[(x, 1)], (accuracy, 2, 1));
    sketch.bins().next().expect("a bin for each number")
}

/// Keeps the promise for both ends of the bin, with as little known as can be: the least is at one, the greatest at
/// the other.
fn answers_suit(Bin { lower, upper, .. }: Bin, accuracy: f64) {
    let last = upper.next_down();
    for sign in [1.0, -1.0] {
        for truth in [lower, last] {
            let mut sketch = DdSketch::new([0; 2], Accuracy::new(accuracy).unwrap());
            [lower, truth, last].iter().for_each(|x| sketch.push(sign * x));
            assert_eq!(sketch.bins().count(), 1, "{lower} to {last}");
            let answer = sketch.quantile(0.5).unwrap();
            assert!(is_within(answer.estimate, sign * truth, accuracy), "{truth}: {answer:?}");
            assert!(is_within(answer.estimate, sign * truth, answer.error), "{truth}: {answer:?}");
            assert!(answer.error <= accuracy, "{answer:?}");
        }
    }
}

/// All of them, from the least denormal on: each begins where the one before ends, so every number has one.
#[test]
fn bins_follow_each_other_and_keep_the_promise() {
    for accuracy in [0.01, 0.021, 0.1, 0.5] {
        let (mut edge, mut bins) = (f64::from_bits(1), 0);
        while edge < f64::INFINITY {
            let bin = bin_of(edge, accuracy);
            assert_eq!(bin.lower, edge);
            assert_eq!(bin_of(bin.upper.next_down(), accuracy), bin);
            answers_suit(bin, accuracy);
            edge = bin.upper;
            bins += 1;
            if cfg!(miri) && bins > 20 {
                break;
            }
        }
        let octaves = 0.7 / (2.0 * f64::atanh(accuracy)) * 2046.0;
        assert!(cfg!(miri) || f64::from(bins) > octaves, "{bins}");
        // Denormals of 52 octaves have four times as many at most.
        assert!(f64::from(bins) < 1.001 * octaves / 2046.0 * (2046.0 + 208.0), "{bins}");
    }
}

proptest! {
    #[test]
    fn every_number_has_a_bin_that_keeps_the_promise(
        bits in prop_oneof![1_u64..f64::INFINITY.to_bits(), 1_u64..1 << 52, 1_u64..1 << 20],
        accuracy in prop::sample::select(ACCURACIES.to_vec()),
        any_accuracy in 0.000_01..0.5,
    ) {
        let x = f64::from_bits(bits);
        for accuracy in [accuracy, any_accuracy] {
            let bin = bin_of(x, accuracy);
            prop_assert!(bin.lower <= x && x < bin.upper, "{x}: {bin:?}");
            let mirrored = bin_of(-x, accuracy);
            prop_assert_eq!((mirrored.lower, mirrored.upper), (-bin.upper, -bin.lower));
            answers_suit(bin, accuracy);
            if bin.upper < f64::INFINITY {
                prop_assert_eq!(bin_of(bin.upper, accuracy).lower, bin.upper);
            }
        }
    }

    /// In order, without overlap, with each value in one of them.
    #[test]
    fn bins_hold_all_values(stream in streams::heavy(), settings in streams::settings()) {
        let sketch = sketch_of(&stream, settings);
        let bins: Vec<Bin> = sketch.bins().collect();
        for (bin, next) in bins.iter().zip(bins.iter().skip(1)) {
            prop_assert!(bin.upper <= next.lower, "{bin:?} {next:?}");
        }
        let counted: u64 = bins.iter().map(|bin| bin.count).sum();
        prop_assert_eq!(counted + sketch.uncounted(), sketch.count());
        let holds = |bin: &Bin, x: f64| {
            let in_it = if x < 0.0 { bin.lower < x && x <= bin.upper } else { bin.lower <= x && x < bin.upper };
            if x == 0.0 { bin.lower == 0.0 && bin.upper == 0.0 } else { in_it }
        };
        let mut expected = vec![0_u64; bins.len()];
        for (x, times) in stream.iter().filter(|(x, times)| x.is_finite() && *times > 0) {
            let place = bins.iter().position(|bin| holds(bin, *x));
            prop_assert!(place.is_some(), "{x} in {bins:?}");
            expected[place.unwrap()] += times;
        }
        for (bin, expected) in bins.iter().zip(expected) {
            let most = if bin.lower == 0.0 && bin.upper == 0.0 { u64::MAX } else { u32::MAX.into() };
            prop_assert_eq!(bin.count, expected.min(most), "{:?}", bin);
        }
    }
}

/// The spans that the documentation states.
#[test]
fn decades_that_bins_span() {
    for (bins, decades) in [(1024, 8.79), (2048, 17.6)] {
        let mut shortest = f64::INFINITY;
        for phase in 0..200 {
            let least = 1.0 + f64::from(phase) / 200.0;
            // The least ratio at which the least value collapses.
            let (mut fits, mut collapses) = (1.0_f64, 1e20_f64);
            for _ in 0..60 {
                let ratio = (fits * collapses).sqrt();
                let sketch = sketch_of(&[(least, 1), (least * ratio, 1)], (0.01, bins, 0));
                if sketch.collapsed() == 0 { fits = ratio } else { collapses = ratio }
            }
            shortest = shortest.min(fits.log10());
        }
        println!("{bins} bins: {shortest:.3} decades or more, a ratio of {:.3e}", 10_f64.powf(shortest));
        assert!(shortest >= decades && shortest < decades + 0.1, "{bins}: {shortest}");
    }
}

#[test]
fn what_is_collapsed_is_a_bin_from_the_least_on() {
    for sign in [1.0, -1.0] {
        let sketch = sketch_of(&[(sign, 1), (sign * 2.0, 1), (sign * 1e6, 1)], (0.01, 8, 4));
        let bins: Vec<Bin> = sketch.bins().collect();
        assert_eq!((sketch.collapsed(), bins.len()), (2, 2), "{bins:?}");
        let (least, count) = if sign > 0.0 { (bins[0].lower, bins[0].count) } else { (bins[1].upper, bins[1].count) };
        assert_eq!((least, count), (sign, 2), "{bins:?}");
    }
}
