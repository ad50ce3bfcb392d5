//! What a terminal does with what is written to it.

use std::env::var_os;
use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;

/// Whether it is a terminal in which something can be written over again.
pub(crate) fn is_screen(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && is_able(var_os("TERM").as_deref())
}

/// The same text without control characters, which could do something in a terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { char::REPLACEMENT_CHARACTER } else { char }).collect()
}

/// Whether it is one in which colours are wanted.
pub(crate) fn is_coloured(stream: &impl IsTerminal) -> bool {
    is_screen(stream) && are_colours_wanted(var_os("NO_COLOR"))
}

/// A dumb one prints what it gets, and codes that say where as characters.
fn is_able(term: Option<&OsStr>) -> bool {
    term.is_none_or(|term| term != "dumb")
}

/// Any value says no, as no-color.org has it, and an empty one is none.
fn are_colours_wanted(no: Option<OsString>) -> bool {
    no.is_none_or(|value| value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_say_what_a_terminal_is_for() {
        let able = [None, Some("xterm"), Some("dumb")].map(|term| is_able(term.map(OsStr::new)));
        assert_eq!(able, [true, true, false]);
        let wanted = [None, Some(""), Some("1"), Some("0")].map(|no| are_colours_wanted(no.map(Into::into)));
        assert_eq!(wanted, [true, true, false, false]);
    }
}
