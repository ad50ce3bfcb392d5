//! A client that records what it asked, and what it was told.

use std::net::SocketAddr;
use std::time::Duration;

use super::{Answer, Call, History, Item, Operation, Token};
use crate::client::{self, show};

/// A client of servers that all have the same queues. It asks one of them, and another when that does not answer; what
/// was sent once it never sends again.
#[derive(Debug)]
pub struct Client<'a> {
    history: &'a History,
    number: usize,
    servers: Vec<SocketAddr>,
    /// The place of the one that it asks.
    server: usize,
    connection: Option<client::Client>,
    limit: Duration,
}

impl<'a> Client<'a> {
    /// The client of this number, which begins at the server that its number falls to, and waits for an answer no longer
    /// than `limit`.
    ///
    /// # Panics
    /// Without a server.
    pub fn new(history: &'a History, number: usize, servers: &[SocketAddr], limit: Duration) -> Self {
        assert!(!servers.is_empty(), "a client needs a server");
        Self { history, number, servers: servers.to_vec(), server: number % servers.len(), connection: None, limit }
    }

    /// Puts an item, which no other put may have.
    ///
    /// # Panics
    /// This and the others: when a server answers what is no answer to this.
    pub fn put(&mut self, queue: &str, item: Item) -> Answer {
        self.ask(queue, Call::Put(item))
    }

    /// Takes an item for good.
    ///
    /// # Panics
    /// As [`put`](Self::put).
    pub fn get(&mut self, queue: &str) -> Answer {
        self.ask(queue, Call::Get)
    }

    /// Borrows an item, for a number of whole milliseconds.
    ///
    /// # Panics
    /// As [`put`](Self::put).
    pub fn lease(&mut self, queue: &str, time: Duration) -> Answer {
        self.ask(queue, Call::Lease(time))
    }

    /// Says that the item of a lease is done.
    ///
    /// # Panics
    /// As [`put`](Self::put).
    pub fn ack(&mut self, queue: &str, token: &Token) -> Answer {
        self.ask(queue, Call::Ack(token.clone()))
    }

    /// Gives the item of a lease back.
    ///
    /// # Panics
    /// As [`put`](Self::put).
    pub fn nack(&mut self, queue: &str, token: &Token) -> Answer {
        self.ask(queue, Call::Nack(token.clone()))
    }

    /// Asks, and records it, unless nobody could be asked: then it is unknown to the caller, and has never been.
    fn ask(&mut self, queue: &str, call: Call) -> Answer {
        let request = request(queue, &call);
        let (history, limit) = (self.history, self.limit);
        let Some(connection) = self.connected() else { return Answer::Unknown };
        let invoked = history.now();
        let heard = connection.try_ask(request.as_bytes(), limit);
        let answer = heard.map_or(Answer::Unknown, |heard| understood(&call, heard));
        let completed = history.now();
        if matches!(answer, Answer::Unknown | Answer::Refused) {
            self.leave();
        }
        let queue = queue.to_owned();
        history.record(Operation { client: self.number, queue, call, answer: answer.clone(), invoked, completed });
        answer
    }

    /// A connection to the first of the servers that takes one.
    fn connected(&mut self) -> Option<&mut client::Client> {
        for _ in 0..self.servers.len() {
            if self.connection.is_some() {
                break;
            }
            self.connection = client::Client::try_connect(self.servers[self.server], self.limit);
            if self.connection.is_none() {
                self.leave();
            }
        }
        self.connection.as_mut()
    }

    fn leave(&mut self) {
        self.connection = None;
        self.server = (self.server + 1) % self.servers.len();
    }
}

fn request(queue: &str, call: &Call) -> String {
    let (method, target, body) = match call {
        Call::Put(item) => ("POST", format!("put?queue={queue}"), item.to_string()),
        Call::Get => ("GET", format!("get?queue={queue}"), String::new()),
        Call::Lease(time) => ("GET", format!("get?queue={queue}&lease={}ms", time.as_millis()), String::new()),
        Call::Ack(token) => ("POST", format!("ack?queue={queue}&lease={token}"), String::new()),
        Call::Nack(token) => ("POST", format!("nack?queue={queue}&lease={token}"), String::new()),
    };
    let length = body.len();
    format!("{method} /{target} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n{body}")
}

/// What an answer says. Of an error of the server only one leaves open what became of the call, and says so.
fn understood(call: &Call, heard: client::Answer) -> Answer {
    let item = || {
        let text = String::from_utf8_lossy(&heard.body).into_owned();
        text.parse().unwrap_or_else(|_| panic!("{call} gave no item, but {}", show(&heard.body)))
    };
    let header = |name| heard.header(name).unwrap_or_else(|| panic!("{call}: no {name} in {}", heard.head));
    match (call, heard.status) {
        (_, 503) if String::from_utf8_lossy(&heard.body).contains("not known whether") => Answer::Unknown,
        (_, 503 | 507) => Answer::Refused,
        (Call::Put(_) | Call::Ack(_) | Call::Nack(_), 200) => Answer::Done,
        (Call::Ack(_) | Call::Nack(_), 410) => Answer::Gone,
        (Call::Get, 200) if heard.body.is_empty() => Answer::Empty,
        (Call::Get | Call::Lease(_), 204) => Answer::Empty,
        (Call::Get, 200) => Answer::Item(item()),
        (Call::Lease(_), 200) => {
            let attempt = header("x-attempt").parse().expect("a number of an attempt");
            Answer::Lent { item: item(), token: header("x-lease").to_owned(), attempt }
        }
        (_, status) => panic!("{call} is answered by {status}: {}", show(&heard.body)),
    }
}
