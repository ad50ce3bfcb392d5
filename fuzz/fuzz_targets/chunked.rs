//! Chunked bodies in any fragments: what is encoded comes back, and any bytes are read the same however they are cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use streamgauge_core::wire::chunked::{Chunked, Error, Event, LAST_CHUNK, write_chunk};
use streamgauge_fuzz::{cuts_and_stream, fragments};

/// The body, how it ended, and what came behind it.
fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, Result<bool, Error>, Vec<u8>) {
    let mut chunks = Chunked::new();
    let (mut body, mut behind) = (Vec::new(), Vec::new());
    for mut input in pieces {
        loop {
            match chunks.decode(&mut input) {
                Ok(Some(Event::Data(data))) => {
                    assert!(!data.is_empty());
                    body.extend_from_slice(data);
                }
                Ok(Some(Event::End)) => assert!(chunks.is_ended()),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(chunks.decode(&mut &b"0\r\n\r\n"[..]), Err(error), "an error is for ever");
                    return (body, Err(error), Vec::new());
                }
            }
        }
        assert!(input.is_empty() || chunks.is_ended());
        behind.extend_from_slice(input);
    }
    (body, Ok(chunks.is_ended()), behind)
}

fuzz_target!(|data: &[u8]| {
    let (cuts, stream) = cuts_and_stream(data);
    assert_eq!(read(fragments(cuts, stream)), read(core::iter::once(stream)));

    let mut written = Vec::new();
    for chunk in stream.split(|byte| *byte == b'|') {
        write_chunk(chunk, &mut written).unwrap();
    }
    written.extend_from_slice(LAST_CHUNK);
    written.extend_from_slice(b"GET /");
    let body: Vec<u8> = stream.iter().copied().filter(|byte| *byte != b'|').collect();
    assert_eq!(read(fragments(cuts, &written)), (body, Ok(true), b"GET /".to_vec()));
});
