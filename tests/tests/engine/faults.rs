//! Servers and gateways are killed under load, and every answer is accounted for.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use streamgauge_core::generate::Rng;
use streamgauge_tests::build::tool;
use streamgauge_tests::client::Client;
use streamgauge_tests::history::{self, Answer, History, Operation, Returns, Rules, conserved, linearizable};
use streamgauge_tests::law::lawful;
use streamgauge_tests::nats::Cluster;
use streamgauge_tests::ports::free_address;
use streamgauge_tests::process::Process;
use streamgauge_tests::wait::{SOON, until_within};

use crate::{JOINED, is_ready};

/// The clocks of clients, gateways and the engine are those of one machine.
const RULES: Rules = Rules { tolerance: Duration::from_millis(20), returns: Returns::InTime };

/// A gateway that comes back where it was.
struct Gateway {
    process: Process,
    address: SocketAddr,
    engine: String,
}

impl Gateway {
    fn start(engine: &str) -> Self {
        let address = free_address();
        let mut gateway = Self { process: spawn(engine, address.port()), address, engine: engine.to_owned() };
        gateway.process.line("pubsub   http://");
        gateway
    }

    fn kill(&mut self) {
        self.process.signal(Signal::SIGKILL);
        self.process.wait();
    }

    fn restart(&mut self) {
        self.process = spawn(&self.engine, self.address.port());
        self.process.line("pubsub   http://");
    }

    fn joined(&mut self) {
        until_within(2 * JOINED, "a gateway to join", || {
            assert!(!self.process.has_ended(), "it has ended: {}", self.process.stderr());
            is_ready(self.address).then_some(())
        });
    }
}

fn spawn(engine: &str, port: u16) -> Process {
    let mut command = std::process::Command::new(tool("streamgauge"));
    // The state is saved on the way too.
    command.args(["serve", "--queue-port=0", "--no-bridge", "--engine-save-after=4MiB", "--engine", engine]);
    command.arg(format!("--pubsub-port={port}")).env_remove("RUST_LOG");
    Process::spawn(command)
}

/// Three servers, and two gateways that have joined.
fn all() -> Option<(Cluster, [Gateway; 2])> {
    let cluster = Cluster::start(3)?;
    let url = cluster.url();
    let mut gateways = [(); 2].map(|()| Gateway::start(&url));
    gateways.iter_mut().for_each(Gateway::joined);
    Some((cluster, gateways))
}

/// Cuts the server off that leads the log; kills the one that does then, and starts it again; then a gateway; each when so
/// much is done.
fn harm(cluster: &mut Cluster, gateways: &mut [Gateway; 2], done: &AtomicU64, at: [u64; 3], is_over: &AtomicBool) {
    let until = |much: u64| {
        while done.load(Ordering::Relaxed) < much && !is_over.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(10));
        }
    };
    until(at[0]);
    let leader = || until_within(JOINED, "a leader of the log", || cluster.leader_of("streamgauge-log"));
    // To the others it is behind a network that loses everything, and it comes back as who it was.
    let first = leader();
    cluster.stop(first);
    thread::sleep(Duration::from_secs(6));
    cluster.go_on(first);
    until(at[1]);
    let leader = leader();
    cluster.kill(leader);
    thread::sleep(Duration::from_secs(2));
    cluster.restart(leader);
    until(at[2]);
    gateways[0].kill();
    thread::sleep(Duration::from_secs(1));
    gateways[0].restart();
}

const CLIENTS: usize = 6;
const QUEUES: [&str; 2] = ["a", "b"];

fn count(operations: &[Operation], is_it: impl Fn(&Operation) -> bool) -> usize {
    operations.iter().filter(|operation| is_it(operation)).count()
}

#[test]
fn one_order_explains_what_all_clients_of_queues_are_told_while_servers_and_gateways_are_killed() {
    let Some((mut cluster, mut gateways)) = all() else { return };
    let addresses = gateways.each_ref().map(|gateway| gateway.address);
    let history = History::new();
    let (done, is_over, begun) = (AtomicU64::new(0), AtomicBool::new(false), Instant::now());
    thread::scope(|scope| {
        for number in 0..CLIENTS {
            let client = history::Client::new(&history, number, &addresses, Duration::from_secs(8));
            let (done, is_over) = (&done, &is_over);
            scope.spawn(move || work(client, number, done, || is_over.load(Ordering::Relaxed)));
        }
        harm(&mut cluster, &mut gateways, &done, [500, 1_500, 2_500], &is_over);
        while done.load(Ordering::Relaxed) < 4_000 && begun.elapsed() < Duration::from_secs(240) {
            thread::sleep(Duration::from_millis(10));
        }
        is_over.store(true, Ordering::Relaxed);
    });
    gateways.iter_mut().for_each(Gateway::joined);
    // What nobody was told of may still happen for a while, and no lease is out any more.
    thread::sleep(Duration::from_secs(2));
    let mut client = history::Client::new(&history, CLIENTS, &[addresses[1]], SOON);
    for queue in QUEUES {
        until_within(JOINED, "an empty queue", || (client.get(queue) == Answer::Empty).then_some(()));
    }
    // Both gateways count the same, and the law holds.
    for queue in QUEUES {
        let [one, other] = addresses
            .map(|address| lawful(&Client::connect(address).get(&format!("/stats?queue={queue}&format=json")).text()));
        assert_eq!(one, other);
    }
    let operations = history.operations();
    let unknown = count(&operations, |operation| !operation.is_known());
    println!("{unknown} of {} operations are unknown", operations.len());
    assert!(operations.len() > 4_000 && unknown < operations.len() / 4, "{unknown} of {}", operations.len());
    for verdict in [conserved(&operations, &[], &RULES), linearizable(&operations, &RULES)] {
        verdict.unwrap_or_else(|wrong| panic!("{wrong}"));
    }
}

/// Asks for one thing after another, at random.
fn work(mut client: history::Client<'_>, number: usize, done: &AtomicU64, is_over: impl Fn() -> bool) {
    let mut luck = Rng::new(number as u64);
    let mut tokens = [Vec::new(), Vec::new()];
    for item in (0..).map(|n| number as u64 * 1_000_000 + n) {
        if is_over() {
            return;
        }
        let which = luck.below(2) as usize;
        let (queue, tokens) = (QUEUES[which], &mut tokens[which]);
        let answer = match luck.below(10) {
            0..4 => client.put(queue, item),
            4 => client.get(queue),
            5..7 => client.lease(queue, Duration::from_millis(400)),
            kind => {
                let Some(token) = tokens.pop() else { continue };
                if kind == 9 { client.nack(queue, &token) } else { client.ack(queue, &token) }
            }
        };
        done.fetch_add(1, Ordering::Relaxed);
        match answer {
            Answer::Lent { token, .. } => tokens.push(token),
            // It is told to come again, and does not do so at once.
            Answer::Unknown | Answer::Refused => thread::sleep(Duration::from_millis(100)),
            _ => {}
        }
    }
}

/// Lines of a publish.
const LINES: u64 = 25;
const PUBLISHERS: u64 = 4;
/// Publishes of each.
const PUBLISHES: u64 = 1_000;

#[test]
fn every_message_that_was_answered_comes_to_every_subscriber_once_and_in_order() {
    let Some((mut cluster, mut gateways)) = all() else { return };
    let addresses = gateways.each_ref().map(|gateway| gateway.address);
    let (done, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    let messages = PUBLISHERS * PUBLISHES * LINES;
    let set = Client::connect(addresses[0]).put("/topics/t", r#"{"bytes":33554432,"dedupe_window":"10m"}"#);
    assert_eq!(set.status, 201);
    let numbers: Mutex<BTreeMap<u64, String>> = Mutex::default();
    let subscribers: Vec<Vec<(u64, String)>> = thread::scope(|scope| {
        let reading: Vec<_> =
            (0..3).map(|number| scope.spawn(move || subscribe(number, addresses, messages))).collect();
        for number in 0..PUBLISHERS {
            let (done, numbers) = (&done, &numbers);
            scope.spawn(move || publish(number, addresses, done, numbers));
        }
        harm(&mut cluster, &mut gateways, &done, [500, 1_500, 2_500], &is_over);
        reading.into_iter().map(|reading| reading.join().expect("a subscriber")).collect()
    });
    let numbers = numbers.into_inner().expect("nobody panicked");
    assert_eq!(numbers.len() as u64, messages, "no number is given twice");
    let numbers: Vec<_> = numbers.into_iter().collect();
    assert!(numbers.windows(2).all(|pair| pair[0].0 + 1 == pair[1].0), "no number is left out");
    for (number, got) in subscribers.iter().enumerate() {
        // All of it is too much to show.
        let differs = got.iter().zip(&numbers).find(|(got, told)| got != told);
        assert_eq!(differs, None, "subscriber {number}: what it got, and what the publisher was told");
        assert_eq!(got.len(), numbers.len(), "subscriber {number}");
    }
}

/// Publishes lines, each publish until it is answered, with its id: it is there once.
fn publish(number: u64, addresses: [SocketAddr; 2], done: &AtomicU64, numbers: &Mutex<BTreeMap<u64, String>>) {
    let (mut at, mut connection) = (number as usize, None);
    let begun = Instant::now();
    for one in 0..PUBLISHES {
        let lines: Vec<_> = (0..LINES).map(|line| format!("{number} {one} {line}")).collect();
        let body = lines.join("\n");
        let request = format!(
            "POST /pub?topic=t&id={number}-{one} HTTP/1.1\r\nhost: localhost\r\naccept: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let first = loop {
            assert!(begun.elapsed() < Duration::from_secs(300), "publisher {number} gets nowhere");
            let client = match &mut connection {
                Some(client) => client,
                none => none.insert(match Client::try_connect(addresses[at % 2], SOON) {
                    Some(client) => client,
                    None => {
                        at += 1;
                        continue;
                    }
                }),
            };
            match client.try_ask(request.as_bytes(), SOON) {
                Some(answer) if answer.status == 200 => {
                    let told: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
                    break told["first"].as_u64().expect("a number");
                }
                Some(answer) => assert_eq!(answer.status, 503, "{}", answer.head),
                None => connection = None,
            }
            at += 1;
            thread::sleep(Duration::from_millis(100));
            connection = connection.filter(|_| at % 8 != 0);
        };
        let mut numbers = numbers.lock().expect("nobody panicked");
        for (id, line) in (first..).zip(lines) {
            assert_eq!(numbers.insert(id, line), None, "{id} is told twice");
        }
        drop(numbers);
        done.fetch_add(1, Ordering::Relaxed);
    }
}

/// Reads all messages as server-sent events, and goes on elsewhere when its gateway is gone.
fn subscribe(number: usize, addresses: [SocketAddr; 2], messages: u64) -> Vec<(u64, String)> {
    let (mut got, mut at, begun) = (Vec::new(), number, Instant::now());
    while (got.len() as u64) < messages {
        assert!(begun.elapsed() < Duration::from_secs(330), "subscriber {number} has {} of {messages}", got.len());
        let Some(mut client) = Client::try_connect(addresses[at % 2], SOON) else {
            at += 1;
            thread::sleep(Duration::from_millis(100));
            continue;
        };
        let from = match got.last() {
            Some((id, _)) => format!("last-event-id: {id}\r\n"),
            None => String::new(),
        };
        let begin = if from.is_empty() { "&from=first" } else { "" };
        let sent = client.try_send(
            format!("GET /sub?topic=t&client=s{number}{begin} HTTP/1.0\r\nhost: localhost\r\naccept: text/event-stream\r\n{from}\r\n")
                .as_bytes(),
        );
        if sent {
            read_events(&mut client, messages, &mut got);
        }
        at += 1;
    }
    got
}

fn read_events(client: &mut Client, messages: u64, got: &mut Vec<(u64, String)>) {
    let Some(head) = client.try_take_to(b"\r\n\r\n", SOON) else { return };
    if !head.starts_with(b"HTTP/1.1 200") {
        return thread::sleep(Duration::from_millis(100));
    }
    while (got.len() as u64) < messages {
        let Some(event) = client.try_take_to(b"\n\n", 2 * SOON) else { return };
        let event = String::from_utf8(event).expect("text");
        let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
        assert!(!event.contains("event: gap"), "{event}");
        if let (Some(id), Some(data)) = (field("id: "), field("data: ")) {
            got.push((id.parse().expect("a number"), data.to_owned()));
        }
    }
}
