//! Frames that a client of a WebSocket sends, in any fragments, beside tungstenite.
#![no_main]

use std::io::{Cursor, Read, Write};

use libfuzzer_sys::fuzz_target;
use streamgauge_core::wire::websocket::{ClientFrames, Error, Event, MAX_DATA, write_message};
use streamgauge_fuzz::{cuts_and_stream, fragments};
use tungstenite::protocol::{Message, Role, WebSocket, WebSocketConfig};

/// A socket that holds what its peer sent, and forgets what it is sent.
struct Wire<'a>(Cursor<&'a [u8]>);

impl Read for Wire<'_> {
    fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(room)
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[derive(Debug, PartialEq)]
enum Found {
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>),
}

fn ours<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Found>, Option<Error>, u64) {
    let mut frames = ClientFrames::new();
    let mut found = Vec::new();
    for mut input in pieces {
        loop {
            match frames.decode(&mut input) {
                Ok(Some(Event::Ping(payload))) => found.push(Found::Ping(payload.to_vec())),
                Ok(Some(Event::Pong(payload))) => found.push(Found::Pong(payload.to_vec())),
                Ok(Some(Event::Close(code))) => found.push(Found::Close(code)),
                Ok(None) => break,
                Err(error) => return (found, Some(error), frames.skipped()),
            }
        }
        assert!(input.is_empty());
    }
    (found, None, frames.skipped())
}

fn theirs(bytes: &[u8], role: Role) -> (Vec<Message>, Option<tungstenite::Error>) {
    let config =
        WebSocketConfig::default().max_message_size(Some(MAX_DATA as usize)).max_frame_size(Some(MAX_DATA as usize));
    let mut socket = WebSocket::from_raw_socket(Wire(Cursor::new(bytes)), role, Some(config));
    let mut read = Vec::new();
    loop {
        match socket.read() {
            Ok(message) => read.push(message),
            Err(tungstenite::Error::Io(_) | tungstenite::Error::ConnectionClosed) => return (read, None),
            Err(tungstenite::Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake)) => {
                return (read, None);
            }
            Err(error) => return (read, Some(error)),
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let (cuts, stream) = cuts_and_stream(data);
    let (mut found, error, skipped) = ours(fragments(cuts, stream));
    assert_eq!(ours(core::iter::once(stream)), ours(fragments(cuts, stream)));

    let mut written = Vec::new();
    write_message(stream, &mut written).unwrap();
    if stream.len() <= MAX_DATA as usize {
        let (read, wrong) = theirs(&written, Role::Client);
        assert!(wrong.is_none() && read.len() == 1 && read[0].clone().into_data() == stream);
    }

    let (read, wrong) = theirs(stream, Role::Server);
    match (error, &wrong) {
        // It looks at the text of messages, which are only skipped here, and takes lengths that are not the shortest, also
        // those of a ping, a pong and a close.
        (Some(Error::Length | Error::TooLong | Error::Control), _) | (_, Some(tungstenite::Error::Utf8(_))) => return,
        _ => assert!(error.is_some() || wrong.is_none(), "{wrong:?}"),
    }
    let mut data = 0;
    let mut expected = Vec::new();
    for message in read {
        match message {
            Message::Ping(payload) => expected.push(Found::Ping(payload.to_vec())),
            Message::Pong(payload) => expected.push(Found::Pong(payload.to_vec())),
            Message::Close(close) => expected.push(Found::Close(close.map(|close| close.code.into()))),
            _ => data += 1,
        }
    }
    // A bad gateway is among IANA's numbers, and not among those that it takes: it has a protocol error instead.
    for one in &mut found {
        if *one == Found::Close(Some(1014)) {
            *one = Found::Close(Some(1002));
        }
    }
    // There a close with a number that nobody may send is an event, and answered with 1002.
    if error == Some(Error::CloseCode) && wrong.is_none() {
        expected.pop();
    }
    assert_eq!((found, skipped), (expected, data));
});
