//! Each step of the queue beside that of the model.

use std::collections::{BTreeSet, VecDeque};
use std::ops::ControlFlow;
use std::time::Duration;

use streamgauge_core::queue::leases::{
    Counters, Held, Item, LeaseOver, LeaseQueue, Mark, Nacked, Overflow, PutError, Settings, Slot, State, Token,
};
use streamgauge_core::time::Time;

use super::model::{Death, Model, Plain, millis, needed};
use super::{Growing, Step};

type Queue = LeaseQueue<Vec<u8>, Growing>;

pub(super) struct Run {
    queue: Queue,
    model: Model,
    /// All that were ever given, and the bytes of their text.
    tokens: Vec<Token>,
    texts: BTreeSet<String>,
    /// The source of random numbers, which may be stuck at one.
    random: u64,
    stuck: bool,
    dump: Option<Dump>,
}

/// A dump under way.
struct Dump {
    mark: Mark,
    end: u64,
    /// Ids of the items that have been ready all the time.
    stayed: BTreeSet<u64>,
    seen: BTreeSet<u64>,
}

/// An item as a client sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    id: u64,
    data: Vec<u8>,
    attempt: u16,
    accepted_at: u64,
    until: Option<u64>,
    reason: Vec<u8>,
    died: Option<Death>,
}

impl Seen {
    fn of(item: &Item<'_>) -> Self {
        Self {
            id: item.id,
            data: item.data.to_vec(),
            attempt: item.attempt,
            accepted_at: item.accepted_at.as_millis(),
            until: item.until.map(Time::as_millis),
            reason: item.reason.to_vec(),
            died: item.died.map(|died| Death {
                attempts: died.attempts,
                accepted_at: died.accepted_at.as_millis(),
                died_at: died.died_at.as_millis(),
                reason: died.reason.to_vec(),
            }),
        }
    }

    fn looked_at(item: &Plain) -> Self {
        Self {
            id: item.id,
            data: item.data.clone(),
            attempt: item.attempts,
            accepted_at: item.accepted_at,
            until: (item.state != State::Ready).then_some(item.until),
            reason: if item.state == State::Dead { item.reason.clone() } else { Vec::new() },
            died: item.died.clone(),
        }
    }

    fn handed_out(item: &Plain, until: Option<u64>) -> Self {
        Self { attempt: item.attempts + 1, until, ..Self::looked_at(item) }
    }
}

/// Takes so many, and breaks on the next.
fn take<T>(seen: &mut Vec<T>, taken: u64, item: T) -> ControlFlow<()> {
    if seen.len() as u64 == taken {
        return ControlFlow::Break(());
    }
    seen.push(item);
    ControlFlow::Continue(())
}

impl Run {
    pub(super) fn new(capacity: usize, slots: Growing, settings: Settings, random: u64, stuck: bool) -> Self {
        let most = slots.most.max(slots.slots.len()) as u64;
        Self {
            queue: LeaseQueue::new(vec![0xee; capacity], slots, settings, random),
            model: Model::new(capacity, most, settings),
            tokens: Vec::new(),
            texts: BTreeSet::new(),
            random,
            stuck,
            dump: None,
        }
    }

    pub(super) fn step(&mut self, millis: u64, step: Step) {
        let now = Time::from_millis(millis);
        self.model.told(millis);
        match step {
            Step::Put(item, delay) => self.put(now, &item, delay),
            Step::PutLetter(item, reason) => self.put_letter(now, &item, &reason),
            Step::Mput(items) => self.mput(now, &items),
            Step::Get(asked, taken) => self.get(now, asked, taken),
            Step::Lease(asked, taken, span) => self.lease(now, asked, taken, span),
            Step::Ack(which) => self.ack(now, which),
            Step::Nack(which, delay, reason) => self.nack(now, which, delay, &reason),
            Step::Touch(which, span) => self.touch(now, which, span),
            Step::Peek(state, asked, taken) => self.peek(now, state, asked, taken),
            Step::Dump => {
                let stayed = self.model.of(State::Ready).iter().map(|item| item.id).collect();
                self.pass(now);
                self.dump =
                    Some(Dump { mark: self.queue.mark(), end: self.model.next_id, stayed, seen: BTreeSet::new() });
            }
            Step::DumpMore(taken) => {
                self.pass(now);
                self.dump_more(taken);
            }
            Step::TakeDead(asked, taken) => self.take_dead(now, asked, taken),
            Step::Redrive => {
                self.model.settle();
                let dead: Vec<_> = self.model.of(State::Dead).iter().map(|item| item.id).collect();
                assert_eq!(self.queue.redrive(now, u64::MAX), dead.len() as u64);
                for id in dead {
                    let (new, clock) = (self.model.next_id, self.model.clock);
                    self.model.next_id += 1;
                    let item = self.model.item(id);
                    (item.id, item.attempts, item.accepted_at) = (new, 0, clock);
                    (item.reason, item.died) = (Vec::new(), None);
                    self.model.bring_back(new);
                    self.model.done.redriven += 1;
                }
            }
            Step::Purge => {
                self.model.settle();
                let held = self.model.items.len();
                self.model.items.retain(|item| item.state == State::Leased);
                let purged = (held - self.model.items.len()) as u64;
                self.model.done.purged += purged;
                assert_eq!(self.queue.purge(now, u64::MAX), purged);
            }
            Step::Advance(steps) => {
                let due = (0..steps).take_while(|_| self.model.step()).count() as u64;
                let done = self.queue.advance(now, steps);
                assert_eq!(done.ready + done.dead + done.expired, due);
                let more = due == steps && self.model.next_due().is_some_and(|due| due <= self.model.clock);
                assert_eq!(done.more, more);
            }
            Step::Set(settings) => {
                self.queue.set_settings(settings);
                self.model.settings = settings;
                assert_eq!(self.queue.settings(), &settings);
                self.pass(now);
            }
            Step::ResetHighWater => {
                self.queue.reset_high_water();
                self.model.done.high_water = 0;
                self.pass(now);
            }
        }
    }

    /// Tells the queue the time, and no more.
    fn pass(&mut self, now: Time) {
        let done = self.queue.advance(now, 0);
        assert_eq!((done.ready, done.dead, done.expired), (0, 0, 0));
    }

    fn put(&mut self, now: Time, item: &[u8], delay: Duration) {
        let before = self.model.counters();
        let mut left = VecDeque::new();
        let put = self.queue.put_with(
            now,
            item.len(),
            delay,
            |room| room.copy_from_slice(item),
            |oldest| left.push_back(oldest.to_vec()),
        );
        self.follow_put(item, None, delay, put, left, before);
    }

    /// A letter of a queue that lent it twice.
    fn put_letter(&mut self, now: Time, item: &[u8], reason: &[u8]) {
        let settings = Settings { max_attempts: Some(2), ..Settings::DEFAULT };
        let mut other = LeaseQueue::new(vec![0; 1 << 10], [Slot::FREE], settings, 0);
        let earlier = Time::from_millis(now.as_millis().saturating_sub(30));
        other.put(earlier, item, |_| panic!("there is room")).unwrap();
        for (time, reason) in [(earlier, &b"once more"[..]), (now, reason)] {
            let mut token = None;
            let each = |item: Item<'_>| (token = item.token, ControlFlow::Continue(())).1;
            assert_eq!(other.lease(time, 1, Duration::from_secs(1), || 5, each), Ok(1));
            other.nack(time, token.expect("it is lent"), Duration::ZERO, reason).unwrap();
        }
        let before = self.model.counters();
        let (mut put, mut left) = (None, VecDeque::new());
        let taken = other.take_dead(now, 1, |letter| {
            let letter_put = self.queue.put_letter(now, &letter, |oldest| match oldest {
                Held::Here(oldest) => left.push_back(oldest.to_vec()),
                Held::Away(_) => unreachable!("nothing lies elsewhere"),
            });
            put = Some(letter_put);
            if letter_put.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        let put = put.expect("it is dead");
        assert_eq!(taken, u64::from(put.is_ok()));
        let (accepted_at, died_at) = (earlier.as_millis(), now.as_millis());
        let died = Death { attempts: 2, accepted_at, died_at, reason: reason[..reason.len().min(128)].to_vec() };
        // What could never be held with it is held without.
        let died = Some(died).filter(|died| self.model.can_ever_hold(item.len() + died.extra()));
        self.model.done.reasons_lost += u64::from(put.is_ok() && died.is_none());
        self.follow_put(item, died, Duration::ZERO, put, left, before);
        // It is where it was.
        self.model.done.refused -= u64::from(put.is_err());
    }

    fn follow_put(
        &mut self,
        item: &[u8],
        died: Option<Death>,
        delay: Duration,
        put: Result<u64, PutError>,
        left: VecDeque<Vec<u8>>,
        before: Counters,
    ) {
        let extra = died.as_ref().map_or(0, Death::extra);
        let model = &mut self.model;
        if !model.can_ever_hold(item.len()) {
            assert!(matches!(put, Err(PutError::TooLarge(_))));
            assert_eq!(self.queue.check(item.len()).map_err(PutError::TooLarge).err(), put.err());
            model.done.refused += 1;
            return;
        }
        // Unless there was room at once, all that was due came first; but for that one would see it in the counters.
        let after = self.queue.counters();
        let due = |c: &Counters| (c.timed_out, c.expired, c.leased, c.ready + c.dead);
        let mut simply = before;
        simply.ready += u64::from(delay.is_zero());
        if !(put.is_ok() && left.is_empty() && due(&after) == due(&simply)) {
            model.settle();
        }
        let delay = millis(delay);
        let delayed = delay > 0 && !model.is_beyond_alone(item.len());
        let reject = model.settings.overflow == Overflow::Reject;
        match put {
            Ok(id) => {
                assert_eq!(id, model.next_id);
                assert!(!delayed || model.slots() < model.most_slots || left.len() as u64 > 0);
                assert!(if reject { left.is_empty() && !model.is_beyond(1, item.len() as u64) } else { true });
                assert!(reject || model.could_make_room(item.len(), extra));
                model.put(item, died, delay, left);
            }
            Err(refused) => {
                assert!(left.is_empty(), "nothing has changed");
                model.done.refused += 1;
                match refused {
                    PutError::NoSlot(_) => assert!(delayed && model.slots() == model.most_slots),
                    PutError::Full if reject => {
                        let beyond = model.is_beyond(1, item.len() as u64);
                        assert!(beyond || model.may_lack_room(needed(item.len() + extra)));
                    }
                    PutError::Full => assert!(!model.could_make_room(item.len(), extra)),
                    _ => panic!("{refused:?}"),
                }
            }
        }
    }

    /// As one put after the other, if all can be.
    fn mput(&mut self, now: Time, items: &[Vec<u8>]) {
        let mut left = VecDeque::new();
        let mut whole = self.queue.clone();
        let all = whole.mput(now, items.iter().map(|item| &item[..]), |oldest| left.push_back(oldest.to_vec()));
        let reject = self.model.settings.overflow == Overflow::Reject;
        match all {
            // Room is made for all of them together, which may be worth it where it is not for one.
            Ok(put) if reject => {
                assert_eq!((put, left.len()), (items.len() as u64, 0));
                let high_water = self.model.done.high_water.max(self.model.items.len() as u64 + put);
                self.model.settle();
                for item in items {
                    assert!(!self.model.is_beyond(1, item.len() as u64));
                    self.model.put(item, None, 0, VecDeque::new());
                }
                whole.advance(now, u64::MAX);
                self.model.settle();
                // What is too old may have left before or after.
                assert!((self.model.done.high_water..=high_water).contains(&whole.counters().high_water));
                self.model.done.high_water = whole.counters().high_water;
                self.queue = whole;
            }
            Ok(put) => {
                assert_eq!(put, items.len() as u64);
                for item in items {
                    let before = self.model.counters();
                    let mut left_now = VecDeque::new();
                    let put = self.queue.put(now, item, |oldest| left_now.push_back(oldest.to_vec()));
                    assert!(left_now.iter().all(|oldest| left.pop_front().as_ref() == Some(oldest)));
                    self.follow_put(item, None, Duration::ZERO, put, left_now, before);
                }
                assert!(left.is_empty());
                // Whether each can be put was asked before the first was, which may have done what was due earlier.
                whole.advance(now, u64::MAX);
                self.model.settle();
                let high_water = whole.counters().high_water;
                assert!(high_water <= self.model.done.high_water);
                self.model.done.high_water = high_water;
                self.queue = whole;
            }
            Err(refused) => {
                assert!(left.is_empty(), "nothing has changed");
                let too_large = items.iter().any(|item| !self.model.can_ever_hold(item.len()));
                assert_eq!(matches!(refused, PutError::TooLarge(_)), too_large);
                whole.advance(now, u64::MAX);
                self.model.settle();
                self.queue = whole;
                let model = &mut self.model;
                let bytes: usize = items.iter().map(Vec::len).sum();
                let needed_all: usize = items.iter().map(|item| needed(item.len())).sum();
                let full = if reject {
                    model.is_beyond(items.len() as u64, bytes as u64) || model.may_lack_room(needed_all)
                } else {
                    items.iter().any(|item| !model.could_make_room(item.len(), 0))
                };
                assert!(too_large || full);
                model.done.refused += items.len() as u64;
            }
        }
    }

    fn get(&mut self, now: Time, asked: u64, taken: u64) {
        let mut seen = Vec::new();
        let removed = self.queue.get(now, asked, |item| {
            assert_eq!(item.token, None);
            take(&mut seen, taken, Seen::of(&item))
        });
        assert_eq!(removed, seen.len() as u64);
        self.model.settle();
        for given in 0..asked {
            while self.model.expire_one() {}
            let Some(id) = self.model.first(State::Ready) else { break };
            if given == taken {
                break;
            }
            let item = self.model.remove(id);
            assert_eq!(seen.get(given as usize), Some(&Seen::handed_out(&item, None)));
            self.model.done.delivered += 1;
        }
        assert_eq!(removed, self.model.done.delivered + removed - self.queue.counters().delivered);
    }

    fn lease(&mut self, now: Time, asked: u64, taken: u64, span: Duration) {
        let (mut seen, mut given_tokens) = (Vec::new(), Vec::new());
        let (random, stuck) = (&mut self.random, self.stuck);
        let random = || {
            // Weyl's sequence, mixed.
            *random = random.wrapping_add(if stuck { 0 } else { 0x9e37_79b9_7f4a_7c15 });
            (*random ^ *random >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
        };
        let lent = self.queue.lease(now, asked, span, random, |item| {
            take(&mut seen, taken, Seen::of(&item))?;
            given_tokens.push(item.token.expect("it is lent"));
            ControlFlow::Continue(())
        });
        self.model.settle();
        let until = self.model.after(millis(span));
        let mut given = 0;
        let mut no_slot = false;
        while given < asked {
            while self.model.expire_one() {}
            let Some(id) = self.model.first(State::Ready) else { break };
            if !self.model.item(id).slot && self.model.slots() == self.model.most_slots {
                no_slot = given == 0;
                break;
            }
            if given == taken {
                break;
            }
            let item = self.model.item(id);
            assert_eq!(seen.get(given as usize), Some(&Seen::handed_out(item, Some(until))));
            let token = given_tokens[given as usize];
            (item.state, item.until, item.token, item.slot) = (State::Leased, until, Some(token), true);
            item.attempts += 1;
            self.model.done.lent += 1;
            given += 1;
        }
        assert_eq!(lent.ok(), (!no_slot).then_some(given));
        for token in given_tokens {
            let text = token.to_string();
            assert_eq!(Token::parse(text.as_bytes()), Some(token));
            assert!(self.texts.insert(text), "no token is given twice");
            self.tokens.push(token);
        }
    }

    /// The token, and the item that it holds, if its lease is not over.
    fn which(&self, which: usize) -> Option<(Token, Option<u64>)> {
        let token = *self.tokens.iter().rev().nth(which)?;
        let held = self.model.items.iter().find(|item| item.token == Some(token));
        let live = held.filter(|item| item.until > self.model.clock || item.until == u64::MAX);
        Some((token, live.map(|item| item.id)))
    }

    fn ack(&mut self, now: Time, which: usize) {
        let Some((token, held)) = self.which(which) else { return self.pass(now) };
        assert_eq!(self.queue.ack(now, token), held.map(|_| ()).ok_or(LeaseOver));
        if let Some(id) = held {
            self.model.remove(id);
            self.model.done.acked += 1;
            assert_eq!(self.queue.ack(now, token), Err(LeaseOver), "nothing is taken twice");
        }
    }

    fn nack(&mut self, now: Time, which: usize, delay: Duration, reason: &[u8]) {
        let Some((token, held)) = self.which(which) else { return self.pass(now) };
        let nacked = self.queue.nack(now, token, delay, reason);
        let Some(id) = held else { return assert_eq!(nacked, Err(LeaseOver)) };
        self.model.done.nacked += 1;
        let due = self.model.after(millis(delay));
        if self.model.is_worn(id) {
            assert_eq!(nacked, Ok(Nacked::Dead));
            let lost = self.queue.counters().reasons_lost > self.model.done.reasons_lost;
            self.model.bury(id, self.model.clock, reason, lost);
            return;
        }
        self.model.done.requeued += 1;
        if delay.is_zero() {
            assert_eq!(nacked, Ok(Nacked::Ready));
            self.model.bring_back(id);
        } else {
            assert_eq!(nacked, Ok(Nacked::Delayed(Time::from_millis(due))));
            let item = self.model.item(id);
            (item.state, item.until, item.token) = (State::Delayed, due, None);
        }
        assert_eq!(self.queue.ack(now, token), Err(LeaseOver));
    }

    fn touch(&mut self, now: Time, which: usize, span: Duration) {
        let Some((token, held)) = self.which(which) else { return self.pass(now) };
        let until = self.model.after(millis(span));
        let touched = self.queue.touch(now, token, span);
        assert_eq!(touched, held.map(|_| Time::from_millis(until)).ok_or(LeaseOver));
        if let Some(id) = held {
            self.model.item(id).until = until;
        }
    }

    fn peek(&mut self, now: Time, state: State, asked: u64, taken: u64) {
        let mut seen = Vec::new();
        let shown = self.queue.peek(now, state, asked, |item| {
            assert_eq!(item.token, None, "a token is for those who lent the item");
            take(&mut seen, taken, Seen::of(&item))
        });
        assert_eq!(shown, seen.len() as u64);
        self.model.settle();
        let held = self.model.of(state).into_iter().map(Seen::looked_at);
        assert_eq!(seen, held.take(asked.min(taken) as usize).collect::<Vec<_>>());
        let oldest = self.queue.oldest(now).map(Time::as_millis);
        assert_eq!(oldest, self.model.of(State::Ready).first().map(|item| item.accepted_at));
    }

    fn dump_more(&mut self, taken: u64) {
        let Some(dump) = &mut self.dump else { return };
        let ready = self.model.of(State::Ready);
        let mut seen = Vec::new();
        let all = self.queue.dump(&mut dump.mark, |item| take(&mut seen, taken, Seen::of(&item)));
        for item in seen {
            assert!(dump.seen.last().is_none_or(|last| *last < item.id), "in order, and never twice");
            assert!(item.id < dump.end, "what came later is not shown");
            let held = ready.iter().find(|held| held.id == item.id).expect("it is ready");
            assert_eq!(item, Seen::looked_at(held));
            dump.seen.insert(item.id);
        }
        if all {
            assert!(dump.stayed.is_subset(&dump.seen), "each that was there all the time");
            self.dump = None;
        }
    }

    fn take_dead(&mut self, now: Time, asked: u64, taken: u64) {
        let mut seen = Vec::new();
        let removed = self.queue.take_dead(now, asked, |letter| {
            let (accepted_at, until) = (letter.accepted_at.as_millis(), Some(letter.died_at.as_millis()));
            let (data, reason) = (letter.data.to_vec(), letter.reason.to_vec());
            let letter = Seen { id: letter.id, data, attempt: letter.attempts, accepted_at, until, reason, died: None };
            take(&mut seen, taken, letter)
        });
        assert_eq!(removed, seen.len() as u64);
        self.model.settle();
        let dead: Vec<_> = self.model.of(State::Dead).into_iter().map(Seen::looked_at).collect();
        assert_eq!(seen[..], dead[..dead.len().min(asked.min(taken) as usize)]);
        for letter in seen {
            self.model.remove(letter.id);
            self.model.done.dead += 1;
        }
    }

    /// Whatever the queue holds and counts is what the model does.
    pub(super) fn check(&mut self) {
        if let Some(dump) = &mut self.dump {
            let ready: BTreeSet<_> = self.model.of(State::Ready).iter().map(|item| item.id).collect();
            dump.stayed.retain(|id| ready.contains(id));
        }
        assert!(self.queue.counters().balanced());
        assert_eq!(counts(&self.queue), self.model.counters());
        assert_eq!(self.queue.is_empty(), self.model.items.is_empty());
        assert_eq!(self.queue.ready(), self.model.counters().ready);
        let due = self.model.next_due().filter(|due| *due < u64::MAX);
        assert_eq!(self.queue.next_due().map(Time::as_millis), due);
        let (mut queue, mut model) = (self.queue.clone(), self.model.clone());
        model.settle();
        for state in [State::Ready, State::Leased, State::Delayed, State::Dead] {
            let mut seen = Vec::new();
            queue.peek(Time::from_millis(model.clock), state, u64::MAX, |item| {
                take(&mut seen, u64::MAX, Seen::of(&item))
            });
            assert_eq!(seen, model.of(state).into_iter().map(Seen::looked_at).collect::<Vec<_>>());
        }
        assert!(queue.counters().balanced());
        assert_eq!(counts(&queue), model.counters());
    }
}

/// What is counted, but for the work of moving records: where these lie is not in the model.
fn counts(queue: &Queue) -> Counters {
    let mut counters = queue.counters();
    counters.moved = 0;
    counters
}
