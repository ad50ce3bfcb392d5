//! Where the lines are typed: a folder, a server or two gateways on ports of their own, and a Redis.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use streamgauge_tests::build::tool;
use streamgauge_tests::ports::free_address;
use streamgauge_tests::process::{Process, is_ready};
use streamgauge_tests::wait::{until, until_within};
use tempfile::TempDir;

/// How long one command may take on a machine that is busy.
const LIMIT: Duration = Duration::from_secs(60);

pub(crate) struct Shell {
    folder: TempDir,
    path: OsString,
    /// What the page has, and what is meant here.
    meant: [(&'static str, String); 5],
    _servers: Vec<Process>,
}

impl Shell {
    /// With the real clicks in the folder, or what the page says to take where there are none; with flags that name an
    /// engine queues are at another gateway.
    pub(crate) fn start(clicks: Option<&Path>, flags: &[&str]) -> Self {
        let folder = TempDir::new().expect("a folder");
        let server =
            || Process::start("streamgauge", [&["serve", "--pubsub-port=0", "--queue-port=0"], flags].concat());
        let mut servers: Vec<_> = (0..if flags.is_empty() { 1 } else { 2 }).map(|_| server()).collect();
        for server in &mut servers {
            let address = port(server, "pubsub   ").parse().expect("an address");
            until_within(LIMIT, "a gateway to join", || is_ready(address).then_some(()));
        }
        let pubsub = port(&mut servers[0], "pubsub   ");
        let queue = port(servers.last_mut().expect("a server"), "queue    ");
        let redis = free_address().port().to_string();
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--port", &redis]).arg("--dir").arg(folder.path());
        servers.push(Process::spawn(command));
        until("redis to answer", || {
            let ping = Command::new("redis-cli").args(["-p", &redis, "ping"]).output().ok()?;
            (ping.stdout == b"PONG\n").then_some(())
        });
        let tools = tool("streamgauge").parent().map(Path::to_owned).expect("a folder");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([tools].into_iter().chain(std::env::split_paths(&path))).expect("a path");
        let meant = [
            ("127.0.0.1:8080", pubsub),
            ("127.0.0.1:8081", queue),
            ("127.0.0.1:6379", format!("127.0.0.1:{redis}")),
            ("redis-cli", format!("redis-cli -p {redis}")),
            ("cargo run -q --release --example reader --", tool("examples/reader").display().to_string()),
        ];
        let shell = Self { folder, path, meant, _servers: servers };
        match clicks {
            Some(real) => drop(fs::copy(real, shell.folder().join(CLICKS)).expect("the clicks")),
            None => assert!(shell.run(&format!("streamgauge generate clicks --count 1780 --seed 1 > {CLICKS}")).1),
        }
        shell
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What the command prints, on stderr too, and whether its exit code is 0.
    pub(crate) fn run(&self, line: &str) -> (String, bool) {
        let line = self.meant.iter().fold(line.to_owned(), |line, (written, meant)| line.replace(written, meant));
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &format!("exec 2>&1\n{line}")]).current_dir(self.folder());
        command.env("PATH", &self.path).env("COLUMNS", "72").env("LC_ALL", "C.UTF-8").env_remove("RUST_LOG");
        // For commands that the page leaves to find the server at its usual port.
        command.env("STREAMGAUGE_URL", format!("http://{}", self.meant[0].1));
        let mut process = Process::spawn(command);
        let code = until_within(LIMIT, line.as_str(), || process.try_exit_code());
        (process.stdout().trim_end().to_owned(), code == 0)
    }
}

fn port(server: &mut Process, start: &str) -> String {
    let line = server.line(start);
    let address = line.split_whitespace().next().expect("an address");
    address.strip_prefix("http://").expect("a URL").to_owned()
}

/// The file that the page has.
const CLICKS: &str = "usagov-clicks.jsonl";
