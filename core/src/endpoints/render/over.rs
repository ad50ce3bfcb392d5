//! Tokens whose leases are over: as many as there is room for, and how many others.
//!
//! By then other leases of the same request were acknowledged, which nobody takes back: so what is left to be said has
//! its room kept.

use embedded_io::Write;

use super::super::Status;
use super::problem::write_members;
use crate::wire::json::write::{Length, string};
use crate::wire::write_fmt;

/// Room for what is said at the end: how many more were over, and how many were not; and in JSON what the problem is, if
/// all were.
const LAST: usize = 64;
const LAST_OF_JSON: usize = 192;

/// The problem of leases that are all over.
pub(super) const LEASE_OVER: &str = "lease-over";

/// Tokens that are told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Over {
    written: usize,
    told: u64,
}

impl Over {
    pub(super) const NONE: Self = Self { written: 0, told: 0 };

    /// Tells a token, if the answer of at most so many bytes has room for it.
    pub(super) fn tell<W: Write>(
        &mut self,
        token: &[u8],
        json: bool,
        most: usize,
        out: &mut W,
    ) -> Result<(), W::Error> {
        // A token is short: what is longer is none, and needn't be told whole.
        let token = token.get(..64).unwrap_or(token);
        let mut length = Length::default();
        let Ok(()) = self.write(token, json, &mut length);
        let written = self.written.saturating_add(length.bytes());
        if written.saturating_add(if json { LAST_OF_JSON } else { LAST }) > most {
            return Ok(());
        }
        self.write(token, json, out)?;
        (self.written, self.told) = (written, self.told.wrapping_add(1));
        Ok(())
    }

    fn write<W: Write>(self, token: &[u8], json: bool, out: &mut W) -> Result<(), W::Error> {
        if json {
            out.write_all(if self.told == 0 { b"{\"over\":[" } else { b"," })?;
            string(core::str::from_utf8(token).unwrap_or("?"), out)
        } else {
            write_fmt(out, format_args!("the lease {} is over\n", token.escape_ascii()))
        }
    }

    /// Says how many were `over` in all, and that so many were not.
    pub(super) fn finish<W: Write>(
        self,
        (done, verb): (u64, &str),
        over: u64,
        json: bool,
        out: &mut W,
    ) -> Result<(), W::Error> {
        let more = over.saturating_sub(self.told);
        if json {
            out.write_all(if self.told == 0 { b"{\"over\":[" } else { b"" })?;
            out.write_all(b"]")?;
            if more > 0 {
                write_fmt(out, format_args!(",\"more\":{more}"))?;
            }
            write_fmt(out, format_args!(",\"{verb}\":{done}"))?;
            if done > 0 || over == 0 {
                return out.write_all(b"}\n");
            }
            out.write_all(b",")?;
            let status = Status::Gone.code();
            return write_members(status, LEASE_OVER, &"none of these leases is held any more", None, out);
        }
        if more > 0 {
            let others = if self.told > 0 { "more " } else { "" };
            write_fmt(out, format_args!("{more} {others}leases are over\n"))?;
        }
        if done > 0 || over != 1 {
            write_fmt(out, format_args!("{verb} {done}\n"))?;
        }
        Ok(())
    }
}
