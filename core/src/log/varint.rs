//! Numbers in as few bytes as they need (LEB128: seven bits a byte, low ones first).

/// Bytes that the length prefix of a record of `len` bytes takes: 1 below 128, 2 below 16,384, and so on
/// (LEB128: seven bits a byte, low ones first).
pub const fn prefix_len(len: usize) -> usize {
    let bits = usize::BITS - (len | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

/// Writes the length prefix of a record of `len` bytes to `prefix`, which has [its length](prefix_len). O(1).
///
/// ```
/// let mut prefix = [0; 2];
/// streamgauge_core::log::write_prefix(300, &mut prefix);
/// assert_eq!(prefix, [0xac, 0x02]);
/// ```
pub fn write_prefix(mut len: usize, prefix: &mut [u8]) {
    for byte in prefix {
        let low = (len & 0x7f) as u8;
        len >>= 7;
        *byte = if len == 0 { low } else { low | 0x80 };
    }
}

/// The length that `bytes` begin with, and the length of the prefix itself.
pub(crate) fn read_prefix(bytes: &[u8]) -> Option<(usize, usize)> {
    // Most records are short.
    if let Some(&len @ ..0x80) = bytes.first() {
        return Some((usize::from(len), 1));
    }
    let mut len = 0;
    for (i, &byte) in bytes.iter().enumerate().take(prefix_len(usize::MAX)) {
        len |= usize::from(byte & 0x7f).wrapping_shl(7 * i as u32);
        if byte & 0x80 == 0 {
            return Some((len, i.wrapping_add(1)));
        }
    }
    None
}

/// Bytes that a stamp takes: what a prefix takes, of 64 bits on every machine.
pub(super) const fn stamp_len(stamp: u64) -> usize {
    let bits = u64::BITS - (stamp | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

pub(super) fn write_stamp(mut stamp: u64, room: &mut [u8]) {
    for byte in room {
        let low = (stamp & 0x7f) as u8;
        stamp >>= 7;
        *byte = if stamp == 0 { low } else { low | 0x80 };
    }
}

/// The stamp that `bytes` begin with, and its own length.
pub(super) fn read_stamp(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut stamp = 0;
    for (i, &byte) in bytes.iter().enumerate().take(stamp_len(u64::MAX)) {
        stamp |= u64::from(byte & 0x7f).wrapping_shl(7 * i as u32);
        if byte & 0x80 == 0 {
            return Some((stamp, i.wrapping_add(1)));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_survive_the_trip() {
        for len in [0, 1, 127, 128, 16_383, 16_384, 1 << 21, usize::MAX] {
            let mut bytes = [0; 10];
            let prefix = prefix_len(len);
            write_prefix(len, &mut bytes[..prefix]);
            assert_eq!(read_prefix(&bytes), Some((len, prefix)));
        }
        assert_eq!(read_prefix(&[0x80; 20]), None);
        assert_eq!(read_prefix(&[]), None);
    }

    #[test]
    fn stamps_survive_the_trip() {
        for stamp in [0, 1, 127, 128, 16_383, 16_384, 1 << 32, u64::MAX] {
            let mut bytes = [0; 10];
            let len = stamp_len(stamp);
            write_stamp(stamp, &mut bytes[..len]);
            assert_eq!(read_stamp(&bytes), Some((stamp, len)));
        }
        assert_eq!(read_stamp(&[0x80; 20]), None);
        assert_eq!(read_stamp(&[]), None);
    }
}
