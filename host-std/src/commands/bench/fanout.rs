//! Subscribers, one publisher, and subscribers that are idle.

use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use memchr::memchr_iter;
use parking_lot::Mutex;
use tokio::io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf};
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, sleep};

use super::load::{Load, Tally};
use super::process::Process;
use super::report::{Growth, Row};
use super::{MARK, Options};
use crate::client::{Error, Limits, Url, open, request as ask, write};
use crate::terminal::exit::{Failure, accepted};
use crate::transport::Transport;

/// How long nothing may come before no more is expected.
const STALLED: Duration = Duration::from_secs(3);

/// How often it is asked whether everything has come.
const LOOK: Duration = Duration::from_millis(1);

pub(super) async fn measure(options: &Options, process: &Process) -> Result<Row, Failure> {
    let subscribers = options.subscribers;
    let deliveries = if options.window == 1 { 300_000 } else { 3_000_000 };
    let messages = options.messages.unwrap_or_else(|| (deliveries / subscribers).clamp(300, 100_000));
    let load = Load {
        url: options.pubsub.join("/pub"),
        body: Some(options.message()),
        requests: messages,
        connections: 1,
        window: options.window,
        seconds: options.seconds,
        messages: |_, _| 1,
        size: options.size,
        batch: 1,
    };
    let publisher = load.prepare().await?;
    let crowd = Crowd::gather(&options.pubsub.join("/sub?multipart=0"), subscribers, &publisher.tally).await?;
    let before = process.usage();
    let tally = publisher.run().await?;
    let (began, published, refused) = {
        let tally = tally.lock();
        (tally.began, tally.messages, tally.refused)
    };
    let delivered = crowd.wait_for(published * subscribers).await;
    let usage = before.zip(process.usage());
    let mut seen = crowd.seen.lock();
    Ok(Row {
        work: match subscribers {
            1 => format!("publish to one, {} in flight", options.window),
            _ => format!("fanout to {subscribers}, {} publishes in flight", options.window),
        },
        messages: delivered,
        elapsed: seen.last - began,
        usage,
        latencies: std::mem::take(&mut seen.latencies),
        refused,
        missing: (published * subscribers).saturating_sub(delivered),
        ..Row::default()
    })
}

pub(super) async fn measure_idle(options: &Options, process: &Process) -> Result<Row, Failure> {
    let before = process.usage();
    let began = Instant::now();
    let nothing = Arc::new(Mutex::new(Tally::default()));
    let crowd = Crowd::gather(&options.pubsub.join("/sub?multipart=0"), options.subscribers, &nothing).await?;
    sleep(Duration::from_millis(500)).await;
    let usage = before.zip(process.usage());
    let elapsed = began.elapsed();
    drop(crowd);
    Ok(Row {
        work: format!("{} idle subscribers", options.subscribers),
        elapsed,
        usage,
        growth: Some(Growth { each: "idle subscriber", number: options.subscribers }),
        ..Row::default()
    })
}

/// Subscribers that only count.
struct Crowd {
    seen: Arc<Mutex<Seen>>,
    _tasks: JoinSet<()>,
}

/// What all of them have seen.
struct Seen {
    /// Streams that have begun.
    begun: u64,
    delivered: u64,
    last: Instant,
    /// Of the first subscriber.
    latencies: Vec<Duration>,
    buffer: Box<[u8]>,
}

impl Crowd {
    /// Connects so many, and waits for all their streams to begin. `published` knows when messages were sent.
    async fn gather(url: &Url, subscribers: u64, published: &Arc<Mutex<Tally>>) -> Result<Self, Failure> {
        let failed = |error: &Error| Failure::of(url, error);
        let mut request = Vec::new();
        write(&mut request, "GET", url, &[], None).ok_or_else(|| failed(&Error::Invalid))?;
        let seen = Arc::new(Mutex::new(Seen {
            begun: 0,
            delivered: 0,
            last: Instant::now(),
            latencies: Vec::new(),
            buffer: vec![0; 256 << 10].into(),
        }));
        let mut tasks = JoinSet::new();
        for i in 0..subscribers {
            let mut stream = open(url, Limits::default().connect).await.map_err(|error| failed(&error))?;
            stream.write_all(&request).await.map_err(|error| failed(&Error::Io(error)))?;
            stream.flush().await.map_err(|error| failed(&Error::Io(error)))?;
            let published = (i == 0).then(|| Arc::clone(published));
            tasks.spawn(follow(stream, Arc::clone(&seen), published));
        }
        let until = Instant::now() + Limits::default().read;
        while seen.lock().begun < subscribers {
            if Instant::now() > until || tasks.try_join_next().is_some() {
                let begun = seen.lock().begun;
                // It may have said why.
                let answer = ask("HEAD", url, &[], None, &Limits::default()).await;
                accepted(url, answer.map_err(|error| failed(&error))?)?;
                return Err(Failure::Refused(format!("{url}: only {begun} of {subscribers} subscriptions came about")));
            }
            sleep(LOOK).await;
        }
        Ok(Self { seen, _tasks: tasks })
    }

    /// Waits until so much has been delivered in all, or nothing more comes.
    async fn wait_for(&self, expected: u64) -> u64 {
        loop {
            let (delivered, last) = {
                let seen = self.seen.lock();
                (seen.delivered, seen.last)
            };
            if delivered >= expected || last.elapsed() > STALLED {
                return delivered;
            }
            sleep(LOOK).await;
        }
    }
}

/// Counts what one subscriber gets, until its stream ends.
async fn follow(mut stream: Transport, seen: Arc<Mutex<Seen>>, published: Option<Arc<Mutex<Tally>>>) {
    let mut begun = false;
    loop {
        // One buffer serves all, because nothing waits while it is in use.
        let more = std::future::poll_fn(|cx| {
            let mut guard = seen.lock();
            let Seen { begun: streams, delivered, last, latencies, buffer } = &mut *guard;
            let mut room = ReadBuf::new(buffer);
            let read = std::task::ready!(Pin::new(&mut stream).poll_read(cx, &mut room));
            if read.is_err() || room.filled().is_empty() {
                return Poll::Ready(false);
            }
            *streams += u64::from(!std::mem::replace(&mut begun, true));
            *last = Instant::now();
            let messages = memchr_iter(MARK, room.filled()).count();
            *delivered += messages as u64;
            if let Some(published) = &published {
                let sent = published.lock();
                let sent = sent.sent_at.get(latencies.len()..).unwrap_or_default();
                latencies.extend(sent.iter().take(messages).map(|sent| *last - *sent));
            }
            Poll::Ready(true)
        });
        if !more.await {
            return;
        }
    }
}
