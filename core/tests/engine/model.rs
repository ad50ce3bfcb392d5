//! Any requests, in any order, to queues that are tied to each other and to a topic: each is answered as by a plain
//! model, and the law holds for every queue after each of them.

use core::time::Duration;
use std::collections::{BTreeMap, HashMap};

use proptest::collection::vec;
use proptest::prelude::*;
use streamgauge_core::endpoints::Request;
use streamgauge_core::engine::memory::Defaults;
use streamgauge_core::engine::{QueueSettings, TopicSettings};

use crate::Town;

/// `jobs` gives up after two attempts, and its dead go to `dead`; `fed` gets every second message of the topic `news`
/// that passes its filter, and keeps its own dead after three attempts.
pub(crate) const QUEUES: [&str; 3] = ["jobs", "dead", "fed"];
const MOST_ATTEMPTS: [Option<u64>; 3] = [Some(2), None, Some(3)];
const DEDUPE_WINDOW: u64 = 120_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Ready,
    Leased(u64),
    Delayed(u64),
    Dead(u64),
}

#[derive(Debug, Clone)]
struct Item {
    data: String,
    attempts: u64,
    state: State,
    token: String,
    /// Why it was given back for the last time.
    reason: Option<String>,
    /// How often it was lent in another queue where it died, and why it died.
    died: Option<(u64, Option<String>)>,
}

impl Item {
    /// Whether a line of JSON tells of its death elsewhere as it was.
    fn is_mourned(&self, line: &serde_json::Value) -> bool {
        let told = line["died"].as_object().map(|died| {
            let reason = died.get("reason").and_then(|reason| reason.as_str()).map(str::to_owned);
            (died["attempt"].as_u64().expect("a number"), reason)
        });
        told == self.died
    }
}

#[derive(Debug, Default)]
struct Queue {
    items: BTreeMap<u64, Item>,
    next: u64,
    paused: bool,
    seen: HashMap<u64, u64>,
    accepted: u64,
    acked: u64,
    delivered: u64,
    purged: u64,
    handed_on: u64,
    duplicates: u64,
    filtered: u64,
    sampled: u64,
}

impl Queue {
    fn put(&mut self, data: &str, state: State) {
        let data = data.to_owned();
        let item = Item { data, attempts: 0, state, token: String::new(), reason: None, died: None };
        self.items.insert(self.next, item);
        self.next += 1;
        self.accepted += 1;
    }

    fn count(&self, of: impl Fn(State) -> bool) -> u64 {
        self.items.values().filter(|item| of(item.state)).count() as u64
    }

    fn first_ready(&self) -> Option<u64> {
        self.items.iter().find(|(_, item)| item.state == State::Ready).map(|(id, _)| *id)
    }

    fn of_token(&self, token: &str) -> Option<u64> {
        let held = |item: &Item| matches!(item.state, State::Leased(_)) && item.token == token;
        self.items.iter().find(|(_, item)| held(item)).map(|(id, _)| *id)
    }
}

/// Either what it was, or dead.
fn back(attempts: u64, most: Option<u64>, at: u64, otherwise: State) -> State {
    if most.is_some_and(|most| attempts >= most) { State::Dead(at) } else { otherwise }
}

#[derive(Debug, Default)]
struct Model {
    queues: [Queue; 3],
    now: u64,
    /// Messages that passed the filter.
    passing: u64,
    /// Ids, with when they were published, and how many messages.
    published: HashMap<u64, (u64, usize)>,
}

impl Model {
    /// What time has done to a queue.
    fn settle(&mut self, q: usize) {
        let now = self.now;
        for item in self.queues[q].items.values_mut() {
            match item.state {
                State::Leased(until) if until <= now => {
                    item.state = back(item.attempts, MOST_ATTEMPTS[q], until, State::Ready);
                }
                State::Delayed(until) if until <= now => item.state = State::Ready,
                _ => {}
            }
        }
    }

    /// The dead of `jobs` go to `dead`, in the order in which they died.
    fn hand_on(&mut self, q: usize) {
        if q != 0 {
            return;
        }
        let [jobs, dead, _] = &mut self.queues;
        let died = |(id, item): (&u64, &Item)| match item.state {
            State::Dead(at) => Some((at, *id)),
            _ => None,
        };
        let mut letters: Vec<_> = jobs.items.iter().filter_map(died).collect();
        letters.sort_unstable();
        for (_, id) in letters {
            let item = jobs.items.remove(&id).expect("it is there");
            jobs.handed_on += 1;
            dead.put(&item.data, State::Ready);
            let letter = dead.items.last_entry().expect("it was put").into_mut();
            letter.died = Some((item.attempts, item.reason));
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) enum Op {
    Put { q: usize, pieces: usize, delay: u64, id: Option<u64> },
    Publish { messages: usize, id: Option<u64> },
    Get { q: usize, items: u64 },
    Lease { q: usize, items: u64, span: u64 },
    Settle { q: usize, verb: usize, which: Vec<usize>, span: u64 },
    Pause { q: usize, paused: bool },
    Empty { q: usize },
    Redrive { q: usize },
    Peek { q: usize, state: usize },
    Pass { millis: u64 },
    Again { q: usize },
    Wrong { q: usize, how: usize },
}

pub(crate) fn op() -> impl Strategy<Value = Op> {
    let q = || 0..QUEUES.len();
    let id = || proptest::option::weighted(0.3, 0..4_u64);
    prop_oneof![
        4 => (q(), 1..4_usize, prop_oneof![3 => Just(0), 1 => 1..20_u64], id())
            .prop_map(|(q, pieces, delay, id)| Op::Put { q, pieces, delay, id }),
        2 => (1..4_usize, id()).prop_map(|(messages, id)| Op::Publish { messages, id }),
        2 => (q(), 1..4_u64).prop_map(|(q, items)| Op::Get { q, items }),
        4 => (q(), 1..4_u64, 1..20_u64).prop_map(|(q, items, span)| Op::Lease { q, items, span }),
        5 => (q(), 0..3_usize, vec(0..12_usize, 1..4), 0..20_u64)
            .prop_map(|(q, verb, which, span)| Op::Settle { q, verb, which, span }),
        1 => (q(), any::<bool>()).prop_map(|(q, paused)| Op::Pause { q, paused }),
        1 => q().prop_map(|q| Op::Empty { q }),
        1 => q().prop_map(|q| Op::Redrive { q }),
        1 => (q(), 0..4_usize).prop_map(|(q, state)| Op::Peek { q, state }),
        3 => prop_oneof![4 => 1..15_000_u64, 1 => Just(60_000_u64)].prop_map(|millis| Op::Pass { millis }),
        1 => q().prop_map(|q| Op::Again { q }),
        1 => (q(), 0..4_usize).prop_map(|(q, how)| Op::Wrong { q, how }),
    ]
}

const SETTINGS: [&str; 3] = [
    r#"{"max_attempts":2,"dead_letter":"dead"}"#,
    "{}",
    r#"{"max_attempts":3,"topic":"news","filter":["c:de","new:true"],"sample":2}"#,
];

/// A message of the topic, and whether the filter of `fed` lets it pass.
pub(crate) fn message(serial: &str) -> (String, bool) {
    let number: u64 = serial.parse().expect("a number");
    match number % 6 {
        0 => (serial.to_owned(), false),
        1 => (format!(r#"{{"n":{serial},"c":"fr","new":true}}"#), false),
        2 => (format!(r#"{{"n":{serial},"c":"de"}}"#), false),
        _ => (format!(r#"{{"new":true,"c":"\u0064e","n":{serial}}}"#), true),
    }
}

fn town() -> Town {
    let queue = QueueSettings { bytes: 16 << 10, ..QueueSettings::DEFAULT };
    let topic = TopicSettings { bytes: 1 << 10, ..TopicSettings::DEFAULT };
    let mut town = Town::new(1 << 20, Defaults { queue, topic, ..Defaults::default() });
    for (queue, settings) in QUEUES.iter().zip(SETTINGS) {
        assert_eq!(town.status(&format!("PUT /queues/{queue} {settings}")), 201);
    }
    town
}

fn lines(body: &str) -> Vec<serde_json::Value> {
    body.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// Asks both, and compares what they say.
fn run(town: &mut Town, model: &mut Model, tokens: &mut Vec<String>, serial: &mut u64, op: &Op) {
    let mut fresh = |n: usize| -> Vec<String> { (0..n).map(|_| (*serial += 1, serial.to_string()).1).collect() };
    match op {
        Op::Put { q, pieces, delay, id } => {
            let (pieces, name) = (fresh(*pieces), QUEUES[*q]);
            let named = id.map_or(String::new(), |id| format!("&id=i{id}"));
            let answer = town.send(&format!("POST /mput?queue={name}&delay={delay}{named} {}", pieces.join("\n")));
            assert_eq!((answer.status, &*answer.body), (200, ""));
            let now = model.now;
            let queue = &mut model.queues[*q];
            if id.is_some_and(|id| queue.seen.get(&id).is_some_and(|at| now - at < DEDUPE_WINDOW)) {
                queue.duplicates += pieces.len() as u64;
                return;
            }
            let state = if *delay == 0 { State::Ready } else { State::Delayed(now + delay * 1_000) };
            pieces.iter().for_each(|piece| queue.put(piece, state));
            queue.seen.extend(id.map(|id| (id, now)));
            model.settle(*q);
            model.hand_on(*q);
        }
        Op::Publish { messages, id } => {
            let messages: Vec<_> = fresh(*messages).iter().map(|serial| message(serial)).collect();
            let body = messages.iter().map(|(text, _)| &**text).collect::<Vec<_>>().join("\n");
            let named = id.map_or(String::new(), |id| format!("&id=i{id}"));
            let answer = town.send(&format!("POST /pub?topic=news{named} {body}"));
            let now = model.now;
            let known = id.and_then(|id| model.published.get(&id)).filter(|(at, _)| now - at < DEDUPE_WINDOW).copied();
            let count = known.map_or(messages.len(), |(_, count)| count);
            assert_eq!((answer.status, answer.body), (200, format!("Published {count} messages to 0 clients.\n")));
            if known.is_some() {
                return;
            }
            model.published.extend(id.map(|id| (id, (now, count))));
            let fed = &mut model.queues[2];
            for (message, passes) in messages {
                model.passing += u64::from(passes);
                match (passes, model.passing % 2) {
                    (false, _) => fed.filtered += 1,
                    (true, 1) => fed.sampled += 1,
                    (true, _) => fed.put(&message, State::Ready),
                }
            }
            model.settle(2);
        }
        Op::Get { q, items } => {
            let answer = town.send(&format!("GET /mget?queue={}&items={items}", QUEUES[*q]));
            assert_eq!(answer.status, 200);
            let got: Vec<_> = answer.body.lines().map(str::to_owned).collect();
            let mut expected = Vec::new();
            if !model.queues[*q].paused {
                model.settle(*q);
                let queue = &mut model.queues[*q];
                while (expected.len() as u64) < *items
                    && let Some(id) = queue.first_ready()
                {
                    expected.extend(queue.items.remove(&id).map(|item| item.data));
                    queue.delivered += 1;
                }
                model.hand_on(*q);
            }
            assert_eq!(got, expected, "{op:?}");
        }
        Op::Lease { q, items, span } => {
            let answer = town.send(&format!("GET /mget?queue={}&items={items}&lease={span}", QUEUES[*q]));
            let mut given = lines(&answer.body).into_iter();
            if !model.queues[*q].paused {
                model.settle(*q);
                let until = model.now + span * 1_000;
                let queue = &mut model.queues[*q];
                for _ in 0..*items {
                    let Some(item) = queue.first_ready().and_then(|id| queue.items.get_mut(&id)) else { break };
                    let line = given.next().expect("an item that is ready");
                    item.attempts += 1;
                    assert_eq!(
                        (line["data"].as_str(), line["attempt"].as_u64()),
                        (Some(&*item.data), Some(item.attempts))
                    );
                    assert!(item.is_mourned(&line), "{line}");
                    let token = line["lease"].as_str().expect("a token").to_owned();
                    assert!(!tokens.contains(&token), "a token twice");
                    tokens.push(token.clone());
                    (item.state, item.token, item.reason) = (State::Leased(until), token, None);
                }
                model.hand_on(*q);
            }
            assert_eq!(given.next(), None, "{op:?}");
            assert_eq!(answer.status, if answer.body.is_empty() { 204 } else { 200 });
        }
        Op::Settle { q, verb, which, span } => {
            // The newest ones, of which most are on lease, and one that nobody was given.
            let token = |back: &usize| {
                let at = tokens.len().checked_sub(*back);
                at.and_then(|at| tokens.get(at)).cloned().unwrap_or_else(|| "00000000000000000000000f".to_owned())
            };
            let named: Vec<_> = which.iter().map(token).collect();
            let (verb, past) = [("ack", "acked"), ("nack", "nacked"), ("touch", "touched")][*verb];
            let (parameter, span) = match verb {
                "ack" => (String::new(), 0),
                "nack" => (format!("&delay={span}&reason=tired+of+{span}"), span * 1_000),
                _ => (format!("&seconds={}", span + 1), (span + 1) * 1_000),
            };
            let target = format!("/{verb}?queue={}{parameter}", QUEUES[*q]);
            let body = named.join("\n");
            let request =
                Request { accept: b"application/json", ..Request::new(target.as_bytes()).with_body(body.as_bytes()) };
            let answer = town.ask(&request);
            let (mut done, mut over) = (0_u64, Vec::new());
            let now = model.now;
            model.settle(*q);
            for token in &named {
                let queue = &mut model.queues[*q];
                let Some(id) = queue.of_token(token) else {
                    over.push(serde_json::Value::from(&**token));
                    continue;
                };
                done += 1;
                let item = queue.items.get_mut(&id).expect("it is there");
                match verb {
                    "ack" => {
                        queue.items.remove(&id);
                        queue.acked += 1;
                    }
                    "nack" => {
                        let later = if span == 0 { State::Ready } else { State::Delayed(now + span) };
                        item.state = back(item.attempts, MOST_ATTEMPTS[*q], now, later);
                        item.reason = Some(format!("tired of {}", span / 1_000));
                    }
                    _ => item.state = State::Leased(now + span),
                }
            }
            model.hand_on(*q);
            let mut expected = serde_json::json!({ "over": over, past: done });
            if done == 0 {
                expected["type"] = "urn:streamgauge:problem:lease-over".into();
                expected["status"] = 410.into();
                expected["detail"] = "none of these leases is held any more".into();
            }
            assert_eq!(serde_json::from_str::<serde_json::Value>(&answer.body).expect("JSON"), expected, "{op:?}");
            assert_eq!(answer.status, if done == 0 { 410 } else { 200 });
        }
        Op::Pause { q, paused } => {
            let verb = if *paused { "pause" } else { "resume" };
            assert_eq!(town.status(&format!("POST /queues/{}/{verb}", QUEUES[*q])), 200);
            model.queues[*q].paused = *paused;
        }
        Op::Empty { q } => {
            model.settle(*q);
            model.hand_on(*q);
            let queue = &mut model.queues[*q];
            let leased = queue.count(|state| matches!(state, State::Leased(_)));
            let removed = queue.items.len() as u64 - leased;
            queue.items.retain(|_, item| matches!(item.state, State::Leased(_)));
            queue.purged += removed;
            let answer = town.send(&format!("POST /queues/{}/empty", QUEUES[*q]));
            assert_eq!((answer.status, answer.body), (200, format!("removed {removed}\n")));
        }
        Op::Redrive { q } => {
            model.settle(*q);
            let queue = &mut model.queues[*q];
            let died = |(id, item): (&u64, &Item)| match item.state {
                State::Dead(at) => Some((at, *id)),
                _ => None,
            };
            let mut letters: Vec<_> = queue.items.iter().filter_map(died).collect();
            letters.sort_unstable();
            for (_, id) in &letters {
                let mut item = queue.items.remove(id).expect("it is there");
                (item.attempts, item.state) = (0, State::Ready);
                queue.items.insert(queue.next, item);
                queue.next += 1;
            }
            let answer = town.send(&format!("POST /redrive?queue={}", QUEUES[*q]));
            assert_eq!((answer.status, answer.body), (200, format!("redriven {}\n", letters.len())), "{op:?}");
        }
        Op::Peek { q, state } => {
            model.settle(*q);
            let name = ["ready", "leased", "delayed", "dead"][*state];
            let answer = town.send(&format!("GET /peek?queue={}&state={name}&items=1000", QUEUES[*q]));
            let lines = lines(&answer.body);
            let shown: Vec<_> = lines.iter().map(|line| line["data"].as_str().unwrap().to_owned()).collect();
            for line in &lines {
                let id = line["item"].as_u64().expect("a number");
                assert!(model.queues[*q].items[&id].is_mourned(line), "{line}");
            }
            let rank = |(id, item): (&u64, &Item)| {
                let until = match (item.state, *state) {
                    (State::Ready, 0) => 0,
                    (State::Leased(until), 1) | (State::Delayed(until), 2) | (State::Dead(until), 3) => until,
                    _ => return None,
                };
                Some((until, *id, item.data.clone()))
            };
            let mut expected: Vec<_> = model.queues[*q].items.iter().filter_map(rank).collect();
            expected.sort_unstable();
            assert_eq!(shown, expected.into_iter().map(|(.., data)| data).collect::<Vec<_>>(), "{op:?}");
        }
        Op::Pass { millis } => {
            model.now += millis;
            town.now = town.now.after(Duration::from_millis(*millis));
        }
        Op::Again { q } => {
            assert_eq!(town.status(&format!("PUT /queues/{} {}", QUEUES[*q], SETTINGS[*q])), 200);
            model.hand_on(*q);
        }
        Op::Wrong { q, how } => {
            let name = QUEUES[*q];
            let line = match how {
                0 => format!("PUT /queues/{name} {{\"lease\":7,\"depth\":1}}"),
                1 => format!("POST /put?queue={name}%20&delay=1 x"),
                2 => format!("GET /get?queue={name}&lease=-1"),
                _ => format!("POST /put?queue={name}&id={} x", "x".repeat(129)),
            };
            assert_eq!(town.status(&line), 400, "{line}");
        }
    }
}

fn compare(town: &mut Town, model: &mut Model) {
    for (q, name) in QUEUES.iter().enumerate() {
        let stats = town.stats(name);
        model.settle(q);
        let queue = &model.queues[q];
        let expected = [
            ("accepted", queue.accepted),
            ("acked", queue.acked),
            ("delivered", queue.delivered),
            ("ready", queue.count(|state| state == State::Ready)),
            ("delayed", queue.count(|state| matches!(state, State::Delayed(_)))),
            ("leased", queue.count(|state| matches!(state, State::Leased(_)))),
            ("overflow", 0),
            ("dead", queue.handed_on + queue.count(|state| matches!(state, State::Dead(_)))),
            ("expired", 0),
            ("purged", queue.purged),
            ("duplicates", queue.duplicates),
            ("filtered", queue.filtered),
            ("sampled", queue.sampled),
        ];
        for (term, value) in expected {
            assert_eq!(stats[term].as_u64(), Some(value), "{term} of {name}: {stats}");
        }
        assert_eq!(stats["paused"].as_bool(), Some(queue.paused));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_requests_are_answered_as_by_the_model(ops in vec(op(), 1..60)) {
        let (mut town, mut model) = (town(), Model::default());
        let (mut tokens, mut serial) = (Vec::new(), 0);
        for op in &ops {
            run(&mut town, &mut model, &mut tokens, &mut serial, op);
            compare(&mut town, &mut model);
        }
    }

    /// With little room nearly everything is dropped, refused or too old, and still accounted for.
    #[test]
    fn the_law_holds_with_hardly_any_room(
        ops in vec(op(), 1..80),
        bytes in 30..200_u64,
        max_depth in 1..6_u64,
        ttl in 1..30_u64,
        overflow in prop_oneof![Just("drop-oldest"), Just("reject")],
    ) {
        let mut town = town();
        let (mut tokens, mut serial) = (Vec::new(), 0_u64);
        for (name, settings) in QUEUES.iter().zip(SETTINGS) {
            town.send(&format!("DELETE /queues/{name}"));
            let own = settings.strip_prefix('{').and_then(|s| s.strip_suffix('}')).unwrap();
            let comma = if own.is_empty() { "" } else { "," };
            let settings = format!(
                r#"{{{own}{comma}"bytes":{bytes},"max_depth":{max_depth},"ttl":{ttl},"overflow":"{overflow}"}}"#
            );
            prop_assert_eq!(town.status(&format!("PUT /queues/{name} {settings}")), 201);
        }
        for op in &ops {
            let mut fresh = |n: usize, text: fn(String) -> String| {
                let one = |_| (serial += 1, text(serial.to_string())).1;
                (0..n).map(one).collect::<Vec<_>>().join("\n")
            };
            let item = |serial| format!("item {serial}");
            let line = match op {
                Op::Put { q, pieces, delay, .. } => format!("POST /mput?queue={}&delay={delay} {}", QUEUES[*q], fresh(*pieces, item)),
                Op::Publish { messages, .. } => format!("POST /pub?topic=news {}", fresh(*messages, |serial| message(&serial).0)),
                Op::Get { q, items } => format!("GET /mget?queue={}&items={items}", QUEUES[*q]),
                Op::Lease { q, items, span } => {
                    let answer = town.send(&format!("GET /mget?queue={}&items={items}&lease={span}", QUEUES[*q]));
                    tokens.extend(lines(&answer.body).iter().map(|line| line["lease"].as_str().unwrap().to_owned()));
                    continue;
                }
                Op::Settle { q, verb, which, .. } => {
                    let token = tokens.len().checked_sub(which[0]).and_then(|at| tokens.get(at)).map_or("f", |token| token);
                    format!("POST /{}?queue={}&lease={token}", ["ack", "nack", "touch"][*verb], QUEUES[*q])
                }
                Op::Pause { .. } => continue,
                Op::Empty { q } => format!("POST /queues/{}/empty", QUEUES[*q]),
                Op::Redrive { q } => format!("POST /redrive?queue={}", QUEUES[*q]),
                Op::Peek { q, .. } => format!("GET /peek?queue={}&items=9", QUEUES[*q]),
                Op::Pass { millis } => {
                    town.now = town.now.after(Duration::from_millis(*millis));
                    continue;
                }
                Op::Again { q } | Op::Wrong { q, .. } => format!("GET /queues/{}", QUEUES[*q]),
            };
            let status = town.status(&line);
            prop_assert!([200, 204, 410, 413, 503, 507].contains(&status), "{}: {}", line, status);
            for name in QUEUES {
                let stats = town.stats(name);
                prop_assert!(stats["ready"].as_u64().unwrap() <= max_depth, "{}: {}", name, stats);
            }
        }
    }
}
