//! The messages of a pubsub.

use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::Poll;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Block, Losses, MAX_RECORD, RECORD_SEPARATOR};
use crate::client::{Error, Feed, Item, Limits, News, Url};
use crate::commands::at::{Expected, explain, refusal};
use crate::terminal::exit::Failure;

/// A subscription that comes back.
///
/// It is read only while somebody waits for the next block: whoever falls behind lags at the pubsub, which has a bound
/// for it, not in memory here.
pub(crate) struct Pubsub {
    /// Until it is over.
    feed: Option<Reading>,
    inbox: Arc<Mutex<Inbox>>,
}

/// Reads to the end of what the address asks for, or for ever.
type Reading = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

#[derive(Default)]
struct Inbox {
    bytes: Vec<u8>,
    losses: Losses,
    /// It has been there once, or may come later.
    trusted: bool,
}

impl core::fmt::Debug for Pubsub {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Pubsub").field("losses", &self.losses()).finish_non_exhaustive()
    }
}

impl Pubsub {
    /// With `retry` one that can't be reached may come later.
    pub(super) fn new(url: Url, retry: bool) -> Self {
        let inbox = Arc::new(Mutex::new(Inbox { trusted: retry, ..Inbox::default() }));
        let letters = Arc::clone(&inbox);
        let limits = Limits { message: MAX_RECORD, ..Limits::default() };
        let feed = async move {
            let mut feed = Feed::new(vec![url.clone()], limits);
            let end = feed.run(|news: News<'_>| letters.lock().receive(&news)).await;
            let queue = format!("--source {}", url.root());
            match end {
                Ok(()) => Ok(()),
                Err(End::Refused(status)) => {
                    Err(explain(refusal(&url, status).await, &url.root(), Expected::Pubsub, &queue).await)
                }
                Err(End::Failed(failure)) => Err(failure),
            }
        };
        Self { feed: Some(Box::pin(feed)), inbox }
    }

    /// `None` when all has come that the address asks for.
    pub(super) async fn next(&mut self) -> Result<Option<Block>, Failure> {
        poll_fn(|context| {
            if let Some(feed) = &mut self.feed
                && let Poll::Ready(end) = feed.as_mut().poll(context)
            {
                self.feed = None;
                end?;
            }
            let mut inbox = self.inbox.lock();
            if inbox.bytes.is_empty() {
                return if self.feed.is_some() { Poll::Pending } else { Poll::Ready(Ok(None)) };
            }
            Poll::Ready(Ok(Some(Block { bytes: core::mem::take(&mut inbox.bytes), separator: RECORD_SEPARATOR })))
        })
        .await
    }

    pub(super) fn losses(&self) -> Losses {
        self.inbox.lock().losses
    }
}

/// Why there is nothing to read at all.
enum End {
    Refused(u16),
    Failed(Failure),
}

impl Inbox {
    fn receive(&mut self, news: &News<'_>) -> Result<(), End> {
        match news {
            News::Item(Item::Message { bytes, .. }) => {
                self.bytes.extend_from_slice(bytes);
                self.bytes.push(RECORD_SEPARATOR);
            }
            News::Item(Item::Missed(messages)) => self.losses.missed = self.losses.missed.saturating_add(*messages),
            News::Item(Item::NewLife) => self.losses.new_lives = self.losses.new_lives.saturating_add(1),
            News::Item(Item::TooLong { .. }) => self.losses.too_long = self.losses.too_long.saturating_add(1),
            News::Lost(_, Error::Status(status), _) if !self.trusted => return Err(End::Refused(*status)),
            News::Lost(source, error, _) if !self.trusted || matches!(error, Error::Setup(_)) => {
                return Err(End::Failed(Failure::of(source, error)));
            }
            News::Lost(source, error, wait) => tracing::warn!(%source, %error, ?wait, "source lost"),
            News::Connected(source) => {
                self.trusted = true;
                tracing::info!(%source, "connected");
            }
            News::Detecting(_) | News::Connecting(_) => {}
        }
        Ok(())
    }
}
