//! What only a client that breaks the rules does, over a pipe instead of a socket.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use h2::client::SendRequest;
use h2::{Reason, RecvStream};
use http::{Request, StatusCode};
use streamgauge_core::endpoints::{self, Response, Status};
use tokio::sync::{Semaphore, mpsc, watch};

use super::{SEND_BUFFER, WINDOW};
use crate::engine::Mark;
use crate::server::budget::Budget;
use crate::server::connection::{Connection, Shared, Taken};
use crate::server::pages::Pages;
use crate::server::{Answer, Context, Handler, Handlers, Limits, whole};
use crate::transport::{Transport, pipe};

/// Answers with the body of the request; what has none is taken over, and handed to the test.
struct Echo(mpsc::UnboundedSender<Taken>);

impl Handler for Echo {
    fn call_now(self: &Arc<Self>, request: &endpoints::Request<'_>, _: &Context<'_>) -> Option<(Answer, Mark)> {
        let answer = if request.body.is_empty() {
            let taken = self.0.clone();
            Answer::TakeOver(StatusCode::OK, Box::new(move |it| drop(taken.send(it))))
        } else {
            whole(&Response::text(Status::Ok), request.body.to_vec())
        };
        Some((answer, Mark::NONE))
    }

    async fn call(self: &Arc<Self>, _: endpoints::Request<'_>, _: &Context<'_>) -> Answer {
        unreachable!("everything is answered at once")
    }
}

struct Server {
    client: SendRequest<Bytes>,
    taken: mpsc::UnboundedReceiver<Taken>,
    places: Arc<Semaphore>,
    stop: watch::Sender<bool>,
    served: tokio::task::JoinHandle<()>,
}

const PLACES: usize = 8;

fn with_server<T>(limits: Limits, test: impl AsyncFnOnce(&mut Server) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (sender, taken) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            handlers: Handlers::one(Arc::new(Echo(sender))),
            pages: Pages::new(None, &[], &[]),
            budget: Arc::new(Budget::new(&limits)),
            limits,
        });
        let peer = ([127, 0, 0, 1], 1).into();
        let connection = Connection { peer, local: None, thread: 0, shared };
        let (stop, shutdown) = watch::channel(false);
        let places = Arc::new(Semaphore::new(PLACES + 1));
        let place = Arc::clone(&places).try_acquire_owned().unwrap();
        let (ours, theirs) = pipe();
        let served = tokio::spawn(super::serve(connection, theirs.into(), shutdown, place, Arc::clone(&places)));
        let (client, driver) = h2::client::handshake(Transport::from(ours)).await.unwrap();
        tokio::spawn(driver);
        let mut server = Server { client, taken, places, stop, served };
        tokio::time::timeout(Duration::from_secs(30), test(&mut server)).await.expect("nobody waits for ever")
    })
}

impl Server {
    async fn ready(&mut self) -> SendRequest<Bytes> {
        self.client.clone().ready().await.unwrap()
    }

    /// Opens a stream that is taken over.
    async fn open(&mut self) -> (h2::client::ResponseFuture, h2::SendStream<Bytes>, Taken) {
        let request = Request::get("https://localhost/sub").body(()).unwrap();
        let (response, stream) = self.ready().await.send_request(request, true).unwrap();
        let taken = self.taken.recv().await.unwrap();
        (response, stream, taken)
    }
}

async fn all(mut body: RecvStream) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(data) = body.data().await {
        let data = data.unwrap();
        body.flow_control().release_capacity(data.len()).unwrap();
        whole.extend_from_slice(&data);
    }
    whole
}

#[test]
fn long_bodies_go_there_and_back() {
    with_server(Limits::default(), async |server| {
        let body: Vec<u8> = (0..1_000_000_u32).map(|at| (at % 253) as u8).collect();
        for announced in [false, true] {
            let mut request = Request::post("https://localhost/echo");
            if announced {
                request = request.header("content-length", body.len());
            }
            let (response, mut stream) = server.ready().await.send_request(request.body(()).unwrap(), false).unwrap();
            stream.send_data(Bytes::from(body.clone()), true).unwrap();
            let response = response.await.unwrap();
            assert_eq!((response.status().as_u16(), all(response.into_body()).await == body), (200, true));
        }
    });
}

#[test]
fn a_refusal_has_arrived_before_the_rest_of_the_body_is_not_taken() {
    const BODY: usize = 100_000;
    let limits = Limits { max_body: BODY - 1, ..Limits::default() };
    with_server(limits, async |server| {
        for is_sent in [true, false] {
            let request = Request::post("https://localhost/echo").header("content-length", BODY).body(()).unwrap();
            let (response, mut stream) = server.ready().await.send_request(request, false).unwrap();
            let response = response.await.unwrap();
            assert_eq!(response.status().as_u16(), 413);
            let refusal = String::from_utf8(all(response.into_body()).await).unwrap();
            assert!(refusal.contains("max-body-bytes 99999"), "{refusal}");
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert!(poll_fn(|cx| stream.poll_reset(cx)).now_or_never().is_none(), "a client may forget it over that");
            if is_sent {
                stream.send_data(Bytes::from(vec![b'x'; BODY]), true).unwrap();
            } else {
                // Who is silent is not waited for.
                assert_eq!(poll_fn(|cx| stream.poll_reset(cx)).await.unwrap(), Reason::NO_ERROR);
            }
            while server.places.available_permits() < PLACES {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    });
}

#[test]
fn who_waits_for_a_word_before_its_body_gets_it() {
    with_server(Limits::default(), async |server| {
        let request =
            Request::post("https://localhost/echo").header("content-length", 4).header("expect", "100-continue");
        let (mut response, mut stream) = server.ready().await.send_request(request.body(()).unwrap(), false).unwrap();
        let word = poll_fn(|cx| response.poll_informational(cx)).await.expect("a word").unwrap();
        assert_eq!(word.status(), StatusCode::CONTINUE);
        stream.send_data(Bytes::from_static(b"body"), true).unwrap();
        let response = response.await.unwrap();
        assert_eq!((response.status().as_u16(), all(response.into_body()).await), (200, b"body".to_vec()));
    });
}

#[test]
fn who_resets_a_stream_has_left_and_gives_its_place_back() {
    with_server(Limits::default(), async |server| {
        let (_response, mut stream, mut taken) = server.open().await;
        assert!(taken.stream.left().now_or_never().is_none());
        assert_eq!(server.places.available_permits(), PLACES - 1);
        stream.send_reset(Reason::CANCEL);
        taken.stream.left().await;
        drop(taken);
        assert_eq!(server.places.available_permits(), PLACES);
    });
}

#[test]
fn beyond_all_places_a_stream_is_refused_and_may_be_tried_again() {
    with_server(Limits::default(), async |server| {
        let mut held = Vec::new();
        for _ in 0..PLACES {
            held.push(server.open().await);
        }
        let request = || Request::get("https://localhost/sub").body(()).unwrap();
        let (response, _) = server.ready().await.send_request(request(), true).unwrap();
        assert_eq!(response.await.unwrap_err().reason(), Some(Reason::REFUSED_STREAM));
        held.pop();
        let _ = server.open().await;
    });
}

#[test]
fn what_a_client_does_not_take_is_bounded() {
    with_server(Limits { io_timeout: Duration::from_millis(200), ..Limits::default() }, async |server| {
        let (response, _stream, mut taken) = server.open().await;
        let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        assert_eq!(taken.stream.try_write(head).unwrap(), head.len());
        let _body = response.await.unwrap().into_body();
        let chunk = [&b"100\r\n"[..], &[b'x'; 256], b"\r\n"].concat();
        let mut written = 0;
        loop {
            let room = poll_fn(|cx| taken.stream.poll_write_ready(cx));
            if tokio::time::timeout(Duration::from_secs(1), room).await.is_err() {
                break;
            }
            // As a subscriber does: a part is gone on with.
            let from = written % chunk.len();
            written += taken.stream.try_write(&chunk[from..]).unwrap_or(0);
            assert!(written < 1 << 20, "it is never full");
        }
        // A window of the client's, 64 KiB, and what is on its way: in the connection, the exchange, and the pipe.
        assert!(written < (64 << 10) + SEND_BUFFER + 3 * (16 << 10) + WINDOW as usize, "{written}");
        // When the connection has ended without it, it is not waited for any longer.
        drop(taken);
        let left = || server.places.available_permits() == PLACES;
        assert!(left());
    });
}

#[test]
fn who_only_opens_and_resets_is_sent_away() {
    with_server(Limits::default(), async |server| {
        let mut sent = 0;
        while sent < 100_000 {
            let request = Request::get("https://localhost/sub").body(()).unwrap();
            let Ok(mut client) = server.client.clone().ready().await else { break };
            let Ok((_, mut stream)) = client.send_request(request, true) else { break };
            stream.send_reset(Reason::CANCEL);
            sent += 1;
            // Many at once, as one who attacks does.
            if sent % 1_000 == 0 {
                tokio::task::yield_now().await;
            }
        }
        assert!(sent < 100_000);
        // The client may see no more of it than a connection that is gone.
        (&mut server.served).await.unwrap();
        assert_eq!(server.places.available_permits(), PLACES + 1);
    });
}

#[test]
fn a_connection_without_streams_ends_in_time_and_with_the_server() {
    with_server(Limits { idle_timeout: Duration::from_millis(100), ..Limits::default() }, async |server| {
        let held = server.open().await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(!server.served.is_finished(), "a stream is open");
        drop(held);
        (&mut server.served).await.unwrap();
    });
    with_server(Limits::default(), async |server| {
        server.stop.send_replace(true);
        (&mut server.served).await.unwrap();
    });
}
