//! Edits of a folder. Each is so many bytes:
//!
//! | bytes | |
//! | --- | --- |
//! | 0 | what is done, [as below](edit) |
//! | 1, 2 | the file that it is done to, and another one, by their numbers in the order of their names |
//! | 3 | a length |
//! | 4..6, 6..8 | a place, and one in the other file, little-endian |
//! | 8.. | as many bytes as the length says, or as are left |
//!
//! Sums keep what is edited from being looked at, so some edits make them right again.

use super::Files;
use crate::engine::disk::files::simulated::Simulated;
use crate::engine::disk::log::{HEADER, Position, name_of, reseal, salt_in, segment_of, told_len};
use crate::engine::disk::{checkpoint, state};

/// Bytes of an edit, without those that it brings.
pub(super) const EDIT: usize = 8;

/// Bytes of a file that it never grows beyond.
const LONGEST: usize = 16 << 10;

/// A folder with edits.
pub(super) fn edit(mut files: Files, mut edits: &[u8]) -> Files {
    while let Some((&[kind, file, other, len, a, b, c, d], rest)) = edits.split_first_chunk::<EDIT>() {
        let (brought, rest) = rest.split_at(usize::from(len).min(rest.len()));
        edits = rest;
        let name = |number: u8| files.keys().nth(usize::from(number) % files.len().max(1)).cloned();
        let (Some(file), Some(other)) = (name(file), name(other)) else { return files };
        let places = [[a, b], [c, d]].map(|bytes| usize::from(u16::from_le_bytes(bytes)));
        one(&mut files, kind, (&file, &other), usize::from(len), places, brought);
    }
    files
}

/// One edit.
fn one(files: &mut Files, kind: u8, (file, other): (&str, &str), len: usize, [at, from]: [usize; 2], brought: &[u8]) {
    let others = files[other].clone();
    let Some(bytes) = files.get_mut(file) else { return };
    // Mostly there is nothing but zeros behind what was written.
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let zeros = bytes.split_off(used);
    let begin = at % (used + 1);
    let end = (begin + len).min(used);
    match kind % 14 {
        0 => bytes[begin..end].iter_mut().take(1).for_each(|byte| *byte ^= 1 << (from % 8)),
        1 => bytes.truncate(begin),
        2 => bytes[begin..end].fill(0),
        3 => bytes[begin..end].fill(255),
        4 => bytes[begin..end].iter_mut().zip(brought).for_each(|(byte, brought)| *byte = *brought),
        5 => drop(bytes.splice(begin..end, others.iter().skip(from % (others.len() + 1)).take(len).copied())),
        6 => drop(bytes.drain(begin..end)),
        7 => drop(bytes.splice(begin..begin, brought.iter().copied())),
        8 => bytes.extend_from_slice(brought),
        // What the journal says in a place is something else, or something more.
        9..12 => {
            if let Some(segment) = segment_of(file) {
                *bytes = with_entry(bytes, segment, at, from, brought);
            }
        }
        _ => {}
    }
    bytes.extend(zeros);
    bytes.truncate(LONGEST);
    match kind % 14 {
        12 => *files = sealed(std::mem::take(files)),
        13 if from % 2 == 0 => drop(files.remove(file)),
        13 => {
            let name = if from % 4 == 1 { other.to_owned() } else { name_of(at as u32) };
            if let Some(bytes) = files.remove(file) {
                files.insert(name, bytes);
            }
        }
        _ => {}
    }
}

/// Frames one behind the other: their first words and bodies.
fn frames(bytes: &[u8]) -> Vec<(u32, &[u8])> {
    let (mut left, mut frames) = (bytes, Vec::new());
    while let Some((frame, rest)) = told_len(left).and_then(|len| left.split_at_checked(len))
        && let Some((word, _)) = frame.split_first_chunk()
    {
        frames.push((u32::from_le_bytes(*word), &frame[HEADER..]));
        left = rest;
    }
    frames
}

/// Makes the sums of frames right, in a segment.
fn segment_of_frames(frames: &[(u32, &[u8])], segment: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (word, body) in frames {
        let at = Position { segment, offset: bytes.len() as u32 };
        let mut frame = word.to_le_bytes().to_vec();
        frame.resize(HEADER, 0);
        frame.extend_from_slice(body);
        // The head comes first, and tells it.
        let salt = salt_in(&bytes, segment);
        reseal(&mut frame, at, salt);
        bytes.append(&mut frame);
    }
    bytes
}

/// A segment with another entry in place of one, or behind all of them.
fn with_entry(bytes: &[u8], segment: u32, number: usize, marks: usize, body: &[u8]) -> Vec<u8> {
    let mut frames = frames(bytes);
    let entry = ((marks as u32 & 3) << 30, body);
    match frames.len() + 1 {
        all if number % all < frames.len() => frames[number % all] = entry,
        _ => frames.push(entry),
    }
    segment_of_frames(&frames, segment)
}

/// All of them with sums that are right.
fn sealed(files: Files) -> Files {
    let seal = |(name, bytes): (String, Vec<u8>)| {
        let sealed = match segment_of(&name) {
            Some(segment) => {
                let mut sealed = segment_of_frames(&frames(&bytes), segment);
                let begun = sealed.len();
                sealed.extend_from_slice(&bytes[begun..]);
                sealed
            }
            None => with_content(&bytes).unwrap_or(bytes),
        };
        (name, sealed)
    };
    files.into_iter().map(seal).collect()
}

/// A checkpoint that says what stands where its only piece does.
fn with_content(bytes: &[u8]) -> Option<Vec<u8>> {
    let (head, rest) = bytes.split_at_checked(checkpoint::HEADER)?;
    let content = rest.get(checkpoint::PIECE_HEADER..)?;
    let content = &content[..content.len().saturating_sub(checkpoint::PIECE_HEADER)];
    let from = Position::from_number(u64::from_le_bytes(*head.last_chunk()?).rotate_left(32));
    let disk = Simulated::new(0);
    state::write(&disk, content, from).ok()?;
    super::files_of(&disk).remove(checkpoint::NAME)
}
