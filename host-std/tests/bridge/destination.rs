//! A destination that does what a test tells it.

use core::time::Duration;
use std::sync::{Arc, Mutex};
use streamgauge::bridges::ps_to_http::Destination;
use streamgauge_core::wire::http::{Body, FIELD_ROOM, Parsed, RequestHead};
use streamgauge_core::wire::percent::{Plus, decode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::endpoint::Endpoint;

/// What to do with a request.
#[derive(Clone, Copy)]
pub(crate) enum Act {
    Answer(u16),
    /// With `retry-after`, in seconds.
    AnswerAfter(u16, u32),
    /// After 10 ms.
    Slow(u16),
    /// End the connection instead.
    Close,
}

type Script = dyn Fn(usize, &str) -> Act + Send + Sync;

pub(crate) struct Fake {
    endpoint: Endpoint,
    state: Arc<State>,
}

struct State {
    script: Box<Script>,
    stalls: bool,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    messages: Vec<String>,
    attempts: usize,
    connections: usize,
    most_in_flight: usize,
}

impl Fake {
    /// `script` is given the number of the attempt and the message.
    pub(crate) async fn start(script: impl Fn(usize, &str) -> Act + Send + Sync + 'static) -> Self {
        Self::with(Box::new(script), false).await
    }

    /// As the original simplequeue: with two requests at once, the second waits until more comes.
    pub(crate) async fn stalling(script: impl Fn(usize, &str) -> Act + Send + Sync + 'static) -> Self {
        Self::with(Box::new(script), true).await
    }

    async fn with(script: Box<Script>, stalls: bool) -> Self {
        let mut fake =
            Self { endpoint: Endpoint::default(), state: Arc::new(State { script, stalls, seen: Mutex::default() }) };
        fake.restart().await;
        fake
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

    pub(crate) fn get(&self) -> Destination {
        Destination::get(&format!("http://127.0.0.1:{}/put?data=%s", self.endpoint.port())).expect("a URL")
    }

    pub(crate) fn post(&self) -> Destination {
        Destination::post(&format!("http://127.0.0.1:{}/put", self.endpoint.port())).expect("a URL")
    }

    /// All that were answered, and not with "again".
    pub(crate) fn messages(&self) -> Vec<String> {
        self.state.seen.lock().expect("no panic").messages.clone()
    }

    /// Connections that brought a message.
    pub(crate) fn connections(&self) -> usize {
        self.state.seen.lock().expect("no panic").connections
    }

    /// Most requests that were there before the first of them was answered.
    pub(crate) fn most_in_flight(&self) -> usize {
        self.state.seen.lock().expect("no panic").most_in_flight
    }
}

impl State {
    async fn serve(&self, mut stream: TcpStream) {
        let mut buffer = Vec::new();
        let mut counted = false;
        loop {
            let Some((length, message)) = next_request(&buffer) else {
                if !read(&mut stream, &mut buffer).await {
                    return;
                }
                continue;
            };
            let Some(message) = message else {
                buffer.drain(..length);
                if stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n").await.is_err() {
                    return;
                }
                if self.stalls && !buffer.is_empty() && !read(&mut stream, &mut buffer).await {
                    return;
                }
                continue;
            };
            let act = {
                let mut seen = self.seen.lock().expect("no panic");
                seen.connections += usize::from(!core::mem::replace(&mut counted, true));
                let act = (self.script)(seen.attempts, &message);
                seen.attempts += 1;
                act
            };
            let (status, extra) = match act {
                Act::Close => return,
                Act::Answer(status) => (status, String::new()),
                Act::AnswerAfter(status, seconds) => (status, format!("Retry-After: {seconds}\r\n")),
                Act::Slow(status) => {
                    let _ = tokio::time::timeout(Duration::from_millis(10), async {
                        while read(&mut stream, &mut buffer).await {}
                        core::future::pending::<()>().await;
                    })
                    .await;
                    (status, String::new())
                }
            };
            {
                let mut seen = self.seen.lock().expect("no panic");
                seen.most_in_flight = seen.most_in_flight.max(requests(&buffer));
                if !matches!(status, 408 | 429 | 500..) {
                    seen.messages.push(message);
                }
            }
            buffer.drain(..length);
            let answer = format!("HTTP/1.1 {status} X\r\n{extra}Content-Length: 2\r\n\r\nok");
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
            if self.stalls && !buffer.is_empty() && !read(&mut stream, &mut buffer).await {
                return;
            }
        }
    }
}

/// Whatever is there, as the original does: it sees all requests that were sent at once.
async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> bool {
    buffer.reserve(64 << 10);
    stream.read_buf(buffer).await.unwrap_or(0) > 0
}

fn requests(mut buffer: &[u8]) -> usize {
    let mut count = 0;
    while let Some((length, _)) = next_request(buffer) {
        buffer = &buffer[length..];
        count += 1;
    }
    count
}

/// The length of the first request, if it is whole, and its message, unless it is a HEAD.
fn next_request(buffer: &[u8]) -> Option<(usize, Option<String>)> {
    let mut fields = [FIELD_ROOM; 8];
    let parsed = RequestHead::parse(buffer, &mut fields, 1 << 20, 1 << 20).expect("a request");
    let Parsed::Complete(head, length) = parsed else { return None };
    assert!(head.field("host").is_some() && head.keep_alive);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    match head.method {
        "HEAD" => {
            assert_eq!(head.target, "/", "harmless");
            Some((length, None))
        }
        "GET" => {
            let data = head.target.strip_prefix("/put?data=").expect("the URL");
            Some((length, Some(text(decode(data.as_bytes(), Plus::Space).collect()))))
        }
        _ => {
            let body = match head.body {
                Body::Length(body) => body as usize,
                _ => 0,
            };
            Some((length + body, Some(text(buffer.get(length..length + body)?.to_vec()))))
        }
    }
}
