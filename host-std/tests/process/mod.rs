//! A queue in a process of its own, so that all its connections end with it.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

/// `simplequeue`, killed when it is dropped.
pub(crate) struct QueueProcess(Child);

impl QueueProcess {
    /// Listens on this port of loopback.
    pub(crate) fn start(port: u16) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_simplequeue"));
        command.args(["--address=127.0.0.1", &format!("--port={port}")]).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.is_ok_and(|line| line.starts_with("listening on "))));
        Self(child)
    }
}

impl Drop for QueueProcess {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
