use super::bearer;
use super::decoder::Decoder;
use super::numbers::{Numbers, Position, text};
use super::request::send;
use super::{Answers, Encoding, Error, Limits, Url, request};
use crate::transport::Transport;
use streamgauge_core::wire::http::Event;
use tokio::time::timeout;

/// One stream of messages, until it ends.
///
/// Streams of streamgauge are numbered: the header `x-pubsub-sequence` says which number the first
/// message has, `x-pubsub-epoch` which life of the server the numbers belong to. With the
/// [`Position`] of the stream before, a new one goes on behind the last message seen, and what is
/// missing in between is told, and counted. The original pubsub has neither: then a new stream
/// begins with whatever is published next. So it does where messages can't be counted: in lines, and in
/// parts of which the server leaves some out (`filter`, `rate`).
///
/// ```no_run
/// # async fn example() -> Result<(), streamgauge::client::Error> {
/// use streamgauge::client::{Item, Limits, Subscription};
/// let url = "http://127.0.0.1:8080/sub?multipart=0".parse().expect("a URL");
/// let mut subscription = Subscription::connect(&url, Limits::default()).await?;
/// loop {
///     subscription.read(|item| match item {
///         Item::Message { bytes, .. } => println!("{}", String::from_utf8_lossy(bytes)),
///         Item::Missed(messages) => eprintln!("{messages} messages are lost"),
///         Item::NewLife => eprintln!("the server has begun anew: messages may be lost"),
///         Item::TooLong { length } => eprintln!("a message of {length} bytes was left out"),
///     }).await?;
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Subscription {
    stream: Transport,
    answers: Answers,
    decoder: Decoder,
    numbers: Numbers,
}

/// What a subscription brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    /// A message, with its number if it is known.
    Message {
        /// Its number.
        sequence: Option<u64>,
        /// Its bytes.
        bytes: &'a [u8],
    },
    /// So many messages will not come any more: the server no longer has them, or has skipped them.
    Missed(u64),
    /// The server has begun anew behind the last message seen, and its numbers with it: nobody knows how many messages will
    /// not come any more, if any.
    NewLife,
    /// A message was left out because it is longer than its limit.
    TooLong {
        /// Its bytes.
        length: u64,
    },
}

/// Whether this content-type is that of a page: another address of a server, or what a proxy says, is no stream.
fn is_page(content_type: &str) -> bool {
    content_type.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/html"))
}

impl Subscription {
    /// Asks with HEAD how the stream is encoded, then for the stream. O(1) requests.
    ///
    /// # Errors
    /// No connection, an error status, or an answer that is not HTTP.
    pub async fn connect(url: &Url, limits: Limits) -> Result<Self, Error> {
        let hint = Self::detect(url, limits).await?;
        Self::resume(url, hint.as_deref(), None, limits).await
    }

    /// Asks with HEAD for the content-type of the stream. A server that doesn't answer HEAD well is
    /// no error, since the stream itself says it too: then `None`.
    ///
    /// # Errors
    /// No connection.
    pub async fn detect(url: &Url, limits: Limits) -> Result<Option<String>, Error> {
        let quick = Limits { read: limits.connect, ..limits };
        match request("HEAD", url, &[], None, &quick).await {
            Ok(answer) if answer.status().is_success() => {
                let content_type = answer.headers().get("content-type");
                Ok(content_type.and_then(|value| value.to_str().ok()).map(str::to_owned))
            }
            Err(error @ Error::Connect(_)) => Err(error),
            _ => Ok(None),
        }
    }

    /// Asks for the stream, behind `after` if that is known. `hint` is the content-type to assume
    /// if the answer has none.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn resume(
        url: &Url,
        hint: Option<&str>,
        after: Option<&Position>,
        limits: Limits,
    ) -> Result<Self, Error> {
        let resumed = after.map(|position| url.with_query("last_event_id", position.last));
        // The address itself may say where it goes on.
        let own = url.parameter("last_event_id").and_then(|last| last.parse().ok());
        let own = own.map(|last| Position { epoch: None, last });
        let after = after.or(own.as_ref());
        let mut stream = send(bearer::field()?, "GET", resumed.as_ref().unwrap_or(url), &[], None, &limits).await?;
        let mut answers = Answers::new();
        loop {
            if let Some(event) = answers.decode(false)? {
                let Event::Head(head) = event else { return Err(Error::Closed) };
                if !(200..300).contains(&head.status) {
                    return Err(Error::Status(head.status));
                }
                let own = text(&head, "content-type");
                if own.as_deref().is_some_and(is_page) {
                    return Err(Error::Encoding("it is a page for people (text/html)"));
                }
                let own = own.filter(|own| Encoding::of(own).is_some());
                let decoder = Decoder::new(own.as_deref().or(hint).unwrap_or_default(), limits.message)?;
                let numbers = Numbers::new(&head, decoder.encoding(), url, after);
                return Ok(Self { stream, answers, decoder, numbers });
            }
            let read = timeout(limits.read, answers.fill(&mut stream)).await;
            if read.map_err(|_| Error::TimedOut)?.map_err(Error::io)? == 0 {
                return Err(Error::Closed);
            }
        }
    }

    /// Waits for the next bytes and gives `on` each item in them, in order. Nothing is lost when
    /// this is cancelled.
    ///
    /// # Errors
    /// The stream has ended, always with an error: [`Error::Complete`] where the server meant it to,
    /// [`Error::Closed`] where nobody can tell.
    pub async fn read(&mut self, mut on: impl FnMut(Item<'_>)) -> Result<(), Error> {
        if self.drain(&mut on)? {
            return Ok(());
        }
        match self.answers.fill(&mut self.stream).await {
            Ok(0) => Err(self.decoder.finish()),
            Ok(_) => self.drain(&mut on).map(|_| ()),
            Err(error) => Err(Error::io(error)),
        }
    }

    /// How messages follow each other here.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.decoder.encoding()
    }

    /// Behind the last message seen, if its number is known.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.numbers.position()
    }

    /// Hands out what has been read; false if that was nothing.
    fn drain(&mut self, on: &mut impl FnMut(Item<'_>)) -> Result<bool, Error> {
        let Self { answers, decoder, numbers, .. } = self;
        let mut any = numbers.report_missed(on);
        while let Some(event) = answers.decode(false)? {
            match event {
                Event::Body(bytes) => decoder.decode(bytes, |found| numbers.pass(found, on))?,
                Event::Complete => {
                    return Err(match decoder.finish() {
                        Error::Closed => Error::Complete,
                        error => error,
                    });
                }
                Event::Head(_) => return Err(Error::Closed),
            }
            any = true;
        }
        Ok(any)
    }
}
