//! The state of `Moments` as plain numbers: what goes out comes back, and what no values have led to is refused.

use proptest::prelude::*;
use streamgauge_core::stats::Moments;
use streamgauge_core::stats::moments::{NonFinite, Parts};

use crate::moments::{finite, from_slice, one_by_one};

fn is_accepted(parts: &Parts) -> bool {
    Moments::from_parts(parts, NonFinite::Poison).is_ok()
}

/// Two values, 1 and 8, of which all bounds are known, with and without a scale.
#[test]
fn what_contradicts_itself_is_refused_and_nothing_else() {
    for magnitude in [1.0, 2_f64.powi(-400)] {
        let parts = from_slice(&[magnitude, 8.0 * magnitude]).to_parts();
        let unit = magnitude * 2_f64.powi(parts.exponent);
        assert_eq!((parts.pivot, parts.sums[1][0]), (4.5 * unit, 24.5 * unit * unit));
        let with_pivot = |pivot: f64| is_accepted(&Parts { pivot: pivot * unit, ..parts });
        // A billionth of the range beyond the extremes.
        assert!(with_pivot(8.0 + 6.9e-9) && with_pivot(1.0 - 6.9e-9));
        assert!(!with_pivot(8.0 + 7.1e-9) && !with_pivot(1.0 - 7.1e-9) && !with_pivot(f64::NAN));
        let with_sum = |power: i32, sum: f64| {
            let mut sums = parts.sums;
            sums[power as usize - 1][0] = sum * unit.powi(power);
            is_accepted(&Parts { sums, ..parts })
        };
        // No sum is more than both values at the full range; the squares are not less than those of the extremes.
        assert!(with_sum(2, 98.0) && !with_sum(2, 98.1) && !with_sum(2, 23.9) && !with_sum(2, -1.0));
        assert!(with_sum(3, 686.0) && !with_sum(3, 686.1) && with_sum(3, -686.0) && !with_sum(3, -686.1));
        assert!(with_sum(4, 4802.0) && !with_sum(4, 4802.1) && !with_sum(4, 287.0) && !with_sum(4, f64::NAN));
        let mut sums = parts.sums;
        sums[1] = [32.0, 32.0 * f64::EPSILON / 2.0].map(|part| part * unit * unit);
        assert!(is_accepted(&Parts { sums, ..parts }), "half a unit is what rounding takes away");
        sums[1][1] = unit * unit * 1e-14;
        assert!(!is_accepted(&Parts { sums, ..parts }), "the low part is no rounding error");
        let (min, max) = (parts.min, parts.max);
        for (min, max) in [(max, min), (f64::NAN, max), (min, f64::NAN), (f64::NEG_INFINITY, max), (min, f64::INFINITY)]
        {
            // The last is what the exponent of an infinite value would be.
            for exponent in [parts.exponent, i32::MIN] {
                assert!(!is_accepted(&Parts { min, max, exponent, ..parts }));
            }
        }
    }
}

/// Which power of two the values are multiplied by, at both ends of its range.
#[test]
fn the_scale_is_the_same_in_different_places() {
    let power = |exponent| 2_f64.powi(exponent);
    let below = |x: f64| f64::from_bits(x.to_bits() - 1);
    let exponent = |values: &[f64]| one_by_one(values).to_parts().exponent;
    let first = [(f64::MAX, -900), (power(170), -300), (below(power(170)), 0), (power(-130), 0), (5e-324, 900)];
    for (value, expected) in first.into_iter().chain([(below(power(-130)), 300), (power(-730), 600), (0.0, 0)]) {
        assert_eq!([exponent(&[value]), exponent(&[-value])], [expected; 2], "{value:e}");
    }
    // Once chosen it is good for larger values, up to 2^220 of them.
    assert_eq!(exponent(&[1.0, power(220)]), 0);
    assert_eq!(exponent(&[1.0, below(power(220)) * 2.0]), -300);
    assert_eq!(exponent(&[power(-400), power(-80), power(-81)]), 300);
    assert_eq!(exponent(&[power(-400), below(power(-80)) * 2.0]), 0);
    let parts = one_by_one(&[1.0, power(220)]).to_parts();
    assert!(is_accepted(&parts) && !is_accepted(&Parts { exponent: 300, ..parts }));
    assert!(!is_accepted(&Parts { max: f64::from_bits(parts.max.to_bits() + 1), ..parts }));
}

#[test]
fn a_count_beyond_the_whole_numbers_is_refused() {
    let parts = from_slice(&[3.0; 5]).to_parts();
    assert!(is_accepted(&Parts { count: 1 << 53, ..parts }));
    assert!(!is_accepted(&Parts { count: (1 << 53) + 1, ..parts }));
    assert!(!is_accepted(&Parts { count: 0, ..parts }));
}

#[test]
fn what_was_not_finite_comes_back_without_values() {
    let mut seen = Moments::new();
    [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::INFINITY].iter().for_each(|x| seen.push(*x));
    let parts = seen.to_parts();
    assert_eq!((parts.count, parts.nan, parts.positive_infinities, parts.negative_infinities), (0, 1, 2, 1));
    let back = Moments::from_parts(&parts, NonFinite::LeaveOut).unwrap();
    assert_eq!((back.to_parts(), back.non_finite()), (parts, NonFinite::LeaveOut));
    assert!(!is_accepted(&Parts { min: 1.0, ..parts }));
}

proptest! {
    #[test]
    fn parts_come_back_as_they_went(values in prop::collection::vec(finite(), 0..300)) {
        let mut seen = one_by_one(&values);
        seen.push(f64::NAN);
        let parts = seen.to_parts();
        let printed: Vec<String> = parts.sums.iter().flatten().map(|x| format!("{x:.16e}")).collect();
        let mut read = printed.iter().map(|text| text.parse::<f64>().unwrap());
        let sums = parts.sums.map(|pair| pair.map(|_| read.next().unwrap()));
        let back = Moments::from_parts(&Parts { sums, ..parts }, NonFinite::Poison);
        prop_assert!(back.is_ok(), "{:?}", parts);
        let back = back.unwrap();
        prop_assert_eq!(back.to_parts(), parts);
        let mut more = seen;
        let mut also = back;
        more.push(2.5);
        also.push(2.5);
        prop_assert_eq!((more.count(), more.to_parts().pivot), (also.count(), also.to_parts().pivot));
    }

    /// Whatever is accepted gives no NaN and panics nowhere.
    #[test]
    fn forged_parts_give_no_nan(
        values in prop::collection::vec(finite(), 1..10),
        at in 0..8_usize,
        forged in any::<u64>().prop_map(f64::from_bits),
        count in prop_oneof![0..20_u64, any::<u64>()],
        exponent in -1100..1100,
    ) {
        let parts = from_slice(&values).to_parts();
        let mut sums = parts;
        sums.sums[at / 2][at % 2] = forged;
        let candidates = [
            sums,
            Parts { sums: [[0.0; 2]; 4], ..parts },
            Parts { count, ..parts },
            Parts { exponent, ..parts },
            Parts { pivot: forged, ..parts },
            Parts { min: forged, ..parts },
            Parts { max: forged, ..parts },
        ];
        for parts in candidates {
            let Ok(mut seen) = Moments::from_parts(&parts, NonFinite::LeaveOut) else { continue };
            for _ in 0..2 {
                let results = [
                    seen.mean(), seen.population_variance(), seen.sample_variance(), seen.population_stddev(),
                    seen.sample_stddev(), seen.skewness(), seen.excess_kurtosis(), seen.min(), seen.max(),
                ];
                prop_assert!(results.iter().flatten().all(|x| !x.is_nan()), "{:?} {:?}", parts, results);
                let copy = seen;
                seen.merge(&copy);
                seen.push(1.5);
            }
        }
    }
}
