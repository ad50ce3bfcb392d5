//! Any requests at any times, in much room or hardly any.

use proptest::collection::vec;
use proptest::prelude::*;
use streamgauge_core::engine::journal::{Call, Letters, Message, Moved, Moves, Retold};
use streamgauge_core::engine::memory::Defaults;
use streamgauge_core::engine::{Kind, Name, QueueSettings, TopicSettings};
use streamgauge_core::queue::leases::Letter;
use streamgauge_core::time::Time;
use streamgauge_core::topic::From;

use super::Keeper;
use super::host::Home;
use crate::model::{Op, QUEUES, message, op};

/// What the model knows nothing about.
#[derive(Debug, Clone)]
enum Step {
    Ask(Op),
    /// A request with hardly any room for its answer.
    Cramped(Op),
    Other {
        what: usize,
        q: usize,
        n: u64,
    },
    Jump {
        hours: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => op().prop_map(Step::Ask),
        1 => op().prop_map(Step::Cramped),
        5 => (0..27_usize, 0..QUEUES.len(), 0..40_u64).prop_map(|(what, q, n)| Step::Other { what, q, n }),
        1 => (1..100_000_u64).prop_map(|hours| Step::Jump { hours }),
    ]
}

/// What the names have that are made first.
#[derive(Debug, Clone)]
struct Town {
    bytes: u64,
    max_depth: u64,
    ttl: u64,
    overflow: &'static str,
    places: usize,
    /// Whether items stay in what is written, and queues have but their places.
    keeps: bool,
}

fn town() -> impl Strategy<Value = Town> {
    let overflow = prop_oneof![Just("drop-oldest"), Just("reject")];
    (prop_oneof![30..200_u64, Just(4_000)], 1..9_u64, 1..100_u64, overflow, 0..20_usize, any::<bool>()).prop_map(
        |(bytes, max_depth, ttl, overflow, places, keeps)| Town { bytes, max_depth, ttl, overflow, places, keeps },
    )
}

impl Town {
    fn home<const REVERSED: bool>(&self) -> Home<REVERSED> {
        Home::new(9 * self.bytes, self.places).keeping(self.keeps.then(Vec::new))
    }

    fn defaults(&self) -> Defaults {
        let queue = QueueSettings { bytes: self.bytes, max_item_bytes: 60, ..QueueSettings::DEFAULT };
        let topic = TopicSettings { bytes: self.bytes, max_message_bytes: 70, ..TopicSettings::DEFAULT };
        Defaults { queue, topic, ..Defaults::default() }
    }

    fn settings(&self, q: usize) -> String {
        let Self { bytes, max_depth, ttl, overflow, .. } = self;
        let own = [
            r#""max_attempts":2,"dead_letter":"dead""#,
            r#""max_item_bytes":50"#,
            r#""max_attempts":3,"topic":"news","filter":["c:de","new:true"],"sample":2"#,
        ][q];
        format!(r#"{{{own},"bytes":{bytes},"max_depth":{max_depth},"ttl":{ttl},"overflow":"{overflow}"}}"#)
    }
}

/// Whoever asks: the same of each engine.
#[derive(Debug, Clone, Default)]
struct Asker {
    now: u64,
    serial: u64,
    tokens: Vec<String>,
}

impl Asker {
    fn now(&self) -> Time {
        Time::from_millis(1_764_000_000_000 + self.now)
    }

    fn fresh(&mut self, n: usize, text: impl Fn(u64) -> String) -> String {
        let one = |_| (self.serial += 1, text(self.serial)).1;
        (0..n).map(one).collect::<Vec<_>>().join("\n")
    }

    fn token(&self, back: usize) -> &str {
        self.tokens.len().checked_sub(back).and_then(|at| self.tokens.get(at)).map_or("f", |token| token)
    }

    /// Does a step, and returns what is told.
    fn does<const R: bool>(&mut self, step: &Step, engine: &mut Keeper<R>, town: &Town) -> String {
        let told = match step {
            Step::Ask(Op::Pass { millis }) | Step::Cramped(Op::Pass { millis }) => {
                self.now += millis;
                engine.advance(self.now());
                String::new()
            }
            // All times that are kept of an item have to be within 2^40 milliseconds.
            Step::Jump { hours } => {
                self.now += hours * if self.now < 1 << 37 { 3_600_000 } else { 1 };
                String::new()
            }
            Step::Ask(op) => self.asks(op, engine, 1 << 20),
            Step::Cramped(op) => self.asks(op, engine, 150),
            Step::Other { what, q, n } => self.does_other(*what, *q, *n, engine, town),
        };
        for (at, begin) in told.match_indices("\"lease\":\"") {
            let token = &told[at + begin.len()..];
            self.tokens.push(token.chars().take_while(char::is_ascii_hexdigit).collect());
        }
        told
    }

    fn asks<const R: bool>(&mut self, op: &Op, engine: &mut Keeper<R>, room: usize) -> String {
        let named = |id: &Option<u64>| id.map_or(String::new(), |id| format!("&id=i{id}"));
        let (target, body) = match op {
            Op::Put { q, pieces, delay, id } => {
                let body = self.fresh(*pieces, |serial| "x".repeat((serial * 7 % 59) as usize) + &serial.to_string());
                (format!("POST /mput?queue={}&delay={delay}{}", QUEUES[*q], named(id)), body)
            }
            Op::Publish { messages, id } => {
                let body = self.fresh(*messages, |serial| message(&serial.to_string()).0);
                (format!("POST /pub?topic=news{}", named(id)), body)
            }
            Op::Get { q, items } => (format!("GET /mget?queue={}&items={items}", QUEUES[*q]), String::new()),
            Op::Lease { q, items, span } => {
                (format!("GET /mget?queue={}&items={items}&lease={span}", QUEUES[*q]), String::new())
            }
            Op::Settle { q, verb, which, span } => {
                let tokens: Vec<_> = which.iter().map(|back| self.token(*back)).collect();
                let how = match verb {
                    0 => format!("POST /ack?queue={}", QUEUES[*q]),
                    1 => {
                        format!("POST /nack?queue={}&delay={span}&reason={}", QUEUES[*q], "why+".repeat(*span as usize))
                    }
                    _ => format!("POST /touch?queue={}&seconds={}", QUEUES[*q], span + 1),
                };
                (how, tokens.join("\n"))
            }
            Op::Pause { q, paused } => {
                let verb = if *paused { "pause" } else { "resume" };
                (format!("POST /queues/{}/{verb}", QUEUES[*q]), String::new())
            }
            Op::Empty { q } => (format!("POST /queues/{}/empty", QUEUES[*q]), String::new()),
            Op::Redrive { q } => (format!("POST /redrive?queue={}", QUEUES[*q]), String::new()),
            Op::Peek { q, state } => {
                let state = ["ready", "leased", "delayed", "dead"][*state];
                (format!("GET /peek?queue={}&state={state}&items=9", QUEUES[*q]), String::new())
            }
            Op::Pass { .. } | Op::Again { .. } => ("GET /queues".to_owned(), String::new()),
            Op::Wrong { q, how } => (format!("POST /put?queue={}&delay={how}", QUEUES[*q]), "x".repeat(65 - how)),
        };
        let (method, target) = target.split_once(' ').expect("a method");
        engine.ask(method, target, &body, self.now(), room)
    }

    fn does_other<const R: bool>(
        &mut self,
        what: usize,
        q: usize,
        n: u64,
        engine: &mut Keeper<R>,
        town: &Town,
    ) -> String {
        let (now, queue) = (self.now(), QUEUES[q]);
        let name = Name::new(queue.as_bytes()).expect("a name");
        let line = match what {
            0 => "GET /queues ".to_owned(),
            1 => "GET /topics ".to_owned(),
            2 => format!("GET /stats?queue={queue}&reset=1 "),
            3 => "GET /stats?topic=news&reset=1 ".to_owned(),
            4 => format!("DELETE /queues/{queue} "),
            5 => "DELETE /topics/news ".to_owned(),
            6 => format!("PUT /queues/{queue} {}", town.settings(q)),
            7 => format!("PUT /queues/{queue} {{\"ttl\":{},\"lease\":{}}}", n + 1, n % 4 + 1),
            8 => format!("PUT /topics/news {{\"max_age\":{}}}", n + 1),
            9 => format!("PUT /queues/more{} {{\"topic\":\"news\"}}", n % 3),
            10 => format!("PUT /queues/more{} {{\"topic\":null}}", n % 3),
            11 => format!("PUT /queues/{queue} {{\"topic\":\"other\"}}"),
            12 => "POST /pub?topic=other y\nz".to_owned(),
            13 => format!("POST /pub?topic=news {}", "y".repeat(71)),
            14 => format!("POST /put?queue={queue} {}", "y".repeat(61)),
            15 => format!("GET /get?queue=made{} ", n % 2),
            16 => format!("GET /dump?queue=made{} ", n % 2),
            17 => format!("GET /stats?queue={queue} "),
            18 => {
                engine.advance_one(Kind::Queue, &name, now);
                engine.advance_one(Kind::Topic, &Name::new(b"news").expect("a name"), now);
                return String::new();
            }
            19 => {
                let topic = Name::new(format!("news{}", n % 2).trim_end_matches('0').as_bytes()).expect("a name");
                let begun = engine.memory.subscribe(&topic, From::First, now);
                if let Ok(begun) = begun {
                    let log = engine.memory.topic_mut(&topic).expect("it was made");
                    log.unsubscribe(begun.id).expect("it is there");
                }
                if engine.memory.has(Kind::Topic, &topic) {
                    engine.keep(now, 0, Call::Subscribe(topic, begun.is_ok()));
                }
                return format!("{:?}", begun.map(drop));
            }
            20 => {
                let settings = QueueSettings { bytes: 40, ..QueueSettings::DEFAULT };
                let was_there = engine.memory.has(Kind::Queue, &name);
                let made = engine.memory.make_queue(&name, settings, now);
                if made.is_ok() && !was_there {
                    engine.keep(now, 0, Call::MakeQueue(name, settings));
                }
                return format!("{made:?}");
            }
            21 => {
                let (topic, settings) = (Name::MAIN, TopicSettings { bytes: 40, ..TopicSettings::DEFAULT });
                let was_there = engine.memory.has(Kind::Topic, &topic);
                let made = engine.memory.make_topic(&topic, settings);
                if made.is_ok() && !was_there {
                    engine.keep(now, 0, Call::MakeTopic(topic, settings));
                }
                return format!("{made:?}");
            }
            22 => {
                let at = |back: u64| Time::from_millis(now.as_millis() - back);
                let (reason, attempts) = (&b"worn out"[..(n % 9) as usize], n as u16 + 1);
                let letter = Letter {
                    id: n,
                    data: b"letter",
                    away: None,
                    attempts,
                    reason,
                    accepted_at: at(n + 9),
                    died_at: at(n),
                };
                let put = engine.memory.put_letter(&name, &letter, now);
                if engine.memory.has(Kind::Queue, &name) {
                    engine.keep(now, 0, Call::PutLetter(name, letter));
                }
                return format!("{put}");
            }
            23 => {
                let mut found = Vec::new();
                engine.memory.elsewhere(|queue, record, from| {
                    if *queue == name {
                        found.push((record, from));
                    }
                });
                found.drain(..(n as usize).min(found.len()) / 2);
                let data: Vec<_> = found.iter().map(|(_, from)| engine.memory.host_mut().fetched(from)).collect();
                let moved =
                    found.iter().zip(&data).map(|((record, from), data)| Moved { record: *record, from: *from, data });
                let moved: Vec<_> = moved.collect();
                let moves = Moves::of(&moved);
                let gone = engine.memory.relocate(&name, &moves);
                if !moved.is_empty() {
                    engine.keep(now, 0, Call::Move(name, moves));
                }
                return format!("{gone}");
            }
            24 => {
                let mut places = Vec::new();
                engine.memory.elsewhere(|queue, _, away| places.extend((*queue == name).then_some(away.place)));
                let Some(place) = places.get(n as usize % places.len().max(1)) else { return String::new() };
                let lost = engine.memory.lose(&name, *place, now);
                engine.keep(now, 0, Call::Lose(name, *place));
                return format!("{lost} of {}", places.iter().filter(|one| *one == place).count());
            }
            25 => {
                let message = |at| Message { at: Time::from_millis(at), data: queue.as_bytes() };
                let messages: Vec<_> = (0..n % 3).map(message).collect();
                let topic = Name::new(b"news").expect("a name");
                engine.keep(now, 0, Call::Retell(topic, Retold::of(n, (n, n + 1), &messages)));
                return String::new();
            }
            _ => {
                let mut letters = Vec::new();
                let was_due = engine.memory.is_due(Kind::Queue, &name, now);
                engine.memory.letters(&name, now, |letter| {
                    letters.push((letter.died_at, letter.id));
                    core::ops::ControlFlow::Continue(())
                });
                if was_due {
                    engine.keep(now, 0, Call::Advance(Kind::Queue, name));
                    engine.memory.advance(Kind::Queue, &name, now);
                }
                let dropped = engine.memory.drop_letters(&name, letters.iter().copied());
                engine.keep(now, 0, Call::DropLetters(name, Letters::of(&letters)));
                return format!("{dropped}");
            }
        };
        let (method, rest) = line.split_once(' ').expect("a method");
        let (target, body) = rest.split_once(' ').expect("a body");
        engine.ask(method, target, body, now, 1 << 20)
    }

    /// All that can be seen but the messages that topics hold.
    fn looks_apart<const R: bool>(&self, engine: &mut Keeper<R>) -> String {
        let mut told = without_held(&self.looks_at_names(engine));
        for topic in TOPICS {
            let Some(topic) = engine.memory.topic(&Name::new(topic).expect("a name")) else { continue };
            let counters = topic.counters();
            told += &format!("{} {} ", counters.published, counters.published_bytes);
            told += &format!("{} {} {}\n", counters.refused, counters.delivered, counters.subscribed);
            told += &format!("{} {} {:?}\n", topic.origin(), topic.log().end().sequence(), topic.published_at());
        }
        told
    }

    /// All that can be seen.
    fn looks<const R: bool>(&self, engine: &mut Keeper<R>) -> String {
        let mut told = self.looks_at_names(engine);
        for topic in TOPICS {
            let Some(topic) = engine.memory.topic(&Name::new(topic).expect("a name")) else { continue };
            let counters = topic.counters();
            let messages: Vec<_> = topic.timed(topic.log().start()).collect();
            told += &format!("{counters:?} {messages:?} {} {:?}\n", topic.origin(), topic.published_at());
            told += &format!("{:?} {:?}\n", topic.newest().sequence(), topic.expires_at());
        }
        told
    }

    fn looks_at_names<const R: bool>(&self, engine: &mut Keeper<R>) -> String {
        let mut told = String::new();
        for target in ["/queues", "/topics", "/stats?topic=news", "/stats?topic=other&format=json"] {
            told += &engine.ask("GET", target, "", self.now(), 1 << 20);
        }
        for queue in QUEUES.iter().chain(&["more0", "more1", "more2", "made0", "made1"]) {
            told += &engine.ask("GET", &format!("/stats?queue={queue}&format=json"), "", self.now(), 1 << 20);
            for state in ["ready", "leased", "delayed", "dead"] {
                let target = format!("/peek?queue={queue}&state={state}&items=99");
                told += &engine.ask("GET", &target, "", self.now(), 1 << 20);
            }
        }
        told
    }
}

const TOPICS: [&[u8]; 4] = [b"news", b"other", b"main", b"news1"];

/// What is told, without what is said of the messages that topics hold: a topic that is restored has none.
fn without_held(told: &str) -> String {
    let is_of_topics = told.contains("\"topics\"") || told.contains("\"epoch\"") || told.contains("\"next\"");
    if !is_of_topics {
        return told.to_owned();
    }
    let members = told.split_inclusive([',', '}', '\n']);
    members.filter(|member| !HELD.iter().any(|held| member.contains(held))).collect()
}

const HELD: [&str; 3] = ["\"messages\":", "\"bytes\":", "\"first\":"];

/// An engine with the names that are made first, and what is asked of it.
fn begin<const R: bool>(town: &Town) -> (Keeper<R>, Asker) {
    let (mut engine, asker) = (Keeper::new(town.home(), town.defaults()), Asker::default());
    for (q, name) in QUEUES.iter().enumerate() {
        engine.ask("PUT", &format!("/queues/{name}"), &town.settings(q), asker.now(), 1 << 20);
    }
    (engine, asker)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_executed_again_leads_to_the_same(town in town(), steps in vec(step(), 1..80)) {
        let (mut engine, mut asker) = begin::<false>(&town);
        for step in &steps {
            asker.does(step, &mut engine, &town);
        }
        let mut other = Keeper::new(town.home::<true>(), town.defaults());
        other.replay(&engine.log);
        prop_assert_eq!(other.saved(), engine.saved());
        prop_assert_eq!(asker.looks(&mut other), asker.looks(&mut engine));
        prop_assert_eq!(other.saved(), engine.saved());
    }

    #[test]
    fn who_is_restored_goes_on_as_if_nothing_had_been(
        town in town(),
        before in vec(step(), 0..60),
        behind in vec(step(), 1..60),
    ) {
        let (mut engine, mut asker) = begin::<true>(&town);
        for step in &before {
            asker.does(step, &mut engine, &town);
        }
        let mut other = engine.restored(town.home::<false>());
        let mut other_asker = asker.clone();
        engine.memory.host_mut().due.clear();
        other.memory.host_mut().due.clear();
        for step in &behind {
            let told = asker.does(step, &mut engine, &town);
            let other_told = other_asker.does(step, &mut other, &town);
            prop_assert_eq!(without_held(&other_told), without_held(&told), "{:?}", step);
        }
        prop_assert_eq!(asker.looks_apart(&mut other), asker.looks_apart(&mut engine));
        prop_assert_eq!(other.saved(), engine.saved());
    }

    /// The usual way: what was saved once, and what was executed since.
    #[test]
    fn what_was_saved_and_what_was_executed_since_lead_to_the_same(
        town in town(),
        before in vec(step(), 0..40),
        behind in vec(step(), 1..40),
    ) {
        let (mut engine, mut asker) = begin::<true>(&town);
        for step in &before {
            asker.does(step, &mut engine, &town);
        }
        let mut other = engine.restored(town.home::<false>());
        engine.log.clear();
        for step in &behind {
            asker.does(step, &mut engine, &town);
        }
        other.replay(&engine.log);
        prop_assert_eq!(other.saved(), engine.saved());
        prop_assert_eq!(asker.looks_apart(&mut other), asker.looks_apart(&mut engine));
    }
}
