//! What a message of the log is, byte for byte: what a gateway proposes at once.
//!
//! | bytes | what |
//! | --- | --- |
//! | 1 | 1, the version |
//! | 8 | which gateway it is: a number drawn at random when it started |
//! | 8 | the number of the first proposal, for the gateway itself |
//! | 16 | the key of all random numbers that are drawn when these are executed |
//! | 8, 8 | the last message of the log that the gateway had executed, and the [digest](super::Digest) of all until there |
//! | … | proposals, each behind its length (4 bytes); none in what a gateway begins with, to see where the log ends |
//!
//! | first byte of a proposal | what follows |
//! | --- | --- |
//! | 0 | the [allowance](Allowance) (bytes: 8, beside: 4, factor: 4), and what is to be executed, as [`journal`](streamgauge_core::engine::journal) has it, of the time 0 |
//! | 1 | a note is kept: the length of its name in a byte, its name, and the note to the end |
//! | 2 | a note is not kept any more: its name |
//! | 3 | the gateway saves the state behind this message |
//! | 4 | that behind this message (8 bytes) was saved |
//! | 5 | as 0, where the first item may not take as much as there is: how many bytes (8) it may stands behind the allowance |
//! | 6 | a time by the engine's clock (8 bytes) behind which it does nothing at any gateway, and a proposal as above |
//!
//! Anything else that somebody publishes there, shorter than that or text, is no batch, and does nothing at any gateway.
//!
//! All numbers are little-endian. When it is executed is what the engine says of the message: so all gateways have the
//! same time.

use streamgauge_core::engine::{Allowance, Name};
use streamgauge_core::time::Time;

const VERSION: u8 = 1;

/// Versions are below: what begins with a letter was written by somebody else.
const VERSIONS: u8 = b' ';

/// What a proposal begins with that says how long the first item may be. What was written without that is read as it was.
const BOUNDED: u8 = 5;

/// What stands in front of a proposal that does nothing when it is late.
const UNTIL: u8 = 6;

/// Bytes of a proposal beside what is put or published, about.
pub(super) const BESIDE: usize = 72;

/// What stands in front of the proposals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) gateway: u64,
    pub(crate) first: u64,
    pub(crate) key: [u64; 2],
    pub(crate) seen: Seen,
}

/// What a gateway had executed, and what that came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Seen {
    pub(crate) position: u64,
    pub(crate) digest: u64,
}

impl Head {
    /// Its bytes.
    pub(crate) const LEN: usize = 1 + 6 * 8;

    /// Whether a message of the log is a gateway's, of whatever version.
    pub(crate) const fn is_in(bytes: &[u8]) -> bool {
        bytes.len() >= Self::LEN && bytes[0] < VERSIONS
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let Self { gateway, first, key: [key, also], seen: Seen { position, digest } } = self;
        out.push(VERSION);
        [gateway, first, key, also, position, digest].iter().for_each(|word| out.extend(word.to_le_bytes()));
    }

    /// What is in front of the proposals, and those; `None` if it is of no version that is known.
    pub(crate) fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (VERSION, mut rest) = bytes.split_first().map(|(version, rest)| (*version, rest))? else { return None };
        let mut word = || Some(u64::from_le_bytes(*take(&mut rest)?));
        let (gateway, first, key) = (word()?, word()?, [word()?, word()?]);
        let seen = Seen { position: word()?, digest: word()? };
        Some((Self { gateway, first, key, seen }, rest))
    }
}

/// What a gateway proposes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proposal<'a> {
    /// To execute an entry of a journal, of which so much is told.
    Execute(Allowance, &'a [u8]),
    /// To keep a note.
    Note(Name, &'a [u8]),
    /// To keep it no more.
    NoNote(Name),
    /// To save the state behind this message.
    Save,
    /// That it was saved, behind that message.
    Saved(u64),
}

impl<'a> Proposal<'a> {
    /// Adds one that `write` writes, which does nothing when the engine takes it later than that.
    pub(super) fn add(out: &mut Vec<u8>, until: Option<Time>, write: impl FnOnce(&mut Vec<u8>)) {
        let at = out.len();
        out.extend_from_slice(&[0; 4]);
        if let Some(until) = until {
            out.push(UNTIL);
            out.extend(until.as_millis().to_le_bytes());
        }
        write(out);
        let len = (out.len() - at - 4) as u32;
        out[at..at + 4].copy_from_slice(&len.to_le_bytes());
    }

    /// Writes what stands in front of an entry.
    pub(super) fn begin_execute(allowance: &Allowance, out: &mut Vec<u8>) {
        let Allowance { bytes, first, beside, factor } = allowance;
        let has_bound = *first < u64::MAX;
        out.push(if has_bound { BOUNDED } else { 0 });
        out.extend(bytes.to_le_bytes());
        out.extend(beside.to_le_bytes());
        out.extend(factor.to_le_bytes());
        if has_bound {
            out.extend(first.to_le_bytes());
        }
    }

    pub(super) fn write_note(name: &Name, note: Option<&[u8]>, out: &mut Vec<u8>) {
        let name = name.as_bytes();
        match note {
            Some(note) => {
                // A name is shorter than that.
                out.extend_from_slice(&[1, name.len() as u8]);
                out.extend_from_slice(name);
                out.extend_from_slice(note);
            }
            None => {
                out.push(2);
                out.extend_from_slice(name);
            }
        }
    }

    pub(super) fn write_saved(position: u64, out: &mut Vec<u8>) {
        out.push(4);
        out.extend(position.to_le_bytes());
    }

    /// Takes the next one off, and until when it may be executed; `None` if it is nothing that this version writes.
    pub(crate) fn next(rest: &mut &'a [u8]) -> Option<(Time, Self)> {
        let len = u32::from_le_bytes(*take(rest)?) as usize;
        let (mut one, behind) = rest.split_at_checked(len)?;
        *rest = behind;
        let mut until = Time::from_millis(u64::MAX);
        if let Some((&UNTIL, mut timed)) = one.split_first() {
            until = Time::from_millis(u64::from_le_bytes(*take(&mut timed)?));
            one = timed;
        }
        Some((until, Self::read(one)?))
    }

    fn read(mut one: &'a [u8]) -> Option<Self> {
        let [kind] = take(&mut one)?;
        match kind {
            0 | &BOUNDED => {
                let bytes = u64::from_le_bytes(*take(&mut one)?);
                let mut half = || Some(u32::from_le_bytes(*take(&mut one)?));
                let (beside, factor) = (half()?, half()?);
                let first = if *kind == BOUNDED { u64::from_le_bytes(*take(&mut one)?) } else { u64::MAX };
                let allowance = Allowance { bytes, first, beside, factor };
                Some(Self::Execute(allowance, one))
            }
            1 => {
                let [len] = take(&mut one)?;
                let (name, note) = one.split_at_checked((*len).into())?;
                Some(Self::Note(Name::new(name).ok()?, note))
            }
            2 => Some(Self::NoNote(Name::new(one).ok()?)),
            3 if one.is_empty() => Some(Self::Save),
            4 => Some(Self::Saved(u64::from_le_bytes(one.try_into().ok()?))),
            _ => None,
        }
    }
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (first, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_was_written() {
        let head = Head { gateway: 1, first: u64::MAX, key: [3, 4], seen: Seen { position: 5, digest: 6 } };
        let (name, allowance) =
            (Name::new(b"clicks").unwrap(), Allowance { bytes: 9, first: 10, beside: 8, factor: 7 });
        let mut bytes = Vec::new();
        head.write(&mut bytes);
        assert_eq!(bytes.len(), Head::LEN);
        Proposal::add(&mut bytes, None, |out| {
            Proposal::begin_execute(&allowance, out);
            out.extend_from_slice(b"entry");
        });
        Proposal::add(&mut bytes, None, |out| Proposal::begin_execute(&Allowance::ALL, out));
        Proposal::add(&mut bytes, None, |out| Proposal::write_note(&name, Some(b"{}"), out));
        Proposal::add(&mut bytes, None, |out| Proposal::write_note(&name, None, out));
        Proposal::add(&mut bytes, None, |out| out.push(3));
        Proposal::add(&mut bytes, None, |out| Proposal::write_saved(77, out));
        Proposal::add(&mut bytes, Some(Time::from_millis(8)), |out| Proposal::write_note(&name, None, out));
        let (read, mut rest) = Head::read(&bytes).unwrap();
        assert_eq!(read, head);
        let wanted = [
            Proposal::Execute(allowance, b"entry"),
            Proposal::Execute(Allowance::ALL, b""),
            Proposal::Note(name, b"{}"),
            Proposal::NoNote(name),
            Proposal::Save,
            Proposal::Saved(77),
        ];
        let always = Time::from_millis(u64::MAX);
        assert_eq!([(); 6].map(|()| Proposal::next(&mut rest).unwrap()), wanted.map(|one| (always, one)));
        assert_eq!(Proposal::next(&mut rest), Some((Time::from_millis(8), Proposal::NoNote(name))));
        assert!(rest.is_empty());
    }

    #[test]
    fn what_no_gateway_of_this_version_writes_is_nothing() {
        assert_eq!(Head::read(b"\x02"), None);
        assert_eq!(Head::read(&[1; Head::LEN - 1]), None);
        assert!([&[1; Head::LEN][..], &[31; 99]].iter().all(|of_a_gateway| Head::is_in(of_a_gateway)));
        assert!([&b""[..], &[1; Head::LEN - 1], &[b'x'; 99]].iter().all(|foreign| !Head::is_in(foreign)));
        for one in [
            &b""[..],
            b"\x06",
            b"\x06\0\0\0\0\0\0\0\x03",
            b"\x06\0\0\0\0\0\0\0\0",
            b"\x06\0\0\0\0\0\0\0\0\x06\0\0\0\0\0\0\0\0\x03",
            b"\x07",
            b"\0\0",
            b"\x050123456789abcdef",
            b"\x01\x05ab",
            b"\x01\0",
            b"\x02",
            b"\x03x",
            b"\x04abc",
        ] {
            let mut bytes = Vec::new();
            Proposal::add(&mut bytes, None, |out| out.extend_from_slice(one));
            assert_eq!(Proposal::next(&mut &bytes[..]), None, "{one:?}");
        }
        assert_eq!(Proposal::next(&mut &b"\x05\0\0\0\x03"[..]), None, "cut");
    }
}
