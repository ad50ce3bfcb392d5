//! Definitions as JSON: read as they are written, written as one text for each, and refused with a line that says why.

use core::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value};
use streamgauge_core::engine::{Filter, Name};
use streamgauge_core::gauge::{
    Bound, Changes, Definition, Every, Field, Last, Measure, Measures, Rule, Scale, Statistic,
};

use crate::definitions::definition;

fn written(definition: &Definition) -> String {
    let mut out = Vec::new();
    definition.write_json(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn name(text: &str) -> Name {
    Name::new(text.as_bytes()).unwrap()
}

fn field(text: &str) -> Option<Field> {
    Some(Field::of(text.bytes()).unwrap())
}

fn rate() -> Definition {
    Definition::new(Name::MAIN, Measures::NONE.with(Measure::Rate))
}

#[test]
fn everything_is_read_and_written() {
    let text = r#"{"topic":"clicks","filter":["c:US","a.b[0]:1"],"field":"t","with":"u","by":"c","groups":65,
        "measure":["moments","quantiles","distinct","top","histogram","rate","change","pair","graph"],
        "accuracy":0.02,"bins":1025,"precision":12,"top":33,"edges":1025,"directed":false,
        "histogram":{"min":0,"max":100,"bins":50},"change":{"drift":1,"threshold":4.5,"learn":50},
        "every":"10s","last":300,"time":"at","lateness":1.5,"shared":true,
        "when":[{"p99 >":250,"for":"30s","to":"alerts","until":200},{"change":"up"},{"min <":-1}]}"#;
    let rules = [
        Rule {
            statistic: Statistic::P99,
            bound: Bound::Above(250.0, 200.0),
            hold: Duration::from_secs(30),
            to: Some(name("alerts")),
        },
        Rule { statistic: Statistic::Change, bound: Bound::Up, hold: Duration::ZERO, to: None },
        Rule { statistic: Statistic::Min, bound: Bound::Below(-1.0, -1.0), hold: Duration::ZERO, to: None },
    ];
    let expected = Definition {
        topic: name("clicks"),
        filter: Filter::NONE.and("c:US").unwrap().and("a.b[0]:1").unwrap(),
        field: field("t"),
        with: field("u"),
        by: field("c"),
        groups: 65,
        measures: Measure::ALL.into_iter().fold(Measures::NONE, Measures::with),
        accuracy: 0.02,
        bins: 1025,
        precision: 12,
        top: 33,
        edges: 1025,
        directed: false,
        histogram: Scale::Range { low: 0.0, high: 100.0, bins: 50 },
        change: Changes { drift: 1.0, threshold: 4.5, learn: 50 },
        every: Some(Every::Time(Duration::from_secs(10))),
        last: Some(Last::Time(Duration::from_secs(300))),
        time: field("at"),
        lateness: Duration::from_millis(1500),
        shared: true,
        rules: rules.into_iter().collect(),
    };
    let read = Definition::from_json(text.as_bytes()).unwrap();
    assert_eq!(read, expected);
    assert_eq!(
        written(&read),
        concat!(
            r#"{"topic":"clicks","filter":["c:US","a.b[0]:1"],"field":"t","with":"u","by":"c","groups":65,"#,
            r#""measure":["moments","quantiles","distinct","top","histogram","rate","change","pair","graph"],"#,
            r#""accuracy":0.02,"bins":1025,"precision":12,"top":33,"edges":1025,"directed":false,"#,
            r#""histogram":{"min":0.0,"max":100.0,"bins":50},"change":{"drift":1.0,"threshold":4.5,"learn":50},"#,
            r#""every":"10s","last":"5m","time":"at","lateness":"1500ms","shared":true,"#,
            r#""when":[{"p99 >":250.0,"until":200.0,"for":"30s","to":"alerts"},{"change":"up"},"#,
            r#"{"min <":-1.0,"until":-1.0}]}"#,
        )
    );
}

#[test]
fn what_is_absent_is_as_it_is() {
    let default = rate();
    for text in [
        r#"{"measure":"rate"}"#,
        "\r\n\t {\"measure\" : [ \"rate\" ] }\n",
        r#"{"measure":["rate","rate"]}"#,
        r#"{"m\u0065asure":"r\u0061te"}"#,
        r#"{"measure":"rate","filter":[],"when":[],"lateness":0,"change":{}}"#,
        r#"{"measure":"rate","change":{"drift":null,"learn":null}}"#,
        r#"{"measure":"rate","topic":null,"filter":null,"field":null,"with":null,"by":null,"groups":null,"accuracy":null,
            "bins":null,"precision":null,"top":null,"edges":null,"directed":null,"histogram":null,"change":null,
            "every":null,"last":null,"time":null,"lateness":null,"shared":null,"when":null}"#,
    ] {
        assert_eq!(Definition::from_json(text.as_bytes()), Ok(default.clone()), "{text}");
    }
    assert_eq!(
        written(&default),
        concat!(
            r#"{"topic":"main","groups":64,"measure":["rate"],"accuracy":0.01,"bins":1024,"precision":11,"top":32,"#,
            r#""edges":1024,"directed":true,"change":{"drift":0.5,"threshold":5.0,"learn":100}}"#,
        )
    );
}

#[test]
fn settings_are_read_in_every_way_that_they_may_be_written() {
    let every = |every| Definition { every: Some(every), ..rate() };
    let time = |millis| every(Every::Time(Duration::from_millis(millis)));
    let histogram = |histogram| Definition { histogram, ..rate() };
    for (member, expected, canonical) in [
        (r#""every":10"#, time(10_000), r#""every":"10s""#),
        (r#""every":0.5"#, time(500), r#""every":"500ms""#),
        (r#""every":"90s""#, time(90_000), r#""every":"90s""#),
        (r#""every":"120s""#, time(120_000), r#""every":"2m""#),
        (r#""every":"1d""#, time(86_400_000), r#""every":"24h""#),
        (r#""every":"18446744073709551615ms""#, time(u64::MAX), r#""every":"18446744073709551615ms""#),
        (r#""every":"1000 messages""#, every(Every::Messages(1000)), r#""every":"1000 messages""#),
        (r#""every":"1 message""#, every(Every::Messages(1)), r#""every":"1 message""#),
        (r#""every":"1 messages""#, every(Every::Messages(1)), r#""every":"1 message""#),
        (
            r#""every":"2 messages","last":"9 messages""#,
            Definition { last: Some(Last::Messages(9)), ..every(Every::Messages(2)) },
            r#""every":"2 messages","last":"9 messages""#,
        ),
        (
            r#""histogram":{"integers":[-2147483648,-2147418114]}"#,
            histogram(Scale::Integers { low: i32::MIN, high: i32::MIN + 65_534 }),
            r#""histogram":{"integers":[-2147483648,-2147418114]}"#,
        ),
        (
            r#""histogram":{"bins":1048576,"max":1E-300,"min":-1e+300}"#,
            histogram(Scale::Range { low: -1e300, high: 1e-300, bins: 1 << 20 }),
            r#""histogram":{"min":-1e300,"max":1e-300,"bins":1048576}"#,
        ),
        (
            r#""filter":"c:\ud83d\ude00""#,
            Definition { filter: Filter::NONE.and("c:😀").unwrap(), ..rate() },
            r#""filter":["c:😀"]"#,
        ),
        (
            r#""field":"a\n\"\\\u001f""#,
            Definition { field: field("a\n\"\\\x1f"), ..rate() },
            r#""field":"a\n\"\\\u001F""#,
        ),
        (
            r#""every":1,"when":{"rate <":-0.0,"for":"0s","until":1}"#,
            Definition {
                rules: [Rule {
                    statistic: Statistic::Rate,
                    bound: Bound::Below(0.0, 1.0),
                    hold: Duration::ZERO,
                    to: None,
                }]
                .into_iter()
                .collect(),
                ..time(1000)
            },
            r#""every":"1s","when":[{"rate <":0.0,"until":1.0}]"#,
        ),
    ] {
        let text = format!(r#"{{"measure":"rate",{member}}}"#);
        let read = Definition::from_json(text.as_bytes());
        assert_eq!(read, Ok(expected), "{text}");
        assert!(written(&read.unwrap()).contains(canonical), "{text}");
    }
}

#[test]
fn the_longest_texts_have_room() {
    let path = "\u{1}".repeat(64);
    let rule = |length| ["\u{1}:", &"\u{1}".repeat(length - 2)].concat();
    let longest = Filter::NONE.and(&rule(Filter::MOST_TEXT)).unwrap();
    let two = Filter::NONE.and(&rule(Filter::MOST_TEXT / 2)).unwrap().and(&rule(Filter::MOST_TEXT / 2)).unwrap();
    for filter in [longest, two] {
        let definition = Definition {
            topic: name(&"t".repeat(64)),
            filter,
            field: field(&path),
            with: field(&path),
            by: field(&path),
            time: field(&path),
            ..rate()
        };
        assert_eq!(definition.check(), Ok(()));
        assert_eq!(Definition::from_json(written(&definition).as_bytes()), Ok(definition));
    }
}

#[test]
fn what_is_wrong_is_named() {
    const OBJECT: &str =
        "the body must be a JSON object of settings, such as {\"topic\":\"clicks\",\"measure\":\"rate\"}";
    const MEASURE: &str =
        "measure must be one or a list of moments, quantiles, distinct, top, histogram, rate, change, pair and graph";
    const NAME: &str = "must be a name: 1 to 64 of the characters A-Z a-z 0-9 _ . -, the first one no point";
    const PATH: &str = "must be the path of a field, such as \"user.langs[0]\", of 64 bytes at most";
    const EMPTY: &str = "a path with an empty key: it is written as user.langs[0]";
    const FILTER: &str = "filter must be such as \"country:de\", or an array of two at most";
    const COUNT: &str = "must be a whole number from 1 to 65535";
    const HISTOGRAM: &str = "histogram must be such as {\"min\":0,\"max\":100,\"bins\":50} or {\"integers\":[0,100]}, of 1048576 bins at most, or 65535 integers, which can be told apart";
    const EVERY: &str = "every must be a time such as \"10s\", or \"1000 messages\"";
    const LAST: &str = "last must be as every, a time or messages, and at most 4096 times as long";
    const LATENESS: &str = "lateness must be a time of at most 64 times every, and time has to name a field";
    const WHEN: &str = "when must be such as {\"p99 >\":250,\"for\":\"30s\"}, or an array of four at most";
    const CONDITION: &str = "when must be about one thing in each rule, such as {\"p99 >\":250} or {\"change\":\"up\"}";
    const UNTIL: &str = "when.until must be a number: no more than the bound behind >, no less than the one behind <";
    let long_path = format!("\"field\":\"{}\"", "a".repeat(65));
    let long_filter = format!("\"filter\":[\"a:1\",\"b:{}\"]", "é".repeat(48));
    let long_name = format!("\"topic\":\"{}\"", "a".repeat(65));
    let unknown = format!("\"{}\":1", "x\u{7f}é".repeat(30));
    let shown = format!("there is no setting \"{}x", "xé".repeat(15));
    for (members, line) in [
        // Members.
        ("\"fields\":\"t\"", "there is no setting \"fields\""),
        ("\"\":1", "there is no setting \"\""),
        ("\"\\ud800\":1", "there is no setting \"\\ud800\""),
        (&unknown, &shown),
        ("\"unknown\":null", "there is no setting \"unknown\""),
        ("\"topic\":\"a\",\"topic\":\"a\"", "topic is given twice"),
        ("\"t\\u006fpic\":null,\"topic\":\"a\"", "topic is given twice"),
        ("\"topic\":5", &format!("topic {NAME}")),
        ("\"topic\":\"\"", &format!("topic {NAME}")),
        ("\"topic\":\"é\"", &format!("topic {NAME}")),
        (&long_name, &format!("topic {NAME}")),
        // Paths and filters.
        ("\"field\":5", &format!("field {PATH}")),
        ("\"field\":\"\\udc00\"", &format!("field {PATH}")),
        (&long_path, &format!("field {PATH}")),
        ("\"field\":\"\"", &format!("field is {EMPTY}")),
        ("\"with\":\"a..b\"", &format!("with is {EMPTY}")),
        ("\"by\":\"a[0\"", "by is a path with brackets that don't fit: it is written as user.langs[0]"),
        ("\"time\":\"0.1.2.3.4.5.6.7.8.9.0.1.2.3.4.5.6\"", "time is a path of more than 16 keys"),
        ("\"filter\":5", FILTER),
        ("\"filter\":\"country\"", FILTER),
        ("\"filter\":[\"a:1\",[\"b:2\"]]", FILTER),
        ("\"filter\":\"a:\\ud800\"", FILTER),
        ("\"filter\":[\"a:1\",null]", FILTER),
        ("\"filter\":[\"a:1\",\"b:2\",\"c:3\"]", "filter has more than 2 rules"),
        ("\"filter\":\"a..b:1\"", &format!("filter has {EMPTY}")),
        (&long_filter, "filter is longer than 96 bytes"),
        // Sizes.
        ("\"groups\":0", "groups must be a whole number from 1 to 4096"),
        ("\"groups\":4097", "groups must be a whole number from 1 to 4096"),
        ("\"groups\":1.0", "groups must be a whole number from 1 to 4096"),
        ("\"groups\":\"64\"", "groups must be a whole number from 1 to 4096"),
        ("\"accuracy\":0.6", "accuracy must be a relative error from 0.0001 to 0.5"),
        ("\"accuracy\":0", "accuracy must be a relative error from 0.0001 to 0.5"),
        ("\"accuracy\":1e400", "accuracy must be a relative error from 0.0001 to 0.5"),
        ("\"accuracy\":\"0.01\"", "accuracy must be a relative error from 0.0001 to 0.5"),
        ("\"bins\":0", &format!("bins {COUNT}")),
        ("\"bins\":65536", &format!("bins {COUNT}")),
        ("\"bins\":1e3", &format!("bins {COUNT}")),
        ("\"bins\":[1]", &format!("bins {COUNT}")),
        ("\"precision\":3", "precision must be a whole number from 4 to 18: 2^precision bytes are held"),
        ("\"precision\":267", "precision must be a whole number from 4 to 18: 2^precision bytes are held"),
        ("\"top\":-1", &format!("top {COUNT}")),
        ("\"top\":{}", &format!("top {COUNT}")),
        ("\"edges\":1048577", "edges must be a whole number from 1 to 1048576"),
        ("\"directed\":1", "directed must be true or false"),
        ("\"directed\":\"true\"", "directed must be true or false"),
        // Histogram and change.
        ("\"histogram\":[0,1]", HISTOGRAM),
        ("\"histogram\":{}", HISTOGRAM),
        ("\"histogram\":{\"min\":0,\"max\":1}", HISTOGRAM),
        ("\"histogram\":{\"min\":null,\"max\":1,\"bins\":1}", HISTOGRAM),
        ("\"histogram\":{\"min\":0,\"integers\":[0,1]}", HISTOGRAM),
        ("\"histogram\":{\"min\":0,\"max\":0,\"bins\":1}", HISTOGRAM),
        ("\"histogram\":{\"min\":0,\"max\":1,\"bins\":0}", HISTOGRAM),
        ("\"histogram\":{\"min\":1e308,\"max\":-1e308,\"bins\":9}", HISTOGRAM),
        ("\"histogram\":{\"min\":1,\"max\":1.00000000001,\"bins\":65535}", HISTOGRAM),
        ("\"histogram\":{\"integers\":[1,0]}", HISTOGRAM),
        ("\"histogram\":{\"integers\":[0,65535]}", HISTOGRAM),
        ("\"histogram\":{\"min\":\"0\",\"max\":1,\"bins\":1}", "histogram.min must be a number"),
        ("\"histogram\":{\"min\":0,\"max\":1e999,\"bins\":1}", "histogram.max must be a number"),
        ("\"histogram\":{\"min\":0,\"max\":1,\"bins\":1048577}", HISTOGRAM),
        ("\"histogram\":{\"min\":0,\"max\":1,\"bins\":-1}", "histogram.bins must be a whole number from 1 to 1048576"),
        ("\"histogram\":{\"min\":0,\"min\":0}", "histogram.min is given twice"),
        ("\"histogram\":{\"low\":0}", "there is no setting \"low\" in histogram"),
        (
            "\"histogram\":{\"integers\":[0,1,2]}",
            "histogram.integers must be the least and the largest, such as [0,100], of 32 bits each",
        ),
        (
            "\"histogram\":{\"integers\":[0,2147483648]}",
            "histogram.integers must be the least and the largest, such as [0,100], of 32 bits each",
        ),
        ("\"change\":\"up\"", "change must be such as {\"drift\":0.5,\"threshold\":5,\"learn\":100}"),
        ("\"change\":{\"drift\":-0.5}", "change.drift must be a number from 0 to 1000"),
        ("\"change\":{\"threshold\":0}", "change.threshold must be a number from 0.001 to 1000000"),
        ("\"change\":{\"learn\":1}", "change.learn must be a whole number from 2 to 4294967295"),
        ("\"change\":{\"learn\":4294967296}", "change.learn must be a whole number from 2 to 4294967295"),
        (
            "\"every\":1,\"when\":{\"change\":\"up\",\"for\":\"1s\"}",
            "when.for must be left out: a change does not last",
        ),
        // Time.
        ("\"every\":0", EVERY),
        ("\"every\":-1", EVERY),
        ("\"every\":1e1", EVERY),
        ("\"every\":0.0005", EVERY),
        ("\"every\":1.0001", EVERY),
        ("\"every\":\"18446744073709551616ms\"", EVERY),
        ("\"every\":\"0 messages\"", EVERY),
        ("\"every\":\"messages\"", EVERY),
        ("\"every\":\" 5 messages\"", EVERY),
        ("\"every\":\"5  messages\"", EVERY),
        ("\"every\":{}", EVERY),
        ("\"every\":\"5 messages\",\"time\":\"t\"", "every must be a time, when a field says when a message was"),
        ("\"last\":10", "every must be given with last: how long a pane of it is"),
        ("\"every\":1,\"last\":0", LAST),
        ("\"every\":1,\"last\":4097", LAST),
        ("\"every\":1,\"last\":2.0001", LAST),
        ("\"every\":1,\"last\":\"5 messages\"", LAST),
        ("\"every\":1,\"lateness\":5", LATENESS),
        ("\"every\":1,\"time\":\"t\",\"lateness\":65", LATENESS),
        ("\"every\":1,\"time\":\"t\",\"lateness\":0.0001", LATENESS),
        ("\"time\":\"t\",\"lateness\":5", LATENESS),
        // Rules.
        ("\"when\":{\"rate >\":1}", "every must be given with when: its rules are looked at each time"),
        ("\"every\":1,\"when\":\"rate > 1\"", WHEN),
        ("\"every\":1,\"when\":[[]]", WHEN),
        ("\"every\":1,\"when\":[{\"rate >\":1},{\"rate >\":1},{\"rate >\":1},{\"rate >\":1},{\"rate >\":1}]", WHEN),
        ("\"every\":1,\"when\":{}", CONDITION),
        ("\"every\":1,\"when\":{\"rate >\":null}", CONDITION),
        ("\"every\":1,\"when\":{\"until\":1}", CONDITION),
        ("\"every\":1,\"when\":{\"rate >\":1,\"rate <\":0}", CONDITION),
        ("\"every\":1,\"when\":{\"rate >\":1,\"rate >\":1}", CONDITION),
        ("\"every\":1,\"when\":{\"rate >\":1,\"change\":\"up\"}", CONDITION),
        ("\"every\":1,\"when\":{\"rate >\":\"1\"}", "rate must be above or below a number, in when"),
        ("\"every\":1,\"when\":{\"rate>\":1}", "there is no setting \"rate>\" in when"),
        ("\"every\":1,\"when\":{\"p98 >\":1}", "there is no setting \"p98 >\" in when"),
        ("\"every\":1,\"when\":{\"change >\":1}", "there is no setting \"change >\" in when"),
        ("\"every\":1,\"when\":{\"rate >\":1,\"until\":2}", UNTIL),
        ("\"every\":1,\"when\":{\"rate <\":1,\"until\":0}", UNTIL),
        ("\"every\":1,\"when\":{\"rate <\":1,\"until\":[]}", UNTIL),
        (
            "\"every\":1,\"when\":{\"change\":\"up\",\"until\":0}",
            "when.until must be left out where change is: it has no bound",
        ),
        ("\"every\":1,\"when\":{\"change\":\"sideways\"}", "when.change must be \"up\" or \"down\""),
        ("\"every\":1,\"when\":{\"rate >\":1,\"to\":\".x\"}", &format!("when.to {NAME}")),
        (
            "\"every\":1,\"when\":{\"rate >\":1,\"for\":\"soon\"}",
            "when.for must be a number of seconds, or a text such as \"500ms\", \"2s\", \"5m\" or \"1h\", in whole milliseconds",
        ),
        (
            "\"every\":1,\"when\":{\"rate >\":1,\"for\":0.0001}",
            "when.for must be a number of seconds, or a text such as \"500ms\", \"2s\", \"5m\" or \"1h\", in whole milliseconds",
        ),
        ("\"every\":1,\"when\":{\"p99 >\":1}", "when is about p99, and measure does not have \"quantiles\""),
        ("\"every\":1,\"when\":{\"change\":\"up\"}", "when is about change, and measure does not have \"change\""),
    ] {
        let text = format!("{{\"measure\":\"rate\",{members}}}");
        let wrong = Definition::from_json(text.as_bytes()).expect_err(&text);
        assert_eq!(wrong.to_string(), line, "{text}");
    }
    for (text, line) in [
        ("{}", MEASURE),
        ("{\"measure\":[]}", MEASURE),
        ("{\"measure\":\"mean\"}", MEASURE),
        ("{\"measure\":[\"rate\",null]}", MEASURE),
        ("{\"measure\":{\"rate\":1}}", MEASURE),
        ("{\"measure\":\"pair\"}", "with must be the second field, for pair and graph"),
        ("{\"measure\":\"graph\"}", "with must be the second field, for pair and graph"),
        ("{\"measure\":\"histogram\"}", HISTOGRAM),
        ("", OBJECT),
        ("[]", OBJECT),
        ("\"rate\"", OBJECT),
        ("{\"measure\":\"rate\"}x", OBJECT),
        ("{\"measure\":\"rate\",}", OBJECT),
        ("{\"measure\":\"rate\"", OBJECT),
        ("{\"measure\":\"rate\"}\u{c}", OBJECT),
        // The whole text is looked at before any of it.
        ("{\"unknown\":1,\"bins\":01}", OBJECT),
        ("{\"measure\":\"r\u{1}te\"}", OBJECT),
    ] {
        let wrong = Definition::from_json(text.as_bytes()).expect_err(text);
        assert_eq!(wrong.to_string(), line, "{text}");
    }
    assert_eq!(Definition::from_json(b"{\"measure\":\"rate\",\"field\":\"\xff\"}").unwrap_err().to_string(), OBJECT);
}

#[test]
fn measures_have_names() {
    for measure in Measure::ALL {
        assert_eq!(Measure::named(measure.name()), Some(measure));
    }
    assert_eq!(Measure::named("mean"), None);
    assert_eq!(Measure::ALL.map(Measure::is_lasting).iter().filter(|is_lasting| **is_lasting).count(), 2);
}

#[test]
fn nesting_ends_without_ending_the_stack() {
    for depth in [1000, 1_000_000] {
        let text = format!("{{\"measure\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(Definition::from_json(text.as_bytes()).is_err());
        let text = format!("{{\"measure\":\"rate\",\"x\":{}{}}}", "{\"y\":".repeat(depth), "}".repeat(depth));
        assert!(Definition::from_json(text.as_bytes()).is_err());
    }
}

#[test]
fn what_is_not_given_as_json_is_checked_too() {
    let rule = |statistic, bound, hold| Rule { statistic, bound, hold, to: None };
    let with = |rule| Definition { rules: [rule].into_iter().collect(), every: Some(Every::Messages(1)), ..rate() };
    let zero = Duration::ZERO;
    assert_eq!(with(rule(Statistic::Rate, Bound::Above(1.0, 1.0), zero)).check(), Ok(()));
    let range = |low, high, bins| Definition { histogram: Scale::Range { low, high, bins }, ..rate() };
    // Bins have to be wider than four times the gap between numbers.
    assert_eq!(range(1.0 - 5.0 * f64::EPSILON, 1.0, 1).check(), Ok(()));
    assert_eq!(range(0.0, f64::MIN_POSITIVE, 1).check(), Ok(()));
    assert_eq!(range(f64::MIN, f64::MAX, 1 << 20).check(), Ok(()));
    for wrong in [
        range(1.0 - 4.0 * f64::EPSILON, 1.0, 1),
        range(0.0, 1e-320, 1_000),
        range(1.0, 1.0, 1),
        range(1.0, 0.0, 1),
        range(f64::NEG_INFINITY, f64::MAX, 2),
        range(0.0, 1.0, 0),
        Definition { bins: 0, ..rate() },
        Definition { top: 0, ..rate() },
        with(rule(Statistic::Rate, Bound::Below(10.0, 5.0), zero)),
        with(rule(Statistic::Rate, Bound::Below(f64::NEG_INFINITY, 1.0), zero)),
        with(rule(Statistic::Rate, Bound::Below(1.0, f64::INFINITY), zero)),
        with(rule(Statistic::Rate, Bound::Above(1.0, f64::NEG_INFINITY), zero)),
        with(rule(Statistic::Rate, Bound::Above(5.0, 10.0), zero)),
        with(rule(Statistic::Rate, Bound::Up, zero)),
        with(rule(Statistic::Change, Bound::Above(1.0, 1.0), zero)),
        with(rule(Statistic::Rate, Bound::Above(f64::NAN, 1.0), zero)),
        with(rule(Statistic::Rate, Bound::Below(1.0, f64::NAN), zero)),
        with(rule(Statistic::Rate, Bound::Above(f64::INFINITY, 1.0), zero)),
        with(rule(Statistic::Rate, Bound::Above(1.0, 1.0), Duration::from_nanos(1))),
        Definition { accuracy: f64::NAN, ..rate() },
        Definition { change: Changes { drift: f64::NAN, ..Changes::DEFAULT }, ..rate() },
        Definition { histogram: Scale::Range { low: f64::NAN, high: 1.0, bins: 1 }, ..rate() },
        Definition { field: Some(Field::of([0xff]).unwrap()), ..rate() },
        Definition { field: Some(Field::EMPTY), ..rate() },
        Definition { measures: Measures::NONE, ..rate() },
        Definition { every: Some(Every::Time(Duration::MAX)), ..rate() },
        Definition { every: Some(Every::Time(Duration::from_micros(1500))), ..rate() },
    ] {
        assert!(wrong.check().is_err(), "{wrong:?}");
    }
}

#[test]
fn gauges_merge_when_they_measure_the_same() {
    let all = Measure::ALL.into_iter().fold(Measures::NONE, Measures::with);
    let full = Definition {
        field: field("t"),
        with: field("u"),
        by: field("c"),
        histogram: Scale::Integers { low: 0, high: 9 },
        ..Definition::new(Name::MAIN, all)
    };
    let bare = Definition { field: field("t"), ..rate() };
    type Change = fn(&mut Definition);
    let tells_apart: [(Change, bool, bool); 20] = [
        (|d| d.topic = Name::new(b"other").unwrap(), false, false),
        (|d| d.filter = Filter::NONE.and("a:1").unwrap(), false, false),
        (|d| d.every = Some(Every::Messages(5)), false, false),
        (|d| d.last = Some(Last::Messages(5)), false, false),
        (|d| d.time = field("at"), true, true),
        (|d| d.lateness = Duration::from_secs(1), false, false),
        (
            |d| {
                let rule = Rule { statistic: Statistic::Rate, bound: Bound::Up, hold: Duration::ZERO, to: None };
                d.rules = [rule].into_iter().collect();
            },
            false,
            false,
        ),
        (|d| d.field = None, true, true),
        (|d| d.with = field("v"), true, true),
        (|d| d.by = field("d"), true, true),
        (|d| d.measures = Measures::NONE.with(Measure::Moments), true, true),
        (|d| d.groups = 65, true, false),
        (|d| d.accuracy = 0.02, true, false),
        (|d| d.bins = 5, true, false),
        (|d| d.precision = 5, true, false),
        (|d| d.top = 5, true, false),
        (|d| d.edges = 5, true, false),
        (|d| d.directed = false, true, false),
        (|d| d.histogram = Scale::Integers { low: 1, high: 9 }, true, false),
        (|d| d.change.learn = 5, true, false),
    ];
    for (number, (change, apart_in_full, apart_in_bare)) in tells_apart.into_iter().enumerate() {
        for (definition, apart) in [(&full, apart_in_full), (&bare, apart_in_bare)] {
            let mut other = definition.clone();
            change(&mut other);
            assert_ne!(other, *definition, "{number}");
            assert_eq!(definition.measures_like(&other), !apart, "{number}: {definition:?}");
            assert_eq!(other.measures_like(definition), !apart, "{number}: {definition:?}");
        }
    }
}

/// The same value, written as differently as JSON allows.
fn rewritten(value: &Value, out: &mut String) {
    let escaped = |text: &str, out: &mut String| {
        out.push('"');
        for unit in text.encode_utf16() {
            *out += &format!("\\u{unit:04x}");
        }
        out.push('"');
    };
    match value {
        Value::Object(members) => {
            *out += " {\t";
            for (number, (name, value)) in members.iter().rev().enumerate() {
                *out += if number > 0 { " ,\r" } else { "" };
                escaped(name, out);
                *out += "\n:";
                rewritten(value, out);
            }
            *out += " } ";
        }
        Value::Array(items) => {
            *out += " [ ";
            for (number, item) in items.iter().enumerate() {
                *out += if number > 0 { " , " } else { "" };
                rewritten(item, out);
            }
            *out += " ] ";
        }
        Value::String(text) => escaped(text, out),
        Value::Number(number) if number.is_f64() => *out += &format!("{:e}", number.as_f64().unwrap()),
        other => *out += &other.to_string(),
    }
}

/// Text that comes near a definition.
fn near() -> impl Strategy<Value = Vec<u8>> {
    let words: Vec<&str> = vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\\u00",
        "null",
        "true",
        "1",
        "0",
        "-",
        ".",
        "e",
        "\"measure\":",
        "\"rate\"",
        "\"every\":",
        "\"1 messages\"",
        "\"when\":",
        "\"rate >\":",
        "\"change\":",
        "\"until\":",
        "\"histogram\":",
        "\"integers\":",
        "\"filter\":",
        "\"a:1\"",
        "\"min\":",
        "\u{0}",
        "é",
        "\n",
    ];
    let edit = (any::<prop::sample::Index>(), 0..4_usize, proptest::sample::select(words));
    (definition(), vec(edit, 0..4)).prop_map(|(definition, edits)| {
        let mut text = written(&definition).into_bytes();
        for (at, cut, word) in edits {
            let at = at.index(text.len() + 1);
            let end = (at + cut).min(text.len());
            text.splice(at..end, word.bytes());
        }
        text
    })
}

/// What holds of any text: if it is a definition it is JSON, and reads back from what it is written as.
fn is_read_or_refused(text: &[u8]) {
    match Definition::from_json(text) {
        Ok(definition) => {
            serde_json::from_slice::<Map<String, Value>>(text).unwrap();
            let json = written(&definition);
            assert_eq!(Definition::from_json(json.as_bytes()), Ok(definition), "{json}");
        }
        Err(wrong) => {
            let line = wrong.to_string();
            assert!(!line.is_empty() && line.len() < 250 && !line.contains(char::is_control), "{line}");
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_back(definition in definition()) {
        prop_assert_eq!(definition.check(), Ok(()));
        let json = written(&definition);
        let read = Definition::from_json(json.as_bytes());
        prop_assert_eq!(read.as_ref(), Ok(&definition), "{}", json);
        prop_assert_eq!(written(&read.unwrap()), json);
    }

    #[test]
    fn how_it_is_written_does_not_matter(definition in definition()) {
        let json = written(&definition);
        let mut text = String::new();
        rewritten(&serde_json::from_str(&json).unwrap(), &mut text);
        prop_assert_eq!(Definition::from_json(text.as_bytes()), Ok(definition), "{}", text);
    }

    #[test]
    fn equal_definitions_are_equal_bytes(one in definition(), other in definition(), from in 0..20_usize) {
        // Most of them differ in one setting, if at all.
        let mut mixed = one.clone();
        match from {
            0 => mixed.topic = other.topic,
            1 => mixed.filter = other.filter,
            2 => mixed.field = other.field,
            3 => mixed.with = other.with,
            4 => mixed.by = other.by,
            5 => mixed.groups = other.groups,
            6 => mixed.measures = other.measures,
            7 => mixed.accuracy = other.accuracy,
            8 => mixed.bins = other.bins,
            9 => mixed.precision = other.precision,
            10 => mixed.top = other.top,
            11 => mixed.edges = other.edges,
            12 => mixed.directed = other.directed,
            13 => mixed.histogram = other.histogram,
            14 => mixed.change = other.change,
            15 => mixed.every = other.every,
            16 => mixed.last = other.last,
            17 => mixed.time = other.time,
            18 => mixed.lateness = other.lateness,
            _ => mixed.rules = other.rules,
        }
        prop_assert_eq!(mixed == one, written(&mixed) == written(&one));
        // Zero is zero.
        let zero = |zero| Definition { histogram: Scale::Range { low: zero, high: 1.0, bins: 1 }, ..one.clone() };
        prop_assert_eq!(written(&zero(0.0)), written(&zero(-0.0)));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200)) {
        is_read_or_refused(&bytes);
    }

    #[test]
    fn what_comes_near_is_read_or_refused(text in near()) {
        is_read_or_refused(&text);
    }

    #[test]
    fn numbers_are_read_to_the_bit(number in any::<f64>().prop_filter("finite", |number| number.is_finite())) {
        let text = format!(r#"{{"measure":"rate","every":1,"when":{{"rate >":{number:e}}}}}"#);
        let read = Definition::from_json(text.as_bytes()).unwrap();
        prop_assert_eq!(read.rules[0].bound, Bound::Above(number, number));
    }
}
