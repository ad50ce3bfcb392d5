//! CPU time of those who take part, in microseconds a message.

use std::time::Duration;

use super::Together;
use crate::beside::usage::cpu_of;

/// User and system time of all threads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spent {
    /// By the gateway that is asked.
    pub(super) asked: f64,
    /// By the one that follows.
    pub(super) follows: f64,
    /// By all servers of the engine together.
    pub(super) engine: f64,
}

impl Spent {
    /// What `work` takes for each of the messages that it tells, and what else it returns.
    pub(super) fn by<T>(
        together: &Together,
        work: impl FnOnce() -> T,
        messages: impl FnOnce(&T) -> usize,
    ) -> (T, Self) {
        let now = || {
            let [asked, follows] = [0, 1].map(|gateway| cpu_of(together.gateways[gateway].process.id()));
            [asked, follows, together.cluster.processes().into_iter().map(cpu_of).sum()]
        };
        let before: [Duration; 3] = now();
        let done = work();
        let after = now();
        let messages = messages(&done) as f64;
        let each = |who: usize| (after[who] - before[who]).as_secs_f64() * 1e6 / messages;
        let spent = Self { asked: each(0), follows: each(1), engine: each(2) };
        (done, spent)
    }
}
