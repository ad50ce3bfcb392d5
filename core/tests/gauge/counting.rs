//! Everything that comes is counted once, and what is measured is what the measures by themselves would have seen.

use proptest::prelude::*;
use streamgauge_core::gauge::{Key, Measured};
use streamgauge_core::select::Number;
use streamgauge_core::stats::moments::NonFinite;
use streamgauge_core::stats::quantiles::{Accuracy, DdSketch};
use streamgauge_core::stats::{Bivariate, Moments, UltraLogLog};
use streamgauge_core::time::Time;
use streamgauge_core::wire::decimal::Decimal;

use super::support::{gauge, json, take};

const ALL: &str = r#"{"field":"x","with":"y","by":"g","groups":3,"filter":"keep:1","every":"1s","time":"t",
    "measure":["moments","quantiles","distinct","top","histogram","rate","change","pair","graph"],
    "histogram":{"min":0,"max":10,"bins":5}}"#;

/// Messages of every kind that there is.
fn message() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        any::<i16>().prop_map(|number| number.to_string()),
        any::<f64>().prop_filter("JSON has no others", |x| x.is_finite()).prop_map(|x| format!("{x:e}")),
        Just("1e999".to_owned()),
        Just("-1e400".to_owned()),
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("[1]".to_owned()),
        "[a-c\\\\u00e9]{0,3}".prop_map(|text| format!("{text:?}")),
    ];
    let keep = prop_oneof![4 => Just("1"), 1 => Just("2")];
    let time = prop_oneof![4 => (0_u64..5_000).prop_map(|t| t.to_string()), 1 => Just("\"never\"".to_owned())];
    let object = (value.clone(), value.clone(), value, keep, time)
        .prop_map(|(x, y, g, keep, t)| format!(r#"{{"x":{x},"y":{y},"g":{g},"keep":{keep},"t":{t}}}"#));
    prop_oneof![8 => object, 1 => Just("{".to_owned()), 1 => "[ -~]{0,8}"]
}

proptest! {
    #[test]
    fn every_message_is_counted_once(messages in prop::collection::vec((message(), 0_u64..4_000), 0..60)) {
        let mut gauge = gauge(ALL);
        for (message, at) in &messages {
            take(&mut gauge, message, 4_900_000 + at);
        }
        let counters = *gauge.counters();
        prop_assert_eq!(counters.messages, messages.len() as u64);
        let not_measured = counters.filtered + counters.late + counters.early;
        let not_read = counters.unmeasured.not_json + counters.unmeasured.no_time;
        let pending = u64::from(gauge.is_pending());
        prop_assert_eq!(counters.messages, counters.measured + not_measured + not_read + pending);
        // All of them are in some group, or in none.
        let reading = json(&mut gauge, 5_000_000);
        let rate = |of: &serde_json::Value| of["rate"]["messages_15m"].as_f64().unwrap();
        let parts: f64 = reading["groups"].as_object().unwrap().values().map(rate).sum::<f64>() + rate(&reading["other"]);
        prop_assert!((parts - rate(&reading)).abs() <= 1e-12 * (1.0 + parts));
    }
}

proptest! {
    #[test]
    fn numbers_by_themselves_are_as_in_messages(
        parts in prop::collection::vec((prop::collection::vec(number(), 0..40), 0_u64..3_000), 0..12),
        definition in prop::sample::select(&NUMBERS[..]),
    ) {
        let (mut messages, mut numbers) = (gauge(definition), gauge(definition));
        let mut now = 1_000_000;
        for (part, later) in &parts {
            now += later;
            for x in part {
                // Of texts that are equally short and near, others write another one.
                let text = Decimal::shortest(*x).unwrap();
                take(&mut messages, format!(r#"{{"x":{}}}"#, text.as_str()), now);
            }
            numbers.take_numbers(part, Time::from_millis(now));
        }
        let (mut messages, mut numbers) = (json(&mut messages, now), json(&mut numbers, now));
        // Numbers have no bytes.
        for reading in [&mut messages, &mut numbers] {
            reading["bytes"] = 0.into();
            for name in ["bytes", "bytes_1m", "bytes_5m", "bytes_15m"] {
                if let Some(bytes) = reading["rate"].get_mut(name) {
                    *bytes = 0.into();
                }
            }
        }
        prop_assert_eq!(messages, numbers);
    }
}

/// Every measure of numbers, panes of both kinds, and what numbers by themselves do not have.
const NUMBERS: [&str; 8] = [
    r#"{"field":"x","measure":["moments","quantiles","distinct","top","histogram","rate","change"],
        "histogram":{"min":-50,"max":100,"bins":40}}"#,
    r#"{"field":"x","measure":["moments","histogram"],"histogram":{"integers":[-9,9]},"every":"1s","last":"3s"}"#,
    r#"{"field":"x","measure":["moments","quantiles","rate"],"every":"7 messages","last":"21 messages"}"#,
    r#"{"field":"x","measure":["moments","change"],"every":"1s"}"#,
    r#"{"field":"x","measure":["distinct","moments"],"by":"g"}"#,
    r#"{"field":"x","measure":["pair","moments"],"with":"y"}"#,
    r#"{"field":"x","measure":"moments","filter":"a:1"}"#,
    r#"{"field":"x","measure":"moments","time":"t","every":"1s"}"#,
];

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        (-20_i8..20).prop_map(f64::from),
        -1e3..1e3,
        any::<f64>().prop_filter("in a message it is no number", |x| x.is_finite()),
    ]
}

#[test]
fn numbers_that_are_none_are_counted_twice_where_they_are_measured() {
    let mut gauge = gauge(r#"{"measure":["moments","histogram"],"histogram":{"min":0,"max":1,"bins":2}}"#);
    gauge.take_numbers(&[0.5, f64::NAN, f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY], Time::ZERO);
    let counters = gauge.counters();
    assert_eq!((counters.measured, counters.unmeasured.not_a_number, counters.unmeasured.infinite), (5, 1, 3));
    let Some([Measured::Moments(moments), Measured::Histogram(histogram)]) = gauge.measured() else {
        panic!("both are measured, in one place");
    };
    assert_eq!((moments.count(), moments.nan(), moments.positive_infinities()), (1, 1, 2));
    assert_eq!((histogram.overflow(), histogram.underflow(), histogram.nan()), (2, 1, 1));
}

#[test]
fn what_is_in_panes_or_groups_is_in_no_one_place() {
    assert!(gauge(r#"{"measure":"rate"}"#).measured().is_some());
    assert!(gauge(r#"{"measure":"rate","every":"1s"}"#).measured().is_none());
    assert!(gauge(r#"{"measure":"rate","by":"g"}"#).measured().is_none());
}

#[test]
fn a_gauge_says_what_its_measures_say_by_themselves() {
    let mut gauge = gauge(r#"{"field":"x","with":"y","measure":["moments","quantiles","distinct","pair"]}"#);
    let mut moments = Moments::with_policy(NonFinite::LeaveOut);
    let mut sketch = DdSketch::new(vec![0; 2048], Accuracy::PERCENT);
    let mut distinct = UltraLogLog::new(vec![0; 2048]).unwrap();
    let mut pair = Bivariate::new();
    for number in 0..2_000_u32 {
        let x = f64::from(number % 377) * 1.37 - 200.0;
        let y = x * 0.25 + f64::from(number % 7);
        take(&mut gauge, format!(r#"{{"x":{x},"y":{y}}}"#), 1_000);
        moments.push(x);
        sketch.push(x);
        pair.push(x, y);
        // Numbers are known by what they are worth: any text of one will do.
        distinct.add_hash(Key::of_number(&Number::parse(&format!("{x:e}")).unwrap()).hash());
    }
    let reading = json(&mut gauge, 2_000);
    let number = |name: &str| reading[name].as_f64();
    assert_eq!(reading["count"].as_u64(), Some(2_000));
    assert_eq!(number("mean"), moments.mean());
    assert_eq!(number("variance"), moments.sample_variance());
    assert_eq!(number("kurtosis"), moments.excess_kurtosis());
    assert_eq!(number("p99"), sketch.quantile(0.99).map(|quantile| quantile.estimate));
    assert_eq!(reading["distinct"]["estimate"].as_f64(), Some(distinct.estimate().estimate));
    assert_eq!(reading["pair"]["slope"].as_f64(), pair.slope());
    assert_eq!(reading["pair"]["correlation"].as_f64(), pair.correlation());
}

#[test]
fn what_can_not_be_measured_is_counted_by_kind() {
    let mut gauge = gauge(r#"{"field":"x","measure":["moments","top"]}"#);
    for message in ["{", "[]", r#"{"x":null}"#, r#"{"x":"5"}"#, r#"{"x":[5]}"#, r#"{"x":1e999}"#, r#"{"x":5}"#] {
        take(&mut gauge, message, 0);
    }
    let unmeasured = gauge.counters().unmeasured;
    assert_eq!((unmeasured.not_json, unmeasured.missing), (1, 2));
    assert_eq!((unmeasured.not_a_number, unmeasured.infinite), (2, 1));
    assert_eq!(unmeasured.total(), 6);
    let reading = json(&mut gauge, 0);
    assert_eq!(reading["count"], 1);
    // The text and the number are two values; what is beyond a double is one nevertheless.
    assert_eq!(reading["top"].as_array().unwrap().len(), 3);
}

#[test]
fn a_message_itself_is_measured_where_no_field_is_named() {
    let mut both = gauge(r#"{"measure":["moments","top"]}"#);
    for message in ["1.5", " 2.5\n", "NaN", "x", "\u{feff}1", "1_000", ""] {
        take(&mut both, message, 0);
    }
    let reading = json(&mut both, 0);
    assert_eq!((reading["count"].as_u64(), reading["mean"].as_f64()), (Some(2), Some(2.0)));
    assert_eq!(reading["counters"]["not_a_number"], 5);
    assert_eq!(reading["top"].as_array().unwrap().len(), 7);
    let mut texts = gauge(r#"{"measure":"top"}"#);
    take(&mut texts, "x", 0);
    assert_eq!(json(&mut texts, 0)["top"][0]["value"], "x");
    assert_eq!(texts.counters().unmeasured.total(), 0);
    // What needs no field misses none.
    let mut rate = gauge(r#"{"field":"x","measure":"rate"}"#);
    take(&mut rate, r#"{"y":1}"#, 0);
    assert_eq!((rate.counters().measured, rate.counters().unmeasured.total()), (1, 0));
}

#[test]
fn small_numbers_are_seconds_and_large_ones_milliseconds() {
    let mut gauge = gauge(r#"{"measure":"rate","time":"t","every":"1s"}"#);
    // As seconds it is yet to come for long.
    let now = 100_000_000_000;
    take(&mut gauge, r#"{"t":100000000000}"#, now);
    assert_eq!((gauge.counters().measured, gauge.counters().early), (1, 0));
    take(&mut gauge, r#"{"t":99999999999}"#, now);
    assert_eq!((gauge.counters().measured, gauge.counters().early), (1, 1));
}

#[test]
fn a_message_is_a_number_as_lines_have_it_and_a_field_as_json_has_it() {
    let texts = [".33", "-.5", "5.", "+5", "01", " 1e+2\r\n", "2.50"];
    let mut whole = gauge(r#"{"measure":"moments"}"#);
    texts.iter().for_each(|text| take(&mut whole, text, 0));
    let mut expected = streamgauge_core::stats::Moments::new();
    texts.iter().for_each(|text| expected.push(text.trim().parse().unwrap()));
    let reading = json(&mut whole, 0);
    assert_eq!((reading["count"].as_u64(), reading["mean"].as_f64()), (Some(7), expected.mean()), "{reading}");
    assert_eq!(reading["variance"].as_f64(), expected.sample_variance());
    for text in ["inf", "-Infinity", "1e400", "NaN", "-nan", ".", "1e", "1 2", "0x1", "--1", ""] {
        take(&mut whole, text, 0);
    }
    let counters = json(&mut whole, 0)["counters"].clone();
    assert_eq!((counters["infinite"].as_u64(), counters["not_a_number"].as_u64()), (Some(3), Some(8)), "{counters}");
    let mut field = gauge(r#"{"field":"x","measure":"moments"}"#);
    texts.iter().for_each(|text| take(&mut field, format!(r#"{{"x":{text}}}"#), 0));
    let reading = json(&mut field, 0);
    assert_eq!((reading["count"].as_u64(), reading["counters"]["not_json"].as_u64()), (Some(2), Some(5)), "{reading}");
}
