//! What gathers becomes messages of the log, each of them once.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use streamgauge_core::engine::Refusal;
use tokio::sync::Semaphore;

use super::streams::{Streams, is_full};
use super::{AGAIN, Following};
use crate::engine::remote::{Batch, UNKNOWN};

/// Messages of the log that are on their way at once: while they are, the next one gathers.
const ON_THEIR_WAY: usize = 2;

/// So long a message is sent again that was not answered; who waited for it has been told long before.
const PATIENCE: Duration = Duration::from_secs(60);

impl Following {
    /// Publishes what gathers, for ever.
    pub(super) async fn write(self: &Arc<Self>, streams: &Arc<Streams>) -> Infallible {
        let room = Arc::new(Semaphore::new(ON_THEIR_WAY));
        loop {
            self.order.gathered().await;
            // It is never closed.
            let Ok(place) = Arc::clone(&room).acquire_owned().await else { continue };
            // Whoever has come at the same time is in the same message.
            tokio::task::yield_now().await;
            let key = match key() {
                Ok(key) => key,
                Err(error) => {
                    tracing::error!(%error, "the operating system gives no random numbers");
                    tokio::time::sleep(AGAIN).await;
                    continue;
                }
            };
            let Some(batch) = self.order.take(self.shard.seen(), key) else { continue };
            let (this, streams) = (Arc::clone(self), Arc::clone(streams));
            tokio::spawn(async move {
                this.publish(&streams, &batch).await;
                drop(place);
            });
        }
    }

    /// Publishes a message of the log until the engine has it: it knows it again.
    async fn publish(&self, streams: &Streams, batch: &Batch) {
        let begun = Instant::now();
        loop {
            let message = PublishMessage::build().payload(batch.bytes.clone()).message_id(&batch.id);
            let published = match streams.jetstream.send_publish(format!("{}.log", streams.group), message).await {
                Ok(answer) => answer.await.map(drop),
                Err(error) => Err(error),
            };
            let Err(error) = published else {
                self.order.taken(batch);
                self.condition.answered(Ok(()));
                return;
            };
            if is_full(&error) {
                return self.order.refuse(batch, Refusal::NoDisk { budget: None });
            }
            if error.kind() == PublishErrorKind::MaxPayloadExceeded {
                return self.order.refuse(batch, Refusal::Busy("the engine takes shorter messages than it did"));
            }
            if begun.elapsed() > PATIENCE {
                return self.order.refuse(batch, UNKNOWN);
            }
            self.condition.answered(Err(&format!("it does not take what is published: {error}")));
            tokio::time::sleep(AGAIN / 4).await;
        }
    }
}

/// What all random numbers of a message are drawn of.
fn key() -> Result<[u64; 2], getrandom::Error> {
    Ok([getrandom::u64()?, getrandom::u64()?])
}
