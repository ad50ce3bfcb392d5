//! The firmware of `tests/firmware` under QEMU, asked over HTTP: its UART is a TCP port.
//!
//! Without `qemu-system-arm` (Debian: `qemu-system-arm`) nothing can be asked: that fails where `CI` is set, and is
//! said loudly elsewhere. `STREAMGAUGE_SOAK=SECONDS` lets the soak run that long.

mod gauges;
mod stack;

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use streamgauge_tests::build::workspace;
use streamgauge_tests::client::Client;
use streamgauge_tests::needs;
use streamgauge_tests::ports::free_address;
use streamgauge_tests::process::Process;
use streamgauge_tests::wait::{SOON, until};

/// What the firmware was built with.
const MAX_DEPTH: usize = 100;
const REQUEST_BYTES: usize = 4096;

/// A microcontroller that runs until it is dropped. There is one at a time: a polled UART takes all of a core.
struct Board {
    address: SocketAddr,
    monitor: SocketAddr,
    _qemu: Process,
    _turn: MutexGuard<'static, ()>,
}

impl Board {
    /// `None` where there is no QEMU, which has been said then.
    fn start() -> Option<Self> {
        static TURN: Mutex<()> = Mutex::new(());
        if !needs::programs(&["qemu-system-arm"]) {
            return None;
        }
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let [address, monitor] = [(); 2].map(|()| free_address());
        let mut qemu = Command::new("qemu-system-arm");
        qemu.args(["-machine", "lm3s6965evb", "-display", "none"]);
        for (what, address) in [("-serial", address), ("-monitor", monitor)] {
            qemu.arg(what).arg(format!("tcp:{address},server,nowait"));
        }
        qemu.arg("-kernel").arg(image());
        let qemu = Process::spawn(qemu);
        let board = Self { address, monitor, _qemu: qemu, _turn: turn };
        until("the UART to be a port", || TcpStream::connect(address).ok());
        Some(board)
    }

    fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// GET over a connection of its own.
    fn get(&self, target: &str) -> String {
        String::from_utf8(self.get_bytes(target)).unwrap()
    }

    fn get_bytes(&self, target: &str) -> Vec<u8> {
        let answer = self.connect().get(target);
        assert_eq!(answer.status, 200, "{target}: {}", answer.head);
        answer.body
    }

    /// GET of who comes next, when what came before was no request, or a half of one. The board hears the end of that by
    /// its own time, and takes who comes too early for more of it: on a busy machine it may be slow.
    fn next(&self, target: &str) -> String {
        let request = format!("GET {target} HTTP/1.1\r\n\r\n");
        for _ in 0..5 {
            std::thread::sleep(SILENCE);
            if let Some(answer) = self.connect().try_ask(request.as_bytes(), 2 * SILENCE) {
                assert_eq!(answer.status, 200, "{target}: {}", answer.head);
                return answer.text();
            }
        }
        panic!("{target}: no answer after five silences");
    }

    /// PUT over a connection of its own.
    fn put(&self, target: &str, body: &str) -> (u16, String) {
        self.send(format!("PUT {target} HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len()).as_bytes())
    }

    /// POST over a connection of its own.
    fn post(&self, target: &str, body: impl AsRef<[u8]>) -> (u16, String) {
        let answer = self.connect().post(target, body);
        (answer.status, answer.text())
    }

    /// Sends bytes over a connection of their own, and reads the status and the line of the answer.
    ///
    /// A UART ends no connection. QEMU has done so once, before a byte came: who sees that asks again.
    fn send(&self, bytes: &[u8]) -> (u16, String) {
        for _ in 0..3 {
            let begun = Instant::now();
            if let Some(answer) = self.connect().try_ask(bytes, SOON) {
                return (answer.status, answer.text());
            }
            assert!(begun.elapsed() < SOON, "no answer to {}", String::from_utf8_lossy(bytes));
        }
        panic!("QEMU ends each connection for {}", String::from_utf8_lossy(bytes));
    }
}

/// The firmware, built.
fn image() -> &'static Path {
    static IMAGE: OnceLock<PathBuf> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("firmware");
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--release", "--locked", "--target", "thumbv7m-none-eabi", "--target-dir"])
            .arg(&target)
            .current_dir(workspace().join("tests/firmware"))
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .status()
            .unwrap();
        assert!(built.success(), "the firmware does not build: see above");
        target.join("thumbv7m-none-eabi/release/streamgauge-firmware")
    })
}

/// What an example prints on a Cortex-M4, if there is one to run it on.
fn printed(example: &str) -> Option<String> {
    if !needs::programs(&["qemu-system-arm"]) {
        return None;
    }
    let run = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--locked", "--profile", "speed", "--target", "thumbv7em-none-eabihf"])
        .args(["--example", example, "--target-dir"])
        .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("examples"))
        .current_dir(workspace().join("tests/firmware"))
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .output()
        .unwrap();
    let text = String::from_utf8(run.stdout).unwrap();
    assert!(run.status.success(), "{text}{}", String::from_utf8_lossy(&run.stderr));
    Some(text)
}

#[test]
fn the_shared_forms_and_the_ring_run_without_an_operating_system() {
    let Some(text) = printed("tasks") else { return };
    assert_eq!(text, "1000 samples through a ring and a queue\n");
}

/// QEMU counts instructions, so this can't be slow by chance.
#[test]
fn a_sample_costs_at_most_150_instructions() {
    let Some(table) = printed("instructions") else { return };
    let costs: Vec<u32> = table
        .lines()
        .filter(|line| line.starts_with("FixedMoments"))
        .map(|line| line.split_whitespace().next_back().unwrap().parse().unwrap())
        .collect();
    assert!(costs.len() == 3 && costs.iter().all(|cost| (20..=150).contains(cost)), "{table}");
    std::io::stdout().write_all(format!("instructions a value on a Cortex-M4\n{table}").as_bytes()).unwrap();
}

#[test]
fn a_queue_past_its_bound_counts_what_it_lost() {
    let Some(board) = Board::start() else { return };
    for i in 0..MAX_DEPTH + 23 {
        assert_eq!(board.post("/put", format!("item {i}")), (200, String::new()));
    }
    let bytes: usize = (23..MAX_DEPTH + 23).map(|i| format!("item {i}").len()).sum();
    let stats = format!("puts:123\ngets:0\ndepth:100\ndepth_high_water:100\nbytes:{bytes}\noverflow:23\n");
    assert_eq!(board.get("/stats"), stats);
    let dump: String = (23..MAX_DEPTH + 23).map(|i| format!("item {i}\n")).collect();
    assert_eq!(board.get("/dump"), dump);
    for i in 23..MAX_DEPTH + 23 {
        assert_eq!(board.get("/get"), format!("item {i}"));
    }
    assert_eq!(board.get("/get"), "");
    assert_eq!(board.get("/stats"), "puts:123\ngets:100\ndepth:0\ndepth_high_water:100\nbytes:0\noverflow:23\n");
}

#[test]
fn every_byte_comes_back_and_8_kib_are_the_other_bound() {
    let Some(board) = Board::start() else { return };
    let every: Vec<u8> = (0..=255).cycle().take(1024).collect();
    let mut client = board.connect();
    for _ in 0..20 {
        assert_eq!(client.post("/put", &every).status, 200);
    }
    // An item of 1024 bytes has eleven in front of it: seven of them fit into 8192 bytes.
    let stats = client.get("/stats").text();
    assert_eq!(stats, "puts:20\ngets:0\ndepth:7\ndepth_high_water:7\nbytes:7168\noverflow:13\n");
    assert_eq!(client.get("/dump").body.len(), 7 * 1025);
    for _ in 0..7 {
        assert_eq!(client.get("/get").body, every);
    }
    let encoded: String = every.iter().take(256).map(|byte| format!("%{byte:02X}")).collect();
    assert_eq!(client.get(&format!("/put?data={encoded}")).status, 200);
    assert_eq!(client.get("/get").body, every[..256]);
    // The bound that it names is the one that there is.
    assert_eq!(client.put("/queues/main", r#"{"overflow":"reject"}"#).status, 200);
    for _ in 0..7 {
        assert_eq!(client.post("/put", &every).status, 200);
    }
    let full = client.post("/put", &every);
    let line = "the queue main is full: the limit queue-bytes 8192 is reached\n";
    assert_eq!((full.status, full.text().as_str()), (503, line));
    let settings = client.get("/queues/main").text();
    assert!(settings.contains("\"bytes\":8192,"), "{settings}");
}

#[test]
fn published_messages_are_counted() {
    let Some(board) = Board::start() else { return };
    assert_eq!(board.post("/pub", "one\ntwo\n\nthree\n"), (200, "Published 3 messages to 0 clients.\n".to_owned()));
    let stats =
        "Active connections: 0\nTotal connections: 0\nMessages received: 3\nMessages sent: 0\nKicked clients: 0\n";
    assert_eq!(board.get("/stats?topic=main"), stats);
    assert_eq!(board.connect().get("/sub").status, 501);
    let long = board.post("/pub", "x".repeat(8192 - 200));
    assert_eq!(long, (413, format!("head and body are over the limit request-bytes {REQUEST_BYTES}\n")));
}

/// Leases on two queues, by the chip's own clock.
#[test]
fn what_is_lent_is_acknowledged_or_comes_back() {
    let Some(board) = Board::start() else { return };
    for (queue, item) in [("main", "a"), ("jobs", "b"), ("jobs", "c")] {
        assert_eq!(board.post(&format!("/put?queue={queue}"), item), (200, String::new()));
    }
    let lend = |queue: &str, seconds: &str| {
        let answer = board.connect().get(&format!("/get?queue={queue}&lease={seconds}"));
        let field = |name: &str| {
            let mut fields = answer.head.lines().filter_map(|line| line.split_once(": "));
            fields.find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
        };
        let (token, attempt) = (field("X-Lease").unwrap_or_default(), field("X-Attempt").unwrap_or_default());
        (answer.status, answer.text(), token, attempt)
    };
    let (status, item, token, attempt) = lend("main", "60");
    assert_eq!((status, &*item, &*attempt), (200, "a", "1"));
    let (_, short, lost, _) = lend("jobs", "1");
    let (_, long, held, _) = lend("jobs", "60");
    assert_eq!((&*short, &*long), ("b", "c"));
    assert!(token.len() == 24 && lost != held, "{token} {lost} {held}");
    assert_eq!(lend("jobs", "60").0, 204, "an item is lent to one at a time");
    // A token is one of its queue, and of once.
    assert_eq!(board.post(&format!("/ack?queue=jobs&lease={token}x"), "").0, 410);
    assert_eq!(board.post(&format!("/ack?lease={token}"), ""), (200, "acked 1\n".to_owned()));
    assert_eq!(board.post(&format!("/ack?lease={token}"), "").0, 410);
    let stats = |queue: &str| -> serde_json::Value {
        serde_json::from_str(&board.get(&format!("/stats?queue={queue}&format=json"))).unwrap()
    };
    let (back, ..) = until("the lease to run out", || Some(lend("jobs", "60")).filter(|(status, ..)| *status == 200));
    assert_eq!(back, 200);
    assert_eq!(board.post(&format!("/ack?queue=jobs&lease={lost}"), "").0, 410, "a token dies with its lease");
    assert_eq!(board.post("/ack?queue=jobs", format!("{held}\n{lost}\n")).1.lines().last(), Some("acked 1"));
    for (queue, accepted, acked, leased, timed_out) in [("main", 1, 1, 0, 0), ("jobs", 2, 1, 1, 1)] {
        let stats = stats(queue);
        let term = |name: &str| stats[name].as_u64().expect(name);
        let counted = ["accepted", "acked", "leased", "timed_out"].map(term);
        assert_eq!(counted, [accepted, acked, leased, timed_out], "{queue}: {stats}");
        let fates =
            ["acked", "delivered", "ready", "delayed", "leased", "overflow", "dead", "expired", "purged"].map(term);
        assert_eq!(accepted, fates.iter().sum::<u64>(), "the law of {queue}: {stats}");
    }
    // Settings are changed, a queue too many is not made, and none is removed, as its storage would not come back.
    assert_eq!(board.send(b"DELETE /queues/jobs HTTP/1.1\r\n\r\n"), (501, "names are for good here\n".to_owned()));
    assert_eq!(board.send(b"DELETE /topics/main HTTP/1.1\r\n\r\n").0, 501);
    assert_eq!(board.put("/queues/jobs", r#"{"lease":"5s","max_attempts":3}"#), (200, String::new()));
    assert_eq!(
        board.put("/queues/third", "{}"),
        (507, "the limit max-names 2 is reached: no more queues\n".to_owned())
    );
}

#[test]
fn a_token_from_before_a_start_settles_nothing() {
    let lent = || {
        let board = Board::start()?;
        assert_eq!(board.post("/put", "a").0, 200);
        let token = board.connect().get("/get?lease=60").header("X-Lease").map(str::to_owned);
        Some((board, token.expect("a token")))
    };
    // One board is gone before there is another.
    let Some((_, before)) = lent() else { return };
    let Some((board, now)) = lent() else { return };
    assert_eq!(board.post(&format!("/ack?lease={before}"), "").0, 410);
    assert_eq!(board.post(&format!("/ack?lease={now}"), ""), (200, "acked 1\n".to_owned()));
}

#[test]
fn moments_of_posted_numbers() {
    let Some(board) = Board::start() else { return };
    assert_eq!(board.get("/moments"), "count:0\nmean:none\nvariance:none\nstddev:none\nskewness:none\nkurtosis:none\n");
    let numbers: Vec<f64> = (0..500).map(|i| f64::from((i * 7919) % 1000) / 8.0 - 40.0).collect();
    for batch in numbers.chunks(50) {
        let lines: String = batch.iter().map(|x| format!("{x}\n")).collect();
        assert_eq!(board.post("/moments", lines).0, 200);
    }
    let text = board.get("/moments");
    let (names, values): (Vec<_>, Vec<_>) = text.lines().map(|line| line.split_once(':').unwrap()).unzip();
    assert_eq!(names, ["count", "mean", "variance", "stddev", "skewness", "kurtosis"]);
    let n = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / n;
    let power = |k: i32| numbers.iter().map(|x| (x - mean).powi(k)).sum::<f64>() / n;
    let variance = power(2) * n / (n - 1.0);
    let expected =
        [n, mean, variance, variance.sqrt(), power(3) / power(2).powf(1.5), power(4) / power(2).powi(2) - 3.0];
    for ((name, value), expected) in names.iter().zip(values).zip(expected) {
        let value: f64 = value.parse().unwrap();
        // A bit of sixteen after the point, and five decimals.
        assert!((value - expected).abs() <= 2.1e-5, "{name}: {value}, not {expected}");
    }
    for wrong in ["1\nx\n", "0.1234567890x", "1e3", "32768", "-32768.1", "1.", ".5", "nan", "1234567890123456789012"] {
        assert_eq!(board.post("/moments", wrong).0, 400, "{wrong:?}");
    }
    assert_eq!(board.post("/moments?reset=1", "x").0, 400);
    assert_eq!(board.get("/moments"), text, "a batch with something wrong in it is not taken");
    assert_eq!(board.post("/moments?reset=1", "0.30000000000000004").1.lines().nth(1), Some("mean:0.30000"));
    assert_eq!(board.post("/moments?reset=1", "1\n2\n4\n8").1.lines().nth(1), Some("mean:3.75000"));
}

#[test]
fn garbage_is_refused_and_the_next_client_understood() {
    let Some(board) = Board::start() else { return };
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(REQUEST_BYTES));
    let fields = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(33));
    for (garbage, status) in [
        (&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], 400),
        (b"hello\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /put HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nnot a chunk\r\n", 400),
        (b"GET /mget?items=0 HTTP/1.1\r\n\r\n", 400),
        (b"GET /nowhere HTTP/1.1\r\n\r\n", 404),
        (b"DELETE /get HTTP/1.1\r\n\r\n", 405),
        (b"PATCH /get HTTP/1.1\r\n\r\n", 405),
        (b"GET /get?queue=a/b HTTP/1.1\r\n\r\n", 400),
        (b"GET /get?queue=other HTTP/1.1\r\n\r\n", 404),
        (b"PUT /queues/other HTTP/1.1\r\n\r\n", 507),
        (b"POST /put HTTP/1.1\r\nContent-Length: 5000\r\n\r\n", 413),
        (long.as_bytes(), 431),
        (fields.as_bytes(), 431),
        (b"GET / HTTP/3.0\r\n\r\n", 505),
    ] {
        let (got, line) = board.send(garbage);
        assert_eq!(got, status, "{}: {line}", String::from_utf8_lossy(garbage));
        assert!(status == 404 || line.ends_with('\n'), "{line:?}");
        assert_eq!(board.next("/get"), "", "after {}", String::from_utf8_lossy(garbage));
    }
    // A client that leaves in the middle of a request.
    for half in ["GET /ge", "POST /put HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc"] {
        let mut client = board.connect();
        client.send(half);
        drop(client);
        assert_eq!(board.next("/stats").lines().next(), Some("puts:0"), "after {half:?}");
    }
}

/// Longer than the firmware waits for what is missing of a request.
const SILENCE: Duration = Duration::from_millis(1200);

#[test]
fn thousands_of_requests_and_every_one_accounted_for() {
    let Some(board) = Board::start() else { return };
    let seconds = std::env::var("STREAMGAUGE_SOAK").ok().map_or(0, |seconds| seconds.parse().expect("seconds"));
    let begun = Instant::now();
    let (mut puts, mut gets, mut rounds) = (0_u64, 0_u64, 0_u64);
    while rounds < 40 || begun.elapsed() < Duration::from_secs(seconds) {
        // One connection after another, and in each one request behind another without waiting.
        let mut client = board.connect();
        let mut requests = Vec::new();
        for i in 0..25 {
            let item = format!("{rounds} {i} {}", "x".repeat(i));
            let head = format!("POST /put HTTP/1.1\r\nContent-Length: {}\r\n\r\n{item}", item.len());
            requests.extend_from_slice(head.as_bytes());
            requests.extend_from_slice(b"GET /get HTTP/1.1\r\n\r\n");
        }
        std::thread::scope(|scope| {
            let mut sender = client.stream.try_clone().unwrap();
            scope.spawn(move || sender.write_all(&requests).unwrap());
            for i in 0..25 {
                assert_eq!(client.answer().status, 200);
                assert_eq!(client.answer().text(), format!("{rounds} {i} {}", "x".repeat(i)));
            }
        });
        (puts, gets, rounds) = (puts + 25, gets + 25, rounds + 1);
        // A UART has one client at a time.
        drop(client);
        if rounds % 10 == 0 {
            let text = board.get("/stats");
            assert_eq!(text, format!("puts:{puts}\ngets:{gets}\ndepth:0\ndepth_high_water:1\nbytes:0\noverflow:0\n"));
        }
    }
    println!("{} requests in {:?}", puts + gets, begun.elapsed());
}
