//! A process that was to go on in place of another one, and does nothing: it holds no end up.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use streamgauge_tests::build::tool;
use streamgauge_tests::process::Server;
use streamgauge_tests::wait::until;
use tempfile::TempDir;

/// A server whose program is another one by now, which does what `script` says, and then nothing.
struct Followed {
    server: Server,
    folder: TempDir,
}

impl Followed {
    fn by(script: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let (program, log) = (folder.path().join("streamgauge"), folder.path().join("overflow"));
        fs::copy(tool("streamgauge"), &program).unwrap();
        let mut command = Command::new(&program);
        command.args(["serve", "--pubsub-port=0", "--queue-port=0", "--no-bridge", "--allow-host=t"]);
        command.arg("--overflow-log").arg(&log).env_remove("RUST_LOG");
        let server = Server::of(command, "queue    http://");
        assert_eq!(server.connect().post("/put", "here").status, 200);
        let (other, is_there) = (folder.path().join("other"), folder.path().join("is-there"));
        fs::write(&other, format!("#!/bin/sh\n{script}\necho $$ > {}\nexec sleep 60\n", is_there.display())).unwrap();
        fs::set_permissions(&other, fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(&other, &program).unwrap();
        server.process.signal(Signal::SIGUSR2);
        until("the other process", || fs::read_to_string(&is_there).ok().filter(|id| id.ends_with('\n')));
        Self { server, folder }
    }

    /// Stops the server, which ends as any does, and leaves no other process.
    fn stops(mut self) {
        self.server.process.signal(Signal::SIGTERM);
        assert_eq!(self.server.process.exit_code(), 0, "{}", self.server.process.stderr());
        let id = fs::read_to_string(self.folder.path().join("is-there")).unwrap();
        let id = Pid::from_raw(id.trim().parse().unwrap());
        assert!(!Path::new("/proc").join(id.to_string()).exists(), "nobody has waited for it");
        assert!(TcpStream::connect(self.server.address).is_err(), "somebody listens still");
        let left = fs::read_to_string(self.folder.path().join("overflow")).unwrap();
        assert_eq!(left, "{\"queue\":\"main\",\"data\":\"here\"}\n");
    }
}

#[test]
fn a_process_that_is_never_ready_is_ended_with_the_one_that_stops() {
    Followed::by("").stops();
}

#[test]
fn a_process_that_is_ready_and_takes_nothing_is_ended_with_the_one_that_stops() {
    Followed::by(r#"printf 'ready\n' >&0"#).stops();
}
