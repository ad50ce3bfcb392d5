//! The key of the hashes that stand for fields: random for each process, or from a file.

use core::fmt::Display;
use std::path::Path;

use streamgauge_core::select::HashKey;

/// The key in a file of 64 hexadecimal digits.
///
/// # Errors
/// The line that says what is wrong with the flag.
pub(crate) fn stored(file: &Path) -> Result<HashKey, String> {
    let wrong = |why: &dyn Display| format!("--hash-key-file: {}{why}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| wrong(&format_args!(": {error}")))?;
    let key = digits(text.trim().as_bytes()).ok_or_else(|| wrong(&" must hold 64 hexadecimal digits"))?;
    Ok(HashKey::new(&key))
}

/// A key that nobody knows.
///
/// # Errors
/// The operating system has no random numbers.
pub(crate) fn random() -> Result<HashKey, String> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| format!("cannot get a random key: {error}"))?;
    Ok(HashKey::new(&key))
}

fn digits(digits: &[u8]) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(key)
}
