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
    /// Bytes of the pages that it has changed of files: where the system keeps many of them as one, of all of these.
    pub(super) pages: u64,
    /// Bytes that it has given to `write` and its like, also for sockets; not to `send`.
    pub(super) written: u64,
    /// Bytes that the disk was given, and its flushes, whoever wanted them.
    pub(super) disk: Option<(u64, u64)>,
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
        Self {
            cpu: clock.into(),
            pages: bytes("write_bytes"),
            written: bytes("wchar"),
            disk: place.written_and_flushed(),
        }
    }

    /// What was used from then to now.
    pub(super) fn since(self, then: Self) -> Self {
        Self {
            cpu: self.cpu - then.cpu,
            pages: self.pages - then.pages,
            written: self.written - then.written,
            disk: self.disk.zip(then.disk).map(|(now, then)| (now.0 - then.0, now.1 - then.1)),
        }
    }
}
