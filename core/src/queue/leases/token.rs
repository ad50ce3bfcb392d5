//! What a lease is called by those who hold it.

use core::fmt;
use core::hint::black_box;

use embedded_io::{Read, Write};

use crate::saved::{Broken, Get, Input, Output};
use crate::wire::digits::Head;

/// The proof that one has an item on lease: where it is, and 64 random bits that die with the lease.
///
/// Printed it is [`Token::LEN`] lower-case hexadecimal digits. Whoever has it can acknowledge the item, so
/// [`Debug`](fmt::Debug) keeps the random bits to itself.
///
/// ```
/// use streamgauge_core::queue::leases::Token;
///
/// let token = Token::parse(b"000000070123456789abcdef").unwrap();
/// assert_eq!(token.to_string(), "000000070123456789abcdef");
/// assert_eq!(Token::parse(b"000000070123456789ABCDEF"), None);
/// ```
#[derive(Clone, Copy)]
pub struct Token {
    pub(super) slot: u32,
    /// INVARIANT: not 0 in a token that was given out: an item that is not on lease has the bits 0.
    pub(super) bits: u64,
}

impl Token {
    /// Digits that every token has.
    pub const LEN: usize = 24;

    /// The token that `text` is, if it is exactly what [`Display`](fmt::Display) writes. O(1).
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (slot, bits) = text.split_first_chunk::<8>()?;
        let (slot, bits) = (number(*slot)? as u32, number::<16>(bits.try_into().ok()?)?);
        (bits != 0).then_some(Self { slot, bits })
    }

    /// What [`Display`](fmt::Display) writes.
    pub(crate) fn text(&self) -> Head {
        let mut text = Head::new();
        text.push_hex_of::<8>(u64::from(self.slot));
        text.push_hex_of::<16>(self.bits);
        text
    }

    /// Writes it as a number, which is its place and one more, and its random bits as a word; what is no token is 0.
    pub(crate) fn pack<W: Write>(token: Option<Self>, out: &mut Output<'_, W>) -> Result<(), W::Error> {
        let Some(Self { slot, bits }) = token else { return out.number(0) };
        out.number(u64::from(slot).saturating_add(1))?;
        out.word(bits)
    }

    /// What [`pack`](Self::pack) has written.
    pub(crate) fn unpack<R: Read>(input: &mut Input<R>) -> Get<Option<Self>, R> {
        let Some(slot) = input.number()?.checked_sub(1) else { return Ok(None) };
        let (slot, bits) = (u32::try_from(slot), input.word()?);
        let token = slot.ok().filter(|_| bits != 0).map(|slot| Self { slot, bits });
        token.map(Some).ok_or(Broken::Wrong("a token is none"))
    }

    /// Whether these are the random bits, in a time that doesn't depend on which of them differ.
    pub(super) fn has_bits(&self, bits: u64) -> bool {
        black_box(self.bits ^ bits) == 0
    }
}

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        self.has_bits(other.bits) && self.slot == other.slot
    }
}

impl Eq for Token {}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().as_str())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("slot", &self.slot).finish_non_exhaustive()
    }
}

/// What so many lower-case hexadecimal digits say, of which sixteen are all that a number has.
fn number<const DIGITS: usize>(digits: [u8; DIGITS]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit.wrapping_sub(b'0'),
            b'a'..=b'f' => digit.wrapping_sub(b'a').wrapping_add(10),
            _ => return None,
        };
        Some(number << 4 | u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::format;
    use std::string::ToString;

    use super::*;

    #[test]
    fn only_what_is_printed_can_be_parsed() {
        for token in [Token { slot: 0, bits: 1 }, Token { slot: u32::MAX, bits: u64::MAX }, Token { slot: 9, bits: 7 }]
        {
            let text = token.to_string();
            assert_eq!(text.len(), Token::LEN);
            assert_eq!(Token::parse(text.as_bytes()), Some(token));
            for length in 0..text.len() {
                assert_eq!(Token::parse(&text.as_bytes()[..length]), None);
            }
            assert_eq!(Token::parse(format!("{text}0").as_bytes()), None);
            assert_eq!(Token::parse(format!(" {}", &text[1..]).as_bytes()), None);
            assert_eq!(Token::parse(format!("+{}", &text[1..]).as_bytes()), None);
        }
        assert_eq!(Token::parse(&[b'0'; 24]), None, "the bits of what is not on lease");
        assert_eq!(Token::parse(&[b'F'; 24]), None);
        assert_eq!(Token::parse(&[b'1'; 1000]), None);
        assert_eq!(Token::parse(b""), None);
    }

    #[test]
    fn nobody_reads_a_token_in_a_log() {
        assert_eq!(format!("{:?}", Token { slot: 3, bits: 0xdead_beef }), "Token { slot: 3, .. }");
    }
}
