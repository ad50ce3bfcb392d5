//! Each framing there and back, bare and in chunks, in any fragments; and lengths that are told are those written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use streamgauge_core::wire::chunked::{self, Chunked};
use streamgauge_core::wire::{Framing, Stream, lines, multipart, sse};
use streamgauge_fuzz::{cuts_and_stream, fragments};

fuzz_target!(|data: &[u8]| {
    let (cuts, stream) = cuts_and_stream(data);
    let messages: Vec<&[u8]> = stream.split(|byte| *byte == b'|').collect();
    for framing in [Framing::Lines, Framing::Multipart, Framing::Events] {
        for chunked in [false, true] {
            let out = Stream { framing, chunked };
            let mut written = Vec::new();
            out.opening(&mut written).unwrap();
            for (number, message) in messages.iter().enumerate() {
                let sequence = (number as u64).wrapping_mul(0x0123_4567_89ab_cdef);
                let before = written.len();
                out.encode(sequence, message, &mut written).unwrap();
                assert_eq!(written.len() - before, out.framed_len(sequence, message));
            }
            out.end(&mut written).unwrap();
            let bare = if chunked { dechunk(fragments(cuts, &written)) } else { written };
            let expected: Vec<Vec<u8>> = match framing {
                Framing::Multipart => messages.iter().map(|message| message.to_vec()).collect(),
                Framing::Lines => messages
                    .iter()
                    .flat_map(|message| message.split(|byte| *byte == b'\n'))
                    .filter(|line| !line.is_empty())
                    .map(<[u8]>::to_vec)
                    .collect(),
                Framing::Events => messages.iter().map(|message| one_kind_of_line_end(message)).collect(),
                Framing::WebSocket => unreachable!("the target websocket reads its frames"),
            };
            assert_eq!(read(framing, fragments(cuts, &bare)), expected, "{framing:?} {chunked}");
        }
    }
});

fn read<'a>(framing: Framing, pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let mut lines = lines::Lines::subscription(vec![0; 1 << 16]);
    let mut parts = multipart::Multipart::subscription(vec![0; 1 << 16]);
    let mut events = sse::Events::new(vec![0; 1 << 16]);
    let mut found = Vec::new();
    for mut input in pieces {
        match framing {
            Framing::Lines => {
                while let Some(lines::Event::Line(line)) = lines.decode(&mut input) {
                    found.push(line.to_vec());
                }
            }
            Framing::Multipart => {
                while let Some(multipart::Event::Message(message)) = parts.decode(&mut input) {
                    found.push(message.to_vec());
                }
            }
            Framing::Events => {
                while let Some(sse::Event::Message(message)) = events.decode(&mut input) {
                    found.push(message.data.to_vec());
                }
            }
            Framing::WebSocket => unreachable!("the target websocket reads its frames"),
        }
        assert!(input.is_empty());
    }
    found
}

fn dechunk<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut chunks = Chunked::new();
    let mut body = Vec::new();
    for mut input in pieces {
        while let Some(event) = chunks.decode(&mut input).unwrap() {
            if let chunked::Event::Data(data) = event {
                body.extend_from_slice(data);
            }
        }
    }
    assert!(chunks.is_ended());
    body
}

/// CR LF, CR and LF as LF.
fn one_kind_of_line_end(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut left = message;
    while let Some((byte, rest)) = left.split_first() {
        left = match byte {
            b'\r' => rest.strip_prefix(b"\n").unwrap_or(rest),
            _ => rest,
        };
        out.push(if *byte == b'\r' { b'\n' } else { *byte });
    }
    out
}
