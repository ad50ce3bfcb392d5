//! What the operating system knows of this process.

use std::fs;

use nix::sys::resource::{Resource, getrlimit};

/// What a process takes of its machine.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Usage {
    /// Of all its threads.
    pub(crate) cpu_seconds: f64,
    pub(crate) resident_bytes: u64,
    pub(crate) descriptors: u64,
    /// The most descriptors that there may be.
    pub(crate) most_descriptors: u64,
}

impl Usage {
    /// As it is now; zeros where the operating system does not say.
    pub(crate) fn now() -> Self {
        let cpu_seconds = nix::time::clock_gettime(nix::time::ClockId::CLOCK_PROCESS_CPUTIME_ID)
            .map_or(0.0, |time| time.tv_sec() as f64 + time.tv_nsec() as f64 / 1e9);
        let pages = fs::read_to_string("/proc/self/statm").ok().and_then(|text| text.split(' ').nth(1)?.parse().ok());
        let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten().unwrap_or(4096);
        let resident_bytes = pages.unwrap_or(0_u64).saturating_mul(u64::try_from(page).unwrap_or(4096));
        // But for the one that looks.
        let descriptors = fs::read_dir("/proc/self/fd").map_or(0, |all| all.count().saturating_sub(1) as u64);
        let most_descriptors = getrlimit(Resource::RLIMIT_NOFILE).map_or(0, |(soft, _)| soft);
        Self { cpu_seconds, resident_bytes, descriptors, most_descriptors }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_takes_something() {
        let before = Usage::now();
        assert!(
            before.resident_bytes > 1 << 20 && before.descriptors >= 3 && before.most_descriptors > before.descriptors,
            "{before:?}"
        );
        let file = fs::File::open("/proc/self/statm").unwrap();
        let after = Usage::now();
        assert!(after.cpu_seconds >= before.cpu_seconds && after.cpu_seconds > 0.0);
        drop(file);
    }
}
