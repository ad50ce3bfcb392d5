//! Names of topics and queues.

use core::fmt;
use core::hash::{Hash, Hasher};

/// A name of 1 to 64 bytes of `A-Z a-z 0-9 _ . -` that doesn't begin with a point.
///
/// ```
/// use streamgauge_core::engine::Name;
///
/// let name = Name::new(b"clicks.eu-1").unwrap();
/// assert_eq!(name.as_str(), "clicks.eu-1");
/// assert!(Name::new(b".hidden").is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// Zeros behind the name, so that comparing all of it is comparing names.
    bytes: [u8; Name::LONGEST],
    length: u8,
}

/// What is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadName;

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name has 1 to 64 of the characters A-Z a-z 0-9 _ . - and does not begin with .")
    }
}

impl core::error::Error for BadName {}

impl Name {
    /// The most bytes.
    pub const LONGEST: usize = 64;

    /// `main`: the topic and the queue of requests that name none.
    pub const MAIN: Self = {
        let mut bytes = [0; Self::LONGEST];
        (bytes[0], bytes[1], bytes[2], bytes[3]) = (b'm', b'a', b'i', b'n');
        Self { bytes, length: 4 }
    };

    /// The name that `text` is. O(n).
    ///
    /// # Errors
    /// [`BadName`].
    pub fn new(text: &[u8]) -> Result<Self, BadName> {
        Self::of(text.iter().copied())
    }

    /// The name of these bytes. O(n).
    ///
    /// # Errors
    /// [`BadName`].
    pub fn of(text: impl Iterator<Item = u8>) -> Result<Self, BadName> {
        let mut bytes = [0; Self::LONGEST];
        let mut length: u8 = 0;
        for byte in text {
            let allowed = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
            match bytes.get_mut(usize::from(length)).filter(|_| allowed && (length > 0 || byte != b'.')) {
                Some(room) => *room = byte,
                None => return Err(BadName),
            }
            length = length.saturating_add(1);
        }
        if length == 0 { Err(BadName) } else { Ok(Self { bytes, length }) }
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// Its characters.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_their_characters_and_length() {
        assert_eq!(Name::new(b"main"), Ok(Name::MAIN));
        assert!(Name::new(&[b'x'; 64]).is_ok());
        for wrong in [&b""[..], &[b'x'; 65], b".a", b"a b", b"a/b", b"a\0", "é".as_bytes()] {
            assert_eq!(Name::new(wrong), Err(BadName), "{wrong:?}");
        }
        assert!(Name::new(b"a.").unwrap() > Name::new(b"a").unwrap());
        assert!(Name::new(b"b").unwrap() > Name::new(b"aa").unwrap());
    }
}
