//! Keys have their hashes with them.

use core::hash::{BuildHasher, Hasher};

/// Takes the hash that a [`Key`](super::Key) has, and mixes those of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyHasher(u64);

impl BuildHasher for KeyHasher {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self(0)
    }
}

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, hash: u64) {
        // 2^64 over the golden ratio: an edge is another one than its opposite.
        self.0 = self.0.rotate_left(23).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ hash;
    }
}
