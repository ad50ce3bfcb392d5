//! One queue, as a reader asks it.

use core::time::Duration;

use bytes::Bytes;
use http::Response;
use jiff::Timestamp;

use super::keeper::Keeper;
use super::retry::{Again, Retry};
use crate::client::leases::{self, Leases, Lent, Settle, Standing, seconds};
use crate::client::{Connection, Error, Limits, Url};

/// A connection to a queue: one with leases, or a simplequeue as the original is.
pub(super) struct Queue {
    connection: Connection,
    get: Url,
    put: Url,
    stats: Url,
    separator: Option<u8>,
    lending: Lending,
    /// The line in which it said no the last time.
    said: String,
}

/// Whether items are borrowed.
enum Lending {
    /// Nobody wants to.
    Unwanted,
    /// It has not been asked whether it lends its items.
    Unknown(Lender),
    /// It doesn't.
    Refused(Lender),
    Yes(Lender, Keeper),
}

/// How items are borrowed.
#[derive(Clone)]
struct Lender {
    leases: Leases,
    get: Url,
    lease: Duration,
    limits: Limits,
}

/// An item, as it came off a queue.
pub(super) struct Item {
    pub(super) data: Bytes,
    pub(super) lease: Option<Lease>,
}

/// What is known of an item that is lent.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    pub(super) token: String,
    pub(super) attempt: u32,
}

/// It can't be in JSON, so it separates items whatever they are (RFC 7464).
const RECORD_SEPARATOR: u8 = 0x1e;

impl Queue {
    /// `batch` is the number of items to get at once; 0 asks for one in the plain way. With `lease` they are borrowed
    /// for so long, if the queue lends them.
    pub(super) fn new(url: &Url, batch: usize, lease: Option<Duration>, limits: Limits) -> Self {
        let name = url.parameter("queue");
        let verb = |path: &str| url.join(path).and("queue", name.as_deref());
        let get = if batch == 0 { "/get".to_owned() } else { format!("/mget?items={batch}&separator=%1E") };
        let lender = |lease| Lender {
            leases: Leases::new(url.clone(), name.clone()),
            // The separator is for a server that turns out to know no leases.
            get: verb(&format!("/mget?items={}&separator=%1E", batch.max(1))).and("lease", Some(seconds(lease))),
            lease,
            limits,
        };
        Self {
            get: verb(&get),
            put: verb("/put"),
            stats: verb("/stats?format=json"),
            separator: (batch > 0).then_some(RECORD_SEPARATOR),
            connection: Connection::new(limits),
            lending: lease.map_or(Lending::Unwanted, |lease| Lending::Unknown(lender(lease))),
            said: String::new(),
        }
    }

    /// The next items; none from a queue that has none now.
    pub(super) async fn get(&mut self) -> Result<Vec<Item>, Error> {
        if matches!(self.lending, Lending::Refused(_)) && !self.connection.is_kept() {
            self.ask_again();
        }
        if let Lending::Unknown(lender) = &self.lending {
            let lender = lender.clone();
            self.lending = if lender.leases.are_there(&mut self.connection).await? {
                let keeper = Keeper::new(lender.leases.clone(), lender.lease, lender.limits);
                Lending::Yes(lender, keeper)
            } else {
                Lending::Refused(lender)
            };
        }
        match &self.lending {
            Lending::Yes(lender, _) => {
                let url = lender.get.clone();
                self.borrow(&url).await
            }
            _ => {
                let answer = self.call("GET", &self.get.clone(), None).await?;
                Ok(split(Bytes::from(answer.into_body()), self.separator))
            }
        }
    }

    /// Another server may be there by now than the one that does not lend its items.
    fn ask_again(&mut self) {
        if let Lending::Refused(lender) = &self.lending {
            self.lending = Lending::Unknown(lender.clone());
        }
    }

    async fn borrow(&mut self, url: &Url) -> Result<Vec<Item>, Error> {
        let answer = self.call("GET", url, None).await?;
        let Lending::Yes(lender, keeper) = &self.lending else { return Ok(Vec::new()) };
        if answer.status() == 204 {
            return Ok(Vec::new());
        }
        let Some(lent) = Leases::lent(answer.headers().get("content-type"), answer.body()) else {
            // Another server is there by now. What it has given is gone from it.
            self.lending = Lending::Unknown(lender.clone());
            return Ok(split(Bytes::from(answer.into_body()), Some(RECORD_SEPARATOR)));
        };
        let (lent, bad): (Vec<_>, Vec<_>) = lent.partition(Result::is_ok);
        let lent: Vec<Lent> = lent.into_iter().flatten().collect();
        match bad.into_iter().find_map(Result::err) {
            Some(error) if lent.is_empty() => return Err(error),
            Some(error) => tracing::warn!("{url}: {error}"),
            None => {}
        }
        if let Some(first) = lent.first() {
            keeper.hold(lent.iter().map(|lent| lent.token.clone()), lender.lasts(first, date(&answer)));
        }
        let item =
            |Lent { token, attempt, data, .. }| Item { data: data.into(), lease: Some(Lease { token, attempt }) };
        Ok(lent.into_iter().map(item).collect())
    }

    /// Whether nothing is left that will ever come, once nothing came: what is put back later, or lent to somebody
    /// who may not be there any more, is left.
    pub(super) async fn is_drained(&mut self) -> Result<bool, Error> {
        let Lending::Yes(lender, _) = &self.lending else { return Ok(true) };
        let url = lender.leases.stats();
        let answer = self.call("GET", &url, None).await?;
        Ok(Standing::of(answer.body()).is_none_or(|standing| standing.is_empty()))
    }

    /// Settles leases, and says how many; the others were over before. They are still kept; see
    /// [`release`](Self::release).
    pub(super) async fn settle(&mut self, how: &Settle<'_>, tokens: &[&str]) -> Result<u64, Error> {
        let Lending::Yes(Lender { leases, .. }, _) = &self.lending else { return Ok(0) };
        Ok(leases.settle(&mut self.connection, how, tokens).await?.done)
    }

    /// These leases need not be kept any more.
    pub(super) fn release(&self, tokens: &[&str]) {
        if let Lending::Yes(_, keeper) = &self.lending {
            keeper.release(tokens);
        }
    }

    /// All leases are over, as far as anybody here can tell.
    pub(super) fn lose_all(&self) {
        if let Lending::Yes(_, keeper) = &self.lending {
            keeper.lose_all();
        }
    }

    /// Whether it is known that this lease is over.
    pub(super) fn is_lost(&self, token: &str) -> bool {
        matches!(&self.lending, Lending::Yes(_, keeper) if keeper.is_lost(token))
    }

    /// The error, with the line in which the queue said no if it did.
    pub(super) fn explain(&self, error: &Error) -> String {
        match error {
            Error::Status(_) if !self.said.is_empty() => format!("{error}: {}", self.said),
            _ => error.to_string(),
        }
    }

    /// How long a lease is that nobody touches.
    pub(super) fn lease(&self) -> Duration {
        match &self.lending {
            Lending::Yes(lender, _) => lender.lease,
            _ => Duration::ZERO,
        }
    }

    /// Puts an item behind all others. What is put again under its `name` is there once, if the queue knows names.
    pub(super) async fn put(&mut self, item: &[u8], name: &str) -> Result<(), Error> {
        self.call("POST", &self.put.and("id", Some(name)), Some(item)).await.map(drop)
    }

    /// The same for an item that nobody gets before `delay` is over.
    pub(super) async fn put_later(&mut self, item: &[u8], delay: Duration, name: &str) -> Result<(), Error> {
        let url = self.put.and("delay", Some(leases::delay(delay))).and("id", Some(name));
        self.call("POST", &url, Some(item)).await.map(drop)
    }

    /// How many items there are; `None` if it doesn't say.
    pub(super) async fn depth(&mut self) -> Result<Option<u64>, Error> {
        let answer = match self.call("GET", &self.stats.clone(), None).await {
            Err(Error::Status(_)) => return Ok(None),
            answer => answer?,
        };
        let stats: Option<serde_json::Value> = serde_json::from_slice(answer.body()).ok();
        Ok(stats.and_then(|stats| stats.get("depth")?.as_u64()))
    }

    async fn call(&mut self, method: &str, url: &Url, body: Option<&[u8]>) -> Result<Response<Vec<u8>>, Error> {
        let mut retry = Retry::new(Duration::ZERO);
        let answer = loop {
            match self.connection.call(method, url, body).await {
                // What is put has a name, so that it is put once.
                Err(error) if retry.handle_error(&error) == Again::AtOnce => {}
                answer => break answer?,
            }
        };
        match answer.status().as_u16() {
            200 | 204 => Ok(answer),
            status => {
                let text = String::from_utf8_lossy(answer.body());
                text.lines().next().unwrap_or_default().trim().clone_into(&mut self.said);
                // What is before it may have another server behind it when it answers again.
                self.ask_again();
                Err(Error::Status(status))
            }
        }
    }
}

/// Leases are taken to last so long at least, and a queue may well have a `max_lease` of a second.
const SHORTEST: Duration = Duration::from_millis(600);

impl Lender {
    /// How long an item's lease lasts: what was asked for, or less if the queue allows less. `date` is what the queue's
    /// own clock said.
    fn lasts(&self, lent: &Lent, date: Option<Timestamp>) -> Duration {
        let until = lent.until.parse::<Timestamp>().ok();
        let left = until.and_then(|until| {
            let left = Duration::try_from(until.duration_since(date.unwrap_or_else(Timestamp::now))).ok()?;
            // What is less than a second is missing in a date.
            Some(left.saturating_sub(Duration::from_secs(date.is_some().into())))
        });
        // Without a date clocks may differ. If this one is late nothing is known; if it is early, touching a few times a
        // second does no harm.
        left.unwrap_or(Duration::ZERO).max(SHORTEST).min(self.lease)
    }
}

/// When it was given, by the clock of who gave it.
fn date(answer: &Response<Vec<u8>>) -> Option<Timestamp> {
    let date = answer.headers().get("date")?.to_str().ok()?;
    Timestamp::try_from(httpdate::parse_http_date(date).ok()?).ok()
}

fn split(answer: Bytes, separator: Option<u8>) -> Vec<Item> {
    let items = match separator {
        None => vec![answer],
        Some(separator) => answer.split(|byte| *byte == separator).map(|item| answer.slice_ref(item)).collect(),
    };
    items.into_iter().filter(|item| !item.is_empty()).map(|data| Item { data, lease: None }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_not_touched_all_the_time_for_a_clock_that_is_early() {
        let lasts = |lease, until: &str, date: Option<&str>| {
            let server: Url = "http://127.0.0.1:1".parse().unwrap();
            let (leases, get) = (Leases::new(server.clone(), None), server);
            let lender = Lender { leases, get, lease: Duration::from_millis(lease), limits: Limits::default() };
            let until = until.to_owned();
            let date = date.map(|date| date.parse().unwrap());
            lender.lasts(&Lent { item: 1, token: String::new(), attempt: 1, until, data: Vec::new() }, date)
        };
        let (long, short) = (60_000, 300);
        for until in ["2012-03-16T18:40:47Z", "soon"] {
            assert_eq!([lasts(long, until, None), lasts(short, until, None)], [SHORTEST, Duration::from_millis(300)]);
        }
        assert_eq!(lasts(long, "9012-03-16T18:40:47Z", None), Duration::from_secs(60));
        // Dates are cut off to seconds.
        for (until, left) in [("9012-03-16T18:40:57Z", 9), ("9012-03-16T18:41:57Z", 60)] {
            assert_eq!(lasts(long, until, Some("9012-03-16T18:40:47Z")), Duration::from_secs(left));
        }
        assert_eq!(lasts(long, "9012-03-16T18:40:48Z", Some("9012-03-16T18:40:47Z")), SHORTEST);
    }
}
