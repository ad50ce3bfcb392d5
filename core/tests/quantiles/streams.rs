//! Values that are hard on a sketch, and how often they come.

use proptest::prelude::*;

/// Values, and how often each comes.
pub(crate) type Stream = Vec<(f64, u64)>;

fn signed(magnitude: impl Strategy<Value = f64> + 'static) -> BoxedStrategy<f64> {
    (magnitude, any::<bool>()).prop_map(|(x, negative)| if negative { -x } else { x }).boxed()
}

fn kinds() -> Vec<BoxedStrategy<f64>> {
    let ulps = (0_i32..40, -3_i64..=3).prop_map(|(power, ulps)| {
        let bits = 2.0_f64.powi(power).to_bits();
        f64::from_bits(bits.wrapping_add_signed(ulps))
    });
    vec![
        prop::num::f64::ANY.boxed(),
        (-20_i32..20).prop_map(f64::from).boxed(),
        signed((-1074_i32..1024).prop_map(|power| 2.0_f64.powi(power))),
        signed((1_u64..5000).prop_map(f64::from_bits)),
        signed((0_u64..1 << 53).prop_map(f64::from_bits)),
        signed(1.0..1.1),
        (1.0..1e4).boxed(),
        signed(ulps),
        prop::sample::select(vec![0.0, -0.0, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, -5e-324]).boxed(),
        prop::sample::select(vec![f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1.0]).boxed(),
        signed((1_u64..1000).prop_map(|n| n as f64 * 1e-3)),
    ]
}

/// Values of one kind or of all, in the order they come, rising, or falling.
pub(crate) fn values() -> impl Strategy<Value = Vec<f64>> {
    let mixed = prop::strategy::Union::new(kinds()).boxed();
    let kinds = kinds().into_iter().chain([mixed]);
    let streams = kinds.map(|kind| prop::collection::vec(kind, 0..80).boxed());
    (prop::strategy::Union::new(streams), 0..3).prop_map(|(mut values, order)| {
        if order > 0 {
            values.sort_by(f64::total_cmp);
        }
        if order > 1 {
            values.reverse();
        }
        values
    })
}

/// The same, with times that fill bins of 32 bits now and then.
pub(crate) fn heavy() -> impl Strategy<Value = Stream> {
    let times =
        prop_oneof![4 => 1_u64..4, 1 => 0_u64..1 << 33, 1 => Just(u64::from(u32::MAX)), 1 => 1_u64 << 31..1 << 32];
    values().prop_flat_map(move |values| {
        let times = prop::collection::vec(times.clone(), values.len());
        times.prop_map(move |times| values.iter().copied().zip(times).collect())
    })
}

/// The settings: an accuracy, bins, and how many of them are for negative values.
pub(crate) fn settings() -> impl Strategy<Value = (f64, usize, usize)> {
    let accuracy = prop::sample::select(vec![0.000_01, 0.001, 0.01, 0.05, 0.5]);
    let bins = prop_oneof![0_usize..4, 4_usize..80, 200_usize..2000];
    (accuracy, bins, any::<prop::sample::Index>(), any::<bool>())
        .prop_map(|(accuracy, bins, split, half)| (accuracy, bins, if half { bins / 2 } else { split.index(bins + 1) }))
}
