//! What gateways cost over three servers of NATS that keep everything together: beside JetStream itself, asked by a plain
//! client, and beside servers in memory.
//!
//! | module | idea |
//! | --- | --- |
//! | `queue` | one queue under put and get: that of a gateway, or a stream of JetStream |
//! | `fanout` | subscribers, shared by two gateways or two servers |
//! | `spent` | CPU time of those who take part |
//! | `table` | medians of the rounds |
//!
//! Each round has a cluster and two gateways of its own that have just been started. One gateway is asked; the other one
//! only executes what the log brings, which is what every further gateway costs. An answer that is no success ends the
//! run, and so does an item or a delivery too many or too few; no figure does.

mod fanout;
mod queue;
mod spent;
mod table;

use std::time::Duration;

use super::usage::Machine;
use super::{Load, end_when_asked};
use crate::build::tool;
use crate::client::Client;
use crate::nats::Cluster;
use crate::process::Server;
use crate::wait::until_within;
use fanout::Delivered;
use queue::{Queue, Turn};

/// What is measured, and how often.
#[derive(Debug, Clone)]
pub struct Options {
    /// How often everybody has a turn.
    pub rounds: usize,
    /// What is put and got: a table each.
    pub queues: Vec<Load>,
    /// What is published to all subscribers, at the same pace whoever serves them: who is asked faster writes more at
    /// once, and takes less for each. A row each.
    pub topics: Vec<Load>,
    /// Of two gateways together, and of two servers in memory, each of which is published to: as much goes on beside.
    pub subscribers: usize,
}

impl Options {
    /// As long as it takes for figures that can be told: some minutes.
    pub fn full() -> Self {
        let queues = vec![Load::new(64, 30_000), Load::new(1, 2_000)];
        Self { rounds: 5, queues, topics: vec![Load::at_pace(64, 200), Load::at_pace(64, 50)], subscribers: 1_000 }
    }

    /// Only to see that all of it works.
    pub fn quick() -> Self {
        let queues = vec![Load::new(64, 640), Load::new(1, 20)];
        Self { rounds: 1, queues, topics: vec![Load::at_pace(64, 100)], subscribers: 20 }
    }
}

/// How long a gateway may take to join, on a machine that is busy.
const JOINED: Duration = Duration::from_secs(30);

/// The engine, the gateway that is asked, and the one that follows.
struct Together {
    gateways: [Server; 2],
    cluster: Cluster,
}

impl Together {
    fn start() -> Option<Self> {
        let cluster = Cluster::start(3)?;
        let url = cluster.url();
        let gateways = [(); 2].map(|()| Server::everything(["--engine", &url]));
        for gateway in &gateways {
            let is_ready = || Client::connect(gateway.address).get("/readyz").status == 200;
            until_within(JOINED, "a gateway to join", || is_ready().then_some(()));
        }
        Some(Self { gateways, cluster })
    }
}

/// What a round has found: turns of the gateway and of JetStream for each load, and deliveries of the gateways and of the
/// servers in memory.
struct Round {
    queues: Vec<[Turn; 2]>,
    topics: Vec<[Delivered; 2]>,
}

/// Measures, and prints the tables; nothing where `nats-server` is not on the machine.
///
/// # Panics
/// When a server does not start, refuses something, is silent, or does not hold or deliver what it has said it took; and
/// when the run is interrupted. What was started ends, and the folders are removed.
pub fn run(options: &Options) {
    end_when_asked();
    // Built now, and not in somebody's turn.
    tool("streamgauge");
    let before = Machine::now();
    let mut rounds = Vec::new();
    for number in 0..options.rounds {
        let Some(round) = measure(options, number) else { return };
        rounds.push(round);
    }
    table::print(options, &rounds, Machine::now().taken_by_others_since(before));
}

fn measure(options: &Options, number: usize) -> Option<Round> {
    let together = Together::start()?;
    let mut parties = [Queue::gateway(&together), Queue::jet_stream(&together)];
    let queues = options.queues.iter().map(|load| {
        // Forth and back, so that nobody always comes after the other one.
        let [gateway, jet_stream] = &mut parties;
        if number.is_multiple_of(2) {
            let first = gateway.turn(load);
            [first, jet_stream.turn(load)]
        } else {
            let first = jet_stream.turn(load);
            [gateway.turn(load), first]
        }
    });
    let queues = queues.collect();
    let memory = [(); 2].map(|()| Server::everything::<&str>([]));
    let topics = options.topics.iter().map(|load| {
        let over_engine = fanout::measure(&together.gateways, 1, options.subscribers, load);
        [over_engine, fanout::measure(&memory, 2, options.subscribers, load)]
    });
    let topics = topics.collect();
    Some(Round { queues, topics })
}
