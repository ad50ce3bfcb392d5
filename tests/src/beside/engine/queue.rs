//! One queue under put and get: that of a gateway, or a stream of JetStream that three servers keep.

use std::net::SocketAddr;

use super::Together;
use super::spent::Spent;
use crate::beside::Load;
use crate::beside::connection::Connection;
use crate::beside::crowd::{Answered, Crowd};
use crate::beside::running::{ANOTHER, depth, messages};
use crate::beside::speech::{Speech, inbox, jet_stream_request};
use crate::beside::table::quantile;
use crate::wait::until;

/// Bytes of the queue of a gateway: more than is ever in it.
const BYTES: usize = 64 << 20;

/// Who puts and gets, and how much is in it.
pub(super) struct Queue<'t> {
    together: &'t Together,
    address: SocketAddr,
    speech: Speech,
    held: usize,
}

/// What one measurement of it has found: of puts, and of gets.
pub(super) type Turn = [Figures; 2];

#[derive(Debug, Clone, Copy)]
pub(super) struct Figures {
    pub(super) per_second: f64,
    pub(super) spent: Spent,
    /// In microseconds.
    pub(super) p50: f64,
    pub(super) p99: f64,
}

impl<'t> Queue<'t> {
    /// The queue `beside` of the gateway that is asked.
    pub(super) fn gateway(together: &'t Together) -> Self {
        let queue = Self { together, address: together.gateways[0].address, speech: Speech::Http, held: 0 };
        let settings = format!(r#"{{"bytes":{BYTES}}}"#);
        let length = settings.len();
        queue.ask(&format!(
            "PUT /queues/beside HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{settings}"
        ));
        queue
    }

    /// A stream that three keep, as a queue: its items go when they are acknowledged.
    pub(super) fn jet_stream(together: &'t Together) -> Self {
        let address = together.cluster.addresses()[0];
        let queue = Self { together, address, speech: Speech::Nats, held: 0 };
        let stream =
            r#"{"name":"BESIDE","subjects":["beside"],"retention":"workqueue","storage":"file","num_replicas":3}"#;
        queue.ask(&jet_stream_request(ANOTHER, "STREAM.CREATE.BESIDE", stream));
        let consumer = r#"{"stream_name":"BESIDE","config":{"durable_name":"beside","ack_policy":"explicit"}}"#;
        queue.ask(&jet_stream_request(ANOTHER, "CONSUMER.DURABLE.CREATE.BESIDE.beside", consumer));
        queue
    }

    /// Puts, after an unmeasured start, and gets all that there is.
    pub(super) fn turn(&mut self, load: &Load) -> Turn {
        let mut crowd = self.crowd(|speech, number| speech.put(number), load);
        self.held += crowd.send(&load.start()).latencies.len();
        let (put, figures) = self.send(&mut crowd, load);
        self.held += put;
        self.look();
        let mut crowd = self.crowd(get, load);
        // Now and then a put is as slow as all time that there was; whatever was put can be got.
        self.held -= crowd.send(&load.of(self.held).start()).latencies.len();
        let (got, other) = self.send(&mut crowd, &load.of(self.held));
        self.held -= got;
        self.look();
        [figures, other]
    }

    fn crowd(&self, request: fn(Speech, usize) -> Vec<u8>, load: &Load) -> Crowd {
        Crowd::connect(self.address, self.speech, |number| request(self.speech, number), load.connections)
    }

    fn send(&self, crowd: &mut Crowd, load: &Load) -> (usize, Figures) {
        let (answered, spent) =
            Spent::by(self.together, || crowd.send(load), |answered: &Answered| answered.latencies.len());
        let number = answered.latencies.len();
        let mut micros: Vec<_> = answered.latencies.iter().map(|latency| latency.as_secs_f64() * 1e6).collect();
        micros.sort_unstable_by(f64::total_cmp);
        let per_second = number as f64 / answered.elapsed.as_secs_f64();
        (number, Figures { per_second, spent, p50: quantile(&micros, 50), p99: quantile(&micros, 99) })
    }

    /// Whether it holds what it has said it took, and no more; acknowledgements of JetStream are on their way.
    fn look(&self) {
        until(&format!("{} items by {:?}", self.held, self.speech), || {
            let held = match self.speech {
                Speech::Nats => messages(&self.ask(&jet_stream_request(ANOTHER, "STREAM.INFO.BESIDE", ""))),
                _ => depth(&self.together.gateways[0].get("/stats?queue=beside")),
            };
            (held == Some(self.held)).then_some(())
        });
    }

    fn ask(&self, request: &str) -> String {
        Connection::open(self.address, self.speech, ANOTHER).ask(request)
    }
}

/// Takes an item that is there.
fn get(speech: Speech, connection: usize) -> Vec<u8> {
    let request = match speech {
        Speech::Nats => format!("PUB $JS.API.CONSUMER.MSG.NEXT.BESIDE.beside {} 0\r\n\r\n", inbox(connection)),
        _ => "GET /get?queue=beside HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
    };
    request.into_bytes()
}
