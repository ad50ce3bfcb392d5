//! Numbers and bytes that are kept: how they are written, and read again.
//!
//! | form | bytes |
//! | --- | --- |
//! | number | LEB128: seven bits a byte, low ones first, in as few bytes as it needs; at most 10 |
//! | word | 8, little-endian |
//! | text | its length as a number, and so many bytes |
//! | flag | 1: 0 no, 1 yes |
//! | maybe *x* | a flag, and *x* if it is 1 |
//! | time | its milliseconds as a number; [`Time::NEVER`] is the highest |
//! | span | seconds as a number, and nanoseconds as a number |
//!
//! There is one way to write each: what is written otherwise is refused.

use core::convert::Infallible;
use core::time::Duration;

use embedded_io::{ErrorType, Read, Write};

use crate::time::Time;

/// Where it is written.
pub(crate) struct Output<'w, W>(pub(crate) &'w mut W);

impl<W: Write> Output<'_, W> {
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), W::Error> {
        self.0.write_all(bytes)
    }

    pub(crate) fn byte(&mut self, byte: u8) -> Result<(), W::Error> {
        self.bytes(&[byte])
    }

    pub(crate) fn number(&mut self, mut number: u64) -> Result<(), W::Error> {
        let (mut bytes, mut len) = ([0; MOST_DIGITS], 0_usize);
        for byte in &mut bytes {
            *byte = (number & 0x7f) as u8;
            (number, len) = (number >> 7, len.wrapping_add(1));
            if number == 0 {
                break;
            }
            *byte |= 0x80;
        }
        self.bytes(bytes.get(..len).unwrap_or_default())
    }

    pub(crate) fn numbers(&mut self, numbers: &[u64]) -> Result<(), W::Error> {
        numbers.iter().try_for_each(|number| self.number(*number))
    }

    pub(crate) fn word(&mut self, word: u64) -> Result<(), W::Error> {
        self.bytes(&word.to_le_bytes())
    }

    pub(crate) fn text(&mut self, text: &[u8]) -> Result<(), W::Error> {
        self.number(text.len() as u64)?;
        self.bytes(text)
    }

    pub(crate) fn flag(&mut self, flag: bool) -> Result<(), W::Error> {
        self.byte(u8::from(flag))
    }

    pub(crate) fn maybe<T>(
        &mut self,
        value: Option<T>,
        write: impl FnOnce(&mut Self, T) -> Result<(), W::Error>,
    ) -> Result<(), W::Error> {
        self.flag(value.is_some())?;
        value.map_or(Ok(()), |value| write(self, value))
    }

    pub(crate) fn time(&mut self, time: Time) -> Result<(), W::Error> {
        self.number(time.as_millis())
    }

    pub(crate) fn span(&mut self, span: Duration) -> Result<(), W::Error> {
        self.number(span.as_secs())?;
        self.number(u64::from(span.subsec_nanos()))
    }
}

/// Bytes of the longest number.
const MOST_DIGITS: usize = 10;

/// Why what is read is not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken<E> {
    /// It can't be read.
    Read(E),
    /// It ends too early.
    Ended,
    /// What about it can't be.
    Wrong(&'static str),
}

/// Where it is read from.
pub(crate) struct Input<R>(pub(crate) R);

/// What is read, or why it can't be.
pub(crate) type Get<T, R> = Result<T, Broken<<R as ErrorType>::Error>>;

impl<R: Read> Input<R> {
    /// Fills all of `room`.
    pub(crate) fn fill(&mut self, mut room: &mut [u8]) -> Get<(), R> {
        while !room.is_empty() {
            match self.0.read(room).map_err(Broken::Read)? {
                0 => return Err(Broken::Ended),
                read => room = room.get_mut(read..).unwrap_or_default(),
            }
        }
        Ok(())
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Get<[u8; N], R> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    pub(crate) fn byte(&mut self) -> Get<u8, R> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn number(&mut self) -> Get<u64, R> {
        let mut number = 0;
        for digit in 0..MOST_DIGITS as u32 {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            let shift = digit.wrapping_mul(7);
            if bits << shift >> shift != bits {
                break;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                // A zero at the end says nothing.
                return if byte == 0 && digit > 0 { Err(Broken::Wrong(LONG_NUMBER)) } else { Ok(number) };
            }
        }
        Err(Broken::Wrong(LONG_NUMBER))
    }

    pub(crate) fn numbers<const N: usize>(&mut self) -> Get<[u64; N], R> {
        let mut numbers = [0; N];
        for number in &mut numbers {
            *number = self.number()?;
        }
        Ok(numbers)
    }

    /// A number that is an index or a length here.
    pub(crate) fn size(&mut self) -> Get<usize, R> {
        usize::try_from(self.number()?).map_err(|_| Broken::Wrong("a length is beyond what this machine can address"))
    }

    /// A number of fewer bits.
    pub(crate) fn small<T: TryFrom<u64>>(&mut self) -> Get<T, R> {
        T::try_from(self.number()?).map_err(|_| Broken::Wrong("a number is too high for what it counts"))
    }

    pub(crate) fn word(&mut self) -> Get<u64, R> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn flag(&mut self) -> Get<bool, R> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Broken::Wrong("a flag is neither 0 nor 1")),
        }
    }

    pub(crate) fn maybe<T>(&mut self, read: impl FnOnce(&mut Self) -> Get<T, R>) -> Get<Option<T>, R> {
        if self.flag()? { read(self).map(Some) } else { Ok(None) }
    }

    pub(crate) fn time(&mut self) -> Get<Time, R> {
        self.number().map(Time::from_millis)
    }

    pub(crate) fn span(&mut self) -> Get<Duration, R> {
        let (seconds, nanos) = (self.number()?, self.small::<u32>()?);
        if nanos < NANOS {
            Ok(Duration::new(seconds, nanos))
        } else {
            Err(Broken::Wrong("a second has more nanoseconds"))
        }
    }
}

const LONG_NUMBER: &str = "a number has more bytes than it needs";

const NANOS: u32 = 1_000_000_000;

/// Bytes at hand, of which nothing has to be copied.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AtHand<'a>(pub(crate) &'a [u8]);

impl<'a> Input<AtHand<'a>> {
    /// So many bytes.
    pub(crate) fn lend(&mut self, len: usize) -> Get<&'a [u8], AtHand<'a>> {
        let (lent, rest) = self.0.0.split_at_checked(len).ok_or(Broken::Ended)?;
        self.0.0 = rest;
        Ok(lent)
    }

    /// All that is left.
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.0.0
    }
}

impl ErrorType for AtHand<'_> {
    type Error = Infallible;
}

impl Read for AtHand<'_> {
    fn read(&mut self, room: &mut [u8]) -> Result<usize, Infallible> {
        let len = room.len().min(self.0.len());
        if let Some(((read, rest), room)) = self.0.split_at_checked(len).zip(room.get_mut(..len)) {
            room.copy_from_slice(read);
            self.0 = rest;
        }
        Ok(len)
    }
}

/// Counts what is written.
#[derive(Debug, Default)]
pub(crate) struct Counted(pub(crate) u64);

impl ErrorType for Counted {
    type Error = Infallible;
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.0 = self.0.saturating_add(bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    // The one that embedded-io has could panic.
    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.write(bytes).map(drop)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::*;

    fn written(number: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        Output(&mut bytes).number(number).unwrap();
        bytes
    }

    #[test]
    fn numbers_survive_the_trip_in_as_few_bytes_as_they_need() {
        for (number, len) in [(0, 1), (127, 1), (128, 2), (16_383, 2), (16_384, 3), (1 << 62, 9), (u64::MAX, 10)] {
            let bytes = written(number);
            assert_eq!((bytes.len(), Input(AtHand(&bytes)).number()), (len, Ok(number)));
            assert_eq!(Input(AtHand(&bytes[..len - 1])).number(), Err(Broken::Ended));
        }
    }

    #[test]
    fn there_is_one_way_to_write_a_number() {
        let long: [&[u8]; 4] =
            [&[0x80, 0], &[0xff, 0x80, 0], &[0xff; 11], &[255, 255, 255, 255, 255, 255, 255, 255, 255, 2]];
        for bytes in long {
            assert_eq!(Input(AtHand(bytes)).number(), Err(Broken::Wrong(LONG_NUMBER)), "{bytes:?}");
        }
    }

    #[test]
    fn spans_survive_the_trip() {
        for span in [Duration::ZERO, Duration::from_millis(1_500), Duration::MAX] {
            let mut bytes = Vec::new();
            Output(&mut bytes).span(span).unwrap();
            assert_eq!(Input(AtHand(&bytes)).span(), Ok(span));
        }
        let mut bytes = Vec::new();
        Output(&mut bytes).numbers(&[0, u64::from(NANOS)]).unwrap();
        assert!(matches!(Input(AtHand(&bytes)).span(), Err(Broken::Wrong(_))));
    }
}
