//! Dead letters on their way to a queue of another shard.
//!
//! They are copied, put there, and only then do they leave: none is ever nowhere. Until then their queue does not move, and
//! nothing else is done with them: none is redriven, purged or dropped for want of room, nor handed to a target that has
//! come here meanwhile. So none is in two places for anybody who asks.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use streamgauge_core::engine::{Kind, Name};
use streamgauge_core::queue::leases::Letter;
use streamgauge_core::time::Time;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::Shards;

/// Letters that are copied at a time, and about how many bytes of them.
const MOST: usize = 256;
const MOST_BYTES: usize = 1 << 20;

/// How long to wait where there was no room.
const AGAIN: Duration = Duration::from_secs(1);

/// A letter, copied.
struct Copied {
    id: u64,
    data: Box<[u8]>,
    attempts: u16,
    reason: Box<[u8]>,
    accepted_at: Time,
    died_at: Time,
}

impl Copied {
    fn of(letter: &Letter<'_>) -> Self {
        let Letter { id, data, attempts, reason, accepted_at, died_at, .. } = *letter;
        Self { id, data: data.into(), attempts, reason: reason.into(), accepted_at, died_at }
    }

    fn letter(&self) -> Letter<'_> {
        let Self { id, data, attempts, reason, accepted_at, died_at } = self;
        Letter { id: *id, data, away: None, attempts: *attempts, reason, accepted_at: *accepted_at, died_at: *died_at }
    }
}

impl Shards {
    /// Hands letters of this shard on to queues of others, for ever.
    pub(crate) async fn hand_letters_on(&self) {
        let (mut again, mut next) = (BTreeSet::new(), Instant::now());
        loop {
            let queues = tokio::select! {
                queues = self.own().with_letters() => queues,
                () = sleep_until(next), if !again.is_empty() => std::mem::take(&mut again),
            };
            for queue in queues {
                let have_gone = self.hand_letters_of(&queue).await;
                self.own().end_handing(&queue);
                if !have_gone {
                    if again.is_empty() {
                        next = Instant::now() + AGAIN;
                    }
                    again.insert(queue);
                }
            }
        }
    }

    /// Hands the letters of a queue on; false if there is no room for them now.
    async fn hand_letters_of(&self, queue: &Name) -> bool {
        loop {
            let now = self.own().clock().now();
            let (mut letters, mut bytes) = (Vec::new(), 0);
            let target = self.own().with(|memory| {
                memory.set_handing(queue, true);
                memory.letters(queue, now, |letter| {
                    bytes += letter.data.len();
                    letters.push(Copied::of(&letter));
                    if letters.len() < MOST && bytes < MOST_BYTES {
                        ControlFlow::Continue(())
                    } else {
                        ControlFlow::Break(())
                    }
                })
            });
            let Some(target) = target.filter(|_| !letters.is_empty()) else { return true };
            let Some(there) = self.elsewhere(Kind::Queue, &target) else {
                // It has come here.
                self.own().with(|memory| {
                    memory.set_handing(queue, false);
                    memory.advance(Kind::Queue, queue, now);
                });
                return true;
            };
            let sent: Vec<_> = letters.iter().map(|letter| (letter.died_at, letter.id)).collect();
            let (answer, taken) = oneshot::channel();
            self.send_letters(there, target, letters, answer);
            let taken = taken.await.unwrap_or(0);
            self.own().with(|memory| memory.drop_letters(queue, sent.iter().take(taken).copied()));
            if taken < sent.len() {
                return false;
            }
        }
    }

    /// Puts letters on a queue where it is, and answers how many had room.
    fn send_letters(&self, there: usize, target: Name, letters: Vec<Copied>, answer: oneshot::Sender<usize>) {
        let shards = Self { here: there, ..self.clone() };
        self.threads.on(there, move || match shards.elsewhere(Kind::Queue, &target) {
            Some(next) => shards.send_letters(next, target, letters, answer),
            None => {
                let shard = Arc::clone(shards.own());
                let now = shard.clock().now();
                let put = |letter: &Copied| shard.with(|memory| memory.put_letter(&target, &letter.letter(), now));
                let _ = answer.send(letters.iter().take_while(|letter| put(letter)).count());
            }
        });
    }
}
