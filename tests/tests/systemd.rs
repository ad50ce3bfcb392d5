//! The units as they are shipped, under a systemd that is real: a manager of its own, in namespaces where nobody else has to
//! see it. What is told to it is the business of `service`.

use std::fs;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use streamgauge_tests::build::{tool, workspace};
use streamgauge_tests::client::Client;
use streamgauge_tests::needs;
use streamgauge_tests::ports::free_address;
use streamgauge_tests::process::Process;
use streamgauge_tests::wait::{SOON, until, until_within};
use tempfile::TempDir;

/// Where Debian has it; it is on nobody's path.
const SYSTEMD: &str = "/lib/systemd/systemd";

/// Makes what systemd finds in `/run` where it has booted the machine, and lets it look after the units of `$1`.
///
/// What it is told comes through a socket in the folder that is its own, which has to be open: the service is another user.
const BOOT: &str = r#"
    mount -t tmpfs tmpfs /run
    mkdir -p /run/systemd/system /run/systemd/inaccessible/dir /run/user /run/manager /run/home/.config/systemd
    touch /run/systemd/inaccessible/reg
    mkfifo /run/systemd/inaccessible/fifo
    mknod /run/systemd/inaccessible/chr c 0 0
    cp -r "$1/units" /run/home/.config/systemd/user
    cp "$2" /run/streamgauge
    umask 000
    HOME=/run/home XDG_RUNTIME_DIR=/run/manager /lib/systemd/systemd --user --log-target=console --unit=basic.target &
    wait
"#;

/// A systemd.
struct Manager {
    process: Process,
    /// Of the shell that has started it, which has the namespaces.
    within: u32,
    _folder: TempDir,
}

impl Manager {
    /// One that has these units, and what is changed of them: files for the folders of drop-ins.
    fn start(changes: &[(&str, String)]) -> Option<Self> {
        if !needs::programs(&["unshare", "nsenter", "systemctl"]) {
            return None;
        }
        if !Path::new(SYSTEMD).exists() {
            needs::without("systemd is not on this machine", "tests/run installs it");
            return None;
        }
        let folder = TempDir::new().unwrap();
        let units = folder.path().join("units");
        fs::create_dir(&units).unwrap();
        for (unit, change) in changes {
            let shipped: PathBuf = workspace().join("host-std/packaging").join(unit);
            fs::copy(shipped, units.join(unit)).unwrap();
            let drop_ins = units.join(format!("{unit}.d"));
            fs::create_dir(&drop_ins).unwrap();
            fs::write(drop_ins.join("here.conf"), change).unwrap();
        }
        let mut command = Command::new("unshare");
        if !nix::unistd::geteuid().is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        command.args(["--mount", "--propagation=private", "--pid", "--fork", "--kill-child", "--mount-proc"]);
        command.args(["sh", "-ec", BOOT, "sh"]).arg(folder.path()).arg(tool("streamgauge"));
        let mut process = Process::spawn(command);
        let children = format!("/proc/{0}/task/{0}/children", process.id());
        let within = until("a shell", || {
            let shell = fs::read_to_string(&children).ok().and_then(|child| child.trim().parse().ok());
            // Who may make no namespaces has none; that is said below.
            shell.or_else(|| process.has_ended().then_some(0))
        });
        let mut manager = Self { process, within, _folder: folder };
        let mut is_up = false;
        until_within(2 * SOON, "a manager that answers", || {
            is_up = manager.ask(&["show", "--property=Version"]).is_some();
            (is_up || manager.process.has_ended()).then_some(())
        });
        if !is_up {
            let why = format!("systemd does not start here: {}", manager.process.stderr().trim());
            needs::go_without(&why, "whoever runs the test has to be let make namespaces and groups of processes");
            return None;
        }
        Some(manager)
    }

    /// What a program prints that runs where systemd does; `None` if it fails.
    fn run(&self, program: &[&str]) -> Option<String> {
        let mut command = Command::new("nsenter");
        command.arg(format!("--target={}", self.within));
        if !nix::unistd::geteuid().is_root() {
            command.args(["--user", "--preserve-credentials"]);
        }
        command.args(["--mount", "--pid"]).args(program);
        command.env("HOME", "/run/home").env("XDG_RUNTIME_DIR", "/run/manager");
        let output = command.output().expect("nsenter starts");
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
    }

    fn ask(&self, what: &[&str]) -> Option<String> {
        self.run(&[&["systemctl", "--user"], what].concat())
    }

    fn tell(&self, what: &[&str]) {
        assert!(
            self.ask(what).is_some(),
            "{what:?}: {:?}\n{}",
            self.ask(&["status", "streamgauge"]),
            self.process.stderr()
        );
    }

    /// What the service was up to, for whoever reads why a test has failed.
    fn story(&self) -> String {
        let [status, said] = [self.ask(&["show", "streamgauge.service"]), self.run(&["cat", "/run/manager/said"])];
        let status = status.unwrap_or_default();
        let some =
            status.lines().filter(|line| ["Exec", "Result=", "ActiveState="].iter().any(|of| line.starts_with(of)));
        format!("{}\n{}\n{}", some.collect::<Vec<_>>().join("\n"), said.unwrap_or_default(), self.process.stderr())
    }

    fn property(&self, name: &str) -> String {
        self.ask(&["show", "streamgauge.service", "--value", &format!("--property={name}")]).expect("a property")
    }
}

/// Two ports that were free a moment ago.
fn ports() -> [SocketAddr; 2] {
    [(); 2].map(|()| free_address())
}

fn asks(address: SocketAddr, path: &str) -> String {
    Client::connect(address).get(path).text()
}

#[test]
fn the_units_are_started_by_who_comes_watched_upgraded_and_kept() {
    let [everything, queue] = ports();
    let sockets = format!("[Socket]\nListenStream=\nListenStream={everything}\nListenStream={queue}\n");
    // All else is as it is shipped: its folder is empty at first, and nothing else may be written.
    let service = "[Service]\nExecStart=\nExecStart=/run/streamgauge serve --data-dir=${STATE_DIRECTORY}\nWatchdogSec=4\nStandardError=append:/run/manager/said\n";
    let changes = [("streamgauge.socket", sockets), ("streamgauge.service", service.to_owned())];
    let Some(manager) = Manager::start(&changes) else { return };
    manager.tell(&["start", "streamgauge.socket"]);
    assert_eq!(manager.property("ActiveState"), "inactive", "nobody has come yet");

    // Who comes first waits until it is ready.
    let ready = thread::scope(|scope| scope.spawn(|| asks(everything, "/readyz")).join());
    assert_eq!(ready.ok().as_deref().and_then(|ready| ready.lines().next()), Some("ok"), "{}", manager.story());
    until("readiness to be told", || (manager.property("ActiveState") == "active").then_some(()));
    assert_eq!(manager.property("NRestarts"), "0");
    assert!(asks(queue, "/stats").contains("depth"));
    let put = |item: &str| assert_eq!(Client::connect(everything).post("/put", item).status, 200);
    put("first");

    // It has nothing that it does not need.
    let process = manager.property("MainPID");
    let status = manager.run(&["cat", &format!("/proc/{process}/status")]).expect("a process");
    for line in ["NoNewPrivs:\t1", "Seccomp:\t2", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000"] {
        assert!(status.lines().any(|known| known == line), "{line} in {status}");
    }

    manager.tell(&["reload", "streamgauge.service"]);
    assert_eq!([manager.property("ActiveState"), manager.property("MainPID")], ["active", process.as_str()]);

    // Another process goes on, and nobody is refused meanwhile.
    let (is_over, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    let heir = thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                assert_eq!(Client::connect(everything).get("/livez").status, 200);
                asked.fetch_add(1, Ordering::Relaxed);
            }
        });
        manager.tell(&["kill", "--signal=SIGUSR2", "--kill-who=main", "streamgauge.service"]);
        let heir = until("another process", || Some(manager.property("MainPID")).filter(|now| *now != process));
        let before = asked.load(Ordering::Relaxed);
        until("some more requests", || (asked.load(Ordering::Relaxed) > before + 20).then_some(()));
        is_over.store(true, Ordering::Relaxed);
        heir
    });
    put("second");

    // One that does not move is killed and started again, on the same sockets.
    manager.tell(&["kill", "--signal=SIGSTOP", "--kill-who=main", "streamgauge.service"]);
    until_within(2 * SOON, "a restart", || (manager.property("NRestarts") == "1").then_some(()));
    assert_eq!(asks(everything, "/get"), "first");
    assert_ne!(manager.property("MainPID"), heir);

    // It ends as it should, and what was answered is there when it comes again.
    manager.tell(&["stop", "streamgauge.service"]);
    assert_eq!([manager.property("ActiveState"), manager.property("Result")], ["inactive", "success"]);
    assert_eq!(asks(everything, "/get"), "second");
    manager.tell(&["stop", "streamgauge.service", "streamgauge.socket"]);
    let gone = TcpStream::connect_timeout(&everything, Duration::from_secs(1)).expect_err("nobody listens");
    assert_eq!(gone.kind(), ErrorKind::ConnectionRefused);
}
