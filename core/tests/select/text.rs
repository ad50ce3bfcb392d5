//! A model of JSON text: what is written, to the last space, and what is meant.

use proptest::collection::vec;
use proptest::prelude::*;

/// A value as it is written.
#[derive(Debug, Clone)]
pub(crate) enum Json {
    /// A number, a string or a word.
    Scalar(String),
    Nested(Nested),
}

#[derive(Debug, Clone)]
pub(crate) struct Nested {
    pub(crate) is_object: bool,
    /// Between the brackets, when nothing else is.
    pub(crate) space: String,
    pub(crate) members: Vec<Member>,
}

/// What stands between two commas.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    before: String,
    /// What the key means; in an array nothing.
    pub(crate) key: String,
    /// How it is written, with its quotes, and the spaces around the colon.
    written: (String, String, String),
    pub(crate) value: Json,
    after: String,
}

impl Json {
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) {
        let nested = match self {
            Self::Scalar(text) => return out.push_str(text),
            Self::Nested(nested) => nested,
        };
        out.push(if nested.is_object { '{' } else { '[' });
        if nested.members.is_empty() {
            out.push_str(&nested.space);
        }
        for (index, member) in nested.members.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            out.push_str(&member.before);
            if nested.is_object {
                let (name, before_colon, behind_colon) = &member.written;
                out.extend([name, before_colon, ":", behind_colon]);
            }
            member.value.write(out);
            out.push_str(&member.after);
        }
        out.push(if nested.is_object { '}' } else { ']' });
    }
}

impl Member {
    /// The same, with another value.
    pub(crate) fn with(&self, value: Json) -> Self {
        Self { value, ..self.clone() }
    }
}

/// Keys that come twice, that have points in them, that look like places.
pub(crate) fn any_key() -> impl Strategy<Value = String> {
    const KEYS: [&str; 11] = ["a", "b", "ip", "0", "1", "a.b", "ä", "😀", "a\\u0062", "\"", "x\n"];
    proptest::sample::select(&KEYS[..]).prop_map(str::to_owned)
}

pub(crate) fn any_object() -> impl Strategy<Value = Json> {
    let object = vec(any_member(any_value().boxed()), 0..6);
    (object, space()).prop_map(|(members, space)| Json::Nested(Nested { is_object: true, space, members }))
}

fn any_value() -> impl Strategy<Value = Json> {
    let scalar = prop_oneof![
        any_number(),
        (any_text(), any::<u32>()).prop_map(|(text, style)| written(&text, style)),
        proptest::sample::select(&["true", "false", "null"][..]).prop_map(str::to_owned),
    ];
    scalar.prop_map(Json::Scalar).prop_recursive(5, 40, 5, |inner| {
        (any::<bool>(), vec(any_member(inner.boxed()), 0..5), space())
            .prop_map(|(is_object, members, space)| Json::Nested(Nested { is_object, space, members }))
    })
}

fn any_member(value: BoxedStrategy<Json>) -> impl Strategy<Value = Member> {
    (any_key(), any::<u32>(), value, [space(), space(), space(), space()]).prop_map(
        |(key, style, value, [before, before_colon, behind_colon, after])| {
            let written = (written(&key, style), before_colon, behind_colon);
            Member { before, key, written, value, after }
        },
    )
}

pub(crate) fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), any_key(), "[a-f0-9:.]{0,40}"]
}

/// Of any length, and of few worths.
pub(crate) fn any_number() -> impl Strategy<Value = String> {
    prop_oneof![
        "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?",
        "-?(0|1|10|100)(\\.0{1,3})?([eE][+-]?0?[0-2])?",
    ]
}

fn space() -> impl Strategy<Value = String> {
    prop_oneof![3 => Just(String::new()), 1 => "[ \t\r\n]{1,3}"]
}

/// `text` as a JSON string: the bits of `style` say which characters are escaped, and how.
pub(crate) fn written(text: &str, style: u32) -> String {
    let mut out = String::from("\"");
    for (index, char) in text.chars().enumerate() {
        let style = style.rotate_right(index as u32 * 3) & 7;
        let short = "\"\\/\u{8}\u{c}\n\r\t".chars().position(|other| other == char);
        match short {
            Some(at) if style != 0 => out.extend(['\\', ['"', '\\', '/', 'b', 'f', 'n', 'r', 't'][at]]),
            _ if style < 2 || (char as u32) < 0x20 || matches!(char, '"' | '\\') => {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    out += &if style.is_multiple_of(2) { format!("\\u{unit:04x}") } else { format!("\\u{unit:04X}") };
                }
            }
            _ => out.push(char),
        }
    }
    out + "\""
}
