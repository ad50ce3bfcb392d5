//! What is said on stderr, which nobody may read any more, or which may be a file on a disk that is full.

use std::fmt::Display;
use std::io::{self, Write as _};

/// Says a line on stderr, in one piece. What can't be said is let go: nobody may lose what a program does for what it
/// says, as with `eprintln!`, which panics then.
pub fn say(line: impl Display) {
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}
