//! The description at `/openapi.json`: a validator reads it, and schemathesis makes requests from it, good ones and bad
//! ones, of a real server. No answer is a 500, and none has a status, a type, a header or a body that is not described.
//!
//! `tests/run openapi` installs both in `target/openapi`. Without them the tests say so, and fail where `CI` is set.
//! `STREAMGAUGE_EXAMPLES` is how many requests are made up for each operation, beside those at the edges of its schemas.

use std::process::{Command, Output};

use streamgauge_tests::build::workspace;
use streamgauge_tests::command;
use streamgauge_tests::needs;
use streamgauge_tests::process::Server;

/// What is looked at in each answer.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance,unsupported_method,allow_header_conformance";

#[test]
fn a_validator_reads_it() {
    let server = Server::everything::<&str>([]);
    let answer = server.connect().get("/openapi.json");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let Some(programs) = needs::openapi() else { return };
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), answer.body).expect("it is written");
    let mut validator = Command::new(programs.join("openapi-spec-validator"));
    fine(validator.args(["--schema", "3.1"]).arg(file.path()));
}

#[test]
fn the_server_answers_as_it_says() {
    let Some(programs) = needs::openapi() else { return };
    let examples = std::env::var("STREAMGAUGE_EXAMPLES").unwrap_or_else(|_| "8".to_owned());
    let folder = tempfile::tempdir().expect("a folder");
    let tokens = folder.path().join("tokens");
    std::fs::write(&tokens, "").expect("a file");
    let file = tokens.to_str().expect("a path of text");
    let token = command::fine(&["token", "new", "--tokens", file, "--rights", "pub:* sub:* put:* get:* admin:*"], "");
    // What is found must not depend on what topics and queues an earlier request has left no room for.
    let server = Server::everything(["--memory=4GiB", "--tokens", file]);
    let mut schemathesis = Command::new("timeout");
    // As many as a long run has take their time.
    let is_long = examples.parse::<u32>().is_ok_and(|examples| examples > 8);
    schemathesis.arg(if is_long { "3600" } else { "900" }).arg(programs.join("schemathesis"));
    schemathesis.current_dir(&folder).env("PYTHONPATH", workspace().join("tests/openapi"));
    schemathesis.env("SCHEMATHESIS_HOOKS", "hooks").env("PYTHONDONTWRITEBYTECODE", "1");
    schemathesis.args(["run", "--phases=examples,coverage,fuzzing", "--mode=all", "--no-color"]);
    schemathesis.args(["--generation-deterministic", "--suppress-health-check=all"]);
    schemathesis.args(["--request-timeout=20", "--continue-on-failure"]);
    // The one ends what is tested, and a file that is not there is no endpoint, which answers to other methods.
    schemathesis.args(["--exclude-path=/exit", "--exclude-path=/dashboard/{file}"]);
    schemathesis.arg(format!("--checks={CHECKS}"));
    schemathesis.arg(format!("--max-examples={examples}"));
    schemathesis.arg(format!("--header=Authorization: Bearer {}", token.trim_end()));
    schemathesis.arg(format!("http://{}/openapi.json", server.address));
    fine(&mut schemathesis);
    assert_eq!(server.stop(), 0);
}

/// Runs a program to its end, which has to be a good one.
fn fine(command: &mut Command) {
    let Output { status, stdout, stderr } = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(status.success(), "{command:?}: {status}\n{}{}", text(&stdout), text(&stderr));
}
