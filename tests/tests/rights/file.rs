//! `streamgauge token`, SIGHUP, what is never logged, and a server that is open to others.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use nix::sys::signal::Signal;
use streamgauge_tests::command::{fine, run, streamgauge};
use streamgauge_tests::process::{Process, Server};
use streamgauge_tests::wait::until;

use super::{Tokens, ask, bearer, sent, status};

#[test]
fn a_token_is_printed_once_and_the_file_has_its_hash() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tokens");
    let file = path.to_str().expect("a path of text");
    let new = |more: &[&str]| {
        let out = fine(&[&["token", "new", "--tokens", file], more].concat(), "");
        assert!(out.starts_with("sg_") && out.len() == 47 && out.ends_with('\n'), "{out}");
        out.trim().to_owned()
    };
    let first = new(&["--rights", "pub:clicks sub:*"]);
    assert_eq!(std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    let second = new(&["--rights=get:q", "--messages=5/s", "--bytes=1MiB/s", "--expires=30d", "--name=reader"]);
    let text = std::fs::read_to_string(&path).expect("text");
    assert!(!text.contains(&first) && !text.contains(&second) && first != second, "{text}");
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].ends_with(" pub:clicks sub:*") && lines[0].starts_with("sha256:"), "{text}");
    assert!(lines[1].contains(" get:q messages=5/s bytes=1048576/s expires=20"), "{text}");
    let list = fine(&["token", "list", "--tokens", file], "");
    let listed: Vec<_> = list.lines().collect();
    assert!(listed[0].starts_with("hash      name    expires"), "{list}");
    let words: Vec<_> = listed[1].split_whitespace().collect();
    assert_eq!(words, [&lines[0][7..15], "-", "never", "pub:clicks", "sub:*"], "{list}");
    assert!(listed[2].contains("reader  20") && listed[2].ends_with("get:q"), "{list}");
    // What is not understood changes nothing.
    for (args, line) in [
        (["--rights=read:x", "--name=a"], "none of pub, sub, put, get and admin"),
        (["--rights=sub:*", "--name=a b"], "a text without spaces"),
        (["--rights=sub:*", "--name=sg_build"], "a text that does not begin with sg_"),
        (["--rights=sub:*", "--expires=soon"], "a time such as 2027-01-31T12:00:00Z"),
        (["--rights=sub:*", "--messages=0"], "a number of messages a second above 0"),
    ] {
        let (code, out, err) = run(&[&["token", "new", "--tokens", file][..], &args].concat(), "");
        assert!(code == 2 && out.is_empty() && err.contains(line), "{args:?}: {err}");
    }
    assert_eq!(std::fs::read_to_string(&path).expect("text"), text);
    // A comment without an end of its line stays one of its own.
    std::fs::write(&path, format!("{text}# end")).expect("the file is written");
    let third = new(&["--rights=admin:*"]);
    fine(&["token", "remove", "--tokens", file, "reader"], "");
    fine(&["token", "remove", "--tokens", file, &lines[0][7..20]], "");
    let (code, _, err) = run(&["token", "remove", "--tokens", file, "reader"], "");
    assert!(code == 2 && err.contains("no token"), "{err}");
    let left = std::fs::read_to_string(&path).expect("text");
    assert!(left.starts_with("# end\nsha256:") && left.lines().count() == 2, "{left}");
    let server = Server::everything([format!("--tokens={file}")]);
    assert_eq!(
        (status(&server, "GET /stats", &bearer(&third)), status(&server, "GET /stats", &bearer(&second))),
        (200, 401)
    );
}

#[test]
fn who_could_read_the_file_still_can_when_a_token_is_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, link) = (folder.path().join("tokens"), folder.path().join("link"));
    let file = link.to_str().expect("a path of text");
    std::os::unix::fs::symlink(&path, &link).expect("a link");
    for name in ["leaked", "good"] {
        fine(&["token", "new", "--tokens", file, "--rights=sub:*", "--name", name], "");
    }
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("a mode");
    let is_root = nix::unistd::geteuid().is_root();
    if is_root {
        std::os::unix::fs::chown(&path, Some(12_345), Some(12_346)).expect("an owner");
    }
    let of = || {
        let about = std::fs::metadata(&path).expect("a file");
        (about.permissions().mode() & 0o777, about.uid(), about.gid())
    };
    let before = of();
    // What a command that was stopped has left is in nobody's way.
    std::fs::write(folder.path().join("tokens.new"), "half").expect("a file");
    fine(&["token", "remove", "--tokens", file, "leaked"], "");
    assert_eq!(of(), before);
    assert!(link.is_symlink() && !folder.path().join("tokens.new").exists());
    let text = std::fs::read_to_string(&path).expect("text");
    assert!(text.lines().count() == 1 && text.contains("name=good"), "{text}");
}

#[test]
fn commands_that_change_the_file_at_once_all_do() {
    let tokens = Tokens::new();
    std::fs::write(&tokens.path, "").expect("the file is written");
    let file = tokens.path.to_str().expect("a path of text");
    let all = |action: &(dyn Fn(usize) + Sync)| {
        std::thread::scope(|scope| (0..8).for_each(|number| drop(scope.spawn(move || action(number)))));
    };
    let new = |name: String| drop(fine(&["token", "new", "--tokens", file, "--rights=sub:*", "--name", &name], ""));
    all(&|number| new(format!("old{number}")));
    all(&|number| match number % 2 {
        0 => drop(fine(&["token", "remove", "--tokens", file, &format!("old{number}")], "")),
        _ => new(format!("new{number}")),
    });
    let text = std::fs::read_to_string(&tokens.path).expect("text");
    let mut names: Vec<_> = text.lines().filter_map(|line| line.split("name=").nth(1)).collect();
    names.sort_unstable();
    assert_eq!(names, ["new1", "new3", "new5", "new7", "old1", "old3", "old5", "old7"], "{text}");
}

#[test]
fn a_file_that_is_wrong_is_said_with_its_line() {
    let tokens = Tokens::new();
    let start = |text: &str| {
        std::fs::write(&tokens.path, text).expect("the file is written");
        let (code, _, err) = run(&["serve", "--pubsub-port=0", "--queue-port=0", &tokens.flag()], "");
        assert_eq!(code, 2);
        // Before it something may be said of how many files there may be.
        err.lines().last().expect("a line").to_owned()
    };
    let path = tokens.path.display();
    let hash = "0".repeat(64);
    assert_eq!(
        start(&format!("# a\nsha256:{hash} read:x\n")),
        format!("error: --tokens: {path}:2: \"read:x\": \"read\" is none of pub, sub, put, get and admin")
    );
    let secret = start("sg_secret sub:*\n");
    assert!(secret.contains(":1: a line begins with sha256:") && !secret.contains("secret"), "{secret}");
    std::fs::remove_file(&tokens.path).expect("it is there");
    let (code, _, err) = run(&["serve", "--pubsub-port=0", "--queue-port=0", &tokens.flag()], "");
    assert!(code == 2 && err.contains("No such file"), "{err}");
}

#[test]
fn the_file_is_read_again_at_a_signal() {
    let tokens = Tokens::new();
    let old = tokens.add("sub:a pub:a admin:*", &[]);
    let mut server = tokens.serve(&[]);
    let kept = std::fs::read_to_string(&tokens.path).expect("text");
    let mut lines = sent(&server, "GET /sub?topic=a&multipart=0", &bearer(&old), "");
    let mut events = sent(&server, "GET /sub?topic=a", &(bearer(&old) + "accept: text/event-stream\r\n"), "");
    assert!(lines.head().contains("200 OK") && events.head().contains("200 OK"));
    let new = tokens.add("sub:a", &[]);
    assert_eq!(status(&server, "GET /stats?topic=a", &bearer(&new)), 401, "before");
    server.process.signal(Signal::SIGHUP);
    until("the new token", || (status(&server, "GET /stats?topic=a", &bearer(&new)) == 200).then_some(()));
    until("a line", || server.process.stderr().contains("the tokens were read again\n").then_some(()));
    assert_eq!(ask(&server, "POST /pub?topic=a", &bearer(&old), "hello").status, 200);
    lines.take_to(b"hello");
    events.take_to(b"hello");
    // One that is wrong is not taken.
    std::fs::write(&tokens.path, "nonsense\n").expect("the file is written");
    server.process.signal(Signal::SIGHUP);
    let said = until("a line about it", || Some(server.process.stderr()).filter(|said| said.contains("tokens stay")));
    assert!(said.contains(":1: a line begins with sha256:"), "{said}");
    assert_eq!(status(&server, "GET /stats?topic=a", &bearer(&old)), 200);
    // Whoever is no longer in it is sent away.
    std::fs::write(&tokens.path, kept.replace("sub:a", "sub:b")).expect("the file is written");
    server.process.signal(Signal::SIGHUP);
    let end = String::from_utf8_lossy(&events.rest()).into_owned();
    assert!(end.contains("event: end\ndata: the token is over\n\n") && end.ends_with("0\r\n\r\n"), "{end}");
    assert!(lines.rest().ends_with(b"0\r\n\r\n"), "the end of the chunks");
    assert_eq!(status(&server, "GET /sub?topic=a", &bearer(&old)), 403);
    assert_eq!(server.process.try_exit_code(), None);
}

#[test]
fn a_stream_ends_with_its_token() {
    let tokens = Tokens::new();
    let token = tokens.add("sub:a", &["--expires=3s"]);
    let server = tokens.serve(&[]);
    let mut events = sent(&server, "GET /sub?topic=a", &(bearer(&token) + "accept: text/event-stream\r\n"), "");
    assert!(events.head().contains("200 OK"));
    events.take_to(b"event: end\ndata: the token is over\n\n");
    let expired = ask(&server, "GET /sub?topic=a", &bearer(&token), "");
    assert_eq!((expired.status, expired.text().as_str()), (401, "this token has expired\n"));
}

#[test]
fn whoever_waits_for_an_item_takes_none_once_its_token_is_over() {
    for shards in ["--shards=1", "--shards=3"] {
        let tokens = Tokens::new();
        let putter = bearer(&tokens.add("put:q put:other", &[]));
        let kept = std::fs::read_to_string(&tokens.path).expect("text");
        let gone = bearer(&tokens.add("get:q", &[]));
        let expires = bearer(&tokens.add("get:other", &["--expires=2s"]));
        let server = tokens.serve(&[shards]);
        let mut wait = sent(&server, "GET /get?queue=q&wait=50", &gone, "");
        let mut silent = sent(&server, "GET /get?queue=other&wait=50", &expires, "");
        // Who is the first to ask for an item makes the queue.
        for queue in ["q", "other"] {
            let has_asked = || status(&server, &format!("GET /queues/{queue}"), &putter) == 200;
            until("the one who waits", || has_asked().then_some(()));
        }
        assert_eq!(silent.answer().status, 401, "nobody puts anything there");
        std::fs::write(&tokens.path, &kept).expect("the file is written");
        server.process.signal(Signal::SIGHUP);
        until("the end of the token", || (status(&server, "GET /get?queue=q", &gone) == 401).then_some(()));
        // Whichever comes first, it is asked again.
        assert_eq!(ask(&server, "POST /put?queue=q", &putter, "x").status, 200);
        assert_eq!(wait.answer().status, 401);
        let reader = bearer(&tokens.add("get:q", &[]));
        server.process.signal(Signal::SIGHUP);
        until("the new token", || (status(&server, "GET /stats?queue=q", &reader) == 200).then_some(()));
        assert_eq!(ask(&server, "GET /get?queue=q", &reader, "").text(), "x", "nobody has taken it");
    }
}

#[test]
fn a_token_is_never_logged() {
    let tokens = Tokens::new();
    let token = tokens.add("admin:* pub:*", &["--messages=1/s"]);
    let server = tokens.serve(&["--enable-logging"]);
    for request in ["POST /pub", "GET /topics", "POST /put?queue=q", "POST /ticket"] {
        let _ = ask(&server, request, &bearer(&token), "x\nx\nx");
    }
    let _ = ask(&server, "POST /pub", &bearer(&token), "x");
    for parameter in ["token", "access_token", "ticket", "%74oken"] {
        let _ = ask(&server, &format!("GET /stats?{parameter}={token}"), "", "");
    }
    let _ = ask(&server, "GET /stats", &format!("authorization: Basic {token}\r\n"), "");
    let log =
        until("the last request", || Some(server.process.stderr()).filter(|log| log.matches("/stats").count() == 5));
    assert!(log.contains("POST /pub 200") && log.contains("POST /put?queue=q 403") && log.contains(" 429"), "{log}");
    assert!(!log.contains(&token[3..]), "{log}");
    assert!(!server.process.stdout().contains(&token[3..]));
}

#[test]
fn a_server_for_other_machines_says_who_may() {
    let open = ["serve", "--pubsub-port=0", "--queue-port=0", "--address=0.0.0.0"];
    let (code, _, err) = run(&open, "");
    assert!(code == 2 && err.contains("--tokens") && err.contains("--open"), "{err}");
    let tokens = Tokens::new();
    for flag in ["--open", &tokens.flag()] {
        let mut process = Process::start("streamgauge", [&open[..], &[flag]].concat());
        process.line("pubsub   http://0.0.0.0:");
    }
    let (code, _, err) = run(&[&open[..], &["--open", &tokens.flag()]].concat(), "");
    assert!(code == 2 && err.contains("--open"), "{err}");
}

#[test]
fn the_command_line_shows_its_token() {
    let tokens = Tokens::new();
    let token = tokens.add("pub:* sub:* put:* get:*", &[]);
    let server = tokens.serve(&[]);
    let url = format!("http://{}", server.address);
    let file = tokens.path.with_file_name("token");
    std::fs::write(&file, format!("{token}\n")).expect("the file is written");
    for args in
        [&["put", "x"][..], &["peek"], &["get"], &["stats"], &["pub", "x"], &["sub", "--from=first", "--limit=1"]]
    {
        let ended = |variable: Option<(&str, &str)>| {
            let mut command = streamgauge(args);
            command.env("STREAMGAUGE_URL", &url).envs(variable);
            let mut process = Process::spawn(command);
            let code = until(args[0], || process.try_exit_code());
            (code, process.stdout(), process.stderr())
        };
        let (code, _, said) = ended(None);
        assert!(code > 0 && !said.is_empty(), "{args:?}: {code} {said}");
        for variable in
            [("STREAMGAUGE_TOKEN", token.as_str()), ("STREAMGAUGE_TOKEN_FILE", file.to_str().expect("text"))]
        {
            let (code, out, said) = ended(Some(variable));
            assert_eq!(code, 0, "{args:?}: {out} {said}");
            assert!(!said.contains(&token[3..]), "{said}");
        }
    }
}
