//! Which segments are the log, how far it went in each, and where groups begin.

use std::io;

use super::Position;
use super::frame::{self, Found, HEADER, Salt};
use super::frames::next_entry;
use super::own::{HEAD, Own};
use super::position::name_of;
use super::run::salt_in;
use crate::engine::disk::files::{File, Folder};

/// A segment of a log.
pub(super) struct Link {
    pub(super) segment: u32,
    /// Where the log goes on in the next one, as that says; `None` for the last one, or where nothing says so.
    pub(super) end: Option<u32>,
    is_missing: bool,
}

impl Link {
    /// How far its file goes at least, as far as anything says so.
    pub(super) fn known_end(&self, from: Position, newest: Option<Position>) -> u32 {
        // Where the log has left it, nobody needs what is behind that.
        let end = self.end.or_else(|| newest.filter(|newest| newest.segment == self.segment).map(|end| end.offset));
        let begin = if from.segment == self.segment { from.offset } else { 0 };
        end.unwrap_or(0).max(begin)
    }

    /// What is in it of the log; `None` if it is missing.
    pub(super) fn bytes_of<F: Folder>(&self, folder: &F) -> io::Result<Option<Vec<u8>>> {
        if self.is_missing {
            return Ok(None);
        }
        let file = folder.open(&name_of(self.segment))?;
        let len = usize::try_from(file.len()?).unwrap_or(usize::MAX).min(u32::MAX as usize);
        let mut bytes = vec![0; self.end.map_or(len, |end| len.min(end as usize))];
        let read = file.read_all_at(0, &mut bytes)?;
        bytes.truncate(read);
        Ok(Some(bytes))
    }
}

/// The segments that are the log, from one on: from the last that has a head, each names the one before it.
pub(super) fn chain<F: Folder>(folder: &F, present: &[u32], from: u32) -> io::Result<Vec<Link>> {
    let mut chain = Vec::new();
    let mut left = present;
    // What has no head behind all others is not begun yet, unless it was: a head that was on the disk is lost.
    while let Some((segment, rest)) = left.split_last() {
        let whole = Link { segment: *segment, end: None, is_missing: false };
        if *segment <= from || head(folder, *segment)?.is_some() || proof_in(folder, &[whole])?.is_some() {
            break;
        }
        left = rest;
    }
    let mut end = None;
    while let Some((&last, rest)) = left.split_last().filter(|(last, _)| **last >= from) {
        chain.push(Link { segment: last, end, is_missing: false });
        left = rest;
        let before = head(folder, last)?.and_then(|before| before);
        end = before.map(|before| before.offset);
        if let Some(before) = before.filter(|before| before.segment >= from && last > from) {
            // What is between them was never part of the log, or is not any more.
            while let Some((_, rest)) = left.split_last().filter(|(last, _)| **last > before.segment) {
                left = rest;
            }
            if left.last() != Some(&before.segment) {
                chain.push(Link { segment: before.segment, end, is_missing: true });
                end = None;
            }
        }
    }
    chain.reverse();
    Ok(chain)
}

/// What the head of a segment says of the one before it, if it has a head.
pub(super) fn head<F: Folder>(folder: &F, segment: u32) -> io::Result<Option<Option<Position>>> {
    let mut bytes = [0; HEADER + HEAD];
    folder.open(&name_of(segment))?.read_all_at(0, &mut bytes)?;
    let begin = Position { segment, offset: 0 };
    let Found::Whole { marks, body } = frame::read(&bytes, begin, Salt::NONE) else { return Ok(None) };
    match Own::read(body).filter(|_| marks.is_own) {
        Some(Own::Head { before, .. }) => Ok(Some(before)),
        _ => Ok(None),
    }
}

/// Where the next group begins, from `skip` bytes behind a place on.
pub(super) fn first_of_group(bytes: &[u8], at: Position, skip: usize, salt: Salt) -> Option<Position> {
    let mut offset = skip;
    loop {
        offset = next_entry(bytes, at, offset, salt)?;
        match frame::read(bytes.get(offset..)?, at.after(offset as u32), salt) {
            Found::Whole { marks, .. } if marks.is_first => return Some(at.after(offset as u32)),
            Found::Whole { body, .. } => offset += HEADER + body.len(),
            Found::Broken { .. } | Found::Nothing => return None,
        }
    }
}

/// Where the first group of these segments begins.
pub(super) fn proof_in<F: Folder>(folder: &F, chain: &[Link]) -> io::Result<Option<Position>> {
    for link in chain {
        let at = Position { segment: link.segment, offset: 0 };
        let first =
            link.bytes_of(folder)?.and_then(|bytes| first_of_group(&bytes, at, 0, salt_in(&bytes, link.segment)));
        if first.is_some() {
            return Ok(first);
        }
    }
    Ok(None)
}
