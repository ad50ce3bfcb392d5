//! Gateways that keep topics and queues together in NATS JetStream.
//!
//! | module | idea |
//! | --- | --- |
//! | `together` | what one gateway was told is so at every other: queues, leases, topics, settings, gauges |
//! | `joining` | who joins later, or again, has all that there was |
//! | `guarded` | an engine that lets in who proves who they are: by a token, a password, a key, a certificate |
//! | `away` | the engine is away: at the start, later, for one gateway |
//! | `harmed` | the log has lost its end, is full, or has in it what no gateway wrote |
//! | `proxy` | what stands before them |
//! | `faults` | servers and gateways are killed under load, and every answer is accounted for |

mod away;
mod faults;
mod guarded;
mod harmed;
mod joining;
mod proxy;
mod together;

use std::time::Duration;

use streamgauge_tests::nats::Cluster;
use streamgauge_tests::process::{Server, is_ready};
use streamgauge_tests::wait::until_within;

/// How long a gateway may take to join, on a machine that is busy.
const JOINED: Duration = Duration::from_secs(60);

/// The state is saved often, and the log until there is let go.
const OFTEN: [&str; 2] = ["--engine-save-after", "64KiB"];

/// A gateway over an engine, which has joined the others.
fn gateway(engine: &str, more: &[&str]) -> Server {
    let server = started(engine, more);
    joined(&server);
    server
}

/// A gateway that may not have joined yet.
fn started(engine: &str, more: &[&str]) -> Server {
    Server::everything([&["--engine", engine][..], more].concat())
}

fn joined(server: &Server) {
    until_within(JOINED, "a gateway to join", || is_ready(server.address).then_some(()));
}

/// Two gateways over one server of NATS.
fn pair() -> Option<(Cluster, [Server; 2])> {
    let cluster = Cluster::start(1)?;
    let url = cluster.url();
    let gateways = [(); 2].map(|()| gateway(&url, &[]));
    Some((cluster, gateways))
}

/// Until a gateway shows what another one was told.
fn shows(server: &Server, target: &str, is_so: impl Fn(&str) -> bool) -> String {
    until_within(JOINED, target, || Some(server.get(target)).filter(|text| is_so(text)))
}

/// The messages that a gateway has of a topic, from somewhere on, a line each.
fn messages(server: &Server, topic: &str, from: &str) -> String {
    let told = server.get(&format!("/sub?topic={topic}&multipart=0&from={from}&follow=0"));
    // The opening of a stream is an empty line.
    told.trim_start_matches("\r\n").to_owned()
}

/// Until these are as they should be.
fn has(server: &Server, topic: &str, from: &str, is_so: impl Fn(&str) -> bool) -> String {
    until_within(JOINED, topic, || Some(messages(server, topic, from)).filter(|text| is_so(text)))
}
