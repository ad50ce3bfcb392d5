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

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::net::TcpListener;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use command_fds::{CommandFdExt as _, FdMapping};
use parking_lot::Mutex;

use super::{Terms, notify};
use crate::terminal::{self, StartError};

/// How the new process is told that it is one, and the terms of the old one.
pub(crate) const UPGRADE: &str = "STREAMGAUGE_UPGRADE";

/// What the new process says once it could serve.
const READY: &[u8] = b"ready\n";

/// What it says once it has taken all that the old one held.
const TAKEN: u8 = b't';

/// How long it may take to say so.
const PATIENCE: Duration = Duration::from_secs(60);

/// The first file that is handed: after stdin, stdout and stderr.
const FIRST_FILE: i32 = 3;

/// How this process is followed by another one.
#[derive(Debug)]
pub(crate) struct Upgrade {
    /// Where the program was when this process began: what is there now is what is started.
    program: PathBuf,
    args: Vec<OsString>,
    terms: Terms,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// They listen until they are closed.
    sockets: Option<[TcpListener; 2]>,
    /// Another process was started, and may be one that goes on.
    is_under_way: bool,
}

/// A process that is ready to go on.
#[derive(Debug)]
pub(crate) struct Heir {
    channel: UnixStream,
    process: Child,
}

impl Upgrade {
    /// By the program and the arguments of this process, on these sockets.
    ///
    /// # Errors
    /// What the operating system says.
    pub(crate) fn new(sockets: [TcpListener; 2], terms: Terms) -> io::Result<Self> {
        let (program, args) = (std::env::current_exe()?, std::env::args_os().skip(1).collect());
        let state = Mutex::new(State { sockets: Some(sockets), is_under_way: false });
        Ok(Self { program, args, terms, state })
    }

    /// The same sockets, once more.
    ///
    /// # Errors
    /// What the operating system says, or that they are closed.
    pub(crate) fn sockets(&self) -> io::Result<[TcpListener; 2]> {
        let state = self.state.lock();
        let [one, other] = state.sockets.as_ref().ok_or_else(|| io::Error::other("this process ends"))?;
        Ok([one.try_clone()?, other.try_clone()?])
    }

    /// Listens no more where nobody else does, unless another process may be about to go on, or not to: who comes from now
    /// on is refused, and need not wait for an answer that never comes.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        if !state.is_under_way {
            state.sockets = None;
        }
    }

    /// At each SIGUSR2 starts the other process, and calls `begins` with it when it could go on; one at a time. What does
    /// not start is said on stderr, and changes nothing. Has to be called on a runtime, each time on another one.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub(crate) fn on_signal(self: &Arc<Self>, begins: impl Fn(Heir) + Send + Sync + 'static) -> Result<(), StartError> {
        let (this, begins) = (Arc::clone(self), Arc::new(begins));
        this.state.lock().is_under_way = false;
        terminal::on_upgrade(move || {
            let Some(turn) = Turn::take(&this) else { return terminal::say("upgrade: one is under way") };
            let begins = Arc::clone(&begins);
            // It is waited for, and requests are not.
            let begun = thread::Builder::new().spawn(move || match turn.upgrade.begin() {
                Ok(heir) => {
                    begins(heir);
                    turn.keep();
                }
                Err(why) => terminal::say(format_args!("upgrade: {why}; this process goes on")),
            });
            if let Err(why) = begun {
                terminal::say(format_args!("upgrade: {why}; this process goes on"));
            }
        })
    }

    /// Starts the other process, and waits until it could go on. Takes a minute at most.
    ///
    /// # Errors
    /// Why there is none, for a person.
    fn begin(&self) -> Result<Heir, String> {
        let program = self.program.display();
        let failed = |error: io::Error| format!("{program}: {error}");
        let (mut own, its) = UnixStream::pair().map_err(failed)?;
        let sockets = self.sockets().map_err(failed)?;
        let count = sockets.len();
        let files = sockets.into_iter().zip(FIRST_FILE..);
        let files = files.map(|(socket, child_fd)| FdMapping { parent_fd: OwnedFd::from(socket), child_fd }).collect();
        let mut command = Command::new(&self.program);
        command.args(&self.args).stdin(Stdio::from(OwnedFd::from(its)));
        command.env(UPGRADE, self.terms.to_string()).env("LISTEN_FDS", count.to_string());
        // They name this process, and mean the other one.
        command.env_remove("LISTEN_PID").env_remove("LISTEN_FDNAMES").env_remove("WATCHDOG_PID");
        command.fd_mappings(files).map_err(|error| format!("{program}: {error}"))?;
        let child = command.spawn().map_err(failed)?;
        // The other end of the channel is its own alone: when it ends, so does the channel.
        drop(command);
        let mut said = [0; READY.len()];
        let heard = own.set_read_timeout(Some(PATIENCE)).and_then(|()| own.read_exact(&mut said));
        if heard.is_ok() && said == READY {
            return Ok(Heir { process: child, channel: own });
        }
        let ended = end(child);
        Err(match heard {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                format!("{program} was not ready within {PATIENCE:?}")
            }
            _ => format!("{program} did not start ({ended}): it says why"),
        })
    }
}

/// An upgrade that is under way, until this is dropped, however that comes: otherwise no other would ever be.
struct Turn {
    upgrade: Arc<Upgrade>,
    is_kept: bool,
}

impl Turn {
    /// One, unless another is under way.
    fn take(upgrade: &Arc<Upgrade>) -> Option<Self> {
        let is_other = std::mem::replace(&mut upgrade.state.lock().is_under_way, true);
        (!is_other).then(|| Self { upgrade: Arc::clone(upgrade), is_kept: false })
    }

    /// It stays so: there is a process that may go on.
    fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.is_kept {
            self.upgrade.state.lock().is_under_way = false;
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
    /// Why it does not, for a person: it has ended.
    pub(crate) fn hand(mut self, write: impl FnOnce(&mut UnixStream) -> io::Result<()>) -> Result<(), String> {
        let id = self.process.id();
        let end_of_all = 0_u64.to_le_bytes();
        let handed = write(&mut self.channel).and_then(|()| self.channel.write_all(&end_of_all));
        if handed.and_then(|()| self.taken()).is_err() {
            return Err(format!("process {id} did not go on ({}): it says why", end(self.process)));
        }
        notify::main_process(id);
        terminal::say(format_args!("upgrade: process {id} goes on"));
        // It ends with this process, and so do the locks of its files.
        std::mem::forget(self.channel);
        Ok(())
    }

    /// Waits until it has taken all. However long that takes, this process lives.
    fn taken(&mut self) -> io::Result<()> {
        self.channel.set_read_timeout(notify::interval())?;
        let mut said = [0];
        while let Err(error) = self.channel.read_exact(&mut said) {
            match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => notify::alive(),
                _ => return Err(error),
            }
        }
        if said == [TAKEN] { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
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
