//! One stream of HTTP/2 and one connection of HTTP/1.1: what comes from one goes to the other.

use std::future::poll_fn;
use std::io;
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use streamgauge_core::wire::chunked;
use streamgauge_core::wire::http::{Closed, Event, ResponseHead, Responses};
use tokio::time::{Instant, timeout, timeout_at};

use super::head::{Head, is_of_connection};
use crate::server::socket::{CONTINUE, LINGER, MOST_LINGERED, SILENCE};
use crate::server::spare;
use crate::transport::End;

/// A request, and the way to who answers it.
pub(super) struct Exchange {
    head: Head,
    pipe: End,
    /// Only the head of the answer was asked for.
    head_only: bool,
    /// How long a client may take nothing of an answer that is over.
    patience: Duration,
}

/// The exchange can't go on: one of both sides has left.
struct Broken;

impl From<h2::Error> for Broken {
    fn from(_: h2::Error) -> Self {
        Self
    }
}

impl From<io::Error> for Broken {
    fn from(_: io::Error) -> Self {
        Self
    }
}

/// Bytes of the longest head of an answer; those of the server have some hundreds.
const HEAD: usize = 4 << 10;

impl Exchange {
    pub(super) const fn new(head: Head, pipe: End, head_only: bool, patience: Duration) -> Self {
        Self { head, pipe, head_only, patience }
    }

    /// Brings the request, and the answer back. Once it is over, the connection sees its client leave.
    pub(super) async fn run(self, body: RecvStream, mut respond: SendResponse<Bytes>) {
        let mut body = Coming { body, taken: 0 };
        let bringing = async {
            // If it ends early, the answer tells why, or that there will be none.
            let _ = bring(&self.pipe, &self.head, &mut body).await;
            std::future::pending::<()>().await
        };
        let answered = tokio::select! {
            biased;
            answered = self.answer(&mut respond) => answered,
            () = bringing => Ok(()),
        };
        match answered {
            Ok(()) => body.linger().await,
            Err(Broken) => respond.send_reset(Reason::INTERNAL_ERROR),
        }
    }

    /// Passes the answer on, as fast as the client takes it.
    async fn answer(&self, respond: &mut SendResponse<Bytes>) -> Result<(), Broken> {
        let mut responses: Responses<_> = Responses::new(vec![0; HEAD].into_boxed_slice());
        let mut may_go_on = self.head.expects;
        let mut stream: Option<SendStream<Bytes>> = None;
        loop {
            let come = poll_fn(|cx| {
                let reset = match &mut stream {
                    Some(stream) => stream.poll_reset(cx),
                    None => respond.poll_reset(cx),
                };
                if reset.is_ready() {
                    return Poll::Ready(Err(Broken));
                }
                ready!(self.pipe.poll_read_ready(cx));
                let mut come = spare::input();
                self.pipe.take(&mut come);
                Poll::Ready(Ok(come))
            });
            let come = come.await?;
            if come.is_empty() {
                spare::give(come);
                let (Closed::Complete, Some(stream)) = (responses.finish().map_err(|_| Broken)?, &mut stream) else {
                    return Err(Broken);
                };
                return Ok(stream.send_data(Bytes::new(), true)?);
            }
            let mut rest = come.as_slice();
            // It is written alone, and before all else.
            if std::mem::take(&mut may_go_on) && rest.starts_with(CONTINUE) {
                let mut response = Response::new(());
                *response.status_mut() = StatusCode::CONTINUE;
                respond.send_informational(response)?;
            }
            while let Some(event) = responses.decode(&mut rest, self.head_only).map_err(|_| Broken)? {
                match (event, &mut stream) {
                    (Event::Head(head), None) => stream = Some(respond.send_response(translated(&head), false)?),
                    (Event::Body(bytes), Some(stream)) => self.send(stream, bytes).await?,
                    (Event::Complete, Some(stream)) => return Ok(stream.send_data(Bytes::new(), true)?),
                    _ => return Err(Broken),
                }
            }
            spare::give(come);
        }
    }

    /// Sends some of the answer's body.
    async fn send(&self, stream: &mut SendStream<Bytes>, mut bytes: &[u8]) -> Result<(), Broken> {
        while !bytes.is_empty() {
            stream.reserve_capacity(bytes.len());
            let room = match timeout(self.patience, room(stream)).await {
                Ok(room) => room?,
                // A client may take nothing for long, but not once its connection has ended without it.
                Err(_) if self.pipe.is_left() => return Err(Broken),
                Err(_) => continue,
            };
            let (now, later) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
            stream.send_data(Bytes::copy_from_slice(now), false)?;
            bytes = later;
        }
        Ok(())
    }
}

/// Waits until the client and the connection take some of what was reserved.
async fn room(stream: &mut SendStream<Bytes>) -> Result<usize, Broken> {
    poll_fn(|cx| {
        loop {
            // What there is already is not told again.
            let room = stream.capacity();
            if room > 0 {
                return Poll::Ready(Ok(room));
            }
            match ready!(stream.poll_capacity(cx)) {
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Poll::Ready(Err(Broken)),
            }
        }
    })
    .await
}

/// The body of a request, as it comes.
struct Coming {
    body: RecvStream,
    /// Bytes that were taken, and not given room for again.
    taken: usize,
}

impl Coming {
    /// The next of it. What was taken before is only then given room for again.
    async fn next(&mut self) -> Option<Result<Bytes, h2::Error>> {
        if let Err(error) = self.body.flow_control().release_capacity(std::mem::take(&mut self.taken)) {
            return Some(Err(error));
        }
        let data = self.body.data().await?;
        self.taken = data.as_ref().map_or(0, Bytes::len);
        Some(data)
    }

    /// Takes what is left for nobody, within the bounds of [`Socket::linger`]: a stream that is left with a body to come is
    /// reset, and some clients forget the answer over that.
    ///
    /// [`Socket::linger`]: crate::server::socket::Socket::linger
    async fn linger(mut self) {
        let (end, mut left) = (Instant::now() + LINGER, MOST_LINGERED);
        while left > 0
            && let Ok(Some(Ok(data))) = timeout_at(end.min(Instant::now() + SILENCE), self.next()).await
        {
            left = left.saturating_sub(data.len());
        }
    }
}

/// Writes the request.
async fn bring(pipe: &End, head: &Head, body: &mut Coming) -> Result<(), Broken> {
    write(pipe, &head.bytes).await?;
    while let Some(data) = body.next().await {
        let data = data?;
        if head.in_chunks && !data.is_empty() {
            let mut size = Vec::new();
            let Ok(()) = chunked::write_head(data.len(), &mut size) as Result<(), std::convert::Infallible>;
            write(pipe, &size).await?;
            write(pipe, &data).await?;
            write(pipe, b"\r\n").await?;
        } else {
            write(pipe, &data).await?;
        }
    }
    if head.in_chunks {
        write(pipe, chunked::LAST_CHUNK).await?;
    }
    Ok(())
}

async fn write(pipe: &End, mut bytes: &[u8]) -> Result<(), Broken> {
    while !bytes.is_empty() {
        let written = poll_fn(|cx| pipe.poll_write(cx, bytes)).await?;
        bytes = bytes.get(written..).unwrap_or_default();
    }
    Ok(())
}

/// The head of an answer, without what is about its connection only.
fn translated(head: &ResponseHead<'_>) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = head.status.try_into().unwrap_or_default();
    for (name, value) in head.fields() {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
            && !is_of_connection(&name)
        {
            response.headers_mut().append(name, value);
        }
    }
    response
}
