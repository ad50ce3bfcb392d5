//! What is encoded arrives, however it is cut.

use proptest::collection::vec;
use proptest::prelude::*;
use streamgauge_core::wire::{Framing, Stream, lines, sse};

use crate::decoded::{Found, read_chunks, read_events, read_lines, read_parts};
use crate::{Bytes, fragments, sizes};

const FRAMINGS: [Framing; 3] = [Framing::Lines, Framing::Multipart, Framing::Events];
const ALL: [Framing; 4] = [Framing::Lines, Framing::Multipart, Framing::Events, Framing::WebSocket];
/// Storages to try: the awkward ones, and one that everything fits in.
const STORAGES: [usize; 6] = [0, 1, 3, 7, 20, 4096];

fn message() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        vec(any::<u8>(), 0..24),
        "[a-z:\r\n -]{0,24}".prop_map(String::into_bytes),
        Just(b"\r\n--xXPubSubXx\r\n".to_vec()),
    ]
}

/// Bytes that come near what the decoders know.
fn stream() -> impl Strategy<Value = Bytes> {
    let words: Vec<&'static [u8]> = vec![
        b"--xXPubSubXx",
        b"--",
        b"\r\n",
        b"\r",
        b"\n",
        b": ",
        b"content-length: 3",
        b"Content-Length:",
        b"data: x",
        b"data",
        b"event: e",
        b"id: 1",
        b"id: \0",
        b"retry: 5",
        b"\xef\xbb\xbf",
        b"3",
        b";a=b",
        b"0\r\n\r\n",
        b"abc",
        b"99999999999999999999",
    ];
    let word = prop_oneof![
        4 => proptest::sample::select(words).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 0..6),
    ];
    vec(word, 0..24).prop_map(|words| words.concat())
}

/// What arrives of a message through this framing.
fn arrives(framing: Framing, sequence: u64, message: &[u8], storage: usize) -> Vec<Found> {
    let or_too_long = |bytes: Bytes, found: fn(Bytes) -> Found| match bytes.len() {
        length if length > storage => Found::TooLong(length as u64),
        _ => found(bytes),
    };
    match framing {
        Framing::Lines => lines::split(message, b'\n').map(|line| or_too_long(line.to_vec(), Found::Message)).collect(),
        Framing::Multipart => vec![or_too_long(message.to_vec(), Found::Message)],
        Framing::Events => {
            let mut data: Bytes = Vec::new();
            let mut bytes = message.iter().peekable();
            while let Some(byte) = bytes.next() {
                if *byte == b'\r' {
                    bytes.next_if(|next| **next == b'\n');
                    data.push(b'\n');
                } else {
                    data.push(*byte);
                }
            }
            vec![match or_too_long(data, Found::Message) {
                Found::Message(data) => {
                    Found::Event { id: sequence.to_string().into_bytes(), event: Vec::new(), data, retry: Some(1000) }
                }
                other => other,
            }]
        }
        Framing::WebSocket => unreachable!("its frames are read in websocket.rs"),
    }
}

fn read(framing: Framing, pieces: &[&[u8]], storage: usize) -> Vec<Found> {
    match framing {
        Framing::Lines => read_lines(pieces, storage),
        Framing::Multipart => {
            let mut found = read_parts(pieces, storage);
            assert_eq!(found.pop(), Some(Found::Other("0 ignored".into())));
            found
        }
        Framing::Events => read_events(pieces, storage).0,
        Framing::WebSocket => unreachable!("its frames are read in websocket.rs"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_encoded_arrives(
        messages in vec(message(), 0..6), first in any::<u64>(), sizes in sizes(), chunked in any::<bool>()
    ) {
        for framing in FRAMINGS {
            let stream = Stream { framing, chunked };
            let mut sent = Vec::new();
            stream.opening(&mut sent).unwrap();
            let mut sequence = first;
            for message in &messages {
                let before = sent.len();
                stream.encode(sequence, message, &mut sent).unwrap();
                prop_assert_eq!(sent.len() - before, stream.framed_len(sequence, message));
                stream.comment(&mut sent).unwrap();
                sequence = sequence.wrapping_add(1);
            }
            stream.end(&mut sent).unwrap();
            let plain = if chunked {
                let (body, ended, error, rest) = read_chunks(&fragments(&sent, &sizes));
                prop_assert_eq!((ended, error, rest), (true, None, vec![]));
                body
            } else {
                sent
            };
            for storage in STORAGES {
                let mut expected = Vec::new();
                let mut sequence = first;
                for message in &messages {
                    expected.extend(arrives(framing, sequence, message, storage));
                    sequence = sequence.wrapping_add(1);
                }
                let found = read(framing, &fragments(&plain, &sizes), storage);
                prop_assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn a_slice_that_is_too_small_is_an_error_and_one_that_fits_is_filled(message in message(), sequence in any::<u64>()) {
        for (framing, chunked) in ALL.iter().flat_map(|f| [(*f, false), (*f, true)]) {
            let stream = Stream { framing, chunked };
            let mut expected = Vec::new();
            stream.encode(sequence, &message, &mut expected).unwrap();
            for room in 0..expected.len() {
                let mut out = vec![0; room];
                prop_assert!(stream.encode(sequence, &message, &mut &mut out[..]).is_err());
            }
            let mut out = vec![0; expected.len()];
            prop_assert!(stream.encode(sequence, &message, &mut &mut out[..]).is_ok());
            prop_assert_eq!(out, expected);
        }
    }

    #[test]
    fn any_bytes_decode_alike_in_any_fragmentation(bytes in stream(), sizes in sizes()) {
        let cut = fragments(&bytes, &sizes);
        for storage in STORAGES {
            prop_assert_eq!(read_lines(&cut, storage), read_lines(&[&bytes], storage));
            prop_assert_eq!(read_parts(&cut, storage), read_parts(&[&bytes], storage));
            prop_assert_eq!(read_events(&cut, storage), read_events(&[&bytes], storage));
        }
        let whole = read_chunks(&[&bytes]);
        let pieces = read_chunks(&cut);
        prop_assert_eq!((&whole.0, whole.1, whole.2), (&pieces.0, pieces.1, pieces.2));
        if whole.1 {
            prop_assert_eq!(whole.3, pieces.3);
        }
    }

    #[test]
    fn events_with_names_arrive(
        list in vec(("[^\r\n\0]{0,12}", "[^\r\n\0]{0,12}", message(), any::<Option<u64>>()), 0..6), sizes in sizes()
    ) {
        let mut sent = "\u{feff}".as_bytes().to_vec();
        let mut expected = Vec::new();
        let (mut last, mut wait) = (Vec::new(), None);
        for (id, event, data, retry) in &list {
            sse::write_comment(data, &mut sent).unwrap();
            let message = sse::Message { id: id.as_bytes(), event: event.as_bytes(), data, retry: *retry };
            sse::write_event(&message, &mut sent).unwrap();
            if !id.is_empty() {
                last = id.clone().into_bytes();
            }
            wait = retry.or(wait);
            let arrived = arrives(Framing::Events, 0, data, usize::MAX);
            let [Found::Event { data, .. }] = &arrived[..] else { panic!() };
            let event = event.clone().into_bytes();
            expected.push(Found::Event { id: last.clone(), event, data: data.clone(), retry: wait });
        }
        let (found, comments) = read_events(&fragments(&sent, &sizes), 4096);
        prop_assert_eq!(found, expected);
        prop_assert!(comments >= list.len() as u64);
    }
}

#[test]
fn the_bytes_are_those_of_the_protocol() {
    let write = |framing, chunked| {
        let stream = Stream { framing, chunked };
        let mut out = Vec::new();
        stream.opening(&mut out).unwrap();
        stream.encode(41, b"{\"a\": 1}", &mut out).unwrap();
        stream.gap(3, &mut out).unwrap();
        stream.comment(&mut out).unwrap();
        stream.end(&mut out).unwrap();
        out.iter().map(|byte| char::from(*byte)).collect::<String>()
    };
    let types = ALL.map(Framing::content_type);
    let multipart = "multipart/x-mixed-replace; boundary=xXPubSubXx";
    assert_eq!(types, ["application/json", multipart, "text/event-stream", ""]);
    let mut out = Vec::new();
    Framing::Lines.encode(1, b"bare", &mut out).unwrap();
    Stream { framing: Framing::Lines, chunked: true }.raw(b"as it is", &mut out).unwrap();
    assert_eq!(out, b"bare\n8\r\nas it is\r\n");
    assert_eq!(write(Framing::Lines, false), "\r\n{\"a\": 1}\n");
    assert_eq!(write(Framing::Lines, true), "2\r\n\r\n\r\n9\r\n{\"a\": 1}\n\r\n0\r\n\r\n");
    assert_eq!(
        write(Framing::Multipart, false),
        "--xXPubSubXx\r\ncontent-type: */*\r\ncontent-length: 8\r\n\r\n{\"a\": 1}\r\n--xXPubSubXx\r\n\
         content-type: */*\r\ncontent-length: 0\r\nx-pubsub-gap: 3\r\n\r\n\r\n--xXPubSubXx\r\n"
    );
    assert_eq!(
        write(Framing::Multipart, true),
        "e\r\n--xXPubSubXx\r\n\r\n40\r\ncontent-type: */*\r\ncontent-length: 8\r\n\r\n{\"a\": 1}\
         \r\n--xXPubSubXx\r\n\r\n\
         49\r\ncontent-type: */*\r\ncontent-length: 0\r\nx-pubsub-gap: 3\r\n\r\n\r\n--xXPubSubXx\r\n\r\n0\r\n\r\n"
    );
    assert_eq!(
        write(Framing::Events, false),
        "retry: 1000\n\nid: 41\ndata: {\"a\": 1}\n\nevent: gap\ndata: 3\n\n: keep-alive\n\n"
    );
    assert_eq!(
        write(Framing::Events, true),
        "d\r\nretry: 1000\n\n\r\n17\r\nid: 41\ndata: {\"a\": 1}\n\n\r\n\
         14\r\nevent: gap\ndata: 3\n\n\r\ne\r\n: keep-alive\n\n\r\n0\r\n\r\n"
    );
    assert_eq!(write(Framing::WebSocket, true), "\u{81}\u{8}{\"a\": 1}\u{81}\u{9}{\"gap\":3}\u{89}\u{0}\u{88}\u{0}");
}
