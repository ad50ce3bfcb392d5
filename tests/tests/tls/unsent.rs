//! A socket that is full in the middle of the last record: what the session has taken is not sent.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrStorage, connect, setsockopt, socket, sockopt};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use streamgauge_tests::wait::SOON;

use crate::gauge::Gauge;
use crate::have_clients;

/// Bytes of a line, and of a record.
const LINE: usize = 1_000;
const RECORD: usize = 16 << 10;

/// What a stream begins with.
const OPENING: &[u8] = b"\r\n";

fn line() -> Vec<u8> {
    [&b"x".repeat(LINE - 1)[..], b"\n"].concat()
}

/// A subscriber whose own buffer is small, and who reads when it is asked to.
struct Idle {
    stream: StreamOwned<ClientConnection, TcpStream>,
    heard: Vec<u8>,
}

impl Idle {
    fn new(gauge: &Gauge) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(gauge.file("ca.pem")).unwrap()).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let session = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
        let socket = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
        setsockopt(&socket, sockopt::RcvBuf, &4_096).unwrap();
        connect(std::os::fd::AsRawFd::as_raw_fd(&socket.as_fd()), &SockaddrStorage::from(gauge.address)).unwrap();
        let socket = TcpStream::from(socket);
        socket.set_read_timeout(Some(SOON)).unwrap();
        let mut idle = Self { stream: StreamOwned::new(session, socket), heard: Vec::new() };
        idle.stream.write_all(b"GET /sub?multipart=0 HTTP/1.0\r\nhost: localhost\r\n\r\n").unwrap();
        while !idle.heard.ends_with(b"\r\n\r\n") {
            idle.read(1).unwrap();
        }
        idle.heard.clear();
        idle
    }

    fn read(&mut self, most: usize) -> std::io::Result<usize> {
        let before = self.heard.len();
        self.heard.resize(before + most, 0);
        let read = self.stream.read(&mut self.heard[before..]);
        self.heard.truncate(before + read.as_ref().unwrap_or(&0));
        read
    }
}

/// Publishes so many lines to nobody but a subscriber who does not read; whether some of them wait for its socket.
fn publish(gauge: &Gauge, lines: usize) -> (Idle, bool) {
    gauge.has(0);
    let idle = Idle::new(gauge);
    std::fs::write(gauge.file("lines"), line().repeat(lines)).unwrap();
    let data = format!("@{}", gauge.file("lines").display());
    gauge.curl(&["--header", "expect:", "--data-binary", &data, &gauge.url("/pub")]).unwrap();
    let behind = || {
        let clients: serde_json::Value = serde_json::from_str(&gauge.ask("/clients?format=json")).unwrap();
        clients["clients"][0]["lag_bytes"].as_u64().unwrap()
    };
    // Until as much is sent as can be.
    let mut last = (behind(), Instant::now());
    while last.1.elapsed() < Duration::from_millis(150) {
        std::thread::sleep(Duration::from_millis(5));
        let now = behind();
        if now != last.0 {
            last = (now, Instant::now());
        }
    }
    (idle, last.0 > 0)
}

#[test]
fn the_last_record_comes_though_the_socket_was_full_in_the_middle_of_it() {
    if !have_clients() {
        return;
    }
    let limits = ["--max-body-bytes=16MiB", "--log-bytes=64MiB", "--max-lag-bytes=32MiB"];
    let gauge = Gauge::new(&limits);
    // How much a socket takes depends on the kernel, and is the same each time.
    let (mut taken, mut too_much) = (0, 12_000);
    assert!(publish(&gauge, too_much).1, "a socket that takes {too_much} lines");
    while too_much - taken > 1 {
        let lines = taken.midpoint(too_much);
        *if publish(&gauge, lines).1 { &mut too_much } else { &mut taken } = lines;
    }
    let record = RECORD / LINE;
    let around = [taken - record, taken + record].map(|lines| publish(&gauge, lines).1);
    assert_eq!(around, [false, true], "{taken} lines are as many as a socket takes, or nearly");
    // Of somewhat less the last record is taken by the session, and not by the socket.
    for less in 0..=record {
        let (mut idle, _) = publish(&gauge, taken - less);
        let all = [OPENING, &line().repeat(taken - less)].concat();
        while idle.heard.len() < all.len() {
            match idle.read(64 << 10) {
                Ok(read) => assert!(read > 0, "the stream has ended"),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    panic!("{} of {} bytes come, and no more", idle.heard.len(), all.len())
                }
                Err(error) => panic!("{error}"),
            }
        }
        assert!(idle.heard == all, "other bytes than were published");
    }
}
