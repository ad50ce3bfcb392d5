//! Readings as they are written.

use streamgauge_core::gauge::{Bar, Format, write_histogram};

use super::support::{Heap, gauge, json, take, written};

fn busy() -> streamgauge_core::gauge::Gauge<Heap> {
    let mut gauge = gauge(
        r#"{"topic":"clicks","field":"x","with":"y","by":"g","groups":4,"every":"1s","last":"5s","top":4,"edges":4,
            "histogram":{"min":0,"max":10,"bins":5},
            "measure":["moments","quantiles","distinct","top","histogram","rate","change","pair","graph"]}"#,
    );
    for x in 0..200 {
        let group =
            ["<&\\\"'>", "\u{1b}[2J", "plain", "\u{202e}", "beyond"][x % 5].replace('\\', "\\\\").replace('"', "\\\"");
        let group = group.replace('\u{1b}', "\\u001b");
        let message = format!(r#"{{"x":{},"y":{},"g":"{group}"}}"#, x % 10, x % 3);
        take(&mut gauge, message, 1_700_000_000_000 + x as u64 * 20);
    }
    take(&mut gauge, "{", 1_700_000_004_000);
    gauge
}

fn text(format: Format) -> String {
    String::from_utf8(written(&mut busy(), format, 1_700_000_004_000)).unwrap()
}

#[test]
fn a_table_is_for_terminals() {
    let table = text(Format::Table);
    assert!(
        table.starts_with("g  topic clicks  from 2023-11-14T22:13:20.000Z to 2023-11-14T22:13:24.000Z  messages 200\n")
    );
    assert!(table.contains("\nplain\n  count 40  mean 4.5 "), "{table}");
    assert!(table.ends_with("not measured: 1 not JSON\nmeasured, but: 4 panes untold\n"), "{table}");
    assert!(table.chars().all(|char| char == '\n' || !char.is_control()), "{table:?}");
}

#[test]
fn a_table_makes_no_digit_up() {
    let mut gauge = gauge(
        r#"{"measure":["moments","histogram"],"histogram":{"min":1331923247000.5,"max":1331923247001.5,"bins":4}}"#,
    );
    ["1331923247000.6", "1331923247001.3", "1331923247001.4"].iter().for_each(|x| take(&mut gauge, x, 0));
    ["1331923240123", "1331923249456"].iter().for_each(|x| take(&mut gauge, x, 0));
    let table = String::from_utf8(written(&mut gauge, Format::Table, 0)).unwrap();
    assert!(table.contains("  mean 1.331923246e12  "), "{table}");
    assert!(table.contains("  min 1331923240123  max 1331923249456\n"), "{table}");
    // Each bin says where it is.
    let bins: Vec<_> = table.lines().filter(|line| line.starts_with("    ")).collect();
    assert_eq!(bins.len(), 2, "{table}");
    assert!(
        bins[0].starts_with("    1331923247000.5  1  ") && bins[1].starts_with("    1331923247001.25  2  "),
        "{table}"
    );
    let picture = String::from_utf8(written(&mut gauge, Format::Svg, 0)).unwrap();
    assert!(picture.contains("<title>1331923247001.25 to 1331923247001.5: 2</title>"), "{picture}");
}

#[test]
fn openmetrics_is_one_family_with_labels() {
    let metrics = text(Format::OpenMetrics);
    assert!(metrics.ends_with("# EOF\n"));
    let samples = metrics.lines().filter(|line| !line.starts_with('#'));
    for sample in samples {
        let (name, value) = sample.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{sample}");
        assert!(name.starts_with("streamgauge_gauge") && name.ends_with('}'), "{sample}");
    }
    assert!(metrics.contains("group=\"<&\\\\\\\"'>\""), "{metrics}");
    assert!(metrics.contains("statistic=\"bucket\",le=\"10.0\"} "), "{metrics}");
}

#[test]
fn a_bucket_of_integers_has_the_number_that_it_is_named_after() {
    let mut gauge = gauge(r#"{"measure":"histogram","histogram":{"integers":[0,3]}}"#);
    ["-2", "1", "2", "2", "9"].iter().for_each(|number| take(&mut gauge, number, 0));
    let metrics = String::from_utf8(written(&mut gauge, Format::OpenMetrics, 0)).unwrap();
    let buckets = metrics.lines().filter_map(|line| line.split_once("statistic=\"bucket\",")).map(|(_, bucket)| bucket);
    let expected = [r#"le="0.0"} 1"#, r#"le="1.0"} 2"#, r#"le="2.0"} 4"#, r#"le="3.0"} 4"#, r#"le="+Inf"} 5"#];
    assert_eq!(buckets.collect::<Vec<_>>(), expected);
}

#[test]
fn a_picture_is_xml_whatever_the_values_are() {
    let svg = text(Format::Svg);
    let mut open = Vec::new();
    for tag in svg.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').expect("each tag ends");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(tag.split(' ').next().unwrap());
        }
        assert!(tag.matches('"').count() % 2 == 0, "{tag}");
        assert!(!tag.contains("NaN") && !tag.contains("inf"), "{tag}");
    }
    assert!(open.is_empty() && svg.starts_with("<svg ") && !svg.contains('\u{1b}'), "{open:?}");
}

#[test]
fn a_picture_shows_texts_without_what_is_none() {
    let mut gauge = gauge(r#"{"field":"g","measure":"top"}"#);
    for text in ["<&\\\"'>", "\\u001b[2J\\u0000", "a\\uffffb", "plain"] {
        take(&mut gauge, format!(r#"{{"g":"{text}"}}"#), 0);
    }
    let svg = String::from_utf8(written(&mut gauge, Format::Svg, 0)).unwrap();
    assert!(svg.contains(">&lt;&amp;&quot;'&gt;<") || svg.contains(">&lt;&amp;\\&quot;'&gt;<"), "{svg}");
    assert!(svg.contains(">plain<") && svg.contains(">\u{fffd}[2J\u{fffd}<"), "{svg}");
    assert!(!svg.contains(['\u{1b}', '\0', '\u{ffff}']), "{svg}");
}

#[test]
fn a_histogram_is_drawn_with_round_numbers_beside_it() {
    let bar = |low: f64, count| Bar { low, high: low + 1.0, count };
    let drawn = |bars: &[Bar], are_integers| {
        let mut out = Vec::new();
        write_histogram("<1,234 values>", bars, are_integers, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let numbers = |svg: &str, anchor: &str| -> Vec<String> {
        let anchor = format!("text-anchor=\"{anchor}\"");
        svg.split(&anchor).skip(1).map(|label| label.split(['>', '<']).nth(1).unwrap().to_owned()).collect()
    };
    let svg = drawn(&[bar(0.0, 3), bar(1.0, 0), bar(2.0, 11)], false);
    assert!(svg.contains("<title>&lt;1,234 values&gt;</title>"), "{svg}");
    assert!(svg.contains("><title>2 to 3: 11</title></rect>") && svg.matches("<rect ").count() == 2, "{svg}");
    assert_eq!(numbers(&svg, "end"), ["0", "5", "10", "15"]);
    assert_eq!(numbers(&svg, "middle"), ["0", "0.375", "0.75", "1.125", "1.5", "1.875", "2.25", "2.625", "3"]);
    // The highest bar is as high as its count: 11 of 15 of 300.
    assert!(svg.contains("width=\"209\" height=\"220\""), "{svg}");
    let svg = drawn(&[bar(-1.0, 2), bar(20.0, 1)], true);
    assert!(svg.contains("<title>20: 1</title>"), "{svg}");
    assert_eq!(numbers(&svg, "middle"), ["-1", "2", "5", "8", "11", "14", "17", "20"]);
    for (bars, are_integers) in [(&[][..], false), (&[], true), (&[bar(5.0, u64::MAX)], true)] {
        let svg = drawn(bars, are_integers);
        assert!(svg.ends_with("</svg>\n") && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}

/// Where something is across a picture, and how wide: what is drawn of the bins that have a title.
fn bars(svg: &str) -> Vec<(f64, f64)> {
    let number = |text: &str, name: &str| {
        let (_, behind) = text.split_once(name).unwrap();
        behind.split('"').next().unwrap().parse::<f64>().unwrap()
    };
    svg.split("<rect ").skip(1).map(|text| (number(text, "x=\""), number(text, "width=\""))).collect()
}

#[test]
fn pictures_of_numbers_as_far_apart_as_can_be_are_to_scale() {
    let bar = |low, high| Bar { low, high, count: 1 };
    let mut out = Vec::new();
    write_histogram("values", &[bar(-1.5e308, 0.0), bar(0.0, 1.5e308)], false, &mut out).unwrap();
    let svg = String::from_utf8(out).unwrap();
    assert_eq!(bars(&svg), [(70.0, 314.0), (385.0, 314.0)], "{svg}");
    for label in [">-1.5e308<", ">0<", ">7.5e307<", ">1.5e308<"] {
        assert!(svg.contains(label), "{label}: {svg}");
    }
    let definition = r#"{"every":"1s","last":"3s","measure":["quantiles","histogram"],
        "histogram":{"min":-1.6e308,"max":1.6e308,"bins":4}}"#;
    let mut gauge = gauge(definition);
    for (at, x) in [(0, "-1.5e308"), (0, "1.5e308"), (1_000, "-1.5e308"), (1_000, "1.5e308"), (1_000, "0")] {
        take(&mut gauge, x, at);
    }
    assert_eq!(json(&mut gauge, 1_500)["histogram"]["bins"], serde_json::json!([2, 0, 1, 2]));
    let svg = String::from_utf8(written(&mut gauge, Format::Svg, 1_500)).unwrap();
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    // Of the distribution: the least, zero, and the largest.
    let (_, distribution) = svg.split_once(">distribution<").unwrap();
    let (distribution, histogram) = distribution.split_once(">histogram<").unwrap();
    let places: Vec<_> = bars(distribution).into_iter().map(|(left, _)| left).collect();
    assert!(places.first() == Some(&70.0) && places.contains(&385.0) && places.last() == Some(&695.0), "{svg}");
    assert_eq!(bars(histogram).into_iter().map(|(left, _)| left).collect::<Vec<_>>(), [70.0, 385.0, 542.5], "{svg}");
}

/// The height of a picture, and where the lowest and the highest text in it stands.
fn heights(svg: &str) -> (f64, Vec<f64>) {
    let number = |text: &str| text.split('"').next().unwrap().parse::<f64>().unwrap();
    let height = number(svg.split(" height=\"").nth(1).unwrap());
    (height, svg.split("<text").skip(1).map(|text| number(text.split(" y=\"").nth(1).unwrap())).collect())
}

#[test]
fn a_picture_of_any_measure_has_something_in_it() {
    let measures =
        ["moments", "quantiles", "distinct", "top", "histogram", "rate", "change", "pair", "graph"].map(String::from);
    for measure in measures {
        for messages in [0, 1, 500] {
            let mut gauge =
                gauge(&format!(r#"{{"field":"x","with":"y","histogram":{{"integers":[0,9]}},"measure":"{measure}"}}"#));
            (0..messages).for_each(|x| take(&mut gauge, format!(r#"{{"x":{x},"y":{}}}"#, x % 7), 0));
            let svg = String::from_utf8(written(&mut gauge, Format::Svg, 0)).unwrap();
            let (height, texts) = heights(&svg);
            assert!(texts.len() > 1, "{measure}, {messages}: {svg}");
            assert!(texts.iter().all(|y| (20.0..height).contains(y)) && height < 400.0, "{measure}, {messages}: {svg}");
        }
    }
    let mut gauge = gauge(r#"{"measure":"moments"}"#);
    ["1", "2", "6"].iter().for_each(|x| take(&mut gauge, x, 0));
    let svg = String::from_utf8(written(&mut gauge, Format::Svg, 0)).unwrap();
    for (name, value) in [("count", "3"), ("mean", "3"), ("variance", "7"), ("max", "6")] {
        assert!(svg.contains(&format!(">{name}</tspan> {value}<")), "{svg}");
    }
}

#[test]
fn what_stands_beside_a_picture_has_room_there() {
    let numbers = |low: f64, high: f64| {
        let mut out = Vec::new();
        let bars = [Bar { low, high, count: 1_700_000_000_000 }];
        write_histogram("values", &bars, false, &mut out).unwrap();
        let svg = String::from_utf8(out).unwrap();
        let labels = svg.split("<text text-anchor=\"").skip(1);
        labels.map(|label| label.split(['>', '<']).nth(1).unwrap().to_owned()).collect::<Vec<_>>()
    };
    for (low, high) in [(-0.000_207_18, 0.0), (1.7e9, 1.8e9), (-1.234_56e-300, 1e300), (-1.5e9, 1_234_567.9)] {
        let numbers = numbers(low, high);
        let digits = |number: &String| number.matches(|char| !matches!(char, '-' | '.')).count();
        assert!(numbers.iter().all(|number| digits(number) <= 8 && number.len() < 10), "{numbers:?}");
    }
    assert_eq!(numbers(-0.000_207_18, 12_345_678.0)[5..6], ["-2.072e-4"]);
    assert_eq!(numbers(1.7e9, 1.8e9).iter().filter(|number| *number == "1.7e9" || *number == "1.8e9").count(), 2);
    assert_eq!(numbers(0.0, 1.0)[..5], ["0", "5e11", "1e12", "1.5e12", "2e12"]);
    // How often a value came is exact, as far as there is room.
    let mut gauge = gauge(r#"{"measure":"top"}"#);
    (0..3).for_each(|_| take(&mut gauge, "a", 0));
    let svg = String::from_utf8(written(&mut gauge, Format::Svg, 0)).unwrap();
    assert!(svg.contains(">3</text>"), "{svg}");
}

#[test]
fn no_reading_is_longer_than_its_definition_says() {
    let all = r#"["moments","quantiles","distinct","top","histogram","rate","change","pair","graph"]"#;
    for (measures, more) in [
        (all, r#""histogram":{"integers":[0,30]},"edges":40,"top":40,"groups":9"#),
        (all, r#""histogram":{"min":-1e300,"max":1e300,"bins":9},"edges":5,"top":5,"groups":200"#),
        (r#""top""#, r#""top":300,"groups":3"#),
        (r#""graph""#, r#""edges":300,"groups":3"#),
        (r#""rate""#, r#""groups":300"#),
        (r#""histogram""#, r#""histogram":{"integers":[0,300]},"groups":1"#),
    ] {
        for by in ["", r#""by":"k","#] {
            let mut gauge = gauge(&format!(r#"{{"measure":{measures},"field":"k","with":"y",{by}{more}}}"#));
            for number in 0..1_000_u32 {
                // Longer than what is shown, and all of that is escaped.
                let long = format!("{}{number:03}", "\\u0001".repeat(60));
                let x = f64::from(number) * -1.234_567_890_123_456e-105;
                let key = if number % 9 == 0 { format!("{x:e}") } else { format!("\"{long}\"") };
                take(&mut gauge, format!(r#"{{"k":{key},"y":{x:e}}}"#), u64::from(number) << 30);
            }
            let (longest, written) = (gauge.definition().longest_reading(), written(&mut gauge, Format::Json, 1 << 41));
            let len = written.len() as u64;
            assert!(len <= longest, "{measures} {by} {more}: {len} of {longest}");
            // Nor is it much shorter, where values are long and there are as many as there is room for.
            let is_full = measures == r#""top""# && by.is_empty();
            assert!(!is_full || len * 2 >= longest, "{measures} {by} {more}: {len} of {longest}");
        }
    }
}

#[test]
fn what_nothing_came_to_can_be_written_too() {
    for format in [Format::Table, Format::Json, Format::OpenMetrics, Format::Svg, Format::Binary, Format::Definition] {
        let mut empty = gauge(r#"{"field":"x","every":"1s","last":"5s","measure":["moments","quantiles","top"]}"#);
        assert!(!written(&mut empty, format, 5_000).is_empty(), "{format:?}");
    }
}

#[test]
fn a_picture_shows_distinct_values_with_their_error_and_how_certain_counts_are() {
    let mut gauge = gauge(r#"{"field":"g","measure":["distinct","top"],"top":2,"every":"1s","last":"10s"}"#);
    for n in 0..900_u32 {
        take(&mut gauge, format!(r#"{{"g":{}}}"#, n % 300), u64::from(n) * 10);
    }
    let svg = String::from_utf8(written(&mut gauge, Format::Svg, 8_999)).unwrap();
    assert!(svg.contains(">distinct, and twice its error<"), "{svg}");
    // In nine panes 100 different values each: a band, and in it a line, under the bars of the messages.
    assert_eq!(svg.matches("opacity=\"0.3\"").count(), 9, "{svg}");
    assert!(!svg.contains("height=\"0\""), "{svg}");
    assert_eq!(svg.matches("height=\"2\" opacity=\"1\"").count(), 9, "{svg}");
    assert!(svg.contains("at least "), "{svg}");
}
