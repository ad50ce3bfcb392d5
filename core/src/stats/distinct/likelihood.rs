//! The number of items that makes a state the likeliest: the estimate by maximum likelihood of Ertl 2023.
//!
//! Levels are counted from 0 here, as `k`. A share of 2^-(k + 1) / m of the hashes is of level k in a given register,
//! and for the last level it is that of the one before. So of λ items none is with probability e^(-x / 2^k), where
//! x = λ / 2m, and what is known of the levels of all registers has the likelihood e^(-a x) Π (1 - e^(-x / 2^k))^b_k:
//! b_k registers are known to have seen level k, and a is the sum of 2^-k over all that is known to be missed. (Levels
//! are independent if the number of items is Poisson's with mean λ; the difference is nothing to the error.)

use super::{Precision, register};

/// More than a precision of 3 has.
const LEVELS: usize = 64;

/// The share of x that the last step moves it at most: a next one would be as its square.
const LAST_STEP: f64 = 1e-8;

/// It takes three to six; this is so that it ends whatever the registers say.
const STEPS: u32 = 64;

/// By what share, times m, the likeliest number is too large on average. With few items: an item at level k makes it
/// larger by half of the share of that level and by all that of the levels below k - 2, of which nothing is known, and
/// the mean of that is 1/4. With many: 3/2 ln 2 ζ(3, 5/4) / ζ(2, 5/4)² (Ertl 2023).
const BIAS_OF_FEW: f64 = 0.25;
const BIAS_OF_MANY: f64 = 0.481_473_765_277_200_65;

/// What the registers say of the number of items.
pub(super) struct Likelihood {
    /// The number of registers, m.
    registers: f64,
    /// a: what is known to be missed.
    missed: f64,
    /// b: how many registers are known to have seen a level.
    seen: [u32; LEVELS],
}

impl Likelihood {
    /// O(m).
    pub(super) fn of(precision: Precision, registers: &[u8]) -> Self {
        let mut times = [0_u32; 256];
        for register in registers {
            if let Some(times) = times.get_mut(usize::from(*register)) {
                *times = times.saturating_add(1);
            }
        }
        let mut likelihood = Self { registers: precision.registers() as f64, missed: 0.0, seen: [0; LEVELS] };
        for (register, times) in (0..=u8::MAX).zip(&times).filter(|(_, times)| **times > 0) {
            likelihood.add(u32::from(precision.get()), register, *times);
        }
        likelihood
    }

    /// The most likely number of items, less its bias; infinite if every level was seen. O(levels).
    ///
    /// The bias of few items turns into that of many over some m of them. In between it is an exponential that was
    /// fitted to simulations, within 0.05 / m: a few thousandths of the standard error.
    pub(super) fn items(&self) -> f64 {
        let x = self.maximum();
        let bias = BIAS_OF_MANY - (BIAS_OF_MANY - BIAS_OF_FEW) * libm::exp(-2.0 * x / 3.0);
        2.0 * self.registers * x / (1.0 + bias / self.registers)
    }

    fn add(&mut self, p: u32, register: u8, times: u32) {
        if register == register::EMPTY {
            self.missed += 2.0 * f64::from(times);
            return;
        }
        let k = u32::from(register::level(register)).saturating_add(1).saturating_sub(p);
        // As unlikely as the last one.
        let deepest = 63_u32.saturating_sub(p);
        // All levels above the highest have the weight of that one, unless there are none.
        if k <= deepest {
            self.missed += f64::from(times) * weight(k);
        }
        self.see(k.min(deepest), times);
        for (distance, seen) in (1..).zip(register::below(register)) {
            match k.checked_sub(distance) {
                Some(k) if seen => self.see(k, times),
                Some(k) => self.missed += f64::from(times) * weight(k),
                None => {}
            }
        }
    }

    fn see(&mut self, k: u32, times: u32) {
        if let Some(seen) = self.seen.get_mut(k as usize) {
            *seen = seen.saturating_add(times);
        }
    }

    /// The x of the greatest likelihood.
    ///
    /// There the derivative of its logarithm is 0, which is where Σ b_k y(x / 2^k) = a x, for y(x) = x / (e^x - 1). The
    /// left side falls and is convex, so Newton's steps from below come nearer from below. To begin with: by Jensen's
    /// inequality Σ b_k y(x / 2^k) is at least Σ b_k y(c x), for c the mean of the 2^-k, which is a x where x is below.
    fn maximum(&self) -> f64 {
        let number = |_, seen| f64::from(seen);
        let (number, weight) = (self.sum(number), self.sum(|k, seen| f64::from(seen) * weight(k)));
        if number == 0.0 {
            return 0.0;
        }
        if self.missed == 0.0 {
            return f64::INFINITY;
        }
        let mut x = libm::log1p(weight / self.missed) * (number / weight);
        for _ in 0..STEPS {
            let step = self.step(x);
            x += x * step;
            if step.abs() <= LAST_STEP {
                break;
            }
        }
        x
    }

    /// Newton's step from x, as a share of it.
    ///
    /// One exponential, and a division a level: y(2x) = 2 y² / (2 y + x), and x y' = -y (x + y - 1).
    fn step(&self, x: f64) -> f64 {
        let last = self.seen.iter().rposition(|seen| *seen > 0).unwrap_or(0);
        let mut x_here = x * weight(last as u32);
        let mut y = x_here / libm::expm1(x_here);
        let (mut excess, mut slope) = (-self.missed * x, self.missed * x);
        for seen in self.seen.iter().take(last.saturating_add(1)).rev() {
            let pull = f64::from(*seen) * y;
            excess += pull;
            slope += pull * (x_here + y - 1.0);
            y = 2.0 * y * y / (2.0 * y + x_here);
            x_here *= 2.0;
        }
        excess / slope
    }

    fn sum(&self, term: impl Fn(u32, u32) -> f64) -> f64 {
        (0..).zip(&self.seen).map(|(k, seen)| term(k, *seen)).sum()
    }
}

/// 2^-k.
fn weight(k: u32) -> f64 {
    f64::from_bits(1023_u64.saturating_sub(u64::from(k)) << 52)
}
