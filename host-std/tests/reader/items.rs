//! What becomes of an item.

use super::*;

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
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
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
