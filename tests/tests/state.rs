//! State that many processes share, in a real Redis: nothing is added twice, and nothing is lost but what a kill takes.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal::SIGKILL;
use serde_json::Value;
use streamgauge_tests::build::tool;
use streamgauge_tests::exact::Exact;
use streamgauge_tests::process::{Process, Server};
use streamgauge_tests::sets;
use streamgauge_tests::wait::{until, until_within};
use tempfile::TempDir;

/// A Redis of our own.
struct Redis {
    process: Process,
    port: u16,
    folder: TempDir,
}

impl Redis {
    /// `None`, loudly, where it is not on the machine; where `CI` is set that is a failure.
    fn start() -> Option<Self> {
        if Command::new("redis-server").arg("--version").output().is_err() {
            assert!(std::env::var_os("CI").is_none(), "redis-server has to be on the machine");
            eprintln!("NOT TESTED: there is no redis-server here (Debian: apt install redis-server)");
            return None;
        }
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let folder = TempDir::new().expect("a folder");
        let process = Self::process(port, &folder);
        Some(Self { process, port, folder })
    }

    /// Every write is on the disk before it is answered, so that a restart loses nothing.
    fn process(port: u16, folder: &TempDir) -> Process {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", "always"]);
        command.arg("--port").arg(port.to_string()).arg("--dir").arg(folder.path());
        let process = Process::spawn(command);
        until("redis to answer", || (ask(port, &["PING"])? == "PONG").then_some(()));
        process
    }

    fn kill(&mut self) {
        self.process.signal(SIGKILL);
        self.process.wait();
    }

    fn restart(&mut self) {
        self.process = Self::process(self.port, &self.folder);
    }

    fn ask(&self, command: &[&str]) -> String {
        ask(self.port, command).expect("an answer of redis")
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/3", self.port)
    }
}

/// What redis-cli prints.
fn ask(port: u16, command: &[&str]) -> Option<String> {
    let output = Command::new("redis-cli").args(["-p", &port.to_string(), "-n", "3"]).args(command).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim_end().to_owned())
}

/// Exit code, stdout and stderr of `streamgauge`.
fn run(args: &[&str], input: &[u8]) -> (i32, String, String) {
    let mut command = Command::new(tool("streamgauge"));
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("streamgauge starts");
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    let input = input.to_owned();
    // Whoever refuses at once doesn't read it.
    let writer = thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("an end");
    writer.join().expect("a writer does not panic");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (output.status.code().expect("no signal"), text(output.stdout), text(output.stderr))
}

#[track_caller]
fn fine(args: &[&str], input: &[u8]) -> String {
    let (code, out, err) = run(args, input);
    assert_eq!(code, 0, "{args:?}: {err}");
    out
}

fn lines(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|x| format!("{x:e}\n").into_bytes()).collect()
}

/// The worst of all digits of the moments in this JSON.
fn digits(json: &str, exact: &Exact) -> f64 {
    let json: Value = serde_json::from_str(json).expect("JSON");
    let of = |name: &str| json[name].as_f64();
    // JSON has no infinity, which is what a variance beyond the range of f64 is.
    let or_infinite = |name: &str| of(name).or(json["skewness"].is_f64().then_some(f64::INFINITY));
    [
        exact.mean_digits(of("mean")),
        exact.variance_digits(or_infinite("variance")),
        exact.stddev_digits(or_infinite("stddev")),
        exact.skewness_digits(of("skewness")),
        exact.kurtosis_digits(of("kurtosis")),
    ]
    .into_iter()
    .fold(16.0, f64::min)
}

#[test]
fn merged_moments_keep_their_digits() {
    let Some(redis) = Redis::start() else { return };
    let url = redis.url();
    for (number, set) in sets::all().iter().enumerate() {
        let key = format!("set{number}");
        let args = ["moments", "--json", "--state", &url, "--key", &key];
        let exact = Exact::of(&set.values);
        let mut random = sets::Random::new(number as u64);
        let mut rest = set.values.as_slice();
        let mut last = String::new();
        for part in (0..4).rev() {
            let (front, back) = rest.split_at(if part == 0 { rest.len() } else { random.below(rest.len() + 1) });
            rest = back;
            last = fine(&args, &lines(front));
        }
        let json: Value = serde_json::from_str(&last).expect("JSON");
        assert_eq!(json["count"], set.values.len(), "{}", set.name);
        let digits = digits(&last, &exact);
        assert!(digits >= 15.5, "{}: {digits} digits: {last}", set.name);
        assert_eq!(fine(&["state", "export", "--state", &url, "--key", &key], b""), last, "{}", set.name);
    }
}

/// Each number from 1 to `NUMBERS` is on the queue once.
const NUMBERS: usize = 60_000;

fn filled_queue() -> Server {
    let queue = Server::start("simplequeue", [""; 0]);
    let mut client = queue.connect();
    let numbers: Vec<_> = (1..=NUMBERS).map(|number| number.to_string()).collect();
    for some in numbers.chunks(10_000) {
        assert_eq!(client.post("/mput", some.join("\n")).status, 200);
    }
    queue
}

fn reader(queue: SocketAddr, state: &str, command: &[&str]) -> Process {
    let source = format!("http://{queue}/get");
    let args = [command, &["--source", &source, "--drain", "--json", "--state", state, "--key", "k"]].concat();
    Process::start("streamgauge", args)
}

const EACH: &[&str] = &["histogram", "--integers", "--max-values", "1000000"];

/// How often each number was counted.
fn counts(redis: &Redis) -> BTreeMap<u64, u64> {
    let out = redis.ask(&["HGETALL", "k"]);
    let numbers: Vec<u64> = out.lines().map(|line| line.parse().expect("a number")).collect();
    numbers.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
}

fn ends_well(mut reader: Process) -> String {
    let code = until_within(Duration::from_secs(60), "a reader to end", || {
        let code = reader.try_exit_code()?;
        Some(code)
    });
    assert_eq!(code, 0, "{}", reader.stderr());
    reader.stderr()
}

#[test]
fn three_readers_make_one_result() {
    let Some(redis) = Redis::start() else { return };
    let queue = filled_queue();
    let state = redis.url();
    let readers: Vec<_> = (0..3).map(|_| reader(queue.address, &state, &["moments"])).collect();
    for reader in readers {
        ends_well(reader);
    }
    let json = fine(&["state", "export", "--state", &state, "--key", "k"], b"");
    let values: Vec<f64> = (1..=NUMBERS).map(|number| number as f64).collect();
    let exact = Exact::of(&values);
    assert!(json.starts_with(&format!("{{\"count\":{NUMBERS},")), "{json}");
    assert!(digits(&json, &exact) >= 15.5, "{json}");
    // Whoever has ended well leaves no trace.
    assert!(!redis.ask(&["HKEYS", "streamgauge:k"]).contains("writer:"));
    assert_eq!(fine(&["state", "reset", "--state", &state, "--key", "k"], b""), "removed 2 keys\n");
    assert_eq!(redis.ask(&["DBSIZE"]), "0");
}

#[test]
fn a_killed_reader_takes_what_it_held_and_nothing_is_counted_twice() {
    let Some(redis) = Redis::start() else { return };
    let queue = filled_queue();
    let state = redis.url();
    let victim = reader(queue.address, &state, EACH);
    let others: Vec<_> = (0..2).map(|_| reader(queue.address, &state, EACH)).collect();
    until("a first batch", || redis.ask(&["HLEN", "k"]).parse().ok().filter(|bins: &u64| *bins > 0));
    victim.signal(SIGKILL);
    let again = reader(queue.address, &state, EACH);
    for reader in others.into_iter().chain([again]) {
        ends_well(reader);
    }
    let counts = counts(&redis);
    assert!(counts.values().all(|count| *count == 1), "counted twice: {counts:?}");
    // The queue gives up to 1000 at a time, and no more are taken before they are safe.
    let lost = NUMBERS - counts.len();
    println!("{lost} of {NUMBERS} were lost with the killed reader");
    assert!(lost <= 1000, "{lost} are lost");
}

#[test]
fn a_restart_of_redis_loses_nothing_and_doubles_nothing() {
    let Some(mut redis) = Redis::start() else { return };
    let queue = filled_queue();
    let state = redis.url();
    let readers: Vec<_> = (0..3).map(|_| reader(queue.address, &state, EACH)).collect();
    until("a first batch", || redis.ask(&["HLEN", "k"]).parse().ok().filter(|bins: &u64| *bins > 0));
    redis.kill();
    thread::sleep(Duration::from_millis(700));
    redis.restart();
    let notes: String = readers.into_iter().map(ends_well).collect();
    assert!(notes.contains("state lost; adding up here"), "{notes}");
    let counts = counts(&redis);
    assert!(counts.values().all(|count| *count == 1), "counted twice: {counts:?}");
    assert_eq!(counts.len(), NUMBERS);
}

/// Passes on to Redis, and loses each third answer to a script, with the connection.
fn lossy(redis: u16) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect((Ipv4Addr::LOCALHOST, redis)).expect("redis");
            let (mut up, mut down) = (client.try_clone().expect("a socket"), server.try_clone().expect("a socket"));
            let (mut from_server, mut to_client) = (server, client);
            thread::spawn(move || {
                let mut scripts = 0;
                let mut buffer = vec![0; 1 << 16];
                while let Ok(length @ 1..) = up.read(&mut buffer) {
                    let script = buffer[..length].windows(7).any(|word| word == b"EVALSHA");
                    scripts += u32::from(script);
                    if script && scripts % 3 == 0 {
                        // The request arrives; its answer does not.
                        let _ = up.shutdown(Shutdown::Both);
                    }
                    if down.write_all(&buffer[..length]).is_err() {
                        break;
                    }
                }
                let _ = down.shutdown(Shutdown::Write);
            });
            thread::spawn(move || {
                let mut buffer = vec![0; 1 << 16];
                while let Ok(length @ 1..) = from_server.read(&mut buffer) {
                    if to_client.write_all(&buffer[..length]).is_err() {
                        break;
                    }
                }
                let _ = to_client.shutdown(Shutdown::Both);
            });
        }
    });
    address
}

#[test]
fn a_batch_whose_answer_is_lost_is_recognised() {
    let Some(redis) = Redis::start() else { return };
    let queue = filled_queue();
    let state = format!("redis://{}/3", lossy(redis.port));
    let notes = ends_well(reader(queue.address, &state, EACH));
    assert!(notes.contains("batches were sent again that had arrived, and recognised"), "{notes}");
    assert!(!notes.contains("; 0 batches were sent again"), "{notes}");
    let counts = counts(&redis);
    assert!(counts.values().all(|count| *count == 1), "counted twice");
    assert_eq!(counts.len(), NUMBERS);
}

#[test]
fn a_graph_is_a_sorted_set_a_node() {
    let Some(redis) = Redis::start() else { return };
    let state = redis.url();
    let Some(folder) = sets::folder() else { return };
    let clicks = folder.join("usagov-clicks.jsonl");
    let text = std::fs::read_to_string(&clicks).expect("clicks");
    // Counted here as the workshop counts: each record built whole.
    let mut expected: HashMap<(String, String), u64> = HashMap::new();
    for line in text.lines() {
        let record: Value = serde_json::from_str(line).expect("JSON");
        if let (Some(from), Some(to)) = (record["r"].as_str(), record["u"].as_str()) {
            *expected.entry((from.to_owned(), to.to_owned())).or_default() += 1;
        }
    }
    let (front, back) = text.split_at(text.match_indices('\n').nth(700).expect("lines").0 + 1);
    for part in [front, back] {
        fine(&["graph", "--from", "r", "--to", "u", "--state", &state, "--key", "clicks"], part.as_bytes());
    }
    for from in ["direct", "http://www.facebook.com/"] {
        let out = redis.ask(&["ZRANGE", &format!("clicks:{from}"), "0", "-1", "WITHSCORES"]);
        let lines: Vec<_> = out.lines().collect();
        let found: HashMap<_, u64> =
            lines.chunks(2).map(|pair| ((from.to_owned(), pair[0].to_owned()), pair[1].parse().unwrap())).collect();
        let here: HashMap<_, _> = expected.clone().into_iter().filter(|((start, _), _)| start == from).collect();
        assert_eq!(found, here);
    }
    let shared = fine(&["state", "export", "--state", &state, "--key", "clicks"], b"");
    let alone = fine(&["graph", "--from", "r", "--to", "u", "--format", "edges"], text.as_bytes());
    assert_eq!(shared, alone);
    assert_eq!(shared.lines().count(), expected.len());
    for line in shared.lines() {
        let [from, to, weight] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        assert_eq!(expected[&(from.to_owned(), to.to_owned())].to_string(), weight);
    }
    assert!(
        fine(&["state", "show", "--state", &state, "--key", "clicks"], b"").contains("1,780 records, 54 heartbeats")
    );
    fine(&["state", "reset", "--state", &state, "--key", "clicks"], b"");
    assert_eq!(redis.ask(&["DBSIZE"]), "0");
}

#[test]
fn what_does_not_fit_is_refused_in_one_line() {
    let Some(redis) = Redis::start() else { return };
    let state = redis.url();
    let (code, out, err) = run(&["moments", "--state", "redis://127.0.0.1:1/", "--key", "k"], b"1\n");
    assert_eq!((code, out.as_str()), (3, ""));
    assert!(err.contains("127.0.0.1:1") && err.contains("refused") && err.lines().count() == 1, "{err}");
    fine(&["histogram", "--min", "0", "--max", "1", "--state", &state, "--key", "k"], b"0.5\n");
    for args in [&["moments"][..], &["histogram", "--min", "0", "--max", "2"], &["histogram", "--integers"]] {
        let (code, _, err) = run(&[args, &["--state", &state, "--key", "k"]].concat(), b"1\n");
        assert_eq!(code, 3, "{err}");
        assert!(err.contains("holds histogram (range 0 1 20)") && err.lines().count() == 1, "{err}");
    }
    redis.ask(&["SET", "s", "x"]);
    let (code, _, err) = run(&["moments", "--state", &state, "--key", "s"], b"1\n");
    assert_eq!(code, 3, "{err}");
    assert!(err.contains("s is a string"), "{err}");
    assert_eq!(redis.ask(&["GET", "s"]), "x");
    for (args, word) in [
        (&["moments", "--state", &state][..], "--key NAME is missing"),
        (&["moments", "--key", "k"], "--key and --expire need --state"),
        (&["moments", "--state", "redis:/", "--key", "k"], "--state redis:/"),
        (&["moments", "--state", &state, "--key", "a:b"], "without a colon"),
    ] {
        let (code, _, err) = run(args, b"");
        assert_eq!(code, 2, "{args:?}: {err}");
        assert!(err.contains(word), "{args:?}: {err}");
    }
    let (code, _, err) = run(&["state", "show", "--state", &state, "--key", "none"], b"");
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("there is no such state"), "{err}");
}

#[test]
fn a_state_expires_when_nobody_adds_to_it() {
    let Some(redis) = Redis::start() else { return };
    let state = redis.url();
    let out = fine(&["moments", "--state", &state, "--key", "k", "--expire", "100", "--json"], b"1\nx\nnan\n-inf\n2\n");
    assert!(out.starts_with("{\"count\":2,"), "{out}");
    assert!(out.ends_with("\"rejected\":{\"not_a_number\":1,\"nan\":1,\"infinite\":1}}\n"), "{out}");
    for key in ["k", "streamgauge:k"] {
        let left: i64 = redis.ask(&["PTTL", key]).parse().expect("milliseconds");
        assert!((50_000..=100_000).contains(&left), "{key}: {left}");
    }
}

#[test]
fn a_reset_under_way_is_told() {
    let Some(redis) = Redis::start() else { return };
    let state = redis.url();
    let mut command = Command::new(tool("streamgauge"));
    command.args(["moments", "--json", "--every", "1", "--state", &state, "--key", "k"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for number in 1..=3 {
        stdin.write_all(format!("{number}\n").as_bytes()).unwrap();
        until("it to be added", || (redis.ask(&["HGET", "k", "count"]) == number.to_string()).then_some(()));
    }
    redis.ask(&["FLUSHALL"]);
    stdin.write_all(b"4\n").unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(out.lines().last().unwrap().starts_with("{\"count\":1,\"mean\":4.0"), "{out}");
    assert!(err.contains("3 batches that had been added are no longer in the state"), "{err}");
}
