//! One register: which of the levels of its items were seen, as far as that matters.
//!
//! A hash begins with the p bits that choose its register; then follow some zeros and a one. Its level is p - 1 and as
//! many more as there are zeros: from p - 1 (half of the hashes) to 63 (none but zeros). A register holds the highest
//! level seen, times four, and whether the level below it was seen (2), and the one below that (1). That is all that it
//! forgets: which levels further down were seen. A hash that has the bits of another register at a higher precision
//! has the same level there, unless those bits end its zeros.

use super::Precision;

/// Nothing was seen.
pub(super) const EMPTY: u8 = 0;

/// Which register a hash belongs to, and what that one says when it has seen no other.
#[inline]
pub(super) const fn of_hash(precision: Precision, hash: u64) -> (usize, u8) {
    let p = precision.get() as u32;
    // A one after the last bit, and before those that the shift brings in.
    let rest = hash.wrapping_shl(p) | 1_u64.wrapping_shl(p.wrapping_sub(1));
    let number = hash.wrapping_shr(64_u32.wrapping_sub(p)) as usize;
    (number, alone(rest.leading_zeros().wrapping_add(p).wrapping_sub(1)))
}

/// What a register says at a lower precision, where it is one of a group: the one with this number in it, from 0 on.
///
/// The bits of that number have become the first ones after those that choose the register.
pub(super) const fn of_part(precision: Precision, number: u32, register: u8) -> u8 {
    match (number.checked_ilog2(), register) {
        (None, _) | (_, EMPTY) => register,
        (Some(bit), _) => alone((precision.get() as u32).saturating_sub(2).saturating_sub(bit)),
    }
}

/// A register that has seen one level.
const fn alone(level: u32) -> u8 {
    (level as u8) << 2
}

/// The highest level seen.
pub(super) const fn level(register: u8) -> u8 {
    register >> 2
}

/// Whether the level below the highest was seen, and the one below that.
pub(super) const fn below(register: u8) -> [bool; 2] {
    [register & 2 != 0, register & 1 != 0]
}

/// A register that has seen what either has.
///
/// Without branches, and on bytes, so that of two slices sixteen are done at a time.
#[inline]
pub(super) const fn union(a: u8, b: u8) -> u8 {
    let (high, low) = if a > b { (a, b) } else { (b, a) };
    let distance = level(high).wrapping_sub(level(low));
    let same = if distance == 0 { low } else { 0 };
    let one_below = if distance == 1 { 2 | (low >> 1 & 1) } else { 0 };
    let two_below = if (distance == 2) & (low != EMPTY) { 1 } else { 0 };
    high | (same | one_below | two_below) & 3
}

/// Whether items can have led to it: no level is below p - 1.
pub(super) const fn is_possible(precision: Precision, register: u8) -> bool {
    let least = precision.get().saturating_sub(1);
    match level(register).checked_sub(least) {
        None => register == EMPTY,
        Some(0) => matches!(below(register), [false, false]),
        Some(1) => matches!(below(register), [_, false]),
        Some(_) => true,
    }
}
