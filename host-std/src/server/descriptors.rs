//! Sockets as the operating system counts and keeps them.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

/// A descriptor that is given up for a moment to tell a client that there are no more.
#[derive(Debug)]
pub(super) struct Reserve(Option<File>);

impl Reserve {
    pub(super) fn new() -> Self {
        let mut reserve = Self(None);
        reserve.fill();
        reserve
    }

    pub(super) fn fill(&mut self) {
        if self.0.is_none() {
            self.0 = File::open("/dev/null").ok();
        }
    }

    /// The client that could not be accepted for want of a descriptor.
    pub(super) async fn accept(&mut self, listener: &TcpListener) -> Option<(TcpStream, SocketAddr)> {
        drop(self.0.take()?);
        let accepted = tokio::time::timeout(Duration::ZERO, listener.accept()).await;
        accepted.ok()?.ok()
    }
}

/// Whether something could not be opened because this process, or the machine, has no more room for sockets and files.
pub(super) fn is_shortage(error: &io::Error) -> bool {
    use nix::libc::{EMFILE, ENFILE, ENOBUFS, ENOMEM};
    matches!(error.raw_os_error(), Some(EMFILE | ENFILE | ENOBUFS | ENOMEM))
}

/// How a listener goes on that can't accept: accepting at once again would only spin, and every failure would be a line of
/// the log.
#[derive(Debug)]
pub(super) struct Failing {
    pause: Duration,
    said: Option<Instant>,
}

impl Failing {
    const LEAST: Duration = Duration::from_millis(20);
    const MOST: Duration = Duration::from_secs(1);

    pub(super) const fn new() -> Self {
        Self { pause: Self::LEAST, said: None }
    }

    /// Whether to say it: once a second at the most.
    pub(super) fn is_to_be_said(&mut self) -> bool {
        let is_due = self.said.is_none_or(|said| said.elapsed() >= Self::MOST);
        if is_due {
            self.said = Some(Instant::now());
        }
        is_due
    }

    /// A connection was accepted after all.
    pub(super) const fn reset(&mut self) {
        self.pause = Self::LEAST;
    }

    /// How long to wait: each time twice as long, up to a second.
    pub(super) fn pause(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = (2 * pause).min(Self::MOST);
        pause
    }
}

/// Descriptors that a process has beside its connections, generously: its streams, the runtime's, listeners, logs,
/// files being served, the bridge's and the readers' connections.
const OTHERS: u64 = 64;

/// What a server takes before it serves anybody, beside those that it was started with: a runtime and its signals.
const OWN: u64 = 5;

/// The same for each port: its listener, once more for a process that goes on in its place, what is given up for a moment
/// to tell a client that there are no more, and such a client.
const OWN_OF_A_PORT: u64 = 5;

/// How many connections each of `servers` can have if it wants `wanted`, and a line that says so, when it is fewer: the
/// operating system is asked for as many descriptors as it may give to this process, which needs so many `more` for what
/// it does beside.
///
/// # Errors
/// A line that says what is short, when there could be none.
pub fn affordable_connections(wanted: usize, servers: usize, more: usize) -> Result<Option<(usize, String)>, String> {
    let servers = servers.max(1) as u64;
    let own = open_now() + OWN + OWN_OF_A_PORT * servers + more as u64;
    let needed = (wanted as u64).saturating_mul(servers).saturating_add(OTHERS.max(own));
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return Ok(None) };
    if soft >= needed {
        return Ok(None);
    }
    let most = needed.min(hard);
    let limit = if setrlimit(Resource::RLIMIT_NOFILE, most, hard).is_ok() { most } else { soft };
    if limit >= needed {
        return Ok(None);
    }
    let may = format!("this process may open {limit} files (ulimit -n)");
    match left(limit, own) / servers {
        0 => Err(format!("{may}: it needs {own} itself, and one for each connection of each of its ports")),
        each => {
            let each = usize::try_from(each).map_or(wanted, |each| each.min(wanted));
            Ok(Some((each, format!("{may}: --max-connections {wanted} is taken as {each}"))))
        }
    }
}

/// What of a limit is for connections: with few at least half, as far as the process does not need them itself.
fn left(limit: u64, own: u64) -> u64 {
    limit.saturating_sub(OTHERS.min(limit / 2).max(own))
}

/// How many descriptors this process has; its streams where nobody tells.
fn open_now() -> u64 {
    // The folder is one of them as long as it is read.
    std::fs::read_dir("/dev/fd").map_or(3, |open| (open.count() as u64).saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_listener_that_goes_on_failing_says_so_once_a_second_and_waits_longer() {
        let (mut failing, begun) = (Failing::new(), Instant::now());
        let (mut tried, mut said) = (0, 0);
        while begun.elapsed() < Duration::from_secs(60) {
            tried += 1;
            said += u32::from(failing.is_to_be_said());
            tokio::time::sleep(failing.pause()).await;
        }
        assert!((60..70).contains(&tried) && (50..=60).contains(&said), "{tried} tries, said {said} times");
        failing.reset();
        assert_eq!(failing.pause(), Failing::LEAST);
    }

    #[test]
    fn a_client_that_has_gone_before_it_was_accepted_is_no_shortage() {
        use nix::libc::{ECONNABORTED, EMFILE, ENFILE, EPERM};
        let is = |number| is_shortage(&io::Error::from_raw_os_error(number));
        assert_eq!([EMFILE, ENFILE, ECONNABORTED, EPERM].map(is), [true, true, false, false]);
    }

    #[test]
    fn of_few_descriptors_those_are_left_that_the_process_does_not_need() {
        for (limit, own, connections) in
            [(14, 18, 0), (18, 18, 0), (20, 18, 2), (32, 18, 14), (100, 18, 50), (128, 18, 64), (1_000, 18, 936)]
        {
            assert_eq!(left(limit, own), connections, "of {limit}");
        }
    }

    #[test]
    fn what_is_open_is_counted() {
        let before = open_now();
        let _files: Vec<_> = (0..50).map(|_| File::open("/dev/null").unwrap()).collect();
        assert!(open_now() >= before + 30, "other tests open and close some");
    }
}
