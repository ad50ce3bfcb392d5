//! What the state has to be: values sorted by the numbers of their bins, as the definitions say, in `f64`.

use std::collections::BTreeMap;

use proptest::prelude::*;
use streamgauge_core::stats::DdSketch;
use streamgauge_core::stats::quantiles::{Accuracy, SideNumbers};

use crate::streams;

pub(crate) fn sketch_of(stream: &[(f64, u64)], (accuracy, bins, negative): (f64, usize, usize)) -> DdSketch<Vec<u32>> {
    let accuracy = Accuracy::new(accuracy).expect("an accuracy");
    // Whatever was in the storage before.
    let mut sketch = DdSketch::with_negative_bins(vec![7; bins], accuracy, negative);
    stream.iter().for_each(|(x, times)| sketch.push_times(*x, *times));
    sketch
}

/// The number of the bin of `magnitude`; `None` so near to an edge that rounding decides.
fn index(magnitude: f64, accuracy: f64) -> Option<u32> {
    let per_octave = 0.7 / (2.0 * accuracy.atanh() - 2.0_f64.powi(-28));
    let density = ((per_octave * 4096.0).floor() + 1.0) / 4096.0;
    let (mut octave, mut normalised) = (0.0, magnitude);
    // Denormals: four times as many bins.
    let finer = magnitude < f64::MIN_POSITIVE;
    if finer {
        normalised *= 2.0_f64.powi(200);
    }
    let exponent = i32::try_from(normalised.to_bits() >> 52).expect("11 bits") - 1023;
    let s = normalised / 2.0_f64.powi(exponent) - 1.0;
    octave += f64::from(exponent) - if finer { 200.0 - 1074.0 } else { -1022.0 };
    octave += ((6.0 / 35.0 * s - 0.6) * s + 10.0 / 7.0) * s;
    let position = density * if finer { 4.0 * octave } else { octave + 208.0 };
    let unsure = s != 0.0 && (position - position.round()).abs() < 1e-5 * density.max(1.0);
    (!unsure).then_some(position as u32)
}

/// The numbers and the bins of one sign, and how much the bins could not count.
fn side(magnitudes: &[(f64, u64)], accuracy: f64, bins: usize) -> Option<(SideNumbers, Vec<u32>, u64)> {
    let mut counts = BTreeMap::new();
    let mut numbers = SideNumbers { least: f64::INFINITY, ..Default::default() };
    for (x, times) in magnitudes {
        *counts.entry(index(*x, accuracy)?).or_insert(0_u64) += times;
        numbers.count += times;
        (numbers.least, numbers.greatest) = (numbers.least.min(*x), numbers.greatest.max(*x));
    }
    let Some((top, _)) = counts.last_key_value() else {
        return Some((SideNumbers::default(), vec![0; bins], 0));
    };
    let top = *top as usize;
    let (mut storage, mut below, mut uncounted) = (vec![0; bins], 0, 0);
    for (index, count) in &counts {
        if *index as usize + bins <= top {
            below += count;
            numbers.collapsed_to = *index;
        } else {
            storage[*index as usize % bins] = (*count).min(u32::MAX.into()) as u32;
            uncounted += count.saturating_sub(u32::MAX.into());
        }
    }
    numbers.collapsed = below.min(u32::MAX.into()) as u32;
    Some((numbers, storage, uncounted + below.saturating_sub(u32::MAX.into())))
}

proptest! {
    #[test]
    fn the_state_is_what_the_definitions_say(stream in streams::heavy(), settings in streams::settings()) {
        let (accuracy, bins, split) = settings;
        let sketch = sketch_of(&stream, settings);
        let came = stream.iter().copied().filter(|(_, times)| *times > 0);
        let times_of = |which: fn(f64) -> bool| {
            came.clone().filter(|(x, _)| which(*x)).map(|(_, times)| times).sum::<u64>()
        };
        let numbers = sketch.to_numbers();
        prop_assert_eq!(numbers.zeros, times_of(|x| x == 0.0));
        prop_assert_eq!(numbers.nan, times_of(f64::is_nan));
        prop_assert_eq!(numbers.positive_infinities, times_of(|x| x == f64::INFINITY));
        prop_assert_eq!(numbers.negative_infinities, times_of(|x| x == f64::NEG_INFINITY));
        prop_assert_eq!(sketch.count(), times_of(f64::is_finite));
        let finite = came.clone().map(|(x, _)| x + 0.0).filter(|x| x.is_finite());
        prop_assert_eq!(sketch.min(), finite.clone().reduce(f64::min));
        prop_assert_eq!(sketch.max(), finite.reduce(f64::max));

        let with_bin = came.filter(|(x, _)| x.is_finite() && *x != 0.0);
        let (negative, positive): (Vec<_>, Vec<_>) = with_bin.partition(|(x, _)| *x < 0.0);
        let negative: Vec<_> = negative.iter().map(|(x, times)| (-x, *times)).collect();
        let (negative, positive) = (side(&negative, accuracy, split), side(&positive, accuracy, bins - split));
        if let (Some((negative, below_zero, lost)), Some((positive, above_zero, more_lost))) = (negative, positive) {
            prop_assert_eq!((numbers.negative, numbers.positive), (negative, positive));
            prop_assert_eq!(sketch.storage(), &[below_zero, above_zero].concat());
            prop_assert_eq!(sketch.collapsed(), u64::from(negative.collapsed) + u64::from(positive.collapsed));
            prop_assert_eq!(sketch.uncounted(), lost + more_lost);
        }
    }
}

/// Else the test above would compare nothing.
#[test]
fn rounding_decides_about_few_values() {
    for accuracy in [0.01, 0.5] {
        let unsure = (0..100_000).filter(|n| index(1.0 + f64::from(*n) * 1.234e-5, accuracy).is_none()).count();
        assert!(unsure < 100, "{accuracy}: {unsure}");
    }
}
