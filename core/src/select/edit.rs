//! A message without what is not to be seen.

use embedded_io::Write;

use crate::wire::json::Bad;

use super::hash::{DIGITS, HashKey};
use super::path::MAX_STEPS;
use super::rules::{Rules, Verb};
use super::value::Value;
use super::walk::{Paths, Place, Visitor, Way, walk};

/// Writes what the rules leave of `message`, which is known to be valid.
///
/// Nothing is moved around: what is left is spans of the message, with hashes between them. A member is what stands
/// between two commas, with the space around it, and leaves with one of them.
pub(super) fn edit<const RULES: usize, const TEXT: usize, W: Write>(
    message: &str,
    rules: &Rules<RULES, TEXT>,
    key: &HashKey,
    out: &mut W,
) -> Result<(), W::Error> {
    let [drop, keep, hash] = [Verb::Drop, Verb::Keep, Verb::Hash].map(|verb| rules.of(verb));
    let mut editor = Editor {
        message,
        drop,
        keep,
        hash,
        key,
        out,
        written: 0,
        fate: Fate::Stays,
        frames: [Frame { is_kept: keep == 0, is_begun: false, has_left: false }; MAX_STEPS],
    };
    match walk(message, rules, drop | keep | hash, &mut editor) {
        Ok(()) => editor.write_to(message.len()),
        Err(Stopped::Out(error)) => Err(error),
        Err(Stopped::Malformed) => {
            debug_assert!(false, "{message} was valid before");
            Ok(())
        }
    }
}

enum Stopped<E> {
    Out(E),
    Malformed,
}

impl<E> From<Bad> for Stopped<E> {
    fn from(_: Bad) -> Self {
        Self::Malformed
    }
}

struct Editor<'a, W> {
    message: &'a str,
    drop: Paths,
    keep: Paths,
    hash: Paths,
    key: &'a HashKey,
    out: &'a mut W,
    /// What is before this in the message is written, or has left.
    written: usize,
    /// What becomes of the value that the walk goes over.
    fate: Fate,
    /// By depth, the message itself first.
    frames: [Frame; MAX_STEPS],
}

/// An object or an array that the walk is in.
#[derive(Clone, Copy)]
struct Frame {
    /// What is in it remains without being named.
    is_kept: bool,
    /// Something in it has remained: the next one has a comma before it.
    is_begun: bool,
    /// Something in it has left, and what is written ends before the comma behind that.
    has_left: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Stays,
    Leaves,
    IsHashed,
}

impl<W: Write> Editor<'_, W> {
    /// Writes the message from what is written up to there.
    fn write_to(&mut self, end: usize) -> Result<(), W::Error> {
        let run = self.message.as_bytes().get(self.written..end).unwrap_or_default();
        if !run.is_empty() {
            self.out.write_all(run)?;
        }
        self.written = end;
        Ok(())
    }

    /// What becomes of a value, and whether all that is in it remains.
    fn fate(&self, place: &Place) -> (Fate, bool) {
        let outer = self.frames.get(place.depth.wrapping_sub(1));
        let is_kept = outer.is_some_and(|frame| frame.is_kept) || place.here & self.keep != 0;
        let leads_to_kept = place.is_nested && place.on & self.keep != 0;
        if place.here & self.drop != 0 || !(is_kept || leads_to_kept) {
            (Fate::Leaves, false)
        } else if place.here & self.hash != 0 {
            (Fate::IsHashed, false)
        } else {
            (Fate::Stays, is_kept)
        }
    }
}

impl<'m, W: Write> Visitor<'m> for Editor<'_, W> {
    type Error = Stopped<W::Error>;

    fn begin(&mut self, place: &Place) -> Result<Way, Self::Error> {
        let (fate, is_kept) = self.fate(place);
        self.fate = fate;
        let Some(outer) = self.frames.get_mut(place.depth.wrapping_sub(1)) else { return Ok(Way::Over) };
        let before = *outer;
        if fate == Fate::Leaves {
            outer.has_left = true;
            if before.is_begun {
                self.write_to(place.member.saturating_sub(1)).map_err(Stopped::Out)?;
            } else if !before.has_left {
                self.write_to(place.member).map_err(Stopped::Out)?;
            }
            return Ok(Way::Over);
        }
        outer.is_begun = true;
        if before.has_left && !before.is_begun {
            // It is the first now: the comma before it goes with those that have left.
            self.written = place.member;
        }
        if let Some(inner) = self.frames.get_mut(place.depth) {
            *inner = Frame { is_kept, is_begun: false, has_left: false };
        }
        if fate == Fate::IsHashed {
            self.write_to(place.value).map_err(Stopped::Out)?;
            return Ok(Way::Over);
        }
        Ok(Way::Into)
    }

    fn end(&mut self, place: &Place, value: &'m str, next: usize) -> Result<(), Self::Error> {
        match core::mem::replace(&mut self.fate, Fate::Stays) {
            Fate::Stays => {}
            Fate::Leaves => self.written = next,
            Fate::IsHashed => {
                let mut quoted = [b'"'; DIGITS + 2];
                if let Some(digits) = quoted.get_mut(1..=DIGITS) {
                    digits.copy_from_slice(&self.key.hash(Value::new(value)));
                }
                self.out.write_all(&quoted).map_err(Stopped::Out)?;
                self.written = place.value.saturating_add(value.len());
            }
        }
        Ok(())
    }
}
