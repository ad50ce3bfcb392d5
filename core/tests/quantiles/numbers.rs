//! States from elsewhere.

use proptest::prelude::*;
use streamgauge_core::stats::DdSketch;
use streamgauge_core::stats::quantiles::{InvalidState, Numbers, SideNumbers};

use crate::model::sketch_of;
use crate::streams;

/// Values that lead to this state of one sign, whose bins begin so.
fn replayed(numbers: &SideNumbers, sketch: &DdSketch<Vec<u32>>, sign: f64) -> Vec<(f64, u64)> {
    let SideNumbers { count, least, greatest, collapsed, .. } = *numbers;
    let bins = sketch.bins().filter(|bin| (sign * bin.upper).max(sign * bin.lower) > 0.0);
    let edges = |bin: &streamgauge_core::stats::quantiles::Bin| {
        if sign < 0.0 { (-bin.upper, -bin.lower) } else { (bin.lower, bin.upper) }
    };
    let mut bins: Vec<_> = bins.map(|bin| (edges(&bin), bin.count)).collect();
    bins.sort_by(|((a, _), _), ((b, _), _)| a.total_cmp(b));
    let counted: u64 = bins.iter().map(|(_, count)| count).sum();
    let mut rest = count.saturating_sub(counted);
    let mut values = Vec::new();
    for (number, ((lower, upper), count)) in bins.into_iter().enumerate() {
        let more = if count == u64::from(u32::MAX) { std::mem::take(&mut rest) } else { 0 };
        // Both ends of the bin, as far as there are values: a count of one is that of the extreme it has to be.
        let (first, last) = (lower.max(least), upper.next_down().min(greatest));
        let is_collapsed = number == 0 && collapsed > 0;
        if count > 1 && (is_collapsed || first == least) {
            values.extend([(sign * first, 1), (sign * last, count - 1 + more)]);
        } else if first == least {
            values.push((sign * first, count + more));
        } else {
            values.push((sign * last, count + more));
        }
    }
    values
}

fn changed(number: u64, how: u8) -> u64 {
    match how % 6 {
        0 => number.wrapping_add(1),
        1 => number.wrapping_sub(1),
        2 => number ^ 1 << 31,
        3 => u64::from(u32::MAX),
        4 => 0,
        _ => number.wrapping_mul(3),
    }
}

fn damage(numbers: &mut Numbers, bins: &mut [u32], field: u8, how: u8, place: prop::sample::Index) {
    let side = if how & 64 > 0 { &mut numbers.negative } else { &mut numbers.positive };
    match field % 9 {
        0 => side.count = changed(side.count, how),
        1 => side.least = f64::from_bits(changed(side.least.to_bits(), how)),
        2 => side.greatest = f64::from_bits(changed(side.greatest.to_bits(), how)),
        3 => side.collapsed = changed(side.collapsed.into(), how) as u32,
        4 => side.collapsed_to = changed(side.collapsed_to.into(), how) as u32,
        5 => numbers.negative_bins = changed(numbers.negative_bins.into(), how) as u32,
        6 => numbers.accuracy = [0.01, 0.02, f64::NAN, 0.0][usize::from(how % 4)],
        _ if bins.is_empty() => {}
        _ => {
            let place = place.index(bins.len());
            let before = u64::from(bins[place]);
            bins[place] = changed(before, how) as u32;
            if field % 9 == 7 {
                // And a count that hides it.
                side.count = side.count.wrapping_add(bins[place].into()).wrapping_sub(before);
            }
        }
    }
}

proptest! {
    #[test]
    fn numbers_come_back_as_they_went(stream in streams::heavy(), settings in streams::settings()) {
        let sketch = sketch_of(&stream, settings);
        let again = DdSketch::from_numbers(&sketch.to_numbers(), sketch.storage().clone());
        prop_assert_eq!(again, Ok(sketch));
    }

    /// What is accepted is what some values lead to, so every promise holds of it; and nothing panics.
    #[test]
    fn what_no_values_lead_to_is_refused(
        stream in streams::heavy(),
        settings in streams::settings(),
        damages in prop::collection::vec((any::<u8>(), any::<u8>(), any::<prop::sample::Index>()), 1..3),
    ) {
        let sketch = sketch_of(&stream, settings);
        let (mut numbers, mut bins) = (sketch.to_numbers(), sketch.storage().clone());
        for (field, how, place) in damages {
            damage(&mut numbers, &mut bins, field, how, place);
        }
        if let Ok(accepted) = DdSketch::from_numbers(&numbers, bins.clone()) {
            prop_assert_eq!(accepted.to_numbers(), numbers);
            let mut values = replayed(&numbers.negative, &accepted, -1.0);
            values.extend(replayed(&numbers.positive, &accepted, 1.0));
            let settings = (numbers.accuracy, bins.len(), numbers.negative_bins as usize);
            let again = sketch_of(&values, settings);
            prop_assert_eq!(again.to_numbers().negative, numbers.negative, "{:?}", &values);
            prop_assert_eq!(again.to_numbers().positive, numbers.positive, "{:?}", &values);
            prop_assert_eq!(again.storage(), &bins);
        }
    }

    /// A summary with bins that aren't its own gives wrong answers, and no panic.
    #[test]
    fn parts_that_do_not_belong_together_do_no_harm(
        stream in streams::heavy(),
        settings in streams::settings(),
        bins in prop::collection::vec(any::<u32>(), 0..100),
    ) {
        let (summary, _) = sketch_of(&stream, settings).into_parts();
        let mut sketch = DdSketch::from_parts(summary, bins);
        sketch.push(1e300);
        let other = sketch.clone();
        sketch.merge(&other).unwrap();
        for q in [0.0, 0.3, 0.9, 1.0] {
            sketch.quantile(q);
        }
        sketch.at_most(0.1);
        sketch.error();
        sketch.uncounted();
        sketch.bins().count();
        let _ = DdSketch::from_numbers(&sketch.to_numbers(), sketch.storage().clone());
    }
}

#[test]
fn each_contradiction_has_its_name() {
    // 100 bins for one sign span less than 10: 1 and 2 collapse.
    let sketch = sketch_of(&[(1.0, 3), (2.0, 1), (50.0, 2), (60.0, 7), (0.0, 1)], (0.01, 100, 0));
    assert_eq!(sketch.to_numbers().positive.collapsed, 4);
    let refused = |change: &dyn Fn(&mut Numbers, &mut Vec<u32>)| {
        let (mut numbers, mut bins) = (sketch.to_numbers(), sketch.storage().clone());
        change(&mut numbers, &mut bins);
        DdSketch::from_numbers(&numbers, bins).err()
    };
    let place = |count: u32| sketch.storage().iter().position(|bin| *bin == count).unwrap();
    let (full, empty) = (place(7), place(0));
    assert_eq!(refused(&|_, _| {}), None);
    assert_eq!(refused(&|numbers, _| numbers.accuracy = 0.9), Some(InvalidState::Accuracy));
    assert_eq!(refused(&|numbers, _| numbers.negative_bins = 101), Some(InvalidState::NegativeBins));
    for extreme in [0.0, -1.0, f64::NAN, 61.0] {
        assert_eq!(refused(&|numbers, _| numbers.positive.least = extreme), Some(InvalidState::Extremes));
    }
    for extreme in [0.5, f64::NAN, f64::INFINITY] {
        assert_eq!(refused(&|numbers, _| numbers.positive.greatest = extreme), Some(InvalidState::Extremes));
    }
    assert_eq!(refused(&|numbers, _| numbers.negative.greatest = 1.0), Some(InvalidState::Extremes));
    assert_eq!(refused(&|numbers, _| numbers.positive.count = 1), Some(InvalidState::Extremes));
    assert_eq!(refused(&|_, bins| bins.push(0)), Some(InvalidState::Bins));
    assert_eq!(refused(&|_, bins| bins[full] = 0), Some(InvalidState::Bins));
    assert_eq!(refused(&|numbers, _| numbers.positive.collapsed = 0), Some(InvalidState::Collapsed));
    assert_eq!(refused(&|numbers, _| numbers.positive.collapsed = 1), Some(InvalidState::Collapsed));
    for by in [-100, 200, 1000] {
        let moved = |numbers: &mut Numbers, _: &mut Vec<u32>| {
            numbers.positive.collapsed_to = numbers.positive.collapsed_to.wrapping_add_signed(by);
        };
        assert_eq!(refused(&moved), Some(InvalidState::Collapsed), "{by}");
    }
    assert_eq!(refused(&|numbers, _| numbers.positive.count += 1), Some(InvalidState::Count));
    assert_eq!(refused(&|_, bins| bins[full] = 8), Some(InvalidState::Count));
    assert_eq!(refused(&|_, bins| bins[empty] = 1), Some(InvalidState::Count));
    assert_eq!(refused(&|numbers, _| numbers.zeros = u64::MAX), None);
}
