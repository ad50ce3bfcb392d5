//! A topic against a list of all messages and their times: what it holds, what it finds, what it counts.

use core::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use streamgauge_core::log::Mark;
use streamgauge_core::storage::Grow;
use streamgauge_core::time::Time;
use streamgauge_core::topic::{
    Batch, Delivery, From, Id, Limit, Missed, Next, Place, Settings, TooManySubscribers, Topic, Unsubscribed, Withheld,
};

use crate::{Spans, after, capacity, framed, record, start};

#[derive(Debug, Clone)]
enum Step {
    Publish(Vec<u8>),
    Batch(Vec<Vec<u8>>),
    /// So many milliseconds pass, or the clock goes back.
    Pass(i64),
    Expire,
    MaxAge(Option<u64>),
    Subscribe(Begin),
    /// These pick one of all that ever subscribed.
    Unsubscribe(usize),
    Next(usize),
    Read(usize, usize),
    Skip(usize, To),
    Withhold(usize, u64, Withheld),
    /// What is published from now on is kept from those who subscribe, until it is released; counted from the end.
    Hold,
    ReleaseTo(i64),
    Release,
}

#[derive(Debug, Clone, Copy)]
enum Begin {
    Now,
    First,
    /// Counted from the newest message.
    Sequence(i64),
    After(i64),
    AfterAny(u64),
    /// Before now.
    Time(u64),
}

#[derive(Debug, Clone, Copy)]
enum To {
    Newest,
    Within(u64),
    Start,
}

fn begin() -> impl Strategy<Value = Begin> {
    prop_oneof![
        Just(Begin::Now),
        Just(Begin::First),
        (-5..60_i64).prop_map(Begin::Sequence),
        (-5..60_i64).prop_map(Begin::After),
        prop_oneof![Just(0), Just(1), Just(u64::MAX), any::<u64>()].prop_map(Begin::AfterAny),
        (0..2_000_u64).prop_map(Begin::Time),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => record().prop_map(Step::Publish),
        2 => vec(record(), 0..6).prop_map(Step::Batch),
        6 => prop_oneof![4 => 0..20_i64, 2 => 100..300_i64, 1 => -300..0_i64, 1 => Just(20_000)].prop_map(Step::Pass),
        1 => Just(Step::Expire),
        1 => proptest::option::of(0..700_u64).prop_map(Step::MaxAge),
        3 => begin().prop_map(Step::Subscribe),
        1 => any::<usize>().prop_map(Step::Unsubscribe),
        4 => any::<usize>().prop_map(Step::Next),
        2 => (any::<usize>(), 0..5_usize).prop_map(|(who, n)| Step::Read(who, n)),
        2 => (any::<usize>(), prop_oneof![Just(To::Newest), (0..200_u64).prop_map(To::Within), Just(To::Start)])
            .prop_map(|(who, to)| Step::Skip(who, to)),
        2 => (any::<usize>(), 0..4_u64, prop_oneof![Just(Withheld::Sampled), Just(Withheld::Filtered)])
            .prop_map(|(who, n, why)| Step::Withhold(who, n, why)),
        2 => Just(Step::Hold),
        4 => prop_oneof![Just(0), -5..20_i64].prop_map(Step::ReleaseTo),
        1 => Just(Step::Release),
    ]
}

/// Places that grow one by one.
#[derive(Debug)]
struct Places(Vec<Place>, usize);

impl AsRef<[Place]> for Places {
    fn as_ref(&self) -> &[Place] {
        &self.0
    }
}

impl AsMut<[Place]> for Places {
    fn as_mut(&mut self) -> &mut [Place] {
        &mut self.0
    }
}

impl Grow<Place> for Places {
    fn grow(&mut self) -> bool {
        let grows = self.0.len() < self.1;
        if grows {
            self.0.push(Place::FREE);
        }
        grows
    }
}

#[derive(Debug)]
struct Plain {
    id: Id,
    active: bool,
    /// The message that it reads next, and where its account began, counted from the first of all.
    at: u64,
    account: Delivery,
    since: u64,
}

/// Bytes of a varint.
fn stamp_len(stamp: u64) -> usize {
    (1..=10).find(|len| len * 7 >= 64 || stamp < 1 << (len * 7)).unwrap()
}

/// All that was ever published, and when.
#[derive(Debug, Default)]
struct Model {
    room: Spans,
    all: Vec<(u64, Vec<u8>)>,
    evicted: u64,
    expired: u64,
}

impl Model {
    fn gone(&self) -> u64 {
        (self.all.len() - self.room.held.len()) as u64
    }

    fn expire(&mut self, now: u64, max_age: Option<u64>) {
        while let (Some(age), false) = (max_age, self.room.held.is_empty()) {
            if self.all[self.gone() as usize].0 + age > now {
                return;
            }
            self.room.held.pop_front();
            self.expired += 1;
        }
    }

    fn publish(&mut self, message: &[u8], now: u64) {
        let before = self.all.last().map_or(0, |(time, _)| *time);
        let now = now.max(before);
        loop {
            let stamp = if self.room.held.is_empty() { 0 } else { now - before };
            if self.room.append(framed(message) + stamp_len(stamp)) {
                break;
            }
            self.room.held.pop_front();
            self.evicted += 1;
        }
        self.all.push((now, message.to_vec()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(800))]

    #[test]
    fn a_topic_is_a_list_of_messages_and_times(
        capacity in capacity(),
        marks in prop_oneof![Just(0), Just(1), Just(2), 3..40_usize],
        most in 0..4_usize,
        max_subscribers in prop_oneof![Just(usize::MAX), 0..4_usize],
        max_message in prop_oneof![3 => Just(usize::MAX), 1 => 0..40_usize],
        first in start(),
        begins in prop_oneof![Just(1_000), Just(1_700_000_000_000_u64)],
        steps in vec(step(), 0..150),
    ) {
        let mut settings = Settings { max_age: None, max_message_bytes: max_message, max_subscribers };
        let mut topic = Topic::new(vec![0; capacity], Places(Vec::new(), most), vec![Mark::FREE; marks], settings, first);
        let mut model = Model { room: Spans { capacity, ..Spans::default() }, ..Model::default() };
        let mut subscribers: Vec<Plain> = Vec::new();
        let (mut now, mut max_age, mut refused, mut subscribed) = (begins, None, 0, 0);
        // How many of the messages may be seen, unless all may.
        let mut fence = None;
        for step in steps {
            let published = model.all.len() as u64;
            let gone = model.gone();
            let visible = fence.unwrap_or(published);
            let active = subscribers.iter().filter(|subscriber| subscriber.active).count();
            let time = Time::from_millis(now);
            let limit_of = |len: usize| {
                if len > max_message {
                    Some((Limit::MessageBytes, max_message))
                } else {
                    (len + framed(&vec![0; len]) - len + 1 > capacity).then_some((Limit::LogBytes, capacity))
                }
            };
            match step {
                Step::Publish(message) => {
                    let outcome = topic.publish(&message, time);
                    let over = limit_of(message.len());
                    prop_assert_eq!(outcome.err().map(|over| (over.limit, over.most)), over);
                    if over.is_some() {
                        refused += 1;
                    } else {
                        prop_assert_eq!(outcome.ok(), Some(first.wrapping_add(published)));
                        model.expire(now, max_age);
                        model.publish(&message, now);
                    }
                }
                Step::Batch(messages) => {
                    let batch = Batch::of(messages.iter().map(Vec::as_slice));
                    let outcome = topic.publish_all(batch, time);
                    let longest = messages.iter().map(Vec::len).max().unwrap_or(0);
                    let over = limit_of(longest);
                    if messages.is_empty() {
                        // Nothing is no message of no length.
                        prop_assert!(outcome.is_ok());
                    } else {
                        prop_assert_eq!(outcome.err().map(|over| (over.limit, over.most)), over);
                    }
                    match outcome {
                        Err(_) => refused += messages.len() as u64,
                        Ok(outcome) => {
                            model.expire(now, max_age);
                            messages.iter().for_each(|message| model.publish(message, now));
                            prop_assert_eq!(outcome.first, first.wrapping_add(published));
                            prop_assert_eq!(outcome.messages, messages.len() as u64);
                            let last = first.wrapping_add(model.all.len() as u64).wrapping_sub(1);
                            prop_assert_eq!(outcome.last(), (!messages.is_empty()).then_some(last));
                        }
                    }
                }
                Step::Pass(millis) => now = now.saturating_add_signed(millis),
                Step::Expire => {
                    model.expire(now, max_age);
                    prop_assert_eq!(topic.expire(time), model.gone() - gone);
                }
                Step::MaxAge(age) => {
                    max_age = age;
                    settings.max_age = age.map(Duration::from_millis);
                    topic.set_settings(settings);
                    prop_assert_eq!(topic.settings(), &settings);
                }
                Step::Subscribe(begin) => {
                    let near = |back: i64| first.wrapping_add(published).wrapping_sub(1).wrapping_sub(back as u64);
                    let numbered = |asked: u64, add: u64| match after(asked, first, published) {
                        // Where it goes on after, or at.
                        Some(at) if at > 0 && first.wrapping_add(at - 1) == asked => (at - 1 + add, None),
                        Some(_) => (published, None),
                        None => (0, Some(Missed::AtLeast(gone))),
                    };
                    let (from, (at, missed)) = match begin {
                        Begin::Now => (From::Now, (published, None)),
                        Begin::First => (From::First, (0, None)),
                        Begin::Sequence(back) => (From::Sequence(near(back)), numbered(near(back), 0)),
                        Begin::After(back) => (From::After(near(back)), numbered(near(back), 1)),
                        Begin::AfterAny(any) => (From::After(any), numbered(any, 1)),
                        Begin::Time(ago) => {
                            let wanted = now.saturating_sub(ago);
                            let found = model.all.iter().position(|(time, _)| *time >= wanted);
                            let found = found.map_or(published, |found| found as u64);
                            let lost = found < gone;
                            let at = if lost { gone - 1 } else { found };
                            (From::Time(Time::from_millis(wanted)), (at, lost.then_some(Missed::AtLeast(1))))
                        }
                    };
                    match topic.subscribe_from(from) {
                        Ok(begun) => {
                            prop_assert!(active < most.min(max_subscribers));
                            prop_assert_eq!(begun.missed, missed.unwrap_or(Missed::Exactly(gone.saturating_sub(at))));
                            prop_assert_eq!(begun.first, first.wrapping_add(at.max(gone)));
                            let account = Delivery::default();
                            subscribers.push(Plain { id: begun.id, active: true, at, account, since: at });
                            subscribed += 1;
                        }
                        Err(TooManySubscribers { limit, .. }) => {
                            prop_assert_eq!(active, most.min(max_subscribers));
                            prop_assert_eq!(limit, most.min(max_subscribers));
                        }
                    }
                }
                Step::Unsubscribe(who) => if !subscribers.is_empty() {
                    let index = who % subscribers.len();
                    let before = topic.delivery(subscribers[index].id);
                    prop_assert_eq!(topic.unsubscribe(subscribers[index].id), before);
                    subscribers[index].active = false;
                },
                Step::Next(who) => if !subscribers.is_empty() {
                    let index = who % subscribers.len();
                    let plain = &mut subscribers[index];
                    let next = topic.next(plain.id);
                    if !plain.active {
                        prop_assert_eq!(next, Err(Unsubscribed));
                    } else if plain.at < gone {
                        prop_assert_eq!(next, Ok(Next::Lagged(gone - plain.at)));
                        plain.account.lagged += gone - plain.at;
                        plain.at = gone;
                    } else if plain.at >= visible {
                        prop_assert_eq!(next, Ok(Next::Empty));
                    } else {
                        prop_assert_eq!(next, Ok(Next::Message(&model.all[plain.at as usize].1)));
                        plain.at += 1;
                        plain.account.received += 1;
                    }
                },
                Step::Read(who, most) => if !subscribers.is_empty() {
                    let index = who % subscribers.len();
                    let plain = &mut subscribers[index];
                    if let Ok(position) = topic.position(plain.id) {
                        let mut timed = topic.timed(position);
                        let read: Vec<_> = timed.by_ref().take(most).map(|(t, m)| (t.as_millis(), m.to_vec())).collect();
                        let to = timed.position();
                        let readable = if plain.at < gone { 0 } else { visible.saturating_sub(plain.at) };
                        prop_assert_eq!(read.len() as u64, readable.min(most as u64));
                        prop_assert_eq!(&read[..], &model.all[plain.at as usize..][..read.len()]);
                        let plainly: Vec<_> = topic.messages(position).take(most).collect();
                        prop_assert!(plainly.iter().copied().eq(read.iter().map(|(_, message)| &message[..])));
                        topic.advance(plain.id, to).unwrap();
                        plain.at += read.len() as u64;
                        plain.account.received += read.len() as u64;
                    }
                },
                Step::Skip(who, to) => if !subscribers.is_empty() {
                    let index = who % subscribers.len();
                    let plain = &mut subscribers[index];
                    let bytes_from = |at: u64| model.all[at as usize..].iter().map(|(_, m)| m.len() as u64).sum::<u64>();
                    let (position, at) = match to {
                        To::Newest => (topic.newest(), if visible > gone { visible - 1 } else { gone }),
                        To::Start => (topic.log().start(), gone),
                        To::Within(bytes) => {
                            let place = (gone..=published).find(|at| bytes_from(*at) <= bytes).unwrap();
                            (topic.within(bytes), place.min(visible.max(gone)))
                        }
                    };
                    prop_assert_eq!(position.sequence(), first.wrapping_add(at));
                    prop_assert_eq!(topic.log().bytes_behind(&position), bytes_from(at));
                    if plain.active {
                        let gap = at.saturating_sub(plain.at);
                        prop_assert_eq!(topic.skip_to(plain.id, position), Ok(gap));
                        let left = gone.saturating_sub(plain.at).min(gap);
                        plain.account.lagged += left;
                        plain.account.skipped += gap - left;
                        plain.at = plain.at.max(at);
                    } else {
                        prop_assert_eq!(topic.skip_to(plain.id, position), Err(Unsubscribed));
                    }
                },
                Step::Withhold(who, messages, why) => if !subscribers.is_empty() {
                    let index = who % subscribers.len();
                    let plain = &mut subscribers[index];
                    prop_assert_eq!(topic.withhold(plain.id, messages, why).is_ok(), plain.active);
                    if plain.active {
                        let messages = messages.min(plain.account.received);
                        plain.account.received -= messages;
                        match why {
                            Withheld::Sampled => plain.account.sampled_out += messages,
                            Withheld::Filtered => plain.account.filtered += messages,
                        }
                    }
                },
                Step::Hold => {
                    topic.hold();
                    fence = fence.or(Some(published));
                }
                Step::ReleaseTo(back) => {
                    let to = published.saturating_add_signed(-back);
                    topic.release_to(first.wrapping_add(to));
                    fence = fence.map(|fence| fence.max(to.min(published)));
                }
                Step::Release => {
                    topic.release();
                    fence = None;
                }
            }
            let (published, gone) = (model.all.len() as u64, model.gone());
            let held = &model.all[gone as usize..];
            let timed = topic.timed(topic.log().start()).map(|(time, message)| (time.as_millis(), message.to_vec()));
            let visible = fence.unwrap_or(published).max(gone);
            prop_assert_eq!(topic.visible_end().sequence(), first.wrapping_add(visible));
            prop_assert_eq!(timed.collect::<Vec<_>>(), &held[..(visible - gone) as usize]);
            prop_assert!(topic.log().iter(topic.log().start()).eq(held.iter().map(|(_, message)| message)));
            let oldest = held.first().and_then(|(time, _)| Some(time + max_age?));
            prop_assert_eq!(topic.expires_at().map(Time::as_millis), oldest);
            prop_assert_eq!(topic.published_at().map(Time::as_millis), model.all.last().map(|(time, _)| *time));
            for at in 0..=published {
                let found = topic.seek(first.wrapping_add(at));
                prop_assert_eq!(found.sequence(), first.wrapping_add(at.max(gone)));
                prop_assert_eq!(found, topic.log().seek(first.wrapping_add(at)));
            }
            for (time, _) in &model.all {
                for wanted in [*time, time + 1] {
                    let at = held.iter().position(|(time, _)| *time >= wanted).unwrap_or(held.len()) as u64 + gone;
                    let found = topic.seek_time(Time::from_millis(wanted));
                    prop_assert_eq!(found.sequence(), first.wrapping_add(at));
                }
            }
            let counters = topic.counters();
            prop_assert_eq!(counters.published, counters.held + counters.evicted + counters.expired);
            prop_assert_eq!(counters.published, published);
            prop_assert_eq!((counters.evicted, counters.expired, counters.refused), (model.evicted, model.expired, refused));
            prop_assert_eq!(counters.published_bytes, model.all.iter().map(|(_, m)| m.len() as u64).sum::<u64>());
            prop_assert_eq!(counters.held_bytes, held.iter().map(|(_, m)| m.len() as u64).sum::<u64>());
            prop_assert_eq!(counters.subscribed, subscribed);
            prop_assert_eq!(counters.subscribers, subscribers.iter().filter(|plain| plain.active).count() as u64);
            for plain in subscribers.iter().filter(|plain| plain.active) {
                let account = topic.delivery(plain.id).unwrap();
                let fates = [account.received, account.lagged, account.skipped, account.sampled_out, account.filtered];
                prop_assert_eq!(fates.iter().sum::<u64>() + account.pending, account.published);
                prop_assert_eq!(account, Delivery {
                    published: published - plain.since,
                    lagged: plain.account.lagged + gone.saturating_sub(plain.at),
                    pending: published - plain.at.max(gone),
                    bytes_behind: account.bytes_behind,
                    ..plain.account
                });
            }
        }
    }
}
