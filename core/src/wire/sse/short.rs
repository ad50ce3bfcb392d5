//! A field that outlives its line.

use super::MAX_FIELD;

#[derive(Clone, Copy, Debug)]
pub(super) struct Short {
    bytes: [u8; MAX_FIELD],
    length: usize,
}

impl Short {
    pub(super) const EMPTY: Self = Self { bytes: [0; MAX_FIELD], length: 0 };

    /// `value` has at most `MAX_FIELD` bytes: it comes from a storage of that size.
    pub(super) fn set(&mut self, value: &[u8]) {
        if let Some(room) = self.bytes.get_mut(..value.len()) {
            room.copy_from_slice(value);
            self.length = value.len();
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}
