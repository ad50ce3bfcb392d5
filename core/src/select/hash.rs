//! A hash that tells values apart and does not tell what they are.

use core::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::value::{Text, Value};

/// Digits of a hash: 128 bits.
pub(super) const DIGITS: usize = 32;

/// The key of the hashes that stand for fields: HMAC-SHA-256 (RFC 2104), of which the first 128 bits are kept and
/// written as 32 hexadecimal digits.
///
/// What it gives: under one key equal values have equal hashes, and different ones in practice never have, so they can
/// be counted, grouped and joined by, and over several fields and topics. Equal is what [`Value::is`] takes for equal:
/// strings as they are meant, numbers as they are worth, `true`, `false` and `null`; a string and a number are never
/// equal here. Objects and arrays are equal when they are written the same, and so are strings with half of a surrogate
/// pair.
///
/// What it hides: without the key a hash says nothing of the value, and nothing can be found by trying values out, few
/// as there may be of them (there are 2^32 addresses, and their MD5s, which pubsub_filtered has, are looked up in a
/// second). What stays visible is which messages have the same value, and how often. Whoever has the key can try
/// values out: it belongs to the host alone, random for each process, or kept where hashes are to be joined for longer.
#[derive(Clone)]
pub struct HashKey {
    mac: Hmac<Sha256>,
}

impl HashKey {
    /// The key's bytes have to be random, and secret: from a source for cryptography. O(1), two blocks of SHA-256.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self { mac: Hmac::new(&padded(key)) }
    }

    /// The hash of a value, in hexadecimal digits. O(n).
    ///
    /// ```
    /// use streamgauge_core::select::{HashKey, Path, find};
    ///
    /// let paths = ["a", "b", "c"].map(|path| Path::parse(path).unwrap());
    /// let [a, b, c] = find(br#"{"a": 1, "b": 1.0, "c": "1"}"#, &paths).unwrap();
    /// let key = HashKey::new(&[7; 32]);
    /// assert_eq!(key.hash(a.unwrap()), key.hash(b.unwrap()));
    /// assert_ne!(key.hash(a.unwrap()), key.hash(c.unwrap()));
    /// ```
    #[must_use]
    pub fn hash(&self, value: Value<'_>) -> [u8; DIGITS] {
        let mut mac = self.mac.clone();
        if let Some(text) = value.text().filter(Text::is_whole) {
            mac.update(b"s");
            match text.plain() {
                Some(plain) => mac.update(plain.as_bytes()),
                None => text.chars().for_each(|char| mac.update(char.encode_utf8(&mut [0; 4]).as_bytes())),
            }
        } else if let Some(worth) = value.number().and_then(|number| number.worth()) {
            mac.update(if worth.negative { b"-" } else { b"+" });
            mac.update(&worth.exponent.to_be_bytes());
            worth.digits().for_each(|digit| mac.update(&[digit]));
        } else {
            mac.update(b"=");
            mac.update(value.raw().as_bytes());
        }
        hex(&mac.finalize().into_bytes())
    }
}

impl fmt::Debug for HashKey {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashKey").finish_non_exhaustive()
    }
}

/// A key of fewer bytes than a block is filled up with zeros.
fn padded(key: &[u8; 32]) -> hmac::digest::Key<Hmac<Sha256>> {
    let mut padded = hmac::digest::Key::<Hmac<Sha256>>::default();
    for (slot, byte) in padded.iter_mut().zip(key) {
        *slot = *byte;
    }
    padded
}

fn hex(mac: &[u8]) -> [u8; DIGITS] {
    let mut digits = [0; DIGITS];
    for (pair, byte) in digits.as_chunks_mut().0.iter_mut().zip(mac) {
        *pair =
            [byte >> 4, byte & 15].map(|digit| if digit < 10 { b'0' | digit } else { b'a'.wrapping_add(digit - 10) });
    }
    digits
}
