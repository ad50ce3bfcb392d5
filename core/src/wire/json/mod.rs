//! Just enough JSON: where values end, which members an object has; and in [`value`], what they say.
//!
//! Nothing is copied and nothing is recursive: nesting is kept in bits, up to [`DEPTH`] levels.

pub(crate) mod value;

/// The deepest nesting of arrays and objects.
pub const DEPTH: usize = 1024;

/// A walk along JSON text. What is behind it is valid.
#[derive(Debug, Clone)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// The deepest nesting in a value so far.
    deepest: usize,
}

/// Why text is not JSON that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bad {
    Syntax,
    TooDeep,
}

impl<'a> Scanner<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self { text, at: 0, deepest: 0 }
    }

    /// How deep the values were nested that it has gone along.
    pub(crate) const fn deepest(&self) -> usize {
        self.deepest
    }

    pub(crate) fn at_end(&mut self) -> bool {
        self.skip_space();
        self.peek().is_none()
    }

    /// The text of the next value, without space around it. O(n).
    pub(crate) fn value(&mut self) -> Result<&'a str, Bad> {
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
                        self.deepest = self.deepest.max(nesting.depth);
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
pub(crate) struct Members<'a> {
    scanner: Scanner<'a>,
    has_names: bool,
    over: bool,
}

impl<'a> Members<'a> {
    /// Those of `value` if it is an object that begins there; what follows it is not looked at.
    pub(crate) fn of_object(value: &'a str) -> Option<Self> {
        Self::open(value, b'{', b'}')
    }

    /// Those of `value` if it is an array.
    pub(crate) fn of_array(value: &'a str) -> Option<Self> {
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
    pub(crate) fn finish(self) -> Scanner<'a> {
        self.scanner
    }

    /// The next one, its name with its quotes.
    pub(crate) fn step(&mut self) -> Result<Option<(&'a str, &'a str)>, Bad> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_has_a_limit() {
        let nested = |depth| ["[".repeat(depth), "]".repeat(depth)].concat();
        // The innermost is empty and needs no level.
        assert_eq!(Scanner::new(&nested(DEPTH + 1)).value().map(str::len), Ok(2 * DEPTH + 2));
        assert_eq!(Scanner::new(&nested(DEPTH + 2)).value(), Err(Bad::TooDeep));
    }
}
