//! Connections with one request in flight each, on one thread: the same few system calls, whatever the server.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};

use super::connection::Connection;
use super::speech::Speech;
use super::{LOOK, Load, look_whether_asked};
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

    /// Sends so many requests, or as many as can be begun in the time that there is; with a pace none before it is due.
    pub(super) fn send(&mut self, load: &Load) -> Answered {
        let began = Instant::now();
        let (items, until, pace) = (load.items, began + load.at_most, load.pace.unwrap_or_default());
        let mut latencies = Vec::with_capacity(items);
        let (mut sent, mut due) = (0, began);
        let mut idle: Vec<_> = (0..self.members.len()).collect();
        let mut events = vec![EpollEvent::empty(); self.members.len()];
        let mut last = began;
        loop {
            let now = Instant::now();
            let may_send = |sent| sent < items && (now < until || sent == 0);
            while may_send(sent)
                && due <= now
                && let Some(member) = idle.pop()
            {
                self.members[member].send();
                (sent, due) = (sent + 1, due + pace);
            }
            let is_over = !may_send(sent);
            if is_over && latencies.len() == sent {
                break;
            }
            // Until the next is due, and never short of it: what is left of a millisecond would be spent in turning.
            let to_wait = due.saturating_duration_since(now).as_micros().div_ceil(1_000);
            let waits_for_answer = is_over || idle.is_empty();
            let timeout = if waits_for_answer { LOOK } else { u8::try_from(to_wait).unwrap_or(LOOK).min(LOOK) };
            let ready = match self.epoll.wait(&mut events, timeout) {
                // Of who was stopped and goes on.
                Err(Errno::EINTR) => 0,
                ready => ready.expect("epoll tells what has come"),
            };
            look_whether_asked();
            assert!(
                ready > 0 || latencies.len() == sent || last.elapsed() < SOON,
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
                    idle.push(event.data() as usize);
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
