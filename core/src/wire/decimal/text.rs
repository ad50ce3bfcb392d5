//! An `f64` as text.

use core::fmt;

use super::exact::Exact;

/// A finite number as text. It is a number of JSON, too.
///
/// ```
/// use streamgauge_core::wire::decimal::Decimal;
///
/// assert_eq!(Decimal::shortest(0.1 + 0.2).unwrap().as_str(), "0.30000000000000004");
/// assert_eq!(Decimal::rounded(0.1 + 0.2, 6).unwrap().as_str(), "0.3");
/// assert!(Decimal::shortest(f64::NAN).is_none());
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Decimal {
    /// INVARIANT: ASCII.
    bytes: [u8; MOST_BYTES],
    length: u8,
}

/// `-1.2345678901234567e-308` and `-0.000012345678901234567` are the longest.
const MOST_BYTES: usize = 24;

/// The most significant digits: with so many, every `f64` reads back to the same bits.
const MOST_DIGITS: usize = 17;

impl Decimal {
    /// The shortest text that reads back to the same bits, with 17 significant digits at most; of several the nearest:
    /// `5.0`, `0.1`, `-0.0`, `1e300`. None for NaN and infinities, which JSON has no number for. O(1).
    ///
    /// By the crate ryu (Adams 2018).
    #[must_use]
    pub fn shortest(number: f64) -> Option<Self> {
        let mut decimal = Self::finite(number)?;
        decimal.push(ryu::Buffer::new().format_finite(number).as_bytes());
        Some(decimal)
    }

    /// To `digits` significant digits, from 1 to 17, without zeros at the end, for people: `5`, `0.333333`, `1.5e300`.
    /// It is correctly rounded, from every digit the number has; a tie goes to the even digit. There is an exponent
    /// below 0.00001 and from 10^15 on. None for NaN and infinities. O(n^2) for a number near 2^n or 2^-n, and a
    /// microsecond at most on a computer of today for those between 1e-20 and 1e20.
    ///
    /// ```
    /// use streamgauge_core::wire::decimal::Decimal;
    ///
    /// let text = |number, digits| Decimal::rounded(number, digits).unwrap().to_string();
    /// assert_eq!([text(2.0 / 3.0, 4), text(99.95, 2), text(6.02214076e23, 5)], ["0.6667", "100", "6.0221e23"].map(String::from));
    /// ```
    #[must_use]
    pub fn rounded(number: f64, digits: usize) -> Option<Self> {
        let mut decimal = Self::finite(number)?;
        if number.is_sign_negative() {
            decimal.push(b"-");
        }
        let significant = Significant::of(number.abs(), digits.clamp(1, MOST_DIGITS));
        match (significant.digits(), significant.magnitude) {
            ([], _) => decimal.push(b"0"),
            (digits, magnitude @ 0..15) => {
                let whole = (magnitude as usize).wrapping_add(1);
                match digits.split_at_checked(whole) {
                    Some((before, behind)) => decimal.push_with_point(before, behind),
                    None => {
                        decimal.push(digits);
                        let missing = whole.wrapping_sub(digits.len());
                        decimal.push(b"000000000000000".get(..missing).unwrap_or_default());
                    }
                }
            }
            (digits, magnitude @ -5..0) => {
                let zeros = (magnitude.unsigned_abs() as usize).wrapping_sub(1);
                decimal.push(b"0.");
                decimal.push(b"0000".get(..zeros).unwrap_or_default());
                decimal.push(digits);
            }
            (digits, magnitude) => decimal.push_scientific(digits, magnitude),
        }
        Some(decimal)
    }

    /// The same where each digit is taken for a true one: a whole number below 10^15 has all of its digits, and of any
    /// other no zeros stand for those that are left out, but an exponent.
    ///
    /// ```
    /// use streamgauge_core::wire::decimal::Decimal;
    ///
    /// let text = |number| Decimal::readable(number, 4).unwrap().to_string();
    /// assert_eq!([text(123_456.0), text(123_456.7)], ["123456", "1.235e5"].map(String::from));
    /// ```
    #[must_use]
    pub fn readable(number: f64, digits: usize) -> Option<Self> {
        let plain = Self::rounded(number, digits)?;
        let bytes = plain.as_bytes();
        let is_long = !bytes.contains(&b'.') && bytes.iter().filter(|byte| byte.is_ascii_digit()).count() > digits;
        if !is_long {
            return Some(plain);
        }
        let exact = Self::rounded(number, MOST_DIGITS)?;
        if exact.as_bytes().contains(&b'.') { Self::scientific(number, digits) } else { Some(exact) }
    }

    /// To so many digits with an exponent, whatever it is: `1.7e9`. Zero has none.
    pub(crate) fn scientific(number: f64, digits: usize) -> Option<Self> {
        let mut decimal = Self::finite(number)?;
        if number.is_sign_negative() {
            decimal.push(b"-");
        }
        let significant = Significant::of(number.abs(), digits.clamp(1, MOST_DIGITS));
        match significant.digits() {
            [] => decimal.push(b"0"),
            digits => decimal.push_scientific(digits, significant.magnitude),
        }
        Some(decimal)
    }

    /// The text. O(1).
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The text as bytes, for a writer. O(1).
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// Nothing yet, if there is a number to write.
    fn finite(number: f64) -> Option<Self> {
        number.is_finite().then_some(Self { bytes: [0; MOST_BYTES], length: 0 })
    }

    fn push(&mut self, text: &[u8]) {
        let room = self.bytes.get_mut(usize::from(self.length)..).and_then(|room| room.get_mut(..text.len()));
        debug_assert!(room.is_some(), "a number outgrew its room");
        if let Some(room) = room {
            room.copy_from_slice(text);
            self.length = self.length.wrapping_add(text.len() as u8);
        }
    }

    fn push_with_point(&mut self, before: &[u8], behind: &[u8]) {
        self.push(before);
        if !behind.is_empty() {
            self.push(b".");
            self.push(behind);
        }
    }

    fn push_scientific(&mut self, digits: &[u8], magnitude: i32) {
        let (first, others) = digits.split_at_checked(1).unwrap_or((digits, &[]));
        self.push_with_point(first, others);
        self.push_exponent(magnitude);
    }

    fn push_exponent(&mut self, exponent: i32) {
        self.push(if exponent < 0 { b"e-" } else { b"e" });
        let size = exponent.unsigned_abs();
        let digits = [size / 100, size / 10 % 10, size % 10].map(|digit| b'0' | (digit & 15) as u8);
        let leading = digits.iter().take(2).take_while(|digit| **digit == b'0').count();
        self.push(digits.get(leading..).unwrap_or_default());
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The digits of a number that count.
struct Significant {
    /// In ASCII; the first and the last are not 0.
    digits: [u8; MOST_DIGITS],
    count: usize,
    /// The power of ten that the first one counts.
    magnitude: i32,
}

impl Significant {
    /// Of a number that is not negative, to `most` digits.
    fn of(number: f64, most: usize) -> Self {
        let exact = exact(number);
        let mut digits = exact.digits();
        let mut significant = Self { digits: [b'0'; MOST_DIGITS], count: 0, magnitude: exact.magnitude() };
        for (place, digit) in significant.digits.iter_mut().zip(digits.by_ref().take(most)) {
            *place = b'0' | digit;
            significant.count = significant.count.wrapping_add(1);
        }
        let next = digits.next().unwrap_or(0);
        let is_odd = significant.digits().last().is_some_and(|digit| digit & 1 == 1);
        if next > 5 || next == 5 && (is_odd || digits.any(|digit| digit != 0)) {
            significant.increment();
        }
        while significant.digits().last() == Some(&b'0') {
            significant.count = significant.count.wrapping_sub(1);
        }
        significant
    }

    fn digits(&self) -> &[u8] {
        self.digits.get(..self.count).unwrap_or_default()
    }

    fn increment(&mut self) {
        let digits = self.digits.get_mut(..self.count).unwrap_or_default();
        for digit in digits.iter_mut().rev() {
            if *digit < b'9' {
                *digit = digit.wrapping_add(1);
                return;
            }
            *digit = b'0';
        }
        // All were nines.
        if let Some(first) = digits.first_mut() {
            *first = b'1';
        }
        self.magnitude = self.magnitude.wrapping_add(1);
    }
}

/// All digits of a number that is neither negative nor infinite.
fn exact(number: f64) -> Exact {
    const FRACTION: u32 = f64::MANTISSA_DIGITS - 1;
    let bits = number.to_bits();
    let (exponent, fraction) = ((bits >> FRACTION) as i32, bits & ((1 << FRACTION) - 1));
    let mantissa = if exponent == 0 { fraction } else { fraction | (1 << FRACTION) };
    Exact::new(mantissa, exponent.max(1).wrapping_sub(1075))
}
