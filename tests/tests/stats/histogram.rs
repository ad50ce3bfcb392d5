//! Histograms against plain counting, and quantiles against sorted values.

use proptest::prelude::*;
use streamgauge_core::stats::histogram::{DifferentBins, InvalidRange, NothingToRemove};
use streamgauge_core::stats::{Histogram, IntHistogram};

#[test]
fn ranges_that_cannot_be_divided_are_refused() {
    let new = |bins: usize, low, high| Histogram::new(vec![0; bins], low, high).map(|_| ());
    for (bins, low, high) in [
        (0, 0.0, 1.0),
        (1, 1.0, 1.0),
        (1, 2.0, 1.0),
        (1, f64::NAN, 1.0),
        (1, 0.0, f64::NAN),
        (1, 0.0, f64::INFINITY),
        (1, f64::NEG_INFINITY, 0.0),
        (9, 0.0, 5e-324 * 9.0),
        (9, 1.0, 1.0 + 8.0 * f64::EPSILON),
    ] {
        assert_eq!(new(bins, low, high), Err(InvalidRange), "{bins} bins of {low}..{high}");
    }
    assert_eq!(new(1, -1e300, 1e300), Ok(()));
    assert_eq!(new(1, f64::MIN, f64::MAX), Ok(()));
    let integer = |bins: usize, low, width| IntHistogram::new(vec![0; bins], low, width).map(|_| ());
    assert_eq!(integer(0, 0, 1), Err(InvalidRange));
    assert_eq!(integer(1, 0, 0), Err(InvalidRange));
    assert_eq!(integer(2, 0, 1 << 31), Err(InvalidRange));
    assert_eq!(integer(2, i32::MIN, 1 << 31), Ok(()));
    assert_eq!(integer(1, i32::MAX, u32::MAX), Ok(()));
}

#[test]
fn storage_is_zeroed_and_extremes_are_counted() {
    let mut seen = Histogram::new([9; 3], 0.0, 0.3).unwrap();
    assert_eq!((seen.bins(), seen.count(), seen.quantile(0.5)), (&[0; 3][..], 0, None));
    for x in [f64::NEG_INFINITY, -5e-324, 0.0, 0.3, f64::INFINITY, f64::NAN] {
        seen.push(x);
    }
    assert_eq!((seen.bins(), seen.underflow(), seen.overflow(), seen.nan()), (&[1, 0, 0][..], 2, 2, 1));
    assert_eq!(seen.count(), 5);
    for x in [f64::NEG_INFINITY, -5e-324, 0.0, 0.3, f64::INFINITY, f64::NAN] {
        assert_eq!(seen.remove(x), Ok(()));
    }
    assert_eq!((seen.count(), seen.nan()), (0, 0));
    for x in [-1.0, 0.1, 2.0, f64::NAN] {
        assert_eq!(seen.remove(x), Err(NothingToRemove));
    }
    let mut seen = IntHistogram::new([9; 2], i32::MIN, 1 << 31).unwrap();
    for x in [i32::MIN, -1, 0, i32::MAX] {
        seen.push(x);
    }
    assert_eq!((seen.bins(), seen.edge(1), seen.edge(2)), (&[2, 2][..], 0, 1 << 31));
}

#[test]
fn only_the_same_bins_merge() {
    let mut seen = Histogram::new([0; 4], 0.0, 1.0).unwrap();
    seen.push(0.5);
    let before = seen;
    assert_eq!(seen.merge(&Histogram::new([0; 5], 0.0, 1.0).unwrap()), Err(DifferentBins));
    assert_eq!(seen.merge(&Histogram::new([0; 4], 0.0, 2.0).unwrap()), Err(DifferentBins));
    assert_eq!(seen, before);
    let mut integers = IntHistogram::new([0; 4], 0, 1).unwrap();
    assert_eq!(integers.merge(&IntHistogram::new([0; 4], 0, 2).unwrap()), Err(DifferentBins));
    assert_eq!(integers.merge(&IntHistogram::new([0; 3], 0, 1).unwrap()), Err(DifferentBins));
}

/// Integers stand for the middle of what rounds to them: a bin of 14 to 17 goes from 13.5 to 17.5.
#[test]
fn a_quantile_of_integers_lies_within_its_bin() {
    let mut seen = IntHistogram::new([0; 3], 10, 4).unwrap();
    for x in [9, 10, 11, 15, 15, 16, 17, 30, 40, 22] {
        seen.push(x);
    }
    assert_eq!((seen.underflow(), seen.overflow(), seen.count()), (1, 3, 10));
    let quantile = |q| seen.quantile(q).map(|found| (found.estimate, found.lower, found.upper));
    // The second of the four in its bin; the middle of the first of four parts is an eighth of it.
    assert_eq!(quantile(0.5), Some((15.0, 14, 18)));
    assert_eq!(quantile(0.4), Some((14.0, 14, 18)));
    assert_eq!(quantile(0.2), Some((10.5, 10, 14)));
    assert_eq!(quantile(0.0), Some((10.0, i64::from(i32::MIN), 10)));
    assert_eq!(quantile(1.0), Some((22.0, 22, i64::from(i32::MAX))));
}

proptest! {
    #[test]
    fn bins_hold_what_their_edges_say(
        (low, width) in prop_oneof![
            (-1e3..1e3, 1e-6..1e3),
            (-1e300..1e300, 1e299..1e300),
            (-1e-300..1e-300, 1e-304..1e-300),
        ],
        number in 1..40_usize,
        places in prop::collection::vec((-2..50_usize as i32, 0..3_i32), 1..200),
        qs in prop::collection::vec(0.0..=1.0, 1..10),
        cut in 0..200_usize,
    ) {
        let high = low + width;
        let mut seen = Histogram::new(vec![0; number], low, high).unwrap();
        let edges: Vec<f64> = (0..=number).map(|bin| seen.edge(bin)).collect();
        prop_assert!(edges.is_sorted() && edges[0] == low && edges[number] == high);
        // On the edges, next to them, and within the bins.
        let values: Vec<f64> = places.iter().map(|&(bin, at)| {
            let edge = usize::try_from(bin).ok().and_then(|bin| edges.get(bin)).copied();
            match (edge, at) {
                (None, _) => low + f64::from(bin) * width / number as f64,
                (Some(edge), 0) => edge,
                (Some(edge), 1) => edge.next_down(),
                (Some(edge), _) => edge + width / number as f64 / 3.0,
            }
        }).collect();
        let mut other = Histogram::new(vec![0; number], low, high).unwrap();
        let (here, there) = values.split_at(cut.min(values.len()));
        here.iter().for_each(|&x| seen.push(x));
        there.iter().for_each(|&x| other.push(x));
        seen.merge(&other).unwrap();
        let between = |a: f64, b: f64| values.iter().filter(|x| a <= **x && **x < b).count() as u64;
        let counted: Vec<u64> = edges.windows(2).map(|edges| between(edges[0], edges[1])).collect();
        prop_assert_eq!(seen.bins(), &counted[..]);
        prop_assert_eq!(seen.underflow(), between(f64::NEG_INFINITY, low));
        prop_assert_eq!(seen.overflow(), between(high, f64::INFINITY));

        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        for q in qs {
            let rank = (f64::ceil(q * sorted.len() as f64) as usize).clamp(1, sorted.len());
            let exact = sorted[rank - 1];
            let found = seen.quantile(q).unwrap();
            prop_assert!(found.lower <= exact && exact < found.upper, "{} of {:?}: {:?}", q, sorted, found);
            prop_assert!(found.lower <= found.estimate && found.estimate <= found.upper);
        }
    }

    #[test]
    fn bins_hold_what_is_farther_apart_than_a_double_says(
        low in f64::MIN..=-9e307,
        high in 9e307..=f64::MAX,
        number in 1..40_usize,
        values in prop::collection::vec(f64::MIN..=f64::MAX, 1..100),
        q in 0.0..=1.0,
    ) {
        let mut seen = Histogram::new(vec![0; number], low, high).unwrap();
        let edges: Vec<f64> = (0..=number).map(|bin| seen.edge(bin)).collect();
        prop_assert!(edges.is_sorted() && edges[0] == low && edges[number] == high, "{:?}", edges);
        let half = (high * 0.5 - low * 0.5) / number as f64;
        prop_assert!(edges.windows(2).all(|edges| ((edges[1] * 0.5 - edges[0] * 0.5) / half - 1.0).abs() < 1e-9));
        let values: Vec<f64> = values.into_iter().chain(edges.iter().flat_map(|edge| [*edge, edge.next_down()])).collect();
        values.iter().for_each(|x| seen.push(*x));
        let between = |a: f64, b: f64| values.iter().filter(|x| a <= **x && **x < b).count() as u64;
        let counted: Vec<u64> = edges.windows(2).map(|edges| between(edges[0], edges[1])).collect();
        prop_assert_eq!(seen.bins(), &counted[..]);
        let found = seen.quantile(q).unwrap();
        prop_assert!(found.estimate.is_finite() && found.lower <= found.estimate && found.estimate <= found.upper);
    }

    #[test]
    fn integers_are_counted_where_they_belong(
        low in -100..100_i32,
        width in 1..20_u32,
        number in 1..20_usize,
        values in prop::collection::vec(-300..500_i32, 1..200),
        q in 0.0..=1.0,
    ) {
        let mut seen = IntHistogram::new(vec![7; number], low, width).unwrap();
        values.iter().for_each(|&x| seen.push(x));
        for (bin, &count) in seen.bins().iter().enumerate() {
            let (from, to) = (seen.edge(bin), seen.edge(bin + 1));
            prop_assert_eq!(count, values.iter().filter(|x| (from..to).contains(&i64::from(**x))).count() as u64);
        }
        prop_assert_eq!(seen.count(), values.len() as u64);
        prop_assert_eq!(seen.underflow(), values.iter().filter(|x| **x < low).count() as u64);
        let mut sorted = values.clone();
        sorted.sort_unstable();
        let rank = (f64::ceil(q * sorted.len() as f64) as usize).clamp(1, sorted.len());
        let (exact, found) = (i64::from(sorted[rank - 1]), seen.quantile(q).unwrap());
        prop_assert!(found.lower <= exact && exact < found.upper, "{} of {:?}: {:?}", q, sorted, found);
        for x in values {
            seen.remove(x).unwrap();
        }
        prop_assert_eq!(seen.count(), 0);
    }
}
