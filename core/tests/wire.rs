//! The wire under every fragmentation, and compared with independent crates.

use proptest::collection::vec;
use proptest::prelude::*;
use streamgauge_core::wire::percent::{self, Plus};
use streamgauge_core::wire::{Framing, Query, Stream, chunked, lines, multipart, sse};

type Bytes = Vec<u8>;

const FRAMINGS: [Framing; 3] = [Framing::Lines, Framing::Multipart, Framing::Events];
/// Storages to try: the awkward ones, and one that everything fits in.
const STORAGES: [usize; 6] = [0, 1, 3, 7, 20, 4096];

/// `bytes` in pieces of these sizes, over and over; no sizes: in one piece.
fn fragments<'a>(bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut left = bytes;
    let mut pieces = Vec::new();
    for size in sizes.iter().cycle() {
        let (piece, rest) = left.split_at((*size).min(left.len()));
        pieces.push(piece);
        left = rest;
        if left.is_empty() {
            break;
        }
    }
    pieces.push(left);
    pieces
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![Just(vec![]), Just(vec![1]), vec(1..40usize, 1..8)]
}

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

/// What a decoder found, owned.
#[derive(Clone, Debug, PartialEq)]
enum Found {
    Message(Bytes),
    Event { id: Bytes, event: Bytes, data: Bytes, retry: Option<u64> },
    TooLong(u64),
    Other(String),
}

fn read_lines(pieces: &[&[u8]], storage: usize) -> Vec<Found> {
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

fn read_parts(pieces: &[&[u8]], storage: usize) -> Vec<Found> {
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

fn read_events(pieces: &[&[u8]], storage: usize) -> (Vec<Found>, u64) {
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
type Body = (Bytes, bool, Option<chunked::Error>, Bytes);

fn read_chunks(pieces: &[&[u8]]) -> Body {
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
            prop_assert_eq!(sent.len(), stream.opening_len());
            let mut sequence = first;
            for message in &messages {
                let before = sent.len();
                stream.encode(sequence, message, &mut sent).unwrap();
                prop_assert_eq!(sent.len() - before, stream.framed_len(sequence, message));
                let before = sent.len();
                stream.comment(&mut sent).unwrap();
                prop_assert_eq!(sent.len() - before, stream.comment_len());
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
        for (framing, chunked) in FRAMINGS.iter().flat_map(|f| [(*f, false), (*f, true)]) {
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

    #[test]
    fn chunk_sizes_are_read_as_httparse_reads_them(line in "[0-9a-fA-F]{1,18}[ \t;x]{0,3}[a-z]{0,2}", sizes in sizes()) {
        let line = line + "\r\n";
        let (_, _, error, _) = read_chunks(&fragments(line.as_bytes(), &sizes));
        let reference = httparse::parse_chunk_size(line.as_bytes());
        prop_assert_eq!(error.is_none(), reference.is_ok(), "{:?} {:?}", line, error);
    }

    #[test]
    fn percent_coding_agrees_with_the_url_crates(bytes in vec(any::<u8>(), 0..40), text in "[%0-9a-gA-G+&=]{0,40}") {
        for raw in [&bytes, text.as_bytes()] {
            let decoded: Bytes = percent::decode(raw, Plus::Literal).collect();
            prop_assert_eq!(&decoded, &percent_encoding::percent_decode(raw).collect::<Bytes>());
            let (low, high) = percent::decode(raw, Plus::Space).size_hint();
            prop_assert!(low <= decoded.len() && decoded.len() <= high.unwrap());
        }
        const SET: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
            .remove(b'-').remove(b'_').remove(b'.').remove(b'~');
        let mut encoded = Vec::new();
        percent::encode(&bytes, &mut encoded).unwrap();
        prop_assert_eq!(encoded.len(), percent::encoded_len(&bytes));
        let reference = percent_encoding::percent_encode(&bytes, SET).to_string();
        prop_assert_eq!(&encoded[..], reference.as_bytes());
        prop_assert_eq!(percent::decode(&encoded, Plus::Space).collect::<Bytes>(), bytes);
    }

    #[test]
    fn queries_agree_with_form_urlencoded(raw in "[%0-9a-c+&=]{0,40}") {
        let lossy = |value: streamgauge_core::wire::Value<'_>| {
            String::from_utf8_lossy(&value.bytes().collect::<Bytes>()).into_owned()
        };
        let query = Query::new(raw.as_bytes());
        for (_, value) in query.pairs() {
            let bytes: Bytes = value.bytes().collect();
            prop_assert_eq!((value.len(), value.is_empty()), (bytes.len(), bytes.is_empty()));
            let mut out = vec![0; bytes.len() + 1];
            prop_assert_eq!(value.copy_to(&mut out), Some(bytes.len()));
            prop_assert_eq!(&out[..bytes.len()], &bytes);
            let too_small = bytes.len().checked_sub(1).map(|room| value.copy_to(&mut out[..room]));
            prop_assert!(too_small.is_none_or(|copied| copied.is_none()));
        }
        let reference: Vec<_> = form_urlencoded::parse(raw.as_bytes()).collect();
        let pairs: Vec<_> = query.pairs().map(|(key, value)| (lossy(key), lossy(value))).collect();
        prop_assert_eq!(pairs.len(), reference.len());
        for (ours, theirs) in pairs.iter().zip(&reference) {
            prop_assert_eq!((ours.0.as_str(), ours.1.as_str()), (&*theirs.0, &*theirs.1));
        }
        for (key, _) in reference.iter().filter(|(key, _)| !key.contains('\u{fffd}')) {
            let first = reference.iter().find(|(other, _)| other == key).map(|(_, value)| value.to_string());
            prop_assert_eq!(query.get(key).map(lossy), first);
        }
    }

    #[test]
    fn splitting_agrees_with_the_standard_library(body in "[ab,]{0,30}", separator in "[ab,]{0,3}") {
        let bytes = body.as_bytes();
        let expected = body.split(',').filter(|piece| !piece.is_empty()).map(str::as_bytes);
        prop_assert!(lines::split(bytes, b',').eq(expected));
        let pieces: Vec<&str> = match &separator[..] {
            "" => vec![&body],
            separator => body.split(separator).collect(),
        };
        let expected = pieces.into_iter().filter(|piece| !piece.is_empty()).map(str::as_bytes);
        prop_assert!(lines::split_on(bytes, separator.as_bytes()).eq(expected));
    }
}

#[test]
fn the_bytes_are_those_of_the_protocol() {
    let write = |framing, chunked| {
        let stream = Stream { framing, chunked };
        let mut out = Vec::new();
        stream.opening(&mut out).unwrap();
        stream.encode(41, b"{\"a\": 1}", &mut out).unwrap();
        let before = out.len();
        stream.gap(3, &mut out).unwrap();
        assert_eq!(out.len() - before, stream.gap_len(3));
        stream.comment(&mut out).unwrap();
        stream.end(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let types = [Framing::Lines, Framing::Multipart, Framing::Events].map(Framing::content_type);
    let multipart = "multipart/x-mixed-replace; boundary=xXPubSubXx";
    assert_eq!(types, ["application/json", multipart, "text/event-stream"]);
    let mut out = Vec::new();
    Framing::Lines.encode(1, b"bare", &mut out).unwrap();
    Stream { framing: Framing::Lines, chunked: true }.raw(b"as it is", &mut out).unwrap();
    assert_eq!(out, b"bare\n8\r\nas it is\r\n");
    assert_eq!(chunked::chunk_overhead(0x40), "40\r\n\r\n".len());
    assert_eq!(write(Framing::Lines, false), "\r\n{\"a\": 1}\n");
    assert_eq!(write(Framing::Lines, true), "2\r\n\r\n\r\n9\r\n{\"a\": 1}\n\r\n0\r\n\r\n");
    assert_eq!(
        write(Framing::Multipart, false),
        "--xXPubSubXx\r\ncontent-type: */*\r\ncontent-length: 8\r\n\r\n{\"a\": 1}\r\n--xXPubSubXx\r\n"
    );
    assert_eq!(
        write(Framing::Multipart, true),
        "e\r\n--xXPubSubXx\r\n\r\n40\r\ncontent-type: */*\r\ncontent-length: 8\r\n\r\n{\"a\": 1}\
         \r\n--xXPubSubXx\r\n\r\n0\r\n\r\n"
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
}

fn message_of(bytes: &str) -> Found {
    Found::Message(bytes.as_bytes().to_vec())
}

#[test]
fn a_broken_part_is_reported_and_the_next_one_arrives() {
    let cases = [
        ("--xXPubSubXx\r\nx: y\r\n\r\nlost\r\n", "Malformed(NoLength)"),
        ("--xXPubSubXx\r\n", "Malformed(NoLength)"),
        ("--xXPubSubXx\ncontent-length: 4x\n\nlost\n", "Malformed(BadLength)"),
        ("--xXPubSubXx\ncontent-length: 1\ncontent-length: 2\n\nlost\n", "Malformed(BadLength)"),
        ("--xXPubSubXx\ncontent-length: 18446744073709551616\n\nlost\n", "Malformed(BadLength)"),
    ];
    for (broken, error) in cases {
        let stream = format!("{broken}--xXPubSubXx \r\nCONTENT-LENGTH:2 \r\n\r\nhi\r\n--xXPubSubXx--\r\nbye");
        for sizes in [vec![], vec![1], vec![5]] {
            let mut found = read_parts(&fragments(stream.as_bytes(), &sizes), 8);
            found.pop();
            let end = Found::Other("End".into());
            assert_eq!(found, [Found::Other(error.into()), message_of("hi"), end], "{broken:?}");
        }
    }
}

#[test]
fn a_stream_that_is_dropped_in_a_part_leaves_nothing_to_the_next_one() {
    let mut parts = multipart::Multipart::subscription([0; 8]);
    let head = &b"--xXPubSubXx\r\ncontent-length: 4\r\n\r\n"[..];
    for (cut, incomplete) in [("", false), ("--xXPub", false), ("--xXPubSubXx\r\ncontent-le", true)] {
        assert_eq!(parts.decode(&mut cut.as_bytes()), None);
        assert_eq!(parts.reset(), incomplete, "{cut:?}");
    }
    assert_eq!(parts.decode(&mut &[head, b"abc"].concat()[..]), None);
    assert!(parts.reset());
    assert_eq!(parts.decode(&mut &[head, b"efgh"].concat()[..]), Some(multipart::Event::Message(b"efgh")));
    assert_eq!(parts.malformed(), 0);
    let broken = b"\r\n--xXPubSubXx\r\ncontent-length: x\r\n\r\n";
    assert!(matches!(parts.decode(&mut &broken[..]), Some(multipart::Event::Malformed(_))));
    assert_eq!(parts.malformed(), 1);
}

#[test]
fn a_body_longer_than_it_said_is_reported() {
    let stream = "--xXPubSubXx\r\ncontent-length: 2\r\n\r\nhi!\r\n--xXPubSubXx\r\ncontent-length: 0\r\n\r\n";
    let found = read_parts(&[stream.as_bytes()], 8);
    let error = Found::Other("Malformed(NoBoundary)".into());
    assert_eq!(found, [message_of("hi"), error, message_of(""), Found::Other("1 ignored".into())]);
}

#[test]
fn endless_headers_are_reported() {
    let stream = format!("--xXPubSubXx\r\n{}", "a: b\n".repeat(4000));
    let found = read_parts(&[stream.as_bytes()], 8);
    assert_eq!(found[0], Found::Other("Malformed(HeadersTooLong)".into()));
}

#[test]
fn server_sent_events_follow_the_standard() {
    let event = |id: &str, event: &str, data: &str| Found::Event {
        id: id.into(),
        event: event.into(),
        data: data.into(),
        retry: None,
    };
    let cases: [(&str, Vec<Found>); 10] = [
        ("data: a\r\ndata: b\r\n\r\n", vec![event("", "", "a\nb")]),
        ("data\n\ndata\ndata\n\ndata:", vec![event("", "", ""), event("", "", "\n")]),
        ("data:test\r\rdata:  two\r\n\r\n", vec![event("", "", "test"), event("", "", " two")]),
        ("id: 1\ndata: a\n\nid\ndata: b\n\n", vec![event("1", "", "a"), event("", "", "b")]),
        ("id: 1\n\nid: 2\0\ndata: a\n\n", vec![event("1", "", "a")]),
        ("event: e\n\ndata: a\n\n", vec![event("", "", "a")]),
        ("event: e\ndata: a\n\ndata: b\n\n", vec![event("", "e", "a"), event("", "", "b")]),
        ("retry: x\nretry\nDATA: no\ndatax: no\ndata: a\n\n", vec![event("", "", "a")]),
        ("\u{feff}\u{feff}data: no\n\u{feff}data: no\ndata: a\n\n", vec![event("", "", "a")]),
        ("\u{feff}data: a\n\n", vec![event("", "", "a")]),
    ];
    for (stream, expected) in cases {
        for sizes in [vec![], vec![1], vec![3, 2]] {
            let (found, _) = read_events(&fragments(stream.as_bytes(), &sizes), 16);
            assert_eq!(found, expected, "{stream:?}");
        }
    }
}

#[test]
fn an_event_cut_off_does_not_move_the_last_id() {
    let mut events = sse::Events::new([0; 8]);
    let mut input = &b"id: 1\ndata: a\n\nid: 2\ndata: b\n"[..];
    assert!(events.decode(&mut input).is_some());
    assert!(events.decode(&mut input).is_none());
    assert!(events.reset());
    assert_eq!(events.last_event_id(), b"1");
    assert!(events.decode(&mut &b"\xef\xbb\xbfdata: c\n\n"[..]).is_some());
    assert_eq!(events.last_event_id(), b"1");
}

#[test]
fn what_is_dropped_is_told_and_what_the_next_request_needs_stays() {
    let mut events = sse::Events::new([0; 8]);
    assert!(!events.reset());
    for cut in ["ev", "ev:", "data: a\n", ": comment", "id: 3\ndata"] {
        assert!(events.decode(&mut cut.as_bytes()).is_none());
        assert!(events.reset(), "{cut:?}");
        assert!(!events.reset(), "{cut:?}");
    }
    assert_eq!((events.comments(), events.retry()), (1, None));
    assert!(events.decode(&mut &b": 1\nretry: 250\n: 2\nid: 4\n\n"[..]).is_none());
    events.reset();
    assert_eq!((events.comments(), events.retry(), events.last_event_id()), (3, Some(250), &b"4"[..]));
}

#[test]
fn a_field_too_long_skips_its_event_only() {
    let long = "x".repeat(sse::MAX_FIELD + 1);
    for name in ["id", "event"] {
        let stream = format!("id: 1\ndata: a\n\n{name}: {long}\ndata: b\n\ndata: c\n\n");
        let (found, _) = read_events(&[stream.as_bytes()], 8);
        assert_eq!(found[1], Found::TooLong(65));
        assert!(matches!(&found[2], Found::Event { id, data, .. } if id == b"1" && data == b"c"));
    }
}

#[test]
fn chunks_that_could_be_read_in_two_ways_are_errors() {
    use chunked::Error;
    let cases = [
        ("\r\n", Error::Size),
        (";a\r\n", Error::Size),
        ("-1\r\n", Error::Size),
        (" 1\r\n", Error::Size),
        ("0x1\r\n", Error::Size),
        ("1\na", Error::Size),
        ("1 1\r\n", Error::Size),
        ("00000000000000001\r\n", Error::Size),
        ("1;a\nb\r\n", Error::LineEnd),
        ("1\ra", Error::LineEnd),
        ("1\r\nabc", Error::DataEnd),
        ("1\r\na\n", Error::DataEnd),
        ("0\r\na: b\n\n", Error::LineEnd),
        ("0\r\n\rx", Error::LineEnd),
    ];
    for (body, error) in cases {
        for sizes in [vec![], vec![1]] {
            let found = read_chunks(&fragments(body.as_bytes(), &sizes));
            assert_eq!(found.2, Some(error), "{body:?}");
        }
    }
    assert!(!chunked::Chunked::new().is_ended());
    let extension = format!("1;{}\r\n", "x".repeat(300));
    assert_eq!(read_chunks(&[extension.as_bytes()]).2, Some(Error::SizeLineTooLong));
    let trailers = format!("0\r\n{}\r\n", "a: b\r\n".repeat(2000));
    assert_eq!(read_chunks(&[trailers.as_bytes()]).2, Some(Error::TrailersTooLong));
    let body = "1 ;a=\"b\"\r\nx\r\nA\r\n0123456789\r\n00\r\na: b\r\n\r\nrest";
    let expected = (b"x0123456789".to_vec(), true, None, b"rest".to_vec());
    assert_eq!(read_chunks(&[body.as_bytes()]), expected);
}
