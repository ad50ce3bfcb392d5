//! The messages of a pubsub.

use core::convert::Infallible;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::Poll;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Block, Losses, MAX_RECORD, RECORD_SEPARATOR};
use crate::client::{Feed, Item, Limits, News, Url};

/// A subscription that comes back.
///
/// It is read only while somebody waits for the next block: whoever falls behind lags at the pubsub, which has a bound
/// for it, not in memory here.
pub(crate) struct Pubsub {
    feed: Pin<Box<dyn Future<Output = Infallible> + Send>>,
    inbox: Arc<Mutex<Inbox>>,
}

#[derive(Default)]
struct Inbox {
    bytes: Vec<u8>,
    losses: Losses,
}

impl core::fmt::Debug for Pubsub {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Pubsub").field("losses", &self.losses()).finish_non_exhaustive()
    }
}

impl Pubsub {
    pub(super) fn new(url: Url) -> Self {
        let inbox = Arc::new(Mutex::new(Inbox::default()));
        let letters = Arc::clone(&inbox);
        let limits = Limits { message: MAX_RECORD, ..Limits::default() };
        let feed = async move {
            let mut feed = Feed::new(vec![url], limits);
            feed.run(|news: News<'_>| {
                letters.lock().receive(&news);
                Ok(())
            })
            .await
        };
        Self { feed: Box::pin(feed), inbox }
    }

    pub(super) async fn next(&mut self) -> Block {
        poll_fn(|context| {
            if let Poll::Ready(never) = self.feed.as_mut().poll(context) {
                match never {}
            }
            let mut inbox = self.inbox.lock();
            if inbox.bytes.is_empty() {
                return Poll::Pending;
            }
            Poll::Ready(Block { bytes: core::mem::take(&mut inbox.bytes), separator: RECORD_SEPARATOR })
        })
        .await
    }

    pub(super) fn losses(&self) -> Losses {
        self.inbox.lock().losses
    }
}

impl Inbox {
    fn receive(&mut self, news: &News<'_>) {
        match news {
            News::Item(Item::Message { bytes, .. }) => {
                self.bytes.extend_from_slice(bytes);
                self.bytes.push(RECORD_SEPARATOR);
            }
            News::Item(Item::Missed(messages)) => self.losses.missed = self.losses.missed.saturating_add(*messages),
            News::Item(Item::TooLong { .. }) => self.losses.too_long = self.losses.too_long.saturating_add(1),
            News::Lost(source, error, wait) => tracing::warn!(%source, %error, ?wait, "source lost"),
            News::Connected(source) => tracing::info!(%source, "connected"),
            News::Detecting(_) | News::Connecting(_) => {}
        }
    }
}
