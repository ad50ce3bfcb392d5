//! Tickets: what is shown in a query instead of a token, by who can send no header.
//!
//! A ticket says whose it is and when it ends, and is signed with a key that this process has alone: so it is good at no
//! other server, and costs no memory. It gives what the token gives at the time when it is shown.

use std::fmt;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use ring::hmac;

use super::holder::Id;

/// How long a ticket is good.
pub(super) const LIFE: Duration = Duration::from_secs(60);

/// Bytes of the end and of whom it belongs to; the signature follows.
const SIGNED: usize = 8 + 32;
const LONGEST: usize = SIGNED + 32;

/// Gives tickets, and recognises them.
pub(super) struct Tickets(hmac::Key);

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tickets")
    }
}

impl Tickets {
    /// With a key that nobody knows.
    ///
    /// # Errors
    /// The operating system has no random numbers.
    pub(super) fn new() -> Result<Self, String> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|error| format!("cannot get a random key: {error}"))?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &key)))
    }

    /// A ticket for the owner of a token, and when it ends.
    pub(super) fn issue(&self, id: &Id, now: Timestamp) -> (String, Timestamp) {
        // A time that has no next minute is the last one.
        let ends = now.checked_add(LIFE).unwrap_or(Timestamp::MAX);
        let mut ticket = Vec::with_capacity(LONGEST);
        ticket.extend_from_slice(&ends.as_millisecond().to_be_bytes());
        ticket.extend_from_slice(&id.0);
        let signature = hmac::sign(&self.0, &ticket);
        ticket.extend_from_slice(signature.as_ref());
        (BASE64URL_NOPAD.encode(&ticket), ends)
    }

    /// Whose a ticket is, if it is one and not over.
    pub(super) fn owner(&self, ticket: impl Iterator<Item = u8>, now: Timestamp) -> Option<Id> {
        let longest = BASE64URL_NOPAD.encode_len(LONGEST);
        let ticket: Vec<u8> = ticket.take(longest.saturating_add(1)).collect();
        let ticket = BASE64URL_NOPAD.decode(&ticket).ok()?;
        let (signed, signature) = ticket.split_at_checked(SIGNED)?;
        hmac::verify(&self.0, signed, signature).ok()?;
        let (ends, id) = signed.split_first_chunk::<8>()?;
        let ends = Timestamp::from_millisecond(i64::from_be_bytes(*ends)).ok()?;
        let id = id.try_into().ok().map(Id)?;
        (now < ends).then_some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_good_for_a_minute_and_at_one_server() {
        let (tickets, other) = (Tickets::new().unwrap(), Tickets::new().unwrap());
        let (id, now) = (Id::of(b"sg_x"), Timestamp::now());
        let (ticket, ends) = tickets.issue(&id, now);
        let owner = |tickets: &Tickets, ticket: &str, seconds| {
            tickets.owner(ticket.bytes(), now + Duration::from_secs(seconds)).is_some_and(|owner| owner == id)
        };
        assert_eq!(ends.duration_since(now).as_secs(), 60);
        assert!(owner(&tickets, &ticket, 59) && !owner(&tickets, &ticket, 61));
        assert!(!owner(&other, &ticket, 0));
        for at in 0..ticket.len() {
            let mut forged = ticket.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            assert!(!owner(&tickets, &String::from_utf8(forged).unwrap(), 0), "byte {at}");
            assert!(!owner(&tickets, &ticket[..at], 0), "{at} bytes");
        }
        assert!(!owner(&tickets, &(ticket + "A"), 0));
    }
}
