//! A server whose stderr can't be written, as of a disk that is full: it does all that it does otherwise.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use streamgauge_tests::build::tool;
use streamgauge_tests::process::Server;
use streamgauge_tests::wait::until;
use tempfile::TempDir;

use super::until_answers;

/// A server that may open so few files that it says so.
fn unheard(args: &[&str]) -> Server {
    let mut command = Command::new("sh");
    command.args(["-c", r#"ulimit -n 300; exec "$@" 2>/dev/full"#, "sh"]).arg(tool("streamgauge"));
    command.args(["serve", "--pubsub-port=0", "--queue-port=0", "--no-bridge", "--allow-host=t"]).args(args);
    command.env_remove("RUST_LOG");
    Server::of(command, "queue    http://")
}

/// Asks for another process until the first one has ended, and lets that other one end too.
fn followed(mut server: Server, item: &str) {
    until("another process", || {
        let has_ended = server.process.has_ended();
        if !has_ended {
            server.process.signal(Signal::SIGUSR2);
            thread::sleep(Duration::from_millis(100));
        }
        has_ended.then_some(())
    });
    until_answers(server.address);
    assert_eq!(server.get("/get"), item);
    server.get("/exit");
    assert_eq!(server.process.exit_code(), 0);
}

#[test]
fn another_process_goes_on_though_nobody_hears_of_it() {
    let folder = TempDir::new().unwrap();
    let kept = format!("--data-dir={}", folder.path().join("kept").display());
    for args in [&[][..], &[&*kept]] {
        let server = unheard(args);
        assert_eq!(server.connect().post("/put", "here").status, 200);
        followed(server, "here");
    }
}

#[test]
fn a_process_can_follow_after_another_could_not_though_nobody_hears_of_it() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("s.toml");
    fs::write(&file, "").unwrap();
    let server = unheard(&["--config", file.to_str().unwrap()]);
    assert_eq!(server.connect().post("/put", "here").status, 200);
    fs::write(&file, "[queues.jobs]\nlease = '20m'\n").unwrap();
    server.process.signal(Signal::SIGUSR2);
    until("a process that does not start", || has_children(&server).then_some(()));
    until("its end", || (!has_children(&server)).then_some(()));
    fs::write(&file, "").unwrap();
    followed(server, "here");
}

#[test]
fn what_is_lost_at_the_end_is_lost_without_a_word() {
    let server = unheard(&[]);
    assert_eq!(server.connect().post("/put", "lost").status, 200);
    assert_eq!(server.stop(), 0);
}

/// Whether a thread of a server has started a process that it has not waited for.
fn has_children(server: &Server) -> bool {
    let tasks = Path::new("/proc").join(server.process.id().to_string()).join("task");
    let of = |task: fs::DirEntry| fs::read_to_string(task.path().join("children")).unwrap_or_default();
    fs::read_dir(tasks).expect("it runs").flatten().any(|task| !of(task).trim().is_empty())
}
