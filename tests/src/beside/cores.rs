//! A core for the server and another for the load, where that is wanted.

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// Two of the cores that this process may use.
#[derive(Debug)]
pub(super) struct Cores {
    server: CpuSet,
    load: CpuSet,
}

impl Cores {
    /// The first two.
    pub(super) fn find() -> Result<Self, String> {
        let ours = sched_getaffinity(THIS).map_err(|error| format!("--pin: {error}"))?;
        let mut cores = (0..CpuSet::count()).filter(|core| ours.is_set(*core).unwrap_or(false)).map(only);
        match (cores.next(), cores.next()) {
            (Some(server), Some(load)) => Ok(Self { server, load }),
            _ => Err("--pin: there is only one core".into()),
        }
    }

    /// What is started from here on has the one core.
    pub(super) fn for_server(&self) {
        sched_setaffinity(THIS, &self.server).expect("it was there");
    }

    /// And this thread the other one.
    pub(super) fn for_load(&self) {
        sched_setaffinity(THIS, &self.load).expect("it was there");
    }
}

/// The thread that calls.
const THIS: Pid = Pid::from_raw(0);

fn only(core: usize) -> CpuSet {
    let mut set = CpuSet::new();
    set.set(core).expect("it is below their count");
    set
}
