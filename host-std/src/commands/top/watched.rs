//! What is known of a server, and how it went of late.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use super::asked::{Answers, Detail, Glance, One};
use super::view::List;

/// What is known of a server.
#[derive(Debug, Default)]
pub(super) struct Watched {
    pub(super) overview: Option<Overview>,
    /// Whether it can do all, in words.
    pub(super) health: Option<String>,
    pub(super) topics: BTreeMap<String, Topic>,
    pub(super) queues: BTreeMap<String, Queue>,
    pub(super) gauges: BTreeMap<String, Gauge>,
    pub(super) detail: Option<One>,
    /// When it was last heard of, by the clock.
    pub(super) time: Timestamp,
    at: Option<Instant>,
    /// Why it is not known how it is now.
    pub(super) lost: Option<String>,
}

/// A server as a whole.
#[derive(Debug, Clone)]
pub(super) struct Overview {
    pub(super) version: String,
    /// Seconds.
    pub(super) up: u64,
    pub(super) memory: (u64, u64),
    pub(super) disk: Option<(u64, u64)>,
}

#[derive(Debug, Default)]
pub(super) struct Topic {
    pub(super) into: Rate,
    pub(super) out: Rate,
    pub(super) subscribers: u64,
    pub(super) messages: u64,
    pub(super) bytes: u64,
    pub(super) kicked: u64,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) into: Rate,
    pub(super) out: Rate,
    /// Items that wait, whether they can be got yet or not.
    pub(super) depth: Series,
    pub(super) ready: u64,
    pub(super) delayed: u64,
    pub(super) leased: u64,
    pub(super) dead: u64,
    pub(super) bytes: u64,
    pub(super) overflow: u64,
    pub(super) oldest: Option<String>,
    pub(super) is_paused: bool,
}

#[derive(Debug, Default)]
pub(super) struct Gauge {
    pub(super) rate: Rate,
    pub(super) topic: String,
    pub(super) measures: String,
    pub(super) messages: u64,
    pub(super) behind: u64,
    pub(super) missed: u64,
    pub(super) bytes: u64,
}

/// The last values of something, one each time that it was asked for.
#[derive(Debug, Default)]
pub(super) struct Series(VecDeque<Option<f64>>);

/// Values that are remembered.
const LENGTH: usize = 60;

impl Series {
    fn push(&mut self, value: Option<f64>) {
        if self.0.len() >= LENGTH {
            self.0.pop_front();
        }
        self.0.push_back(value);
    }

    pub(super) fn last(&self) -> Option<f64> {
        self.0.back().copied().flatten()
    }

    /// The newest `most` of them, the newest last.
    pub(super) fn newest(&self, most: usize) -> impl Iterator<Item = Option<f64>> + Clone + '_ {
        self.0.iter().skip(self.0.len().saturating_sub(most)).copied()
    }
}

/// How fast a counter goes.
#[derive(Debug, Default)]
pub(super) struct Rate {
    before: Option<u64>,
    pub(super) series: Series,
}

impl Rate {
    /// A counter that is lower than before began anew.
    fn count(&mut self, total: u64, seconds: Option<f64>) {
        let since = self.before.replace(total).and_then(|before| total.checked_sub(before));
        self.series.push(since.zip(seconds).map(|(since, seconds)| since as f64 / seconds));
    }

    pub(super) fn last(&self) -> Option<f64> {
        self.series.last()
    }
}

impl Watched {
    /// Takes in what a server has said.
    pub(super) fn hear(&mut self, glance: Glance) {
        let Glance { answers, one, at, time } = glance;
        let passed = self.at.replace(at).map(|before| at.duration_since(before).as_secs_f64());
        let passed = passed.filter(|seconds| *seconds > 0.0);
        (self.time, self.lost) = (time, None);
        let Answers { overview, ready, topics, queues, gauges } = &answers;
        self.overview = Overview::read(overview);
        self.health = health(ready);
        merge(&mut self.topics, topics, |topic, said| topic.take(&said["counters"], passed));
        merge(&mut self.queues, queues, |queue, said| queue.take(&said["counters"], passed));
        merge(&mut self.gauges, gauges, |gauge, said| gauge.take(said, passed));
        self.detail = one;
    }

    /// What was said of one, if it was asked for.
    pub(super) fn detail_of(&self, list: List, name: &str) -> Option<&Detail> {
        self.detail.as_ref().filter(|(of, known, _)| (*of, known.as_str()) == (list, name)).map(|(.., detail)| detail)
    }
}

/// What is there now; what is gone is forgotten.
fn merge<T: Default>(known: &mut BTreeMap<String, T>, list: &Value, mut take: impl FnMut(&mut T, &Value)) {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut before = std::mem::take(known);
    for said in list {
        if let Some(name) = said["name"].as_str() {
            let mut one = before.remove(name).unwrap_or_default();
            take(&mut one, said);
            known.insert(name.to_owned(), one);
        }
    }
}

impl Overview {
    fn read(said: &Value) -> Option<Self> {
        let used = |used: &Value| Some((used["bytes"].as_u64()?, used["budget"].as_u64()?));
        Some(Self {
            version: said["version"].as_str()?.to_owned(),
            up: said["up"].as_u64()?,
            memory: used(&said["memory"])?,
            disk: used(&said["disk"]),
        })
    }
}

/// `ok`, or what is not.
fn health(said: &Value) -> Option<String> {
    let status = said["status"].as_str()?;
    let wrong = said["checks"].as_object().into_iter().flatten().filter(|(_, check)| check["status"] != "ok");
    let wrong = wrong.map(|(name, check)| format!(", {name}: {}", check["why"].as_str().unwrap_or("?")));
    Some(status.to_owned() + &wrong.collect::<String>())
}

fn number(said: &Value, name: &str) -> u64 {
    said[name].as_u64().unwrap_or_default()
}

impl Topic {
    fn take(&mut self, counters: &Value, seconds: Option<f64>) {
        let number = |name| number(counters, name);
        self.into.count(number("received"), seconds);
        self.out.count(number("sent"), seconds);
        (self.subscribers, self.messages) = (number("subscribers"), number("messages"));
        (self.bytes, self.kicked) = (number("bytes"), number("kicked"));
    }
}

impl Queue {
    fn take(&mut self, counters: &Value, seconds: Option<f64>) {
        let number = |name| number(counters, name);
        self.into.count(number("accepted"), seconds);
        self.out.count(number("delivered").saturating_add(number("acked")), seconds);
        (self.ready, self.delayed) = (number("ready"), number("delayed"));
        (self.leased, self.dead) = (number("leased"), number("dead"));
        (self.bytes, self.overflow) = (number("bytes"), number("overflow"));
        self.depth.push(Some(self.waiting() as f64));
        self.oldest = counters["oldest"].as_str().map(str::to_owned);
        self.is_paused = counters["paused"].as_bool().unwrap_or_default();
    }

    pub(super) fn waiting(&self) -> u64 {
        self.ready.saturating_add(self.delayed)
    }
}

impl Gauge {
    fn take(&mut self, said: &Value, seconds: Option<f64>) {
        let number = |name| number(said, name);
        (self.messages, self.behind) = (number("messages"), number("behind"));
        (self.missed, self.bytes) = (number("missed"), number("bytes"));
        self.rate.count(self.messages, seconds);
        let definition = &said["definition"];
        let names = definition["measure"].as_array().into_iter().flatten().filter_map(Value::as_str);
        self.measures = names.collect::<Vec<_>>().join(" ");
        self.topic = definition["topic"].as_str().unwrap_or_default().to_owned();
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use serde_json::json;

    use super::*;

    fn glance(at: Instant, received: u64) -> Glance {
        let counters = json!({"received": received, "sent": 0, "subscribers": 1});
        let answers = Answers { topics: json!([{"name": "a", "counters": counters}]), ..Answers::default() };
        Glance { answers, one: None, at, time: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn a_rate_is_what_came_in_a_second() {
        let (mut watched, begun) = (Watched::default(), Instant::now());
        let rate = |watched: &Watched| watched.topics["a"].into.last();
        watched.hear(glance(begun, 100));
        assert_eq!(rate(&watched), None, "nothing is known of what was before");
        watched.hear(glance(begun + Duration::from_secs(2), 110));
        assert_eq!(rate(&watched), Some(5.0));
        watched.hear(glance(begun + Duration::from_secs(4), 3));
        assert_eq!(rate(&watched), None, "the server began anew");
        watched.lost = Some("gone".to_owned());
        watched.hear(glance(begun + Duration::from_secs(8), 7));
        assert_eq!((rate(&watched), watched.lost), (Some(1.0), None));
    }

    #[test]
    fn what_is_gone_is_forgotten() {
        let mut watched = Watched::default();
        watched.hear(glance(Instant::now(), 1));
        watched.hear(Glance { answers: Answers::default(), ..glance(Instant::now(), 1) });
        assert!(watched.topics.is_empty());
    }

    #[test]
    fn health_says_what_is_wrong() {
        let said = json!({"status": "failing", "checks": {"disk": {"status": "failing", "why": "full"}, "a": {"status": "ok"}}});
        assert_eq!(health(&said).as_deref(), Some("failing, disk: full"));
        assert_eq!(health(&Value::Null), None);
    }
}
