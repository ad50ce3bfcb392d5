//! Two queues on one topic, and three workers on each that fail one time in five.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use streamgauge_core::generate::Rng;
use streamgauge_tests::clicks::clicks;
use streamgauge_tests::client::Client;
use streamgauge_tests::process::Server;

use streamgauge_tests::law::{lawful, number, terms};

const QUEUES: [&str; 2] = ["counts", "archive"];
const WORKERS: usize = 3;

/// Short, so that what is abandoned comes back soon.
const LEASE: Duration = Duration::from_secs(1);

/// How long all of it may take on a machine that is busy.
const LIMIT: Duration = Duration::from_secs(120);

#[test]
fn workers_that_fail_acknowledge_each_click_once_on_each_queue() {
    let clicks = clicks();
    let server = Server::everything([""; 0]);
    for queue in QUEUES {
        let settings = r#"{"topic":"clicks","max_attempts":null}"#;
        let mut client = server.connect();
        let length = settings.len();
        client.send(format!(
            "PUT /queues/{queue} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n{settings}"
        ));
        assert_eq!(client.answer().status, 201);
    }
    let all = clicks.len();
    let done = [AtomicUsize::new(0), AtomicUsize::new(0)];
    let began = Instant::now();
    let tries = thread::scope(|scope| {
        let workers = (0..QUEUES.len() * WORKERS).map(|number| {
            let (queue, done) = (QUEUES[number / WORKERS], &done[number / WORKERS]);
            let mut worker = Worker::new(server.address, queue, number);
            scope.spawn(move || {
                while done.load(Ordering::SeqCst) < all && began.elapsed() < LIMIT {
                    let acked = worker.round();
                    done.fetch_add(acked, Ordering::SeqCst);
                }
                worker.end()
            })
        });
        let workers: Vec<_> = workers.collect();
        scope.spawn(|| publish(&server, &clicks));
        while workers.iter().any(|worker| !worker.is_finished()) {
            QUEUES.iter().for_each(|queue| drop(stats(&server, queue)));
            thread::sleep(Duration::from_millis(1));
        }
        workers.into_iter().map(|worker| worker.join().expect("a worker without a complaint")).collect::<Vec<_>>()
    });
    for (queue, tries) in QUEUES.iter().zip(tries.chunks(WORKERS)) {
        let tries: Vec<Try> = tries.iter().flatten().cloned().collect();
        assert_done_once(&tries, &clicks);
        let stats = stats(&server, queue);
        assert_eq!(terms(&stats), [("acked", all as u64)], "{queue}");
        let count = |fate| tries.iter().filter(|tried| tried.fate == fate).count() as u64;
        let over = count(Fate::Abandoned) + count(Fate::Late);
        assert_eq!((number(&stats, "accepted"), number(&stats, "timed_out")), (all as u64, over), "{queue}");
        assert_eq!(number(&stats, "requeued"), count(Fate::Nacked) + over, "{queue}");
        // One in five, half of them each way, by ten deviations.
        let tenth = all as u64 / 10;
        assert!(count(Fate::Nacked) > tenth / 2 && count(Fate::Abandoned) > tenth / 2, "{queue}: {stats}");
    }
}

/// In batches, while the workers are at it.
fn publish(server: &Server, clicks: &[String]) {
    let mut publisher = server.connect();
    for batch in clicks.chunks(100) {
        let answer = publisher.post("/pub?topic=clicks", batch.join("\n"));
        assert_eq!(answer.text(), format!("Published {} messages to 0 clients.\n", batch.len()));
        thread::sleep(Duration::from_millis(20));
    }
}

/// What a queue counts, which follows the law at any time.
#[track_caller]
fn stats(server: &Server, queue: &str) -> Value {
    lawful(&server.get(&format!("/stats?queue={queue}&format=json")))
}

/// Every attempt at an item was the one after the one before, and the last alone was acknowledged; what was
/// acknowledged is what was published, each as often as it was.
#[track_caller]
fn assert_done_once(tries: &[Try], clicks: &[String]) {
    let mut items: BTreeMap<u64, Vec<&Try>> = BTreeMap::new();
    for tried in tries {
        items.entry(tried.item).or_default().push(tried);
    }
    assert_eq!(items.len(), clicks.len(), "items");
    for (item, tries) in &mut items {
        tries.sort_by_key(|tried| tried.attempt);
        let last = tries.len();
        for (tried, attempt) in tries.iter().zip(1..) {
            assert_eq!(tried.attempt, attempt, "an attempt at item {item}");
            assert_eq!(tried.fate == Fate::Acked, tried.attempt == last as u64, "attempt {attempt} at item {item}");
        }
    }
    let mut acked: Vec<&String> = tries.iter().filter(|t| t.fate == Fate::Acked).map(|t| &t.data).collect();
    let mut clicks: Vec<&String> = clicks.iter().collect();
    acked.sort_unstable();
    clicks.sort_unstable();
    assert!(acked == clicks, "what was acknowledged is not what was published");
}

/// What became of an item that was borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Acked,
    Nacked,
    /// The worker forgot it, as if it had died.
    Abandoned,
    /// It wanted to settle, and the lease was over: this machine was busy.
    Late,
}

#[derive(Debug, Clone)]
struct Try {
    item: u64,
    attempt: u64,
    data: String,
    fate: Fate,
}

/// An item on lease.
struct Lent {
    item: u64,
    attempt: u64,
    token: String,
    data: String,
}

struct Worker {
    client: Client,
    queue: &'static str,
    /// How it asks: for one item in the plain way, or for some.
    target: String,
    luck: Rng,
    tries: Vec<Try>,
    /// Tokens of leases that it let go, and since when each is over.
    abandoned: VecDeque<(Instant, String)>,
}

impl Worker {
    fn new(address: SocketAddr, queue: &'static str, number: usize) -> Self {
        let lease = LEASE.as_secs();
        let target = match number % WORKERS {
            0 => format!("/mget?queue={queue}&items=10&lease={lease}&wait=0.2"),
            _ => format!("/get?queue={queue}&lease={lease}&wait=0.2"),
        };
        let luck = Rng::new(number as u64);
        let (tries, abandoned) = (Vec::new(), VecDeque::new());
        Self { client: Client::connect(address), queue, target, luck, tries, abandoned }
    }

    /// Borrows, and does or fails; returns how many items are done.
    fn round(&mut self) -> usize {
        let before = self.acked();
        for lent in self.borrow() {
            let fate = match self.luck.below(10) {
                0 => self.settle("nack", &lent.token, "&delay=100ms&reason=bad+luck", Fate::Nacked),
                1 => {
                    // A lease can only be over later than the client counts from the answer on.
                    self.abandoned.push_back((Instant::now() + LEASE, lent.token));
                    Fate::Abandoned
                }
                _ => self.settle("ack", &lent.token, "", Fate::Acked),
            };
            self.tries.push(Try { item: lent.item, attempt: lent.attempt, data: lent.data, fate });
        }
        while self.abandoned.front().is_some_and(|(over, _)| *over < Instant::now()) {
            self.come_back();
        }
        self.acked() - before
    }

    fn acked(&self) -> usize {
        self.tries.iter().filter(|tried| tried.fate == Fate::Acked).count()
    }

    fn borrow(&mut self) -> Vec<Lent> {
        let answer = self.client.get(&self.target);
        match answer.status {
            204 => return Vec::new(),
            200 => {}
            status => panic!("{status} to {}: {}", self.target, answer.text()),
        }
        if self.target.starts_with("/mget") {
            return answer.text().lines().map(Lent::of_line).collect();
        }
        let header = |name| answer.header(name).unwrap_or_else(|| panic!("no {name} in {}", answer.head));
        let number = |name| header(name).parse().expect("a number");
        let (item, attempt, token) = (number("x-item"), number("x-attempt"), header("x-lease").to_owned());
        vec![Lent { item, attempt, token, data: answer.text() }]
    }

    fn settle(&mut self, verb: &str, token: &str, more: &str, fate: Fate) -> Fate {
        let answer = self.client.post(&format!("/{verb}?queue={}&lease={token}{more}", self.queue), "");
        match answer.status {
            200 => assert_eq!(answer.text(), format!("{verb}ed 1\n")),
            410 => {
                assert_eq!(answer.text(), format!("the lease {token} is over\n"));
                return Fate::Late;
            }
            status => panic!("{status} to {verb}: {}", answer.text()),
        }
        fate
    }

    /// As a worker that was only stopped for a while: it is told that it has lost the item.
    fn come_back(&mut self) {
        let Some((over, token)) = self.abandoned.pop_front() else { return };
        thread::sleep(over.saturating_duration_since(Instant::now()));
        assert_eq!(self.settle("ack", &token, "", Fate::Acked), Fate::Late, "{token} was over");
    }

    fn end(mut self) -> Vec<Try> {
        while !self.abandoned.is_empty() {
            self.come_back();
        }
        self.tries
    }
}

impl Lent {
    fn of_line(line: &str) -> Self {
        let known: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let text = |name: &str| known[name].as_str().unwrap_or_else(|| panic!("no {name} in {line}")).to_owned();
        Self {
            item: number(&known, "item"),
            attempt: number(&known, "attempt"),
            token: text("lease"),
            data: text("data"),
        }
    }
}
