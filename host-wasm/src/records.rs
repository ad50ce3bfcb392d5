//! A file or a stream of JSON records, as a graph.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use streamgauge_core::select::{Path, Value, find};
use streamgauge_core::wire::lines::{Event, Lines};
use wasm_bindgen::prelude::*;

use crate::boxes::room;
use crate::graph::{Graph, WeightedEdge};

const LONGEST: u32 = 1 << 20;

/// Reads records of JSON, one a line, in fragments of any size, and counts which value of one field comes with which
/// value of another. Addresses (`http://host/path`) are cut to their hosts.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Records {
    lines: Lines<Box<[u8]>>,
    from: String,
    to: String,
    graph: Graph,
    records: u64,
    invalid: u64,
    incomplete: u64,
    bytes: u64,
}

#[wasm_bindgen]
impl Records {
    /// A graph of at most `slots` edges from the values of field `from` to those of field `to`.
    ///
    /// # Errors
    /// There is no memory for so many.
    #[wasm_bindgen(constructor)]
    pub fn new(from: &str, to: &str, slots: u32, directed: bool) -> Result<Self, JsError> {
        Ok(Self {
            lines: Lines::new(vec![0; room::<u8>(LONGEST)?].into_boxed_slice(), b'\n'),
            from: from.to_owned(),
            to: to.to_owned(),
            graph: Graph::new(slots, directed)?,
            records: 0,
            invalid: 0,
            incomplete: 0,
            bytes: 0,
        })
    }

    /// Takes the next fragment in.
    pub fn feed(&mut self, mut fragment: &[u8]) {
        self.bytes += fragment.len() as u64;
        while let Some(event) = self.lines.decode(&mut fragment) {
            if let Event::Line(line) = event {
                match edge(line, &self.from, &self.to) {
                    Ok(Some((from, to))) => {
                        self.records += 1;
                        self.graph.add(host(&from), host(&to));
                    }
                    Ok(None) => self.incomplete += 1,
                    Err(NotARecord) => self.invalid += 1,
                }
            }
        }
    }

    /// Ends the file: a last record needs no newline.
    pub fn finish(&mut self) {
        self.feed(b"\n");
        self.bytes -= 1;
    }

    /// The `most` heaviest edges, the heaviest first.
    pub fn top(&self, most: u32) -> Vec<WeightedEdge> {
        self.graph.top(most)
    }

    /// Bytes taken in.
    #[wasm_bindgen(getter)]
    pub fn bytes(&self) -> f64 {
        self.bytes as f64
    }

    /// Records that became part of the graph.
    #[wasm_bindgen(getter)]
    pub fn records(&self) -> f64 {
        self.records as f64
    }

    /// Records without one of the fields.
    #[wasm_bindgen(getter)]
    pub fn incomplete(&self) -> f64 {
        self.incomplete as f64
    }

    /// Lines that are no records of JSON, or longer than 1 MiB.
    #[wasm_bindgen(getter)]
    pub fn invalid(&self) -> f64 {
        (self.invalid + self.lines.skipped()) as f64
    }

    /// Number of edges held.
    #[wasm_bindgen(getter)]
    pub fn edges(&self) -> u32 {
        self.graph.edges()
    }

    /// How often an edge had to give its slot to another.
    #[wasm_bindgen(getter)]
    pub fn evicted(&self) -> f64 {
        self.graph.evicted()
    }
}

/// A line that is no JSON object.
pub(crate) struct NotARecord;

/// The edge that a record stands for; `None` unless both fields are text or whole numbers.
pub(crate) fn edge(line: &[u8], from: &str, to: &str) -> Result<Option<(String, String)>, NotARecord> {
    if !line.trim_ascii_start().starts_with(b"{") {
        return Err(NotARecord);
    }
    let Some(paths) = path(from).zip(path(to)) else { return Ok(None) };
    let [from, to] = find(line, &[paths.0, paths.1]).map_err(|_| NotARecord)?;
    Ok(from.and_then(named).zip(to.and_then(named)))
}

/// Where a field is; a name that is no path is a key of the record itself. `None` if there can be no such field.
pub(crate) fn path(field: &str) -> Option<Path<&str>> {
    Path::parse(field).or_else(|_| Path::key(field)).ok()
}

/// The name that a value is for a node.
fn named(value: Value<'_>) -> Option<String> {
    if let Some(number) = value.number() {
        let whole = number.to_u64().map(|whole| whole.to_string());
        return whole.or_else(|| number.to_i64().map(|whole| whole.to_string()));
    }
    let text: String = value.text()?.chars().collect();
    (!text.is_empty()).then_some(text)
}

/// The host of an address; anything else as it is.
pub(crate) fn host(text: &str) -> &str {
    let Some(rest) = text.split_once(':').and_then(|(_, rest)| rest.strip_prefix("//")) else { return text };
    // Who asks stands in front of the host, a port behind it, and an IPv6 address has colons of its own.
    let (mut start, mut port, mut end, mut is_in_brackets) = (0, None, rest.len(), false);
    for (at, byte) in rest.bytes().enumerate() {
        match byte {
            b'/' | b'?' | b'#' => {
                end = at;
                break;
            }
            b'@' => (start, port, is_in_brackets) = (at + 1, None, false),
            b'[' | b']' => is_in_brackets = byte == b'[',
            b':' if !is_in_brackets => port = port.or(Some(at)),
            _ => {}
        }
    }
    let host = rest.get(start..port.unwrap_or(end)).unwrap_or(rest);
    host.strip_prefix("www.").unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec::Vec;

    use super::{Records, edge};

    #[test]
    fn the_same_graph_however_the_file_is_cut() {
        let file = b"{\"r\":\"http://www.nasa.gov/x\",\"u\":\"direct\"}\n\n{\"r\":\"b\"}\n{]\n{\"u\":7,\"r\":\"c\"}";
        let mut whole = Records::new("r", "u", 8, true).unwrap();
        whole.feed(file);
        whole.finish();
        assert_eq!(
            (whole.records(), whole.incomplete(), whole.invalid(), whole.bytes()),
            (2.0, 1.0, 1.0, file.len() as f64)
        );
        for size in 1..file.len() {
            let mut cut = Records::new("r", "u", 8, true).unwrap();
            file.chunks(size).for_each(|chunk| cut.feed(chunk));
            cut.finish();
            assert_eq!(cut.top(9), whole.top(9));
        }
        let edges: Vec<_> = whole.top(9).into_iter().map(|edge| (edge.from, edge.to)).collect();
        assert_eq!(edges, [("c".into(), "7".into()), ("nasa.gov".into(), "direct".into())]);
    }

    #[test]
    fn an_address_is_cut_to_its_host() {
        for (text, host) in [
            ("http://www.nasa.gov:80/x", "nasa.gov"),
            ("https://user:a@b@nasa.gov:80?x@y", "nasa.gov"),
            ("http://[2001:db8::1]:8080/x", "[2001:db8::1]"),
            ("http://[::1]", "[::1]"),
            ("http://h#a:b", "h"),
            ("a:b/c", "a:b/c"),
        ] {
            assert_eq!(super::host(text), host, "{text}");
        }
    }

    #[test]
    fn fields_of_any_record() {
        let record = br#"{"a":{"r":"in"},"r":"http:\/\/x\/\u00e9","l":[1,{"u":2}],"u":-1.5e3,"n":null,"h":0.5,"a b":"c","e":""}"#;
        let edge = |from, to| edge(record, from, to).ok().flatten();
        let found = |from: &str, to: &str| Some((from.into(), to.into()));
        assert_eq!(edge("r", "u"), found("http://x/é", "-1500"));
        assert_eq!(edge("a.r", "l[1].u"), found("in", "2"));
        assert_eq!(edge("u", "u"), found("-1500", "-1500"));
        assert_eq!(edge("a b", "u"), found("c", "-1500"));
        let large = |text: &str| super::edge(format!("{{\"n\":{text}}}").as_bytes(), "n", "n").ok().flatten();
        for whole in ["9007199254740993", "18446744073709551615", "-9223372036854775808"] {
            assert_eq!(large(whole), found(whole, whole));
        }
        assert_eq!(large("18446744073709551616"), None);
        for none in ["n", "l", "z", "h", "e", "", "a..b"] {
            assert_eq!(edge("r", none), None, "{none}");
        }
    }

    #[test]
    fn what_is_no_record() {
        for text in ["", "1", "[1]", "{", r#"{"r":1} x"#, r#"{"r":1,}"#, "\u{0}", r#"{"r":nan}"#] {
            assert!(edge(text.as_bytes(), "r", "r").is_err(), "{text:?}");
        }
        let deep = "[".repeat(100_000);
        assert!(edge(format!("{{\"x\":{deep}").as_bytes(), "r", "r").is_err());
    }
}
