//! Items as lines of JSON.

use embedded_io::Write;

use crate::engine::{Item, Name};
use crate::wire::json::write::{self, Length};
use crate::wire::units::Rfc3339;
use crate::wire::write_fmt;

/// The most bytes of a line beside its data, and the most for one byte of that: a control character is six.
pub(super) const MOST_BESIDE: usize = 2_048;
pub(super) const MOST_A_BYTE: usize = 6;

/// One item: what is known of it, and its data last.
pub(super) fn line<W: Write>(item: &Item<'_>, out: &mut W) -> Result<(), W::Error> {
    let known = &item.item;
    write_fmt(out, format_args!("{{\"item\":{}", known.id))?;
    if let Some(token) = &known.token {
        write_fmt(out, format_args!(",\"lease\":\"{token}\""))?;
    }
    write_fmt(out, format_args!(",\"attempt\":{}", known.attempt))?;
    if known.token.is_none() {
        write_fmt(out, format_args!(",\"state\":\"{}\"", item.state.as_str()))?;
    }
    write_fmt(out, format_args!(",\"put\":\"{}\"", Rfc3339(known.accepted_at)))?;
    if let Some(until) = known.until {
        write_fmt(out, format_args!(",\"until\":\"{}\"", Rfc3339(until)))?;
    }
    reason(known.reason, out)?;
    if let Some(died) = &known.died {
        let (put, at) = (Rfc3339(died.accepted_at), Rfc3339(died.died_at));
        let attempts = died.attempts;
        write_fmt(out, format_args!(",\"died\":{{\"attempt\":{attempts},\"put\":\"{put}\",\"at\":\"{at}\""))?;
        reason(died.reason, out)?;
        out.write_all(b"}")?;
    }
    out.write_all(b",")?;
    write::data(known.data, out)?;
    out.write_all(b"}\n")
}

/// Why it died, if anyone has said.
fn reason<W: Write>(reason: &[u8], out: &mut W) -> Result<(), W::Error> {
    if reason.is_empty() {
        return Ok(());
    }
    out.write_all(b",\"reason\":")?;
    write::string(core::str::from_utf8(reason).unwrap_or("(not UTF-8)"), out)
}

/// Writes an item that had to leave a queue as a line of JSON, with its newline, from which it can be read back exactly:
/// `{"queue":"jobs","data":"…"}`, or `data64` and base64 for what is no UTF-8. O(n).
///
/// ```
/// use streamgauge_core::endpoints::overflow_line;
/// use streamgauge_core::engine::Name;
///
/// let mut log = Vec::new();
/// overflow_line(&Name::MAIN, b"two\nlines", &mut log).unwrap();
/// overflow_line(&Name::MAIN, b"\xff", &mut log).unwrap();
/// assert_eq!(log, br#"{"queue":"main","data":"two\nlines"}
/// {"queue":"main","data64":"/w=="}
/// "#);
/// ```
///
/// # Errors
/// Those of `out`.
pub fn overflow_line<W: Write>(queue: &Name, item: &[u8], out: &mut W) -> Result<(), W::Error> {
    write_fmt(out, format_args!("{{\"queue\":\"{queue}\","))?;
    write::data(item, out)?;
    out.write_all(b"}\n")
}

/// How many bytes [`line`] writes. O(n).
pub(super) fn line_len(item: &Item<'_>) -> usize {
    let mut length = Length::default();
    let Ok(()) = line(item, &mut length);
    length.bytes()
}
