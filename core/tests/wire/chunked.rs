//! Chunks that are no chunks.

use streamgauge_core::wire::chunked::{self, Error};

use crate::decoded::read_chunks;
use crate::fragments;

#[test]
fn chunks_that_could_be_read_in_two_ways_are_errors() {
    let cases = [
        ("\r\n", Error::Size),
        (";a\r\n", Error::Size),
        ("-1\r\n", Error::Size),
        (" 1\r\n", Error::Size),
        (" \r\n", Error::Size),
        ("\t;a\r\n", Error::Size),
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
