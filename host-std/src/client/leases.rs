//! Items of a queue that are lent, not given.

use core::time::Duration;

use data_encoding::BASE64;
use streamgauge_core::endpoints::LONGEST_DELAY;

use super::{Connection, Error, Url};

/// What a queue is asked that lends its items.
#[derive(Debug, Clone)]
pub(crate) struct Leases {
    server: Url,
    queue: Option<String>,
}

/// An item that is lent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lent {
    /// Its number.
    pub(crate) item: u64,
    /// What the lease is settled with.
    pub(crate) token: String,
    /// How often it was lent, this time included.
    pub(crate) attempt: u32,
    /// When the lease is over, as the server writes it.
    pub(crate) until: String,
    pub(crate) data: Vec<u8>,
}

/// What becomes of a lease.
#[derive(Debug, Clone)]
pub(crate) enum Settle<'a> {
    /// The item was dealt with, and leaves.
    Ack,
    /// It goes back on the queue, as parameters say: `delay`, `reason`.
    Nack(Option<&'a str>, Option<&'a str>),
    /// The lease is longer: `seconds`.
    Touch(Option<&'a str>),
}

/// What became of some leases.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Settled {
    /// How many were settled.
    pub(crate) done: u64,
    /// The tokens of those that were over before, as many as the answer had room for.
    pub(crate) over: Vec<String>,
    /// How many more were over.
    pub(crate) more: u64,
}

/// As much of a reason as a queue keeps, in bytes.
const LONGEST_REASON: usize = 128;

/// So that answers are JSON, also of what was refused.
pub(crate) const JSON: (&str, &str) = ("Accept", "application/json");

impl Leases {
    pub(crate) fn new(server: Url, queue: Option<String>) -> Self {
        Self { server, queue }
    }

    /// The address of one of its verbs.
    pub(crate) fn verb(&self, path: &str) -> Url {
        self.server.join(path).and("queue", self.queue.as_deref())
    }

    /// Where counters are asked for. A queue that has leases says how many; the original knows neither names nor them.
    pub(crate) fn stats(&self) -> Url {
        self.server.join("/stats?format=json").and("queue", Some(self.queue.as_deref().unwrap_or("main")))
    }

    /// Whether the queue lends items.
    ///
    /// # Errors
    /// It could not be asked, or says no.
    pub(crate) async fn are_there(&self, connection: &mut Connection) -> Result<bool, Error> {
        let answer = connection.call("GET", &self.stats(), None).await?;
        match answer.status().as_u16() {
            200 => Ok(Standing::of(answer.body()).is_some()),
            // The original has no such path where only a prefix of it is served.
            404 => Ok(false),
            status => Err(Error::Status(status)),
        }
    }

    /// The items that an answer to `/mget` lends; `None` if it is of another type, as that of a queue without leases.
    /// A line that can't be read takes none of the others along: its item comes again.
    pub(crate) fn lent(
        content_type: Option<&http::HeaderValue>,
        body: &[u8],
    ) -> Option<impl Iterator<Item = Result<Lent, Error>>> {
        let is_lines = content_type.is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-ndjson"));
        let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        is_lines.then(|| lines.map(|line| Lent::parse(line).ok_or(Error::Encoding("a line is no item on lease"))))
    }

    /// Settles leases.
    ///
    /// # Errors
    /// It could not be asked, or refuses in another way than to say that leases are over.
    pub(crate) async fn settle(
        &self,
        connection: &mut Connection,
        how: &Settle<'_>,
        tokens: &[impl AsRef<str>],
    ) -> Result<Settled, Error> {
        let url = how.address(self);
        let body = tokens.iter().map(|token| token.as_ref()).collect::<Vec<_>>().join("\n");
        let answer = connection.call_with("POST", &url, &[JSON], Some(body.as_bytes())).await?;
        match (answer.status().as_u16(), Settled::parse(answer.body())) {
            (200 | 410, Some(settled)) => Ok(settled),
            (status, _) => Err(Error::Status(status)),
        }
    }
}

impl Settle<'_> {
    pub(crate) fn address(&self, leases: &Leases) -> Url {
        match self {
            Self::Ack => leases.verb("/ack"),
            Self::Nack(delay, reason) => {
                // A longer one would have no room in the head of a request.
                let reason = reason.map(|reason| &reason[..reason.floor_char_boundary(LONGEST_REASON)]);
                leases.verb("/nack").and("delay", *delay).and("reason", reason)
            }
            Self::Touch(seconds) => leases.verb("/touch").and("seconds", *seconds),
        }
    }
}

impl Settled {
    /// What `{"over":["…"],"more":2,"acked":1}` says, or a problem with these members.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        let said: serde_json::Value = serde_json::from_slice(body).ok()?;
        let over = said.get("over")?.as_array()?;
        let over = over.iter().map(|token| token.as_str().map(str::to_owned)).collect::<Option<_>>()?;
        let done = ["acked", "nacked", "touched"].iter().find_map(|done| said.get(done)?.as_u64())?;
        let more = said.get("more").map_or(Some(0), serde_json::Value::as_u64)?;
        Some(Self { done, over, more })
    }
}

impl Lent {
    /// A line of an answer.
    pub(crate) fn parse(line: &[u8]) -> Option<Self> {
        let said: serde_json::Value = serde_json::from_slice(line).ok()?;
        let text = |name: &str| said.get(name)?.as_str();
        let data = match text("data") {
            Some(data) => data.as_bytes().to_vec(),
            None => BASE64.decode(text("data64")?.as_bytes()).ok()?,
        };
        Some(Self {
            item: said.get("item")?.as_u64()?,
            token: text("lease")?.to_owned(),
            attempt: u32::try_from(said.get("attempt")?.as_u64()?).ok()?,
            until: text("until").unwrap_or_default().to_owned(),
            data,
        })
    }
}

/// How many items of a queue that has leases are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) ready: u64,
    pub(crate) delayed: u64,
    pub(crate) leased: u64,
}

impl Standing {
    /// What the counters say; `None` if they are those of a queue without leases.
    pub(crate) fn of(stats: &[u8]) -> Option<Self> {
        let stats: serde_json::Value = serde_json::from_slice(stats).ok()?;
        let number = |name: &str| stats.get(name)?.as_u64();
        Some(Self { ready: number("ready")?, delayed: number("delayed")?, leased: number("leased")? })
    }

    /// Whether nothing is left, not even what is tried again later.
    pub(crate) const fn is_empty(&self) -> bool {
        self.ready == 0 && self.delayed == 0 && self.leased == 0
    }
}

/// A delay as the server reads it: what has to wait for longer than it allows comes earlier, and is delayed again.
pub(crate) fn delay(time: Duration) -> String {
    seconds(time.min(LONGEST_DELAY))
}

/// A time as the server reads it: seconds, to the millisecond.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{}.{:03}", time.as_secs(), time.subsec_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        let line = br#"{"item":7,"lease":"00ff","attempt":2,"put":"x","until":"y","data":"a\nb"}"#;
        let lent = Lent::parse(line).unwrap();
        assert_eq!((lent.item, lent.token.as_str(), lent.attempt, lent.data.as_slice()), (7, "00ff", 2, &b"a\nb"[..]));
        let binary = Lent::parse(br#"{"item":7,"lease":"0","attempt":1,"put":"x","until":"y","data64":"/wA="}"#);
        assert_eq!(binary.unwrap().data, b"\xff\0");
        assert_eq!(Lent::parse(br#"{"item":7,"attempt":1,"data":"no lease"}"#), None);
        let settled = Settled::parse(br#"{"over":["a","b"],"nacked":3}"#);
        assert_eq!(settled, Some(Settled { done: 3, over: vec!["a".into(), "b".into()], more: 0 }));
        let settled =
            Settled::parse(br#"{"over":["a"],"more":2,"acked":0,"type":"urn:x","status":410,"detail":"over"}"#);
        assert_eq!(settled, Some(Settled { done: 0, over: vec!["a".into()], more: 2 }));
        assert_eq!(Settled::parse(br#"{"type":"urn:streamgauge:problem:bad-request","status":400}"#), None);
    }

    #[test]
    fn a_line_that_is_none_takes_no_other_along() {
        let body = b"{\"item\":7,\"lease\":\"a\",\"attempt\":1,\"data\":\"x\"}\n{\"item\":8,\"le\n\n";
        let read = |kind: &'static str| {
            let kind = http::HeaderValue::from_static(kind);
            Leases::lent(Some(&kind), body).map(|lent| lent.map(|lent| lent.ok().map(|lent| lent.item)).collect())
        };
        assert_eq!(read("application/x-ndjson"), Some(vec![Some(7), None]));
        assert_eq!(read("text/plain; charset=utf-8"), None::<Vec<_>>);
        assert!(Leases::lent(None, body).is_none());
    }

    #[test]
    fn only_a_queue_with_leases_counts_them() {
        let ours = Standing::of(br#"{"puts":1,"depth":1,"ready":1,"delayed":0,"leased":2,"paused":false}"#);
        assert_eq!(ours, Some(Standing { ready: 1, delayed: 0, leased: 2 }));
        assert_eq!(Standing::of(br#"{"puts": 0,"gets": 0,"depth": 0,"bytes": 0,"overflow": 0}"#), None);
    }

    #[test]
    fn times_are_seconds() {
        assert_eq!(seconds(Duration::from_millis(90_050)), "90.050");
    }
}
