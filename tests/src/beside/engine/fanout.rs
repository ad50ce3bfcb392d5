//! Subscribers, shared by two gateways or by two servers: what a delivery takes.

use std::io::{ErrorKind, Read as _};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};

use crate::beside::crowd::Crowd;
use crate::beside::speech::{ITEM, Speech};
use crate::beside::usage::cpu_of;
use crate::beside::{LOOK, Load, look_whether_asked};
use crate::client::Client;
use crate::process::Server;
use crate::wait::SOON;

/// What publishes to all subscribers have come to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delivered {
    pub(super) per_second: f64,
    /// CPU time of each of the two, for each message that its own subscribers get, in microseconds.
    pub(super) each: [f64; 2],
}

/// Publishes to as many of the servers as have to be asked for all to get it, and waits until all subscribers of both
/// have everything.
pub(super) fn measure(servers: &[Server; 2], asked: usize, subscribers: usize, load: &Load) -> Delivered {
    let each = subscribers / 2;
    let addresses = servers.iter().flat_map(|server| std::iter::repeat_n(server.address, each));
    let mut audience = Audience::gather(addresses);
    let asked = &servers[..asked];
    let publishers =
        asked.iter().map(|server| Crowd::connect(server.address, Speech::Http, |_| publish(), load.connections));
    let mut publishers: Vec<_> = publishers.collect();
    let cpu = || servers.each_ref().map(|server| cpu_of(server.process.id()));
    let (before, began) = (cpu(), Instant::now());
    let published = AtomicUsize::new(usize::MAX);
    thread::scope(|scope| {
        let audience = scope.spawn(|| audience.count_to(&published));
        let sending: Vec<_> =
            publishers.iter_mut().map(|crowd| scope.spawn(|| crowd.send(load).latencies.len())).collect();
        let answered = sending.into_iter().map(|sending| sending.join().expect("all are answered")).sum::<usize>();
        published.store(answered * 2 * each / asked.len(), Ordering::Relaxed);
        audience.join().expect("all get everything");
    });
    let (spent, elapsed) = (cpu(), began.elapsed());
    let delivered = published.into_inner() as f64;
    let micros = |server: usize| spent[server].saturating_sub(before[server]).as_secs_f64() * 1e6 / (delivered / 2.0);
    Delivered { per_second: delivered / elapsed.as_secs_f64(), each: [micros(0), micros(1)] }
}

fn publish() -> Vec<u8> {
    let head = format!("POST /pub?topic=beside HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", ITEM.len());
    [head.as_bytes(), &ITEM].concat()
}

/// Subscribers whose messages are only counted, on one thread.
struct Audience {
    epoll: Epoll,
    members: Vec<Client>,
    buffer: Box<[u8]>,
}

impl Audience {
    /// Connects one to each of the addresses, and waits until all of their streams have begun.
    fn gather(addresses: impl Iterator<Item = SocketAddr>) -> Self {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).expect("an epoll");
        let members = addresses.enumerate().map(|(number, address)| {
            let mut client = Client::connect(address);
            client.send("GET /sub?topic=beside&multipart=0 HTTP/1.1\r\nHost: localhost\r\n\r\n");
            let head = client.head();
            assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
            client.stream.set_nonblocking(true).expect("an option of the socket");
            let event = EpollEvent::new(EpollFlags::EPOLLIN, number as u64);
            epoll.add(&client.stream, event).expect("epoll takes a socket");
            client
        });
        let members = members.collect();
        Self { epoll, members, buffer: vec![0; 64 << 10].into() }
    }

    /// Counts until as many messages have come in all as were published, which may not be known yet.
    fn count_to(&mut self, published: &AtomicUsize) {
        let mut events = vec![EpollEvent::empty(); self.members.len()];
        // Nothing else that comes has this letter: neither lengths of chunks nor ends of lines.
        let (mut letters, mut last) = (0, Instant::now());
        while letters < published.load(Ordering::Relaxed).saturating_mul(ITEM.len()) {
            let ready = match self.epoll.wait(&mut events, LOOK) {
                // Of who was stopped and goes on.
                Err(Errno::EINTR) => 0,
                ready => ready.expect("epoll tells what has come"),
            };
            look_whether_asked();
            assert!(ready > 0 || last.elapsed() < SOON, "nothing comes after {} messages", letters / ITEM.len());
            for event in &events[..ready] {
                let read = match self.members[event.data() as usize].stream.read(&mut self.buffer) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                    read => read.expect("the server goes on"),
                };
                assert!(read > 0, "a subscriber was sent away");
                letters += self.buffer[..read].iter().filter(|byte| **byte == ITEM[0]).count();
                last = Instant::now();
            }
        }
        let all = published.load(Ordering::Relaxed) * ITEM.len();
        assert_eq!(letters, all, "no message comes twice");
    }
}
