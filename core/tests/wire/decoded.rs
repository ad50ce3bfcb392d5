//! What the decoders make of pieces, owned.

use streamgauge_core::wire::{chunked, lines, multipart, sse};

use crate::Bytes;

/// What a decoder found, owned.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Found {
    Message(Bytes),
    Event { id: Bytes, event: Bytes, data: Bytes, retry: Option<u64> },
    TooLong(u64),
    Other(String),
}

pub(crate) fn read_lines(pieces: &[&[u8]], storage: usize) -> Vec<Found> {
    let mut decoder = lines::Lines::subscription(vec![0; storage]);
    let mut found = Vec::new();
    let own = |event: lines::Event<'_>| match event {
        lines::Event::Line(line) => Found::Message(line.to_vec()),
        lines::Event::TooLong { length } => Found::TooLong(length),
    };
    for mut input in pieces.iter().copied() {
        while let Some(event) = decoder.decode(&mut input) {
            found.push(own(event));
        }
        assert!(input.is_empty());
    }
    found.extend(decoder.finish().map(own));
    let too_long = found.iter().filter(|found| matches!(found, Found::TooLong(_)));
    assert_eq!(decoder.skipped(), too_long.count() as u64);
    found
}

pub(crate) fn read_parts(pieces: &[&[u8]], storage: usize) -> Vec<Found> {
    let mut decoder = multipart::Multipart::subscription(vec![0; storage]);
    let mut found = Vec::new();
    for mut input in pieces.iter().copied() {
        while let Some(event) = decoder.decode(&mut input) {
            found.push(match event {
                multipart::Event::Message(body) => Found::Message(body.to_vec()),
                multipart::Event::TooLong { length } => Found::TooLong(length),
                other => Found::Other(format!("{other:?}")),
            });
        }
        assert!(input.is_empty());
    }
    let too_long = found.iter().filter(|found| matches!(found, Found::TooLong(_)));
    assert_eq!(decoder.skipped(), too_long.count() as u64);
    found.push(Found::Other(format!("{} ignored", decoder.ignored())));
    found
}

pub(crate) fn read_events(pieces: &[&[u8]], storage: usize) -> (Vec<Found>, u64) {
    let mut decoder = sse::Events::new(vec![0; storage]);
    let mut found = Vec::new();
    for mut input in pieces.iter().copied() {
        while let Some(event) = decoder.decode(&mut input) {
            found.push(match event {
                sse::Event::Message(message) => Found::Event {
                    id: message.id.to_vec(),
                    event: message.event.to_vec(),
                    data: message.data.to_vec(),
                    retry: message.retry,
                },
                sse::Event::TooLong { length, .. } => Found::TooLong(length),
            });
        }
        assert!(input.is_empty());
    }
    let too_long = found.iter().filter(|found| matches!(found, Found::TooLong(_)));
    assert_eq!(decoder.skipped(), too_long.count() as u64);
    (found, decoder.comments())
}

/// The body, whether it ended, the error, and what was left over.
pub(crate) type Body = (Bytes, bool, Option<chunked::Error>, Bytes);

pub(crate) fn read_chunks(pieces: &[&[u8]]) -> Body {
    let mut decoder = chunked::Chunked::new();
    let (mut body, mut rest, mut error) = (Vec::new(), Vec::new(), None);
    for mut input in pieces.iter().copied() {
        loop {
            match decoder.decode(&mut input) {
                Ok(Some(chunked::Event::Data(data))) => {
                    assert!(!data.is_empty());
                    body.extend_from_slice(data);
                }
                Ok(Some(chunked::Event::End)) => assert!(decoder.is_ended()),
                Ok(None) => break,
                Err(failure) => {
                    error = Some(failure);
                    break;
                }
            }
        }
        rest.extend_from_slice(input);
    }
    (body, decoder.is_ended(), error, rest)
}
