//! What a server is asked, again and again.

use core::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use super::view::List;
use crate::client::{Connection, Limits, Url};
use crate::terminal::exit::{Failure, accepted};

/// A server, and the connection that is kept to it.
pub(super) struct Server {
    url: Url,
    connection: Box<Connection>,
}

/// What a server has said of all that it has.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// `/overview`; null where the server has none.
    pub(super) overview: Value,
    /// `/readyz`, likewise.
    pub(super) ready: Value,
    pub(super) topics: Value,
    pub(super) queues: Value,
    pub(super) gauges: Value,
}

/// What a server has said at a time.
#[derive(Debug)]
pub(super) struct Glance {
    pub(super) answers: Answers,
    pub(super) one: Option<One>,
    pub(super) at: Instant,
    pub(super) time: Timestamp,
}

/// One that was asked for in detail, and what was said of it.
pub(super) type One = (List, String, Detail);

/// What only the one that is looked at is asked for.
#[derive(Debug, Clone)]
pub(super) enum Detail {
    /// `/clients`: subscribers of a topic.
    Topic(Value),
    /// `/peek`: items of a queue, the states in the order of [`STATES`].
    Queue(Vec<Value>),
    /// What a gauge measures, as a table.
    Gauge(String),
    /// The server says no, or it is gone.
    Refused(String),
}

/// The states in which items are, those that somebody has to look at first.
pub(super) const STATES: [&str; 4] = ["dead", "leased", "ready", "delayed"];

/// Items of each that are looked at.
const LOOK: &str = "20";

/// A server that is there answers sooner.
const PATIENCE: Duration = Duration::from_secs(10);
/// 20,000 names of topics and as many of queues are told in less.
const LONGEST: usize = 64 << 20;

impl Server {
    pub(super) fn new(url: Url) -> Self {
        let limits = Limits { connect: PATIENCE / 2, read: PATIENCE, body: LONGEST, ..Limits::default() };
        Self { url, connection: Box::new(Connection::new(limits)) }
    }

    /// Asks for everything, and for one in detail.
    ///
    /// # Errors
    /// It doesn't answer, or is none that could tell.
    pub(super) async fn glance(&mut self, one: Option<(List, String)>) -> Result<Glance, Failure> {
        let answers = Answers {
            topics: self.get("/topics").await?,
            queues: self.get("/queues").await?,
            gauges: self.get("/gauges").await?,
            overview: self.get("/overview").await?,
            ready: self.get("/readyz?format=json").await?,
        };
        if answers.topics.is_null() && answers.queues.is_null() {
            return Err(Failure::NotThere(format!("{}: has neither topics nor queues", self.url)));
        }
        let one = match one {
            Some((list, name)) => Some(self.look(list, name).await?),
            None => None,
        };
        Ok(Glance { answers, one, at: Instant::now(), time: Timestamp::now() })
    }

    /// Asks for one in detail.
    ///
    /// # Errors
    /// The server doesn't answer; that it says no is a detail.
    pub(super) async fn look(&mut self, list: List, name: String) -> Result<One, Failure> {
        let told = match list {
            List::Topics => self.subscribers(&name).await,
            List::Queues => self.items(&name).await,
            List::Gauges => {
                let url = self.url.join_name("/gauges/", &name);
                self.call(&url).await.map(|text| Detail::Gauge(String::from_utf8_lossy(&text).into_owned()))
            }
        };
        let detail = match told {
            Err(Failure::Refused(text) | Failure::NotThere(text)) => Detail::Refused(text),
            told => told?,
        };
        Ok((list, name, detail))
    }

    async fn subscribers(&mut self, topic: &str) -> Result<Detail, Failure> {
        let url = self.url.join("/clients?format=json").and("topic", Some(topic));
        Ok(Detail::Topic(json(&url, &self.call(&url).await?)?))
    }

    async fn items(&mut self, queue: &str) -> Result<Detail, Failure> {
        let mut items = Vec::new();
        for state in STATES {
            let url = self.url.join("/peek").and("queue", Some(queue)).and("state", Some(state));
            let url = url.and("items", Some(LOOK));
            let answer = self.call(&url).await?;
            for line in answer.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                items.push(json(&url, line)?);
            }
        }
        Ok(Detail::Queue(items))
    }

    /// What is at a path; null where nothing is.
    async fn get(&mut self, path: &str) -> Result<Value, Failure> {
        let url = self.url.join(path);
        let answer = self.connection.call("GET", &url, None).await.map_err(|error| Failure::of(&url, &error))?;
        // A server that is not ready says so with another status.
        if answer.status().is_server_error()
            && let Ok(said) = serde_json::from_slice::<Value>(answer.body())
        {
            return Ok(said);
        }
        match answer.status().as_u16() {
            404 | 405 => Ok(Value::Null),
            _ => json(&url, &accepted(&url, answer)?),
        }
    }

    async fn call(&mut self, url: &Url) -> Result<Vec<u8>, Failure> {
        let answer = self.connection.call("GET", url, None).await;
        accepted(url, answer.map_err(|error| Failure::of(url, &error))?)
    }
}

fn json(url: &Url, text: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(text).map_err(|_| Failure::Refused(format!("{url}: its answer is no JSON")))
}

impl Answers {
    /// All of it as one line of JSON, as the server has it.
    pub(super) fn json(&self) -> String {
        let Self { overview, ready, topics, queues, gauges } = self;
        format!(
            "{{\"overview\":{overview},\"ready\":{ready},\"topics\":{topics},\"queues\":{queues},\"gauges\":{gauges}}}"
        )
    }
}
