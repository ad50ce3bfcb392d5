use super::request::{Received, receive, write_all, write_for};
use super::{Answers, Error, Limits, Url, bearer, open};
use crate::transport::Transport;
use core::pin::pin;
use core::time::Duration;
use http::Response;
use std::io;
use tokio::io::split;
use tokio::time::Instant;

/// Requests to one host, one after another, on a connection that is kept between them.
///
/// A connection that the host has closed meanwhile is opened again, before a request is sent: none is sent twice,
/// because what asks for it may not be the same when done twice. So an error can mean that a request has arrived and
/// only its answer is lost; [`Error::Connect`] means that it has not.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use streamgauge::client::{Connection, Limits};
/// let url = "http://127.0.0.1:8081/put".parse()?;
/// let mut connection = Connection::new(Limits::default());
/// for item in ["one", "two"] {
///     assert_eq!(connection.call("POST", &url, Some(item.as_bytes())).await?.status(), 200);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Connection {
    limits: Limits,
    /// The connection, where it leads to, and when it was last used.
    kept: Option<(Transport, Url, Instant)>,
    answers: Answers,
    request: Vec<u8>,
}

/// A connection that has been idle for longer may be about to be closed by the other side.
const FRESH: Duration = Duration::from_secs(5);

impl Connection {
    /// A connection that is opened by the first call.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, kept: None, answers: Answers::new(), request: Vec::new() }
    }

    /// Lets the next answers have so many bytes at the most.
    pub(crate) const fn expect_at_most(&mut self, bytes: usize) {
        self.limits.body = bytes;
    }

    /// Sends a request and returns the whole answer. An answer with an error status is an answer, not an error.
    ///
    /// # Errors
    /// As [`request`](super::request()).
    pub async fn call(&mut self, method: &str, url: &Url, body: Option<&[u8]>) -> Result<Response<Vec<u8>>, Error> {
        self.call_with(method, url, &[], body).await
    }

    /// The same with header fields, which are sent as they are behind `host`.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn call_with(
        &mut self,
        method: &str,
        url: &Url,
        fields: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Response<Vec<u8>>, Error> {
        self.request.clear();
        let bearer = bearer::field()?;
        write_for(bearer, &mut self.request, method, url, fields, body).ok_or(Error::Invalid)?;
        let is_kept = self.is_kept();
        let mut stream = match self.kept.take() {
            Some((stream, to, _)) if is_kept && to.is_same_host(url) => stream,
            _ => {
                self.answers = Answers::new();
                open(url, self.limits.connect).await?
            }
        };
        let (written, answer) = self.exchange(&mut stream, method).await;
        let (answer, keep_alive) = answer?;
        // What is there already belongs to no request.
        if written.is_ok() && keep_alive && !self.answers.is_ahead() {
            self.kept = Some((stream, url.root(), Instant::now()));
        }
        Ok(answer)
    }

    /// Writes the request and reads its answer; what came of each.
    async fn exchange(&mut self, stream: &mut Transport, method: &str) -> (Result<(), Error>, Received) {
        let (mut reading, mut writing) = split(stream);
        let mut written = pin!(write_all(&mut writing, &self.request, self.limits.read));
        // Nobody waits for an answer as long as the request goes on; but it may be refused, and the connection closed, before
        // all of it is sent.
        let early = tokio::select! {
            biased;
            read = self.answers.fill(&mut reading) => match read {
                Ok(_) => None,
                Err(error) => return (Ok(()), Err(Error::io(error))),
            },
            written = &mut written => Some(written),
        };
        let answer = receive(&mut reading, &mut self.answers, method, &self.limits);
        match early {
            Some(written) => (written, answer.await),
            None => tokio::join!(written, answer),
        }
    }

    /// Whether there is a connection that the next call of its host goes over, so that who answers is who has answered the
    /// last one.
    pub(crate) fn is_kept(&mut self) -> bool {
        self.kept.as_mut().is_some_and(|(stream, _, used)| used.elapsed() < FRESH && is_open(stream))
    }
}

/// Whether the other side has neither closed the connection nor said anything that nobody asked for.
fn is_open(stream: &mut Transport) -> bool {
    matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}
