//! `host-std/docs/workshop.md`, typed line by line: each command prints what the page says.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use streamgauge_tests::build::{tool, workspace};
use streamgauge_tests::needs;
use streamgauge_tests::process::Process;
use streamgauge_tests::wait::{until, until_within};
use tempfile::TempDir;

/// How long one command may take on a machine that is busy.
const LIMIT: Duration = Duration::from_secs(60);

/// A command line and what it prints.
#[derive(Debug)]
struct Exercise {
    command: String,
    output: String,
    /// How the output is compared, if not as it is.
    checked: Option<String>,
}

#[test]
fn every_line_prints_what_the_page_says() {
    let page = fs::read_to_string(workspace().join("host-std/docs/workshop.md")).expect("the page");
    let exercises = exercises(&page);
    assert!(exercises.len() > 40, "only {} commands were found", exercises.len());
    if !needs::programs(&["curl", "awk", "redis-cli", "redis-server"]) {
        return;
    }
    let shell = Shell::start();
    for exercise in &exercises {
        let printed = shell.run(&exercise.command);
        let printed = printed.trim_end();
        let as_said = match exercise.checked.as_deref() {
            None => says(&exercise.output, printed),
            Some("soon") => {
                until(&exercise.command, || {
                    says(&exercise.output, shell.run(&exercise.command).trim_end()).then_some(())
                });
                true
            }
            // Setting up, which prints what it prints.
            Some(_) if exercise.output.is_empty() || exercise.output == "OK" => printed == exercise.output,
            Some("who") => each_once(printed) && each_once(&exercise.output),
            Some("race") => counted(printed) && counted(&exercise.output),
            Some("quarter") => is_a_quarter(printed) && is_a_quarter(&exercise.output),
            Some(other) => panic!("nobody knows how to check `{other}`"),
        };
        assert!(as_said, "$ {}\nprinted\n{printed}\nbut the page says\n{}", exercise.command, exercise.output);
    }
    for svg in ["waiting.svg", "clicks.svg", "shared.svg"] {
        let drawn = fs::read_to_string(shell.folder.path().join(svg)).expect("a drawing");
        assert!(drawn.starts_with("<svg ") && drawn.trim_end().ends_with("</svg>"), "{svg}: {drawn}");
    }
    let quarter = fs::read_to_string(shell.folder.path().join("quarter.txt")).expect("a quarter");
    assert!((180..320).contains(&quarter.lines().count()), "{quarter}");
}

/// The lines behind `$ ` in blocks of `console`, with those behind `> ` that go on, and what follows up to the next.
fn exercises(page: &str) -> Vec<Exercise> {
    let mut found: Vec<Exercise> = Vec::new();
    let (mut checked, mut inside) = (None, false);
    for line in page.lines() {
        if let Some(name) = line.strip_prefix("<!-- checked: ") {
            checked = name.strip_suffix(" -->").map(str::to_owned);
        } else if line.starts_with("```") {
            inside = line == "```console";
            if !inside && line == "```" {
                checked = None;
            }
        } else if !inside {
        } else if let Some(command) = line.strip_prefix("$ ") {
            found.push(Exercise { command: command.to_owned(), output: String::new(), checked: checked.clone() });
        } else if let Some(exercise) = found.last_mut() {
            match line.strip_prefix("> ") {
                Some(more) if exercise.output.is_empty() => exercise.command += &format!("\n{more}"),
                _ if exercise.output.is_empty() => exercise.output = line.to_owned(),
                _ => exercise.output += &format!("\n{line}"),
            }
        }
    }
    found
}

/// Whether it is the same, where `…` stands for anything.
fn says(expected: &str, printed: &str) -> bool {
    let mut pieces = expected.split('…');
    let Some(mut rest) = pieces.next().and_then(|start| printed.strip_prefix(start)) else { return false };
    let mut pieces: Vec<_> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        let Some((_, behind)) = rest.split_once(piece) else { return false };
        rest = behind;
    }
    rest.ends_with(last)
}

/// `A got 1` up to 12, by more than one reader.
fn each_once(lines: &str) -> bool {
    let got: Vec<_> = lines.lines().filter_map(|line| line.split_once(" got ")).collect();
    let others = got.iter().any(|(who, _)| *who != got[0].0);
    let all = got.iter().all(|(who, _)| ["A", "B", "C"].contains(who));
    all && others && got.iter().map(|(_, number)| *number).eq((1..=12).map(|n| n.to_string()))
}

/// Some of a hundred were lost, and some were not.
fn counted(number: &str) -> bool {
    number.parse().is_ok_and(|number: u32| (1..100).contains(&number))
}

/// Five deviations on either side of a quarter of 1000.
fn is_a_quarter(status: &str) -> bool {
    let taken = status.strip_prefix("read: 1000 items: ").and_then(|rest| rest.split_once(" finished, "));
    let Some((finished, rest)) = taken else { return false };
    let Some((dropped, _)) = rest.split_once(" dropped; print: ") else { return false };
    let (Ok(finished), Ok(dropped)) = (finished.parse::<u32>(), dropped.parse::<u32>()) else { return false };
    (180..320).contains(&finished) && finished + dropped == 1000
}

/// Where the lines are typed.
struct Shell {
    folder: TempDir,
    path: std::ffi::OsString,
    /// What the page has, and what is meant here.
    meant: [(&'static str, String); 5],
    _servers: [Process; 2],
}

impl Shell {
    /// With servers on ports of their own.
    fn start() -> Self {
        let folder = TempDir::new().expect("a folder");
        let mut servers = Process::start("streamgauge", ["serve", "--pubsub-port=0", "--queue-port=0"]);
        let mut port = |start: &str| {
            let line = servers.line(start);
            let address = line.split_whitespace().next().expect("an address");
            address.strip_prefix("http://").expect("a URL").to_owned()
        };
        let (pubsub, queue) = (port("pubsub   "), port("queue    "));
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let redis = free.local_addr().expect("an address").port().to_string();
        drop(free);
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--port", &redis]).arg("--dir").arg(folder.path());
        let store = Process::spawn(command);
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
            ("redis-cli ", format!("redis-cli -p {redis} ")),
            ("cargo run -q --release --example reader --", tool("examples/reader").display().to_string()),
        ];
        Self { folder, path, meant, _servers: [servers, store] }
    }

    /// What the command prints, on stderr too.
    fn run(&self, line: &str) -> String {
        let line = self.meant.iter().fold(line.to_owned(), |line, (written, meant)| line.replace(written, meant));
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &format!("exec 2>&1\n{line}")]).current_dir(self.folder.path());
        command.env("PATH", &self.path).env("COLUMNS", "72").env("LC_ALL", "C.UTF-8").env_remove("RUST_LOG");
        // For commands that the page leaves to find the server at its usual port.
        command.env("STREAMGAUGE_URL", format!("http://{}", self.meant[0].1));
        let mut process = Process::spawn(command);
        until_within(LIMIT, line.as_str(), || process.try_exit_code());
        process.stdout()
    }
}
