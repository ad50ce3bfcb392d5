//! Bodies: collecting those of requests within bounds, and those of answers.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Frame, Incoming, SizeHint};

use super::limits::{SMALL, Share};

/// The body of an answer.
pub enum Body {
    /// All of it; `None` once hyper has it.
    Whole(Option<Bytes>),
    /// The next piece whenever there is room for one, until there is none.
    Pieces(Box<dyn FnMut() -> Option<Bytes> + Send>),
}

/// Bytes that stay counted for as long as they are.
struct Counted {
    bytes: Bytes,
    _share: Share,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Body {
    /// Counts a large answer until it is sent.
    pub(super) fn count(&mut self, mut share: Share) {
        if let Self::Whole(Some(bytes)) = self
            && bytes.len() > SMALL
        {
            share.force(bytes.len());
            *bytes = Bytes::from_owner(Counted { bytes: std::mem::take(bytes), _share: share });
        }
    }
}

impl Body {
    /// Calls `taken` once hyper has all of it, or will not ask for more.
    pub(super) fn when_taken(self, taken: impl Fn() + Send + 'static) -> Self {
        match self {
            Self::Whole(bytes) => {
                taken();
                Self::Whole(bytes)
            }
            Self::Pieces(mut next) => Self::Pieces(Box::new(move || {
                let piece = next();
                if piece.is_none() {
                    taken();
                }
                piece
            })),
        }
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Whole((!bytes.is_empty()).then(|| bytes.into()))
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = match &mut *self {
            Self::Whole(bytes) => bytes.take(),
            Self::Pieces(next) => next(),
        };
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Pieces(_) => SizeHint::default(),
        }
    }
}

/// Why a request's body was not taken.
#[derive(Debug)]
pub(super) enum Refused {
    TooLarge,
    NoBudget,
    TooSlow,
    Broken,
}

/// All of a request's body.
pub(super) async fn collect(
    mut body: Incoming,
    max: usize,
    share: &mut Share,
    timeout: Duration,
) -> Result<Bytes, Refused> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > max {
        return Err(Refused::TooLarge);
    }
    let (mut first, mut rest) = (Bytes::new(), Vec::new());
    while let Some(frame) = next_frame(&mut body, timeout).await? {
        let Ok(data) = frame.into_data() else { continue };
        if first.len() + rest.len() + data.len() > max {
            return Err(Refused::TooLarge);
        }
        if !share.extend(data.len()) {
            return Err(Refused::NoBudget);
        }
        if first.is_empty() && rest.is_empty() {
            first = data;
        } else {
            if rest.is_empty() {
                rest.reserve_exact(announced.max(first.len() + data.len()));
                rest.extend_from_slice(&std::mem::take(&mut first));
            }
            rest.extend_from_slice(&data);
        }
    }
    Ok(if rest.is_empty() { first } else { rest.into() })
}

/// The timer is only made for a body that has not arrived yet, which is rare.
async fn next_frame(body: &mut Incoming, timeout: Duration) -> Result<Option<Frame<Bytes>>, Refused> {
    let mut frame = body.frame();
    let at_once = std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut frame).poll(cx))).await;
    let frame = match at_once {
        Poll::Ready(frame) => frame,
        Poll::Pending => tokio::time::timeout(timeout, frame).await.map_err(|_| Refused::TooSlow)?,
    };
    frame.transpose().map_err(|_| Refused::Broken)
}
