//! An HTTP client that sees every byte: no library stands between the test and the socket.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpStream};
use std::os::fd::AsRawFd as _;
use std::time::{Duration, Instant};

use nix::sys::socket::sockopt::RcvBuf;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, setsockopt, socket};

use crate::wait::SOON;

/// A connection, and what has arrived on it and was not looked at.
#[derive(Debug)]
pub struct Client {
    /// The socket.
    pub stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer that has arrived whole.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The head, up to and with its empty line.
    pub head: String,
    /// The body, out of its chunks if there were any.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    ///
    /// # Panics
    /// When it is none.
    pub fn text(self) -> String {
        String::from_utf8(self.body).expect("an answer of text")
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

impl Client {
    /// A new connection.
    ///
    /// # Panics
    /// When there is none.
    pub fn connect(address: SocketAddr) -> Self {
        Self::on(TcpStream::connect_timeout(&address, SOON).unwrap_or_else(|error| panic!("{address}: {error}")))
    }

    /// A new connection from the address `source` of this machine, such as 127.0.0.2: another client.
    ///
    /// # Panics
    /// When there is none.
    pub fn connect_from(source: Ipv4Addr, address: SocketAddr) -> Self {
        let SocketAddr::V4(address) = address else { panic!("{address} is not of IPv4") };
        let socket = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).expect("a socket");
        let fd = socket.as_raw_fd();
        bind(fd, &SockaddrIn::from(SocketAddrV4::new(source, 0))).unwrap_or_else(|error| panic!("{source}: {error}"));
        connect(fd, &SockaddrIn::from(address)).unwrap_or_else(|error| panic!("{address}: {error}"));
        Self::on(socket.into())
    }

    /// A new connection, if there is one within `limit`.
    pub fn try_connect(address: SocketAddr, limit: Duration) -> Option<Self> {
        TcpStream::connect_timeout(&address, limit).ok().map(Self::on)
    }

    /// On a connection that is there, of either side.
    ///
    /// # Panics
    /// When it is gone.
    pub fn on(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("an option of the socket");
        stream.set_write_timeout(Some(SOON)).expect("a timeout of the socket");
        Self { stream, buffer: Vec::new() }
    }

    /// A new connection whose operating system takes little that is not read.
    ///
    /// # Panics
    /// When there is none.
    pub fn connect_with_little_room(address: SocketAddr) -> Self {
        let client = Self::connect(address);
        setsockopt(&client.stream, RcvBuf, &4096).expect("an option of the socket");
        client
    }

    /// Sends bytes as they are.
    ///
    /// # Panics
    /// When the server does not take them.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("the server takes what is sent");
    }

    /// Sends bytes for as long as the server takes them.
    pub fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Says that nothing more will be sent.
    pub fn finish(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// GET, and the answer.
    ///
    /// # Panics
    /// When there is none.
    pub fn get(&mut self, target: &str) -> Answer {
        self.send(format!("GET {target} HTTP/1.1\r\nhost: localhost\r\n\r\n"));
        self.answer()
    }

    /// POST, and the answer.
    ///
    /// # Panics
    /// When there is none.
    pub fn post(&mut self, target: &str, body: impl AsRef<[u8]>) -> Answer {
        self.ask("POST", target, body.as_ref())
    }

    /// PUT, and the answer.
    ///
    /// # Panics
    /// When there is none.
    pub fn put(&mut self, target: &str, body: impl AsRef<[u8]>) -> Answer {
        self.ask("PUT", target, body.as_ref())
    }

    fn ask(&mut self, method: &str, target: &str, body: &[u8]) -> Answer {
        let length = body.len();
        let head = format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n");
        self.send([head.as_bytes(), body].concat());
        self.answer()
    }

    /// The answer to a request, if it has come whole within `limit`; without one the connection is of no more use.
    ///
    /// # Panics
    /// When it is no HTTP.
    pub fn try_ask(&mut self, request: &[u8], limit: Duration) -> Option<Answer> {
        let deadline = Instant::now() + limit;
        if !self.try_send(request) {
            return None;
        }
        while !self.has_answer() {
            let left = deadline.saturating_duration_since(Instant::now());
            self.read_within(left).filter(|n| *n > 0)?;
        }
        Some(self.answer())
    }

    /// Whether all of the next answer is here.
    fn has_answer(&self) -> bool {
        let end_of = |end: &[u8]| self.buffer.windows(end.len()).position(|part| part == end).map(|at| at + end.len());
        let Some(end) = end_of(b"\r\n\r\n") else { return false };
        let head = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
        let answer = Answer { status: 0, head, body: Vec::new() };
        match answer.header("content-length").map(|length| length.parse::<usize>()) {
            Some(length) => self.buffer.len() - end >= length.expect("a length"),
            None => answer.header("transfer-encoding").is_none() || end_of(b"\r\n0\r\n\r\n").is_some(),
        }
    }

    /// The next answer.
    ///
    /// # Panics
    /// When there is none, or it is no HTTP.
    pub fn answer(&mut self) -> Answer {
        let head = self.head();
        let status = head.get(9..12).and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("no status: {head}"));
        let mut answer = Answer { status, head, body: Vec::new() };
        if answer.header("transfer-encoding").is_some() {
            while let Some(chunk) = self.chunk() {
                answer.body.extend(chunk);
            }
        } else if let Some(length) = answer.header("content-length") {
            answer.body = self.take(length.parse().expect("a length"));
        }
        answer
    }

    /// The next head.
    ///
    /// # Panics
    /// When there is none.
    pub fn head(&mut self) -> String {
        String::from_utf8(self.take_to(b"\r\n\r\n")).expect("a head of text")
    }

    /// The next chunk; `None` for the last.
    ///
    /// # Panics
    /// When what comes is none.
    pub fn chunk(&mut self) -> Option<Vec<u8>> {
        self.try_chunk().expect("a chunk")
    }

    /// The next chunk, `Some(None)` for the last; `None` when the connection ends without one.
    ///
    /// # Panics
    /// When what comes is none.
    pub fn try_chunk(&mut self) -> Option<Option<Vec<u8>>> {
        while !self.buffer.windows(2).any(|pair| pair == b"\r\n") {
            if !self.read_more() {
                return None;
            }
        }
        let line = String::from_utf8(self.take_to(b"\r\n")).expect("the length of a chunk");
        let length = usize::from_str_radix(line.trim_end(), 16).unwrap_or_else(|_| panic!("no chunk: {line:?}"));
        while self.buffer.len() < length + 2 {
            if !self.read_more() {
                return None;
            }
        }
        let mut chunk = self.take(length + 2);
        assert_eq!(chunk.split_off(length), b"\r\n", "the end of a chunk");
        Some(Some(chunk).filter(|chunk| !chunk.is_empty()))
    }

    /// The next `n` bytes.
    ///
    /// # Panics
    /// When there are fewer.
    pub fn take(&mut self, n: usize) -> Vec<u8> {
        while self.buffer.len() < n {
            assert!(self.read_more(), "the connection ended: {}", show(&self.buffer));
        }
        self.buffer.drain(..n).collect()
    }

    /// All up to and with `end`.
    ///
    /// # Panics
    /// When it doesn't come.
    pub fn take_to(&mut self, end: &[u8]) -> Vec<u8> {
        let mut searched = 0;
        loop {
            if let Some(at) = self.buffer[searched..].windows(end.len()).position(|part| part == end) {
                return self.take(searched + at + end.len());
            }
            searched = self.buffer.len().saturating_sub(end.len());
            assert!(self.read_more(), "the connection ended: {}", show(&self.buffer));
        }
    }

    /// The same; `None` when the connection ends before, or nothing comes for so long.
    pub fn try_take_to(&mut self, end: &[u8], limit: Duration) -> Option<Vec<u8>> {
        let mut searched = 0;
        loop {
            if let Some(at) = self.buffer[searched..].windows(end.len()).position(|part| part == end) {
                return Some(self.take(searched + at + end.len()));
            }
            searched = self.buffer.len().saturating_sub(end.len());
            self.read_within(limit).filter(|n| *n > 0)?;
        }
    }

    /// The next byte, which stays; `None` at the end.
    pub fn peek(&mut self) -> Option<u8> {
        if self.buffer.is_empty() && !self.read_more() {
            return None;
        }
        self.buffer.first().copied()
    }

    /// Everything until the server closes. A reset counts as an end.
    ///
    /// # Panics
    /// When it doesn't close.
    pub fn rest(&mut self) -> Vec<u8> {
        while self.read_more() {}
        std::mem::take(&mut self.buffer)
    }

    /// What has arrived, once nothing has come for `silence`.
    pub fn so_far(&mut self, silence: Duration) -> Vec<u8> {
        while self.read_within(silence).is_some_and(|n| n > 0) {}
        std::mem::take(&mut self.buffer)
    }

    /// Whether anything came within `limit`; it is kept.
    pub fn has_more_within(&mut self, limit: Duration) -> bool {
        !self.buffer.is_empty() || self.read_within(limit).is_some_and(|n| n > 0)
    }

    /// Whether there was more before the end.
    fn read_more(&mut self) -> bool {
        let n = self.read_within(SOON);
        n.unwrap_or_else(|| panic!("nothing came for {SOON:?}; before: {}", show(&self.buffer))) > 0
    }

    /// `None` when the time is over.
    fn read_within(&mut self, limit: Duration) -> Option<usize> {
        let deadline = Instant::now() + limit;
        let mut bytes = [0; 1 << 16];
        loop {
            let left = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
            self.stream.set_read_timeout(Some(left)).expect("a timeout of the socket");
            match self.stream.read(&mut bytes) {
                Ok(n) => {
                    self.buffer.extend_from_slice(&bytes[..n]);
                    return Some(n);
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return None,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Some(0),
            }
        }
    }
}

/// Bytes as one can read them.
pub fn show(bytes: &[u8]) -> String {
    let mut text = bytes.escape_ascii().to_string();
    if text.len() > 2000 {
        text.truncate(2000);
        text.push('…');
    }
    text
}
