//! A pubsub that does what a test tells it.

use core::time::Duration;
use std::sync::{Arc, Mutex};
use streamgauge::client::Url;
use streamgauge_core::wire::{Framing, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::endpoint::Endpoint;

pub(crate) struct Source {
    endpoint: Endpoint,
    state: Arc<State>,
}

struct State {
    /// Whether it says which message has which number, and can resume.
    numbered: bool,
    log: Mutex<Log>,
    changed: Notify,
}

#[derive(Default)]
struct Log {
    epoch: u32,
    /// The number of the oldest message.
    first: u64,
    messages: Vec<String>,
    published: usize,
    queries: Vec<String>,
    refuses_head: bool,
}

impl Source {
    pub(crate) async fn start(numbered: bool) -> Self {
        let log = Mutex::new(Log { first: 1000, ..Log::default() });
        let mut source =
            Self { endpoint: Endpoint::default(), state: Arc::new(State { numbered, log, changed: Notify::new() }) };
        source.restart().await;
        source
    }

    pub(crate) async fn restart(&mut self) {
        let state = Arc::clone(&self.state);
        let serve = move |stream| {
            let state = Arc::clone(&state);
            async move { state.serve(stream).await }
        };
        self.endpoint.open(serve).await;
    }

    pub(crate) async fn stop(&mut self) {
        self.endpoint.close().await;
    }

    pub(crate) fn url(&self, query: &str) -> Url {
        format!("http://127.0.0.1:{}/sub?{query}", self.endpoint.port()).parse().expect("a URL")
    }

    pub(crate) fn publish(&self, messages: &[String]) {
        let mut log = self.log();
        log.messages.extend_from_slice(messages);
        log.published += messages.len();
        drop(log);
        self.state.changed.notify_waiters();
    }

    pub(crate) fn published(&self) -> usize {
        self.log().published
    }

    /// Drops all but the last messages: those from the `count`th on stay.
    pub(crate) fn forget(&self, count: usize) {
        let mut log = self.log();
        log.messages.drain(..count);
        log.first += count as u64;
    }

    /// Another life, whose numbers begin at `first`.
    pub(crate) fn begin_anew(&self, first: u64) {
        let mut log = self.log();
        log.messages.clear();
        log.first = first;
        log.epoch += 1;
    }

    pub(crate) fn refuse_head(&self) {
        self.log().refuses_head = true;
    }

    pub(crate) fn gets(&self) -> usize {
        self.log().queries.len()
    }

    pub(crate) fn queries(&self) -> Vec<String> {
        self.log().queries.clone()
    }

    /// Returns when so many subscriptions have been asked for, in all.
    pub(crate) async fn subscribed(&self, count: usize) {
        let waited = timeout(Duration::from_secs(10), async {
            while self.gets() < count {
                sleep(Duration::from_millis(5)).await;
            }
        });
        waited.await.expect("subscribed in time");
    }

    fn log(&self) -> std::sync::MutexGuard<'_, Log> {
        self.state.log.lock().expect("no panic")
    }
}

impl State {
    async fn serve(&self, mut stream: TcpStream) {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let request = String::from_utf8(request).expect("text");
        let (method, rest) = request.split_once(" /sub?").expect("a request");
        let query = rest.split(' ').next().unwrap_or_default();
        // The first of a name counts.
        let parameter = |name| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        let framing = match (parameter("format"), parameter("multipart")) {
            (Some("sse"), _) => Framing::Events,
            (_, Some("0")) => Framing::Lines,
            _ => Framing::Multipart,
        };
        let filter = parameter("filter");
        let mut next;
        let mut missed = 0;
        let head = {
            let mut log = self.log.lock().expect("no panic");
            let end = log.first + log.messages.len() as u64;
            next = end;
            if let Some(id) = query.strip_prefix("last_event_id=").filter(|_| self.numbered) {
                let wanted = id.split('&').next().and_then(|id| id.parse::<u64>().ok()).expect("a number") + 1;
                // Numbers of another life are beyond the end here: then everything.
                next = if wanted > end { log.first } else { wanted.max(log.first) };
                missed = next.saturating_sub(wanted);
            }
            if method == "HEAD" && log.refuses_head {
                "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n".to_owned()
            } else {
                if method == "GET" {
                    log.queries.push(query.to_owned());
                }
                let numbers = format!("X-Pubsub-Sequence: {next}\r\nX-Pubsub-Epoch: {}\r\n", log.epoch);
                let numbers = if self.numbered { &numbers } else { "" };
                let kind = framing.content_type();
                format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{numbers}Transfer-Encoding: chunked\r\n\r\n")
            }
        };
        if stream.write_all(head.as_bytes()).await.is_err() || method != "GET" {
            return;
        }
        let mut body = framing.opening().to_vec();
        if framing == Framing::Events && missed > 0 {
            let Ok(()) = Stream { framing, chunked: false }.gap(missed, &mut body);
        }
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            {
                let log = self.log.lock().expect("no panic");
                let from = usize::try_from(next - log.first).expect("no older ones");
                for message in &log.messages[from..] {
                    if filter.is_none_or(|wanted| message.contains(wanted)) {
                        let Ok(()) = framing.encode(next, message.as_bytes(), &mut body);
                    }
                    next += 1;
                }
            }
            for piece in body.chunks(700) {
                let chunk = [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
                if stream.write_all(&chunk).await.is_err() {
                    return;
                }
            }
            body.clear();
            changed.await;
        }
    }
}
