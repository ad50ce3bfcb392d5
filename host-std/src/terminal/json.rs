//! Bytes as JSON, and a server's counters back from it.

use std::fmt::Write as _;

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

/// A JSON string (RFC 8259, 7).
pub(crate) fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => drop(write!(out, "\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_in_a_string_is_escaped() {
        assert_eq!(data("a\"b\\c\n\u{1}é".as_bytes()), "\"data\": \"a\\\"b\\\\c\\n\\u0001é\"");
        assert_eq!(data(b"\xff\0"), "\"hex\": \"ff00\"");
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
