//! What an object or an array has in it.

use super::scan::{Bad, Scanner};

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
