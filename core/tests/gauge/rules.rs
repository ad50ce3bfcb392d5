//! Rules: each tells once that it begins, and once that it ends.

use streamgauge_core::gauge::{Alert, Format, Json};
use streamgauge_core::time::Time;

use super::support::{gauge, json, take, written};

/// What the rules of a gauge tell while so many messages of these values come, a second each.
fn alerts(definition: &str, seconds: &[(usize, f64)]) -> Vec<(u64, usize, bool)> {
    let mut gauge = gauge(definition);
    let mut told = Vec::new();
    for (second, (count, value)) in (0..).zip(seconds) {
        let now = second * 1_000;
        while gauge.is_over(Time::from_millis(now)) {
            gauge.close(Time::from_millis(now), |_, _, _| {});
            told.extend(gauge.take_alerts().iter().map(|Alert { rule, begins, .. }| (second, *rule, *begins)));
        }
        (0..*count).for_each(|_| take(&mut gauge, value.to_string(), now));
    }
    told
}

#[test]
fn a_rule_begins_when_it_has_held_for_so_long_and_ends_likewise() {
    let definition = r#"{"measure":"moments","every":"1s","last":"1s","when":{"mean >":10,"until":8,"for":"2s"}}"#;
    let values = [5.0, 20.0, 5.0, 20.0, 20.0, 20.0, 20.0, 9.0, 9.0, 9.0, 5.0, 9.0, 5.0, 5.0, 5.0, 5.0, 5.0];
    let seconds: Vec<_> = values.iter().map(|value| (1, *value)).collect();
    let told = alerts(definition, &seconds);
    assert_eq!(told.iter().map(|(_, _, begins)| *begins).collect::<Vec<_>>(), [true, false], "{told:?}");
    // A single high value starts nothing, 9 between the bounds ends nothing.
    assert!(told[0].0 >= 6 && told[1].0 >= 14, "{told:?}");
}

#[test]
fn a_value_on_the_bound_makes_no_storm() {
    let definition = r#"{"measure":"moments","every":"1s","last":"1s","when":{"mean >":10,"until":5}}"#;
    let seconds: Vec<_> = (0..60).map(|second| (1, if second % 2 == 0 { 10.5 } else { 9.5 })).collect();
    assert_eq!(alerts(definition, &seconds).len(), 1);
}

#[test]
fn what_is_on_a_bound_is_not_beyond_it() {
    let told = |rule: &str, values: [f64; 6]| {
        let definition = format!(r#"{{"measure":"moments","every":"1s","last":"1s","when":{rule}}}"#);
        alerts(&definition, &values.map(|value| (1, value)))
    };
    // Each value is told about when its second is over.
    let expected = [(2, 0, true), (4, 0, false)];
    assert_eq!(told(r#"{"mean >":10,"until":5}"#, [10.0, 10.5, 5.5, 5.0, 9.0, 9.0]), expected);
    assert_eq!(told(r#"{"mean <":10,"until":15}"#, [10.0, 9.5, 14.5, 15.0, 11.0, 11.0]), expected);
}

#[test]
fn a_rule_is_about_what_is_read() {
    let names = [
        ("count", "/count"),
        ("mean", "/mean"),
        ("variance", "/variance"),
        ("stddev", "/stddev"),
        ("min", "/min"),
        ("max", "/max"),
        ("p50", "/p50"),
        ("p90", "/p90"),
        ("p99", "/p99"),
        ("p999", "/p999"),
        ("distinct", "/distinct/estimate"),
        ("rate", "/rate/messages_1m"),
        ("correlation", "/pair/correlation"),
    ];
    for (name, place) in names {
        let mut gauge = gauge(&format!(
            r#"{{"field":"x","with":"y","measure":["moments","quantiles","distinct","rate","change","pair"],
                "every":"1s","last":"1s","when":{{"{name} >":-1000}}}}"#
        ));
        for x in 0..500_u32 {
            take(&mut gauge, format!(r#"{{"x":{},"y":{}}}"#, x * x, x % 7), u64::from(x));
        }
        let end = Time::from_millis(1_000);
        gauge.close(end, |_, _, _| {});
        let alerts = gauge.take_alerts();
        let [Alert { rule: 0, begins: true, value: Some(value), to }] = alerts[..] else {
            panic!("{name}: {alerts:?}")
        };
        assert_eq!(to, end);
        assert_eq!(json(&mut gauge, 1_000).pointer(place).unwrap().as_f64(), Some(value), "{name}");
    }
}

#[test]
fn rates_are_as_of_the_time_that_a_field_tells() {
    let now = Time::from_millis(1_800_000_000_000);
    for (panes, rule) in
        [(r#""every":"10s","#, r#","when":{"rate >":0.1}"#), (r#""every":"10s","last":"1m","#, ""), ("", "")]
    {
        let mut gauge = gauge(&format!(r#"{{"field":"x","time":"t",{panes}"measure":["moments","rate"]{rule}}}"#));
        let (mut told, mut alerts) = (Vec::new(), Vec::new());
        for x in 0..240 {
            while gauge.is_over(now) {
                let mut line = Vec::new();
                let mut json = Json::new("g", now, &mut line);
                gauge.close(now, |reading, whose, cell| json.part(reading, whose, cell));
                json.finish().unwrap();
                let pane: serde_json::Value = serde_json::from_slice(&line).unwrap();
                told.push(pane["rate"]["messages_1m"].as_f64().unwrap());
                alerts.extend(gauge.take_alerts().iter().map(|alert| alert.value.unwrap()));
            }
            let time = if x % 2 == 0 { "" } else { ".5" };
            take(&mut gauge, format!(r#"{{"t":{}{time},"x":1}}"#, 1_700_000_000 + x / 2), now.as_millis());
        }
        // After two minutes of two a second.
        let of_two = |rate: f64| (1.6..1.9).contains(&rate);
        let reading = json(&mut gauge, now.as_millis())["rate"]["messages_1m"].as_f64().unwrap();
        assert!(of_two(reading), "{panes} {reading}");
        assert_eq!(told.len(), if panes.is_empty() { 0 } else { 11 });
        assert!(told.iter().all(|rate| *rate > 0.2), "{panes} {told:?}");
        // The rule saw what the pane told.
        assert_eq!(alerts.first(), told.first().filter(|_| !rule.is_empty()), "{panes}");
        let written = |gauge: &mut _, format| String::from_utf8(written(gauge, format, now.as_millis())).unwrap();
        let table = written(&mut gauge, Format::Table);
        let (_, behind) = table.split_once("a second  1m ").unwrap();
        assert!(of_two(behind.split_whitespace().next().unwrap().parse().unwrap()), "{table}");
        let metrics = written(&mut gauge, Format::OpenMetrics);
        let line = metrics.lines().find(|line| line.contains("\"rate_1m\"")).unwrap();
        assert!(of_two(line.rsplit(' ').next().unwrap().parse().unwrap()), "{line}");
        let svg = written(&mut gauge, Format::Svg);
        assert!(svg.contains(">1.7") || svg.contains(">1.8") || svg.contains(" 1.7") || svg.contains(" 1.8"), "{svg}");
    }
}

#[test]
fn a_rule_about_nothing_does_not_hold() {
    let definition =
        r#"{"measure":["moments","quantiles"],"every":"1s","last":"1s","when":[{"p99 <":10},{"count <":1}]}"#;
    let seconds: Vec<_> = (0..10).map(|second| (usize::from(second < 4), 5.0)).collect();
    let told = alerts(definition, &seconds);
    // The first is over when nothing comes any more, the second begins.
    assert_eq!(
        told.iter().map(|(_, rule, begins)| (*rule, *begins)).collect::<Vec<_>>(),
        [(0, true), (0, false), (1, true)]
    );
}

#[test]
fn a_window_of_a_rule_has_all_of_its_panes_when_none_came_for_long() {
    // Ten messages in each of the panes 0 and 1, and then one that is five panes behind.
    let definition = r#"{"time":"t","field":"x","measure":"moments","every":"10s","last":"20s","when":{"count >":15}}"#;
    let mut gauge = gauge(definition);
    let now = 1_800_000_000_000_u64;
    let mut told = Vec::new();
    let begin = 1_700_000_000;
    for second in (0..20).chain([60, 70]) {
        take(&mut gauge, format!(r#"{{"t":{},"x":1}}"#, begin + second), now);
        while gauge.is_over(Time::from_millis(now)) {
            gauge.close(Time::from_millis(now), |_, _, _| {});
            told.extend(gauge.take_alerts().iter().map(|alert| (alert.begins, alert.value)));
        }
    }
    assert_eq!(told, [(true, Some(20.0)), (false, Some(10.0))]);
}

#[test]
fn where_a_field_tells_the_time_a_silence_is_told_once_it_is_over() {
    let now = 1_800_000_000_000_u64;
    let told = |when: &str, lateness: u32| {
        let mut gauge = gauge(&format!(
            r#"{{"time":"t","field":"x","measure":"moments","every":"10s","last":"20s","lateness":"{lateness}s",
                "when":{when}}}"#
        ));
        let (mut panes, mut told) = (0, Vec::new());
        for second in [1, 5, 301, 311, 321, 331, 341, 351] {
            take(&mut gauge, format!(r#"{{"t":{},"x":1}}"#, 1_700_000_000 + second), now);
            while gauge.is_over(Time::from_millis(now)) {
                gauge.close(Time::from_millis(now), |_, _, _| panes += 1);
                let since = |alert: &Alert| alert.to.as_millis() as i64 / 1_000 - 1_700_000_000;
                told.extend(gauge.take_alerts().iter().map(|alert| (since(alert), alert.begins, alert.value)));
            }
        }
        assert!(panes < 12, "{panes} panes were told");
        assert_eq!((gauge.counters().late, gauge.counters().measured), (0, 8));
        told
    };
    // With lateness panes begin before the first message.
    for lateness in [0, 15] {
        // When the last two panes had nothing, in time of the stream, and when they had something again.
        let all = told(r#"{"count <":1}"#, lateness);
        assert!(all.ends_with(&[(30, true, Some(0.0)), (310, false, Some(1.0))]), "{lateness} {all:?}");
        // However long it is to hold, the end of the silence is told, too.
        let end = 300 - i64::from(lateness.next_multiple_of(10));
        assert_eq!(told(r#"{"count <":1,"for":"4m"}"#, lateness), [(end, true, Some(0.0))]);
        assert_eq!(told(r#"{"count <":1,"for":"5m"}"#, lateness), []);
    }
}

#[test]
fn a_change_is_told_as_often_as_it_comes() {
    let definition =
        r#"{"measure":"change","change":{"learn":50},"every":"1s","when":[{"change":"up"},{"change":"down"}]}"#;
    let value = |second: i32| f64::from(second % 2) * 2.0 - 1.0 + if (100..200).contains(&second) { 40.0 } else { 0.0 };
    let seconds: Vec<_> = (0..300).map(|second| (3, value(second))).collect();
    let told = alerts(definition, &seconds);
    let begun: Vec<_> =
        told.iter().filter(|(_, _, begins)| *begins).map(|(second, rule, _)| (second / 100, *rule)).collect();
    assert_eq!(begun, [(1, 0), (2, 1)], "{told:?}");
}
