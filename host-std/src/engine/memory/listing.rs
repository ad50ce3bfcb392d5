//! Topics or queues of all shards, in the order of their names.

use std::ops::ControlFlow;
use std::sync::Arc;

use streamgauge_core::engine::{
    Command, Kind, Name, Outcome, Part, Prefix, QueueSettings, QueueStats, Sink, TopicSettings, TopicStats,
};
use tokio::sync::mpsc;

use super::{Shard, Shards};

impl Shards {
    /// Tells all topics or queues of all shards, in the order of their names.
    pub(super) async fn list(&self, kind: Kind, prefix: Prefix, to: &mut (dyn Sink + Send)) -> Outcome {
        let _alone = self.listing.lock().await;
        let (answer, mut answers) = mpsc::unbounded_channel();
        for (at, shard) in self.all.iter().enumerate() {
            let (shard, answer) = (Arc::clone(shard), answer.clone());
            self.threads.on(at, move || drop(answer.send(Listed::all(&shard, kind, prefix))));
        }
        drop(answer);
        let mut all = Vec::new();
        while let Some(some) = answers.recv().await {
            all.extend(some);
        }
        all.sort_unstable_by_key(Listed::name);
        let mut told = 0;
        for one in &all {
            let taken = match one {
                Listed::Topic(name, of) => to.take(Part::Topic(*name, &of.0, &of.1)),
                Listed::Queue(name, of) => to.take(Part::Queue(*name, &of.0, &of.1)),
            };
            if taken.is_break() {
                break;
            }
            told += 1;
        }
        Outcome::Told(told)
    }
}

/// One of those that are listed, copied.
enum Listed {
    Topic(Name, Box<(TopicSettings, TopicStats)>),
    Queue(Name, Box<(QueueSettings, QueueStats)>),
}

impl Listed {
    fn all(shard: &Shard, kind: Kind, prefix: Prefix) -> Vec<Self> {
        let mut all = Vec::new();
        let _ = shard.execute_now(&Command::List { kind, prefix }, &mut |part: Part<'_>| {
            match part {
                Part::Topic(name, settings, stats) => all.push(Self::Topic(name, Box::new((*settings, *stats)))),
                Part::Queue(name, settings, stats) => all.push(Self::Queue(name, Box::new((*settings, *stats)))),
                _ => {}
            }
            ControlFlow::Continue(())
        });
        all
    }

    const fn name(&self) -> Name {
        match self {
            Self::Topic(name, _) | Self::Queue(name, _) => *name,
        }
    }
}
