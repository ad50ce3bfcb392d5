//! A command line of curl, as people type it, and its answer.

use std::process::Command;

use serde_json::Value;
use streamgauge_tests::client::Answer;
use streamgauge_tests::needs;
use streamgauge_tests::process::{Process, Server};
use tempfile::TempDir;

/// A server, and a shell beside it in a folder of its own.
pub(super) struct Typed {
    pub(super) server: Server,
    folder: TempDir,
}

impl Typed {
    /// `None` where there is no curl.
    pub(super) fn start(flags: &[&str]) -> Option<Self> {
        if !needs::programs(&["curl"]) {
            return None;
        }
        Some(Self { server: Server::everything(flags), folder: TempDir::new().expect("a folder") })
    }

    /// What a shell makes of `curl ARGUMENTS`, where `$S` is the server.
    fn shell(&self, arguments: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("exec curl -s --max-time 20 {arguments}")]).current_dir(self.folder.path());
        command.env("S", format!("http://{}", self.server.address));
        command
    }

    /// The answer to `curl ARGUMENTS`.
    #[track_caller]
    pub(super) fn curl(&self, arguments: &str) -> Answer {
        // The head is written to a file: in front of a body it could not be told from one.
        let output = self.shell(&format!("-D head {arguments}")).output().expect("a shell");
        assert!(output.status.success(), "curl {arguments}: {}", output.status);
        let heads = std::fs::read_to_string(self.folder.path().join("head")).expect("a head");
        // Before a long body curl asks whether it may send it.
        let head = heads.split_inclusive("\r\n\r\n").last().expect("a head").to_owned();
        let status = head.get(9..12).and_then(|code| code.parse().ok()).expect("a status");
        Answer { status, head, body: output.stdout }
    }

    /// That the answer has this status and this text.
    #[track_caller]
    pub(super) fn says(&self, arguments: &str, status: u16, text: &str) {
        let answer = self.curl(arguments);
        let got = (answer.status, answer.text());
        assert_eq!(got, (status, text.to_owned()), "curl {arguments}");
    }

    /// The answer, which is JSON.
    #[track_caller]
    pub(super) fn json(&self, arguments: &str) -> Value {
        let text = self.curl(arguments).text();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("curl {arguments}: {error}: {text}"))
    }

    /// The lines of the answer, each of which is JSON.
    #[track_caller]
    pub(super) fn lines(&self, arguments: &str) -> Vec<Value> {
        let text = self.curl(arguments).text();
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
    }

    /// A file that a command line can name.
    pub(super) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).expect("a file");
    }

    /// Starts `curl ARGUMENTS`, to be looked at while it goes on.
    pub(super) fn begin(&self, arguments: &str) -> Process {
        Process::spawn(self.shell(arguments))
    }
}
