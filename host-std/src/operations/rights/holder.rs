//! Who shows a token: what it may do, how much, and for how long.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use streamgauge_core::endpoints::{Need, Right};
use subtle::{Choice, ConstantTimeEq as _};

use super::grants::Grants;
use super::quota::{Quota, Rates};
use super::refused::Refused;

/// The SHA-256 of a token.
///
/// A token is 256 random bits, or is signed: nobody finds one by trying, however fast that is, so a slow hash as for
/// passwords would cost time with each request and protect nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Id(pub(super) [u8; 32]);

impl Id {
    /// That of a token.
    pub(crate) fn of(token: &[u8]) -> Self {
        let mut id = [0; 32];
        let hash = ring::digest::digest(&ring::digest::SHA256, token);
        id.copy_from_slice(hash.as_ref());
        Self(id)
    }

    /// The same, which costs less for the token that this thread was shown last: a request with a quota shows it twice,
    /// and requests of one client follow each other.
    pub(super) fn shown(token: &[u8]) -> Self {
        thread_local! {
            static LAST: RefCell<Option<(Vec<u8>, Id)>> = const { RefCell::new(None) };
        }
        LAST.with_borrow_mut(|last| match last {
            // In constant time, as it may be somebody else's.
            Some((same, id)) if is_same(same, token) => *id,
            _ => last.insert((token.to_vec(), Self::of(token))).1,
        })
    }

    /// The bytes that it is found by.
    pub(super) fn start(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

/// Whether both are equal, in a time that tells no more than their lengths.
pub(super) fn is_same(a: &[u8], b: &[u8]) -> bool {
    // Words and not bytes: `subtle` hides each comparison from the optimiser, and that is what it costs.
    fn words(bytes: &[u8]) -> impl Iterator<Item = u64> {
        let (words, rest) = bytes.as_chunks();
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        words.iter().copied().chain([last]).map(u64::from_ne_bytes)
    }
    let all = |all: Choice, (a, b): (u64, u64)| all & a.ct_eq(&b);
    a.len() == b.len() && bool::from(words(a).zip(words(b)).fold(Choice::from(1), all))
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// In hexadecimal digits.
impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What the owner of a token may do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Terms {
    pub(crate) grants: Grants,
    pub(crate) rates: Rates,
    pub(crate) expires: Option<Timestamp>,
    /// What people call it.
    pub(crate) name: Option<String>,
}

/// Whose terms are kept, and what is left of them.
#[derive(Debug)]
pub(super) struct Holder {
    pub(super) terms: Terms,
    quota: Option<Arc<Quota>>,
}

impl Holder {
    pub(super) fn new(terms: Terms) -> Self {
        let quota = (!terms.rates.is_none()).then(|| Arc::new(Quota::new(terms.rates, Instant::now())));
        Self { terms, quota }
    }

    /// The same on other terms. What was spent stays spent, unless the rates are others.
    pub(super) fn on(&self, terms: Terms) -> Self {
        if terms.rates == self.terms.rates { Self { terms, quota: self.quota.clone() } } else { Self::new(terms) }
    }

    /// Whether it has the right to what is needed, whatever it owes.
    ///
    /// # Errors
    /// It has not.
    pub(super) fn allow(&self, need: Need) -> Result<(), Refused> {
        if self.is_over() {
            return Err(Refused::Expired);
        }
        if self.terms.grants.allow(need) { Ok(()) } else { Err(Refused::Lacks(need)) }
    }

    /// Whether it may do what is needed now.
    ///
    /// # Errors
    /// What stands against it.
    pub(super) fn admit(&self, need: Need) -> Result<(), Refused> {
        self.allow(need)?;
        // Only what is charged for is refused: who has sent too much may still take and settle.
        let is_charged = matches!(need, Need::Right(Right::Publish | Right::Put, _));
        match self.quota.as_ref().filter(|_| is_charged).and_then(|quota| quota.debt(Instant::now())) {
            Some(debt) => Err(Refused::Debt(debt)),
            None => Ok(()),
        }
    }

    /// Whether it has expired.
    pub(super) fn is_over(&self) -> bool {
        self.terms.expires.is_some_and(|expires| expires <= Timestamp::now())
    }

    /// Takes note of what was sent.
    pub(super) fn charge(&self, messages: u64, bytes: u64) {
        if let Some(quota) = &self.quota {
            quota.charge(messages, bytes, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_same;

    #[test]
    fn one_bit_makes_another_one() {
        for length in 0..=40_u8 {
            let bytes: Vec<u8> = (0..length).collect();
            assert!(is_same(&bytes, &bytes.clone()), "{length}");
            assert!(!is_same(&bytes, &[&bytes[..], &[0]].concat()), "{length}");
            for at in 0..usize::from(length) {
                let mut other = bytes.clone();
                other[at] ^= 0x10;
                assert!(!is_same(&bytes, &other), "{length} {at}");
            }
        }
    }
}
