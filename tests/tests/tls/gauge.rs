//! A server that speaks TLS, and who asks it.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use streamgauge_tests::certificates::Authority;
use streamgauge_tests::process::Process;
use streamgauge_tests::wait::until;
use tempfile::TempDir;

/// The names of this machine.
pub(crate) const HERE: [&str; 2] = ["localhost", "127.0.0.1"];

/// A server that speaks TLS, and the folder of its certificate.
pub(crate) struct Gauge {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    pub(crate) folder: TempDir,
}

impl Gauge {
    pub(crate) fn new(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Authority::new(folder.path(), "ca").vouch("server", &HERE);
        Self::of(folder, args)
    }

    /// One with the certificate of a folder.
    pub(crate) fn of(folder: TempDir, args: &[&str]) -> Self {
        let mut gauge = Self { process: Self::start(folder.path(), args), address: ([0; 4], 0).into(), folder };
        let line = gauge.process.line("pubsub   https://");
        gauge.address = line.split_whitespace().next().unwrap().parse().unwrap();
        gauge
    }

    pub(crate) fn start(folder: &Path, args: &[&str]) -> Process {
        let file = |flag: &str, name: &str| format!("--{flag}={}", folder.join(name).display());
        let own = [file("tls-cert", "server.pem"), file("tls-key", "server.key")];
        let first = ["serve", "--pubsub-port=0", "--queue-port=0", "--no-bridge"];
        let all = first.into_iter().chain(own.iter().map(String::as_str)).chain(args.iter().copied());
        Process::start("streamgauge", all)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }

    pub(crate) fn curl_command(&self, args: &[&str]) -> Command {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--no-buffer", "--max-time", "60", "--cacert"]).arg(self.file("ca.pem"));
        curl.args(args);
        curl
    }

    /// What curl prints, or complains about.
    pub(crate) fn curl(&self, args: &[&str]) -> Result<Vec<u8>, String> {
        let output = self.curl_command(args).stdin(Stdio::null()).output().expect("curl starts");
        let wrong = || format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
        if output.status.success() { Ok(output.stdout) } else { Err(wrong()) }
    }

    /// What `path` answers.
    pub(crate) fn ask(&self, path: &str) -> String {
        String::from_utf8(self.curl(&[&self.url(path)]).unwrap()).unwrap()
    }

    pub(crate) fn counter(&self, line: &str) -> u64 {
        let stats = self.ask("/stats");
        let value = stats.lines().find_map(|known| known.strip_prefix(line)?.strip_prefix(": "));
        value.unwrap_or_else(|| panic!("no {line} in {stats}")).parse().unwrap()
    }

    /// Waits for so many subscribers.
    pub(crate) fn has(&self, subscribers: u64) {
        until("subscribers", || (self.counter("Active connections") == subscribers).then_some(()));
    }

    /// A client that sees every byte behind the TLS of openssl.
    pub(crate) fn openssl(&self, authority: &Path) -> Openssl {
        let mut child = Command::new("openssl")
            .args(["s_client", "-quiet", "-verify_return_error", "-connect", &self.address.to_string(), "-CAfile"])
            .arg(authority)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl starts");
        let mut stdout = child.stdout.take().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hearing = Arc::clone(&heard);
        thread::spawn(move || {
            let mut buffer = vec![0; 64 << 10];
            while let Ok(read) = stdout.read(&mut buffer)
                && read > 0
            {
                hearing.lock().unwrap().extend_from_slice(&buffer[..read]);
            }
        });
        Openssl { child, heard }
    }
}

/// A client of openssl, until it is dropped.
pub(crate) struct Openssl {
    pub(crate) child: Child,
    pub(crate) heard: Arc<Mutex<Vec<u8>>>,
}

impl Openssl {
    pub(crate) fn say(&mut self, bytes: &[u8]) {
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin.write_all(bytes).unwrap();
        stdin.flush().unwrap();
    }

    pub(crate) fn hear(&self, what: &[u8]) {
        until(&format!("{:?}", String::from_utf8_lossy(what)), || {
            self.heard.lock().unwrap().windows(what.len()).any(|part| part == what).then_some(())
        });
    }
}

impl Drop for Openssl {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
