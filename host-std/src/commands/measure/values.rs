//! Numbers out of records.

use memchr::memchr;
use streamgauge_core::select::{Malformed, Path, Value, find};

/// What takes numbers out of records: each record is a number, or JSON with a number in a field.
///
/// Fields are found by the core, as the filters of a server find them: nesting ends at 1024 levels, all of a record is
/// UTF-8, and of a key that comes twice the last one counts. A number beyond the range of an `f64` is infinite, in a
/// field as on a line of its own.
#[derive(Debug)]
pub(super) struct Values {
    field: Option<[Path<String>; 1]>,
    /// Numbers that have not been handed over.
    buffer: Vec<f64>,
    records: u64,
    rejected: Rejected,
}

/// Records in which there is nothing to measure.
#[derive(Debug, Default)]
pub(super) struct Rejected {
    pub(super) records: u64,
    /// Records whose number is none that can be measured: NaN, or infinite.
    pub(super) not_finite: u64,
    /// Records that are not meant to be measured.
    pub(super) passed_over: u64,
    /// The first of them, and why, for whoever wonders.
    pub(super) first: Option<String>,
}

/// How much came of a piece of input.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) records: u64,
    /// Records that hold no number.
    pub(super) rejected: u64,
}

/// Numbers handed over at a time: enough for the lanes of a processor, few enough for its nearest cache.
const CHUNK: usize = 1024;

impl Values {
    pub(super) fn new(field: Option<Path<String>>) -> Self {
        Self {
            field: field.map(|field| [field]),
            buffer: Vec::with_capacity(CHUNK),
            records: 0,
            rejected: Rejected::default(),
        }
    }

    /// Takes up to `most` records off the front of the input, in which each has a separator behind it, and gives `on`
    /// their numbers, in order. Blank records are none. NaN and infinities are numbers here.
    pub(super) fn take(&mut self, input: &mut &[u8], separator: u8, most: u64, mut on: impl FnMut(&[f64])) -> Taken {
        let mut taken = Taken::default();
        while taken.records < most && !input.is_empty() {
            let number = match if self.field.is_none() { plain(input, separator) } else { None } {
                Some((number, length)) => {
                    *input = input.get(length..).unwrap_or_default();
                    Some(number)
                }
                None => {
                    let record = next(input, separator);
                    if record.is_empty() {
                        continue;
                    }
                    self.number(record, taken.records)
                }
            };
            taken.records += 1;
            match number {
                Some(number) => self.buffer.push(number),
                None => taken.rejected += 1,
            }
            if self.buffer.len() == CHUNK {
                self.hand_over(&mut on);
            }
        }
        self.hand_over(&mut on);
        self.records += taken.records;
        self.rejected.records += taken.rejected;
        taken
    }

    fn hand_over(&mut self, on: &mut impl FnMut(&[f64])) {
        on(&self.buffer);
        self.rejected.not_finite += self.buffer.iter().filter(|number| !number.is_finite()).count() as u64;
        self.buffer.clear();
    }

    /// Records without a number.
    pub(super) const fn rejected(&self) -> &Rejected {
        &self.rejected
    }

    fn number(&mut self, record: &[u8], before: u64) -> Option<f64> {
        let number = match &self.field {
            None => fast_float2::parse(record).map_err(|_| "is not a number".to_owned()),
            Some(field) => field_of(record, field),
        };
        number
            .map_err(|reason| {
                let number = self.records + before + 1;
                self.rejected.first.get_or_insert_with(|| format!("record {number} {reason}: {}", excerpt(record)));
            })
            .ok()
    }
}

/// A record that is a number to its last byte, and its length with the separator: what most lines are.
#[inline]
fn plain(input: &[u8], separator: u8) -> Option<(f64, usize)> {
    if let Some(integer) = short_integer(input, separator) {
        return Some(integer);
    }
    let (number, length) = fast_float2::parse_partial(input).ok()?;
    (input.get(length) == Some(&separator)).then_some((number, length + 1))
}

/// Up to eight digits: all that many streams consist of.
#[inline]
fn short_integer(input: &[u8], separator: u8) -> Option<(f64, usize)> {
    let mut value = 0_u32;
    for (at, byte) in input.iter().take(9).enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return (*byte == separator && at > 0).then_some((f64::from(value), at + 1));
        }
        value = value.wrapping_mul(10).wrapping_add(u32::from(digit));
    }
    None
}

/// Takes a record off the front, without blanks around it.
pub(super) fn next<'i>(input: &mut &'i [u8], separator: u8) -> &'i [u8] {
    let end = memchr(separator, input).unwrap_or(input.len());
    let (record, rest) = input.split_at(end);
    *input = rest.get(1..).unwrap_or_default();
    record.trim_ascii()
}

fn field_of(record: &[u8], field: &[Path<String>; 1]) -> Result<f64, String> {
    let [value] = find(record, field).map_err(why)?;
    let value = scalar(value).ok_or_else(|| format!("has no `{}`", field[0]))?;
    let number = value.number().ok_or_else(|| format!("has no number in `{}`", field[0]))?;
    Ok(number.to_f64())
}

/// What a field says; an object or an array says nothing.
pub(super) fn scalar(field: Option<Value<'_>>) -> Option<Value<'_>> {
    field.filter(|value| !value.is_object() && !value.is_array())
}

/// Why a record has no fields.
pub(super) fn why(malformed: Malformed) -> String {
    match malformed {
        Malformed::NotJson => "is no JSON".to_owned(),
        other => format!("is {other}"),
    }
}

/// The beginning of a record, fit for a terminal.
pub(super) fn excerpt(record: &[u8]) -> String {
    const MOST: usize = 60;
    let mut shown = String::new();
    for c in String::from_utf8_lossy(record.get(..MOST).unwrap_or(record)).chars() {
        match c {
            // As they are in the record, where JSON has escaped what it has to.
            '"' | '\'' | '\\' => shown.push(c),
            c => shown.extend(c.escape_debug()),
        }
    }
    let dots = if record.len() > MOST { "…" } else { "" };
    format!("`{shown}{dots}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(values: &mut Values, mut input: &[u8], most: u64) -> (Vec<f64>, Taken, String) {
        let mut all = Vec::new();
        let taken = values.take(&mut input, b'\n', most, |some| all.extend_from_slice(some));
        (all, taken, String::from_utf8_lossy(input).into_owned())
    }

    #[test]
    fn a_record_is_a_number() {
        let input = b"1\n\n -2.5e3\r\n12345678\n123456789\n+7\n.5\n1e400\n-inf\nx\n1 2\n0x10\n1_0\n--1\n1e\n";
        let mut values = Values::new(None);
        let (all, taken, rest) = take(&mut values, input, u64::MAX);
        let infinity = f64::INFINITY;
        assert_eq!(all, [1.0, -2500.0, 12_345_678.0, 123_456_789.0, 7.0, 0.5, infinity, -infinity]);
        assert_eq!((taken, rest.as_str()), (Taken { records: 14, rejected: 6 }, ""));
        assert_eq!(values.rejected().first.as_deref(), Some("record 9 is not a number: `x`"));
    }

    #[test]
    fn every_number_is_the_nearest() {
        // The standard library's parser is correctly rounded.
        let mut state = 1_u64;
        let mut input = String::new();
        let mut expected = Vec::new();
        for _ in 0..20_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let digits = format!("{}.{}e{}", state >> 40, state & 0xffff_ffff_ffff, (state % 600) as i64 - 320);
            expected.push(digits.parse::<f64>().unwrap());
            input.push_str(&digits);
            input.push('\n');
        }
        let (all, ..) = take(&mut Values::new(None), input.as_bytes(), u64::MAX);
        assert_eq!(all, expected);
    }

    #[test]
    fn no_more_than_asked_for() {
        let mut values = Values::new(None);
        assert_eq!(
            take(&mut values, b"1\n2\n3\n", 2),
            (vec![1.0, 2.0], Taken { records: 2, rejected: 0 }, "3\n".into())
        );
        let many = "1\n".repeat(3000);
        assert_eq!(take(&mut values, many.as_bytes(), 2999).0.len(), 2999);
        take(&mut values, b"x\n", 1);
        assert_eq!(values.rejected().first.as_deref(), Some("record 3002 is not a number: `x`"));
    }

    #[test]
    fn a_field_is_a_number() {
        let input = b"{\"x\":{\"y\":1.5}}\n{}\n{\"x\":{\"y\":\"1\"}}\n{\n\n{\"x\":{\"y\":-3}}\n";
        let mut values = Values::new(Some(Path::parse("x.y".to_owned()).unwrap()));
        let (all, taken, _) = take(&mut values, input, u64::MAX);
        assert_eq!((all, taken), (vec![1.5, -3.0], Taken { records: 5, rejected: 3 }));
        assert_eq!(values.rejected().first.as_deref(), Some("record 2 has no `x.y`: `{}`"));
        assert_eq!(values.rejected().records, 3);
    }

    #[test]
    fn a_record_is_shown_as_it_came() {
        assert_eq!(excerpt(br#"{"a": "\/\n'"}"#), r#"`{"a": "\/\n'"}`"#);
        assert_eq!(excerpt(b"\x1b[2J\xff\n"), "`\\u{1b}[2J\u{fffd}\\n`");
        assert_eq!(excerpt(&[b'x'; 61]), format!("`{}…`", "x".repeat(60)));
    }

    #[test]
    fn why_a_field_is_no_number() {
        let deep = [r#"{"a":"#, &"[".repeat(2000), &"]".repeat(2000), "}"].concat();
        for (record, path, expected) in [
            (r#" {"a" : {"b": [-1, {"c":0.5}]}} "#, "a.b.1.c", Ok(0.5)),
            (r#"{"a":{"b":[-1,2]}}"#, "a.b[0]", Ok(-1.0)),
            (r#"{"\u0061":18446744073709551616}"#, "a", Ok(18_446_744_073_709_551_616.0)),
            (r#"{"a":0.1000000000000000055511151231257827}"#, "a", Ok(0.1)),
            (r#"{"a":-1e400}"#, "a", Ok(f64::NEG_INFINITY)),
            (r#"{"a":1,"a":2}"#, "a", Ok(2.0)),
            ("[5,6]", "1", Ok(6.0)),
            (r#"{"a":1,"a":{}}"#, "a", Err("has no `a`")),
            (r#"{"a":[1]}"#, "a", Err("has no `a`")),
            (r#"{"a":1}"#, "a.b", Err("has no `a.b`")),
            ("7", "a", Err("has no `a`")),
            (r#"{"a":null}"#, "a", Err("has no number in `a`")),
            (r#"{"a":"1"}"#, "a", Err("has no number in `a`")),
            (r#"{"a":true}"#, "a", Err("has no number in `a`")),
            (r#"{"a":1"#, "a", Err("is no JSON")),
            (r#"{"a":1} x"#, "a", Err("is no JSON")),
            (r#"{"a":NaN}"#, "a", Err("is no JSON")),
            (deep.as_str(), "a", Err("is nested deeper than 1024 levels")),
        ] {
            let path = [Path::parse(path.to_owned()).unwrap()];
            assert_eq!(field_of(record.as_bytes(), &path), expected.map_err(str::to_owned), "{record}");
        }
        let no_text = b"{\"a\":1,\"b\":\"\xff\"}";
        assert_eq!(field_of(no_text, &[Path::parse("a".to_owned()).unwrap()]), Err("is no JSON".to_owned()));
    }
}
