//! Answers that may not be told yet.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use streamgauge_core::endpoints::{Request, Response, Status};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::engine::Mark;
use crate::server::socket::LAST_CALL;
use crate::server::{Answer, Body, Context, Handler, Handlers, Limits, NextPiece, serve, whole};

/// Answers with the path at once, and lets it be told when somebody says so.
struct Held {
    answered: AtomicU32,
    safe: watch::Sender<Result<u32, &'static str>>,
}

impl Handler for Held {
    fn call_now(self: &Arc<Self>, request: &Request<'_>, _: &Context<'_>) -> Option<(Answer, Mark)> {
        let mark = Mark::of_test(self.answered.fetch_add(1, Ordering::SeqCst) + 1);
        Some((whole(&Response::text(Status::Ok), request.path.to_vec()), mark))
    }

    async fn call(self: &Arc<Self>, _: Request<'_>, _: &Context<'_>) -> Answer {
        unreachable!("everything is answered at once")
    }

    async fn safe(&self, mark: Mark) -> Result<(), String> {
        let mut safe = self.safe.subscribe();
        let safe = safe.wait_for(|safe| safe.is_err() || safe.is_ok_and(|safe| Mark::of_test(safe) >= mark));
        (*safe.await.unwrap()).map(drop).map_err(str::to_owned)
    }
}

/// Answers with a body in two pieces, the second of which can't be read where the path is `/broken`.
struct Pieces;

impl Handler for Pieces {
    async fn call(self: &Arc<Self>, request: Request<'_>, _: &Context<'_>) -> Answer {
        let (mut pieces, is_broken) = (0, request.path == b"/broken");
        let next = move || -> NextPiece {
            pieces += 1;
            let piece = match pieces {
                1 => Ok(Some(Bytes::from_static(b"piece"))),
                _ if is_broken => Err(io::Error::other("the disk can't be read")),
                _ => Ok(None),
            };
            Box::pin(std::future::ready(piece))
        };
        Answer::Response(http::Response::new(Body::Pieces { longest: 5, next: Box::new(next) }))
    }
}

#[tokio::test]
async fn a_body_that_ends_with_the_connection_is_whole_or_the_connection_is_reset() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (_stop, shutdown) = watch::channel(false);
    tokio::spawn(serve(listener, Handlers::one(Arc::new(Pieces)), Limits::default(), shutdown));
    for (path, is_whole) in [("/whole", true), ("/broken", false)] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await.unwrap();
        let (mut all, mut read) = (Vec::new(), Ok(1));
        while read.as_ref().is_ok_and(|read| *read > 0) {
            let reading = tokio::time::timeout(Duration::from_secs(20), stream.read_buf(&mut all));
            read = reading.await.expect("nobody waits for ever");
        }
        let kind = read.map_err(|error| error.kind());
        assert_eq!(kind, if is_whole { Ok(0) } else { Err(io::ErrorKind::ConnectionReset) }, "{path}");
        assert!(!is_whole || all.ends_with(b"\r\n\r\npiece"));
    }
}

#[tokio::test]
async fn who_stops_waits_for_no_client_that_keeps_what_it_does_not_use() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, shutdown) = watch::channel(false);
    let serving = tokio::spawn(serve(listener, Handlers::one(Arc::new(Pieces)), Limits::default(), shutdown));
    let (mut stream, mut all) = (TcpStream::connect(address).await.unwrap(), Vec::new());
    stream.write_all(b"GET /whole HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    while !all.ends_with(b"0\r\n\r\n") {
        assert!(stream.read_buf(&mut all).await.unwrap() > 0);
    }
    // Nothing but time happens from now on.
    tokio::time::pause();
    let stopped = tokio::time::Instant::now();
    stop.send_replace(true);
    serving.await.unwrap();
    let took = stopped.elapsed();
    assert!((LAST_CALL..2 * LAST_CALL).contains(&took), "{took:?}");
    assert_eq!(stream.read_buf(&mut all).await.unwrap(), 0, "it was told");
}

fn with_server<T>(test: impl AsyncFnOnce(&Held, SocketAddr) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let handler = Arc::new(Held { answered: AtomicU32::new(0), safe: watch::Sender::new(Ok(0)) });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (_stop, shutdown) = watch::channel(false);
        let limits = Limits { max_connections: 2, ..Limits::default() };
        tokio::spawn(serve(listener, Handlers::one(Arc::clone(&handler)), limits, shutdown));
        let testing = test(&handler, address);
        tokio::time::timeout(Duration::from_secs(20), testing).await.expect("nobody waits for ever")
    })
}

async fn ask(address: SocketAddr, paths: &[&str]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let requests: String = paths.iter().map(|path| format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")).collect();
    stream.write_all(requests.as_bytes()).await.unwrap();
    stream
}

impl Held {
    fn say(&self, safe: Result<u32, &'static str>) {
        let _ = self.safe.send_replace(safe);
    }

    /// Waits until so many requests were answered, and what follows from that was done.
    async fn has_answered(&self, count: u32) {
        while self.answered.load(Ordering::SeqCst) < count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What has come, as text; nothing is waited for.
fn come(stream: &TcpStream) -> String {
    let mut bytes = vec![0; 1 << 16];
    let len = stream.try_read(&mut bytes).unwrap_or(0);
    String::from_utf8(bytes[..len].to_vec()).unwrap()
}

#[test]
fn nothing_is_told_before_all_of_it_is_safe() {
    with_server(async |held, address| {
        let mut stream = ask(address, &["/1", "/2", "/3"]).await;
        held.has_answered(3).await;
        assert_eq!(come(&stream), "");
        held.say(Ok(2));
        held.has_answered(3).await;
        assert_eq!(come(&stream), "", "one write tells of all three");
        held.say(Ok(3));
        let mut all = Vec::new();
        while !all.ends_with(b"/3") {
            assert!(stream.read_buf(&mut all).await.unwrap() > 0);
        }
        let all = String::from_utf8(all).unwrap();
        let bodies: Vec<_> = all.split("\r\n\r\n").skip(1).map(|rest| &rest[..2]).collect();
        assert_eq!(bodies, ["/1", "/2", "/3"]);
    });
}

#[test]
fn when_it_never_is_safe_that_is_all_that_is_told() {
    with_server(async |held, address| {
        let mut stream = ask(address, &["/1", "/2"]).await;
        held.has_answered(2).await;
        held.say(Err("the disk has failed"));
        let mut all = String::new();
        stream.read_to_string(&mut all).await.unwrap();
        assert!(all.starts_with("HTTP/1.1 503 ") && all.ends_with("\r\n\r\nthe disk has failed\n"), "{all}");
        assert_eq!(all.matches("HTTP/1.1").count(), 1, "{all}");
    });
}

#[test]
fn who_goes_while_it_waits_takes_nothing_with_it() {
    with_server(async |held, address| {
        let stays = ask(address, &["/1"]).await;
        drop(ask(address, &["/2"]).await);
        held.has_answered(2).await;
        held.say(Ok(2));
        held.has_answered(2).await;
        assert!(come(&stays).ends_with("/1"));
        // There is a place for one more, who is answered.
        let next = ask(address, &["/3"]).await;
        held.has_answered(3).await;
        held.say(Ok(3));
        held.has_answered(3).await;
        assert!(come(&next).ends_with("/3"));
    });
}
