//! Just enough JSON: where values end, which members an object has, what a string or a number says.
//!
//! Nothing is copied and nothing is recursive: nesting is kept in bits, up to [`DEPTH`] levels.

use core::str::Chars;
use core::time::Duration;

/// The deepest nesting of arrays and objects.
pub const DEPTH: usize = 1024;

/// A walk along JSON text. What is behind it is valid.
#[derive(Debug, Clone)]
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

/// Why text is not JSON that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bad {
    Syntax,
    TooDeep,
}

impl<'a> Scanner<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn at_end(&mut self) -> bool {
        self.skip_space();
        self.peek().is_none()
    }

    /// The text of the next value, without space around it. O(n).
    pub(super) fn value(&mut self) -> Result<&'a str, Bad> {
        self.skip_space();
        let start = self.at;
        let mut nesting = Nesting { bits: [0; DEPTH / 64], depth: 0 };
        loop {
            self.skip_space();
            match self.peek().ok_or(Bad::Syntax)? {
                open @ (b'{' | b'[') => {
                    self.step();
                    self.skip_space();
                    let is_object = open == b'{';
                    if self.take(if is_object { b'}' } else { b']' }) {
                        // Empty: it has ended already.
                    } else {
                        nesting.push(is_object)?;
                        if is_object {
                            self.name()?;
                        }
                        continue;
                    }
                }
                b'"' => drop(self.string()?),
                b't' => self.literal("true")?,
                b'f' => self.literal("false")?,
                b'n' => self.literal("null")?,
                _ => self.number()?,
            }
            // A value has ended; so may what it is in.
            loop {
                let Some(in_object) = nesting.top() else {
                    return self.text.get(start..self.at).ok_or(Bad::Syntax);
                };
                self.skip_space();
                if self.take(b',') {
                    if in_object {
                        self.name()?;
                    }
                    break;
                }
                if !self.take(if in_object { b'}' } else { b']' }) {
                    return Err(Bad::Syntax);
                }
                nesting.pop();
            }
        }
    }

    fn name(&mut self) -> Result<&'a str, Bad> {
        self.skip_space();
        let name = self.string()?;
        self.skip_space();
        if self.take(b':') { Ok(name) } else { Err(Bad::Syntax) }
    }

    /// A string with its quotes.
    fn string(&mut self) -> Result<&'a str, Bad> {
        let start = self.at;
        if !self.take(b'"') {
            return Err(Bad::Syntax);
        }
        loop {
            match self.next().ok_or(Bad::Syntax)? {
                b'"' => return self.text.get(start..self.at).ok_or(Bad::Syntax),
                b'\\' => match self.next().ok_or(Bad::Syntax)? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                    b'u' => {
                        for _ in 0..4 {
                            if !self.next().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                                return Err(Bad::Syntax);
                            }
                        }
                    }
                    _ => return Err(Bad::Syntax),
                },
                0..=0x1f => return Err(Bad::Syntax),
                _ => {}
            }
        }
    }

    fn number(&mut self) -> Result<(), Bad> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Bad> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.step();
        }
        if self.at == start { Err(Bad::Syntax) } else { Ok(()) }
    }

    fn literal(&mut self, literal: &str) -> Result<(), Bad> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if !rest.starts_with(literal.as_bytes()) {
            return Err(Bad::Syntax);
        }
        self.at = self.at.wrapping_add(literal.len());
        Ok(())
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.step();
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    const fn step(&mut self) {
        self.at = self.at.wrapping_add(1);
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.step();
        Some(byte)
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        if is_next {
            self.step();
        }
        is_next
    }
}

/// Which of the open brackets are braces.
struct Nesting {
    bits: [u64; DEPTH / 64],
    depth: usize,
}

impl Nesting {
    fn push(&mut self, is_object: bool) -> Result<(), Bad> {
        let word = self.bits.get_mut(self.depth / 64).ok_or(Bad::TooDeep)?;
        let bit = 1 << (self.depth % 64);
        *word = if is_object { *word | bit } else { *word & !bit };
        self.depth = self.depth.wrapping_add(1);
        Ok(())
    }

    fn top(&self) -> Option<bool> {
        let last = self.depth.checked_sub(1)?;
        self.bits.get(last / 64).map(|word| word & (1 << (last % 64)) != 0)
    }

    const fn pop(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }
}

/// The members of an object, or the items of an array (whose names are empty), as they are written.
#[derive(Debug, Clone)]
pub(super) struct Members<'a> {
    scanner: Scanner<'a>,
    has_names: bool,
    over: bool,
}

impl<'a> Members<'a> {
    /// Those of `value` if it is an object that begins there; what follows it is not looked at.
    pub(super) fn of_object(value: &'a str) -> Option<Self> {
        Self::open(value, b'{', b'}')
    }

    /// Those of `value` if it is an array.
    pub(super) fn of_array(value: &'a str) -> Option<Self> {
        Self::open(value, b'[', b']')
    }

    fn open(value: &'a str, open: u8, close: u8) -> Option<Self> {
        let mut scanner = Scanner::new(value);
        scanner.skip_space();
        if !scanner.take(open) {
            return None;
        }
        scanner.skip_space();
        let over = scanner.take(close);
        Some(Self { scanner, has_names: open == b'{', over })
    }

    /// What is behind the last one.
    pub(super) fn finish(self) -> Scanner<'a> {
        self.scanner
    }

    /// The next one, its name with its quotes.
    pub(super) fn step(&mut self) -> Result<Option<(&'a str, &'a str)>, Bad> {
        if self.over {
            return Ok(None);
        }
        let name = if self.has_names { self.scanner.name()? } else { "" };
        let value = self.scanner.value()?;
        self.scanner.skip_space();
        if !self.scanner.take(b',') {
            self.over = true;
            if !self.scanner.take(if self.has_names { b'}' } else { b']' }) {
                return Err(Bad::Syntax);
            }
        }
        Ok(Some((name, value)))
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, &'a str);

    /// The next one of an object or array that is known to be valid.
    fn next(&mut self) -> Option<Self::Item> {
        self.step().ok().flatten()
    }
}

/// Whether Python takes a valid value for true: not null, false, zero or empty. O(n) at worst.
pub(super) fn is_truthy(value: &str) -> bool {
    match value.as_bytes() {
        [b'n' | b'f', ..] => false,
        [b'"', rest @ ..] => rest.len() > 1,
        [b'{' | b'[', ..] => {
            let inside = value.get(1..value.len().saturating_sub(1)).unwrap_or_default();
            !inside.bytes().all(|byte| byte.is_ascii_whitespace())
        }
        [b't', ..] => true,
        number => {
            let mantissa = number.iter().take_while(|byte| !matches!(byte, b'e' | b'E'));
            mantissa.into_iter().any(|byte| matches!(byte, b'1'..=b'9'))
        }
    }
}

/// Whether a valid string, written with quotes and escapes, says `text`. O(n).
pub(super) fn says(string: &str, text: &str) -> bool {
    let inside = string.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let Some(inside) = inside else { return false };
    let mut written = inside.chars();
    let mut meant = text.chars();
    loop {
        let char = match written.next() {
            None => return meant.next().is_none(),
            Some('\\') => unescape(&mut written),
            Some(char) => Some(char),
        };
        if char.is_none() || char != meant.next() {
            return false;
        }
    }
}

/// The character behind a backslash; none for half a surrogate pair.
fn unescape(written: &mut Chars<'_>) -> Option<char> {
    Some(match written.next()? {
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => match hex(written)? {
            high @ 0xd800..=0xdbff => {
                if (written.next(), written.next()) != (Some('\\'), Some('u')) {
                    return None;
                }
                let low @ 0xdc00..=0xdfff = hex(written)? else { return None };
                char::from_u32(0x1_0000 + ((high & 0x3ff) << 10) + (low & 0x3ff))?
            }
            code => char::from_u32(code)?,
        },
        itself => itself,
    })
}

fn hex(written: &mut Chars<'_>) -> Option<u32> {
    let mut code = 0;
    for _ in 0..4 {
        code = (code << 4) | written.next()?.to_digit(16)?;
    }
    Some(code)
}

/// A valid number of seconds, of which 19 digits count, to the nanosecond below; what is negative is zero, and what a
/// `Duration` can't hold its greatest value. `None` for a value that is no number. O(n).
pub(super) fn seconds(value: &str) -> Option<Duration> {
    let bytes = value.as_bytes();
    let (negative, digits) = match bytes {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if !digits.first()?.is_ascii_digit() {
        return None;
    }
    // value = mantissa * 10^exponent, the mantissa in the first 19 digits that count
    let (mut mantissa, mut exponent, mut behind_point) = (0_u64, 0_i64, false);
    let mut rest = digits.iter();
    while let Some(byte) = rest.next() {
        match byte {
            b'.' => behind_point = true,
            b'e' | b'E' => {
                exponent = exponent.saturating_add(power(rest.as_slice()));
                break;
            }
            digit => {
                let is_taken = mantissa < 1_000_000_000_000_000_000;
                if is_taken {
                    mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit & 15));
                }
                exponent = exponent.saturating_add(i64::from(!is_taken)).saturating_sub(i64::from(behind_point));
            }
        }
    }
    if negative || mantissa == 0 {
        return Some(Duration::ZERO);
    }
    let mut nanos = u128::from(mantissa);
    let exponent = exponent.saturating_add(9);
    for _ in 0..exponent {
        let Some(more) = nanos.checked_mul(10) else { return Some(Duration::MAX) };
        nanos = more;
    }
    // Nothing is left of 19 digits after as many steps.
    for _ in exponent.max(-20)..0 {
        nanos /= 10;
    }
    let whole = u64::try_from(nanos / 1_000_000_000).ok();
    Some(whole.map_or(Duration::MAX, |whole| {
        Duration::from_secs(whole).saturating_add(Duration::from_nanos((nanos % 1_000_000_000) as u64))
    }))
}

/// The number behind the `e` of a valid number, saturating.
fn power(text: &[u8]) -> i64 {
    let negative = text.first() == Some(&b'-');
    let digits = text.iter().filter(|byte| byte.is_ascii_digit());
    let power = digits.fold(0_i64, |power, digit| power.saturating_mul(10).saturating_add(i64::from(digit & 15)));
    if negative { power.saturating_neg() } else { power }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_read_as_written() {
        let nanos = |seconds, nanos| Some(Duration::new(seconds, nanos));
        for (text, expected) in [
            ("0", nanos(0, 0)),
            ("1331923247", nanos(1_331_923_247, 0)),
            ("1331923247.25", nanos(1_331_923_247, 250_000_000)),
            ("1.33192324725e9", nanos(1_331_923_247, 250_000_000)),
            ("133192324725E-2", nanos(1_331_923_247, 250_000_000)),
            ("0.0000000019", nanos(0, 1)),
            ("1e-400", nanos(0, 0)),
            ("-5", nanos(0, 0)),
            ("0e999999999999999999999", nanos(0, 0)),
            ("1e30", Some(Duration::MAX)),
            ("1e999999999999999999999", Some(Duration::MAX)),
            ("28446744073709551616", Some(Duration::MAX)),
            ("123456789012345678901234567890e-20", nanos(1_234_567_890, 123_456_789)),
            ("10000000000000000005", nanos(10_000_000_000_000_000_000, 0)),
            ("null", None),
            ("\"1\"", None),
            ("[1]", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn escapes_say_what_they_mean() {
        for (written, meant) in [
            (r#""data""#, "data"),
            (r#""d\u0061t\u0061""#, "data"),
            (r#""\ud83d\ude00 \/\\\"\n\t\b\f\r""#, "😀 /\\\"\n\t\u{8}\u{c}\r"),
            (r#""é""#, "é"),
            (r#""""#, ""),
        ] {
            assert!(says(written, meant), "{written}");
            assert!(!says(written, &[meant, "x"].concat()), "{written}");
        }
        assert!(!says(r#""\ud83d""#, "\u{fffd}"));
        assert!(!says(r#""\ud83dx""#, "x"));
        assert!(!says(r#""\udc00""#, ""));
        assert!(!says("5", "5"));
    }

    #[test]
    fn nesting_has_a_limit() {
        let nested = |depth| ["[".repeat(depth), "]".repeat(depth)].concat();
        // The innermost is empty and needs no level.
        assert_eq!(Scanner::new(&nested(DEPTH + 1)).value().map(str::len), Ok(2 * DEPTH + 2));
        assert_eq!(Scanner::new(&nested(DEPTH + 2)).value(), Err(Bad::TooDeep));
    }
}
