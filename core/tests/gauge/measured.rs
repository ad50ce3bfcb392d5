//! What is read of each measure, from the start or in panes, of all or in groups: what it says by itself.

use streamgauge_core::gauge::{Format, Whose};
use streamgauge_core::stats::change::{Detector, Settings};
use streamgauge_core::stats::{Histogram, Moments, Rate};
use streamgauge_core::time::Time;

use super::support::{Heap, gauge, json, take, written};

/// Where what is measured may be kept.
const SHAPES: [&str; 5] = [
    "",
    r#""by":"g","#,
    r#""every":"1s","#,
    r#""every":"1s","last":"1h","#,
    r#""every":"10 messages","last":"500 messages","by":"g","#,
];

#[test]
fn values_and_edges_are_counted() {
    let values = [-1.0, 0.0, 1.0, 1.0, 2.0, 3.0, 4.0, 4.0, 1.5, 7.0, 1.0, 3.0];
    for shape in SHAPES {
        let mut gauge = gauge(&format!(
            r#"{{{shape}"field":"x","with":"y","histogram":{{"integers":[0,3]}},"measure":["top","histogram","graph"]}}"#
        ));
        for (x, at) in values.iter().zip(0..) {
            let y = if *x < 2.0 { "low" } else { "high" };
            take(&mut gauge, format!(r#"{{"x":{x},"y":"{y}","g":{}}}"#, at % 2), 10_000 + at * 300);
        }
        let reading = json(&mut gauge, 14_000);
        // 1.5 is no integer.
        let expected =
            serde_json::json!({"min": 0.0, "max": 4.0, "below": 1, "above": 3, "not_whole": 1, "bins": [1, 3, 1, 2]});
        assert_eq!(reading["histogram"], expected, "{shape}");
        let (top, graph) = (&reading["top"], &reading["graph"]);
        assert_eq!(top[0], serde_json::json!({"value": 1, "count": 3, "error": 0}), "{shape}");
        assert_eq!((top.as_array().unwrap().len(), &reading["top_floor"]), (8, &0.into()), "{shape}");
        assert_eq!(graph[0], serde_json::json!({"from": 1, "to": "low", "count": 3, "error": 0}), "{shape}");
        assert_eq!((graph.as_array().unwrap().len(), &reading["graph_floor"]), (8, &0.into()), "{shape}");
    }
}

#[test]
fn bins_rates_and_changes_are_those_of_the_measures_by_themselves() {
    for shape in SHAPES {
        let mut gauge = gauge(&format!(
            r#"{{{shape}"field":"x","change":{{"learn":50,"drift":1,"threshold":8}},"histogram":{{"min":-2,"max":2,"bins":16}},
                "measure":["histogram","rate","change"]}}"#
        ));
        let settings = Settings { drift: 1.0, threshold: 8.0, ..Settings::learned(50) };
        let mut histogram = Histogram::new([0; 16], -2.0, 2.0).unwrap();
        let (mut rate, mut detector) = (Rate::new(), Detector::new(settings).unwrap());
        for number in 0..400 {
            let x = f64::from(number % 2) * 2.0 - 1.0 + [0.0, 0.9, -2.0, 6.0][(number / 100) as usize];
            // One that is far away is none with this threshold, nor is a shift within the drift.
            let x = if number == 80 { 6.5 } else { x };
            // Each group would see changes of its own.
            let message = format!(r#"{{"x":{x},"g":1}}"#);
            let at = 1_000_000 + number as u64 * 100;
            rate.push(Time::from_millis(at), message.len() as u64);
            histogram.push(x);
            detector.push(x);
            take(&mut gauge, message, at);
        }
        let now = 1_040_000;
        let reading = json(&mut gauge, now);
        let expected =
            serde_json::json!({"min": -2.0, "max": 2.0, "below": 50, "above": 101, "bins": histogram.bins()});
        assert_eq!(reading["histogram"], expected, "{shape}");
        let messages = rate.messages_per_second(Time::from_millis(now));
        let bytes = rate.bytes_per_second(Time::from_millis(now));
        for (name, value) in [
            ("messages_1m", messages.one_minute),
            ("messages_5m", messages.five_minutes),
            ("messages_15m", messages.fifteen_minutes),
            ("bytes_1m", bytes.one_minute),
            ("bytes_5m", bytes.five_minutes),
            ("bytes_15m", bytes.fifteen_minutes),
        ] {
            assert_eq!(reading["rate"][name].as_f64(), Some(value), "{name}, {shape}");
        }
        assert!(detector.alarms_up() > 0 && detector.alarms_down() > 0);
        let expected = serde_json::json!({"up": detector.alarms_up(), "down": detector.alarms_down()});
        assert_eq!(reading["change"], expected, "{shape}");
    }
}

#[test]
fn panes_can_be_read_one_by_one() {
    let counted = |definition: &str, times: &[u64], now: u64| -> Vec<(u64, u64)> {
        let mut gauge = gauge(definition);
        times.iter().for_each(|at| take(&mut gauge, format!(r#"{{"x":1,"t":{at},"g":{}}}"#, at % 3), *at));
        let mut panes = Vec::new();
        gauge.read_panes(Time::from_millis(now), |messages, cell| {
            let [streamgauge_core::gauge::Measured::Moments(moments)] = cell else { panic!("moments are measured") };
            panes.push((messages, Moments::count(moments)));
        });
        panes
    };
    let times = [900_000_000_001, 900_000_000_500, 900_000_001_100, 900_000_003_600, 900_000_003_999];
    let window = r#"{"field":"x","measure":"moments","every":"1s","last":"3s"}"#;
    assert_eq!(counted(window, &times, 900_000_003_999), [(2, 2), (1, 1), (0, 0), (2, 2)]);
    assert_eq!(counted(window, &times, 900_000_005_000), [(0, 0), (2, 2), (0, 0), (0, 0)]);
    let grouped = r#"{"field":"x","measure":"moments","every":"1s","last":"3s","by":"g"}"#;
    assert_eq!(counted(grouped, &times, 900_000_003_999), [(2, 2), (1, 1), (0, 0), (2, 2)]);
    // What has been told is in the whole.
    let whole = r#"{"field":"x","measure":"moments","every":"1s","time":"t","lateness":"2500ms"}"#;
    assert_eq!(counted(whole, &times, 900_000_003_999), [(0, 0), (1, 1), (0, 0), (2, 2)]);
    assert_eq!(counted(r#"{"field":"x","measure":"moments"}"#, &times, 900_000_003_999), []);
}

#[test]
fn a_reading_says_whose_it_is_and_of_what_bytes() {
    let mut gauge = gauge(r#"{"by":"g","measure":"rate","every":"1s","last":"2s"}"#);
    for (group, at) in [("a", 5_000), ("bb", 6_000), ("bb", 7_000)] {
        take(&mut gauge, format!(r#"{{"g":"{group}"}}"#), at);
    }
    let mut told = Vec::new();
    gauge.read(streamgauge_core::gauge::Span::Window, Time::from_millis(7_500), |reading, whose, _| {
        let whose = match whose {
            Whose::Group(group) => group.key().shown().to_owned(),
            Whose::Other => "other".to_owned(),
            Whose::All => "all".to_owned(),
        };
        assert_eq!((reading.messages, reading.bytes), (3, 9 + 10 + 10));
        told.push(whose);
    });
    assert_eq!(told, ["a", "bb", "other", "all"]);
}

#[test]
fn what_is_not_whole_is_counted_in_every_form_and_stays_when_merged() {
    let definition = r#"{"measure":"histogram","histogram":{"integers":[0,5]}}"#;
    let (mut one, mut sum) = (gauge(definition), gauge(definition));
    // All of these but two are whole, however large.
    for number in ["1", "2", "2.5", "1e20", "-1e20", "1e10", "-1e10", "0.5"] {
        take(&mut one, number, 0);
        take(&mut sum, number, 0);
    }
    let expected = |of: u64| {
        serde_json::json!({"min": 0.0, "max": 6.0, "below": 2 * of, "above": 2 * of, "not_whole": 2 * of,
            "bins": [0, of, of, 0, 0, 0]})
    };
    assert_eq!(json(&mut one, 0)["histogram"], expected(1));
    sum.merge(&written(&mut one, Format::Binary, 0), Time::ZERO, &mut Heap).unwrap();
    assert_eq!(json(&mut sum, 0)["histogram"], expected(2));
    for (format, said) in [
        (Format::Table, "  histogram  below 4  above 4  not whole 4\n"),
        (Format::OpenMetrics, "streamgauge_gauge{gauge=\"g\",statistic=\"not_whole\"} 4\n"),
        (Format::Svg, ">below 4  above 4  not whole 4<"),
    ] {
        let text = String::from_utf8(written(&mut sum, format, 0)).unwrap();
        assert!(text.contains(said), "{text}");
    }
}

#[test]
fn infinities_are_beside_the_bins_of_integers() {
    let mut gauge = gauge(r#"{"measure":"histogram","histogram":{"integers":[2147483647,2147483647]}}"#);
    gauge.take_numbers(&[f64::INFINITY, f64::NEG_INFINITY, 2_147_483_648.0, 2_147_483_647.0, 0.0], Time::ZERO);
    let histogram = &json(&mut gauge, 0)["histogram"];
    let counts = ["below", "above", "not_whole", "bins"].map(|name| histogram[name].to_string());
    assert_eq!(counts, ["2", "2", "0", "[1]"]);
}
