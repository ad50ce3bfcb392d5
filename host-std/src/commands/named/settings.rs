//! `key=value…` as a JSON object.

use serde_json::Value;

use crate::terminal::json::string;

/// Reads one setting.
pub(in crate::commands) fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("is no KEY=VALUE, such as lease=30s")?;
    if key.is_empty() {
        return Err("has no KEY in front of the =".to_owned());
    }
    Ok((key.to_owned(), value.to_owned()))
}

/// Settings that are names or paths, which may look like something else: a topic may be called `123`, and `[0]` is a path.
const TEXTS: [&str; 6] = ["topic", "dead_letter", "field", "with", "by", "time"];

/// The object. Values that are JSON are sent as they are, but of names and paths only null and what is in quotes; others
/// as text, and those of a key that comes again as an array: what a setting may be is the server's affair.
pub(in crate::commands) fn object(settings: &[(String, String)]) -> String {
    let first = |at: usize, key: &str| settings.iter().position(|(other, _)| other == key) == Some(at);
    let members = settings.iter().enumerate().filter(|(at, (key, _))| first(*at, key)).map(|(_, (key, _))| {
        let values: Vec<_> =
            settings.iter().filter(|(other, _)| other == key).map(|(_, value)| json(key, value)).collect();
        match &values[..] {
            [one] => format!("{}:{one}", string(key)),
            several => format!("{}:[{}]", string(key), several.join(",")),
        }
    });
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

fn json(key: &str, value: &str) -> String {
    let is_text = TEXTS.contains(&key);
    let known = serde_json::from_str::<Value>(value);
    let known = known.is_ok_and(|value| !is_text || value.is_string() || value.is_null());
    if known { value.trim().to_owned() } else { string(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_what_they_look_like() {
        let settings = [
            "lease=30s",
            "max_attempts=5",
            "dead_letter=null",
            "topic=\"7\"",
            "durable=false",
            "a\"=1e",
            "b=",
            "c=[1]",
            "d={\"a\":1}",
            "filter=c:DE",
            "e=0",
            "filter=n:5",
        ];
        let settings: Vec<_> = settings.iter().map(|text| pair(text).unwrap()).collect();
        assert_eq!(
            object(&settings),
            r#"{"lease":"30s","max_attempts":5,"dead_letter":null,"topic":"7","durable":false,"a\"":"1e","b":"","c":[1],"d":{"a":1},"filter":["c:DE","n:5"],"e":0}"#
        );
        assert_eq!(object(&[]), "{}");
        let names = ["topic=123", "dead_letter=true", "field=[0]", "by=1", "with=0.5", "time=\"t\""];
        let names: Vec<_> = names.iter().map(|text| pair(text).unwrap()).collect();
        assert_eq!(
            object(&names),
            r#"{"topic":"123","dead_letter":"true","field":"[0]","by":"1","with":"0.5","time":"t"}"#
        );
        assert!(pair("lease").is_err() && pair("=1").is_err());
        assert_eq!(pair("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
    }
}
