//! What gathers becomes messages of the log, each of them once.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use streamgauge_core::engine::Refusal;
use tokio::sync::Semaphore;

use super::streams::{Streams, is_full};
use super::{AGAIN, Following};
use crate::engine::remote::{AWAY, Batch, Stop, UNKNOWN};

/// Messages of the log that are on their way at once: while they are, the next one gathers.
const ON_THEIR_WAY: usize = 2;

/// So long a message is sent again that was not answered; who waited for it has been told long before.
const PATIENCE: Duration = Duration::from_secs(60);

impl Following {
    /// Publishes what gathers, for ever.
    pub(super) async fn write(self: &Arc<Self>, streams: &Arc<Streams>) -> Infallible {
        let end = self.mark_end(streams).await;
        let _ = self.end.set(end);
        self.arrive();
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

    /// Publishes a message with no proposal and returns its number: what anybody was told before now is in front of it.
    ///
    /// What servers say of the length of the log does not do: the one that is asked may be behind the others.
    async fn mark_end(&self, streams: &Streams) -> u64 {
        let (id, seen) = (format!("{:016x}-end", self.order.gateway()), self.shard.seen());
        let bytes = Bytes::from(self.order.nothing(seen));
        loop {
            match self.append(streams, &id, &bytes).await {
                Ok(position) => return position,
                // Looks are answered all the same. It is the leader that is asked.
                Err(Refusal::LogFull { .. }) => {
                    if let Ok(info) = streams.log.get_info().await {
                        return info.state.last_sequence;
                    }
                }
                Err(_) => {}
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Finds out whether the log ends before what was executed here, as when all its servers have lost what they had not
    /// synced: then nothing that is added would come, as it has numbers that are over.
    pub(super) async fn look_for_loss(&self, streams: &Streams, executed: u64) {
        // Who is asked may be behind the others: the number of a message that is added is no older than it.
        if let Ok(info) = streams.log.get_info().await
            && info.state.last_sequence < executed
        {
            let (id, nothing) =
                (format!("{:016x}-at-{executed}", self.order.gateway()), self.order.nothing(self.shard.seen()));
            let _ = self.append(streams, &id, &Bytes::from(nothing)).await;
        }
    }

    /// Publishes messages with no proposal while the engine does not take what is published, for ever: nothing else is
    /// proposed meanwhile that would show that it does again.
    pub(super) async fn probe(&self, streams: &Streams) -> Infallible {
        let mut number = 0_u64;
        loop {
            tokio::time::sleep(AGAIN).await;
            if !self.condition.answers() {
                number += 1;
                let id = format!("{:016x}-probe-{number}", self.order.gateway());
                let nothing = self.order.nothing(self.shard.seen());
                let _ = self.append(streams, &id, &Bytes::from(nothing)).await;
            }
        }
    }

    async fn publish(&self, streams: &Streams, batch: &Batch) {
        match self.append(streams, &batch.id, &batch.bytes).await {
            Ok(_) => self.order.taken(batch),
            Err(why) => self.order.refuse(batch, why),
        }
    }

    /// Publishes a message of the log until the engine has it, which knows it again by its id; returns its number.
    ///
    /// # Errors
    /// The engine will not take it, or nobody knows whether it has.
    async fn append(&self, streams: &Streams, id: &str, bytes: &Bytes) -> Result<u64, Refusal> {
        let (begun, executed) = (Instant::now(), self.shard.seen().position);
        // Whether an earlier try may be in the log, or be on its way there: then no refusal says that nothing has happened.
        let mut is_open = false;
        loop {
            // Whatever the client is handed meanwhile it keeps, and sends when there is a connection again.
            if !streams.is_connected() {
                if begun.elapsed() > PATIENCE {
                    return Err(if is_open { UNKNOWN } else { AWAY });
                }
                tokio::time::sleep(AGAIN / 4).await;
                continue;
            }
            let message = PublishMessage::build().payload(bytes.clone()).message_id(id);
            let published = match streams.jetstream.send_publish(format!("{}.log", streams.group), message).await {
                Ok(answer) => answer.await,
                Err(error) => Err(error),
            };
            let error = match published {
                Ok(taken) => {
                    self.condition.answered(Ok(()));
                    // Where the log has a bound, something short may still fit into one that is full.
                    if streams.most.is_none() {
                        self.order.set_full(false);
                    }
                    // One that was sent twice may have been executed by now.
                    if taken.sequence <= executed && !taken.duplicate {
                        self.stop.send_replace(Some(Stop::Lost { last: taken.sequence, executed }));
                        return Err(UNKNOWN);
                    }
                    return Ok(taken.sequence);
                }
                Err(error) => error,
            };
            if is_full(&error) {
                self.condition.answered(Ok(()));
                self.order.set_full(true);
                return Err(if is_open { UNKNOWN } else { Refusal::LogFull { most: streams.most } });
            }
            if error.kind() == PublishErrorKind::MaxPayloadExceeded {
                return Err(if is_open {
                    UNKNOWN
                } else {
                    Refusal::Busy("the engine takes shorter messages than it did")
                });
            }
            is_open = true;
            if begun.elapsed() > PATIENCE {
                return Err(UNKNOWN);
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
