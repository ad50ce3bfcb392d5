//! Connections with one put in flight each, on one thread: the same few system calls, whatever the server.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};

use super::connection::Connection;
use super::look_whether_asked;
use super::speech::Speech;
use crate::wait::SOON;

/// How often it is looked whether the run is to end, in milliseconds.
const LOOK: u8 = 100;

/// All connections to one server.
pub(super) struct Crowd {
    epoll: Epoll,
    members: Vec<Member>,
}

struct Member {
    connection: Connection,
    put: Vec<u8>,
    sent_at: Instant,
}

/// What has come of a run.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) elapsed: Duration,
    /// One for each success, and there is nothing else.
    pub(super) latencies: Vec<Duration>,
}

impl Crowd {
    pub(super) fn connect(address: SocketAddr, speech: Speech, connections: usize) -> Self {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).expect("an epoll");
        let members = (0..connections).map(|number| {
            let connection = Connection::open(address, speech, number);
            connection.stream.set_nonblocking(true).expect("an option of the socket");
            let event = EpollEvent::new(EpollFlags::EPOLLIN, number as u64);
            epoll.add(&connection.stream, event).expect("epoll takes a socket");
            Member { connection, put: speech.put(number), sent_at: Instant::now() }
        });
        let members = members.collect();
        Self { epoll, members }
    }

    /// Puts so many items, or as many as can be begun in the time that there is.
    pub(super) fn put(&mut self, items: usize, at_most: Duration) -> Answered {
        let began = Instant::now();
        let until = began + at_most;
        let mut latencies = Vec::with_capacity(items);
        let mut sent = items.min(self.members.len());
        self.members.iter_mut().take(sent).for_each(Member::send);
        let mut events = vec![EpollEvent::empty(); self.members.len()];
        let mut last = Instant::now();
        while latencies.len() < sent {
            let ready = match self.epoll.wait(&mut events, LOOK) {
                // Of who was stopped and goes on.
                Err(Errno::EINTR) => 0,
                ready => ready.expect("epoll tells what has come"),
            };
            look_whether_asked();
            assert!(
                ready > 0 || last.elapsed() < SOON,
                "the server is silent, with {} answers due",
                sent - latencies.len()
            );
            for event in &events[..ready] {
                let member = &mut self.members[event.data() as usize];
                member.connection.read();
                last = Instant::now();
                while member.connection.answer().is_some() {
                    latencies.push(last - member.sent_at);
                    if sent < items && last < until {
                        sent += 1;
                        member.send();
                    }
                }
            }
        }
        Answered { elapsed: last - began, latencies }
    }
}

impl Member {
    fn send(&mut self) {
        self.sent_at = Instant::now();
        self.connection.send(&self.put);
    }
}
