//! The HTTP connection over embedded-io: any bytes, cut anywhere, are answered the same, and every answer is HTTP.
#![no_main]

use libfuzzer_sys::fuzz_target;
use streamgauge_core::connection::{Connection, Counters, Next, Served};
use streamgauge_core::endpoints::Surface;
use streamgauge_core::engine::memory::{Fixed, Memory};
use streamgauge_core::wire::http::{Event, Responses};
use streamgauge_fuzz::{cuts_and_stream, fragments};

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

fuzz_target!(|data: &[u8]| {
    let (cuts, stream) = cuts_and_stream(data);
    let (sent, counters) = talk(fragments(cuts, stream));
    let (whole, whole_counters) = talk(core::iter::once(stream));
    // Whether a client has to be told to go on depends on what has come.
    assert_eq!(without_continue(&sent), without_continue(&whole));
    assert_eq!(counters, whole_counters);
    // Answers to HEAD have a length and no body, and one to HTTP/1.0 may end with the connection: only the host that
    // asked can tell them apart, so streams with those are not read back.
    if !stream.windows(4).any(|four| four == b"HEAD") && !stream.windows(3).any(|three| three == b"1.0") {
        let mut responses: Responses<_> = Responses::new([0; 1024]);
        let (mut input, mut complete) = (&sent[..], 0);
        while let Some(event) = responses.decode(&mut input, false).expect("what is sent is HTTP") {
            complete += u64::from(event == Event::Complete);
        }
        assert_eq!(complete, counters.answered + counters.refused);
    }
});

fn talk<'a>(mut pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, Counters) {
    let mut services = Served::new(Memory::new(Fixed::<2, 128, 2>::seeded(0)), Surface::EverythingQueueFirst);
    let mut connection: Connection<_, _, 8> = Connection::new([0; 256], [0; 900]);
    let (mut sent, mut piece) = (Vec::new(), &b""[..]);
    loop {
        match connection.poll(&mut services) {
            Next::Read if piece.is_empty() => match pieces.next() {
                Some(next) => piece = next,
                None => connection.handle_end(),
            },
            Next::Read => {
                let taken = connection.handle_bytes(piece);
                assert!(taken > 0, "it asked for bytes that it has no room for");
                piece = &piece[taken..];
            }
            Next::Write => {
                let unsent = connection.unsent();
                let size = unsent.len().div_ceil(2);
                assert!(size > 0);
                sent.extend_from_slice(&unsent[..size]);
                connection.handle_sent(size);
            }
            Next::Close => break,
        }
    }
    (sent, connection.counters())
}

fn without_continue(sent: &[u8]) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut left = sent;
    while let Some((byte, rest)) = left.split_first() {
        if let Some(rest) = left.strip_prefix(CONTINUE) {
            left = rest;
        } else {
            kept.push(*byte);
            left = rest;
        }
    }
    kept
}
