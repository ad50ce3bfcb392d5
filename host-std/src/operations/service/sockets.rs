//! Sockets that somebody else has opened, and this process serves.

use std::io;
use std::net::TcpListener;

use listenfd::ListenFd;
use nix::sys::socket::{getsockopt, sockopt};

use crate::terminal::{self, StartError};

/// Sockets that listen and were handed to this process at its start, as systemd does (sd_listen_fds(3)); in the order in
/// which a unit has them.
pub(crate) struct Sockets {
    handed: ListenFd,
    next: usize,
}

impl Sockets {
    /// Those that there are. Before any thread is started: the environment says it, and is changed.
    pub(crate) fn handed() -> Self {
        Self { handed: ListenFd::from_env(), next: 0 }
    }

    /// The next of them; when there is none, one that listens where `flag` says.
    ///
    /// # Errors
    /// What was handed is no socket that listens for TCP; or the port can't be taken.
    pub(crate) fn next_or_bind(&mut self, address: &str, port: u16, flag: &str) -> Result<TcpListener, StartError> {
        let number = self.next;
        self.next += 1;
        let wrong = |error: io::Error| {
            StartError::new(format_args!("socket {} of those that were handed to this process: {error}", number + 1))
        };
        match self.handed.take_tcp_listener(number).map_err(wrong)? {
            Some(listener) => {
                // One that is a connection already looks like one that listens, and accepts nothing for ever.
                if !getsockopt(&listener, sockopt::AcceptConn).map_err(|error| wrong(error.into()))? {
                    return Err(wrong(io::Error::other("it is a connection, and does not listen (Accept=no)")));
                }
                listener.set_nonblocking(true).map_err(wrong)?;
                Ok(listener)
            }
            None => terminal::bind(address, port, flag),
        }
    }

    /// Nobody would answer on a socket that is left over.
    ///
    /// # Errors
    /// There are more than were asked for.
    pub(crate) fn finish(self) -> Result<(), StartError> {
        match self.handed.len() {
            more if more > self.next => Err(StartError::new(format_args!(
                "{more} sockets were handed to this process, and it serves {}",
                self.next
            ))),
            _ => Ok(()),
        }
    }
}
