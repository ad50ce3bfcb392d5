//! What of a gateway is on one thread.

use std::sync::Arc;
use std::time::{Duration, Instant};

use streamgauge_core::endpoints::Response;
use streamgauge_core::engine::{Command, Engine as _, Kind, Outcome, Prefix, Sink};
use streamgauge_core::time::Time;
use tokio::sync::{Mutex, watch};

use crate::engine::memory::Shards;
use crate::gauges::Gauges;
use crate::operations::metrics::{self, Form, Metrics, Rests};
use crate::operations::{Health, Listed, Overview, State, Used};
use crate::server::{Files, all_refused, refused_within};
use crate::threads::Inbox;
use crate::topics::Hub;

/// So long after a request was refused for want of memory, or of a name, that is what the server is short of. A server that
/// has given all it has, and of which nobody wants more, is well.
const SHORT: Duration = Duration::from_secs(60);

/// What of a gateway is on one thread.
pub(super) struct Side {
    pub(super) engine: Shards,
    pub(super) hub: Arc<Hub>,
    pub(super) gauges: Arc<Gauges>,
    pub(super) files: Option<Arc<Files>>,
    pub(super) stop: watch::Sender<bool>,
    pub(super) begun: (Instant, Time),
    /// Which all sides share.
    pub(super) rests: Arc<Mutex<Rests>>,
}

/// What the topics and queues of all shards count from now on, as far as that is known before anything runs.
pub(super) fn rests(engines: &[Shards]) -> Arc<Mutex<Rests>> {
    let mut rests = Rests::default();
    // What others have is known later.
    if engines.iter().all(|engine| engine.own().order().is_none()) {
        let (mut topics, mut queues) = (Listed::default(), Listed::default());
        for shard in engines.iter().map(Shards::own) {
            let now = shard.clock().now();
            let list = |kind| Command::List { kind, prefix: Prefix::cut(b"") };
            shard.with(|memory| {
                memory.execute(&list(Kind::Topic), now, &mut topics);
                memory.execute(&list(Kind::Queue), now, &mut queues);
            });
        }
        rests.begin(&topics, &queues);
    }
    Arc::new(Mutex::new(rests))
}

impl Side {
    /// How all is that it needs.
    pub(super) fn health(&self) -> Health {
        let mut health = Health::default();
        if self.engine.own().keeper().is_some() {
            let trouble = self.engine.all().iter().find_map(|shard| shard.keeper()?.trouble());
            health.note("disk", trouble.map_or(State::Ok, State::Limited));
        }
        if let Some(order) = self.engine.own().order() {
            let full = || State::Limited("its log is full: what would change something is refused".to_owned());
            let state = order.away().map(State::Failing).or_else(|| order.is_full().then(full));
            health.note("engine", state.unwrap_or(State::Ok));
        }
        let short = |reason: &str, why: &dyn Fn() -> String| {
            if refused_within(SHORT, reason) { State::Limited(why()) } else { State::Ok }
        };
        let memory = || {
            let (held, most) = self.engine.own().memory();
            format!(
                "no room within --memory: {held} bytes of {most} are given, and a request of the last minute was refused"
            )
        };
        let names = || "all of --max-names are there, and a request of the last minute was refused".to_owned();
        health.note("memory", short("no-room", &memory));
        health.note("names", short("too-many-names", &names));
        if *self.stop.borrow() {
            health.note("stop", State::Failing("the server stops".to_owned()));
        }
        health
    }

    /// How much it uses of its bounds.
    pub(super) fn overview(&self) -> Overview {
        let own = self.engine.own();
        let (bytes, most) = own.memory();
        let memory = Used { bytes, most };
        let disk = own.keeper().map(|keeper| keeper.used()).map(|(bytes, most)| Used { bytes, most });
        let (refused, refusals) = all_refused();
        Overview { up: self.begun.0.elapsed(), memory, disk, refused, refusals }
    }

    /// All that is counted.
    pub(super) async fn metrics(&self, form: Form) -> (Response, Vec<u8>) {
        let mut out = Metrics::new(form);
        let now = self.engine.own().clock().now();
        metrics::server(&self.overview(), &self.health(), self.begun.1, &mut out);
        if let Some(keeper) = self.engine.own().keeper() {
            metrics::syncs(&keeper.journal().sync_times(), &mut out);
        }
        let mut rests = self.rests.lock().await;
        let (mut topics, mut queues) = (Listed::default(), Listed::default());
        // What is refused, as before a gateway has joined the others, has counted nothing less.
        if self.list(Kind::Topic, &mut topics).await {
            rests.topics(topics, &mut out);
        }
        if self.list(Kind::Queue, &mut queues).await {
            rests.queues(queues, now, &mut out);
        }
        rests.gauges(self.gauges.counted().await.into(), &mut out);
        (Response::new(form.content_type()), out.finish().into_bytes())
    }

    /// Lists all of a kind as they are now: what is not safe yet is counted, too, and a disk that hangs is waited for by
    /// nobody who wants to know why; whether that was not refused.
    pub(super) async fn list(&self, kind: Kind, to: &mut (dyn Sink + Send)) -> bool {
        let all = Command::List { kind, prefix: Prefix::cut(b"") };
        let outcome = match self.engine.execute_now(&all, to) {
            Some(outcome) => outcome,
            None => self.engine.execute(&all, to).await,
        };
        !matches!(outcome, Outcome::Refused(_))
    }

    /// Does all that goes on on its thread beside answering requests, until these are `served`.
    pub(super) async fn work(
        self: Arc<Self>,
        mut inbox: Inbox,
        shutdown: watch::Receiver<bool>,
        mut served: watch::Receiver<bool>,
    ) {
        let shard = self.engine.own();
        let working = async {
            tokio::join!(
                inbox.work(),
                shard.keep_time(),
                shard.gather(),
                shard.release(),
                shard.keep_checkpoints(),
                self.engine.hand_letters_on(),
                self.gauges.feed(),
                self.gauges.heed_notes()
            );
        };
        let pumping = async {
            Arc::clone(&self.hub).pump(shutdown).await;
            // It ends with the shutdown that ended the doors, once the subscribers are gone.
            let _ = served.wait_for(|served| *served).await;
        };
        tokio::select! {
            () = working => {}
            () = pumping => {}
            error = shard.failed() => tracing::error!(error, "the disk has failed, and nothing can be kept any more"),
        }
    }
}
