//! Where values end.

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

    /// Where it is in the text.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// The text from `start` to where it is.
    pub(crate) fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    pub(crate) fn at_end(&mut self) -> bool {
        self.skip_space();
        self.peek().is_none()
    }

    /// The text of the next value, without space around it. O(n).
    pub(crate) fn value(&mut self) -> Result<&'a str, Bad> {
        self.value_within(0)
    }

    /// The text of the next value, which is in so many arrays and objects already. O(n).
    pub(crate) fn value_within(&mut self, depth: usize) -> Result<&'a str, Bad> {
        self.skip_space();
        let start = self.at;
        if matches!(self.peek(), Some(b'{' | b'[')) {
            self.nested(depth)?;
        } else {
            self.scalar()?;
        }
        Ok(self.since(start))
    }

    /// An array or an object.
    fn nested(&mut self, outer: usize) -> Result<(), Bad> {
        let mut nesting = Nesting { bits: [0; DEPTH / 64], depth: outer, outer };
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
                _ => self.scalar()?,
            }
            // A value has ended; so may what it is in.
            loop {
                let Some(in_object) = nesting.top() else { return Ok(()) };
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

    fn scalar(&mut self) -> Result<(), Bad> {
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            _ => self.number(),
        }
    }

    /// A name with its quotes, and the colon behind it.
    pub(crate) fn name(&mut self) -> Result<&'a str, Bad> {
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
            self.at = self.at.wrapping_add(plain(self.rest()));
            match self.next().ok_or(Bad::Syntax)? {
                b'"' => return Ok(self.since(start)),
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
                _ => return Err(Bad::Syntax),
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
        if !self.rest().starts_with(literal.as_bytes()) {
            return Err(Bad::Syntax);
        }
        self.at = self.at.wrapping_add(literal.len());
        Ok(())
    }

    pub(crate) fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.step();
        }
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        if is_next {
            self.step();
        }
        is_next
    }

    const fn step(&mut self) {
        self.at = self.at.wrapping_add(1);
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.step();
        Some(byte)
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }
}

/// How many bytes stand for themselves in a string before one ends it, escapes or is not allowed. A word at a time:
/// most of a record is the inside of strings.
fn plain(text: &[u8]) -> usize {
    const ONES: usize = usize::MAX / 255;
    // The highest bit of each byte that is zero; false alarms only above a true one.
    let zeros = |word: usize| word.wrapping_sub(ONES) & !word;
    let mut rest = text;
    let mut count: usize = 0;
    while let Some((&word, behind)) = rest.split_first_chunk() {
        let word = usize::from_le_bytes(word);
        let controls = word.wrapping_sub(ONES * 0x20) & !word;
        let ends = zeros(word ^ (ONES * b'"' as usize)) | zeros(word ^ (ONES * b'\\' as usize)) | controls;
        let ends = ends & (ONES << 7);
        if ends != 0 {
            return count.wrapping_add(ends.trailing_zeros() as usize / 8);
        }
        count = count.wrapping_add(size_of::<usize>());
        rest = behind;
    }
    let tail = rest.iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1f)).count();
    count.wrapping_add(tail)
}

/// Which of the open brackets are braces.
struct Nesting {
    bits: [u64; DEPTH / 64],
    depth: usize,
    /// The depth of the value itself: those brackets are not here.
    outer: usize,
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
        let last = self.depth.checked_sub(1).filter(|last| *last >= self.outer)?;
        self.bits.get(last / 64).map(|word| word & (1 << (last % 64)) != 0)
    }

    const fn pop(&mut self) {
        self.depth = self.depth.saturating_sub(1);
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
        // So it has inside other values.
        assert_eq!(Scanner::new(&nested(DEPTH - 69)).value_within(70).map(str::len), Ok(2 * DEPTH - 138));
        assert_eq!(Scanner::new(&nested(DEPTH - 68)).value_within(70), Err(Bad::TooDeep));
    }

    #[test]
    fn a_string_is_plain_until_something_is_special() {
        for at in 0..20 {
            for special in 0..=0xff {
                let mut text = [b'a', b'~', 0x80, 0xff, b'!', b'#', b'[', b']', b' ', 0x7f].repeat(2);
                text.push(b'"');
                text[at] = special;
                let ends = matches!(special, b'"' | b'\\' | 0..0x20);
                assert_eq!(plain(&text), if ends { at } else { 20 }, "{special:#x} at {at}");
            }
        }
    }
}
