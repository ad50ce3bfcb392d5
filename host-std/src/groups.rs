//! Process groups that this process has started, and that end with it where it ends at once.

use std::collections::BTreeSet;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use parking_lot::Mutex;
use tokio::process::Child;

static RUNNING: Mutex<BTreeSet<Pid>> = Mutex::new(BTreeSet::new());

/// The process group that a child leads: killed when this is dropped, unless the child [has ended](Self::has_ended).
pub(crate) struct Group(Option<Pid>);

impl Group {
    /// That of a child that was started in a group of its own.
    pub(crate) fn of(child: &Child) -> Self {
        let leader = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        RUNNING.lock().extend(leader);
        Self(leader)
    }

    /// Its child was waited for: what it has left behind goes on, and its number may be another one's from now on.
    pub(crate) fn has_ended(mut self) {
        self.0.take().map(|leader| RUNNING.lock().remove(&leader));
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0.take()
            && RUNNING.lock().remove(&leader)
        {
            kill(leader);
        }
    }
}

/// Kills all of them: this process is about to end.
pub(crate) fn kill_all() {
    std::mem::take(&mut *RUNNING.lock()).into_iter().for_each(kill);
}

fn kill(leader: Pid) {
    // It may just have ended by itself.
    let _ = killpg(leader, Signal::SIGKILL);
}
