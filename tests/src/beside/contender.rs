//! Who is measured, and what its answer promises.

use super::cores::Cores;
use super::crowd::Crowd;
use super::place::Place;
use super::program::Absence;
use super::running::Running;
use super::speech::Speech;
use super::table::Figures;
use super::{Load, Options, floor};
use crate::needs::program;

/// A row of the table.
#[derive(Debug)]
pub(super) struct Contender {
    pub(super) name: &'static str,
    pub(super) promise: Promise,
    pub(super) side: Side,
    kind: Kind,
}

/// What an answer outlives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Promise {
    Nothing,
    /// The end of the server.
    Crash,
    /// That of the machine.
    PowerCut,
}

/// Whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Ours,
    Peer,
    Machine,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Memory,
    Disk { sync: &'static str },
    Redis(Speech),
    JetStream { is_synced: bool },
    Floor,
}

/// All of them; what others are compared with comes first.
pub(super) const CONTENDERS: [Contender; 8] = {
    const fn of(name: &'static str, side: Side, promise: Promise, kind: Kind) -> Contender {
        Contender { name, promise, side, kind }
    }
    use Promise::{Crash, Nothing, PowerCut};
    [
        of("streamgauge in memory", Side::Ours, Nothing, Kind::Memory),
        of("streamgauge --sync always", Side::Ours, PowerCut, Kind::Disk { sync: "always" }),
        of("streamgauge --sync interval:100ms", Side::Ours, Crash, Kind::Disk { sync: "interval:100ms" }),
        of("Redis, appendfsync always: list", Side::Peer, PowerCut, Kind::Redis(Speech::RedisList)),
        of("Redis, appendfsync always: stream", Side::Peer, PowerCut, Kind::Redis(Speech::RedisStream)),
        of("JetStream, synced each 2 minutes", Side::Peer, Crash, Kind::JetStream { is_synced: false }),
        of("JetStream, sync_interval: always", Side::Peer, PowerCut, Kind::JetStream { is_synced: true }),
        of("pwrite and fdatasync alone", Side::Machine, PowerCut, Kind::Floor),
    ]
};

impl Contender {
    /// Starts it, measures it, and ends it.
    pub(super) fn measure(
        &self,
        options: &Options,
        load: &Load,
        place: &Place,
        cores: Option<&Cores>,
    ) -> Result<Figures, Absence> {
        cores.inspect(|cores| cores.for_server());
        let running = self.start(options, load, place)?;
        cores.inspect(|cores| cores.for_load());
        let Some(running) = running else {
            let (answered, usage) = floor::measure(load, place);
            return Ok(Figures::new(&answered, usage));
        };
        let mut crowd =
            Crowd::connect(running.address, running.speech, |number| running.speech.put(number), load.connections);
        let unmeasured = crowd.send(&load.start());
        place.settle();
        let before = running.usage(place);
        let answered = crowd.send(load);
        let usage = running.usage(place).since(before);
        let all = unmeasured.latencies.len() + answered.latencies.len();
        assert_eq!(running.held(), all, "{}: what it holds, and what it has said it took", self.name);
        Ok(Figures::new(&answered, usage))
    }

    /// `None` for what is no server.
    fn start(&self, options: &Options, load: &Load, place: &Place) -> Result<Option<Running>, Absence> {
        let folder = place.fresh();
        let path = folder.path().to_str().expect("a path that is text").to_owned();
        Ok(Some(match self.kind {
            Kind::Memory => Running::streamgauge(&[], load, folder),
            Kind::Disk { sync } => Running::streamgauge(&["--data-dir", &path, "--sync", sync], load, folder),
            Kind::Redis(speech) => {
                let program = program("redis-server").ok_or(Absence::NotInstalled("redis-server"))?;
                Running::redis(&program, speech, folder)
            }
            Kind::JetStream { is_synced } => {
                let program = options.nats_server().ok_or(Absence::NotInstalled("nats-server"))?;
                Running::jet_stream(&program, is_synced, folder)?
            }
            Kind::Floor => return Ok(None),
        }))
    }
}
