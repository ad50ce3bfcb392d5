//! One connection: hyper on a socket until it ends, is too slow, or is taken over.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::body::{Body, Refused, collect};
use super::io::{Io, Watch, refusal};
use super::limits::Budget;
use super::{Answer, Handler, Limits, TakeOver};

/// A socket that was taken over from hyper, after a request that has not been answered.
pub struct Taken {
    /// The socket.
    pub stream: TcpStream,
    /// What the client has sent beyond the request.
    pub read: Bytes,
    /// Keeps the connection counted as one until it is dropped.
    pub place: OwnedSemaphorePermit,
    /// Says true once the server stops.
    pub shutdown: watch::Receiver<bool>,
}

pub(super) struct Connection<H> {
    pub(super) peer: SocketAddr,
    pub(super) handler: Arc<H>,
    pub(super) limits: Arc<Limits>,
    pub(super) budget: Arc<Budget>,
}

/// How hyper came to leave a socket.
enum End {
    Closed,
    /// A head began, and took too long.
    HeadTooSlow,
    TakenOver(TakeOver),
}

impl<H: Handler> Connection<H> {
    pub(super) async fn run(self, stream: TcpStream, shutdown: watch::Receiver<bool>, place: OwnedSemaphorePermit) {
        let watch = Arc::new(Watch::new());
        let taken = Mutex::new(None);
        let io = Io::new(stream, Arc::clone(&watch), self.limits.max_header);
        let service = service_fn(|request| async {
            watch.begin_answer();
            match self.answer(request).await {
                Answer::Response(response) => {
                    let watch = Arc::clone(&watch);
                    Ok::<_, Infallible>(response.map(|body| body.when_taken(move || watch.end_answer())))
                }
                Answer::TakeOver(how) => {
                    *taken.lock().unwrap_or_else(PoisonError::into_inner) = Some(how);
                    std::future::pending().await
                }
            }
        });
        let mut http = http1::Builder::new()
            .half_close(true)
            .max_buf_size(self.limits.max_header.max(8192))
            .serve_connection(io, service);
        let mut stopping = shutdown.clone();
        let end = {
            let mut stop = std::pin::pin!(stopping.wait_for(|stop| *stop));
            let mut told = false;
            let mut timer = std::pin::pin!(sleep_until(Instant::now() + self.limits.header_timeout));
            std::future::poll_fn(|cx| {
                if !told && stop.as_mut().poll(cx).is_ready() {
                    told = true;
                    Pin::new(&mut http).graceful_shutdown();
                }
                if Pin::new(&mut http).poll(cx).is_ready() {
                    return Poll::Ready(End::Closed);
                }
                if !watch.write_blocked.load(Ordering::Relaxed)
                    && let Some(how) = taken.lock().unwrap_or_else(PoisonError::into_inner).take()
                {
                    // Everything before this request has been answered and written.
                    return Poll::Ready(End::TakenOver(how));
                }
                while timer.as_mut().poll(cx).is_ready() {
                    match self.next_deadline(&watch) {
                        Ok(left) => timer.as_mut().reset(Instant::now() + left),
                        Err(end) => return Poll::Ready(end),
                    }
                }
                Poll::Pending
            })
            .await
        };
        let parts = http.into_parts();
        let (mut stream, read) = (parts.io.into_stream(), parts.read_buf);
        match end {
            // What it spawns is a task of its own: this one, with all its room for hyper, ends.
            End::TakenOver(how) => how(Taken { stream, read, place, shutdown }),
            End::Closed => linger(stream).await,
            End::HeadTooSlow => {
                let text = format!(
                    "the head took longer than the limit header-timeout {} s\n",
                    self.limits.header_timeout.as_secs_f64()
                );
                say_last(&mut stream, &refusal("408 Request Timeout", &text, "")).await;
                linger(stream).await;
            }
        }
    }

    /// How long the client still has before it is too slow, or how that ends if it is.
    fn next_deadline(&self, watch: &Watch) -> Result<Duration, End> {
        let now = watch.now();
        let left = |since: u64, limit: Duration| {
            let passed = Duration::from_millis(now.saturating_sub(since));
            limit.checked_sub(passed).filter(|left| !left.is_zero())
        };
        if watch.write_blocked.load(Ordering::Relaxed) {
            return left(watch.last_moved(), self.limits.io_timeout).ok_or(End::Closed);
        }
        if watch.is_answering() {
            // A body that stands still is noticed where it is read.
            return Ok(self.limits.io_timeout);
        }
        if let Some(began) = watch.head_began() {
            return left(began, self.limits.header_timeout).ok_or(End::HeadTooSlow);
        }
        let idle = left(watch.last_moved(), self.limits.idle_timeout).ok_or(End::Closed)?;
        Ok(idle.min(self.limits.header_timeout))
    }

    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let (head, body) = request.into_parts();
        let mut answer = self.checked(&head, body).await;
        if let Answer::Response(response) = &mut answer {
            if let Some(origin) = self.limits.allowed_origin(head.headers.get(header::ORIGIN)) {
                response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
                response.headers_mut().insert(header::VARY, HeaderValue::from_static("origin"));
                let exposed = HeaderValue::from_static(Limits::EXPOSED_HEADERS);
                response.headers_mut().insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
            }
            if self.limits.log_requests {
                tracing::info!(peer = %self.peer, "{} {} {}", head.method, head.uri, response.status().as_u16());
            }
        }
        answer
    }

    async fn checked(&self, head: &Parts, body: Incoming) -> Answer {
        let limits = &self.limits;
        if head_len(head) > limits.max_header {
            let text = format!("the head is over the limit max-header-bytes {}\n", limits.max_header);
            return closing(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, text, None);
        }
        match head.method {
            Method::GET | Method::POST | Method::HEAD => {}
            Method::OPTIONS if !limits.cors_origins.is_empty() => return preflight(),
            _ => {
                let text = format!("method {} is not answered here: use GET, POST or HEAD\n", head.method);
                let allow = Some((header::ALLOW, HeaderValue::from_static("GET, POST, HEAD")));
                return closing(StatusCode::METHOD_NOT_ALLOWED, text, allow);
            }
        }
        let full = || {
            let text = format!("the limit max-buffered-bytes {} is reached\n", limits.max_buffered);
            let retry = Some((header::RETRY_AFTER, HeaderValue::from_static("1")));
            closing(StatusCode::SERVICE_UNAVAILABLE, text, retry)
        };
        if self.budget.is_spent() {
            return full();
        }
        let mut share = self.budget.share();
        match collect(body, limits.max_body, &mut share, limits.io_timeout).await {
            Ok(body) => {
                let mut answer = self.handler.call(head, &body, self.peer).await;
                if let Answer::Response(response) = &mut answer {
                    response.body_mut().count(self.budget.share());
                }
                answer
            }
            Err(Refused::TooLarge) => {
                let text = format!("the body is over the limit max-body-bytes {}\n", limits.max_body);
                closing(StatusCode::PAYLOAD_TOO_LARGE, text, None)
            }
            Err(Refused::NoBudget) => full(),
            Err(Refused::TooSlow) => {
                let text = format!("the body stood still for {} s\n", limits.io_timeout.as_secs_f64());
                closing(StatusCode::REQUEST_TIMEOUT, text, None)
            }
            Err(Refused::Broken) => closing(StatusCode::BAD_REQUEST, "the body is not valid\n".to_owned(), None),
        }
    }
}

/// About the size of a request's head as it was sent.
fn head_len(head: &Parts) -> usize {
    let fields: usize = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    let target = head.uri.path().len() + head.uri.query().map_or(0, |query| query.len() + 1);
    head.method.as_str().len() + target + 14 + fields
}

/// A refusal after which the connection can't go on, as what the client still sends is not read.
fn closing(status: StatusCode, text: String, field: Option<(HeaderName, HeaderValue)>) -> Answer {
    let mut response = Response::new(Body::from(text.into_bytes()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    headers.extend(field);
    Answer::Response(response)
}

fn preflight() -> Answer {
    let mut response = Response::new(Body::Whole(None));
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, HEAD"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type, last-event-id"));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    Answer::Response(response)
}

/// Closes a socket so that the last answer arrives: closing one with unread bytes would reset it.
async fn linger(mut stream: TcpStream) {
    const MOST: usize = 16 << 20;
    let reading = async {
        stream.shutdown().await?;
        let (mut buffer, mut read) = ([0; 4096], 0);
        while read < MOST {
            match stream.read(&mut buffer).await? {
                0 => break,
                n => read += n,
            }
        }
        std::io::Result::Ok(())
    };
    let _ = timeout(Duration::from_secs(2), reading).await;
}

/// Tells a client that there is no place for it.
pub(super) async fn turn_away(mut stream: TcpStream, max_connections: usize, _place: OwnedSemaphorePermit) {
    let text = format!("the limit max-connections {max_connections} is reached\n");
    let answer = refusal("503 Service Unavailable", &text, "retry-after: 1\r\n");
    if say_last(&mut stream, &answer).await {
        linger(stream).await;
    }
}

/// Whether the client took it.
async fn say_last(stream: &mut TcpStream, answer: &[u8]) -> bool {
    timeout(Duration::from_secs(2), stream.write_all(answer)).await.is_ok_and(|sent| sent.is_ok())
}
