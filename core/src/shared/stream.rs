//! What is waited for again and again, as a [`Stream`].

use core::pin::Pin;
use core::task::{Context, Poll};

use futures_core::Stream;

use super::{Unmet, WaitError};

/// A stream of what a wait finds, one after the other; it ends with [`WaitError::Closed`].
///
/// A wait takes nothing until it completes, and waits anew when it is polled after that. So is a stream that is
/// dropped no loss.
pub(super) struct Again<F, L> {
    /// `None` after the end.
    wait: Option<F>,
    is_last: L,
}

impl<F, L> Again<F, L> {
    /// An error of which `is_last` is true is the last item.
    pub(super) const fn new(wait: F, is_last: L) -> Self {
        Self { wait: Some(wait), is_last }
    }
}

impl<F, L, T, E> Stream for Again<F, L>
where
    F: Future<Output = Result<Result<T, E>, WaitError>> + Unpin,
    L: Fn(&E) -> bool + Unpin,
{
    type Item = Result<T, Unmet<E>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(wait) = &mut self.wait else { return Poll::Ready(None) };
        let Poll::Ready(found) = Pin::new(wait).poll(cx) else { return Poll::Pending };
        let item = match found {
            Err(WaitError::Closed) => None,
            Err(error) => Some(Err(Unmet::Wait(error))),
            Ok(item) => Some(item.map_err(Unmet::Because)),
        };
        let goes_on = match &item {
            None => false,
            Some(Err(Unmet::Because(why))) => !(self.is_last)(why),
            Some(_) => true,
        };
        if !goes_on {
            self.wait = None;
        }
        Poll::Ready(item)
    }
}
