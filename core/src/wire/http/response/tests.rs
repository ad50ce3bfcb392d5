extern crate alloc;
use super::*;
use alloc::{format, string::String, vec, vec::Vec};
use proptest::prelude::*;

/// Everything that comes out, bodies joined, for input cut after each of `cuts` bytes.
fn transcript(stream: &[u8], cuts: &[usize], to_head: &[bool]) -> Vec<String> {
    let mut responses: Responses<_, 4> = Responses::new([0; 80]);
    let (mut seen, mut body, mut answers) = (vec![], vec![], 0);
    let mut rest = stream;
    let mut cuts = cuts.iter().copied().cycle();
    while !rest.is_empty() {
        let (read, after) = rest.split_at(cuts.next().unwrap_or(rest.len()).clamp(1, rest.len()));
        rest = after;
        let mut input = read;
        loop {
            let to_head = to_head.get(answers).copied().unwrap_or_default();
            match responses.decode(&mut input, to_head) {
                Ok(Some(Event::Head(head))) => {
                    let tag = String::from_utf8_lossy(head.field("x-tag").unwrap_or(b"-")).into_owned();
                    seen.push(format!("{} {:?} {} {tag}", head.status, head.body, head.keep_alive));
                }
                Ok(Some(Event::Body(bytes))) => body.extend_from_slice(bytes),
                Ok(Some(Event::Complete)) => {
                    seen.push(format!("complete {:?}", String::from_utf8_lossy(&body)));
                    body.clear();
                    answers += 1;
                }
                Ok(None) => break,
                Err(error) => {
                    seen.push(format!("{error:?}"));
                    return seen;
                }
            }
        }
        assert!(input.is_empty(), "all was taken");
    }
    seen.push(format!("{:?} {:?}", responses.finish(), String::from_utf8_lossy(&body)));
    seen
}

const PIPELINED: &[u8] = b"HTTP/1.1 200 OK\r\nX-Tag: a b\r\nContent-Length: 5\r\n\r\nhello\
    HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n\
    HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n\
    HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=y\r\nd\r\n0\r\nT: 1\r\n\r\n\
    HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\nHTTP/1.0 200 OK\r\n\r\nto the end";
const PIPELINED_TO_HEAD: &[bool] = &[false, false, true];

fn pipelined() -> Vec<String> {
    [
        "200 Length(5) true a b",
        "complete \"hello\"",
        "404 None true -",
        "complete \"\"",
        "200 None true -",
        "complete \"\"",
        "204 None true -",
        "complete \"\"",
        "200 Chunked true -",
        "complete \"abcd\"",
        "304 None true -",
        "complete \"\"",
        "200 UntilClose false -",
        "Ok(Complete) \"to the end\"",
    ]
    .map(String::from)
    .to_vec()
}

#[test]
fn answers_come_in_order_wherever_the_stream_is_cut_once() {
    let step = if cfg!(miri) { 61 } else { 1 };
    for at in (1..=PIPELINED.len()).step_by(step) {
        let cuts = [at, PIPELINED.len()];
        assert_eq!(transcript(PIPELINED, &cuts, PIPELINED_TO_HEAD), pipelined(), "cut at {at}");
    }
    for size in (1..100).step_by(step) {
        assert_eq!(transcript(PIPELINED, &[size], PIPELINED_TO_HEAD), pipelined(), "cut every {size}");
    }
}

proptest! {
    #[test]
    fn answers_come_in_order_wherever_the_stream_is_cut(cuts in proptest::collection::vec(1usize..40, 1..60)) {
        prop_assert_eq!(transcript(PIPELINED, &cuts, PIPELINED_TO_HEAD), pipelined());
    }

    #[test]
    fn no_bytes_make_it_panic(stream in proptest::collection::vec(any::<u8>(), 0..300), cut in 1usize..50) {
        transcript(&stream, &[cut], &[]);
        transcript(&[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", &stream[..]].concat(), &[cut], &[]);
    }
}

#[test]
fn each_error_is_the_same_in_one_piece_and_byte_by_byte() {
    let long = [b"HTTP/1.1 200 ".as_slice(), &[b'a'; 200], b"\r\n\r\n"].concat();
    for (stream, error) in [
        (&b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"[..], "ConflictingContentLengths"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "LengthAndTransferEncoding"),
        (b"HTTP/1.1 200 OK\r\na:1\r\nb:1\r\nc:1\r\nd:1\r\ne:1\r\n\r\n", "TooManyFields"),
        (b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\nmore", "AfterClose"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "BadChunk"),
        (b"SSH-2.0-OpenSSH\r\n", "Version"),
        (&long, "HeadTooLarge"),
    ] {
        for cut in [stream.len(), 1, 7] {
            let seen = transcript(stream, &[cut], &[]);
            assert_eq!(seen.last().map(String::as_str), Some(error), "{}", String::from_utf8_lossy(stream));
        }
    }
}

#[test]
fn the_end_of_the_connection_is_an_error_inside_an_answer_only() {
    for (stream, end) in [
        (&b""[..], "Ok(Idle) \"\""),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "Ok(Idle) \"\""),
        (b"HTTP/1.1 204 No", "Err(Truncated) \"\""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", "Err(Truncated) \"ab\""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", "Err(Truncated) \"a\""),
    ] {
        assert_eq!(transcript(stream, &[5], &[]).last().map(String::as_str), Some(end));
    }
}
