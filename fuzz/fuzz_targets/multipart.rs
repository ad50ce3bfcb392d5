//! Multipart streams: what is encoded arrives whatever it holds and wherever it is cut, and any bytes are read the
//! same in one piece and in many.
//!
//! multer searches for the boundary instead of going by `content-length` as pubsub's clients do, so it can tell only
//! about messages without one; about the others a plain reader of what the encoder can write does.
#![no_main]

use core::convert::Infallible;

use futures::executor::block_on;
use libfuzzer_sys::fuzz_target;
use streamgauge_core::wire::multipart::{Event, Multipart};
use streamgauge_core::wire::{Framing, Stream};
use streamgauge_fuzz::{cuts_and_stream, fragments};

const LONGEST: usize = 24;
const BOUNDARY: &[u8] = b"xXPubSubXx";

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Result<Vec<u8>, String>>, [u64; 3]) {
    let mut parts = Multipart::subscription([0; LONGEST]);
    let mut found = Vec::new();
    for mut input in pieces {
        while let Some(event) = parts.decode(&mut input) {
            found.push(match event {
                Event::Message(message) => Ok(message.to_vec()),
                other => Err(format!("{other:?}")),
            });
        }
        assert!(input.is_empty());
    }
    (found, [parts.skipped(), parts.malformed(), parts.ignored()])
}

fuzz_target!(|data: &[u8]| {
    let (cuts, stream) = cuts_and_stream(data);
    assert_eq!(read(fragments(cuts, stream)), read(core::iter::once(stream)));

    let out = Stream { framing: Framing::Multipart, chunked: false };
    let mut written = Vec::new();
    out.opening(&mut written).unwrap();
    let messages: Vec<&[u8]> = stream.split(|byte| *byte == b'|').collect();
    for message in &messages {
        out.encode(0, message, &mut written).unwrap();
    }
    let (found, counts) = read(fragments(cuts, &written));
    let expected: Vec<_> = messages
        .iter()
        .map(|message| match message.len() {
            ..=LONGEST => Ok(message.to_vec()),
            length => Err(format!("TooLong {{ length: {length} }}")),
        })
        .collect();
    assert_eq!(found, expected);
    let too_long = expected.iter().filter(|message| message.is_err()).count() as u64;
    assert_eq!(counts, [too_long, 0, 0]);
    assert_eq!(plain(&written), messages);
    if !messages.iter().any(|message| message.windows(BOUNDARY.len()).any(|part| part == BOUNDARY)) {
        let closed = [written.strip_suffix(b"\r\n").unwrap(), b"--\r\n"].concat();
        let closed: Vec<_> = fragments(cuts, &closed).map(<[u8]>::to_vec).collect();
        assert_eq!(block_on(multer(closed)), messages);
    }
});

/// The parts as multer finds them.
async fn multer(pieces: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let pieces = futures::stream::iter(pieces.into_iter().map(Ok::<_, Infallible>));
    let mut parts = multer::Multipart::new(pieces, core::str::from_utf8(BOUNDARY).unwrap());
    let mut bodies = Vec::new();
    while let Some(part) = parts.next_field().await.expect("what is written is multipart") {
        bodies.push(part.bytes().await.expect("it is whole").to_vec());
    }
    bodies
}

/// The parts of what the encoder writes, read without the decoder.
fn plain(mut left: &[u8]) -> Vec<&[u8]> {
    let mut bodies = Vec::new();
    left = left.strip_prefix(b"--xXPubSubXx\r\n").expect("the opening");
    while !left.is_empty() {
        let end = left.windows(4).position(|four| four == b"\r\n\r\n").expect("the end of a head");
        let head = core::str::from_utf8(&left[..end]).unwrap();
        let length: usize = head.strip_prefix("content-type: */*\r\ncontent-length: ").unwrap().parse().unwrap();
        let (body, rest) = left[end + 4..].split_at(length);
        bodies.push(body);
        left = rest.strip_prefix(b"\r\n--xXPubSubXx\r\n").expect("the boundary");
    }
    bodies
}
