//! The state, saved as a stream and loaded from there.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;

use super::Following;
use super::streams::Streams;

/// How often it is looked whether the state should be saved.
const CHECK: Duration = Duration::from_secs(1);

/// At every how many of these it is looked whether what was saved is still there.
const LOOKS: u64 = 8;

/// Bytes of a piece, where the engine takes so many.
const PIECE: usize = 512 << 10;

/// What is whole: the last message of the log before it, how many pieces, how many bytes, and which gateway has saved it.
///
/// What gateways save behind the same message differs in what each counts alone, and what is made of pieces of several is
/// none of them: each has subjects of its own. Those of gateways before this version had no name in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Whole {
    position: u64,
    pieces: u64,
    bytes: u64,
    gateway: Option<u64>,
}

impl Whole {
    fn read(text: &[u8]) -> Option<Self> {
        let mut numbers = std::str::from_utf8(text).ok()?.split(' ').map(|number| number.parse().ok());
        let mut number = || numbers.next().flatten();
        Some(Self { position: number()?, pieces: number()?, bytes: number()?, gateway: number() })
    }

    fn write(&self) -> Bytes {
        let gateway = self.gateway.map_or_else(String::new, |gateway| format!(" {gateway}"));
        format!("{} {} {}{gateway}", self.position, self.pieces, self.bytes).into()
    }

    /// The subject of a piece.
    fn piece(&self, number: u64) -> String {
        let gateway = self.gateway.map_or_else(String::new, |gateway| format!("{gateway:016x}."));
        format!("{}.{gateway}{number}", self.position)
    }
}

/// How much of the log goes when the state is saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Letting {
    /// What is before the state that was saved before: gateways that are a little behind find what they need.
    Before,
    /// Of what is in the state all but the newest quarter: the log has no room for anything else, and gateways that are a
    /// little behind find what they need even so.
    Most,
    /// All that is in the state: there was no room after that.
    All,
}

impl Streams {
    /// What was saved last, if anything was.
    pub(super) async fn load(&self) -> Result<Option<Vec<u8>>, String> {
        let Some((_, whole)) = self.whole().await? else { return Ok(None) };
        let mut saved = Vec::new();
        for piece in 0..whole.pieces {
            let subject = whole.piece(piece);
            // It goes when the next one is whole, which is tried then.
            let (_, piece) = self.newest(&subject).await?.ok_or_else(|| format!("{subject} is gone"))?;
            saved.extend_from_slice(&piece);
        }
        if saved.len() as u64 != whole.bytes {
            return Err(format!("what was saved has {} bytes, and should have {}", saved.len(), whole.bytes));
        }
        Ok(Some(saved))
    }

    /// What is whole, behind the number of the message that says so.
    async fn whole(&self) -> Result<Option<(u64, Whole)>, String> {
        let Some((number, text)) = self.newest("whole").await? else { return Ok(None) };
        let whole = Whole::read(&text).ok_or("what was saved is of no version that is known")?;
        Ok(Some((number, whole)))
    }

    /// Saves a state, and lets go of what was saved before, and of the log; whether it counts: another gateway may have
    /// saved what is newer.
    async fn save(&self, gateway: u64, position: u64, saved: Vec<u8>, letting: Letting) -> Result<bool, String> {
        self.keep_state().await?;
        let (number, before) = self.whole().await?.map_or((0, None), |(number, before)| (number, Some(before)));
        if before.is_some_and(|before| before.position >= position) {
            return Ok(false);
        }
        let saved = Bytes::from(saved);
        let piece = PIECE.min(self.longest());
        let (mut first, bytes) = (u64::MAX, saved.len() as u64);
        let mut whole = Whole { position, pieces: 0, bytes, gateway: Some(gateway) };
        for at in (0..saved.len()).step_by(piece) {
            let piece = PublishMessage::build().payload(saved.slice(at..(at + piece).min(saved.len())));
            match self.publish_state(&whole.piece(whole.pieces), piece).await {
                Ok(number) => first = first.min(number),
                Err(error) => {
                    self.remove_pieces(position, gateway).await;
                    return Err(error.to_string());
                }
            }
            whole.pieces += 1;
        }
        // Of those who save at the same time one is let.
        let whole = PublishMessage::build().payload(whole.write());
        match self.publish_state("whole", whole.expected_last_subject_sequence(number)).await {
            Ok(_) => {}
            Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => {
                self.remove_pieces(position, gateway).await;
                return Ok(false);
            }
            // It may be there.
            Err(error) => return Err(error.to_string()),
        }
        // With it goes what a gateway has left that ended while it saved.
        let purged = self.state.purge().sequence(first).await;
        purged.map_err(|error| format!("what was saved before can't be removed: {error}"))?;
        match (letting, before) {
            (Letting::Before, Some(before)) => self.let_go(before.position).await?,
            (Letting::Before, None) => {}
            (letting, _) => self.let_go_as(letting, position).await?,
        }
        Ok(true)
    }

    /// Removes the pieces of a save that comes to nothing: others may need their room. What stays all the same goes with
    /// the next one.
    async fn remove_pieces(&self, position: u64, gateway: u64) {
        let pieces = format!("{}.state.{position}.{gateway:016x}.>", self.group);
        let _ = self.state.purge().filter(pieces).await;
    }

    /// Whether the log has room again, as another gateway has seen to it, or its bound is another one now.
    async fn has_room(&self) -> bool {
        let (Some(most), Ok(info)) = (self.most, self.log.get_info().await) else { return false };
        let most = u64::try_from(info.config.max_bytes).unwrap_or(most);
        info.state.bytes < most - most / 4
    }

    /// Lets go of a full log up to a message, or of most of that.
    async fn let_go_as(&self, letting: Letting, position: u64) -> Result<(), String> {
        if letting == Letting::All {
            return self.let_go(position).await;
        }
        let info = self.log.get_info().await.map_err(|error| format!("the log can't be asked: {error}"))?;
        self.let_go(position.min(but_a_quarter(info.state.first_sequence, info.state.last_sequence))).await
    }

    /// Lets go of the log up to a message.
    async fn let_go(&self, position: u64) -> Result<(), String> {
        let purged = self.log.purge().sequence(position + 1).await;
        purged.map(drop).map_err(|error| format!("the beginning of the log can't be removed: {error}"))
    }

    async fn publish_state(&self, subject: &str, message: PublishMessage) -> Result<u64, PublishError> {
        let published = self.jetstream.send_publish(format!("{}.state.{subject}", self.group), message).await?;
        published.await.map(|taken| taken.sequence)
    }
}

/// The last message of all but the newest quarter of those with these numbers.
const fn but_a_quarter(first: u64, last: u64) -> u64 {
    last.saturating_sub((last + 1).saturating_sub(first) / 4)
}

impl Following {
    /// Proposes to save the state whenever much was added to the log, and sees to it that a full one has room again; for
    /// ever.
    pub(super) async fn keep_saving(&self, streams: &Streams) -> Infallible {
        let mut looks = 0_u64;
        loop {
            // Gateways take turns, mostly.
            let apart = Duration::from_millis((getrandom::u32().unwrap_or(0) % 1_000).into());
            tokio::time::sleep(CHECK + apart).await;
            if self.order.is_full() {
                self.make_room(streams).await;
                continue;
            }
            self.has_let_go.store(false, Ordering::Relaxed);
            looks += 1;
            if looks.is_multiple_of(LOOKS) && streams.has_lost_state().await {
                tracing::warn!("engine: what was saved is gone; it is saved again");
                self.has_to_save.notify_one();
            }
            if self.shard.is_to_be_saved(self.least(streams)) {
                self.order.propose_to_save();
            }
        }
    }

    /// Bytes of the log behind which the state is saved. There is room for what comes behind the one before, behind this
    /// one, and while it is saved.
    fn least(&self, streams: &Streams) -> u64 {
        let least = self.settings.save_after.max(2 * self.last_saved.load(Ordering::Relaxed));
        streams.most.map_or(least, |most| least.min(most / 4))
    }

    /// A full log takes no proposal, not even to save the state: it is saved without one, where this gateway is.
    async fn make_room(&self, streams: &Streams) {
        if streams.has_room().await {
            return self.have_room();
        }
        let position = self.shard.seen().position;
        match streams.whole().await {
            Ok(Some((_, whole))) if whole.position >= position => {
                let letting = self.letting();
                match streams.let_go_as(letting, whole.position).await {
                    Ok(()) => self.have_let_go(streams, letting).await,
                    Err(error) => tracing::warn!(error, "the log is full"),
                }
            }
            Ok(_) => {
                // Who reads the log does it, between two of its messages.
                self.has_to_save.notify_one();
                // Nobody is answered while all that is held is copied.
                tokio::time::sleep(10 * Duration::from_millis(self.copying.load(Ordering::Relaxed))).await;
            }
            Err(error) => tracing::warn!(error, "the log is full"),
        }
    }

    /// How much of the log goes next.
    fn letting(&self) -> Letting {
        match (self.order.is_full(), self.has_let_go.load(Ordering::Relaxed)) {
            (false, _) => Letting::Before,
            (true, false) => Letting::Most,
            (true, true) => Letting::All,
        }
    }

    /// So much of the log has gone: if that was not enough, all goes that may when it is looked at again.
    async fn have_let_go(&self, streams: &Streams, letting: Letting) {
        match letting {
            Letting::Before => {}
            Letting::Most if !streams.has_room().await => self.has_let_go.store(true, Ordering::Relaxed),
            Letting::Most | Letting::All => self.have_room(),
        }
    }

    fn have_room(&self) {
        self.has_let_go.store(false, Ordering::Relaxed);
        self.order.set_full(false);
    }

    /// Saves the state as it is behind the message of that number, unless that goes on already: each takes as much memory
    /// as all that is held.
    pub(super) fn save_now(self: &Arc<Self>, streams: &Arc<Streams>, position: u64) {
        let Ok(turn) = Arc::clone(&self.saving).try_acquire_owned() else { return };
        let begun = Instant::now();
        let Some(saved) = self.shard.saved(self.group) else { return };
        self.copying.store(begun.elapsed().as_millis() as u64, Ordering::Relaxed);
        self.last_saved.store(saved.len() as u64, Ordering::Relaxed);
        let letting = self.letting();
        let (this, streams) = (Arc::clone(self), Arc::clone(streams));
        tokio::spawn(async move {
            match streams.save(this.order.gateway(), position, saved, letting).await {
                Ok(true) => {
                    this.have_let_go(&streams, letting).await;
                    this.order.propose_saved(position);
                }
                Ok(false) => {}
                Err(error) => tracing::warn!(error, "the state could not be saved, and the log becomes longer"),
            }
            drop(turn);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_whole_is_read_as_it_was_written() {
        for gateway in [None, Some(u64::MAX)] {
            let whole = Whole { position: 7, pieces: 2, bytes: 600_000, gateway };
            assert_eq!(Whole::read(&whole.write()), Some(whole));
        }
        assert_eq!([&b""[..], b"1 2", b"1 2 x", b"\xff"].map(Whole::read), [None; 4]);
    }

    #[test]
    fn gateways_that_save_behind_the_same_message_write_different_subjects() {
        let piece = |gateway| Whole { position: 7, pieces: 2, bytes: 600_000, gateway }.piece(1);
        assert_eq!([None, Some(0xa), Some(0xb)].map(piece), ["7.1", "7.000000000000000a.1", "7.000000000000000b.1"]);
    }

    #[test]
    fn the_newest_quarter_of_a_full_log_stays_where_it_has_one() {
        for (first, last, until) in [(1, 100, 75), (41, 80, 70), (7, 10, 9), (7, 9, 9), (7, 7, 7), (8, 7, 7), (0, 0, 0)]
        {
            assert_eq!(but_a_quarter(first, last), until, "{first} to {last}");
        }
    }
}
