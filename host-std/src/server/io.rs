//! The socket as hyper sees it, and what the server wants to know about it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use hyper::rt::ReadBufCursor;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

/// What [`Io`] and the connection's service tell the task that drives them.
///
/// They all live in that task, so the atomics order nothing: they only make the whole `Send`.
#[derive(Debug)]
pub(super) struct Watch {
    born: Instant,
    /// Milliseconds after `born` at which bytes last moved, and at which the head that is arriving began (0: none).
    last_moved: AtomicU64,
    head_began: AtomicU64,
    phase: AtomicU8,
    /// The last write did not go through at once.
    pub(super) write_blocked: AtomicBool,
}

/// No request is being answered, so what hyper writes now is its own.
const READING: u8 = 0;
/// The service has a request.
const ANSWERING: u8 = 1;
/// The service has answered; hyper has yet to write all of it.
const ANSWERED: u8 = 2;

impl Watch {
    pub(super) fn new() -> Self {
        Self {
            born: Instant::now(),
            last_moved: AtomicU64::new(0),
            head_began: AtomicU64::new(0),
            phase: AtomicU8::new(READING),
            write_blocked: AtomicBool::new(false),
        }
    }

    pub(super) fn now(&self) -> u64 {
        self.born.elapsed().as_millis() as u64
    }

    /// The service has a request: no head is arriving.
    pub(super) fn begin_answer(&self) {
        self.phase.store(ANSWERING, Ordering::Relaxed);
        self.head_began.store(0, Ordering::Relaxed);
    }

    /// The service has given its answer to hyper, the last byte of it included.
    pub(super) fn end_answer(&self) {
        self.phase.store(ANSWERED, Ordering::Relaxed);
    }

    pub(super) fn is_answering(&self) -> bool {
        self.phase.load(Ordering::Relaxed) != READING
    }

    fn has_flushed(&self) {
        let _ = self.phase.compare_exchange(ANSWERED, READING, Ordering::Relaxed, Ordering::Relaxed);
    }

    pub(super) fn last_moved(&self) -> u64 {
        self.last_moved.load(Ordering::Relaxed)
    }

    pub(super) fn head_began(&self) -> Option<u64> {
        Some(self.head_began.load(Ordering::Relaxed)).filter(|began| *began > 0)
    }

    fn moved(&self) {
        self.last_moved.store(self.now(), Ordering::Relaxed);
    }

    fn has_read(&self) {
        let now = self.now().max(1);
        self.last_moved.store(now, Ordering::Relaxed);
        if !self.is_answering() && self.head_began.load(Ordering::Relaxed) == 0 {
            self.head_began.store(now, Ordering::Relaxed);
        }
    }
}

/// A socket that keeps its [`Watch`] up to date, and says in words what hyper refuses without any.
#[derive(Debug)]
pub(super) struct Io {
    stream: TcpStream,
    watch: Arc<Watch>,
    max_header: usize,
    /// What is sent in place of a refusal that hyper wrote itself, and how much of it is sent.
    refusal: Option<(Vec<u8>, usize)>,
}

impl Io {
    pub(super) fn new(stream: TcpStream, watch: Arc<Watch>, max_header: usize) -> Self {
        Self { stream, watch, max_header, refusal: None }
    }

    pub(super) fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// hyper answers what it can't parse itself, with an empty body. When the service owes no answer, a refusal can
    /// only be hyper's.
    fn words_for(&self, written: &[u8]) -> Option<Vec<u8>> {
        if self.watch.is_answering() {
            return None;
        }
        let line = match written.get(..12)? {
            b"HTTP/1.1 400" => "400 Bad Request\nthis is not an HTTP/1.1 request\n".to_owned(),
            b"HTTP/1.1 414" => "414 URI Too Long\nthe request target is over 65534 bytes\n".to_owned(),
            b"HTTP/1.1 431" => format!(
                "431 Request Header Fields Too Large\nthe head is over the limit max-header-bytes {} or 100 fields\n",
                self.max_header
            ),
            _ => return None,
        };
        let (status, text) = line.split_once('\n')?;
        Some(refusal(status, text, ""))
    }
}

/// A whole response that ends its connection.
pub(super) fn refusal(status: &str, text: &str, headers: &str) -> Vec<u8> {
    let date = httpdate::HttpDate::from(std::time::SystemTime::now());
    let length = text.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {length}\r\n\
         connection: close\r\n{headers}date: {date}\r\n\r\n{text}"
    )
    .into_bytes()
}

impl hyper::rt::Read for Io {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let mut stream = hyper_util::rt::TokioIo::new(&mut self.stream);
        let poll = Pin::new(&mut stream).poll_read(cx, buf);
        if poll.is_ready() {
            self.watch.has_read();
        }
        poll
    }
}

impl hyper::rt::Write for Io {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[io::IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.refusal.is_none()
            && let Some(words) = bufs.first().and_then(|first| this.words_for(first))
        {
            this.refusal = Some((words, 0));
        }
        let poll = match &mut this.refusal {
            None => Pin::new(&mut this.stream).poll_write_vectored(cx, bufs),
            Some((words, sent)) => loop {
                let rest = &words[*sent..];
                if rest.is_empty() {
                    break Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()));
                }
                match Pin::new(&mut this.stream).poll_write(cx, rest) {
                    Poll::Ready(Ok(n)) => *sent += n,
                    other => break other,
                }
            },
        };
        this.watch.write_blocked.store(poll.is_pending(), Ordering::Relaxed);
        if poll.is_ready() {
            this.watch.moved();
        }
        poll
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A socket has nothing to flush, but hyper asks once all that it had is written.
        self.watch.has_flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The connection shuts the socket down itself, once it has read what the client still sends.
        Poll::Ready(Ok(()))
    }
}
