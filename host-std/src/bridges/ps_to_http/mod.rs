//! From a pubsub to HTTP destinations: one subscription, every message delivered or accounted for.
//!
//! What comes is kept in a bounded buffer until each destination has answered 2xx for it. To each
//! destination messages go in the order they came, over one connection that is kept open, with
//! several requests in flight where the destination can take it. After a lost connection whatever
//! had no answer is sent again, in order: **at least once**, so a destination can see a message
//! twice, never none. An answer of 5xx, 408 or 429 begins the connection anew at that message,
//! after a wait that grows up to 5 s or that `retry-after` asks for. Any other status but 2xx
//! means that the message will never be taken: it is counted as refused.
//!
//! When the buffer is full, the oldest message leaves and is counted as dropped for each
//! destination that had not got it.
//!
//! | module | idea |
//! | --- | --- |
//! | `config` | the command line, and what it means |
//! | `destination` | a message as a request |
//! | `buffer` | messages by number, within a bound |
//! | `every`, `turns` | who still has to get what: everyone everything, or each message one of them |
//! | `ledger` | both of them together, and the count; no I/O |
//! | `shared` | the ledger behind a lock, and who waits for it |
//! | `session` | one connection to a destination |
//! | `courier` | one connection after another, with back-off |
//! | `probe` | whether a destination takes several requests at once |

mod buffer;
mod config;
mod courier;
mod destination;
mod every;
mod ledger;
mod probe;
mod session;
mod shared;
mod summary;
mod turns;

pub use config::{BadOption, Config, Options};
pub use destination::{BadDestination, Destination};
pub use summary::{Counts, Summary};

use crate::client::{Announce, Feed, Item, News};
use core::convert::Infallible;
use core::fmt;
use core::future::Future;
use core::time::Duration;
use courier::Courier;
use ledger::Ledger;
use shared::Shared;
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep_until, timeout};

/// Runs a [`Bridge`] until `shutdown`.
///
/// # Errors
/// As [`Bridge::run`].
pub async fn run(config: Config, shutdown: impl Future<Output = ()>) -> Result<Summary, Silence> {
    Bridge::new(config).run(shutdown).await
}

/// A source, its destinations and what lies between them, before it is set going.
///
/// ```no_run
/// # async fn example(stop: impl Future<Output = ()>) -> Result<(), Box<dyn std::error::Error>> {
/// use streamgauge::bridges::ps_to_http::{Bridge, Config, Destination};
/// let source = "http://127.0.0.1:8080/sub?multipart=0".parse()?;
/// let queue = Destination::get("http://127.0.0.1:8081/put?data=%s")?;
/// let bridge = Bridge::new(Config::new(source, vec![queue]));
/// let counters = bridge.counters();
/// let summary = bridge.run(stop).await?;
/// assert_eq!(counters.summary(), summary);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Bridge {
    config: Config,
    shared: Arc<Shared>,
}

/// What a bridge has done so far, for whoever wants to know while it runs.
#[derive(Debug, Clone)]
pub struct Counters(Arc<Shared>);

impl Counters {
    /// O(destinations).
    #[must_use]
    pub fn summary(&self) -> Summary {
        self.0.summary()
    }
}

impl Bridge {
    /// Nothing is opened yet.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let urls = config.destinations.iter().map(|destination| destination.url().to_string()).collect();
        let ledger = Ledger::new(urls, config.round_robin, config.buffer_bytes);
        let shared = Arc::new(Shared::new(ledger, config.destinations.len()));
        Self { config, shared }
    }

    /// A handle on the counters.
    #[must_use]
    pub fn counters(&self) -> Counters {
        Counters(Arc::clone(&self.shared))
    }

    /// Passes messages on until `shutdown`, until all has come that the source's address asks for (`limit=N`, `follow=0`),
    /// or until nothing has come for too long. What is in the
    /// buffer by then still has [`Config::drain`] to be delivered.
    ///
    /// # Errors
    /// Nothing has come for too long.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<Summary, Silence> {
        let Self { config, shared } = self;
        let mut couriers = JoinSet::new();
        for (lane, destination) in config.destinations.iter().cloned().enumerate() {
            let shared = Arc::clone(&shared);
            let courier = Courier { shared, lane, destination, limits: config.limits, depth: config.pipeline };
            couriers.spawn(courier.run());
        }
        let silent = tokio::select! {
            () = read(&config, &shared) => false,
            never = report(&shared) => match never {},
            () = silence(&config, &shared) => true,
            () = shutdown => false,
        };
        let drained = timeout(config.drain, shared.drained()).await;
        let summary = shared.summary();
        if drained.is_err() {
            tracing::warn!(undelivered = summary.pending(), "gave up delivering");
        }
        match config.max_silence {
            Some(limit) if silent => Err(Silence { limit, summary }),
            _ => Ok(summary),
        }
    }
}

/// Nothing has come from the source for too long.
#[derive(Debug)]
pub struct Silence {
    /// How long.
    pub limit: Duration,
    /// What had been done.
    pub summary: Summary,
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no message came for {:?}", self.limit)
    }
}

impl core::error::Error for Silence {}

async fn read(config: &Config, shared: &Shared) {
    let mut feed = Feed::new(config.sources.clone(), config.limits);
    let mut announce = Announce::new(config.announce);
    let on = |news: News<'_>| {
        match news {
            News::Detecting(_) | News::Connecting(_) => announce.hear(&news),
            News::Connected(source) => tracing::info!(%source, "connected"),
            News::Lost(source, error, wait) => tracing::warn!(%source, %error, ?wait, "source lost"),
            News::Item(Item::Message { bytes, .. }) => shared.receive(bytes),
            News::Item(Item::Missed(messages)) => shared.miss(messages),
            News::Item(Item::NewLife) => tracing::warn!("the source has begun anew: messages may be missing"),
            News::Item(Item::TooLong { .. }) => shared.skip_too_long(),
        }
        Ok(())
    };
    let Ok(()) = feed.run::<Infallible>(on).await;
}

/// Says each second what has been lost in it.
async fn report(shared: &Shared) -> Infallible {
    let mut ticks = interval(Duration::from_secs(1));
    let mut before = shared.summary().losses();
    loop {
        ticks.tick().await;
        let now = shared.summary().losses();
        if now != before {
            let [refused, dropped, missed, too_long] = now;
            tracing::warn!(refused, dropped, missed, too_long, "messages not delivered, in all");
            before = now;
        }
    }
}

/// Returns when nothing has come for too long.
async fn silence(config: &Config, shared: &Shared) {
    let Some(limit) = config.max_silence else { return core::future::pending().await };
    loop {
        let deadline = shared.heard() + limit;
        if Instant::now() >= deadline {
            return;
        }
        sleep_until(deadline).await;
    }
}
