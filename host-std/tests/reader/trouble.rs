//! Queues and disks that are slow, full or gone.

use std::collections::HashSet;

use streamgauge::client::Limits;

use super::scripted::{Said, scripted};
use super::*;

/// So long an answer is waited for here.
const IMPATIENT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn what_is_put_again_has_the_name_that_it_had() {
    for has_leases in [false, true] {
        let (gets, puts) = (AtomicUsize::new(0), Arc::new(Mutex::new(Vec::new())));
        let seen = Arc::clone(&puts);
        let queue = scripted(move |target, body| match target.split('?').next().unwrap() {
            "/stats" => Said::standing(),
            "/get" if gets.fetch_add(1, Ordering::SeqCst) < 2 => {
                Said::json("200 OK", gets.load(Ordering::SeqCst).to_string())
            }
            "/mget" if gets.fetch_add(1, Ordering::SeqCst) == 0 => Said::lent(&["1", "2"]),
            "/put" => {
                let id = target.split("id=").nth(1).unwrap_or_default().to_owned();
                let item = body.split(',').next().unwrap().to_owned();
                let mut seen = seen.lock();
                seen.push((item, id));
                if seen.len() % 3 == 0 { Said::json("200 OK", "") } else { Said::Silence }
            }
            "/ack" => Said::json("200 OK", r#"{"over":[],"acked":1}"#),
            _ => Said::nothing(),
        })
        .await;
        let reader = quick(&queue, &folder()).limits(Limits { read: IMPATIENT, ..Limits::default() });
        let reader = if has_leases { reader.lease(PATIENCE) } else { reader };
        let reader = reader.task("sure", async |_: Message| ()).task("bad", async |_: Message| false);
        let reader = Running::start(reader);
        reader.until("put", |_| puts.lock().len() >= 6).await;
        reader.end().await;
        let names: HashSet<_> = puts.lock().iter().cloned().collect();
        let ids: HashSet<_> = names.iter().map(|(_, id)| id.clone()).collect();
        assert!(names.len() == 2 && ids.len() == 2 && !ids.contains(""), "{has_leases}: {names:?}");
    }
}

#[tokio::test]
async fn nothing_is_done_in_vain_for_a_queue_that_is_gone() {
    let (gets, runs) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let queue = scripted(move |target, _| match target.split('?').next().unwrap() {
        "/stats" => Said::standing(),
        "/mget" if gets.fetch_add(1, Ordering::SeqCst) == 0 => Said::lent(&["1", "2", "3"]),
        "/mget" => Said::nothing(),
        _ => Said::json("404 Not Found", "{}"),
    })
    .await;
    let count = Arc::clone(&runs);
    let reader = quick(&queue, &folder()).lease(Duration::from_secs(60)).mget_items(3).task("ok", move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        async {}
    });
    let reader = Running::start(reader);
    reader.until("lost", |monitor| monitor.status().leases_lost == 3).await;
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    reader.end().await;
}

#[tokio::test]
async fn a_reason_however_long_is_told() {
    let (queue, _serving) = queue().await;
    let (main, settings) = (queue.join("/queues/main"), br#"{"max_attempts":1}"#);
    assert_eq!(request("PUT", &main, &[], Some(settings), &Limits::default()).await.unwrap().status(), 200);
    put(&queue, &["1"]).await;
    let reader = quick(&queue, &folder()).lease(PATIENCE);
    let reader = Running::start(reader.task("odd", |_| async { Err::<(), _>("ö".repeat(9_000)) }));
    until_dead(&queue).await;
    reader.end().await;
    let dead: serde_json::Value = serde_json::from_str(&ask(&queue, "/peek?state=dead").await).unwrap();
    // 128 bytes are kept, and no half of a character.
    assert_eq!(dead["reason"], format!("odd: {}", "ö".repeat(61)));
}

async fn until_dead(queue: &Url) {
    let dying = async {
        while ask(queue, "/peek?state=dead").await.is_empty() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, dying).await.expect("it is not dead");
}

#[tokio::test]
async fn all_that_is_not_begun_goes_back_at_once_however_much_it_is() {
    let gets = AtomicUsize::new(0);
    let (nacks, is_told) = (Arc::new(Mutex::new(Vec::new())), watch::Sender::new(false));
    let seen = Arc::clone(&nacks);
    let queue = scripted(move |target, body| match target.split('?').next().unwrap() {
        "/stats" => Said::standing(),
        "/mget" if gets.fetch_add(1, Ordering::SeqCst) == 0 => Said::lent(&["1"; 100]),
        "/nack" => {
            seen.lock().push(body.lines().count());
            Said::json("500 Internal Server Error", "{}")
        }
        "/ack" => Said::json("500 Internal Server Error", "{}"),
        _ => Said::nothing(),
    })
    .await;
    let told = is_told.clone();
    let reader = quick(&queue, &folder()).lease(Duration::from_secs(60)).mget_items(100).task("slow", move |_| {
        let mut told = told.subscribe();
        async move {
            told.wait_for(|told| *told).await.unwrap();
        }
    });
    let reader = Running::start(reader);
    reader.until("begun", |monitor| monitor.status().counters.items == 1).await;
    reader.stop.send_replace(true);
    is_told.send_replace(true);
    let began = Instant::now();
    reader.end().await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert!(!nacks.lock().is_empty() && nacks.lock().iter().all(|tokens| *tokens == 99), "{:?}", nacks.lock());
}

#[tokio::test]
async fn items_got_at_once_do_not_keep_the_heart_from_beating() {
    let (queue, _serving) = queue().await;
    put(&queue, &["1", "2", "3"]).await;
    let (folder, beats) = (folder(), Arc::new(Mutex::new(Vec::new())));
    let (file, seen) = (folder.join("heartbeat"), Arc::clone(&beats));
    let reader = quick(&queue, &folder).mget_items(3).heartbeat_file(&file).task("slow", move |_| {
        seen.lock().push(file.exists());
        let _ = fs::remove_file(&file);
        sleep(Duration::from_millis(5_500))
    });
    let reader = Running::start(reader);
    reader.until("three of them", |_| beats.lock().len() == 3).await;
    assert_eq!(*beats.lock(), [true, false, true]);
    reader.end().await;
}

#[tokio::test]
async fn however_long_items_are_together_they_are_taken() {
    let gets = AtomicUsize::new(0);
    let queue = scripted(move |target, _| match target.split('?').next().unwrap() {
        "/stats" => Said::standing(),
        "/mget" if gets.fetch_add(1, Ordering::SeqCst) == 0 => {
            let long = "1".repeat(1 << 20);
            Said::lent(&[long.as_str(); 24])
        }
        "/ack" => Said::json("200 OK", r#"{"over":[],"acked":1}"#),
        _ => Said::nothing(),
    })
    .await;
    let reader = quick(&queue, &folder()).lease(PATIENCE).mget_items(24).task("ok", async |_: Message| ());
    let reader = Running::start(reader);
    reader.until("finished", |monitor| monitor.status().counters.finished == 24).await;
    reader.end().await;
}

#[tokio::test]
async fn a_message_that_the_disk_has_no_room_for_leaves_nothing() {
    let (queue, _serving) = queue().await;
    let long = "x".repeat(9_000);
    put(&queue, &[long.as_str()]).await;
    let folder = folder();
    // A file may have some blocks and no more, as on a disk that is full.
    let script = r#"trap "" XFSZ; ulimit -f 4; exec "$@""#;
    let reader = Command::new("sh")
        .args(["-c", script, "sh", env!("CARGO_BIN_EXE_streamgauge"), "read", "--exec", "true", "--no-lease"])
        .args(["--source", &queue.to_string(), "--failed-message-dir"])
        .arg(&folder)
        .args(["--sleeptime-failed-queue", "0.05", "--sleeptime-queue-empty", "0.02"])
        .stderr(Stdio::null())
        .spawn();
    let mut reader = reader.unwrap();
    let again = async {
        while stat(&queue, "puts").await < 4 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    let again = timeout(PATIENCE, again).await;
    reader.kill().unwrap();
    reader.wait().unwrap();
    again.expect("it is not tried again");
    let left = files(&folder.join("reader"));
    assert!(left.len() <= 1 && left.iter().all(|(name, _)| !name.ends_with(".json")), "{left:?}");
}

#[tokio::test]
async fn a_lease_is_kept_by_the_clock_of_its_queue() {
    let (gets, touches) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&touches);
    let queue = scripted(move |target, _| match target.split('?').next().unwrap() {
        "/stats" => Said::standing(),
        "/mget" if gets.fetch_add(1, Ordering::SeqCst) == 0 => Said::Answer(
            "200 OK",
            // It is far ahead of ours, and lends for two seconds at the most.
            "date: Fri, 01 Mar 2999 12:00:00 GMT\r\ncontent-type: application/x-ndjson\r\n".to_owned(),
            r#"{"item":1,"lease":"00ff","attempt":1,"until":"2999-03-01T12:00:02Z","data":"1"}"#.to_owned(),
        ),
        "/touch" => {
            seen.fetch_add(1, Ordering::SeqCst);
            Said::json("200 OK", r#"{"over":[],"touched":1}"#)
        }
        "/ack" => Said::json("200 OK", r#"{"over":[],"acked":1}"#),
        _ => Said::nothing(),
    })
    .await;
    let reader = quick(&queue, &folder()).lease(Duration::from_secs(60));
    let reader = Running::start(reader.task("slow", |_| sleep(Duration::from_millis(1_900))));
    reader.until("finished", |monitor| monitor.status().counters.finished == 1).await;
    assert!(touches.load(Ordering::SeqCst) > 0);
    reader.end().await;
}

#[tokio::test]
async fn what_no_queue_will_ever_take_back_is_a_file_and_nothing_behind_it_waits() {
    let items = Mutex::new(vec!["2", "1"]);
    let queue = scripted(move |target, _| match target.split(['?', '/']).nth(1) {
        Some("get") => items.lock().pop().map_or_else(Said::nothing, |item| Said::json("200 OK", item)),
        _ => Said::json("413 Payload Too Large", "an item has 10 bytes at the most\n"),
    });
    let folder = folder();
    let reader = quick(&queue.await, &folder).task("fails", async |_: Message| Outcome::Failed);
    let reader = Running::start(reader);
    reader.until("kept", |monitor| monitor.status().kept == 2).await;
    reader.end().await;
    let mut kept: Vec<_> = files(&folder.join("reader")).into_iter().map(|(_, text)| text).collect();
    kept.sort();
    assert!(kept[0].starts_with(r#"{"data": 1, "tries": 1, "#) && kept[1].starts_with(r#"{"data": 2, "#), "{kept:?}");
}

#[tokio::test]
async fn a_server_with_leases_in_the_place_of_one_without_is_asked_for_them() {
    let (gets, has_lent) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let lent = Arc::clone(&has_lent);
    let queue = scripted(move |target, _| {
        let is_another = gets.load(Ordering::Relaxed) > 1;
        match target {
            // Its connection ends, and who is there from then on is another one.
            target if target.contains("lease=") => {
                lent.fetch_add(1, Ordering::Relaxed);
                Said::nothing()
            }
            target if target.starts_with("/stats") && is_another => Said::standing(),
            target if target.starts_with("/stats") => Said::json("200 OK", r#"{"depth":0}"#),
            _ if gets.fetch_add(1, Ordering::Relaxed) > 0 => Said::End,
            _ => Said::nothing(),
        }
    });
    let reader = quick(&queue.await, &folder()).lease(Duration::from_secs(9)).task("ok", async |_: Message| ());
    let reader = Running::start(reader);
    reader.until("asked on lease", |_| has_lent.load(Ordering::Relaxed) > 0).await;
    reader.end().await;
}
