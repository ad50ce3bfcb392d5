//! The state, saved as a stream and loaded from there.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;

use super::Following;
use super::streams::Streams;

/// How often it is looked whether the state should be saved.
const CHECK: Duration = Duration::from_secs(1);

/// Bytes of a piece, where the engine takes so many.
const PIECE: usize = 512 << 10;

/// What is whole: the last message of the log before it, how many pieces, how many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Whole {
    position: u64,
    pieces: u64,
    bytes: u64,
}

impl Whole {
    fn read(text: &[u8]) -> Option<Self> {
        let mut numbers = std::str::from_utf8(text).ok()?.split(' ').map(|number| number.parse().ok());
        let mut number = || numbers.next().flatten();
        Some(Self { position: number()?, pieces: number()?, bytes: number()? })
    }

    fn write(&self) -> Bytes {
        format!("{} {} {}", self.position, self.pieces, self.bytes).into()
    }
}

impl Streams {
    /// What was saved last, if anything was.
    pub(super) async fn load(&self) -> Result<Option<Vec<u8>>, String> {
        let Some(whole) = self.whole().await? else { return Ok(None) };
        let mut saved = Vec::new();
        for piece in 0..whole.pieces {
            let subject = format!("{}.{piece}", whole.position);
            // It goes when the next one is whole, which is tried then.
            let piece = self.newest(&subject).await?.ok_or_else(|| format!("{subject} is gone"))?;
            saved.extend_from_slice(&piece);
        }
        if saved.len() as u64 != whole.bytes {
            return Err(format!("what was saved has {} bytes, and should have {}", saved.len(), whole.bytes));
        }
        Ok(Some(saved))
    }

    async fn whole(&self) -> Result<Option<Whole>, String> {
        let Some(text) = self.newest("whole").await? else { return Ok(None) };
        Whole::read(&text).map(Some).ok_or_else(|| "what was saved is of no version that is known".to_owned())
    }

    /// Saves a state, and lets go of the one before, and of the log until there.
    async fn save(&self, position: u64, saved: Vec<u8>) -> Result<(), String> {
        let before = self.whole().await?;
        let saved = Bytes::from(saved);
        let piece = PIECE.min(self.longest());
        let (mut pieces, bytes) = (0, saved.len() as u64);
        for at in (0..saved.len()).step_by(piece) {
            let piece = saved.slice(at..(at + piece).min(saved.len()));
            self.publish_state(&format!("{position}.{pieces}"), piece).await?;
            pieces += 1;
        }
        self.publish_state("whole", Whole { position, pieces, bytes }.write()).await?;
        let Some(before) = before.filter(|before| before.position < position) else { return Ok(()) };
        let old = format!("{}.state.{}.*", self.group, before.position);
        let purged = self.state.purge().filter(old).await;
        purged.map_err(|error| format!("what was saved before can't be removed: {error}"))?;
        // Gateways that are a little behind find what they need.
        let purged = self.log.purge().sequence(before.position + 1).await;
        purged.map(drop).map_err(|error| format!("the beginning of the log can't be removed: {error}"))
    }

    async fn publish_state(&self, subject: &str, bytes: Bytes) -> Result<(), String> {
        let message = PublishMessage::build().payload(bytes);
        let published = self.jetstream.send_publish(format!("{}.state.{subject}", self.group), message).await;
        let published = published.map_err(|error| error.to_string())?.await;
        published.map(drop).map_err(|error| error.to_string())
    }
}

impl Following {
    /// Proposes to save the state whenever much was added to the log, for ever.
    pub(super) async fn keep_saving(&self) -> Infallible {
        loop {
            // Gateways take turns, mostly.
            let apart = Duration::from_millis((getrandom::u32().unwrap_or(0) % 1_000).into());
            tokio::time::sleep(CHECK + apart).await;
            let least = self.settings.save_after.max(2 * self.last_saved.load(Ordering::Relaxed));
            if self.shard.is_to_be_saved(least) {
                self.order.propose_to_save();
            }
        }
    }

    /// Saves the state as it is behind the message of that number.
    pub(super) fn save_now(self: &Arc<Self>, streams: &Arc<Streams>, position: u64) {
        let Some(saved) = self.shard.saved(self.group) else { return };
        self.last_saved.store(saved.len() as u64, Ordering::Relaxed);
        let (this, streams) = (Arc::clone(self), Arc::clone(streams));
        tokio::spawn(async move {
            match streams.save(position, saved).await {
                Ok(()) => drop(this.order.propose_saved(position)),
                Err(error) => tracing::warn!(error, "the state could not be saved, and the log becomes longer"),
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_whole_is_read_as_it_was_written() {
        let whole = Whole { position: 7, pieces: 2, bytes: 600_000 };
        assert_eq!(Whole::read(&whole.write()), Some(whole));
        assert_eq!([&b""[..], b"1 2", b"1 2 x", b"\xff"].map(Whole::read), [None; 4]);
    }
}
