//! Two fields of a JSON record, without building the rest of it.

use core::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What a field of a record holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Field {
    Absent,
    Number(f64),
    Text(String),
    /// Something that is neither a number nor text.
    Other,
}

/// The fields of these names, from a JSON object; `None` if it isn't one. The last of several of a name counts.
pub(crate) fn fields<const N: usize>(record: &[u8], names: [&str; N]) -> Option<[Field; N]> {
    let mut deserializer = serde_json::Deserializer::from_slice(record);
    let fields = deserializer.deserialize_map(Fields { names }).ok()?;
    deserializer.end().ok()?;
    Some(fields)
}

struct Fields<'n, const N: usize> {
    names: [&'n str; N],
}

impl<'de, const N: usize> Visitor<'de> for Fields<'_, N> {
    type Value = [Field; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = [const { Field::Absent }; N];
        while let Some(wanted) = map.next_key_seed(Name { names: &self.names })? {
            match wanted.and_then(|index| found.get_mut(index)) {
                Some(field) => *field = map.next_value_seed(Value)?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        // The same name may be asked for twice.
        for index in 1..N {
            if found[index] == Field::Absent
                && let Some(first) = self.names[..index].iter().position(|name| *name == self.names[index])
            {
                found[index] = found[first].clone();
            }
        }
        Ok(found)
    }
}

/// Which of the names a key is.
struct Name<'n> {
    names: &'n [&'n str],
}

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.names.iter().position(|name| *name == key))
    }
}

struct Value;

impl<'de> DeserializeSeed<'de> for Value {
    type Value = Field;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Field, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_f64<E>(self, number: f64) -> Result<Field, E> {
        Ok(Field::Number(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Field, E> {
        Ok(Field::Number(number as f64))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Field, E> {
        Ok(Field::Number(number as f64))
    }

    fn visit_str<E>(self, text: &str) -> Result<Field, E> {
        Ok(Field::Text(text.to_owned()))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Field, E> {
        Ok(Field::Other)
    }

    fn visit_unit<E>(self) -> Result<Field, E> {
        Ok(Field::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Field, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Field::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Field, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Field::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::{Field, fields};

    #[test]
    fn fields_of_any_record() {
        let record = br#"{"a":{"r":"no"},"r":"http:\/\/x\/\u00e9","l":[1,{"u":2}],"u":-1.5e3,"n":null}"#;
        let text = Field::Text("http://x/é".to_owned());
        assert_eq!(fields(record, ["r", "u"]), Some([text, Field::Number(-1500.0)]));
        assert_eq!(fields(record, ["n", "l"]), Some([Field::Other, Field::Other]));
        assert_eq!(fields(record, ["a", "z"]), Some([Field::Other, Field::Absent]));
        assert_eq!(fields(record, ["u", "u"]), Some([Field::Number(-1500.0), Field::Number(-1500.0)]));
    }

    #[test]
    fn what_is_no_record() {
        for text in ["", "1", "[1]", "{", r#"{"r":1} x"#, r#"{"r":1,}"#, "\u{0}", r#"{"r":nan}"#] {
            assert_eq!(fields(text.as_bytes(), ["r"]), None, "{text:?}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(fields(format!("{{\"x\":{deep}").as_bytes(), ["r"]), None);
    }
}
