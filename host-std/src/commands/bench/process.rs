//! CPU time and memory of the server, from `/proc`.

use std::fs;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{SysconfVar, sysconf};

use crate::terminal::exit::Failure;

/// The processes to be measured.
#[derive(Debug)]
pub(super) struct Process {
    pids: Vec<u32>,
    ticks_a_second: f64,
}

/// What they have used since they started, and hold now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    /// User and system time in seconds, in steps of a tick.
    pub(super) cpu: f64,
    /// Resident memory in bytes.
    pub(super) resident: f64,
}

impl Process {
    /// Looks whether they are there.
    pub(super) fn new(pids: &[u32]) -> Result<Self, Failure> {
        let ticks = sysconf(SysconfVar::CLK_TCK).ok().flatten();
        let process = Self { pids: pids.to_vec(), ticks_a_second: ticks.map_or(100.0, |ticks| ticks as f64) };
        for pid in pids {
            let missing = || Failure::Refused(format!("--pid {pid}: /proc/{pid} can't be read"));
            process.usage_of(*pid).ok_or_else(missing)?;
        }
        Ok(process)
    }

    /// All together; `None` if there are none, or one has ended.
    pub(super) fn usage(&self) -> Option<Usage> {
        let add = |sum: Usage, one: Usage| Usage { cpu: sum.cpu + one.cpu, resident: sum.resident + one.resident };
        let all: Option<Vec<_>> = self.pids.iter().map(|pid| self.usage_of(*pid)).collect();
        all?.into_iter().reduce(add)
    }

    fn usage_of(&self, pid: u32) -> Option<Usage> {
        // The name is in parentheses and may hold anything; the state, field 3, follows (proc(5)).
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (_, fields) = stat.rsplit_once(')')?;
        let mut times = fields.split_whitespace().skip(11).map(str::parse::<u64>);
        let ticks = times.next()?.ok()? + times.next()?.ok()?;
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib: u64 = resident.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(Usage { cpu: ticks as f64 / self.ticks_a_second, resident: kib as f64 * 1024.0 })
    }
}

/// Raises the limit of open files as far as it goes; without it there are fewer subscribers, and an error says so.
pub(super) fn allow_many_connections() {
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_measured() {
        let process = Process::new(&[std::process::id()]).unwrap();
        let before = process.usage().unwrap();
        assert!(before.resident > 100_000.0);
        let began = std::time::Instant::now();
        while process.usage().unwrap().cpu < before.cpu + 0.05 {
            assert!(began.elapsed().as_secs() < 20);
        }
        assert!(Process::new(&[u32::MAX]).is_err());
        assert!(Process::new(&[]).unwrap().usage().is_none());
    }
}
