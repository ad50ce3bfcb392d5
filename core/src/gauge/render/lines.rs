//! Numbers and texts, as tables and pictures have them.

use embedded_io::Write;

use super::super::{Key, KeyName, Whose};
use crate::wire::decimal::Decimal;
use crate::wire::write_fmt;

/// Digits of numbers for people.
const DIGITS: usize = 10;

/// Those of the edges of bins: the most that are left of a decimal after some rounding.
const EDGE_DIGITS: usize = 15;

/// Those of numbers beside a picture, if that is enough; and those that any number has at most.
const BRIEF: usize = 5;
const ALL_DIGITS: usize = 17;

/// Writes a number for people; `-` if there is none.
pub(super) fn number<W: Write>(value: Option<f64>, out: &mut W) -> Result<(), W::Error> {
    rounded(value, DIGITS, out)
}

/// Writes a number to so many digits; `-` if there is none.
pub(super) fn rounded<W: Write>(value: Option<f64>, digits: usize, out: &mut W) -> Result<(), W::Error> {
    match value.and_then(|value| Decimal::readable(value, digits)) {
        Some(decimal) => out.write_all(decimal.as_bytes()),
        None => out.write_all(b"-"),
    }
}

/// Writes an edge of a bin, so that each of narrow ones says where it is, too.
pub(super) fn edge<W: Write>(value: f64, out: &mut W) -> Result<(), W::Error> {
    rounded(Some(value), EDGE_DIGITS, out)
}

/// How exact the numbers of an axis are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Labels {
    /// As many of the first five digits as there is room for.
    Brief,
    /// To as many digits as a table has, because fewer would hardly tell its two ends apart.
    Long,
}

impl Labels {
    /// Those of an axis from one number to another.
    pub(super) fn between(low: f64, high: f64) -> Self {
        // Then it is ten units of the fifth digit long, or more.
        if (high - low) * 1e3 >= low.abs().max(high.abs()) { Self::Brief } else { Self::Long }
    }

    /// A number so that it fits beside a picture: all of it where there is room, or else with an exponent where it is
    /// too wide without.
    pub(super) fn of(self, value: f64) -> Option<Decimal> {
        let whole = Decimal::rounded(value, ALL_DIGITS).filter(is_narrow);
        whole.or_else(|| match self {
            Self::Brief => {
                let with_exponent = |digits| Decimal::scientific(value, digits);
                let plain = Decimal::readable(value, BRIEF).filter(is_narrow);
                let narrow = plain.or_else(|| (2..=BRIEF).rev().filter_map(with_exponent).find(is_narrow));
                narrow.or_else(|| with_exponent(1))
            }
            Self::Long => Decimal::readable(value, DIGITS),
        })
    }
}

/// Whether a number is no wider than eight digits; a point and a sign are half of one.
pub(super) fn is_narrow(decimal: &Decimal) -> bool {
    let halves = decimal.as_bytes().iter().map(|byte| if matches!(byte, b'-' | b'.') { 1 } else { 2 });
    halves.sum::<u32>() <= 16
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
    write_fmt(out, format_args!("{number}"))
}

/// Writes how many numbers are in no bin of a histogram.
pub(super) fn outside<W: Write>([below, above]: [u64; 2], not_whole: u64, out: &mut W) -> Result<(), W::Error> {
    out.write_all(b"below ")?;
    whole(below, out)?;
    out.write_all(b"  above ")?;
    whole(above, out)?;
    if not_whole > 0 {
        out.write_all(b"  not whole ")?;
        whole(not_whole, out)?;
    }
    Ok(())
}

/// Who it is, where these names are taken: a group is called by none of them.
pub(super) fn whose(whose: &Whose<'_>, taken: &[&str]) -> KeyName {
    let name = match whose {
        Whose::Group(group) => return group.beside(taken).name(),
        Whose::Other => OTHER,
        Whose::All => ALL,
    };
    KeyName::try_from(name).unwrap_or_default()
}

/// What those in no group are called, and what all are.
pub(super) const OTHER: &str = "other";
pub(super) const ALL: &str = "all";

/// Writes a text for a terminal: without control characters, which could do something there.
pub(super) fn text<W: Write>(text: &str, out: &mut W) -> Result<(), W::Error> {
    for char in text.chars() {
        let char = if char.is_control() { char::REPLACEMENT_CHARACTER } else { char };
        out.write_all(char.encode_utf8(&mut [0; 4]).as_bytes())?;
    }
    Ok(())
}

/// Writes what a value is called, for a terminal.
pub(super) fn key<W: Write>(key: &Key, out: &mut W) -> Result<(), W::Error> {
    text(&key.name(), out)
}
