//! What is declared is there from the start on; and again, when a server is told to read its file again.

use std::fs;
use std::path::Path;

use nix::sys::signal::Signal;
use serde_json::Value;
use streamgauge_tests::process::Server;
use streamgauge_tests::wait::until;
use tempfile::TempDir;

use super::{serve, spawn};

const FIRST: &str = "[server]\nmax-depth = 5\n\n\
    [queues.jobs]\nlease = '2m'\nmax_attempts = 3\ndead_letter = 'gone'\ntopic = 'clicks'\n\n\
    [topics.clicks]\nbytes = '1MiB'\n\n\
    [gauges.seen]\ntopic = 'clicks'\nmeasure = 'rate'\n";

fn write(folder: &Path, text: &str) {
    fs::write(folder.join("s.toml"), text).unwrap();
}

/// Settings of a topic or a queue.
fn settings(server: &Server, target: &str) -> Value {
    let shown: Value = serde_json::from_str(&server.get(target)).expect("JSON");
    shown["settings"].clone()
}

/// The lines that it says until it has read its file again, or would not.
fn told_again(server: &Server) -> Vec<String> {
    let before = server.process.stderr().len();
    server.process.signal(Signal::SIGHUP);
    let said = until("a reload", || {
        let said = server.process.stderr()[before..].to_owned();
        (said.contains("was read again") || said.contains("stays as it was:")).then_some(said)
    });
    let after_level = |line: &str| line.split_once("level=").map_or(line, |(_, rest)| rest).to_owned();
    said.lines().map(after_level).collect()
}

#[test]
fn what_is_declared_is_there() {
    let folder = TempDir::new().unwrap();
    write(folder.path(), FIRST);
    for args in [&["--config=s.toml"][..], &["--config=s.toml", "--data-dir=kept"], &["--config=s.toml", "--shards=3"]]
    {
        // Twice: what is kept is there already.
        for _ in 0..2 {
            let server = serve(folder.path(), args, &[]);
            let jobs = settings(&server, "/queues/jobs");
            assert_eq!((&jobs["max_attempts"], &jobs["topic"]), (&3.into(), &"clicks".into()), "{args:?} {jobs}");
            assert_eq!(settings(&server, "/topics/clicks")["bytes"], 1 << 20, "{args:?}");
            assert!(server.get("/gauges").contains("\"name\":\"seen\""), "{args:?}");
            assert_eq!(server.stop(), 0);
        }
    }
}

#[test]
fn what_is_refused_is_no_start() {
    let folder = TempDir::new().unwrap();
    write(folder.path(), "[topics.large]\nbytes = '100GiB'\n");
    let mut server = spawn(folder.path(), &["--config=s.toml"], &[]);
    assert_eq!(server.exit_code(), 2);
    let said = server.stderr();
    assert!(said.starts_with("error: s.toml:1: topics.large: ") && said.contains("memory"), "{said}");
}

#[test]
fn a_reload_says_what_is_in_force_and_what_is_not() {
    for kept in [None, Some("--data-dir=kept")] {
        let folder = TempDir::new().unwrap();
        write(folder.path(), FIRST);
        let args: Vec<_> = ["--config=s.toml", "--log-format=logfmt"].into_iter().chain(kept).collect();
        let server = serve(folder.path(), &args, &[]);
        assert_eq!(told_again(&server), ["info message=\"the configuration was read again\""]);
        // Another lease, a new topic, a setting that takes a restart, and a gauge less.
        let second = FIRST.replace("2m", "3m").replace("max-depth = 5", "max-depth = 6\nallow-host = 'a'");
        let second =
            second.replace("[gauges.seen]\ntopic = 'clicks'\nmeasure = 'rate'\n", "[topics.new]\nmax_age = '1h'\n");
        write(folder.path(), &second);
        assert_eq!(
            told_again(&server),
            [
                "warn message=\"max-depth = 6 needs a restart: until then it is max-depth = 5\" from=s.toml:2",
                "warn message=\"allow-host = [\\\"a\\\"] needs a restart: until then it is not set\" from=s.toml:3",
                "info message=\"gauges.seen is declared no more: it stays as it is until it is removed\"",
                "info message=\"topics.new is in force\" from=s.toml:14",
                "info message=\"queues.jobs is in force\" from=s.toml:5",
                "info message=\"the configuration was read again\"",
            ]
        );
        assert_eq!(settings(&server, "/queues/jobs")["lease"], "180s");
        assert_eq!(settings(&server, "/topics/new")["max_age"], "3600s");
        assert!(server.get("/gauges").contains("\"name\":\"seen\""));
        // Nothing of a file that is wrong.
        write(folder.path(), &second.replace("3m", "4m").replace("max_age", "max_aeg"));
        let said = told_again(&server);
        assert_eq!(
            said,
            [
                "error message=\"the configuration stays as it was: s.toml:15:1: topics.new.max_aeg: there is no setting \
              \\\"max_aeg\\\": did you mean max_age?\""
            ]
        );
        assert_eq!(settings(&server, "/queues/jobs")["lease"], "180s");
        fs::remove_file(folder.path().join("s.toml")).unwrap();
        let said = told_again(&server);
        assert!(said[0].contains("No such file"), "{said:?}");
        assert_eq!(server.stop(), 0);
    }
}

#[test]
fn a_reload_says_what_of_a_name_stays_and_what_is_set_back() {
    let folder = TempDir::new().unwrap();
    write(folder.path(), FIRST);
    let server = serve(folder.path(), &["--config=s.toml", "--log-format=logfmt"], &[]);
    let read = "info message=\"the configuration was read again\"";
    // Changed by hand: the lease, which is declared, and what is not; and a gauge.
    for (target, body) in [
        ("/queues/jobs", r#"{"lease":"7s","max_depth":9}"#),
        ("/topics/clicks", r#"{"max_age":"1h"}"#),
        ("/gauges/seen", r#"{"topic":"clicks","measure":"rate","every":"2s"}"#),
    ] {
        assert!(server.connect().put(target, body).status < 300, "{target}");
    }
    assert_eq!(
        told_again(&server),
        [
            "info message=\"queues.jobs is as it is declared again\" from=s.toml:4",
            "info message=\"gauges.seen is as it is declared again\" from=s.toml:13",
            read
        ]
    );
    let jobs = settings(&server, "/queues/jobs");
    assert_eq!((&jobs["lease"], &jobs["max_depth"]), (&"120s".into(), &9.into()));
    write(folder.path(), &FIRST.replace("max_attempts = 3\ndead_letter = 'gone'\n", ""));
    assert_eq!(
        told_again(&server),
        [
            "info message=\"queues.jobs.dead_letter is declared no more: it stays as it is\"",
            "info message=\"queues.jobs.max_attempts is declared no more: it stays as it is\"",
            "info message=\"queues.jobs is in force\" from=s.toml:4",
            read
        ]
    );
    assert_eq!(settings(&server, "/queues/jobs")["max_attempts"], 3);
    assert_eq!(server.stop(), 0);
}

#[test]
fn what_needs_a_restart_is_compared_with_what_is_in_force() {
    let folder = TempDir::new().unwrap();
    write(folder.path(), "");
    let server = serve(folder.path(), &["--config=s.toml", "--log-format=logfmt"], &[]);
    let read = "info message=\"the configuration was read again\"";
    let due = "warn message=\"max-depth = 1 needs a restart: until then it is max-depth = 0\" from=s.toml:2";
    for (text, said) in
        [("[server]\nmax-depth = 1\n", &[due, read][..]), ("[server]\nmax-depth = 1\n", &[due, read]), ("", &[read])]
    {
        write(folder.path(), text);
        assert_eq!(told_again(&server), said);
    }
}

#[test]
fn a_reload_of_which_something_is_refused_changes_nothing() {
    for kept in [None, Some("--data-dir=kept")] {
        let folder = TempDir::new().unwrap();
        write(folder.path(), FIRST);
        let args: Vec<_> = ["--config=s.toml", "--log-format=logfmt"].into_iter().chain(kept).collect();
        let server = serve(folder.path(), &args, &[]);
        assert_eq!(server.connect().put("/queues/by-hand", "{\"bytes\":1048576}").status, 201);
        for (wrong, why) in [
            ("[queues.slow]\nlease = '20m'\n", "queues.slow: lease must not be longer than max_lease"),
            // Neither is wrong where nothing is there yet.
            ("[queues.by-hand]\nbytes = '2MiB'\n", "queues.by-hand: bytes are given when a queue is made, and stay"),
            ("[topics.large]\nbytes = '400MiB'\n[topics.more]\nbytes = '400MiB'\n", "topics.more: "),
        ] {
            if kept.is_some() && wrong.contains("400MiB") {
                continue;
            }
            write(folder.path(), &format!("{}\n[topics.new]\n\n{wrong}", FIRST.replace("2m", "3m")));
            let said = told_again(&server);
            assert_eq!(said.len(), 1, "{said:?}");
            assert!(
                said[0].contains("the configuration stays as it was: s.toml:") && said[0].contains(why),
                "{said:?}"
            );
            assert_eq!(settings(&server, "/queues/jobs")["lease"], "120s", "{kept:?}");
            assert_eq!(server.connect().get("/topics/new").status, 404, "{kept:?}");
        }
        assert_eq!(server.stop(), 0);
    }
}

#[test]
fn tokens_that_are_declared_count_and_are_changed_by_a_reload() {
    let folder = TempDir::new().unwrap();
    let tokens = |text: &str| write(folder.path(), &format!("[server]\nlog-format = 'logfmt'\n\n{text}"));
    // SHA-256 of "a" and of "b".
    let (a, b) = (
        "hash = 'sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb'",
        "hash = 'sha256:3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d'",
    );
    tokens(&format!("[tokens.a]\n{a}\nrights = ['put:*', 'get:*']\n"));
    let server = serve(folder.path(), &["--config=s.toml"], &[]);
    let status = |token: &str, target: &str| {
        let mut client = server.connect();
        client.send(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"));
        client.answer().status
    };
    assert_eq!((status("a", "/put?data=1"), status("a", "/get"), status("b", "/get")), (200, 200, 401));
    assert_eq!(server.connect().get("/get").status, 401);

    let other = format!("[tokens.a]\n{a}\nrights = 'get:*'\n\n[tokens.b]\n{b}\nrights = 'put:*'\nmessages = '1/s'\n");
    tokens(&other);
    assert_eq!(
        told_again(&server),
        [
            "info message=\"tokens.a is in force\" from=s.toml:4",
            "info message=\"tokens.b is in force\" from=s.toml:8",
            "info message=\"the configuration was read again\"",
        ]
    );
    assert_eq!((status("a", "/put?data=1"), status("a", "/get"), status("b", "/get")), (403, 200, 403));
    let put = [(); 4].map(|()| status("b", "/put?data=1"));
    assert!(put[0] == 200 && put[3] == 429, "a quota that is declared counts: {put:?}");

    // What is wrong lets all count as before; and what is gone opens nothing.
    tokens(&format!("[tokens.a]\n{a}\nrights = 'get:*'\n\n[tokens.c]\n{a}\nrights = 'put:*'\n"));
    let said = told_again(&server);
    let wrong = "s.toml:8: tokens.c: another name or a line of --tokens has this token already";
    assert!(said[0].contains(wrong), "{said:?}");
    assert_eq!((status("a", "/get"), status("b", "/get")), (200, 403));
    tokens(&format!("[tokens.b]\n{b}\nrights = 'get:*'\n"));
    assert_eq!(
        told_again(&server),
        [
            "info message=\"tokens.b is in force\" from=s.toml:4",
            "info message=\"tokens.a is declared no more: it opens nothing\"",
            "info message=\"the configuration was read again\"",
        ]
    );
    assert_eq!((status("a", "/get"), status("b", "/get")), (401, 200));
    tokens("");
    told_again(&server);
    assert_eq!((status("a", "/get"), status("b", "/get")), (401, 401), "no token is not leave for all");
}

#[test]
fn a_token_moves_from_one_file_to_the_other() {
    let folder = TempDir::new().unwrap();
    let (hash, tokens) = (format!("sha256:{}", "a".repeat(64)), folder.path().join("tokens"));
    let declared = format!("[tokens.a]\nhash = '{hash}'\nrights = 'get:*'\n");
    fs::write(&tokens, "").unwrap();
    write(folder.path(), &declared);
    let server = serve(folder.path(), &["--config=s.toml", "--tokens=tokens", "--log-format=logfmt"], &[]);
    for (in_file, text) in [(format!("{hash} get:*\n"), ""), (String::new(), declared.as_str())] {
        fs::write(&tokens, in_file).unwrap();
        write(folder.path(), text);
        let said = told_again(&server).join("\n");
        assert!(!said.contains("error") && said.ends_with("was read again\""), "{said}");
    }
    // A configuration that is wrong keeps nobody from taking a token out of the other file.
    let one = format!("sha256:{} get:*\n", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb");
    fs::write(&tokens, one).unwrap();
    let status = || {
        let mut client = server.connect();
        client.send("GET /get HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer a\r\n\r\n");
        client.answer().status
    };
    told_again(&server);
    assert_eq!(status(), 200);
    write(folder.path(), "nonsense");
    fs::write(&tokens, "").unwrap();
    told_again(&server);
    until("the token is gone", || (status() == 401).then_some(()));
}

#[test]
fn a_server_that_began_without_tokens_stays_open_until_a_restart_and_says_so() {
    let folder = TempDir::new().unwrap();
    write(folder.path(), "");
    let server = serve(folder.path(), &["--config=s.toml", "--log-format=logfmt"], &[]);
    write(folder.path(), &format!("[tokens.a]\nhash = 'sha256:{}'\nrights = 'get:*'\n", "0".repeat(64)));
    let said = told_again(&server);
    assert_eq!(said[0], "warn message=\"s.toml:1: tokens.a needs a restart: until then everybody may do everything\"");
    assert_eq!(server.connect().get("/get").status, 200);
}
