//! Messages of the log in their order, through all faults of the engine and the network.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::stream::RawMessageErrorKind;
use futures_util::StreamExt as _;
use streamgauge_core::time::Time;

use super::condition::LOST;
use super::streams::Streams;
use super::{AGAIN, Following};
use crate::engine::memory::Message;
use crate::engine::remote::Stop;

/// The engine says at least so often that it is there; when it has not twice, it is asked anew.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// Messages that are asked for at once, and bytes, unless one message may have more.
const AT_ONCE: usize = 512;
const BYTES_AT_ONCE: usize = 32 << 20;

impl Following {
    /// Executes what the log has, for ever; until it can't be followed.
    pub(super) async fn read(self: &Arc<Self>, streams: &Arc<Streams>) -> Stop {
        loop {
            match self.read_on(streams).await {
                Ok(why) => tracing::debug!(why, "the log is asked for anew"),
                Err(stop) => return stop,
            }
            tokio::time::sleep(AGAIN / 4).await;
        }
    }

    /// The same until the engine has to be asked anew, and why.
    async fn read_on(self: &Arc<Self>, streams: &Arc<Streams>) -> Result<String, Stop> {
        // What is asked for meanwhile would be made each time when there is a connection again.
        if !streams.is_connected() {
            self.condition.read(Err(LOST));
            return Ok(LOST.to_owned());
        }
        let executed = self.shard.seen().position;
        self.look_for_loss(streams, executed).await;
        let mut next = executed + 1;
        let reading = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: next },
            ack_policy: AckPolicy::None,
            memory_storage: true,
            num_replicas: 1,
            inactive_threshold: Duration::from_secs(30),
            ..pull::Config::default()
        };
        let consumer = match streams.log.create_consumer(reading).await {
            Ok(consumer) => consumer,
            Err(error) => {
                let why = format!("its log can't be read: {error}");
                self.condition.read(Err(&why));
                return Ok(why);
            }
        };
        self.condition.read(Ok(()));
        let bytes = BYTES_AT_ONCE.max(2 * streams.longest());
        let pulling = consumer.stream().max_messages_per_batch(AT_ONCE).max_bytes_per_batch(bytes);
        let pulling = pulling.heartbeat(HEARTBEAT).expires(20 * HEARTBEAT);
        let mut messages = match pulling.messages().await {
            Ok(messages) => messages,
            Err(error) => return Ok(error.to_string()),
        };
        loop {
            let message = tokio::select! {
                message = messages.next() => message,
                () = self.has_to_save.notified() => {
                    self.save_now(streams, next - 1);
                    continue;
                }
            };
            let message = match message {
                Some(Ok(message)) => message,
                Some(Err(error)) => return Ok(error.to_string()),
                None => return Ok("it has ended".to_owned()),
            };
            let info = match message.info() {
                Ok(info) => info,
                Err(error) => return Ok(error.to_string()),
            };
            let position = info.stream_sequence;
            if position < next {
                continue;
            }
            if position > next {
                return self.missing(streams, next).await;
            }
            let at = Time::from_millis(u64::try_from(info.published.unix_timestamp_nanos() / 1_000_000).unwrap_or(0));
            let message = Message { position, at, bytes: &message.payload };
            if self.shard.apply(&self.order, message).await? {
                self.save_now(streams, position);
            }
            next += 1;
            self.arrive();
        }
    }

    /// It has executed something more, or knows more of where the log ended when it began: it may be there.
    pub(super) fn arrive(&self) {
        if !self.shard.has_joined() && self.end.get().is_some_and(|end| self.shard.seen().position >= *end) {
            self.shard.arrive();
            self.condition.arrived();
        }
    }

    /// What a message was to follow is not there: whether it is gone for good.
    async fn missing(&self, streams: &Streams, next: u64) -> Result<String, Stop> {
        let asked = streams.log.get_raw_message(next).await;
        let is_there = !asked.is_err_and(|error| error.kind() == RawMessageErrorKind::NoMessageFound);
        match streams.log.get_info().await.map(|info| info.state) {
            Ok(state) if state.first_sequence > next => Err(Stop::Behind { next, first: state.first_sequence }),
            // Whoever answered may be behind the others.
            Ok(state) if state.last_sequence >= next && !is_there => Err(Stop::Removed(next)),
            Ok(_) => Ok(format!("message {next} has not come")),
            Err(error) => Ok(error.to_string()),
        }
    }
}
