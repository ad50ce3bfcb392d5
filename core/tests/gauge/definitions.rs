//! Definitions that there can be.

use core::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use streamgauge_core::engine::{Filter, Name};
use streamgauge_core::gauge::{
    Bound, Changes, Definition, Every, Field, Last, MOST_PANES, Measure, Measures, Rule, Scale, Statistic,
};

/// Any that is valid.
pub(crate) fn definition() -> impl Strategy<Value = Definition> {
    let place = (name(), filter(), option::of(field()), field(), option::of(field()));
    let measures = subsequence(Measure::ALL.to_vec(), 1..=Measure::ALL.len());
    let sizes = (1..=4096_u16, 1..=u16::MAX, 4..=18_u8, 1..=u16::MAX, 1..=1_u32 << 20, any::<bool>());
    let accuracy = prop_oneof![Just(1e-4), Just(0.5), 1e-4..0.5];
    (place, measures, sizes, accuracy, scale(), changes(), panes()).prop_flat_map(
        |((topic, filter, path, with, by), measures, sizes, accuracy, scale, change, panes)| {
            let (every, last, time, lateness) = panes;
            let set = measures.iter().fold(Measures::NONE, |set, measure| set.with(*measure));
            let (groups, bins, precision, top, edges, directed) = sizes;
            let needs_two = set.has(Measure::Pair) || set.has(Measure::Graph);
            let definition = Definition {
                filter,
                field: path,
                with: (needs_two || bins % 2 == 0).then_some(with),
                by,
                groups,
                accuracy,
                bins,
                precision,
                top,
                edges,
                directed,
                histogram: if set.has(Measure::Histogram) || top % 2 == 0 { scale } else { Scale::None },
                change,
                every,
                last,
                time,
                lateness,
                ..Definition::new(topic, set)
            };
            let most = if every.is_some() { 4 } else { 0 };
            vec(rule(set), 0..=most).prop_map(move |rules| Definition {
                rules: rules.into_iter().flatten().collect(),
                ..definition.clone()
            })
        },
    )
}

fn name() -> impl Strategy<Value = Name> {
    "[a-zA-Z0-9_-][a-zA-Z0-9_.-]{0,63}".prop_map(|name| Name::new(name.as_bytes()).unwrap())
}

pub(crate) fn field() -> impl Strategy<Value = Field> {
    let text = prop_oneof![
        "[a-z]{1,8}(\\.[a-z]{1,8}|\\[[0-9]{1,3}\\]){0,4}",
        "[^.\\[\\]]{1,16}",
        "[\\x00-\\x1f\"\\\\é😀]{1,16}"
    ];
    text.prop_map(|text| Field::of(text.bytes()).unwrap())
}

fn filter() -> impl Strategy<Value = Filter> {
    let rule = prop_oneof!["[a-z]{1,8}:[A-Z]{0,8}", "[\\x00-\\x1f]{1,40}:\"\\\\/é😀\u{7f}"];
    vec(rule, 0..=2)
        .prop_map(|rules| rules.iter().try_fold(Filter::NONE, |filter, rule| filter.and(rule)).unwrap_or(Filter::NONE))
}

fn scale() -> impl Strategy<Value = Scale> {
    let range = (-1e9..1e9, 1e-3..1e9, 1..=1_u32 << 20).prop_map(|(low, width, bins)| Scale::Range {
        low,
        high: low + width,
        bins,
    });
    let integers =
        (any::<i32>(), 0..65_535_i32).prop_map(|(low, width)| Scale::Integers { low, high: low.saturating_add(width) });
    prop_oneof![Just(Scale::None), Just(Scale::Range { low: -0.0, high: 1.0, bins: 1 }), range, integers].prop_map(
        // Where a histogram is measured there has to be one, and bins that can be told apart.
        |scale| match scale {
            Scale::Range { low, high, bins } if (high - low) / f64::from(bins) > 1e-6 => {
                Scale::Range { low, high, bins }
            }
            integers @ Scale::Integers { .. } => integers,
            _ => Scale::Integers { low: i32::MIN, high: i32::MIN },
        },
    )
}

fn changes() -> impl Strategy<Value = Changes> {
    let some =
        (0.0..1e3, 1e-3..1e6, 2..=u32::MAX).prop_map(|(drift, threshold, learn)| Changes { drift, threshold, learn });
    prop_oneof![Just(Changes::DEFAULT), Just(Changes { drift: -0.0, threshold: 1e6, learn: 2 }), some]
}

/// Whole milliseconds, not none.
fn duration() -> impl Strategy<Value = Duration> {
    let unit = select(vec![1, 1_000, 60_000, 3_600_000, 86_400_000]);
    prop_oneof![
        8 => (1..100_u64, unit).prop_map(|(number, unit)| Duration::from_millis(number * unit)),
        1 => (1..=u64::MAX).prop_map(Duration::from_millis),
    ]
}

type Panes = (Option<Every>, Option<Last>, Option<Field>, Duration);

/// Every, last, time and lateness that fit.
fn panes() -> impl Strategy<Value = Panes> {
    let by_time = (duration(), option::of(1..=MOST_PANES), option::of(field()), 0..=64_u32).prop_map(
        |(pane, last, time, late)| {
            let times = |number: u32| pane.checked_mul(number).filter(|all| all.as_millis() < 1 << 64);
            let lateness = times(late).filter(|_| time.is_some()).unwrap_or_default();
            (Some(Every::Time(pane)), last.and_then(times).map(Last::Time), time, lateness)
        },
    );
    let by_messages = (1..=u64::MAX, option::of(1..=MOST_PANES)).prop_map(|(pane, last)| {
        let last = last.map(|number| Last::Messages(pane.saturating_mul(number.into())));
        (Some(Every::Messages(pane)), last, None, Duration::ZERO)
    });
    let none = option::of(field()).prop_map(|time| (None, None, time, Duration::ZERO));
    prop_oneof![by_time, by_messages, none]
}

/// A rule about one of `measures`; none if they have nothing that a rule can be about.
fn rule(measures: Measures) -> impl Strategy<Value = Option<Rule>> {
    let about: Vec<_> = Statistic::ALL.into_iter().filter(|about| measures.has(about.measure())).collect();
    let finite = || prop_oneof![any::<f64>().prop_filter("finite", |number| number.is_finite()), Just(-0.0), -1e3..1e3];
    let hold = prop_oneof![Just(Duration::ZERO), duration()];
    (any::<prop::sample::Index>(), finite(), finite(), any::<bool>(), hold, option::of(name())).prop_map(
        move |(index, one, other, up, hold, to)| {
            let statistic = *about.get(index.index(about.len().max(1)))?;
            let bound = match (statistic, up) {
                (Statistic::Change, true) => Bound::Up,
                (Statistic::Change, false) => Bound::Down,
                (_, true) => Bound::Above(one.max(other), one.min(other)),
                (_, false) => Bound::Below(one.min(other), one.max(other)),
            };
            // A change does not last.
            let hold = if statistic == Statistic::Change { Duration::ZERO } else { hold };
            Some(Rule { statistic, bound, hold, to })
        },
    )
}
