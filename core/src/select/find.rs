//! The values at some paths.

use core::fmt;

use crate::wire::json::{Bad, DEPTH};

use super::path::Path;
use super::value::Value;
use super::walk::{Paths, Place, Visitor, Wanted, Way, walk};

/// Why nothing is read out of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Malformed {
    /// It is not one JSON value in UTF-8.
    NotJson,
    /// Arrays and objects are nested deeper than [`DEPTH`] levels.
    TooDeep,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson => f.write_str("not JSON"),
            Self::TooDeep => write!(f, "nested deeper than {DEPTH} levels"),
        }
    }
}

impl core::error::Error for Malformed {}

impl From<Bad> for Malformed {
    fn from(bad: Bad) -> Self {
        match bad {
            Bad::Syntax => Self::NotJson,
            Bad::TooDeep => Self::TooDeep,
        }
    }
}

/// The values at `paths`, `None` where nothing is. Where a key comes twice in an object, the last one counts.
///
/// The whole message is looked at, once: O(n), and each key on the way is compared with the paths that lead there.
///
/// # Errors
/// The message is no JSON.
///
/// ```
/// use streamgauge_core::select::{Path, find};
///
/// let paths = [Path::parse("c")?, Path::parse("ll[1]")?];
/// let [c, longitude] = find(br#"{"c": "US", "ll": [42.35, -71.06]}"#, &paths)?;
/// assert!(c.unwrap().text().unwrap() == *"US");
/// assert_eq!(longitude.unwrap().raw(), "-71.06");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn find<'m, T: AsRef<str>, const N: usize>(
    message: &'m [u8],
    paths: &[Path<T>; N],
) -> Result<[Option<Value<'m>>; N], Malformed> {
    const { assert!(N <= Paths::BITS as usize, "64 paths at once at most") };
    let mut found = [None; N];
    find_wanted(utf8(message)?, paths.as_slice(), Paths::MAX, &mut found)?;
    Ok(found)
}

/// [`find`] for a number of paths that is not known beforehand: the value of each goes to its place in `found`. Of
/// paths beyond 64, or beyond `found`, there is nothing to be found.
///
/// # Errors
/// The message is no JSON; `found` then holds nothing.
pub fn find_all<'m, T: AsRef<str>>(
    message: &'m [u8],
    paths: &[Path<T>],
    found: &mut [Option<Value<'m>>],
) -> Result<(), Malformed> {
    found.fill(None);
    let result = utf8(message).and_then(|message| find_wanted(message, paths, Paths::MAX, found));
    if result.is_err() {
        found.fill(None);
    }
    result
}

pub(super) fn utf8(message: &[u8]) -> Result<&str, Malformed> {
    core::str::from_utf8(message).map_err(|_| Malformed::NotJson)
}

pub(super) fn find_wanted<'m, W: Wanted + ?Sized>(
    message: &'m str,
    wanted: &W,
    paths: Paths,
    found: &mut [Option<Value<'m>>],
) -> Result<(), Malformed> {
    walk(message, wanted, paths, &mut Finder { found })
}

struct Finder<'f, 'm> {
    found: &'f mut [Option<Value<'m>>],
}

impl<'m> Finder<'_, 'm> {
    fn set(&mut self, paths: Paths, value: Option<Value<'m>>) {
        let mut left = paths;
        while left != 0 {
            if let Some(slot) = self.found.get_mut(left.trailing_zeros() as usize) {
                *slot = value;
            }
            left &= left.wrapping_sub(1);
        }
    }
}

impl<'m> Visitor<'m> for Finder<'_, 'm> {
    type Error = Malformed;

    fn begin(&mut self, place: &Place) -> Result<Way, Malformed> {
        // What was under the same key before no longer counts.
        self.set(place.here | place.on, None);
        Ok(Way::Into)
    }

    fn end(&mut self, place: &Place, value: &'m str, _: usize) -> Result<(), Malformed> {
        self.set(place.here, Some(Value::new(value)));
        Ok(())
    }
}
