//! CPU time, bytes and flushes, from the operating system; and what others took of the machine meanwhile.

use std::fs;
use std::ops::Range;
use std::time::Duration;

use nix::time::ClockId;
use nix::unistd::{Pid, SysconfVar, sysconf};

use super::place::Place;

/// What a process has used since it started.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    /// Of all of its threads, user and system, in nanoseconds.
    pub(super) cpu: Duration,
    /// What of it the kernel took, in ticks.
    pub(super) kernel: Duration,
    /// Bytes of the pages that it has changed of files: where the system keeps many of them as one, of all of these.
    pub(super) pages: u64,
    /// Bytes that it has given to `write` and its like, also for sockets; not to `send`.
    pub(super) written: u64,
    /// Bytes that the disk was given, and its flushes, whoever wanted them.
    pub(super) disk: Option<(u64, u64)>,
}

impl Usage {
    pub(super) fn of(process: u32, place: &Place) -> Self {
        let io = fs::read_to_string(format!("/proc/{process}/io")).expect("its own processes are told of");
        let bytes = |name: &str| {
            let line = io.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            line.and_then(|number| number.parse().ok()).expect("a number of bytes")
        };
        Self {
            cpu: cpu_of(process),
            kernel: ticks(sum(&times_of(&process.to_string()), 1..2)),
            pages: bytes("write_bytes"),
            written: bytes("wchar"),
            disk: place.written_and_flushed(),
        }
    }

    /// What was used from then to now.
    pub(super) fn since(self, then: Self) -> Self {
        Self {
            cpu: self.cpu - then.cpu,
            kernel: self.kernel - then.kernel,
            pages: self.pages - then.pages,
            written: self.written - then.written,
            disk: self.disk.zip(then.disk).map(|(now, then)| (now.0 - then.0, now.1 - then.1)),
        }
    }
}

/// CPU time of all threads of a process, user and system.
pub(super) fn cpu_of(process: u32) -> Duration {
    let pid = Pid::from_raw(i32::try_from(process).expect("a process id is small"));
    ClockId::pid_cpu_clock_id(pid).and_then(ClockId::now).expect("the process runs").into()
}

/// CPU time of the machine since it started, in ticks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Machine {
    all: u64,
    idle: u64,
    /// Of this process, and of those children of it that have ended.
    ours: u64,
}

impl Machine {
    pub(super) fn now() -> Self {
        let all = fs::read_to_string("/proc/stat").expect("Linux has it");
        // User, nice, system, idle, waiting for a disk, and so on to stolen: guests are among the users.
        Self { all: sum(&all, 1..9), idle: sum(&all, 4..6), ours: sum(&times_of("self"), 0..4) }
    }

    /// How much of all CPU time others took from then to now, in percent; what the system does for us is theirs too.
    pub(super) fn taken_by_others_since(self, then: Self) -> u64 {
        let all = self.all - then.all;
        let free = (self.idle - then.idle) + (self.ours - then.ours);
        (all.saturating_sub(free) * 100).checked_div(all).unwrap_or(0)
    }
}

/// What a process and those children of it that have ended took of the CPU, in ticks: its user and system time, and theirs.
fn times_of(process: &str) -> String {
    let all = fs::read_to_string(format!("/proc/{process}/stat")).expect("its own processes are told of");
    // The name is in parentheses and may hold anything; the state, field 3, follows, and the times are from field 14 on (proc(5)).
    let fields = all.rsplit_once(") ").map_or("", |(_, fields)| fields);
    fields.split_whitespace().skip(11).take(4).collect::<Vec<_>>().join(" ")
}

fn ticks(number: u64) -> Duration {
    let a_second = sysconf(SysconfVar::CLK_TCK).ok().flatten().and_then(|ticks| u32::try_from(ticks).ok());
    Duration::from_secs(number) / a_second.expect("Linux has ticks")
}

/// The sum of those words of a text, which are numbers.
fn sum(text: &str, words: Range<usize>) -> u64 {
    let numbers = text.split_whitespace().skip(words.start).take(words.len());
    numbers.filter_map(|word| word.parse::<u64>().ok()).sum()
}
