//! What a server is made with.

use std::path::PathBuf;
use std::sync::Arc;

use streamgauge_core::endpoints::{self, Surface};
use streamgauge_core::engine::memory::Defaults;
use streamgauge_core::engine::{QueueSettings, TopicSettings};
use streamgauge_core::select::HashKey;

use crate::engine::{disk, memory, remote};
use crate::operations::rights::Rights;
use crate::queues::OverflowSettings;
use crate::topics;

/// What a server is made with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What endpoints have to know, at the first door.
    pub endpoints: endpoints::Settings,
    /// Its topics and queues.
    pub engine: memory::Settings,
    /// Threads that topics and queues are shared out to.
    pub shards: usize,
    /// Bytes that these may hold.
    pub memory: u64,
    /// Subscribers of all topics at the same time.
    pub max_subscribers: usize,
    /// A subscriber with more than so many bytes unsent is sent away.
    pub max_lag: u64,
    /// Where topics and queues are kept on the disk, if they are.
    pub disk: Option<disk::Settings>,
    /// What keeps topics and queues together with other gateways, if anything does.
    pub remote: Option<remote::Settings>,
    /// Where items are written that a limit pushes out, and what is left at the end.
    pub overflow: Option<OverflowSettings>,
    /// A folder whose files are served at the paths that no endpoint has.
    pub www: Option<PathBuf>,
    /// Who may do what; without any, everybody everything.
    pub rights: Option<Arc<Rights>>,
    /// The key of the hashes that subscribers ask for; random if there is none.
    pub hash_key: Option<HashKey>,
}

impl Settings {
    /// What a server with these endpoints has that was not told otherwise: the topic and the queue `main` of its kinds.
    pub fn new(surface: Surface) -> Self {
        let defaults = Defaults { first: first_sequence(), ..Defaults::default() };
        let main_topic = TopicSettings { bytes: 64 << 20, ..defaults.topic };
        let main_queue = QueueSettings { bytes: 256 << 20, ..defaults.queue };
        Self {
            endpoints: endpoints::Settings::new(surface),
            engine: memory::Settings {
                defaults,
                main_topic: surface.has_topics().then_some(main_topic),
                main_queue: surface.has_queues().then_some(main_queue),
                max_names: 20_000,
                max_waiting: 20_000,
            },
            shards: 1,
            memory: 1 << 30,
            max_subscribers: 10_000,
            max_lag: 50 << 20,
            disk: None,
            remote: None,
            overflow: None,
            www: None,
            rights: None,
            hash_key: None,
        }
    }

    /// The most memory that topics, queues, subscribers and the overflow log can take, in bytes.
    pub const fn worst_case(&self) -> u64 {
        self.memory.saturating_add(self.subscribers()).saturating_add(self.overflow_log())
    }

    /// The part of it that the overflow log takes.
    pub const fn overflow_log(&self) -> u64 {
        match &self.overflow {
            Some(log) => log.worst_case(),
            None => 0,
        }
    }

    /// The part of it that subscribers take.
    pub const fn subscribers(&self) -> u64 {
        match &self.engine.main_topic {
            Some(topic) => {
                let max_message = topic.max_message_bytes as usize;
                topics::worst_case(self.max_subscribers, max_message, self.shards)
            }
            None => 0,
        }
    }
}

/// The time makes sequence numbers of this life larger than those of any earlier one, so that a subscriber that comes
/// back after a restart is recognised. They stay below 2^53, as far as JavaScript counts.
fn first_sequence() -> u64 {
    jiff::Timestamp::now().as_microsecond().max(0).cast_unsigned()
}
