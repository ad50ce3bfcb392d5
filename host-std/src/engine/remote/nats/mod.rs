//! The log and what was saved, as two streams of NATS JetStream.
//!
//! | stream | subjects | what |
//! | --- | --- | --- |
//! | `GROUP-log` | `GROUP.log` | the log: a message is a [batch](super::batch); new ones are refused when it is full |
//! | `GROUP-state` | `GROUP.state.POSITION.GATEWAY.N`, `GROUP.state.whole` | what was [saved](super::saved), in pieces, and which of it is whole |
//!
//! The first message of a log is a state too: whoever finds none begins one, and only one of those who do so at the same
//! time is let. What was saved goes behind the one before it, whose part of the log goes with it; all that is in it goes
//! where the log is full.
//!
//! | module | idea |
//! | --- | --- |
//! | [`Following`] | a gateway that follows the log, for ever |
//! | `streams` | the connection, and the two streams |
//! | `writing` | what gathers becomes messages of the log, each once |
//! | `reading` | messages of the log in their order, through all faults |
//! | `saving` | the state, saved and loaded |
//! | `condition` | whether the engine is there |

mod condition;
mod reading;
mod saving;
mod streams;
mod writing;

pub(crate) use streams::{LEAST_PAYLOAD, look};

use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use streamgauge_core::engine::memory::{Defaults, Memory};
use tokio::sync::{Notify, Semaphore, watch};

use super::{Group, Order, Replica, Saved, Settings, Stop, Unreadable};
use crate::engine::memory::{Rooms, Shard};
use crate::terminal::{say, warn};
use condition::Condition;
use streams::Streams;

/// A gateway that follows the log.
pub(crate) struct Following {
    shard: Arc<Shard>,
    order: Arc<Order>,
    settings: Settings,
    group: Group,
    defaults: Defaults,
    rooms: Box<dyn Fn() -> Rooms + Send + Sync>,
    /// What the first gateway of a group begins with.
    beginning: Vec<u8>,
    condition: Arc<Condition>,
    /// Bytes of the state when it was last saved here.
    last_saved: AtomicU64,
    /// Milliseconds that it took to copy it.
    copying: AtomicU64,
    /// Whether most of a full log has gone, and there was no room even so.
    has_let_go: AtomicBool,
    /// Held while the state is saved.
    saving: Arc<Semaphore>,
    /// Rung when it has to be saved without a message of the log that says so.
    has_to_save: Notify,
    /// The number of a message of the log that has whatever anybody was told before this gateway began in front of it.
    end: OnceLock<u64>,
    /// Why it can't go on, as far as what it publishes has told.
    stop: watch::Sender<Option<Stop>>,
}

/// How long to wait until the engine is asked again.
const AGAIN: Duration = Duration::from_millis(500);

impl Following {
    /// A gateway of a group, that has begun with nothing.
    pub(crate) fn new(
        shard: Arc<Shard>,
        order: Arc<Order>,
        settings: Settings,
        (group, defaults): (Group, Defaults),
        rooms: impl Fn() -> Rooms + Send + Sync + 'static,
        beginning: Vec<u8>,
    ) -> Arc<Self> {
        let condition = Arc::new(Condition::new(Arc::clone(&order)));
        Arc::new(Self {
            shard,
            order,
            settings,
            group,
            defaults,
            rooms: Box::new(rooms),
            beginning,
            condition,
            last_saved: AtomicU64::new(0),
            copying: AtomicU64::new(0),
            has_let_go: AtomicBool::new(false),
            saving: Arc::new(Semaphore::new(1)),
            has_to_save: Notify::new(),
            end: OnceLock::new(),
            stop: watch::Sender::new(None),
        })
    }

    /// Follows the log for ever, or until it can't be followed any more.
    pub(crate) async fn follow(self: &Arc<Self>) -> Stop {
        let mut said = false;
        let streams = Arc::new(self.reach(&mut said).await);
        self.order.set_longest(streams.longest());
        match self.begin(&streams, said).await {
            Ok((memory, replica)) => self.shard.join(memory, replica),
            Err(stop) => return stop,
        }
        tokio::select! {
            stop = self.read(&streams) => stop,
            stop = self.stopped() => stop,
            never = self.write(&streams) => match never {},
            never = self.probe(&streams) => match never {},
            never = self.keep_saving(&streams) => match never {},
        }
    }

    /// Waits until what was published tells that it can't go on.
    async fn stopped(&self) -> Stop {
        let mut stop = self.stop.subscribe();
        loop {
            if let Some(stop) = stop.borrow_and_update().clone() {
                return stop;
            }
            // It is told as long as this is there.
            let _ = stop.changed().await;
        }
    }

    /// Reaches the engine, however long that takes. It is there once it can be [begun](Self::begin) with too.
    async fn reach(&self, said: &mut bool) -> Streams {
        loop {
            match Streams::open(&self.settings, &self.condition).await {
                Ok(streams) => return streams,
                Err(why) => self.wait(&why, said).await,
            }
        }
    }

    /// What was saved last, or what the log begins with, which is made if nobody has.
    async fn begin(&self, streams: &Streams, mut said: bool) -> Result<(Memory<Rooms>, Replica), Stop> {
        loop {
            match self.try_to_begin(streams).await {
                Ok(begun) => {
                    if said {
                        say("engine: it is there");
                    }
                    return begun;
                }
                Err(why) => self.wait(&why, &mut said).await,
            }
        }
    }

    /// Waits until the engine is asked again, and says once why.
    async fn wait(&self, why: &str, said: &mut bool) {
        self.condition.unreached(why);
        if !std::mem::replace(said, true) {
            warn(format_args!("engine: {why}; trying again"));
        }
        tokio::time::sleep(AGAIN).await;
    }

    async fn try_to_begin(&self, streams: &Streams) -> Result<Result<(Memory<Rooms>, Replica), Stop>, String> {
        let saved = match streams.load().await? {
            Some(saved) => saved,
            None => streams.first(&self.beginning).await?,
        };
        let wrong = |error: Unreadable| format!("what was saved can't be read: {}", error.0);
        let saved = Saved::read(&saved).map_err(wrong)?;
        // What another group holds need not have room here.
        if let Err(stop) = self.check_group(saved.group) {
            return Ok(Err(stop));
        }
        let (mut memory, mut replica) = saved.restore((self.rooms)()).map_err(wrong)?;
        // They are those of the gateway that saved it.
        memory.forget_deliveries();
        if let Err(stop) = self.check_defaults(memory.defaults()) {
            return Ok(Err(stop));
        }
        // The first message of a log does not know its own number.
        replica.begins_at_least(1);
        streams.go_on_behind(replica.seen().position).await?;
        Ok(Ok((memory, replica)))
    }

    /// Whether what has room for all is the same as with the others.
    fn check_group(&self, theirs: Group) -> Result<(), Stop> {
        self.check_same("--memory", theirs.memory, self.group.memory)?;
        self.check_same("--max-names", theirs.max_names, self.group.max_names)
    }

    /// Whether topics and queues are made here as they are there.
    fn check_defaults(&self, theirs: &Defaults) -> Result<(), Stop> {
        let (theirs, own) = (*theirs, self.defaults);
        for (flag, theirs, own) in [
            ("--max-message-bytes", theirs.topic.max_message_bytes, own.topic.max_message_bytes),
            ("--max-subscribers", theirs.topic.max_subscribers, own.topic.max_subscribers),
            ("--max-item-bytes", theirs.queue.max_item_bytes, own.queue.max_item_bytes),
        ] {
            self.check_same(flag, theirs, own)?;
        }
        if theirs.auto_create != own.auto_create {
            let (with, without) = if own.auto_create { ("with", "without") } else { ("without", "with") };
            return Err(Stop::Other(format!(
                "the group {} was begun {with} --no-auto-create, and this gateway {without}: other defaults are another \
                 group (--engine-group)",
                self.settings.group
            )));
        }
        // No flag says more; another version may have others.
        if theirs != (Defaults { first: theirs.first, ..own }) {
            return Err(Stop::Other(format!(
                "the group {} was begun with other defaults of topics and queues",
                self.settings.group
            )));
        }
        Ok(())
    }

    fn check_same(&self, flag: &str, theirs: u64, own: u64) -> Result<(), Stop> {
        if theirs == own {
            return Ok(());
        }
        Err(Stop::Other(format!(
            "the group {} was begun with {flag} {theirs}, and this gateway has {own}: what has another one is another \
             group (--engine-group)",
            self.settings.group
        )))
    }
}
