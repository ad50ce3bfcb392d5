//! Who may do what: every verb with every right, tokens and their file, tickets, quotas, signed tokens.
//!
//! | module | idea |
//! | --- | --- |
//! | `table` | every verb x every right, on its name and on others; tokens that are wrong, expired, none |
//! | `settings` | what a change of settings names beside |
//! | `file` | `streamgauge token`, SIGHUP, what is never logged, and a server that is open to others |
//! | `tickets` | what stands for a token in a query |
//! | `quotas` | 429, and when it is over |
//! | `jwt` | tokens that somebody else signs |

mod file;
mod jwt;
mod quotas;
mod settings;
mod table;
mod tickets;

use std::path::PathBuf;

use streamgauge_tests::client::{Answer, Client};
use streamgauge_tests::command::fine;
use streamgauge_tests::process::Server;
use tempfile::TempDir;

/// A file of tokens.
struct Tokens {
    _folder: TempDir,
    path: PathBuf,
}

impl Tokens {
    /// With nobody in it.
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tokens");
        std::fs::write(&path, "# nobody\n").expect("a file");
        Self { _folder: folder, path }
    }

    /// One more token.
    fn add(&self, rights: &str, more: &[&str]) -> String {
        let path = self.path.to_str().expect("a path of text");
        let out = fine(&[&["token", "new", "--tokens", path, "--rights", rights], more].concat(), "");
        out.strip_suffix('\n').expect("a line").to_owned()
    }

    fn flag(&self) -> String {
        format!("--tokens={}", self.path.display())
    }

    /// A server that lets these in.
    fn serve(&self, more: &[&str]) -> Server {
        let flag = self.flag();
        Server::everything([&[flag.as_str()], more].concat())
    }
}

/// What `Authorization` has to say for a token.
fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}\r\n")
}

/// A request with these fields, and a connection on which its answer begins.
fn sent(server: &Server, request: &str, fields: &str, body: &str) -> Client {
    let mut client = server.connect();
    let length = body.len();
    client.send(format!("{request} HTTP/1.1\r\nhost: localhost\r\n{fields}content-length: {length}\r\n\r\n{body}"));
    client
}

/// The answer to it.
fn ask(server: &Server, request: &str, fields: &str, body: &str) -> Answer {
    sent(server, request, fields, body).answer()
}

/// Its status. What follows the head is not read.
fn status(server: &Server, request: &str, fields: &str) -> u16 {
    let head = sent(server, request, fields, "").head();
    head[9..12].parse().unwrap_or_else(|_| panic!("no status: {head}"))
}
