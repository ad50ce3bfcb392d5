//! Bytes as JSON, and a server's counters back from it.

use std::convert::Infallible;
use std::fmt::{self, Write as _};

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use streamgauge_core::wire::write_json_string;

/// A member of a JSON object: `"data": "…"`, or `"hex": "…"` for bytes that are no UTF-8, so that nothing is lost.
pub(crate) fn data(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => format!("\"data\": {}", string(text)),
        Err(_) => {
            let mut hex = String::with_capacity(bytes.len() * 2);
            for byte in bytes {
                let _ = write!(hex, "{byte:02x}");
            }
            format!("\"hex\": \"{hex}\"")
        }
    }
}

/// A JSON string.
pub(crate) fn string(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    let Ok(()) = write_json_string(text, &mut out) as Result<(), Infallible>;
    String::from_utf8(out).unwrap_or_default()
}

/// The counters in `{"name": 1,"other": 2}`; the original pubsub has a comma behind the last one too.
pub(crate) fn counters(text: &str) -> Option<Vec<(String, u64)>> {
    let members = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    let members = members.split(',').map(str::trim).filter(|member| !member.is_empty());
    let counter = |member: &str| {
        let (name, value) = member.split_once(':')?;
        let name = name.trim().strip_prefix('"')?.strip_suffix('"')?;
        let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        Some((name.to_owned(), value.trim().parse().ok()?)).filter(|_| plain)
    };
    members.map(counter).collect::<Option<Vec<_>>>().filter(|counters| !counters.is_empty())
}

/// The members of a JSON object in their order; `None` for anything else.
pub(crate) fn members(text: &[u8]) -> Option<Vec<(String, Value)>> {
    serde_json::from_slice::<Members>(text).ok().map(|members| members.0)
}

/// A JSON object, or a list of them, as they are written: a map would sort their members.
#[derive(Debug, Default, Clone)]
pub(crate) struct Members(pub(crate) Vec<(String, Value)>);

impl Members {
    /// The value of the member of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

/// A value of a member, as far as its kind matters here.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// A text, a number, true, false or null.
    Plain(serde_json::Value),
    /// An object in its order.
    Object(Members),
}

impl Value {
    /// As a person reads it: a text without quotes, nothing for null.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Plain(serde_json::Value::String(text)) => text.clone(),
            Self::Plain(serde_json::Value::Null) => "-".to_owned(),
            Self::Plain(value) => value.to_string(),
            Self::Object(_) => "{…}".to_owned(),
        }
    }

    /// As JSON has it.
    pub(crate) fn json(&self) -> String {
        match self {
            Self::Plain(value) => value.to_string(),
            Self::Object(Members(members)) => {
                let members: Vec<_> =
                    members.iter().map(|(name, value)| format!("{}: {}", string(name), value.json())).collect();
                format!("{{{}}}", members.join(", "))
            }
        }
    }

    pub(crate) fn number(&self) -> Option<u64> {
        match self {
            Self::Plain(value) => value.as_u64(),
            Self::Object(_) => None,
        }
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    let raw: Box<RawValue> = map.next_value()?;
                    let value = match serde_json::from_str(raw.get()) {
                        Ok(object) => Value::Object(object),
                        Err(_) => Value::Plain(serde_json::from_str(raw.get()).map_err(A::Error::custom)?),
                    };
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_in_a_string_is_escaped() {
        assert_eq!(data("a\"b\\c\n\u{1}é\u{7f}".as_bytes()), "\"data\": \"a\\\"b\\\\c\\n\\u0001é\\u007f\"");
        assert_eq!(data(b"\xff\0"), "\"hex\": \"ff00\"");
    }

    #[test]
    fn members_stay_in_their_order() {
        let found = members(br#"{"b":1,"a":{"d":"2s","c":null},"e":"x"}"#).expect("an object");
        let texts: Vec<_> = found.iter().map(|(name, value)| format!("{name} {}", value.text())).collect();
        assert_eq!(texts, ["b 1", "a {…}", "e x"]);
        assert_eq!(found[1].1.json(), r#"{"d": "2s", "c": null}"#);
        for bad in ["", "[]", "{\"a\"}", "1"] {
            assert!(members(bad.as_bytes()).is_none(), "{bad}");
        }
    }

    #[test]
    fn counters_are_read() {
        let both = Some(vec![("a_b".to_owned(), 1), ("c".to_owned(), 23)]);
        assert_eq!(counters("{\"a_b\": 1,\"c\": 23}\n"), both);
        assert_eq!(counters("{\"a_b\": 1,\"c\":23,}"), both);
        for bad in ["", "{}", "puts:0", "{\"a\": -1}", "{\"a\": {}}", "{\"\": 1}", "{\"a\"b\": 1}"] {
            assert_eq!(counters(bad), None, "{bad}");
        }
    }
}
