//! The memory engine through the endpoints: requests in, answers out.
//!
//! `api` walks through API.md and holds every byte of the answers; `model` asks the same of a plain model, in any
//! order; `bounds` is about what is refused, `ties` about queues that are tied to topics and to each other; `durable` lets
//! all of it be executed again, and saves and restores it.

mod api;
mod bounds;
mod durable;
mod host;
mod model;
mod ties;

use streamgauge_core::endpoints::{Method, Reply, Request, Settings, Surface, answer};
use streamgauge_core::engine::memory::{Defaults, Memory};
use streamgauge_core::time::Time;

use host::Bounded;

/// An engine, its endpoints, and the time.
struct Town {
    engine: Memory<Bounded>,
    settings: Settings,
    now: Time,
}

/// What a request is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Answer {
    status: u16,
    content_type: &'static str,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Town {
    /// With so many bytes for all names together.
    fn new(budget: u64, defaults: Defaults) -> Self {
        let engine = Memory::with_defaults(Bounded::new(budget), defaults);
        // The time of the first commit of the original.
        Self { engine, settings: Settings::new(Surface::Everything), now: Time::from_millis(1_281_000_000_000) }
    }

    fn reply(&mut self, request: &Request<'_>, out: &mut Vec<u8>) -> Reply {
        answer(request, &self.settings, &mut self.engine, self.now, out).expect("a vector takes everything")
    }

    fn ask(&mut self, request: &Request<'_>) -> Answer {
        let mut out = Vec::new();
        let reply = self.reply(request, &mut out);
        let Reply::Response(response) = reply else { panic!("{reply:?}") };
        let mut headers = Vec::new();
        response.headers.for_each(|name, value| headers.push((name, value.to_string())));
        let body = String::from_utf8(out).expect("text");
        Answer { status: response.status.code(), content_type: response.content_type, headers, body }
    }

    /// `GET /stats`, `PUT /queues/a {"lease":1}` and so on: a method, a target, and behind a space the body.
    fn send(&mut self, line: &str) -> Answer {
        let (method, rest) = line.split_once(' ').expect("a method");
        let (target, body) = rest.split_once(' ').unwrap_or((rest, ""));
        let method = Method::named(method.as_bytes()).expect("a method");
        self.ask(&Request { method, body: body.as_bytes(), ..Request::new(target.as_bytes()) })
    }

    fn status(&mut self, line: &str) -> u16 {
        self.send(line).status
    }

    /// All that is counted of a queue; the law is looked at in passing.
    fn stats(&mut self, queue: &str) -> serde_json::Value {
        let answer = self.send(&format!("GET /stats?queue={queue}&format=json"));
        assert_eq!((answer.status, answer.content_type), (200, "application/json"));
        let stats: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
        let term = |name: &str| stats[name].as_u64().expect(name);
        let fates =
            ["acked", "delivered", "ready", "delayed", "leased", "overflow", "dead", "expired", "purged"].map(term);
        assert_eq!(term("accepted"), fates.iter().sum::<u64>(), "the law of {queue}: {stats}");
        stats
    }
}
