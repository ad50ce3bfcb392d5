//! The state of [`Rate`] as plain numbers.

use super::Rate;
use super::decayed::{Decayed, LEAST, MOST, rests};
use crate::stats::dd::Dd;
use crate::time::Time;

/// The state of [`Rate`] as plain numbers, to be stored elsewhere and shared between machines. All are finite, and have
/// to come back to the bit (17 significant digits do).
///
/// A sum is that of w e^((t - begin) / τ) over all weights w (1 for a message, its length for bytes) and times t, with
/// τ of 1, 5 and 15 minutes and `begin` the last whole multiple of τ up to `latest`: `[0] + [1]`, rounded, and what
/// rounding took away.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Parts {
    /// When the latest message came, in milliseconds; 0 if none did.
    pub latest: u64,
    /// Number of messages.
    pub messages: u64,
    /// Number of bytes.
    pub bytes: u64,
    /// Sums of messages.
    pub message_sums: [[f64; 2]; 3],
    /// Sums of bytes.
    pub byte_sums: [[f64; 2]; 3],
}

/// Numbers that no messages can have led to, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidParts {
    /// A sum is not a number, negative, beyond all that was counted, or not rounded as it should be.
    Sum,
    /// There was nothing, and yet there is a sum or a time.
    Nothing,
    /// The sums over 1, 5 and 15 minutes can't be those of the same messages.
    Contradiction,
    /// There is no message at the latest time.
    Latest,
}

impl core::fmt::Display for InvalidParts {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Sum => "a decayed sum is out of range",
            Self::Nothing => "nothing was counted, and yet there is a sum or a time",
            Self::Contradiction => "no messages have such sums over 1, 5 and 15 minutes",
            Self::Latest => "no message is as late as the latest",
        })
    }
}

impl core::error::Error for InvalidParts {}

impl Rate {
    /// The state as plain numbers. O(1).
    pub fn to_parts(&self) -> Parts {
        let settled = self.at(self.latest);
        let pairs = |stream: Decayed| stream.sums.map(|sum| [sum.hi, sum.lo]);
        Parts {
            latest: self.latest.as_millis(),
            messages: self.messages.total,
            bytes: self.bytes.total,
            message_sums: pairs(settled.messages),
            byte_sums: pairs(settled.bytes),
        }
    }

    /// The state that these numbers describe. O(1).
    ///
    /// # Errors
    /// [`InvalidParts`] if a number contradicts another.
    pub fn from_parts(parts: &Parts) -> Result<Self, InvalidParts> {
        let latest = Time::from_millis(parts.latest);
        if parts.messages == 0 && parts.bytes == 0 {
            return if *parts == Parts::default() { Ok(Self::new()) } else { Err(InvalidParts::Nothing) };
        }
        let (messages, newest_messages) = checked(parts.messages, parts.message_sums, latest)?;
        let (bytes, newest_bytes) = checked(parts.bytes, parts.byte_sums, latest)?;
        if newest_messages.max(newest_bytes) < 1.0 - SLACK {
            return Err(InvalidParts::Latest);
        }
        Ok(Self { latest, messages, bytes })
    }
}

/// What rounding may have changed.
const SLACK: f64 = 1e-9;

/// The stream, and its sum over a minute as of the latest time.
fn checked(total: u64, pairs: [[f64; 2]; 3], latest: Time) -> Result<(Decayed, f64), InvalidParts> {
    let in_range = |[hi, lo]: [f64; 2]| hi + lo == hi && (hi == 0.0 && lo == 0.0 || (LEAST..=MOST).contains(&hi));
    if !pairs.into_iter().all(in_range) {
        return Err(InvalidParts::Sum);
    }
    let mut decayed = pairs.map(|[hi, _]| hi);
    for (sum, rest) in decayed.iter_mut().zip(rests(latest)) {
        *sum *= libm::exp(-rest);
    }
    // A total that went no further says nothing about the sums.
    if total < u64::MAX {
        check_sums(total as f64, decayed)?;
    }
    let [one, ..] = decayed;
    Ok((Decayed::of(total, pairs.map(|[hi, lo]| Dd { hi, lo })), one))
}

/// Whether messages (or bytes), as many as `whole`, can have left these sums.
fn check_sums(whole: f64, decayed: [f64; 3]) -> Result<(), InvalidParts> {
    let [one, five, fifteen] = decayed.map(|sum| if sum == 0.0 { 0.0 } else { sum / whole });
    // What was too little to be kept may be missing on the right.
    let at_most = |lesser: f64, greater: f64| lesser <= greater * (1.0 + SLACK) + LEAST * 1e10;
    if !at_most(fifteen, 1.0) {
        return Err(InvalidParts::Sum);
    }
    // With y = e^(-age / 15 min) these are the means of y^15, y^3 and y: 0 <= y <= 1, and Hölder's inequality.
    let (five_cubed, fifteen_cubed) = (five * five * five, fifteen * fifteen * fifteen);
    let possible = at_most(one, five)
        && at_most(five, fifteen)
        && at_most(fifteen_cubed, five)
        && at_most(five_cubed * five_cubed * five, fifteen_cubed * fifteen_cubed * one);
    if possible { Ok(()) } else { Err(InvalidParts::Contradiction) }
}
