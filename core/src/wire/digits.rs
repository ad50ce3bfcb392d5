//! Integers as text, without `core::fmt`.

/// A short run of text, built on the stack so that it takes one write.
pub(crate) struct Head {
    bytes: [u8; Self::ROOM],
    length: usize,
}

impl Head {
    /// A chunk's size line (18) and the longest part head (61) or event head (31), with room left.
    const ROOM: usize = 96;

    #[inline]
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; Self::ROOM], length: 0 }
    }

    #[inline]
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// O(n); of what is no text, none.
    #[inline]
    pub(crate) fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn push(&mut self, text: &[u8]) {
        let room = self.bytes.get_mut(self.length..);
        let room = room.and_then(|room| room.get_mut(..text.len()));
        debug_assert!(room.is_some(), "a head outgrew its room");
        if let Some(room) = room {
            room.copy_from_slice(text);
            self.length = self.length.wrapping_add(text.len());
        }
    }

    #[inline]
    pub(crate) fn push_decimal(&mut self, number: u64) {
        let mut room = [0; MOST_DECIMALS];
        self.push(decimal(number, &mut room));
    }

    #[inline]
    pub(super) fn push_hex(&mut self, mut number: u64) {
        let mut digits = [0; 16];
        let mut used: usize = 0;
        for digit in digits.iter_mut().rev() {
            *digit = hex_digit((number & 15) as u8, b'a');
            number >>= 4;
            used = used.wrapping_add(1);
            if number == 0 {
                break;
            }
        }
        self.push_last(&digits, used);
    }

    /// In `WIDTH` digits at least.
    #[inline]
    pub(super) fn push_decimal_of<const WIDTH: usize>(&mut self, number: u64) {
        let (mut digits, mut left) = ([b'0'; WIDTH], number);
        for digit in digits.iter_mut().rev() {
            *digit = b'0' | (left % 10) as u8;
            left /= 10;
        }
        if left == 0 { self.push(&digits) } else { self.push_decimal(number) }
    }

    /// The lowest `WIDTH` digits.
    #[inline]
    pub(crate) fn push_hex_of<const WIDTH: usize>(&mut self, mut number: u64) {
        let mut digits = [b'0'; WIDTH];
        for digit in digits.iter_mut().rev() {
            *digit = hex_digit((number & 15) as u8, b'a');
            number >>= 4;
        }
        self.push(&digits);
    }

    #[inline]
    fn push_last(&mut self, digits: &[u8], used: usize) {
        let start = digits.len().wrapping_sub(used);
        self.push(digits.get(start..).unwrap_or_default());
    }
}

/// Decimal digits of the greatest number.
pub(super) const MOST_DECIMALS: usize = 20;

/// `number` in decimal digits, which stand at the end of `room`.
#[inline]
pub(super) fn decimal(mut number: u64, room: &mut [u8; MOST_DECIMALS]) -> &[u8] {
    let mut start = room.len();
    for digit in room.iter_mut().rev() {
        *digit = b'0' | (number % 10) as u8;
        number /= 10;
        start = start.wrapping_sub(1);
        if number == 0 {
            break;
        }
    }
    room.get(start..).unwrap_or_default()
}

/// The digit of the low four bits; `ten` is the letter to start at, `a` or `A`.
#[inline]
pub(super) const fn hex_digit(value: u8, ten: u8) -> u8 {
    match value & 15 {
        low @ 0..10 => b'0'.wrapping_add(low),
        high => ten.wrapping_add(high.wrapping_sub(10)),
    }
}

/// What one hexadecimal digit is worth.
#[inline]
pub(super) const fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit.wrapping_sub(b'0')),
        b'a'..=b'f' => Some(digit.wrapping_sub(b'a').wrapping_add(10)),
        b'A'..=b'F' => Some(digit.wrapping_sub(b'A').wrapping_add(10)),
        _ => None,
    }
}

/// `number` with one more decimal digit at its end, or `None` for no digit or no room.
#[inline]
pub(super) const fn append_decimal(number: u64, digit: u8) -> Option<u64> {
    if !digit.is_ascii_digit() {
        return None;
    }
    match number.checked_mul(10) {
        Some(number) => number.checked_add((digit & 15) as u64),
        None => None,
    }
}

/// Decimal digits of `number`.
#[inline]
pub(super) const fn decimal_len(number: u64) -> usize {
    match number.checked_ilog10() {
        Some(log) => (log as usize).wrapping_add(1),
        None => 1,
    }
}

/// Hexadecimal digits of `number`.
#[inline]
pub(super) const fn hex_len(number: u64) -> usize {
    match number.checked_ilog2() {
        Some(log) => (log as usize / 4).wrapping_add(1),
        None => 1,
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::{Head, append_decimal, decimal_len, hex_len};
    use std::format;

    #[test]
    fn as_core_fmt_writes_them() {
        let powers = (0..20).map(|n| 10u64.pow(n)).chain((0..64).map(|n| 1 << n));
        let powers = powers.step_by(if cfg!(miri) { 9 } else { 1 });
        for number in powers.flat_map(|n| [n - 1, n, n + 1]).chain([u64::MAX]) {
            let (mut decimal, mut hex) = (Head::new(), Head::new());
            decimal.push_decimal(number);
            hex.push_hex(number);
            assert_eq!(decimal.as_bytes(), format!("{number}").as_bytes());
            assert_eq!(hex.as_bytes(), format!("{number:x}").as_bytes());
            assert_eq!(decimal_len(number), decimal.as_bytes().len());
            assert_eq!(hex_len(number), hex.as_bytes().len());
            let read = decimal.as_bytes().iter();
            let read = read.copied().try_fold(0, append_decimal);
            assert_eq!(read, Some(number));
        }
    }
}
