//! ps_to_http between a scripted source and scripted destinations, on real sockets.

use core::time::Duration;
use std::time::Instant;
use streamgauge::bridges::ps_to_http::{Bridge, Config, Counters, Destination, Silence, Summary};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::destination::{Act, Fake};
use crate::endpoint::Endpoint;
use crate::source::Source;

const PATIENCE: Duration = Duration::from_secs(20);

struct Running {
    counters: Counters,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<Summary, Silence>>,
}

impl Running {
    fn start(config: Config) -> Self {
        let bridge = Bridge::new(config);
        let counters = bridge.counters();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(bridge.run(async { drop(stopped.await) }));
        Self { counters, stop, task }
    }

    async fn until(&self, what: &str, done: impl Fn(&Summary) -> bool) {
        let waited = timeout(PATIENCE, async {
            while !done(&self.counters.summary()) {
                sleep(Duration::from_millis(5)).await;
            }
        });
        if waited.await.is_err() {
            panic!("{what}: {}", self.counters.summary());
        }
    }

    async fn finish(self) -> Summary {
        self.stop.send(()).expect("it runs");
        let ended = timeout(PATIENCE, self.task).await.expect("it ends");
        ended.expect("no panic").expect("not silent")
    }
}

fn config(source: &Source, destinations: &[Destination]) -> Config {
    Config::new(source.url("multipart=0"), destinations.to_vec())
}

fn numbered(range: core::ops::Range<usize>) -> Vec<String> {
    range.map(|number| format!("message {number}")).collect()
}

fn delivered(summary: &Summary) -> Vec<u64> {
    summary.destinations.iter().map(|counts| counts.delivered).collect()
}

/// Without what came a second time: of each message the last time counts.
fn last_times(messages: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for message in messages.into_iter().rev() {
        if !kept.contains(&message) {
            kept.push(message);
        }
    }
    kept.reverse();
    kept
}

#[tokio::test]
async fn every_destination_gets_every_message_in_order_with_several_in_flight() {
    let source = Source::start(true).await;
    let (get, post) = (Fake::start(|_, _| Act::Slow(200)).await, Fake::start(|_, _| Act::Answer(200)).await);
    let running = Running::start(config(&source, &[get.get(), post.post()]));
    source.subscribed(1).await;
    sleep(Duration::from_millis(100)).await;
    let mut messages = numbered(0..300);
    messages.push("a&b=c %s \u{e9}".into());
    source.publish(&messages);
    running.until("all delivered", |summary| delivered(summary) == [301, 301]).await;
    assert_eq!((get.messages(), post.messages()), (messages.clone(), messages));
    assert!(get.most_in_flight() > 4, "{}", get.most_in_flight());
    assert_eq!((get.connections(), source.gets()), (1, 1), "one connection, one subscription");
    let summary = running.finish().await;
    assert_eq!((summary.received, summary.losses(), summary.pending()), (301, [0; 4], 0));
}

#[tokio::test]
async fn a_destination_that_stalls_gets_one_request_at_a_time() {
    let source = Source::start(true).await;
    let fake = Fake::stalling(|_, _| Act::Answer(200)).await;
    let running = Running::start(config(&source, &[fake.get()]));
    source.subscribed(1).await;
    let messages = numbered(0..100);
    let began = Instant::now();
    source.publish(&messages);
    running.until("all delivered", |summary| delivered(summary) == [100]).await;
    assert!(began.elapsed() < Duration::from_secs(5), "it does not wait for what never comes");
    assert_eq!((fake.messages(), fake.most_in_flight()), (messages, 1));
    assert_eq!(running.finish().await.pending(), 0);
}

#[tokio::test]
async fn a_destination_that_restarts_loses_nothing_and_keeps_the_order() {
    let source = Source::start(true).await;
    let mut fake = Fake::start(|_, _| Act::Slow(200)).await;
    let running = Running::start(config(&source, &[fake.post()]));
    source.subscribed(1).await;
    let messages = numbered(0..200);
    source.publish(&messages[..100]);
    running.until("some delivered", |summary| delivered(summary)[0] > 30).await;
    fake.stop().await;
    source.publish(&messages[100..]);
    sleep(Duration::from_millis(250)).await;
    fake.restart().await;
    running.until("all delivered", |summary| delivered(summary) == [200]).await;
    assert_eq!(last_times(fake.messages()), messages);
    let summary = running.finish().await;
    assert_eq!((summary.received, summary.losses()), (200, [0; 4]));
}

#[tokio::test]
async fn a_connection_that_breaks_with_requests_in_flight_has_them_sent_again() {
    let source = Source::start(true).await;
    let fake = Fake::start(|attempt, _| if attempt % 37 == 36 { Act::Close } else { Act::Slow(200) }).await;
    let running = Running::start(config(&source, &[fake.get()]));
    source.subscribed(1).await;
    let messages = numbered(0..150);
    source.publish(&messages);
    running.until("all delivered", |summary| delivered(summary) == [150]).await;
    assert_eq!(last_times(fake.messages()), messages);
    assert!(fake.connections() > 3);
    running.finish().await;
}

#[tokio::test]
async fn a_source_that_drops_the_connection_is_resumed_without_loss() {
    for encoding in ["multipart=0", "multipart=1", "format=sse"] {
        let mut source = Source::start(true).await;
        let fake = Fake::start(|_, _| Act::Answer(200)).await;
        let running = Running::start(Config::new(source.url(encoding), vec![fake.post()]));
        source.subscribed(1).await;
        let messages = numbered(0..90);
        source.publish(&messages[..30]);
        running.until("first part", |summary| delivered(summary) == [30]).await;
        source.stop().await;
        source.publish(&messages[30..60]);
        source.restart().await;
        running.until("resumed", |summary| delivered(summary) == [60]).await;
        source.publish(&messages[60..]);
        running.until("last part", |summary| delivered(summary) == [90]).await;
        assert_eq!(fake.messages(), messages, "{encoding}");
        assert_eq!(running.finish().await.missed, 0);
    }
}

#[tokio::test]
async fn a_message_of_several_lines_or_none_is_one_message() {
    let mut source = Source::start(true).await;
    let fake = Fake::start(|_, _| Act::Answer(200)).await;
    let running = Running::start(config(&source, &[fake.post()]));
    source.subscribed(1).await;
    source.publish(&["a\nb\r\n\nc".into(), String::new(), "d".into()]);
    running.until("first part", |summary| delivered(summary) == [2]).await;
    source.stop().await;
    source.publish(&["e".into(), "f".into()]);
    source.restart().await;
    running.until("resumed", |summary| delivered(summary) == [4]).await;
    assert_eq!(fake.messages(), ["a\nb\r\n\nc", "d", "e", "f"]);
    assert_eq!(running.finish().await.missed, 0);
}

#[tokio::test]
async fn what_the_source_leaves_out_is_not_missing() {
    for encoding in ["multipart=0", "multipart=1", "format=sse"] {
        let mut source = Source::start(true).await;
        let fake = Fake::start(|_, _| Act::Answer(200)).await;
        let url = source.url(&format!("{encoding}&filter=7"));
        let running = Running::start(Config::new(url, vec![fake.post()]));
        source.subscribed(1).await;
        source.publish(&numbered(0..30));
        running.until("first part", |summary| delivered(summary) == [3]).await;
        source.stop().await;
        source.publish(&numbered(30..60));
        source.restart().await;
        running.until("resumed", |summary| delivered(summary) == [6]).await;
        let wanted: Vec<_> = numbered(0..60).into_iter().filter(|message| message.contains('7')).collect();
        assert_eq!(fake.messages(), wanted, "{encoding}");
        assert_eq!(running.finish().await.missed, 0, "{encoding}");
    }
}

#[tokio::test]
async fn what_the_source_no_longer_holds_is_counted() {
    for encoding in ["multipart=0", "format=sse"] {
        let mut source = Source::start(true).await;
        let fake = Fake::start(|_, _| Act::Answer(200)).await;
        let running = Running::start(Config::new(source.url(encoding), vec![fake.post()]));
        source.subscribed(1).await;
        source.publish(&numbered(0..10));
        running.until("first part", |summary| delivered(summary) == [10]).await;
        source.stop().await;
        source.publish(&numbered(10..20));
        source.forget(17);
        source.restart().await;
        running.until("resumed", |summary| delivered(summary) == [13]).await;
        assert_eq!(fake.messages()[10..], numbered(17..20), "{encoding}");
        assert_eq!(running.finish().await.missed, 7, "{encoding}");
    }
}

#[tokio::test]
async fn a_source_that_begins_anew_is_a_new_stream() {
    let mut source = Source::start(true).await;
    let fake = Fake::start(|_, _| Act::Answer(200)).await;
    let running = Running::start(config(&source, &[fake.post()]));
    source.subscribed(1).await;
    source.publish(&numbered(0..10));
    running.until("first life", |summary| delivered(summary) == [10]).await;
    source.stop().await;
    source.begin_anew(2);
    source.publish(&numbered(50..55));
    source.restart().await;
    running.until("second life", |summary| delivered(summary) == [15]).await;
    assert_eq!(fake.messages()[10..], numbered(50..55));
    assert_eq!(running.finish().await.missed, 0);
}

#[tokio::test]
async fn an_original_source_is_just_read_again() {
    let mut source = Source::start(false).await;
    let fake = Fake::start(|_, _| Act::Answer(200)).await;
    let running = Running::start(config(&source, &[fake.get()]));
    source.subscribed(1).await;
    source.publish(&["a".into(), "{\"b\": 1}".into()]);
    running.until("first part", |summary| delivered(summary) == [2]).await;
    source.stop().await;
    source.restart().await;
    source.subscribed(2).await;
    source.publish(&["c".into()]);
    running.until("second part", |summary| delivered(summary) == [3]).await;
    assert_eq!(fake.messages(), ["a", "{\"b\": 1}", "c"]);
    assert!(source.queries().iter().all(|query| !query.contains("last_event_id")));
    running.finish().await;
}

#[tokio::test]
async fn what_fails_for_now_is_tried_again_in_order() {
    let source = Source::start(true).await;
    let fake = Fake::start(|attempt, _| match attempt {
        5 => Act::Answer(503),
        9 => Act::Answer(429),
        12 => Act::Answer(500),
        15 => Act::Answer(408),
        _ => Act::Answer(200),
    });
    let fake = fake.await;
    let running = Running::start(config(&source, &[fake.post()]));
    source.subscribed(1).await;
    let messages = numbered(0..40);
    source.publish(&messages);
    running.until("all delivered", |summary| delivered(summary) == [40]).await;
    assert_eq!(last_times(fake.messages()), messages);
    let summary = running.finish().await;
    assert_eq!(summary.losses(), [0; 4]);
}

#[tokio::test]
async fn retry_after_is_honoured() {
    let source = Source::start(true).await;
    let fake = Fake::start(|attempt, _| if attempt == 0 { Act::AnswerAfter(503, 1) } else { Act::Answer(200) }).await;
    let running = Running::start(config(&source, &[fake.post()]));
    source.subscribed(1).await;
    let began = Instant::now();
    source.publish(&numbered(0..1));
    running.until("delivered", |summary| delivered(summary) == [1]).await;
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
    running.finish().await;
}

#[tokio::test]
async fn what_is_refused_is_counted_and_not_sent_again() {
    let source = Source::start(true).await;
    let fake = Fake::start(|_, message| if message.ends_with('3') { Act::Answer(400) } else { Act::Answer(200) }).await;
    let running = Running::start(config(&source, &[fake.get()]));
    source.subscribed(1).await;
    let messages = numbered(0..50);
    source.publish(&messages);
    running.until("all settled", |summary| summary.received == 50 && summary.pending() == 0).await;
    assert_eq!(fake.messages(), messages);
    let summary = running.finish().await;
    assert_eq!((delivered(&summary), summary.losses()), (vec![45], [5, 0, 0, 0]));
}

#[tokio::test]
async fn a_full_buffer_drops_the_oldest_and_counts_them_for_whom_was_down() {
    let source = Source::start(true).await;
    let (up, mut down) = (Fake::start(|_, _| Act::Answer(200)).await, Fake::start(|_, _| Act::Answer(200)).await);
    down.stop().await;
    let mut config = config(&source, &[up.post(), down.post()]);
    config.buffer_bytes = 10 * (64 + 11);
    let running = Running::start(config);
    source.subscribed(1).await;
    for part in numbered(0..30).chunks(2) {
        source.publish(part);
        let sent = source.published() as u64;
        running.until("the other one is served", |summary| delivered(summary)[0] == sent).await;
    }
    down.restart().await;
    running.until("caught up", |summary| summary.pending() == 0).await;
    assert_eq!(up.messages(), numbered(0..30));
    let summary = running.finish().await;
    let counts = &summary.destinations[1];
    assert_eq!((counts.delivered, counts.dropped), (10, 20), "{summary}");
    assert_eq!(down.messages(), numbered(20..30));
    assert_eq!(summary.destinations[0].dropped, 0);
}

#[tokio::test]
async fn in_turns_each_message_goes_to_one_and_whom_is_down_is_skipped() {
    let source = Source::start(true).await;
    let (one, mut two) = (Fake::start(|_, _| Act::Answer(200)).await, Fake::start(|_, _| Act::Answer(200)).await);
    let mut config = config(&source, &[one.get(), two.post()]);
    config.round_robin = true;
    let running = Running::start(config);
    source.subscribed(1).await;
    let all = |count: u64| move |summary: &Summary| delivered(summary).iter().sum::<u64>() == count;
    source.publish(&numbered(0..10));
    running.until("both served", all(10)).await;
    let every_second = |from: usize| numbered(0..10).into_iter().skip(from).step_by(2).collect::<Vec<_>>();
    assert_eq!((one.messages(), two.messages()), (every_second(0), every_second(1)));
    two.stop().await;
    source.publish(&numbered(10..30));
    running.until("one took over", all(30)).await;
    assert_eq!((one.messages().len(), two.messages().len()), (25, 5));
    two.restart().await;
    let waited = timeout(PATIENCE, async {
        while delivered(&running.counters.summary())[1] < 8 {
            source.publish(&["more".into()]);
            sleep(Duration::from_millis(20)).await;
        }
    });
    waited.await.expect("it is back");
    let summary = running.finish().await;
    assert_eq!((delivered(&summary).iter().sum::<u64>(), summary.pending()), (summary.received, 0));
}

#[tokio::test]
async fn what_is_long_takes_its_time() {
    let source = Source::start(true).await;
    let mut slow = Endpoint::default();
    let read_all = |mut stream: TcpStream| async move {
        // It goes on, a piece at a time.
        let (mut buffer, mut piece) = (Vec::new(), vec![0; 128 << 10]);
        loop {
            let read = stream.read(&mut piece).await.unwrap_or(0);
            if read == 0 {
                return;
            }
            buffer.extend_from_slice(&piece[..read]);
            let is_whole = buffer.ends_with(b"the end");
            if is_whole || buffer.starts_with(b"GET /") {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
                buffer.clear();
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    slow.open(read_all).await;
    let url = format!("http://127.0.0.1:{}/put", slow.port());
    let mut config = config(&source, &[Destination::post(&url).expect("a URL")]);
    (config.limits.read, config.limits.message) = (Duration::from_secs(2), 32 << 20);
    let running = Running::start(config);
    source.subscribed(1).await;
    let began = Instant::now();
    source.publish(&["x".repeat(24 << 20) + "the end", "and the end".to_owned()]);
    running.until("both delivered", |summary| delivered(summary) == [2]).await;
    assert!(began.elapsed() > Duration::from_secs(2), "it was no test");
    assert_eq!(running.finish().await.losses(), [0; 4]);
}

#[tokio::test]
async fn silence_ends_it() {
    let source = Source::start(true).await;
    let fake = Fake::start(|_, _| Act::Answer(200)).await;
    let mut config = config(&source, &[fake.get()]);
    config.max_silence = Some(Duration::from_secs(3));
    let running = Running::start(config);
    source.subscribed(1).await;
    sleep(Duration::from_millis(1_600)).await;
    source.publish(&numbered(0..1));
    sleep(Duration::from_millis(1_600)).await;
    assert!(!running.task.is_finished(), "a message came in between");
    let ended = timeout(Duration::from_secs(20), running.task).await.expect("in time").expect("no panic");
    assert_eq!(delivered(&ended.expect_err("silent").summary), [1]);
}

#[tokio::test]
async fn what_is_in_the_buffer_is_delivered_before_the_end_if_that_is_soon_enough() {
    for (drain, complete) in [(Duration::from_secs(10), true), (Duration::from_millis(100), false)] {
        let source = Source::start(true).await;
        let fake = Fake::start(|_, _| Act::Slow(200)).await;
        let mut config = config(&source, &[fake.post()]);
        (config.pipeline, config.drain) = (1, drain);
        let running = Running::start(config);
        source.subscribed(1).await;
        source.publish(&numbered(0..60));
        running.until("received", |summary| summary.received == 60).await;
        let summary = running.finish().await;
        assert_eq!(summary.pending() == 0, complete, "{summary}");
        assert_eq!(delivered(&summary)[0] + summary.pending(), 60);
    }
}

#[tokio::test]
async fn a_head_that_is_not_answered_well_is_no_obstacle() {
    let source = Source::start(true).await;
    source.refuse_head();
    let fake = Fake::start(|_, _| Act::Answer(200)).await;
    let running = Running::start(Config::new(source.url("multipart=1"), vec![fake.get()]));
    source.subscribed(1).await;
    source.publish(&["two\nlines".into()]);
    running.until("delivered", |summary| delivered(summary) == [1]).await;
    assert_eq!(fake.messages(), ["two\nlines"]);
    running.finish().await;
}
