//! Powers of five, worked out by the compiler: as many as an estimate needs, in 800 bytes.

/// 5^([`STEP`] * n) as (leading * 2^shift), to 128 bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Power {
    /// Rounded down, the highest bit set.
    pub(super) leading: u128,
    pub(super) shift: i16,
}

/// The most powers of five that a `u64` holds: what lies between two entries of the table is exact.
pub(super) const STEP: i32 = 27;

/// 5^power as the product of 5^(STEP * n) and an exact 5^m; `None` where no number of 19 digits times 10^power is an
/// `f64`, neither zero nor infinite.
#[inline]
pub(super) fn power_of_five(power: i32) -> Option<(Power, u64)> {
    let place = power.div_euclid(STEP).wrapping_sub(LOWEST);
    let large = LARGE.get(usize::try_from(place).ok()?)?;
    let small = SMALL.get(power.rem_euclid(STEP) as usize)?;
    Some((*large, *small))
}

/// The least is 10^-342: 19 digits of it are half of the least `f64`. The most is 10^308.
const LOWEST: i32 = -13;
const HIGHEST: i32 = 11;

static SMALL: [u64; STEP as usize] = {
    let mut powers = [1; STEP as usize];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 5;
        at += 1;
    }
    powers
};

static LARGE: [Power; (HIGHEST - LOWEST + 1) as usize] = {
    const NONE: Power = Power { leading: 0, shift: 0 };
    let mut powers = [NONE; (HIGHEST - LOWEST + 1) as usize];
    let mut up = Wide::with_bit(0);
    let mut n = 0;
    while n <= HIGHEST {
        powers[(n - LOWEST) as usize] = up.leading(0);
        up.multiply(5_u64.pow(STEP as u32));
        n += 1;
    }
    // 2^BITS / 5^n: dividing the quotient rounded down again gives the same as dividing once.
    const BITS: u32 = 1000;
    let mut down = Wide::with_bit(BITS);
    let mut n = -1;
    while n >= LOWEST {
        down.divide(5_u64.pow(STEP as u32));
        let power = down.leading(BITS as i16);
        assert!(power.shift >= -(BITS as i16), "too few bits were left for 128 to be right");
        powers[(n - LOWEST) as usize] = power;
        n -= 1;
    }
    powers
};

/// An integer of 1024 bits, the lowest first. Only the compiler works with it.
struct Wide([u64; 16]);

impl Wide {
    const fn with_bit(bit: u32) -> Self {
        let mut words = [0; 16];
        words[(bit / 64) as usize] = 1 << (bit % 64);
        Self(words)
    }

    const fn multiply(&mut self, by: u64) {
        let mut carry = 0;
        let mut at = 0;
        while at < self.0.len() {
            let product = self.0[at] as u128 * by as u128 + carry;
            self.0[at] = product as u64;
            carry = product >> 64;
            at += 1;
        }
        assert!(carry == 0);
    }

    const fn divide(&mut self, by: u64) {
        let mut rest = 0;
        let mut at = self.0.len();
        while at > 0 {
            at -= 1;
            let dividend = rest << 64 | self.0[at] as u128;
            self.0[at] = (dividend / by as u128) as u64;
            rest = dividend % by as u128;
        }
    }

    /// What it is as a multiple of 2^-point.
    const fn leading(&self, point: i16) -> Power {
        let mut top = self.0.len() - 1;
        while self.0[top] == 0 {
            top -= 1;
        }
        let zeros = self.0[top].leading_zeros();
        let mut leading = (self.0[top] as u128) << 64;
        let mut below = 0;
        if top > 0 {
            leading |= self.0[top - 1] as u128;
        }
        if top > 1 {
            below = self.0[top - 2];
        }
        if zeros > 0 {
            leading = leading << zeros | (below >> (64 - zeros)) as u128;
        }
        Power { leading, shift: (top as i16 - 1) * 64 - zeros as i16 - point }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_powers() {
        let one = power_of_five(0).unwrap();
        assert_eq!((one.0.leading, one.0.shift, one.1), (1 << 127, -127, 1));
        // 5^28 = 37252902984619140625 = 5^27 * 5.
        let (large, small) = power_of_five(28).unwrap();
        assert_eq!((large.leading >> large.shift.unsigned_abs(), small), (7_450_580_596_923_828_125, 5));
        // 5^-1 = 5^-27 * 5^26; 2^127 / 5^27 has 65 bits, the first of which is lost in no shift.
        let (large, small) = power_of_five(-1).unwrap();
        assert_eq!((large.shift, small), (-190, 1_490_116_119_384_765_625));
        assert_eq!(large.leading >> 63, (1 << 127) / 7_450_580_596_923_828_125);
        assert!(power_of_five(-342).is_some() && power_of_five(308).is_some());
        assert!(power_of_five(-352).is_none() && power_of_five(324).is_none());
        assert!(power_of_five(i32::MIN).is_none() && power_of_five(i32::MAX).is_none());
    }
}
