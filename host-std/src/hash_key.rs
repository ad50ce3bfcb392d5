//! The key of the hashes that stand for fields: random for each process, or from a file.

use std::path::Path;

use streamgauge_core::select::HashKey;

/// The key in a file of 64 hexadecimal digits.
///
/// # Errors
/// The line that says what is wrong with the flag.
pub(crate) fn stored(file: &Path) -> Result<HashKey, String> {
    read(file)
        .map(|key| HashKey::new(&key))
        .ok_or_else(|| format!("--hash-key-file: {} must hold 64 hexadecimal digits", file.display()))
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

fn read(file: &Path) -> Option<[u8; 32]> {
    let text = std::fs::read_to_string(file).ok()?;
    let digits = text.trim().as_bytes();
    let mut key = [0; 32];
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(key)
}
