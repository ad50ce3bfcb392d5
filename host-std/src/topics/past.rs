//! A subscriber of messages that are not in memory any more.
//!
//! It has a small log of its own, which is filled from the disk as fast as its socket takes what is in it; and is served
//! from that as others are from the topic's. When it has come so far that the topic has what it gets next, it goes on
//! there, under the same number. What is not there any more by the time that it is read is told as missing.

use std::sync::Arc;
use std::time::Duration;

use streamgauge_core::engine::Name;
use streamgauge_core::time::Time;
use streamgauge_core::topic::{Delivery, From, Id};
use tokio::sync::Notify;

use super::hub::Hub;
use crate::engine::disk::Keeper;
use crate::engine::disk::history::{Chunk, History, Lost, Reader};
use crate::engine::memory::{Held, OwnRoom, TopicLog};

/// Where a subscriber begins that is served from the disk.
pub(super) struct Beginning {
    /// The number of the first message that may be for it.
    pub(super) first: u64,
    /// Messages that it asked for, and that are gone.
    pub(super) missed: u64,
    /// Only those are for it that were published then or later.
    since: Time,
}

/// What a subscriber has while it is served from the disk.
pub(super) struct Past {
    pub(super) log: TopicLog,
    /// Its place in its own log, and in that of the topic.
    pub(super) id: Id,
    pub(super) live: Id,
    /// Messages that it was told are missing.
    missed: u64,
    /// Rung when there is room in its log, and when it is gone.
    bell: Arc<Notify>,
    _held: Held,
}

impl Beginning {
    /// Where a subscriber begins that asks for this of a topic; `None` if that is in memory, or was never there.
    pub(super) fn of(from: From, history: &History, topic: &TopicLog) -> Option<Self> {
        let (oldest, start, origin) = (history.first(), topic.log().start().sequence(), topic.origin());
        if oldest >= start {
            return None;
        }
        let numbered =
            |wanted: u64| Self { first: wanted.max(oldest), missed: oldest.saturating_sub(wanted), since: Time::ZERO };
        let beginning = match from {
            From::Now => return None,
            // Of an earlier life nobody knows more than that it was.
            From::First => numbered(origin),
            From::Sequence(number) => numbered(number.max(origin)),
            From::After(number) => numbered(number.saturating_add(1).max(origin)),
            From::Time(since) => {
                // One of that time has left at least, as it is with what is in memory.
                let missed = u64::from(history.left() >= since && history.left() > Time::ZERO);
                Self { first: history.since(since)?.first, missed, since }
            }
        };
        (beginning.first < start).then_some(beginning)
    }

    /// Reads the first messages, which tells where it begins, and how many it misses.
    pub(super) async fn read(&mut self, hub: &Hub, keeper: &Keeper, topic: Name) -> (Reader, Chunk) {
        let (mut reader, mut chunk) = (Reader::new(topic, self.first), Chunk::default());
        while chunk.len() == 0
            && !chunk.is_held
            && let Some(more) = read(hub, keeper, &reader, topic, self.since).await
        {
            (reader, chunk) = more;
        }
        let first = if chunk.len() > 0 { chunk.first } else { reader.next() };
        if self.since == Time::ZERO {
            self.missed += first.saturating_sub(self.first);
        }
        self.first = first;
        (reader, chunk)
    }
}

/// Reads some messages, of those that subscribers may see; `None` if they are not on the disk.
async fn read(hub: &Hub, keeper: &Keeper, reader: &Reader, topic: Name, since: Time) -> Option<(Reader, Chunk)> {
    let (end, oldest) = hub.readable(&topic)?;
    let next = reader.next();
    let lie_in = || keeper.histories().of(&topic)?.at(next).filter(|_| next < end);
    let mut extent = lie_in()?;
    loop {
        let (reader, chunk) = keeper.read(reader.clone(), extent, end, since.max(oldest)).await;
        if chunk.lost.is_empty() {
            return Some((reader, chunk));
        }
        match lie_in() {
            // They were told again meanwhile, and the file is gone.
            Some(there) if there.begin != extent.begin => extent = there,
            Some(_) => {
                let say = |lost: &Lost| tracing::error!(%topic, at = %lost.at, why = %lost, "messages that are kept can't be read");
                chunk.lost.iter().for_each(say);
                return Some((reader, chunk));
            }
            None => return Some((reader, chunk)),
        }
    }
}

/// What is to be done for a subscriber that is served from the disk.
pub(super) enum Step {
    /// To wait until its log has room.
    Wait,
    /// To read what follows.
    Read,
    /// Nothing: it has what it wanted, or goes on with the topic.
    Nothing,
}

/// Messages that were read, and are not all in the log of a subscriber.
pub(super) struct Ahead {
    pub(super) reader: Reader,
    pub(super) chunk: Chunk,
    /// So many of them are.
    pub(super) taken: usize,
    /// Whether nothing of what follows was on the disk just now.
    pub(super) is_all: bool,
}

/// When it is looked again whether what follows may be seen.
const AGAIN: Duration = Duration::from_millis(5);

impl Hub {
    /// Fills the log of a subscriber, until it goes on with the topic or is gone.
    pub(super) async fn fill(
        self: Arc<Self>,
        (topic, key): (Name, usize),
        bell: Arc<Notify>,
        (reader, chunk): (Reader, Chunk),
    ) {
        let Some(keeper) = self.keeper() else { return };
        let mut ahead = Ahead { reader, chunk, taken: 0, is_all: false };
        loop {
            let step = self.with_past(&topic, key, &bell, |one, live, max_lag| match live {
                Some(live) => one.catch_up(live, &mut ahead, max_lag),
                // The topic was removed meanwhile.
                None => {
                    one.over();
                    Step::Nothing
                }
            });
            match step {
                None | Some(Step::Nothing) => return,
                Some(Step::Wait) => {
                    bell.notified().await;
                    ahead.is_all = false;
                }
                Some(Step::Read) => {
                    let more = read(&self, &keeper, &ahead.reader, topic, Time::ZERO).await;
                    ahead.is_all = more.is_none();
                    let Some((reader, chunk)) = more else { continue };
                    let is_held = chunk.is_held && chunk.len() == 0;
                    (ahead.reader, ahead.chunk, ahead.taken) = (reader, chunk, 0);
                    if is_held {
                        tokio::time::sleep(AGAIN).await;
                    }
                }
            }
        }
    }
}

impl Past {
    /// Of a subscriber that has a place in the topic's log; `None` if there is no place for it, which is always.
    pub(super) fn new(room: OwnRoom, first: u64, live: Id) -> Option<Box<Self>> {
        let (mut log, held) = room.begin(first);
        let id = log.subscribe().ok()?;
        Some(Box::new(Self { log, id, live, missed: 0, bell: Arc::default(), _held: held }))
    }

    /// What is rung when there is room, or it is gone.
    pub(super) const fn bell(&self) -> &Arc<Notify> {
        &self.bell
    }

    /// The number behind what is in its log.
    pub(super) fn next(&self) -> u64 {
        self.log.log().end().sequence()
    }

    /// Whether it has all that is in its log.
    pub(super) fn is_drained(&self) -> bool {
        self.log.position(self.id).is_ok_and(|at| at.sequence() == self.next())
    }

    /// Whether there is room for as much as is read at a time.
    pub(super) fn has_room(&self) -> bool {
        let log = self.log.log();
        self.log.position(self.id).is_ok_and(|at| log.bytes_behind(&at) <= log.capacity() as u64 / 2)
    }

    /// So many messages are missing behind those in its log, of which it has all.
    pub(super) fn skip(&mut self, missing: u64) {
        self.log.renumber(missing);
        self.missed += missing;
    }

    /// Its account, as far as it was served from here.
    pub(super) fn account(&self) -> Delivery {
        let account = self.log.delivery(self.id).unwrap_or_default();
        Delivery { lagged: account.lagged + self.missed, published: account.published + self.missed, ..account }
    }
}

impl Drop for Past {
    fn drop(&mut self) {
        self.bell.notify_one();
    }
}
