//! Double-double arithmetic: a number as an unevaluated sum of two `f64`, some 106 bits.
//!
//! The error-free transformations are Knuth's two-sum and Dekker's split and two-product (T. J. Dekker, *A
//! floating-point technique for extending the available precision*, 1971). No fused multiply-add: `core` has none
//! yet, a call to a software one costs more than Dekker's seventeen operations, and these vectorise.

use core::ops::{Add, Mul, Neg, Sub};

/// What the error-free transformations work on: an `f64`, or several side by side ([`Lanes`]).
pub(super) trait Real:
    Copy + Default + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + From<f64>
{
}

impl Real for f64 {}

/// Independent `f64`s that are computed with side by side, so that the compiler can use vector registers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lanes<const N: usize>(pub(super) [f64; N]);

impl<const N: usize> Lanes<N> {
    #[inline(always)]
    pub(super) fn zip(self, other: Self, f: impl Fn(f64, f64) -> f64) -> Self {
        let mut out = self.0;
        for (a, b) in out.iter_mut().zip(other.0) {
            *a = f(*a, b);
        }
        Self(out)
    }
}

impl<const N: usize> Default for Lanes<N> {
    #[inline(always)]
    fn default() -> Self {
        Self([0.0; N])
    }
}

impl<const N: usize> From<f64> for Lanes<N> {
    #[inline(always)]
    fn from(value: f64) -> Self {
        Self([value; N])
    }
}

impl<const N: usize> Add for Lanes<N> {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
}

impl<const N: usize> Sub for Lanes<N> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }
}

impl<const N: usize> Mul for Lanes<N> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }
}

impl<const N: usize> Real for Lanes<N> {}

/// `a + b` rounded, and what rounding took away.
#[inline(always)]
pub(super) fn two_sum<T: Real>(a: T, b: T) -> (T, T) {
    let sum = a + b;
    let b_part = sum - a;
    (sum, (a - (sum - b_part)) + (b - b_part))
}

/// The same where `|a| >= |b|`, or `a` is 0.
#[inline(always)]
pub(super) fn quick_two_sum<T: Real>(a: T, b: T) -> (T, T) {
    let sum = a + b;
    (sum, b - (sum - a))
}

/// A number in two halves of 26 bits, whose products with other halves are exact. For magnitudes below 2^996.
#[derive(Clone, Copy)]
pub(super) struct Split<T> {
    pub(super) whole: T,
    pub(super) high: T,
    pub(super) low: T,
}

#[inline(always)]
pub(super) fn split<T: Real>(whole: T) -> Split<T> {
    let t = T::from(134_217_729.0) * whole;
    let high = t - (t - whole);
    Split { whole, high, low: whole - high }
}

impl<T: Real> Split<T> {
    /// The product rounded, and what rounding took away.
    #[inline(always)]
    pub(super) fn times(self, other: Self) -> (T, T) {
        let product = self.whole * other.whole;
        let middle = self.high * other.low + self.low * other.high;
        (product, ((self.high * other.high - product) + middle) + self.low * other.low)
    }

    /// The square rounded, and what rounding took away.
    #[inline(always)]
    pub(super) fn squared(self) -> (T, T) {
        let product = self.whole * self.whole;
        let middle = (self.high + self.high) * self.low;
        (product, ((self.high * self.high - product) + middle) + self.low * self.low)
    }
}

/// A number of about 106 bits.
///
/// INVARIANT (of those that leave this module's functions): `|lo|` is at most half a unit in the last place of `hi`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Dd {
    pub(super) hi: f64,
    pub(super) lo: f64,
}

impl From<f64> for Dd {
    fn from(hi: f64) -> Self {
        Self { hi, lo: 0.0 }
    }
}

impl From<u64> for Dd {
    fn from(n: u64) -> Self {
        Self::sum((n >> 32) as f64 * 4_294_967_296.0, (n & 0xffff_ffff) as f64)
    }
}

impl Dd {
    /// The exact sum of two `f64`.
    pub(super) fn sum(a: f64, b: f64) -> Self {
        let (hi, lo) = two_sum(a, b);
        Self { hi, lo }
    }

    /// The exact difference of two `f64`.
    pub(super) fn difference(a: f64, b: f64) -> Self {
        Self::sum(a, -b)
    }

    /// `factor` must not cost either part a bit: a power of two, or a small integer times a short number.
    pub(super) fn times(self, factor: f64) -> Self {
        self * Self::from(factor)
    }

    /// `self - factor * other`, where they may cancel: right to some 2^-102 of the result, or 2^-156 of the operands.
    pub(super) fn minus_product(self, factor: f64, other: Self) -> Self {
        let factor = split(factor);
        let exact = |part: f64| {
            let (hi, lo) = factor.times(split(part));
            Self { hi, lo }
        };
        self - exact(other.hi) - exact(other.lo)
    }

    /// Exact as long as nothing leaves the range of normal numbers.
    pub(super) fn scaled(self, exponent: i32) -> Self {
        Self { hi: libm::scalbn(self.hi, exponent), lo: libm::scalbn(self.lo, exponent) }
    }

    /// The quotient, right to some 2^-102 of it; `divisor` isn't 0. (As algorithm 17 of M. Joldes, J.-M. Muller and
    /// V. Popescu, *Tight and rigorous error bounds for basic building blocks of double-word arithmetic*, 2017.)
    pub(super) fn over(self, divisor: Self) -> Self {
        let q1 = self.hi / divisor.hi;
        let rest = self - divisor.times(q1);
        let (hi, lo) = quick_two_sum(q1, rest.hi / divisor.hi);
        Self { hi, lo }
    }

    /// The square root of a number that isn't negative (Karp and Markstein's one Newton step from the rounded root).
    pub(super) fn sqrt(self) -> Self {
        if self.hi <= 0.0 {
            return Self::default();
        }
        let root = libm::sqrt(self.hi);
        let (hi, lo) = split(root).squared();
        let rest = self - Self { hi, lo };
        Self::sum(root, rest.hi / (root + root))
    }

    /// `self * 2^exponent` as the nearest `f64`; infinite beyond the range of `f64`.
    pub(super) fn to_f64(self, exponent: i32) -> f64 {
        let rounded = libm::scalbn(self.hi, exponent);
        // Below the normal numbers bits of `hi` are lost. What is lost is half a unit or at least a unit of `hi` away
        // from it, and `lo` is less: it decides where both sides are as near, and nowhere else.
        let lost = self.hi - libm::scalbn(rounded, exponent.saturating_neg());
        let half = libm::scalbn(1.0, (-1075_i32).saturating_sub(exponent));
        if lost != 0.0 && self.lo != 0.0 && lost == half.copysign(self.lo) {
            return rounded + f64::from_bits(1).copysign(lost);
        }
        rounded
    }
}

impl Add for Dd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let (hi, carry) = two_sum(self.hi, other.hi);
        let (low, rest) = two_sum(self.lo, other.lo);
        let (hi, carry) = quick_two_sum(hi, carry + low);
        let (hi, lo) = quick_two_sum(hi, carry + rest);
        Self { hi, lo }
    }
}

impl Sub for Dd {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Neg for Dd {
    type Output = Self;
    fn neg(self) -> Self {
        Self { hi: -self.hi, lo: -self.lo }
    }
}

impl Mul for Dd {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let (product, rest) = split(self.hi).times(split(other.hi));
        let (hi, lo) = quick_two_sum(product, rest + (self.hi * other.lo + self.lo * other.hi));
        Self { hi, lo }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn from_integer(n: i128) -> Dd {
        let hi = n as f64;
        Dd { hi, lo: (n - hi as i128) as f64 }
    }

    fn integer(x: Dd) -> i128 {
        assert_eq!(x.hi + x.lo, x.hi, "not normalised: {x:?}");
        x.hi as i128 + x.lo as i128
    }

    /// Integers of up to so many bits.
    fn bits(most: u32) -> impl Strategy<Value = i128> {
        (any::<i128>(), 0..most).prop_map(move |(n, bits)| n >> (127 - bits))
    }

    proptest! {
        /// Where the result is an integer that fits, errors of a part in 2^103 have to vanish.
        #[test]
        fn is_exact_on_integers_that_fit(a in bits(102), b in bits(102), c in bits(68), d in bits(34), e in any::<u64>()) {
            let [x, y, z, w] = [a, b, c, d].map(from_integer);
            prop_assert_eq!([integer(x + y), integer(x - y), integer(-x)], [a + b, a - b, -a]);
            prop_assert_eq!([integer(z * w), integer(w * z)], [c * d; 2]);
            prop_assert_eq!(integer(x.minus_product(w.hi, z)), a - c * d);
            prop_assert_eq!(integer(Dd::from(e)), i128::from(e));
            prop_assert_eq!([x.scaled(7), x.scaled(-900).scaled(907)].map(integer), [a * 128; 2]);
            prop_assert_eq!(integer(z.times(1024.0)), c * 1024);
        }

        #[test]
        fn errors_of_sums_and_products_are_exact(a in bits(53), b in bits(53)) {
            let (x, y) = (a as f64, b as f64);
            prop_assert_eq!([Dd::sum(x, y), Dd::difference(x, y)].map(integer), [a + b, a - b]);
            for (hi, lo) in [split(x).times(split(y)), split(y).times(split(x))] {
                prop_assert_eq!(integer(Dd { hi, lo }), a * b);
            }
            let (hi, lo) = split(x).squared();
            prop_assert_eq!(integer(Dd { hi, lo }), a * a);
        }

        /// Both within a part in 2^100, or what that leaves of an integer.
        #[test]
        fn quotients_go_back(a in bits(68), b in bits(34)) {
            prop_assume!(a != 0 && b != 0);
            for (quotient, divisor) in [(a, b), (b, a)] {
                let back = from_integer(a * b).over(from_integer(divisor));
                let error = back - from_integer(quotient);
                prop_assert!(error.hi.abs() <= back.hi.abs() * libm::scalbn(1.0, -100), "{:?} {:?}", back, quotient);
            }
        }

        #[test]
        #[cfg_attr(miri, ignore = "libm takes square roots with inline assembly")]
        fn roots_go_back(number in 1..1_u64 << 53) {
            let n = from_integer(i128::from(number) * 3);
            let root = n.sqrt();
            prop_assert!((root * root - n).hi.abs() <= n.hi * libm::scalbn(1.0, -100), "{:?}", root);
        }
    }

    /// In units of the least number: between two of them, at once beside the middle, and in the middle.
    #[test]
    fn is_rounded_once_below_the_normal_numbers() {
        let unit = f64::from_bits(1);
        let whole = (1_u64 << 51) as f64;
        let little = Dd::from(f64::EPSILON * f64::EPSILON);
        let cases = [(0.5, 0.0, 1.0), (1.5, 1.0, 2.0), (2.5, 2.0, 3.0), (whole + 0.5, whole, whole + 1.0)];
        for sign in [1.0, -1.0] {
            for exponent in [-1074, -1500, -2000] {
                let power = libm::scalbn(1.0, -1074 - exponent);
                let round = |number: Dd| number.times(sign * power).to_f64(exponent) / (sign * unit);
                for (middle, below, above) in cases {
                    let even = if below % 2.0 == 0.0 { below } else { above };
                    let middle = Dd::from(middle);
                    assert_eq!([round(middle - little), round(middle), round(middle + little)], [below, even, above]);
                }
                for number in [2.25, 2.75, whole + 1.0] {
                    for near in [Dd::from(number) - little, Dd::from(number), Dd::from(number) + little] {
                        assert_eq!(round(near), number.round());
                    }
                }
            }
        }
        assert_eq!((Dd::from(3.0) + little).to_f64(-1), 1.5);
        assert_eq!((Dd::from(3.0 * unit) - Dd::from(unit)).to_f64(0), 2.0 * unit);
        assert_eq!(Dd::from(3.0).to_f64(1023), f64::INFINITY);
    }

    #[test]
    fn what_cancels_leaves_the_low_parts_exact() {
        let (large, little) = (libm::scalbn(1.0, 100), libm::scalbn(1.0, -60));
        let sum = Dd { hi: large, lo: 1.0 } + Dd { hi: -large, lo: little };
        assert_eq!(sum, Dd { hi: 1.0, lo: little });
    }

    #[test]
    fn no_root_of_nothing() {
        assert_eq!([Dd::default(), Dd::from(-1.0)].map(Dd::sqrt), [Dd::default(); 2]);
    }
}
