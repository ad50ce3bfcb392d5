//! Neither the order of values nor of merges makes a difference.

use proptest::prelude::*;
use streamgauge_core::stats::DdSketch;
use streamgauge_core::stats::quantiles::{Accuracy, DifferentSettings};

use crate::model::sketch_of;
use crate::streams;

proptest! {
    #[test]
    fn any_order_gives_the_same_state(
        (stream, shuffled) in streams::heavy().prop_flat_map(|stream| (Just(stream.clone()), Just(stream).prop_shuffle())),
        settings in streams::settings(),
    ) {
        prop_assert_eq!(sketch_of(&stream, settings), sketch_of(&shuffled, settings));
    }

    #[test]
    fn any_tree_of_merges_gives_the_same_state(
        stream in streams::heavy(),
        settings in streams::settings(),
        parts in 1_usize..9,
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 80),
    ) {
        let whole = sketch_of(&stream, settings);
        let mut streams = vec![Vec::new(); parts];
        for (value, (place, _)) in stream.iter().zip(&places) {
            streams[place.index(parts)].push(*value);
        }
        let mut sketches: Vec<_> = streams.iter().map(|stream| sketch_of(stream, settings)).collect();
        for (into, from) in places {
            if sketches.len() > 1 {
                let from = sketches.swap_remove(from.index(sketches.len()));
                let into = into.index(sketches.len());
                sketches[into].merge(&from).unwrap();
            }
        }
        prop_assert_eq!(&sketches[0], &whole);
        // Nothing seen adds nothing.
        sketches[0].merge(&sketch_of(&[], settings)).unwrap();
        prop_assert_eq!(&sketches[0], &whole);
    }

    /// One by one: no bin counts twice, and none is missed as the window moves.
    #[test]
    fn times_are_repetitions(values in streams::values(), settings in streams::settings(), times in 0_u64..5) {
        let at_once: Vec<_> = values.iter().map(|x| (*x, times)).collect();
        let one_by_one: Vec<_> = (0..times).flat_map(|_| values.iter().map(|x| (*x, 1))).collect();
        prop_assert_eq!(sketch_of(&at_once, settings), sketch_of(&one_by_one, settings));
    }

    #[test]
    fn taken_apart_and_cleared(stream in streams::heavy(), more in streams::heavy(), settings in streams::settings()) {
        let mut sketch = sketch_of(&stream, settings);
        let (summary, mut bins) = sketch.clone().into_parts();
        let mut again = DdSketch::from_parts(summary, &mut bins[..]);
        for (x, times) in &more {
            sketch.push_times(*x, *times);
            again.push_times(*x, *times);
        }
        prop_assert_eq!(again.into_parts().0, sketch.clone().into_parts().0);
        prop_assert_eq!(&bins, sketch.storage());
        sketch.clear();
        prop_assert_eq!(sketch, sketch_of(&[], settings));
    }
}

#[test]
fn other_settings_are_refused() {
    let of = |bins: usize, accuracy, negative| {
        let accuracy = Accuracy::new(accuracy).unwrap();
        let mut sketch = DdSketch::with_negative_bins(vec![0; bins], accuracy, negative);
        sketch.push(1.0);
        sketch
    };
    for (other, error) in [
        (of(10, 0.02, 5), DifferentSettings::Accuracy),
        (of(11, 0.01, 5), DifferentSettings::Bins),
        (of(10, 0.01, 4), DifferentSettings::Bins),
    ] {
        let mut sketch = of(10, 0.01, 5);
        assert_eq!(sketch.merge(&other), Err(error));
        assert_eq!(sketch, of(10, 0.01, 5));
    }
    assert_eq!(of(10, 0.01, 99), of(10, 0.01, 10));
    for accuracy in [0.0, -0.01, 0.000_009, 0.51, 1.0, f64::INFINITY, f64::NAN, f64::MAX, f64::MIN] {
        assert!(Accuracy::new(accuracy).is_err(), "{accuracy}");
    }
}

#[test]
fn extremes_and_what_is_apart_are_told_by_kind() {
    let mut sketch = DdSketch::new([0; 8], Accuracy::PERCENT);
    assert_eq!((sketch.min(), sketch.max(), sketch.nan()), (None, None, 0));
    for x in [-2.0, -1.0, 0.0, f64::NAN, f64::NAN] {
        sketch.push(x);
    }
    assert_eq!((sketch.min(), sketch.max(), sketch.nan()), (Some(-2.0), Some(0.0), 2));
    sketch.push_times(7.0, 0);
    assert_eq!((sketch.count(), sketch.max(), sketch.nan()), (3, Some(0.0), 2));
}

/// Bins that are full say nothing of how much more came, and only then are answers less certain.
#[test]
fn full_bins_make_no_error_until_something_is_in_none() {
    let most = u64::from(u32::MAX);
    let mut sketch = DdSketch::new([0; 512], Accuracy::PERCENT);
    for x in [1.0, 2.0] {
        sketch.push_times(x, most);
    }
    assert_eq!((sketch.uncounted(), sketch.error()), (0, Accuracy::PERCENT.relative()));
    sketch.push(1.0);
    assert_eq!(sketch.uncounted(), 1);
    assert!(sketch.error() > 0.3, "{}", sketch.error());
    let mut one = DdSketch::new([0; 512], Accuracy::PERCENT);
    one.push_times(1.0, most + 1);
    assert_eq!((one.uncounted(), one.error()), (1, Accuracy::PERCENT.relative()));
}
