//! Whether a server could start with what flags name: tried without changing anything on the disk.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use nix::unistd::{AccessFlags, access};

use super::Options;
use crate::server::Files;
use crate::terminal::StartError;

impl Options {
    /// Where it would listen: at this address, whatever has its ports now.
    ///
    /// # Errors
    /// This machine has no such address.
    pub(super) fn listening(&self) -> Result<SocketAddr, StartError> {
        let bound = TcpListener::bind((&*self.address, 0)).and_then(|listener| listener.local_addr());
        let at = bound.map_err(|error| StartError::new(format_args!("--address: {}: {error}", self.address)))?;
        Ok(SocketAddr::new(at.ip(), self.pubsub_port))
    }

    /// What of the files and folders, the user and the group that they name can't be used.
    pub(super) fn unusable(&self) -> Vec<StartError> {
        let wrong = |(flag, path, error): (&str, &Path, io::Error)| {
            StartError::new(format_args!("--{flag}: {}: {error}", path.display()))
        };
        let named = [
            ("www", self.www.as_deref(), (|path| Files::new(path).map(drop)) as fn(&Path) -> io::Result<()>),
            ("overflow-log", self.queue.overflow_log.as_deref(), appended_to),
            ("data-dir", self.data_dir.as_deref(), kept_in),
        ];
        let tried = named.into_iter().filter_map(|(flag, path, tried)| Some((flag, path?, tried(path?).err()?)));
        tried.map(wrong).chain(self.process.unusable()).chain(self.port_twice()).collect()
    }

    /// Both ports, if they are one.
    fn port_twice(&self) -> Option<StartError> {
        let port = Some(self.queue_port).filter(|port| *port > 0 && *port == self.pubsub_port)?;
        Some(StartError::new(format_args!("--queue-port {port} must be another port than --pubsub-port")))
    }
}

/// Whether a file could be opened to be written, or made.
fn appended_to(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(there) if there.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => writable(parent(path)),
        Ok(_) => Ok(access(path, AccessFlags::W_OK)?),
        Err(error) => Err(error),
    }
}

/// Whether a folder could be written to, or made with those that it is in.
fn kept_in(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(there) if !there.is_dir() => Err(io::ErrorKind::NotADirectory.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => kept_in(parent(path)),
        Ok(_) => writable(path),
        Err(error) => Err(error),
    }
}

fn writable(folder: &Path) -> io::Result<()> {
    Ok(access(folder, AccessFlags::W_OK | AccessFlags::X_OK)?)
}

/// The folder that a path is in.
fn parent(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
