//! What a server would say of what is put, before one is asked: it is put to another one, which keeps nothing and serves
//! nobody, by the same rules and into as much memory.

use std::ops::ControlFlow;
use std::sync::Arc;

use streamgauge_core::engine::{Kind, Part};
use tokio::sync::watch;

use super::making::{self, Beside};
use super::{Gateway, Settings};
use crate::engine::memory::{Held, Inventory, Shards};
use crate::terminal::{StartError, runtime};
use crate::threads::{Inbox, Threads};

/// A server to which something is put to see what it says.
pub(crate) struct Rehearsal {
    gateway: Arc<Gateway>,
    inbox: Inbox,
    /// What another server holds beside its names.
    _rest: Held,
}

impl Gateway {
    /// What there is by name.
    pub(crate) async fn inventory(&self) -> Inventory {
        let held = self.sides[0].engine.own().budget().held();
        let gauges = self.notes().into_iter().flatten().collect();
        let mut all = Inventory { gauges, held, ..Inventory::default() };
        for kind in [Kind::Topic, Kind::Queue] {
            let mut take = |part: Part<'_>| {
                match part {
                    Part::Topic(name, settings, _) => all.topics.push((name, *settings)),
                    Part::Queue(name, settings, _) => all.queues.push((name, *settings)),
                    _ => {}
                }
                ControlFlow::Continue(())
            };
            self.sides[0].list(kind, &mut take).await;
        }
        all
    }
}

impl Rehearsal {
    /// A server of these settings that has just begun, or one that has what another one has: on one shard, whatever that
    /// is on.
    ///
    /// # Errors
    /// There is no room for what it begins with.
    pub(crate) fn new(settings: &Settings, there: Option<Inventory>) -> Result<Self, StartError> {
        let (threads, mut inboxes) = Threads::new(1);
        let inbox = inboxes.remove(0);
        let memory = (settings.memory, settings.disk.is_some());
        let engines = Shards::rehearsing(&settings.engine, memory, &threads, there);
        let (engines, rest) = engines.map_err(StartError::new)?;
        let settings = Settings { rights: None, ..settings.clone() };
        let beside = Beside { overflow: None, files: None, key: making::key(&settings)? };
        let stop = watch::Sender::new(false);
        let gateway = Gateway::of(settings, beside, (engines, None), (threads, inboxes), &stop);
        Ok(Self { gateway, inbox, _rest: rest })
    }

    /// Lets something be put to it. Not on a thread that has a runtime.
    ///
    /// # Errors
    /// When the operating system has no room for it.
    pub(crate) fn run<R>(mut self, put: impl AsyncFnOnce(&Arc<Gateway>) -> R) -> Result<R, StartError> {
        runtime()?.block_on(async {
            tokio::select! {
                said = put(&self.gateway) => Ok(said),
                () = self.inbox.work() => Err(StartError::new("nobody is there to ask")),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use streamgauge_core::endpoints::Surface;

    use super::*;

    #[test]
    fn what_is_refused_is_what_has_no_room_beside_all_that_is_there() {
        let settings = Settings { memory: 512 << 20, ..Settings::new(Surface::Everything) };
        let put = |there: Option<Inventory>, mebibytes: u64| {
            let put = async move |gateway: &Arc<Gateway>| {
                let body = format!("{{\"bytes\":\"{mebibytes}MiB\"}}");
                gateway.declare("/topics/a", body.as_bytes()).await.map_err(|why| why.line)
            };
            Rehearsal::new(&settings, there).unwrap().run(put).unwrap()
        };
        assert_eq!(put(None, 100), Ok(()), "there are main and main, of 320 MiB");
        assert!(put(None, 200).unwrap_err().contains("memory"));
        // Those are gone, and leases or places hold something.
        let held = |mebibytes: u64| Some(Inventory { held: mebibytes << 20, ..Inventory::default() });
        assert_eq!((put(held(0), 400), put(held(50), 400)), (Ok(()), Ok(())));
        assert!(put(held(200), 400).is_err());
    }
}
