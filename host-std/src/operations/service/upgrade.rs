//! Another process goes on in the place of this one, on the same sockets and with what it held.
//!
//! The one that runs starts the program again, as it is on the disk by now, with its own arguments, its sockets, and one
//! end of a channel as its stdin. The new one reads its flags and files, and says on the channel that it is ready; until
//! then nothing has changed, and a new one that does not start is only told about. Then the old one takes no more
//! connections, answers what it has been asked, writes what it holds in memory to the channel, and ends: that is when
//! the channel ends too. The new one begins with what it has read, or with the folder or engine that is free by then.
//! Who connects meanwhile waits in the socket, which never stops to listen.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::net::TcpListener;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use command_fds::{CommandFdExt as _, FdMapping};

use super::notify;
use crate::terminal::{self, StartError};

/// What the new process has to do as the old one did, to go on with what that held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) kept: Kept,
    pub(crate) shards: u64,
    /// Bytes that topics and queues may hold.
    pub(crate) memory: u64,
    pub(crate) max_names: u64,
}

/// Where topics and queues are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    Memory,
    Folder,
    Engine,
}

/// How the new process is told that it is one, and the terms of the old one.
pub(crate) const UPGRADE: &str = "STREAMGAUGE_UPGRADE";

/// What the new process says once it could serve.
const READY: &[u8] = b"ready\n";

/// How long it may take to say so.
const PATIENCE: Duration = Duration::from_secs(60);

/// The first file that is handed: after stdin, stdout and stderr.
const FIRST_FILE: i32 = 3;

impl Terms {
    /// Whether a process with these terms can go on with what one has held that had the `others`.
    fn follow(&self, others: &Self) -> Result<(), String> {
        if self.kept != others.kept {
            return Err(format!("it keeps {}, and this one would {}", others.kept, self.kept));
        }
        if self.kept != Kept::Memory {
            return Ok(());
        }
        if self.shards != others.shards {
            return Err(format!("it has --shards {}, and this one {}", others.shards, self.shards));
        }
        for (flag, own, its) in
            [("--memory", self.memory, others.memory), ("--max-names", self.max_names, others.max_names)]
        {
            if own < its {
                return Err(format!("it has {flag} {its}, and what it holds may not fit into {own}"));
            }
        }
        Ok(())
    }

    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let kept = match words.next()? {
            "memory" => Kept::Memory,
            "folder" => Kept::Folder,
            "engine" => Kept::Engine,
            _ => return None,
        };
        let mut number = || words.next()?.parse().ok();
        Some(Self { kept, shards: number()?, memory: number()?, max_names: number()? })
    }
}

impl fmt::Display for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kept, shards, memory, max_names } = self;
        let kept = match kept {
            Kept::Memory => "memory",
            Kept::Folder => "folder",
            Kept::Engine => "engine",
        };
        write!(f, "{kept} {shards} {memory} {max_names}")
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "all in memory",
            Self::Folder => "all in a folder (--data-dir)",
            Self::Engine => "all in an engine (--engine)",
        })
    }
}

/// How this process is followed by another one.
#[derive(Debug)]
pub(crate) struct Upgrade {
    /// Where the program was when this process began: what is there now is what is started.
    program: PathBuf,
    args: Vec<OsString>,
    sockets: Vec<TcpListener>,
    terms: Terms,
}

/// A process that is ready to go on.
#[derive(Debug)]
pub(crate) struct Heir {
    channel: UnixStream,
    process: u32,
}

impl Upgrade {
    /// By the program and the arguments of this process, on these sockets.
    ///
    /// # Errors
    /// What the operating system says.
    pub(crate) fn new(sockets: &[&TcpListener], terms: Terms) -> io::Result<Self> {
        let sockets = sockets.iter().map(|socket| socket.try_clone()).collect::<io::Result<_>>()?;
        Ok(Self { program: std::env::current_exe()?, args: std::env::args_os().skip(1).collect(), sockets, terms })
    }

    /// At each SIGUSR2 starts the other process, and calls `begins` with it when it could go on; one at a time. What does
    /// not start is said on stderr, and changes nothing. Has to be called on a runtime.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub(crate) fn on_signal(self, begins: impl Fn(Heir) + Send + Sync + 'static) -> Result<(), StartError> {
        let (this, begins, is_busy) = (Arc::new(self), Arc::new(begins), Arc::new(AtomicBool::new(false)));
        terminal::on_upgrade(move || {
            if is_busy.swap(true, Ordering::Relaxed) {
                return eprintln!("upgrade: one is under way");
            }
            let (this, begins, is_busy) = (Arc::clone(&this), Arc::clone(&begins), Arc::clone(&is_busy));
            // It is waited for, and requests are not.
            thread::spawn(move || match this.begin() {
                Ok(heir) => {
                    eprintln!("upgrade: process {} goes on", heir.process);
                    begins(heir);
                }
                Err(why) => {
                    eprintln!("upgrade: {why}; this process goes on");
                    is_busy.store(false, Ordering::Relaxed);
                }
            });
        })
    }

    /// Starts the other process, and waits until it could go on; systemd knows then that it is the server. Takes a
    /// minute at most.
    ///
    /// # Errors
    /// Why there is none, for a person.
    fn begin(&self) -> Result<Heir, String> {
        let program = self.program.display();
        let failed = |error: io::Error| format!("{program}: {error}");
        let (mut own, its) = UnixStream::pair().map_err(failed)?;
        let files = self
            .sockets
            .iter()
            .zip(FIRST_FILE..)
            .map(|(socket, child_fd)| Ok(FdMapping { parent_fd: OwnedFd::from(socket.try_clone()?), child_fd }));
        let files = files.collect::<io::Result<Vec<_>>>().map_err(failed)?;
        let mut command = Command::new(&self.program);
        command.args(&self.args).stdin(Stdio::from(OwnedFd::from(its)));
        command.env(UPGRADE, self.terms.to_string()).env("LISTEN_FDS", self.sockets.len().to_string());
        // They name this process, and mean the other one.
        command.env_remove("LISTEN_PID").env_remove("LISTEN_FDNAMES").env_remove("WATCHDOG_PID");
        command.fd_mappings(files).map_err(|error| format!("{program}: {error}"))?;
        let mut child = command.spawn().map_err(failed)?;
        // The other end of the channel is its own alone: when it ends, so does the channel.
        drop(command);
        let mut said = [0; READY.len()];
        let heard = own.set_read_timeout(Some(PATIENCE)).and_then(|()| own.read_exact(&mut said));
        if heard.is_ok() && said == READY {
            notify::main_process(child.id());
            return Ok(Heir { process: child.id(), channel: own });
        }
        let _ = child.kill();
        let ended = child.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
        Err(match heard {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                format!("{program} was not ready within {PATIENCE:?}")
            }
            _ => format!("{program} did not start ({ended}): it says why"),
        })
    }
}

impl Heir {
    /// Where it reads what this process holds.
    pub(crate) const fn channel(&mut self) -> &mut UnixStream {
        &mut self.channel
    }

    /// Leaves the channel open: it ends with this process, and so do the locks of its files.
    pub(crate) fn wait_for_our_end(self) {
        std::mem::forget(self.channel);
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

    /// Says that this process is ready, and waits until the other one has ended. Returns what it has left.
    ///
    /// # Errors
    /// When this process can't go on with that by its own `terms`, and has said nothing.
    pub(crate) fn follow(mut self, terms: &Terms) -> Result<Vec<u8>, StartError> {
        terms
            .follow(&self.terms)
            .map_err(|why| StartError::new(format_args!("this can't go on in place of the server that runs: {why}")))?;
        let mut left = Vec::new();
        let heard = self.channel.write_all(READY).and_then(|()| self.channel.read_to_end(&mut left));
        heard.map_err(|error| StartError::new(format_args!("the server that ran before this one: {error}")))?;
        Ok(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms { kept: Kept::Memory, shards: 2, memory: 1 << 30, max_names: 20_000 };

    #[test]
    fn terms_are_read_as_they_are_written() {
        for kept in [Kept::Memory, Kept::Folder, Kept::Engine] {
            let terms = Terms { kept, ..TERMS };
            assert_eq!(Terms::parse(&terms.to_string()), Some(terms));
        }
        for wrong in ["", "memory", "disk 1 2 3", "memory 1 2", "memory a 2 3"] {
            assert_eq!(Terms::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn who_has_less_room_can_not_go_on() {
        let follows = |terms: Terms| terms.follow(&TERMS).is_ok();
        assert!(follows(TERMS));
        assert!(follows(Terms { memory: 2 << 30, max_names: 30_000, ..TERMS }), "more is enough");
        assert!(!follows(Terms { memory: (1 << 30) - 1, ..TERMS }));
        assert!(!follows(Terms { max_names: 19_999, ..TERMS }));
        assert!(!follows(Terms { shards: 1, ..TERMS }), "what a shard holds is its own");
        assert!(!follows(Terms { kept: Kept::Folder, ..TERMS }));
        let folder = Terms { kept: Kept::Folder, ..TERMS };
        assert!(Terms { memory: 1, ..folder }.follow(&folder).is_ok(), "it is told when it reads the folder");
    }
}
