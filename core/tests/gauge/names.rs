//! What values are called: no two of them the same, and as they are where nothing looks like them.

use std::collections::BTreeSet;

use streamgauge_core::gauge::{Format, Key};
use streamgauge_core::select::Number;

use super::support::{gauge, json, take, written};

/// Two texts that are the same as far as they are shown.
fn alike() -> [String; 2] {
    ["a", "b"].map(|end| "x".repeat(60) + end)
}

/// What stands behind a text that is cut.
fn marked(shown: &str, hash: u64) -> String {
    format!("{shown}…{hash:016x}")
}

/// The samples of a reading, without their values.
fn series(definition: &str, messages: &[String]) -> Vec<String> {
    let mut gauge = gauge(definition);
    messages.iter().for_each(|message| take(&mut gauge, message, 0));
    let text = String::from_utf8(written(&mut gauge, Format::OpenMetrics, 0)).unwrap();
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect()
}

#[test]
fn a_name_says_the_value_or_its_beginning_and_its_hash() {
    for text in ["", "a", "other", "1", "x…", "x…0123456789abcdeg", "x…0123456789ABCDEF", "…0123456789abcde"] {
        assert_eq!(&*Key::of_text(text).name(), text);
    }
    for text in ["x".repeat(54), "😀".repeat(13)] {
        assert_eq!(&*Key::of_text(&text).name(), text);
    }
    for text in alike() {
        let key = Key::of_text(&text);
        assert_eq!(&*key.name(), marked(&"x".repeat(54), key.hash()));
    }
    // Such a name is a text, too, and then called by another one.
    for text in ["x…0123456789abcdef", "…0123456789abcdef"] {
        let key = Key::of_text(text);
        assert_eq!(&*key.name(), marked(text, key.hash()));
    }
    let digits = "1".repeat(54);
    let key = Key::of_number(&Number::parse(&digits).unwrap());
    assert_eq!(&*key.name(), marked(&digits, key.hash()));
}

#[test]
fn groups_are_called_by_different_names() {
    let [a, b] = alike();
    let texts = [a.as_str(), &b, "1", "2.50", "true", "other", "", "plain"].map(|text| format!("\"{text}\""));
    let messages: Vec<_> = texts.into_iter().chain(["1", "2.5", "7", "true", "false"].map(str::to_owned)).collect();
    let messages: Vec<_> = messages.iter().map(|value| format!(r#"{{"k":{value}}}"#)).collect();
    let definition = r#"{"by":"k","measure":"rate"}"#;
    let mut one = gauge(definition);
    messages.iter().for_each(|message| take(&mut one, message, 0));
    let names: BTreeSet<_> = json(&mut one, 0)["groups"].as_object().unwrap().keys().cloned().collect();
    // As it looks is whatever nothing else looks like, and of what looks the same the text.
    let number = Key::of_number(&Number::parse("1").unwrap());
    let texts = ["1", "2.50", "2.5", "7", "true", "false", "other", "", "plain"].map(str::to_owned);
    let others = [&a, &b].map(|text| marked(&"x".repeat(54), Key::of_text(text).hash()));
    let mut expected = BTreeSet::from_iter(texts.into_iter().chain(others));
    assert!(expected.is_subset(&names), "{names:?}");
    assert!(names.contains(&marked("1", number.hash())), "{names:?}");
    assert_eq!(names.len(), messages.len());
    let all = series(definition, &messages);
    assert_eq!(BTreeSet::from_iter(&all).len(), all.len(), "{all:#?}");
    // Beside the rest, and where no name is that of all.
    expected.extend(["other", ""].map(|text| marked(text, Key::of_text(text).hash())));
    expected.remove("");
    for name in expected {
        assert!(all.iter().any(|sample| sample.contains(&format!("group=\"{name}\""))), "{name} {all:#?}");
    }
    let table = String::from_utf8(written(&mut one, Format::Table, 0)).unwrap();
    assert_eq!(table.lines().filter(|line| *line == "other").count(), 1, "{table}");
}

#[test]
fn values_and_edges_are_called_by_different_names() {
    let [a, b] = alike();
    let texts = [a.as_str(), &b, "1", "true", "1.0"].map(|text| format!("\"{text}\""));
    let values: Vec<_> = texts.into_iter().chain(["1", "true", "2"].map(str::to_owned)).collect();
    let pairs = values.iter().flat_map(|x| values.iter().map(move |y| format!(r#"{{"x":{x},"y":{y}}}"#)));
    let pairs: Vec<_> = pairs.collect();
    for directed in [true, false] {
        let definition = format!(r#"{{"field":"x","with":"y","directed":{directed},"measure":["top","graph"]}}"#);
        let all = series(&definition, &pairs);
        let edges = all.iter().filter(|sample| sample.contains("\"edge\"")).count();
        let len = values.len();
        assert_eq!(edges, if directed { len * len } else { len * (len + 1) / 2 });
        assert_eq!(BTreeSet::from_iter(&all).len(), all.len(), "{all:#?}");
    }
    let definition = r#"{"field":"x","with":"y","measure":["top","graph"]}"#;
    let all = series(definition, &[r#"{"x":1,"y":"b"}"#, r#"{"x":true,"y":2}"#].map(str::to_owned));
    for labels in [r#",value="1""#, r#",value="true""#, r#",from="1",to="b""#, r#",from="true",to="2""#] {
        assert!(all.iter().any(|sample| sample.contains(labels)), "{labels} {all:#?}");
    }
    let mut one = gauge(r#"{"field":"x","measure":"top"}"#);
    [&a, &b].iter().for_each(|text| take(&mut one, format!(r#"{{"x":"{text}"}}"#), 0));
    let top = &json(&mut one, 0)["top"];
    let svg = String::from_utf8(written(&mut one, Format::Svg, 0)).unwrap();
    for name in [&a, &b].map(|text| marked(&"x".repeat(54), Key::of_text(text).hash())) {
        assert!(top[0]["value"] == *name || top[1]["value"] == *name, "{top}");
        assert!(svg.contains(&name), "{svg}");
    }
}
