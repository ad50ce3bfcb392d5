//! WebSocket frames, as tungstenite writes and reads them.

use std::io::{Cursor, Read, Write};

use proptest::collection::vec;
use proptest::prelude::*;
use streamgauge_core::wire::websocket::{
    ClientFrames, Error, Event, MAX_CONTROL, MAX_DATA, frame_len, write_close, write_ping, write_pong,
};
use streamgauge_core::wire::{Framing, Stream};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, Message, Role, WebSocket, WebSocketConfig};

use crate::{Bytes, fragments, sizes};

const STREAM: Stream = Stream { framing: Framing::WebSocket, chunked: false };

/// A socket that holds what its peer sent, and forgets what it is sent.
struct Wire(Cursor<Bytes>);

impl Read for Wire {
    fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(room)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What tungstenite reads, and whether it found the bytes wrong rather than at their end.
fn theirs(bytes: &[u8], role: Role) -> (Vec<Message>, Option<tungstenite::Error>) {
    let config =
        WebSocketConfig::default().max_message_size(Some(MAX_DATA as usize)).max_frame_size(Some(MAX_DATA as usize));
    let mut socket = WebSocket::from_raw_socket(Wire(Cursor::new(bytes.to_vec())), role, Some(config));
    let mut read = Vec::new();
    loop {
        match socket.read() {
            Ok(message) => read.push(message),
            Err(error) => {
                let end = match &error {
                    tungstenite::Error::Io(_) | tungstenite::Error::ConnectionClosed => true,
                    tungstenite::Error::Protocol(protocol) => {
                        matches!(protocol, tungstenite::error::ProtocolError::ResetWithoutClosingHandshake)
                    }
                    _ => false,
                };
                return (read, (!end).then_some(error));
            }
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Found {
    Ping(Bytes),
    Pong(Bytes),
    Close(Option<u16>),
}

fn ours(pieces: &[&[u8]]) -> (Vec<Found>, Option<Error>, u64) {
    let mut frames = ClientFrames::new();
    let mut found = Vec::new();
    for piece in pieces {
        let mut input = *piece;
        loop {
            match frames.decode(&mut input) {
                Ok(Some(Event::Ping(payload))) => found.push(Found::Ping(payload.to_vec())),
                Ok(Some(Event::Pong(payload))) => found.push(Found::Pong(payload.to_vec())),
                Ok(Some(Event::Close(code))) => found.push(Found::Close(code)),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(frames.decode(&mut &b"\x89\x80\0\0\0\0"[..]), Err(error), "it stays");
                    return (found, Some(error), frames.skipped());
                }
            }
        }
        assert!(input.is_empty());
    }
    (found, None, frames.skipped())
}

/// One frame as a client sends it, if these are what a client may send.
fn frame(first: u8, payload: &[u8], mask: [u8; 4]) -> Bytes {
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..=125 => frame.push(0x80 | len as u8),
        len @ 126..=0xffff => {
            frame.push(0x80 | 126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// Bytes near what a client may send: mostly whole frames, some of them in fragments, wrong, or cut.
fn near() -> impl Strategy<Value = Bytes> {
    let first = prop_oneof![
        6 => proptest::sample::select(vec![0x81, 0x82, 0x88, 0x89, 0x8a, 0x01, 0x02, 0x00, 0x80]),
        1 => any::<u8>(),
    ];
    let payload = prop_oneof![
        vec(0x20..0x7f_u8, 0..12),
        vec(any::<u8>(), 0..130),
        (0..5200_u16, vec(0x20..0x7f_u8, 0..6)).prop_map(|(code, text)| [&code.to_be_bytes()[..], &text].concat()),
    ];
    let whole = (first, payload, any::<[u8; 4]>()).prop_map(|(first, payload, mask)| frame(first, &payload, mask));
    vec(prop_oneof![20 => whole, 1 => vec(any::<u8>(), 0..16)], 0..8).prop_map(|frames| frames.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_written_is_what_a_client_reads(
        messages in vec(prop_oneof![vec(any::<u8>(), 0..300), ".{0,90}".prop_map(String::into_bytes)], 0..6),
        pong in vec(any::<u8>(), 0..MAX_CONTROL), first in any::<u64>()
    ) {
        let mut sent = Vec::new();
        STREAM.opening(&mut sent).unwrap();
        let mut expected = Vec::new();
        for (number, message) in messages.iter().enumerate() {
            let before = sent.len();
            let sequence = first.wrapping_add(number as u64);
            STREAM.encode(sequence, message, &mut sent).unwrap();
            prop_assert_eq!(sent.len() - before, STREAM.framed_len(sequence, message));
            expected.push(match std::str::from_utf8(message) {
                Ok(text) => Message::text(text),
                Err(_) => Message::binary(message.clone()),
            });
            STREAM.comment(&mut sent).unwrap();
            STREAM.gap(3, &mut sent).unwrap();
            expected.extend([Message::Ping(Vec::new().into()), Message::text("{\"gap\":3}")]);
        }
        write_pong(&pong, &mut sent).unwrap();
        expected.push(Message::Pong(pong.into()));
        STREAM.raw(b"last words", &mut sent).unwrap();
        STREAM.raw(b"", &mut sent).unwrap();
        expected.push(Message::text("last words"));
        STREAM.end(&mut sent).unwrap();
        expected.push(Message::Close(None));
        let (read, wrong) = theirs(&sent, Role::Client);
        prop_assert_eq!(read, expected);
        prop_assert!(wrong.is_none(), "{:?}", wrong);
    }

    #[test]
    fn any_bytes_are_read_alike_in_any_fragmentation_and_as_tungstenite_reads_them(
        bytes in near(), sizes in sizes()
    ) {
        let whole = ours(&[&bytes]);
        prop_assert_eq!(&ours(&fragments(&bytes, &sizes)), &whole);
        let (found, error, skipped) = whole;
        let (read, wrong) = theirs(&bytes, Role::Server);
        // It looks at the text of messages, which are only skipped here, and takes lengths that are not the shortest.
        match (&error, &wrong) {
            (Some(Error::Length | Error::TooLong), _) | (_, Some(tungstenite::Error::Utf8(_))) => return Ok(()),
            _ => {}
        }
        let mut data = 0;
        let mut expected = Vec::new();
        for message in read {
            match message {
                Message::Ping(payload) => expected.push(Found::Ping(payload.to_vec())),
                Message::Pong(payload) => expected.push(Found::Pong(payload.to_vec())),
                // IANA's registry has 1014, too, which is wrong there.
                Message::Close(Some(CloseFrame { code: CloseCode::Protocol, .. }))
                    if found.last() == Some(&Found::Close(Some(1014))) =>
                {
                    expected.push(Found::Close(Some(1014)));
                }
                Message::Close(close) => {
                    expected.push(Found::Close(close.map(|CloseFrame { code, .. }| code.into())));
                }
                _ => data += 1,
            }
        }
        if error == Some(Error::CloseCode) && wrong.is_none() {
            // There a close with a number that nobody may send is an event, and answered with 1002.
            prop_assert!(matches!(expected.pop(), Some(Found::Close(_)) | None), "{:?}", expected);
        }
        // What is wrong is said here as soon as it is seen, and there once the frame is whole.
        prop_assert!(error.is_some() || wrong.is_none(), "{:?}", wrong);
        prop_assert_eq!((found, skipped), (expected, data));
    }
}

#[test]
fn each_fault_has_its_name() {
    let mask = [1, 2, 3, 4];
    let error = |bytes: &[u8]| ours(&[bytes]).1;
    for (bytes, expected, code) in [
        (frame(0xc1, b"", mask), Error::Reserved, 1002),
        (frame(0x83, b"", mask), Error::Reserved, 1002),
        (frame(0x8b, b"", mask), Error::Reserved, 1002),
        (vec![0x81, 0x01, b'x'], Error::NotMasked, 1002),
        (frame(0x09, b"", mask), Error::Control, 1002),
        (frame(0x89, &[b'x'; 126], mask), Error::Control, 1002),
        (frame(0x80, b"", mask), Error::Fragment, 1002),
        ([frame(0x01, b"x", mask), frame(0x81, b"x", mask)].concat(), Error::Fragment, 1002),
        (b"\x81\xfe\0\x7d\0\0\0\0".to_vec(), Error::Length, 1002),
        (b"\x81\xff\0\0\0\0\0\0\xff\xff\0\0\0\0".to_vec(), Error::Length, 1002),
        (b"\x81\xff\x80\0\0\0\0\0\0\0\0\0\0\0".to_vec(), Error::Length, 1002),
        (frame(0x88, b"\x03", mask), Error::CloseCode, 1002),
        (frame(0x88, &1005_u16.to_be_bytes(), mask), Error::CloseCode, 1002),
        (frame(0x88, b"\x03\xe8\xff", mask), Error::CloseText, 1007),
        (frame(0x82, &vec![0; MAX_DATA as usize + 1], mask), Error::TooLong, 1009),
    ] {
        assert_eq!((error(&bytes), expected.close_code()), (Some(expected), code), "{bytes:x?}");
        assert!(!expected.to_string().is_empty());
    }
    let halves = [frame(0x02, &vec![0; MAX_DATA as usize], mask), frame(0x80, b"", mask)].concat();
    assert_eq!(ours(&[&halves]), (vec![], None, 1), "exactly the limit is no excess");
    let beyond = [frame(0x02, &vec![0; MAX_DATA as usize], mask), frame(0x80, b"x", mask)].concat();
    assert_eq!(error(&beyond), Some(Error::TooLong));
    let after = [frame(0x88, b"", mask), b"whatever".to_vec()].concat();
    assert_eq!(ours(&[&after]), (vec![Found::Close(None)], None, 0), "nothing counts after a close");
}

#[test]
fn heads_are_as_long_as_they_must_be() {
    for (len, head) in [(125, 2), (126, 4), (0xffff, 4), (0x1_0000, 10)] {
        let mut out = Vec::new();
        Framing::WebSocket.encode(7, &vec![b'x'; len], &mut out).unwrap();
        assert_eq!((out.len(), frame_len(len)), (head + len, head + len));
        assert_eq!(theirs_of(&out), Message::text("x".repeat(len)));
    }
    let mut out = Vec::new();
    write_ping(&mut out).unwrap();
    write_pong(&[b'x'; 200], &mut out).unwrap();
    write_close(Some(1002), &mut out).unwrap();
    let expected = [&b"\x89\x00\x8a\x7d"[..], &[b'x'; 125], b"\x88\x02\x03\xea"].concat();
    assert_eq!(out, expected, "a pong is cut to what a frame may carry");
}

fn theirs_of(bytes: &[u8]) -> Message {
    let config = WebSocketConfig::default();
    WebSocket::from_raw_socket(Wire(Cursor::new(bytes.to_vec())), Role::Client, Some(config)).read().unwrap()
}
