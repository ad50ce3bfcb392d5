//! Another process goes on in the place of this one, on the same sockets and with what it held.
//!
//! The one that runs starts the program again, as it is on the disk by now, with its own arguments, its sockets, and one
//! end of a channel as its stdin.
//!
//! | who | says | and then |
//! | --- | --- | --- |
//! | the new one | that it is ready: it has read its flags and files, and would take what these declare | waits |
//! | the old one | what it holds in memory, and an end: the folder or the engine is free by then | has no connections any more, and waits |
//! | the new one | that it has taken all of it | waits until the channel ends |
//! | the old one | nothing | ends, and the channel with it |
//!
//! Until the new one has taken all of it, the old one has it too, and goes on if the new one ends. Who connects meanwhile
//! waits in the socket, which never stops to listen.
//!
//! The new one answers nobody before the old one has ended: until then it can be ended at any time, when it takes too long,
//! or when the old one is to stop.

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::net::TcpListener;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use command_fds::{CommandFdExt as _, FdMapping};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::{Terms, notify};
use crate::terminal::{self, StartError};

/// How the new process is told that it is one, and the terms of the old one.
pub(crate) const UPGRADE: &str = "STREAMGAUGE_UPGRADE";

/// What the new process says once it could serve.
const READY: &[u8] = b"ready\n";

/// What it says once it has taken all that the old one held.
const TAKEN: u8 = b't';

/// How long it may take to say so, and be silent while it takes what is handed to it.
const PATIENCE: Duration = Duration::from_secs(60);

/// The fewest bytes that it takes in a second, once it has all of them: they are restored, or read from a disk.
const LEAST_A_SECOND: u64 = 32 << 20;

/// How often it is looked whether it is waited for in vain.
const LOOK: Duration = Duration::from_millis(100);

/// Why there is no other process.
const ENDS: &str = "this process ends";

/// The first file that is handed: after stdin, stdout and stderr.
const FIRST_FILE: i32 = 3;

/// How this process is followed by another one.
#[derive(Debug)]
pub(crate) struct Upgrade {
    /// Where the program was when this process began: what is there now is what is started.
    program: PathBuf,
    args: Vec<OsString>,
    terms: Terms,
    /// How long another process may take, once it has all.
    patience: Duration,
    /// Says true when this process is to stop, whichever goes on.
    wish: watch::Receiver<bool>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// They listen until they are closed.
    sockets: Option<[TcpListener; 2]>,
    next: Next,
}

/// How far another process is.
#[derive(Debug)]
enum Next {
    /// There is none.
    Nobody,
    /// It will be started, or has been ended.
    Wanted,
    /// It was started, and is not ready.
    Starting(Child),
    /// It is ready, and may be one that goes on.
    Ready,
}

/// A process that is ready to go on.
#[derive(Debug)]
pub(crate) struct Heir {
    channel: UnixStream,
    process: Child,
    patience: Duration,
    wish: watch::Receiver<bool>,
}

/// Why no other process goes on.
#[derive(Debug)]
pub(crate) enum Refused {
    /// This one was told to stop meanwhile, and it was ended.
    Unwanted,
    /// It has ended, or was; in words.
    Failed(String),
}

impl Upgrade {
    /// By the program and the arguments of this process, on these sockets. There are so many `bytes` at the most for another
    /// one to take. On `wish` it is said that this process is to stop.
    ///
    /// # Errors
    /// What the operating system says.
    pub(crate) fn new(
        sockets: [TcpListener; 2],
        terms: Terms,
        bytes: u64,
        wish: watch::Receiver<bool>,
    ) -> io::Result<Self> {
        let (program, args) = (std::env::current_exe()?, std::env::args_os().skip(1).collect());
        let state = Mutex::new(State { sockets: Some(sockets), next: Next::Nobody });
        let patience = PATIENCE + Duration::from_secs(bytes / LEAST_A_SECOND);
        Ok(Self { program, args, terms, patience, wish, state })
    }

    /// The same sockets, once more.
    ///
    /// # Errors
    /// What the operating system says, or that they are closed.
    pub(crate) fn sockets(&self) -> io::Result<[TcpListener; 2]> {
        let state = self.state.lock();
        let [one, other] = state.sockets.as_ref().ok_or_else(|| io::Error::other(ENDS))?;
        Ok([one.try_clone()?, other.try_clone()?])
    }

    /// Listens no more where nobody else does, unless another process is about to go on, or not to: who comes from now on is
    /// refused, and need not wait for an answer that never comes. A process that is not ready yet is ended: it would listen
    /// on, and answer nobody.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        match std::mem::replace(&mut state.next, Next::Wanted) {
            Next::Ready => return state.next = Next::Ready,
            Next::Starting(process) => drop(end(process)),
            Next::Nobody | Next::Wanted => {}
        }
        state.sockets = None;
    }

    /// At each SIGUSR2 starts the other process, and calls `begins` with it when it could go on; one at a time. What does
    /// not start is said on stderr, and changes nothing. Has to be called on a runtime, each time on another one.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub(crate) fn on_signal(self: &Arc<Self>, begins: impl Fn(Heir) + Send + Sync + 'static) -> Result<(), StartError> {
        let (this, begins) = (Arc::clone(self), Arc::new(begins));
        this.state.lock().next = Next::Nobody;
        terminal::on_upgrade(move || {
            let Some(turn) = Turn::take(&this) else { return terminal::warn("upgrade: one is under way") };
            let begins = Arc::clone(&begins);
            // It is waited for, and requests are not.
            let begun = thread::Builder::new().spawn(move || match turn.upgrade.begin() {
                Ok(heir) => begins(heir),
                Err(why) if turn.upgrade.is_closed() => terminal::warn(format_args!("upgrade: {why}")),
                Err(why) => terminal::warn(format_args!("upgrade: {why}; this process goes on")),
            });
            if let Err(why) = begun {
                terminal::warn(format_args!("upgrade: {why}; this process goes on"));
            }
        })
    }

    fn is_closed(&self) -> bool {
        self.state.lock().sockets.is_none()
    }

    /// Starts the other process, and waits until it could go on. Takes a minute at most.
    ///
    /// # Errors
    /// Why there is none, for a person.
    fn begin(&self) -> Result<Heir, String> {
        let program = self.program.display();
        let failed = |error: io::Error| format!("{program}: {error}");
        let (mut own, its) = UnixStream::pair().map_err(failed)?;
        let sockets = self.sockets().map_err(|error| error.to_string())?;
        let count = sockets.len();
        let files = sockets.into_iter().zip(FIRST_FILE..);
        let files = files.map(|(socket, child_fd)| FdMapping { parent_fd: OwnedFd::from(socket), child_fd }).collect();
        let mut command = Command::new(&self.program);
        command.args(&self.args).stdin(Stdio::from(OwnedFd::from(its)));
        command.env(UPGRADE, self.terms.to_string()).env("LISTEN_FDS", count.to_string());
        // They name this process, and mean the other one.
        command.env_remove("LISTEN_PID").env_remove("LISTEN_FDNAMES").env_remove("WATCHDOG_PID");
        command.fd_mappings(files).map_err(|error| format!("{program}: {error}"))?;
        {
            let mut state = self.state.lock();
            if state.sockets.is_none() {
                return Err(ENDS.to_owned());
            }
            state.next = Next::Starting(command.spawn().map_err(failed)?);
        }
        // The other end of the channel is its own alone: when it ends, so does the channel.
        drop(command);
        let mut said = [0; READY.len()];
        let heard = own.set_read_timeout(Some(PATIENCE)).and_then(|()| own.read_exact(&mut said));
        let mut state = self.state.lock();
        let Next::Starting(process) = std::mem::replace(&mut state.next, Next::Wanted) else {
            return Err(ENDS.to_owned());
        };
        if heard.is_ok() && said == READY {
            state.next = Next::Ready;
            return Ok(Heir { process, channel: own, patience: self.patience, wish: self.wish.clone() });
        }
        drop(state);
        let ended = end(process);
        Err(match heard {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                format!("{program} was not ready within {PATIENCE:?}")
            }
            _ => format!("{program} did not start ({ended}): it says why"),
        })
    }
}

/// An upgrade that is under way, until this is dropped without a process that is ready, however that comes: otherwise no
/// other would ever be.
struct Turn {
    upgrade: Arc<Upgrade>,
}

impl Turn {
    /// One, unless another is under way.
    fn take(upgrade: &Arc<Upgrade>) -> Option<Self> {
        let mut state = upgrade.state.lock();
        let is_free = matches!(state.next, Next::Nobody);
        if is_free {
            state.next = Next::Wanted;
        }
        is_free.then(|| Self { upgrade: Arc::clone(upgrade) })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.upgrade.state.lock();
        if !matches!(state.next, Next::Ready) {
            state.next = Next::Nobody;
        }
    }
}

/// Ends a process, and says how it has ended, if it had before.
fn end(mut process: Child) -> String {
    let _ = process.kill();
    process.wait().map_or_else(|error| error.to_string(), |status| status.to_string())
}

impl Heir {
    /// Lets the process go on with what is written to it, and waits until it does; systemd knows then that it is the
    /// server, and it waits for the end of this one.
    ///
    /// # Errors
    /// Why it does not: it has ended.
    pub(crate) fn hand(mut self, write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> Result<(), Refused> {
        let id = self.process.id();
        if let Err(error) = self.handed(write) {
            let ended = end(self.process);
            return Err(match error.kind() {
                _ if *self.wish.borrow() => Refused::Unwanted,
                io::ErrorKind::TimedOut => Refused::Failed(format!("process {id} did not go on: {error}")),
                _ => Refused::Failed(format!("process {id} did not go on ({ended}): it says why")),
            });
        }
        notify::main_process(id);
        terminal::say(format_args!("upgrade: process {id} goes on"));
        // It ends with this process, and so do the locks of its files.
        std::mem::forget(self.channel);
        Ok(())
    }

    fn handed(&mut self, write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> io::Result<()> {
        self.channel.set_read_timeout(Some(LOOK))?;
        self.channel.set_write_timeout(Some(LOOK))?;
        let mut channel = Patiently { channel: &self.channel, wish: &self.wish, patience: PATIENCE };
        channel.look(Instant::now())?;
        write(&mut channel)?;
        channel.write_all(&0_u64.to_le_bytes())?;
        channel.patience = self.patience;
        let mut said = [0];
        channel.read_exact(&mut said)?;
        if said == [TAKEN] { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
    }
}

/// A channel to a process that is waited for, as long as this one need not stop.
struct Patiently<'a> {
    channel: &'a UnixStream,
    wish: &'a watch::Receiver<bool>,
    /// For each piece.
    patience: Duration,
}

impl Patiently<'_> {
    /// Tries until something comes or goes.
    fn until(&self, mut step: impl FnMut(&UnixStream) -> io::Result<usize>) -> io::Result<usize> {
        let begun = Instant::now();
        loop {
            match step(self.channel) {
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    self.look(begun)?;
                }
                done => return done,
            }
        }
    }

    /// Whether to wait on.
    fn look(&self, begun: Instant) -> io::Result<()> {
        if *self.wish.borrow() {
            return Err(io::Error::other(ENDS));
        }
        if begun.elapsed() >= self.patience {
            let why = format!("it did nothing for {:?}, and was ended", self.patience);
            return Err(io::Error::new(io::ErrorKind::TimedOut, why));
        }
        Ok(())
    }
}

impl io::Write for Patiently<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.until(|mut channel| channel.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl io::Read for Patiently<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.until(|mut channel| channel.read(bytes))
    }
}

/// The process that runs until this one does.
#[derive(Debug)]
pub(crate) struct Predecessor {
    channel: UnixStream,
    terms: Terms,
}

impl Predecessor {
    /// That of this process, if there is one.
    ///
    /// # Errors
    /// When the environment says that there is one, and there is not.
    pub(crate) fn known() -> Result<Option<Self>, StartError> {
        let Ok(terms) = std::env::var(UPGRADE) else { return Ok(None) };
        let wrong = |why: String| StartError::new(format_args!("{UPGRADE}: {why} (only a server sets it)"));
        let terms = Terms::parse(&terms).ok_or_else(|| wrong(format!("`{terms}` is not understood")))?;
        let channel = io::stdin().as_fd().try_clone_to_owned().map_err(|error| wrong(error.to_string()))?;
        Ok(Some(Self { channel: channel.into(), terms }))
    }

    /// Says that this process is ready, and returns what the other one has left, which has no connections any more. It
    /// has to be told that this one [goes on](Self::succeed).
    ///
    /// # Errors
    /// When this process can't go on with that by its own `terms`, and has said nothing; or the other one has ended.
    pub(crate) fn follow(&mut self, terms: &Terms) -> Result<Vec<u8>, StartError> {
        terms
            .follow(&self.terms)
            .map_err(|why| StartError::new(format_args!("this can't go on in place of the server that runs: {why}")))?;
        let left = self.channel.write_all(READY).and_then(|()| left(&mut self.channel));
        left.map_err(|error| StartError::new(format_args!("the server that ran before this one: {error}")))
    }

    /// Says that this process goes on with what was left, and waits until the other one has ended.
    pub(crate) fn succeed(mut self) {
        // One that has ended does not hear it.
        let _ = self.channel.write_all(&[TAKEN]);
        let _ = self.channel.read_to_end(&mut Vec::new());
    }
}

/// What is left: pieces, each with the number of its bytes before it, and an empty one behind the last.
fn left(channel: &mut UnixStream) -> io::Result<Vec<u8>> {
    let mut left = Vec::new();
    loop {
        let mut head = [0; 8];
        channel.read_exact(&mut head)?;
        let bytes = u64::from_le_bytes(head);
        if bytes == 0 {
            return Ok(left);
        }
        left.extend_from_slice(&head);
        if channel.take(bytes).read_to_end(&mut left)? as u64 != bytes {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A process that says nothing.
    fn hangs(patience: Duration, wish: &watch::Sender<bool>) -> (Heir, UnixStream) {
        let (channel, its) = UnixStream::pair().unwrap();
        let process = Command::new("sleep").arg("60").spawn().unwrap();
        (Heir { channel, process, patience, wish: wish.subscribe() }, its)
    }

    #[test]
    fn a_process_that_hangs_is_ended_when_its_time_is_over() {
        let (heir, _its) = hangs(Duration::from_millis(300), &watch::Sender::new(false));
        let begun = Instant::now();
        let Err(Refused::Failed(why)) = heir.hand(|to| to.write_all(b"all")) else { panic!("it goes on") };
        assert!(why.contains("did nothing for 300ms"), "{why}");
        assert!(begun.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_process_that_takes_nothing_is_ended_when_this_one_is_to_stop() {
        let wish = watch::Sender::new(false);
        let (heir, _its) = hangs(PATIENCE, &wish);
        let stops = thread::spawn(move || {
            thread::sleep(Duration::from_millis(200));
            wish.send_replace(true);
            wish
        });
        // No socket has room for so much.
        let handed = heir.hand(|to| to.write_all(&vec![0; 64 << 20]));
        assert!(matches!(handed, Err(Refused::Unwanted)), "{handed:?}");
        stops.join().unwrap();
    }
}
