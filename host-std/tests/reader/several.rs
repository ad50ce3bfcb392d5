//! Queues that go away, come back, or are empty.

use super::*;

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
