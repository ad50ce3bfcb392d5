//! What is said to each server, and how its answers are told from each other.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use crate::client::show;
use crate::wait::SOON;

/// What is put.
const ITEM: [u8; 100] = [b'x'; 100];

/// The protocol of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speech {
    Http,
    Redis,
    /// With streams: an answer is a message to the inbox of who has published.
    Nats,
}

/// What the bytes that have come begin with.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    /// Less than an answer.
    Part,
    /// So many bytes that say yes.
    Success(usize),
    /// So many bytes that answer nothing, and what has to be said to them.
    Aside(usize, &'static [u8]),
    Refusal,
}

impl Speech {
    /// What a connection begins with, if it has to: a success follows.
    fn greeting(self, connection: usize) -> Option<String> {
        // Whoever is not told that nobody listens waits for ever.
        let connect = r#"CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}"#;
        (self == Self::Nats).then(|| format!("{connect}\r\nSUB {} 1\r\nPING\r\n", inbox(connection)))
    }

    /// One item for the queue, list or stream `beside`.
    pub(super) fn put(self, connection: usize) -> Vec<u8> {
        let length = ITEM.len();
        let (head, tail) = match self {
            Self::Http => {
                let head = "POST /put?queue=beside HTTP/1.1\r\nHost: localhost\r\nContent-Length";
                (format!("{head}: {length}\r\n\r\n"), "")
            }
            Self::Redis => (format!("*3\r\n$5\r\nLPUSH\r\n$6\r\nbeside\r\n${length}\r\n"), "\r\n"),
            Self::Nats => (format!("PUB beside {} {length}\r\n", inbox(connection)), "\r\n"),
        };
        [head.as_bytes(), &ITEM, tail.as_bytes()].concat()
    }

    fn hear(self, bytes: &[u8]) -> Heard {
        match self {
            Self::Http => hear_http(bytes),
            Self::Redis => hear_redis(bytes),
            Self::Nats => hear_nats(bytes),
        }
    }
}

/// A request to the service of streams, which is answered like a put.
pub(super) fn stream_request(connection: usize, subject: &str, body: &str) -> String {
    format!("PUB $JS.API.STREAM.{subject} {} {}\r\n{body}\r\n", inbox(connection), body.len())
}

fn inbox(connection: usize) -> String {
    format!("_INBOX.beside.{connection}")
}

fn hear_http(bytes: &[u8]) -> Heard {
    let Some(head) = to(bytes, b"\r\n\r\n") else { return Heard::Part };
    let mut lines = head.split(|byte| *byte == b'\n');
    if !lines.next().is_some_and(|status| status.starts_with(b"HTTP/1.1 2")) {
        return Heard::Refusal;
    }
    let body = lines.find_map(|line| {
        let (name, value) = line.split_at_checked(b"content-length:".len())?;
        name.eq_ignore_ascii_case(b"content-length:").then(|| number(value))?
    });
    body.map_or(Heard::Refusal, |body| whole(bytes, head.len() + body))
}

fn hear_redis(bytes: &[u8]) -> Heard {
    match (bytes.first(), to(bytes, b"\r\n")) {
        (None, _) | (_, None) => Heard::Part,
        (Some(b':' | b'+'), Some(line)) => Heard::Success(line.len()),
        _ => Heard::Refusal,
    }
}

fn hear_nats(bytes: &[u8]) -> Heard {
    let Some(line) = to(bytes, b"\r\n") else { return Heard::Part };
    match line.split(|byte| *byte == b' ' || *byte == b'\r').next() {
        Some(b"MSG") => {
            let length = line.rsplit(|byte| *byte == b' ').next().and_then(number);
            let Some(length) = length.map(|body| line.len() + body + 2) else { return Heard::Refusal };
            match bytes.get(line.len()..length) {
                None => Heard::Part,
                Some(body) if body.windows(7).any(|some| some == b"\"error\"") => Heard::Refusal,
                Some(_) => Heard::Success(length),
            }
        }
        Some(b"PONG") => Heard::Success(line.len()),
        Some(b"PING") => Heard::Aside(line.len(), b"PONG\r\n"),
        Some(b"INFO") => Heard::Aside(line.len(), b""),
        // Only a message that nobody took comes with a head.
        _ => Heard::Refusal,
    }
}

fn whole(bytes: &[u8], length: usize) -> Heard {
    if bytes.len() < length { Heard::Part } else { Heard::Success(length) }
}

/// All up to and with `end`.
fn to<'a>(bytes: &'a [u8], end: &[u8]) -> Option<&'a [u8]> {
    let at = bytes.windows(end.len()).position(|some| some == end)?;
    bytes.get(..at + end.len())
}

fn number(bytes: &[u8]) -> Option<usize> {
    std::str::from_utf8(bytes).ok()?.trim().parse().ok()
}

/// A connection, and what has come on it.
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

#[cfg(test)]
mod tests {
    use super::*;

    const PUT: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: y\r\n\r\nok";
    const ACK: &[u8] = b"MSG _INBOX.beside.3 1 27\r\n{\"stream\":\"BESIDE\",\"seq\":1}\r\n";

    #[test]
    fn an_answer_is_one_when_all_of_it_is_there_and_ends_where_it_does() {
        for (speech, answer) in [(Speech::Http, PUT), (Speech::Redis, b":12\r\n"), (Speech::Nats, ACK)] {
            for end in 0..answer.len() {
                assert_eq!(speech.hear(&answer[..end]), Heard::Part, "{speech:?}, {end} bytes");
            }
            let two = answer.repeat(2);
            assert_eq!(speech.hear(&two), Heard::Success(answer.len()), "{speech:?}");
        }
    }

    #[test]
    fn what_is_no_success_is_a_refusal() {
        let refusals: [(Speech, &[u8]); 7] = [
            (Speech::Http, b"HTTP/1.1 507 Insufficient Storage\r\nContent-Length: 0\r\n\r\n"),
            (Speech::Http, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
            (Speech::Redis, b"-MISCONF cannot write\r\n"),
            (Speech::Redis, b"$-1\r\n"),
            (Speech::Nats, b"-ERR 'Unknown Protocol Operation'\r\n"),
            (Speech::Nats, b"HMSG _INBOX.beside.3 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n"),
            (Speech::Nats, b"MSG _INBOX.beside.3 1 24\r\n{\"error\":{\"code\":503}}   \r\n"),
        ];
        for (speech, refusal) in refusals {
            assert_eq!(speech.hear(refusal), Heard::Refusal, "{}", show(refusal));
        }
    }

    #[test]
    fn what_answers_nothing_is_told_apart() {
        assert_eq!(Speech::Nats.hear(b"PING\r\nMSG"), Heard::Aside(6, b"PONG\r\n"));
        assert_eq!(Speech::Nats.hear(b"INFO {\"a\":1}\r\n"), Heard::Aside(14, b""));
        assert_eq!(Speech::Nats.hear(b"PONG\r\n"), Heard::Success(6));
    }
}
