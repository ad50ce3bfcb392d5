//! A connection to a server, and what has come on it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use super::speech::{Heard, Speech};
use crate::client::show;
use crate::wait::SOON;

/// A connection whose answers are only told apart.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    speech: Speech,
    buffer: Box<[u8]>,
    /// What was not yet looked at is from here to `end`.
    start: usize,
    end: usize,
}

impl Connection {
    /// Connects and greets; `number` is no other's.
    pub(super) fn open(address: SocketAddr, speech: Speech, number: usize) -> Self {
        let stream = TcpStream::connect_timeout(&address, SOON).unwrap_or_else(|error| panic!("{address}: {error}"));
        stream.set_nodelay(true).expect("an option of the socket");
        stream.set_read_timeout(Some(SOON)).expect("a timeout of the socket");
        stream.set_write_timeout(Some(SOON)).expect("a timeout of the socket");
        let mut connection = Self { stream, speech, buffer: vec![0; 16 << 10].into(), start: 0, end: 0 };
        if let Some(greeting) = speech.greeting(number) {
            connection.ask(&greeting);
        }
        connection
    }

    /// The answer to a request, which is waited for.
    pub(super) fn ask(&mut self, request: &str) -> String {
        self.send(request.as_bytes());
        loop {
            if let Some(answer) = self.answer() {
                return String::from_utf8_lossy(answer).into_owned();
            }
            self.read();
        }
    }

    /// Sends bytes of which a socket with nothing else to send takes all.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server takes what is sent");
    }

    /// Takes what has come.
    pub(super) fn read(&mut self) {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        let read = self.stream.read(&mut self.buffer[self.end..]).expect("an answer within time, of some KiB");
        assert!(read > 0, "the server has closed a connection after: {}", show(&self.buffer[..self.end]));
        self.end += read;
    }

    /// The next answer of those that have come whole.
    pub(super) fn answer(&mut self) -> Option<&[u8]> {
        loop {
            let come = &self.buffer[self.start..self.end];
            match self.speech.hear(come) {
                Heard::Part => return None,
                Heard::Success(length) => {
                    self.start += length;
                    return Some(&self.buffer[self.start - length..self.start]);
                }
                Heard::Aside(length, reply) => {
                    self.start += length;
                    self.send(reply);
                }
                Heard::Refusal => panic!("the server says: {}", show(come)),
            }
        }
    }
}
