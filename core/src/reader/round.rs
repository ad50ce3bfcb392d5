//! When to ask a queue that holds items which are not due.

use core::time::Duration;

/// Decides for one queue whether to get the next item, to look how much there is, or to leave it alone.
///
/// An item that has to wait is put back on the queue at once, so that nothing is lost when its reader dies. Then it
/// could go round and round. Instead, the first such item begins a round: once as many items have been seen as the
/// queue held, and none that is left is due, the queue rests until the first of them is, at most
/// [`MOST`](Self::MOST). Meanwhile only the depth is asked for, as seldom as an empty queue is polled: when it grows,
/// something new has come, and the queue is looked through again.
///
/// With W items waiting and nothing else to do, resting costs one `/stats` an interval whatever W is, and looking
/// through costs W gets and puts. A rest takes at least [`EACH`](Self::EACH) for each item that was put back: so
/// however many there are, and although several readers of one queue see each other's items come and go, they can't
/// keep each other busy. Only something new ends a rest earlier, if the round before it was not in vain.
///
/// Times are since any moment, by a clock that only goes on: where it can be set back, the queue would rest for as much
/// longer. All methods are O(1).
///
/// ```
/// use core::time::Duration;
/// use streamgauge_core::reader::{Poll, Round};
///
/// let at = Duration::from_secs;
/// let mut round = Round::new(Duration::from_millis(500));
/// assert_eq!(round.poll(at(0)), Poll::Get);
/// round.handle_waiting(at(20), at(0)); // it was put back: how many are there?
/// assert_eq!(round.poll(at(0)), Poll::Depth);
/// round.handle_depth(Some(1), at(0)); // only this one
/// assert_eq!(round.poll(at(0)), Poll::Wait(Duration::from_millis(500)));
/// assert_eq!(round.poll(at(1)), Poll::Depth);
/// round.handle_depth(Some(2), at(1)); // something new has come
/// assert_eq!(round.poll(at(1)), Poll::Get);
/// ```
#[derive(Debug, Clone)]
pub struct Round {
    interval: Duration,
    state: State,
}

/// What to do with a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Poll {
    /// Get the next item.
    Get,
    /// Ask how many items it holds.
    Depth,
    /// Nothing until this time.
    Wait(Duration),
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// No item that is not due has come.
    Fresh,
    /// Empty: nothing until this time.
    Empty(Duration),
    /// Items are being looked through.
    Looking(Looking),
    /// All that is there has to wait.
    Resting { due: Duration, look: Duration, depth: u64 },
}

#[derive(Debug, Clone, Copy)]
struct Looking {
    /// Items not yet seen, once it is known how many there are.
    unseen: Option<u64>,
    /// Items put back, and the first time at which one of them is due.
    waiting: u32,
    due: Duration,
    found: bool,
}

impl Round {
    /// The longest rest, unless more items wait than can be looked through so often.
    pub const MOST: Duration = Duration::from_secs(30);
    /// The shortest rest for each item that was put back.
    pub const EACH: Duration = Duration::from_millis(1);
    /// The longest rest where nobody can say how many items there are.
    pub const BLIND: Duration = Duration::from_secs(1);

    /// A queue about which nothing is known. It is asked every `interval` whether something has come.
    #[must_use]
    pub const fn new(interval: Duration) -> Self {
        Self { interval, state: State::Fresh }
    }

    /// What to do now.
    #[must_use]
    pub fn poll(&self, now: Duration) -> Poll {
        match self.state {
            State::Empty(until) if now < until => Poll::Wait(until),
            State::Looking(Looking { unseen: None | Some(0), .. }) => Poll::Depth,
            State::Resting { due, look, .. } if now < due && now < look => Poll::Wait(due.min(look)),
            State::Resting { due, .. } if now < due => Poll::Depth,
            _ => Poll::Get,
        }
    }

    /// The queue was empty.
    pub fn handle_empty(&mut self, now: Duration) {
        self.state = State::Empty(now.saturating_add(self.interval));
    }

    /// An item came that could be worked on.
    pub fn handle_found(&mut self) {
        match &mut self.state {
            State::Looking(looking) => {
                looking.found = true;
                looking.seen();
            }
            state => *state = State::Fresh,
        }
    }

    /// An item came that is not due before `due`, and has been put back.
    pub fn handle_waiting(&mut self, due: Duration, now: Duration) {
        match &mut self.state {
            State::Looking(looking) => {
                looking.seen();
                looking.put_back(due);
            }
            // Another worker had it in hand when the rest began.
            State::Resting { due: first, .. } if now < *first => *first = due.min(*first),
            state => *state = State::Looking(Looking { unseen: None, waiting: 1, due, found: false }),
        }
    }

    /// An item that was tried is about to be put back, due at `due`.
    pub fn handle_requeue(&mut self, due: Duration) {
        match &mut self.state {
            State::Looking(looking) => looking.put_back(due),
            // It is no news.
            State::Resting { due: first, depth, .. } => {
                *first = due.min(*first);
                *depth = depth.saturating_add(1);
            }
            State::Fresh | State::Empty(_) => {}
        }
    }

    /// So many items are on the queue; `None` if nobody could say.
    pub fn handle_depth(&mut self, depth: Option<u64>, now: Duration) {
        let interval = self.interval;
        match (&mut self.state, depth) {
            (State::Looking(looking), depth) => match (looking.unseen, depth) {
                (None | Some(0), None) => {
                    looking.due = looking.due.min(now.saturating_add(Self::BLIND));
                    self.state = looking.rest(u64::MAX, now, interval);
                }
                (None | Some(0), Some(depth)) if depth <= u64::from(looking.waiting) => {
                    self.state = looking.rest(depth, now, interval);
                }
                // Those that were put back are behind all others.
                (None, Some(depth)) => looking.unseen = Some(depth.saturating_sub(looking.waiting.into())),
                // More has come, and it may be anywhere.
                (Some(0), Some(depth)) => {
                    looking.unseen = Some(depth);
                    looking.waiting = 0;
                }
                // Another worker has asked first.
                _ => {}
            },
            (State::Resting { depth: known, due, .. }, Some(depth)) if depth > *known => {
                self.state = State::Looking(Looking { unseen: Some(depth), waiting: 0, due: *due, found: false });
            }
            (State::Resting { depth: known, look, .. }, depth) => {
                *known = depth.unwrap_or(*known);
                *look = now.saturating_add(interval);
            }
            (State::Fresh | State::Empty(_), _) => {}
        }
    }
}

impl Looking {
    fn seen(&mut self) {
        self.unseen = self.unseen.map(|unseen| unseen.saturating_sub(1));
    }

    fn put_back(&mut self, due: Duration) {
        self.waiting = self.waiting.saturating_add(1);
        self.due = self.due.min(due);
    }

    fn rest(&self, depth: u64, now: Duration, interval: Duration) -> State {
        let least = Round::EACH.saturating_mul(self.waiting);
        let due = self.due.min(now.saturating_add(Round::MOST)).max(now.saturating_add(least));
        let pause = if self.found { interval } else { interval.max(least) };
        State::Resting { due, look: now.saturating_add(pause), depth }
    }
}
