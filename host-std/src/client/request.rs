use super::{Answers, Error, Limits, Url, bearer, open};
use crate::transport::Transport;
use core::time::Duration;
use http::{HeaderName, HeaderValue, Response};
use streamgauge_core::wire::http::{Closed, Event, HeadWriter};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// Sends one request on a connection of its own and returns the whole answer.
///
/// `fields` are sent as they are, behind `host` and `connection: close`. A body, even an empty
/// one, brings its `content-length`. An answer with an error status is an answer, not an error.
///
/// # Errors
/// No connection, no answer within the limits, an answer beyond them, or one that is not HTTP.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use streamgauge::client::{Limits, request};
/// let url = "http://127.0.0.1:8081/put".parse()?;
/// let answer = request("POST", &url, &[], Some(b"item"), &Limits::default()).await?;
/// assert_eq!(answer.status(), 200);
/// # Ok(())
/// # }
/// ```
pub async fn request(
    method: &str,
    url: &Url,
    fields: &[(&str, &str)],
    body: Option<&[u8]>,
    limits: &Limits,
) -> Result<Response<Vec<u8>>, Error> {
    request_for(bearer::field()?, method, url, fields, body, limits).await
}

/// The same, which shows this instead of the [token](super::authorize): nothing to who is no server of this kind.
pub(crate) async fn request_for(
    bearer: Option<&str>,
    method: &str,
    url: &Url,
    fields: &[(&str, &str)],
    body: Option<&[u8]>,
    limits: &Limits,
) -> Result<Response<Vec<u8>>, Error> {
    let mut stream = send(bearer, method, url, fields, body, limits).await?;
    receive(&mut stream, &mut Answers::new(), method, limits).await.map(|(answer, _)| answer)
}

/// Opens a connection and writes one request to it, the last one there.
pub(super) async fn send(
    bearer: Option<&str>,
    method: &str,
    url: &Url,
    fields: &[(&str, &str)],
    body: Option<&[u8]>,
    limits: &Limits,
) -> Result<Transport, Error> {
    let mut bytes = Vec::new();
    let fields = [&[("Connection", "close")], fields].concat();
    write_for(bearer, &mut bytes, method, url, &fields, body).ok_or(Error::Invalid)?;
    let mut stream = open(url, limits.connect).await?;
    write_all(&mut stream, &bytes, limits.read).await?;
    Ok(stream)
}

/// Writes all of it, however long that takes, as long as the other side takes some of it within `patience`.
pub(super) async fn write_all(
    stream: &mut (impl AsyncWrite + Unpin),
    mut bytes: &[u8],
    patience: Duration,
) -> Result<(), Error> {
    while !bytes.is_empty() {
        let written = timeout(patience, stream.write(bytes)).await;
        let written = written.map_err(|_| Error::TimedOut)?.map_err(Error::io)?;
        bytes = bytes.get(written..).filter(|_| written > 0).ok_or(Error::Closed)?;
    }
    timeout(patience, stream.flush()).await.map_err(|_| Error::TimedOut)?.map_err(Error::io)
}

/// A whole answer, and whether another one can follow it.
pub(super) type Received = Result<(Response<Vec<u8>>, bool), Error>;

/// The next whole answer.
pub(super) async fn receive(
    stream: &mut (impl AsyncRead + Unpin),
    answers: &mut Answers,
    method: &str,
    limits: &Limits,
) -> Received {
    let mut answer = Response::new(Vec::new());
    let mut keep_alive = false;
    loop {
        while let Some(event) = answers.decode(method == "HEAD")? {
            match event {
                Event::Head(head) => {
                    keep_alive = head.keep_alive;
                    *answer.status_mut() = head.status.try_into().map_err(|_| Error::Status(head.status))?;
                    for (name, value) in head.fields() {
                        let name = HeaderName::from_bytes(name);
                        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value)) {
                            answer.headers_mut().append(name, value);
                        }
                    }
                }
                Event::Body(bytes) if answer.body().len() + bytes.len() > limits.body => {
                    return Err(Error::BodyTooLarge);
                }
                Event::Body(bytes) => answer.body_mut().extend_from_slice(bytes),
                Event::Complete => return Ok((answer, keep_alive)),
            }
        }
        let read = timeout(limits.read, answers.fill(stream)).await;
        if read.map_err(|_| Error::TimedOut)?.map_err(Error::io)? == 0 {
            return match answers.finish()? {
                Closed::Complete => Ok((answer, false)),
                Closed::Idle => Err(Error::Closed),
            };
        }
    }
}

/// Appends a whole request to `out`, with the token that is shown. Whoever writes them [prepares](super::prepare) first.
pub(crate) fn write(
    out: &mut Vec<u8>,
    method: &str,
    url: &Url,
    fields: &[(&str, &str)],
    body: Option<&[u8]>,
) -> Option<()> {
    write_for(bearer::field().ok()?, out, method, url, fields, body)
}

pub(super) fn write_for(
    bearer: Option<&str>,
    out: &mut Vec<u8>,
    method: &str,
    url: &Url,
    fields: &[(&str, &str)],
    body: Option<&[u8]>,
) -> Option<()> {
    let mut head = HeadWriter::request(&mut *out, method, url.target()).ok()?.field("Host", url.authority()).ok()?;
    if let Some(bearer) = bearer {
        head = head.field("Authorization", bearer).ok()?;
    }
    for (name, value) in fields {
        head = head.field(name, value).ok()?;
    }
    if let Some(body) = body {
        head = head.number("Content-Length", body.len() as u64).ok()?;
    }
    head.finish().ok()?;
    out.extend_from_slice(body.unwrap_or_default());
    Some(())
}
