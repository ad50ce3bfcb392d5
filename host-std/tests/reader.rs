//! Readers on real queues.

mod process;

use core::time::Duration;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use process::{QueueProcess, free_port};
use streamgauge::client::{Limits, Url, request, simplequeue_write};
use streamgauge::reader::{Builder, Message, Monitor, Outcome, Reader};
use streamgauge::{server, simplequeue};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

async fn queue() -> (Url, JoinHandle<()>) {
    queue_at("127.0.0.1:0").await
}

async fn queue_at(address: &str) -> (Url, JoinHandle<()>) {
    let listener = TcpListener::bind(address).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let stop = watch::Sender::new(false);
    let settings = simplequeue::Settings { queue_bytes: 1 << 20, ..simplequeue::Settings::default() };
    let queue = simplequeue::Server::new(settings, stop.clone()).unwrap();
    let serving = tokio::spawn(async move {
        queue.run(listener, server::Limits::default(), stop.subscribe()).await;
    });
    (url, serving)
}

async fn put(queue: &Url, items: &[&str]) {
    for item in items {
        simplequeue_write(queue, item.as_bytes()).await.unwrap();
    }
}

async fn ask(queue: &Url, path: &str) -> String {
    let answer = request("GET", &queue.join(path), &[], None, &Limits::default()).await.unwrap();
    String::from_utf8(answer.into_body()).unwrap()
}

async fn stat(queue: &Url, name: &str) -> u64 {
    let stats: serde_json::Value = serde_json::from_str(&ask(queue, "/stats?format=json").await).unwrap();
    stats[name].as_u64().unwrap()
}

/// A reader without the long pauses, and a folder of its own for what fails.
fn quick(queue: &Url, folder: &Path) -> Builder {
    Reader::builder(queue.clone())
        .failed_message_dir(folder)
        .failed_pause(Duration::from_millis(100))
        .empty_pause(Duration::from_millis(20))
        .requeue_pause(Duration::ZERO)
        .max_backoff(Duration::from_millis(100))
        .requeue_delay(Duration::from_millis(50))
}

/// A new empty folder.
fn folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("reader-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

struct Running {
    stop: watch::Sender<bool>,
    monitor: Monitor,
    reader: JoinHandle<()>,
}

impl Running {
    fn start(builder: Builder) -> Self {
        let reader = builder.build().unwrap();
        let (stop, monitor) = (watch::Sender::new(false), reader.monitor());
        let stopped = stop.subscribe();
        Self { stop, monitor, reader: tokio::spawn(reader.run(stopped)) }
    }

    async fn until(&self, what: &str, is_so: impl Fn(&Monitor) -> bool) {
        let waiting = async {
            while !is_so(&self.monitor) {
                sleep(Duration::from_millis(5)).await;
            }
        };
        let status = || self.monitor.status().to_string();
        timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("not {what}: {}", status()));
    }

    async fn end(self) {
        self.stop.send_replace(true);
        timeout(PATIENCE, self.reader).await.expect("the reader does not stop").unwrap();
    }
}

fn files(folder: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let files =
        entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap()));
    files.collect()
}

#[tokio::test]
async fn what_fails_is_tried_again_later_and_only_what_is_left() {
    let (queue, _serving) = queue().await;
    put(&queue, &[r#"{"n": 1}"#]).await;
    let runs = Arc::new(Mutex::new(Vec::new()));
    let log = |name: &'static str| {
        let runs = Arc::clone(&runs);
        move |message: Message| {
            runs.lock().push((name, message.tries(), Instant::now()));
            let outcome =
                if name == "flaky" && message.tries() < 3 { Outcome::FailedWithoutBackoff } else { Outcome::Done };
            async move { outcome }
        }
    };
    let reader = Running::start(quick(&queue, &folder()).task("sure", log("sure")).task("flaky", log("flaky")));
    reader.until("finished", |monitor| monitor.status().counters.finished == 1).await;
    let status = reader.monitor.status();
    reader.end().await;
    assert_eq!(stat(&queue, "depth").await, 0);
    let runs = runs.lock();
    let order: Vec<_> = runs.iter().map(|(name, tries, _)| (*name, *tries)).collect();
    assert_eq!(order, [("sure", 1), ("flaky", 1), ("flaky", 2), ("flaky", 3)]);
    assert!(runs[2].2 - runs[1].2 >= Duration::from_millis(50));
    assert!(runs[3].2 - runs[2].2 >= Duration::from_millis(100));
    assert_eq!((status.counters.requeued, status.backoff), (2, Duration::ZERO));
    assert_eq!(status.tasks[1].time.count(), 3);
}

#[tokio::test]
async fn what_is_given_up_or_malformed_is_kept() {
    let (queue, _serving) = queue().await;
    put(&queue, &["not json", r#"{"n": 1}"#]).await;
    let folder = folder();
    let given_up = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&given_up);
    let reader = Running::start(
        quick(&queue, &folder)
            .name("mine")
            .max_tries(1)
            .on_giveup(move |envelope| seen.lock().push(envelope.to_vec()))
            .task("bad", async |_| -> Outcome { panic!("as it must") })
            .task("worse", |_| async { Err::<(), _>("no") }),
    );
    reader.until("given up", |monitor| monitor.status().counters.given_up == 1).await;
    reader.end().await;
    let mut files = files(&folder.join("mine"));
    files.sort();
    assert_eq!(files.len(), 2, "{files:?}");
    assert_eq!(files[0].1, "not json");
    assert!(files[0].0.ends_with(".1.json") && files[1].0.ends_with(".2.json"), "{files:?}");
    assert_eq!(files[0].0.len(), "20120316-184047.1.json".len());
    let envelope: serde_json::Value = serde_json::from_str(&files[1].1).unwrap();
    assert_eq!((&envelope["data"]["n"], &envelope["tries"]), (&1.into(), &2.into()));
    assert_eq!(envelope["tasks_left"], serde_json::json!(["bad", "worse"]));
    assert_eq!(*given_up.lock(), [files[1].1.as_bytes()]);
}

#[tokio::test]
async fn data_is_preprocessed_and_dropped() {
    let (queue, _serving) = queue().await;
    put(&queue, &["0.25", "0.75", "\"x\"", "0.5"]).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let task = Arc::clone(&seen);
    let reader = Running::start(
        quick(&queue, &folder())
            .preprocess(|message| {
                let doubled = 2.0 * message.json::<f64>()?;
                Ok(message.with_data(doubled.to_string()))
            })
            .validate(|message| Ok(message.json::<f64>()? > 0.75))
            .task("collect", move |message| {
                task.lock().push(message.json::<f64>().unwrap());
                async {}
            }),
    );
    reader
        .until("all handled", |monitor| {
            let counters = monitor.status().counters;
            counters.finished == 2 && counters.dropped == 1 && counters.requeued >= 1
        })
        .await;
    reader.end().await;
    assert_eq!(*seen.lock(), [1.5, 1.0]);
    // What can't be preprocessed is tried again as it was.
    let left = ask(&queue, "/dump").await;
    assert!(left.starts_with(r#"{"data": "x", "tries": 1, "#), "{left}");
}

#[tokio::test]
async fn each_item_goes_to_exactly_one_of_many() {
    let (queue, _serving) = queue().await;
    let all: Vec<String> = (0..500).map(|n| n.to_string()).collect();
    put(&queue, &all.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let seen = Arc::new(Mutex::new(HashMap::new()));
    let readers: Vec<_> = (0..3_usize)
        .map(|index| {
            let seen = Arc::clone(&seen);
            let reader = quick(&queue, &folder()).concurrency(2).mget_items(index * 5);
            Running::start(reader.task("count", move |message: Message| {
                *seen.lock().entry(message.json::<u32>().unwrap()).or_insert(0) += 1;
                async {}
            }))
        })
        .collect();
    let total = || readers.iter().map(|reader| reader.monitor.status().counters.finished).sum::<u64>();
    let done = async {
        while total() < 500 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, done).await.unwrap();
    for reader in readers {
        reader.end().await;
    }
    let seen = seen.lock();
    assert!(seen.len() == 500 && seen.values().all(|times| *times == 1));
}

#[tokio::test]
async fn a_queue_that_fails_is_left_out_and_comes_back() {
    let (first, serving) = queue().await;
    let (second, _serving) = queue().await;
    serving.abort();
    let _ = serving.await;
    put(&second, &["1"]).await;
    let reader = quick(&first, &folder()).queue(second.clone());
    let reader = Running::start(reader.task("ok", |_| async {}));
    reader.until("reading the other", |monitor| monitor.status().counters.finished == 1).await;
    assert!(reader.monitor.status().queue_failures > 0);
    let address = format!("{}:{}", first.host(), first.port());
    let (first, _serving) = queue_at(&address).await;
    put(&first, &["2"]).await;
    reader.until("reading it again", |monitor| monitor.status().counters.finished == 2).await;
    reader.end().await;
}

#[tokio::test]
async fn a_task_runs_for_as_many_items_as_it_may() {
    let (queue, _serving) = queue().await;
    put(&queue, &["1"; 12]).await;
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (at, top) = (Arc::clone(&now), Arc::clone(&most));
    let reader = quick(&queue, &folder()).concurrency(6).task_limited("few", 2, move |_| {
        let (at, top) = (Arc::clone(&at), Arc::clone(&top));
        async move {
            top.fetch_max(at.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            sleep(Duration::from_millis(20)).await;
            at.fetch_sub(1, Ordering::SeqCst);
        }
    });
    let reader = Running::start(reader);
    reader.until("finished", |monitor| monitor.status().counters.finished == 12).await;
    reader.end().await;
    assert_eq!(most.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_waiting_item_rests_on_the_queue_and_new_ones_are_served() {
    let (queue, _serving) = queue().await;
    let later = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() + 1000;
    let waiting = format!(r#"{{"data": 1, "tries": 1, "retry_on": {later}.5, "started": 5, "tasks_left": ["ok"]}}"#);
    put(&queue, &[&waiting]).await;
    let reader = Running::start(quick(&queue, &folder()).task("ok", |_| async {}));
    reader.until("seen", |monitor| monitor.status().counters.waiting == 1).await;
    sleep(Duration::from_millis(500)).await;
    // In 25 intervals it was taken once, and it is on the queue as it was.
    assert_eq!((stat(&queue, "gets").await, stat(&queue, "depth").await), (1, 1));
    assert_eq!(ask(&queue, "/dump").await, waiting.clone() + "\n");
    let began = Instant::now();
    put(&queue, &["2"]).await;
    reader.until("served", |monitor| monitor.status().counters.finished == 1).await;
    assert!(began.elapsed() < Duration::from_millis(300), "{:?}", began.elapsed());
    reader.end().await;
    assert_eq!(ask(&queue, "/dump").await, waiting + "\n");
}

#[tokio::test]
async fn stopping_finishes_what_is_in_hand_and_puts_back_the_rest() {
    let (queue, _serving) = queue().await;
    put(&queue, &["1", "2", "3"]).await;
    let reader = quick(&queue, &folder()).mget_items(3).task("slow", |_| sleep(Duration::from_millis(300)));
    let reader = Running::start(reader);
    reader.until("begun", |monitor| monitor.status().counters.items == 1).await;
    let monitor = reader.monitor.clone();
    reader.end().await;
    assert_eq!(monitor.status().counters.finished, 1);
    assert_eq!(ask(&queue, "/dump").await, "2\n3\n");
}

/// A reader with an item in hand whose queue has gone away, and has not taken it back; the port of the queue.
async fn left_alone(folder: &Path) -> (Running, u16) {
    let port = free_port();
    let queue: Url = format!("http://127.0.0.1:{port}").parse().unwrap();
    let process = QueueProcess::start(port);
    put(&queue, &["1"]).await;
    let is_gone = watch::Sender::new(false);
    let gone = is_gone.clone();
    let reader = Running::start(quick(&queue, folder).task("late", move |message| {
        let mut gone = gone.subscribe();
        async move {
            gone.wait_for(|gone| *gone).await.unwrap();
            if message.tries() == 1 { Outcome::FailedWithoutBackoff } else { Outcome::Done }
        }
    }));
    reader.until("in hand", |monitor| monitor.status().counters.items == 1).await;
    drop(process);
    is_gone.send_replace(true);
    reader.until("refused", |monitor| monitor.status().queue_failures > 1).await;
    (reader, port)
}

#[tokio::test]
async fn a_queue_that_comes_back_gets_back_what_it_is_owed() {
    let (reader, port) = left_alone(&folder()).await;
    let _queue = QueueProcess::start(port);
    reader.until("finished", |monitor| monitor.status().counters.finished == 1).await;
    assert_eq!(reader.monitor.status().kept, 0);
    reader.end().await;
}

#[tokio::test]
async fn what_no_queue_takes_back_is_a_file_when_stopping() {
    let folder = folder();
    let (reader, _) = left_alone(&folder).await;
    reader.end().await;
    let files = files(&folder.join("reader"));
    assert!(files.len() == 1 && files[0].1.starts_with(r#"{"data": 1, "tries": 1, "#), "{files:?}");
}

#[tokio::test]
async fn a_drained_reader_ends_and_leaves_nothing() {
    let ((first, _one), (second, _two)) = (queue().await, queue().await);
    // One of them is empty from the start.
    put(&second, &["1", "2", "3", "4"]).await;
    let reader = quick(&first, &folder()).queue(second.clone()).concurrency(2).drain();
    // What fails comes back, and is waited for.
    let reader = Running::start(reader.task("flaky", |message| {
        let outcome = if message.tries() < 3 { Outcome::FailedWithoutBackoff } else { Outcome::Done };
        async move { outcome }
    }));
    timeout(PATIENCE, reader.reader).await.expect("the reader does not end").unwrap();
    assert_eq!(reader.monitor.status().counters.finished, 4);
    assert_eq!((stat(&first, "depth").await, stat(&second, "depth").await), (0, 0));
}

/// The command, ended with its test.
struct Process(Child);

impl Process {
    fn start(args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_streamgauge"));
        let command = command.arg("read").args(args).args([
            "--sleeptime-queue-empty",
            "0.02",
            "--sleeptime-requeue",
            "0",
            "--max-backoff",
            "0.1",
        ]);
        Self(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    fn signal(&self) {
        let id = nix::unistd::Pid::from_raw(self.0.id().try_into().unwrap());
        nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).unwrap();
    }

    async fn end(mut self) -> (Option<i32>, String, String) {
        let began = Instant::now();
        while self.0.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < PATIENCE, "it does not end");
            sleep(Duration::from_millis(5)).await;
        }
        let mut text = [String::new(), String::new()];
        std::io::Read::read_to_string(self.0.stdout.as_mut().unwrap(), &mut text[0]).unwrap();
        std::io::Read::read_to_string(self.0.stderr.as_mut().unwrap(), &mut text[1]).unwrap();
        let [out, errors] = text;
        (self.0.wait().unwrap().code(), out, errors)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < PATIENCE, "not {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_command_is_a_task() {
    let (queue, _serving) = queue().await;
    let (folder, out) = (folder(), folder());
    put(&queue, &["\"good\"", "\"later\"", "\"bad\"", "\"stuck\""]).await;
    let script = format!(
        "read -r word; echo $STREAMGAUGE_TRIES $word >> {0}/log; case $word in *later*) test $STREAMGAUGE_TRIES = 3 || exit 75;; \
         *bad*) exit 1;; *stuck*) sleep 100;; esac",
        out.display()
    );
    let heartbeat = out.join("heartbeat");
    let reader = Process::start(&[
        "--source",
        &queue.to_string(),
        "--exec",
        &script,
        "--requeue-delay",
        "0.01",
        "--max-tries=1",
        "--time-limit",
        "0.2",
        "--failed_message_dir",
        folder.to_str().unwrap(),
        "--queuename",
        "shell",
        "--heartbeat-file",
        heartbeat.to_str().unwrap(),
    ]);
    // At most two tries: later, bad and stuck are given up.
    until("all ended", async || folder.join("shell").exists() && files(&folder.join("shell")).len() == 3).await;
    assert!(heartbeat.metadata().unwrap().modified().unwrap().elapsed().unwrap() < PATIENCE);
    reader.signal();
    let (code, _, errors) = reader.end().await;
    assert_eq!(code, Some(0), "{errors}");
    assert!(errors.contains("exec: 1 done, 6 failed"), "{errors}");
    let log = fs::read_to_string(out.join("log")).unwrap();
    for line in ["1 \"good\"", "1 \"later\"", "2 \"later\"", "1 \"bad\"", "2 \"bad\"", "1 \"stuck\"", "2 \"stuck\""] {
        assert_eq!(log.lines().filter(|other| *other == line).count(), 1, "{line} in {log}");
    }
}

#[tokio::test]
async fn one_signal_finishes_and_a_second_one_ends() {
    let (queue, _serving) = queue().await;
    put(&queue, &["1", "2", "3"]).await;
    let source = queue.to_string();
    let out = folder();
    let script = format!("touch {0}/begun; sleep 0.5; echo done >> {0}/done", out.display());
    let reader = Process::start(&["--source", &source, "--exec", &script]);
    until("begun", async || out.join("begun").exists()).await;
    reader.signal();
    let (code, _, errors) = reader.end().await;
    assert_eq!((code, fs::read_to_string(out.join("done")).unwrap()), (Some(0), "done\n".to_owned()), "{errors}");
    assert_eq!(stat(&queue, "depth").await, 2);

    let out = folder();
    // The command goes on by itself; what it could still print is not waited for.
    let script = format!("exec > {0}/log 2>&1; touch {0}/begun; sleep 5", out.display());
    let reader = Process::start(&["--source", &source, "--exec", &script]);
    until("begun", async || out.join("begun").exists()).await;
    let began = Instant::now();
    reader.signal();
    // The first one has to be seen before the second one is sent.
    sleep(Duration::from_millis(200)).await;
    reader.signal();
    let (code, _, errors) = reader.end().await;
    assert_eq!(code, Some(1), "{errors}");
    assert!(began.elapsed() < Duration::from_secs(3));
    assert_eq!(stat(&queue, "depth").await, 1);
}

#[tokio::test]
async fn printing_is_a_task_and_a_pubsub_is_no_source() {
    let (queue, _serving) = queue().await;
    put(&queue, &["{\"a\": 1}", "2"]).await;
    let reader = Process::start(&["--source", &queue.to_string(), "--print"]);
    until("empty", async || stat(&queue, "depth").await == 0).await;
    reader.signal();
    let (code, out, errors) = reader.end().await;
    assert_eq!((code, out.as_str()), (Some(0), "{\"a\": 1}\n2\n"), "{errors}");

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let pubsub = format!("http://{}", listener.local_addr().unwrap());
    let stop = watch::Sender::new(false);
    let settings = streamgauge::pubsub::Settings::default();
    tokio::spawn(streamgauge::pubsub::run(listener, settings, server::Limits::default(), stop.subscribe()));
    let (code, _, errors) = Process::start(&["--source", &pubsub, "--print"]).end().await;
    assert_eq!(code, Some(2));
    assert!(errors.contains("is a pubsub") && errors.contains("ps_to_http"), "{errors}");
}

#[tokio::test]
async fn a_reader_that_nobody_reads_puts_back_what_it_has_and_ends() {
    let (queue, _serving) = queue().await;
    put(&queue, &["1", "2", "3"]).await;
    for task in [&["--print"][..], &["--exec", "cat"]] {
        let source = queue.to_string();
        let mut reader = Process::start(&[&["--source", &source], task].concat());
        drop(reader.0.stdout.take());
        let began = Instant::now();
        while reader.0.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < PATIENCE, "it does not end");
            sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(reader.0.wait().unwrap().code(), Some(0));
        assert_eq!(stat(&queue, "depth").await, 3);
    }
}

#[tokio::test]
async fn a_sample_is_a_share() {
    let (queue, _serving) = queue().await;
    for (share, expected) in [("0", 0), ("1", 40)] {
        put(&queue, &["1"; 40]).await;
        let source = queue.to_string();
        let reader = Process::start(&["--source", &source, "--drain", "--sample", share, "--print"]);
        let (code, out, errors) = reader.end().await;
        assert_eq!(code, Some(0), "{errors}");
        assert_eq!(out.lines().count(), expected, "{errors}");
    }
    let (code, _, errors) = Process::start(&["--sample", "1.5", "--print"]).end().await;
    assert_eq!((code, errors.lines().count()), (Some(2), 1), "{errors}");
}
