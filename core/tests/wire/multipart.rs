//! Parts that are broken or cut off.

use streamgauge_core::wire::{Framing, Stream, multipart};

use crate::decoded::{Found, read_parts};
use crate::fragments;

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
    for (cut, incomplete) in [
        ("", false),
        ("--xXPub", false),
        ("--xXPubSubXx\r\n", false),
        ("--xXPubSubXx\r\ncontent-le", true),
        ("--xXPubSubXx\r\ncontent-length: 9\r\n", true),
    ] {
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
fn a_part_that_says_what_was_left_out_is_no_message() {
    let mut stream = Vec::new();
    let out = Stream { framing: Framing::Multipart, chunked: false };
    let Ok(()) = out.opening(&mut stream);
    let Ok(()) = out.gap(99, &mut stream);
    let Ok(()) = out.encode(100, b"hi", &mut stream);
    let Ok(()) = out.gap(u64::MAX, &mut stream);
    let Ok(()) = out.encode(101, b"", &mut stream);
    let gap = |messages: u64| Found::Other(format!("Gap({messages})"));
    let expected = [gap(99), message_of("hi"), gap(u64::MAX), message_of(""), Found::Other("0 ignored".into())];
    for sizes in [vec![], vec![1], vec![5]] {
        assert_eq!(read_parts(&fragments(&stream, &sizes), 8), expected);
    }
    // What has a body is a message, and what is no number says nothing.
    for (head, found) in [("content-length: 2\nX-Pubsub-Gap: 1", "hi"), ("x-pubsub-gap: 1x\ncontent-length: 0", "")] {
        let stream = format!("--xXPubSubXx\n{head}\n\n{found}\n");
        assert_eq!(read_parts(&[stream.as_bytes()], 8)[0], message_of(found));
    }
}

#[test]
fn a_body_longer_than_it_said_is_reported() {
    let stream = "--xXPubSubXx\r\ncontent-length: 2\r\n\r\nhi!\r\n--xXPubSubXx\r\ncontent-length: 0\r\n\r\n";
    let found = read_parts(&[stream.as_bytes()], 8);
    let error = Found::Other("Malformed(NoBoundary)".into());
    assert_eq!(found, [message_of("hi"), error, message_of(""), Found::Other("1 ignored".into())]);
}

#[test]
fn headers_over_their_limit_are_reported() {
    // With the line of the length and the empty one they have just as many bytes as they may.
    let length = "content-length: 2\r\n\r\n";
    for (more, first) in [(0, message_of("hi")), (1, Found::Other("Malformed(HeadersTooLong)".into()))] {
        let field = "x".repeat(multipart::MAX_HEADERS as usize - length.len() - 2 + more);
        let stream = format!("--xXPubSubXx\r\n{field}\r\n{length}hi\r\n");
        for sizes in [vec![], vec![7]] {
            assert_eq!(read_parts(&fragments(stream.as_bytes(), &sizes), 8)[0], first);
        }
    }
}

/// The limit falls on each byte of the line end, the boundary and what follows it.
#[test]
fn the_part_behind_headers_over_their_limit_arrives() {
    let limit = multipart::MAX_HEADERS as usize;
    for length in limit - 20..=limit {
        let stream = format!(
            "--xXPubSubXx\r\n{}\n--xXPubSubXx\r\ncontent-length: 2\r\n\r\nhi\r\n--xXPubSubXx\r\n",
            "x".repeat(length)
        );
        let found = read_parts(&[stream.as_bytes()], 8);
        // Before the limit it is a part without a length.
        let seen = if length + 15 > limit { "Malformed(HeadersTooLong)" } else { "Malformed(NoLength)" };
        assert_eq!(found[..2], [Found::Other(seen.into()), message_of("hi")], "{length}");
    }
}
