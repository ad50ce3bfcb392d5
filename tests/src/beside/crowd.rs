//! Connections with one request in flight each, on one thread: the same few system calls, whatever the server.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};

use super::connection::Connection;
use super::speech::Speech;
use super::{LOOK, look_whether_asked};
use crate::wait::SOON;

/// All connections to one server.
pub(super) struct Crowd {
    epoll: Epoll,
    speech: Speech,
    members: Vec<Member>,
}

struct Member {
    connection: Connection,
    request: Vec<u8>,
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
    /// Connects so many, each of which sends one request again and again.
    pub(super) fn connect(
        address: SocketAddr,
        speech: Speech,
        request: impl Fn(usize) -> Vec<u8>,
        connections: usize,
    ) -> Self {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).expect("an epoll");
        let members = (0..connections).map(|number| {
            let connection = Connection::open(address, speech, number);
            connection.stream.set_nonblocking(true).expect("an option of the socket");
            let event = EpollEvent::new(EpollFlags::EPOLLIN, number as u64);
            epoll.add(&connection.stream, event).expect("epoll takes a socket");
            Member { connection, request: request(number), sent_at: Instant::now() }
        });
        let members = members.collect();
        Self { epoll, speech, members }
    }

    /// Sends so many requests, or as many as can be begun in the time that there is.
    pub(super) fn send(&mut self, items: usize, at_most: Duration) -> Answered {
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
                while let Some(answer) = member.connection.answer() {
                    if let Some(acknowledgement) = self.speech.acknowledgement(answer) {
                        member.connection.send(acknowledgement.as_bytes());
                    }
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
        self.connection.send(&self.request);
    }
}
