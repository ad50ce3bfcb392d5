//! Readers that borrow.

use super::scripted::{Said, scripted};
use super::*;

/// As `quick`, with leases.
fn borrowing(queue: &Url, folder: &Path) -> Builder {
    quick(queue, folder).lease(Duration::from_millis(600))
}

/// How many items are ready, delayed, leased and dead, and how many were acknowledged.
pub(super) async fn standing(queue: &Url) -> [u64; 5] {
    let stats: serde_json::Value = serde_json::from_str(&ask(queue, "/stats?queue=main&format=json").await).unwrap();
    ["ready", "delayed", "leased", "dead", "acked"].map(|name| stats[name].as_u64().unwrap())
}

/// The item, when it is lent to somebody else.
async fn peek(queue: &Url, state: &str) -> serde_json::Value {
    let line = ask(queue, &format!("/peek?state={state}")).await;
    serde_json::from_str(&line).unwrap_or_else(|_| panic!("{state}: {line}"))
}

#[tokio::test]
async fn what_is_done_is_acknowledged_and_what_fails_waits_on_the_queue_as_it_was() {
    let (queue, _serving) = queue().await;
    put(&queue, &["1", "2"]).await;
    let tries = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&tries);
    let reader = borrowing(&queue, &folder()).requeue_delay(Duration::from_secs(1000)).task("odd", move |message| {
        let number: u32 = message.json().unwrap();
        seen.lock().push((number, message.tries()));
        async move { if number == 1 { Err("no good") } else { Ok(()) } }
    });
    let reader = Running::start(reader);
    reader.until("both handled", |monitor| monitor.status().counters.finished == 1).await;
    reader.end().await;
    assert_eq!(*tries.lock(), [(1, 1), (2, 1)]);
    assert_eq!(standing(&queue).await, [0, 1, 0, 0, 1]);
    let waiting = peek(&queue, "delayed").await;
    // No envelope: the queue knows the attempts.
    assert_eq!((&waiting["data"], &waiting["attempt"]), (&"1".into(), &1.into()));
}

#[tokio::test]
async fn the_dead_letters_tell_why() {
    let (queue, _serving) = queue().await;
    let (main, settings) = (queue.join("/queues/main"), br#"{"max_attempts":1}"#);
    let set = request("PUT", &main, &[], Some(settings), &Limits::default()).await.unwrap();
    assert_eq!(set.status(), 200);
    put(&queue, &["1"]).await;
    let reader = Running::start(borrowing(&queue, &folder()).task("odd", |_| async { Err::<(), _>("no good") }));
    reader.until("requeued", |monitor| monitor.status().counters.requeued == 1).await;
    reader.end().await;
    assert_eq!(standing(&queue).await, [0, 0, 0, 1, 0]);
    assert_eq!(peek(&queue, "dead").await["reason"], "odd: no good");
}

#[tokio::test]
async fn the_queue_counts_the_tries_and_beyond_the_most_a_file_keeps_it() {
    let (queue, _serving) = queue().await;
    put(&queue, &[r#"{"n": 1}"#, "not json"]).await;
    let folder = folder();
    let tries = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&tries);
    let reader = borrowing(&queue, &folder).max_tries(2).drain().requeue_delay(Duration::from_millis(10));
    let reader = reader.task("bad", move |message: Message| {
        seen.lock().push(message.tries());
        async { false }
    });
    let reader = reader.build().unwrap();
    let monitor = reader.monitor();
    // It is drained only when what waits has come and gone.
    timeout(PATIENCE, reader.run(watch::channel(false).1)).await.unwrap();
    assert_eq!(*tries.lock(), [1, 2, 3], "{}", monitor.status());
    assert_eq!(standing(&queue).await, [0, 0, 0, 0, 2]);
    let mut files: Vec<_> = files(&folder.join("reader")).into_iter().map(|(_, text)| text).collect();
    files.sort();
    assert_eq!(files[0], "not json");
    let envelope: serde_json::Value = serde_json::from_str(&files[1]).unwrap();
    assert_eq!((&envelope["tries"], &envelope["tasks_left"]), (&3.into(), &serde_json::json!(["bad"])));
}

#[tokio::test]
async fn tasks_that_are_done_are_not_done_again() {
    let (queue, _serving) = queue().await;
    put(&queue, &[r#"{"n": 1}"#]).await;
    let runs = Arc::new(Mutex::new(Vec::new()));
    let log = |name: &'static str| {
        let runs = Arc::clone(&runs);
        move |message: Message| {
            runs.lock().push((name, message.tries()));
            let outcome = name == "sure" || message.tries() > 3;
            async move { if outcome { Outcome::Done } else { Outcome::FailedWithoutBackoff } }
        }
    };
    let reader = borrowing(&queue, &folder()).task("sure", log("sure")).task("flaky", log("flaky"));
    let reader = Running::start(reader);
    reader.until("finished", |monitor| monitor.status().counters.finished == 1).await;
    reader.end().await;
    // The envelope's tries and the queue's attempts are one count.
    assert_eq!(*runs.lock(), [("sure", 1), ("flaky", 1), ("flaky", 2), ("flaky", 3), ("flaky", 4)]);
    // The item and the one that took its place.
    assert_eq!(standing(&queue).await, [0, 0, 0, 0, 2]);
}

#[tokio::test]
async fn a_lease_lasts_as_long_as_its_task_and_those_behind_it() {
    let (queue, _serving) = queue().await;
    put(&queue, &["1", "2", "3"]).await;
    let runs = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&runs);
    let slow = borrowing(&queue, &folder()).mget_items(3).task("slow", move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        sleep(Duration::from_millis(1500))
    });
    let slow = Running::start(slow);
    slow.until("begun", |monitor| monitor.status().counters.items == 1).await;
    // Another one finds nothing, long after the leases would have been over.
    let other = Running::start(borrowing(&queue, &folder()).task("quick", async |_: Message| ()));
    slow.until("finished", |monitor| monitor.status().counters.finished == 3).await;
    assert_eq!((runs.load(Ordering::SeqCst), other.monitor.status().counters.items), (3, 0));
    assert_eq!(slow.monitor.status().leases_lost, 0);
    slow.end().await;
    other.end().await;
    assert_eq!(standing(&queue).await, [0, 0, 0, 0, 3]);
}

#[tokio::test]
async fn stopping_gives_back_what_is_not_begun() {
    let (queue, _serving) = queue().await;
    put(&queue, &["1", "2", "3"]).await;
    let reader = borrowing(&queue, &folder()).lease(Duration::from_secs(900)).mget_items(3);
    let reader = Running::start(reader.task("slow", |_| sleep(Duration::from_millis(300))));
    reader.until("begun", |monitor| monitor.status().counters.items == 1).await;
    reader.end().await;
    assert_eq!(standing(&queue).await, [2, 0, 0, 0, 1]);
    assert_eq!(ask(&queue, "/mget?items=3").await, "2\n3\n");
}

#[tokio::test]
async fn a_lease_that_is_over_is_lost_and_told_and_its_item_done_again() {
    let (queue, _serving) = queue().await;
    put(&queue, &["1"]).await;
    let reader = borrowing(&queue, &folder()).task("stuck", |message| async move {
        // Nothing else happens on this thread: nobody can touch the lease.
        if message.tries() == 1 {
            std::thread::sleep(Duration::from_millis(1000));
        }
    });
    let reader = Running::start(reader);
    reader.until("finished twice", |monitor| monitor.status().counters.finished == 2).await;
    let monitor = reader.monitor.clone();
    reader.end().await;
    assert!(monitor.status().to_string().contains("1 leases lost"), "{}", monitor.status());
    assert_eq!(standing(&queue).await, [0, 0, 0, 0, 1]);
}

#[tokio::test]
async fn a_queue_is_read_by_its_name() {
    let (queue, _serving) = queue().await;
    let named: Url = format!("{queue}?queue=jobs").parse().unwrap();
    for no_leases in [false, true] {
        simplequeue_write(&named, b"7").await.unwrap();
        let reader = borrowing(&named, &folder());
        let reader = if no_leases { reader.no_leases() } else { reader };
        let reader = Running::start(reader.task("ok", async |_: Message| ()));
        reader.until("finished", |monitor| monitor.status().counters.finished == 1).await;
        reader.end().await;
        let stats: serde_json::Value =
            serde_json::from_str(&ask(&queue, "/stats?queue=jobs&format=json").await).unwrap();
        assert_eq!((&stats["acked"], &stats["ready"]), (&1.into(), &0.into()));
    }
}

#[tokio::test]
async fn a_reader_that_is_killed_loses_nothing() {
    for (batch, at_once) in [("0", 1), ("10", 10)] {
        let (queue, _serving) = queue().await;
        let all: Vec<String> = (0..40).map(|n| n.to_string()).collect();
        put(&queue, &all.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let out = folder();
        let (source, log) = (queue.to_string(), out.join("log"));
        let script = format!("read -r n; echo $n >> {}; sleep 0.05", log.display());
        let flags = ["--source", &source, "--lease", "1", "--mget-items", batch, "--exec", &script];
        let mut victim = Command::new(env!("CARGO_BIN_EXE_streamgauge"));
        let mut victim = victim.arg("read").args(flags).stderr(Stdio::null()).spawn().unwrap();
        let begun = || fs::read_to_string(&log).unwrap_or_default().lines().count() >= 5;
        let waiting = async {
            while !begun() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, waiting).await.unwrap();
        // SIGKILL: it says and does nothing more.
        victim.kill().unwrap();
        victim.wait().unwrap();
        let [ready, delayed, leased, ..] = standing(&queue).await;
        assert!(leased >= 1 && leased <= at_once && delayed == 0, "{ready} {delayed} {leased}");
        let drain = [&flags[..], &["--drain", "--sleeptime-queue-empty", "0.05"]].concat();
        let mut heir = Command::new(env!("CARGO_BIN_EXE_streamgauge"));
        let mut heir = heir.arg("read").args(drain).stderr(Stdio::null()).spawn().unwrap();
        let began = Instant::now();
        while heir.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < PATIENCE, "it is not drained");
            sleep(Duration::from_millis(10)).await;
        }
        let mut seen = HashMap::new();
        for line in fs::read_to_string(&log).unwrap().lines() {
            *seen.entry(line.to_owned()).or_insert(0_u32) += 1;
        }
        assert!(all.iter().all(|n| seen.contains_key(n)), "batch {batch}: {seen:?}");
        // What was in hand may be done twice, and nothing else.
        assert!(seen.values().filter(|times| **times > 1).count() <= 1, "batch {batch}: {seen:?}");
        assert_eq!(standing(&queue).await, [0, 0, 0, 0, 40]);
    }
}

#[tokio::test]
async fn a_lease_whose_acknowledgement_was_not_answered_is_not_lost() {
    let (gets, acks) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&acks);
    let queue = scripted(move |target, _| match target.split('?').next().unwrap() {
        "/stats" => Said::standing(),
        "/mget" if gets.fetch_add(1, Ordering::SeqCst) == 0 => Said::lent(&["1"]),
        "/mget" => Said::nothing(),
        "/ack" if seen.fetch_add(1, Ordering::SeqCst) == 0 => Said::End,
        _ => Said::json("410 Gone", r#"{"over":["lease-0"],"acked":0}"#),
    })
    .await;
    let reader = Running::start(quick(&queue, &folder()).lease(PATIENCE).task("ok", async |_: Message| ()));
    reader.until("acknowledged twice", |_| acks.load(Ordering::SeqCst) == 2).await;
    let monitor = reader.monitor.clone();
    reader.end().await;
    assert_eq!((monitor.status().counters.finished, monitor.status().leases_lost), (1, 0));
}
