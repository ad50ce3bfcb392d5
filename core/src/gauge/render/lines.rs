//! Numbers and texts, as tables and pictures have them.

use embedded_io::Write;

use super::super::{Key, Whose};
use crate::wire::decimal::Decimal;

/// Digits of numbers for people.
const DIGITS: usize = 10;

/// Writes a number for people; `-` if there is none.
pub(super) fn number<W: Write>(value: Option<f64>, out: &mut W) -> Result<(), W::Error> {
    rounded(value, DIGITS, out)
}

/// Writes a number to so many digits; `-` if there is none.
pub(super) fn rounded<W: Write>(value: Option<f64>, digits: usize, out: &mut W) -> Result<(), W::Error> {
    match value.and_then(|value| Decimal::rounded(value, digits)) {
        Some(decimal) => out.write_all(decimal.as_bytes()),
        None => out.write_all(b"-"),
    }
}

/// Writes a number so that it reads back to the same bits; `NaN` if there is none.
pub(super) fn exact<W: Write>(value: Option<f64>, out: &mut W) -> Result<(), W::Error> {
    match value.and_then(Decimal::shortest) {
        Some(decimal) => out.write_all(decimal.as_bytes()),
        None => out.write_all(b"NaN"),
    }
}

/// Writes a whole number.
pub(super) fn whole<W: Write>(number: u64, out: &mut W) -> Result<(), W::Error> {
    crate::endpoints::write_fmt(out, format_args!("{number}"))
}

/// Who it is, as a table names them: control characters and what may be taken for markup are left out.
pub(super) fn whose<'a>(whose: &Whose<'a>) -> &'a str {
    match whose {
        Whose::Group(key) => key.shown(),
        Whose::Other => "other",
        Whose::All => "all",
    }
}

/// Writes a text for a terminal: without control characters, which could do something there.
pub(super) fn text<W: Write>(text: &str, out: &mut W) -> Result<(), W::Error> {
    for char in text.chars() {
        let char = if char.is_control() { char::REPLACEMENT_CHARACTER } else { char };
        out.write_all(char.encode_utf8(&mut [0; 4]).as_bytes())?;
    }
    Ok(())
}

/// Writes what is kept of a value, and whether it goes on.
pub(super) fn key<W: Write>(key: &Key, out: &mut W) -> Result<(), W::Error> {
    text(key.shown(), out)?;
    if key.is_whole() { Ok(()) } else { out.write_all("…".as_bytes()) }
}
