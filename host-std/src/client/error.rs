use core::fmt;
use std::io;

use streamgauge_core::wire::http::HttpError;

use crate::transport::Broken;

/// Why a request or a subscription failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// No connection came about.
    Connect(io::Error),
    /// The connection failed.
    Io(io::Error),
    /// Nothing came for as long as was allowed.
    TimedOut,
    /// What came is not HTTP.
    Http(HttpError),
    /// The answer's status says no.
    Status(u16),
    /// The body is longer than its limit.
    BodyTooLarge,
    /// What was asked for can't be written as HTTP.
    Invalid,
    /// The stream is not encoded as it says.
    Encoding(&'static str),
    /// The server ended the subscription because it was read too slowly.
    Kicked,
    /// The other side ended it.
    Closed,
    /// The other side said that the stream is complete.
    Complete,
    /// What this process is to show or to trust can't be read: a line that names it. No server was asked.
    Setup(String),
}

impl Error {
    /// What an error of a connection that is there means. One whose other side does not accept who this is never came
    /// about, even if that is only known when the request is sent.
    pub(crate) fn io(error: io::Error) -> Self {
        let broken = error.get_ref().and_then(|why| why.downcast_ref::<Broken>());
        if broken.is_some_and(Broken::is_refusal) { Self::Connect(error) } else { Self::Io(error) }
    }

    /// Whether an answer stays the same however long one waits: the request would have to be another one.
    pub(crate) const fn is_final(&self) -> bool {
        // 408, 425 and 429 ask for patience; where it is now, and what is not understood there, do not change.
        let is_final = matches!(self, Self::Status(300..=407 | 409..=424 | 426..=428 | 430..=499 | 501 | 505));
        is_final || matches!(self, Self::Setup(_) | Self::Invalid)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => write!(f, "can't connect: {error}"),
            Self::Io(error) => write!(f, "connection failed: {error}"),
            Self::TimedOut => f.write_str("timed out"),
            Self::Http(error) => write!(f, "bad answer: {error}"),
            Self::Status(status) => write!(f, "answered {status}"),
            Self::BodyTooLarge => f.write_str("the answer is longer than its limit"),
            Self::Invalid => f.write_str("can't be written as an HTTP request"),
            Self::Encoding(what) => write!(f, "bad stream: {what}"),
            Self::Kicked => f.write_str("kicked for reading too slowly"),
            Self::Closed => f.write_str("connection closed"),
            Self::Complete => f.write_str("the stream is complete"),
            Self::Setup(line) => f.write_str(line),
        }
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Connect(error) | Self::Io(error) => Some(error),
            Self::Http(error) => Some(error),
            _ => None,
        }
    }
}

impl From<HttpError> for Error {
    fn from(error: HttpError) -> Self {
        Self::Http(error)
    }
}
