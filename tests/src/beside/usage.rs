//! CPU time, bytes and flushes, from the operating system.

use std::fs;
use std::time::Duration;

use nix::time::ClockId;
use nix::unistd::Pid;

use super::place::Place;

/// What a process has used since it started.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    /// Of all of its threads, user and system, in nanoseconds.
    pub(super) cpu: Duration,
    /// Bytes that it has made the file system write, in whole pages.
    pub(super) to_disk: u64,
    /// Bytes that it has given to `write` and its like, also for sockets; not to `send`.
    pub(super) written: u64,
    /// Flushes of the disk, whoever wanted them.
    pub(super) flushes: Option<u64>,
}

impl Usage {
    pub(super) fn of(process: u32, place: &Place) -> Self {
        let pid = Pid::from_raw(i32::try_from(process).expect("a process id is small"));
        let clock = ClockId::pid_cpu_clock_id(pid).and_then(ClockId::now).expect("the process runs");
        let io = fs::read_to_string(format!("/proc/{process}/io")).expect("its own processes are told of");
        let bytes = |name: &str| {
            let line = io.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            line.and_then(|number| number.parse().ok()).expect("a number of bytes")
        };
        Self { cpu: clock.into(), to_disk: bytes("write_bytes"), written: bytes("wchar"), flushes: place.flushes() }
    }

    /// What was used from then to now.
    pub(super) fn since(self, then: Self) -> Self {
        Self {
            cpu: self.cpu - then.cpu,
            to_disk: self.to_disk - then.to_disk,
            written: self.written - then.written,
            flushes: self.flushes.zip(then.flushes).map(|(now, then)| now - then),
        }
    }
}
