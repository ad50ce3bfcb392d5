//! What is wrong with a file, to the letter: `golden/NAME.toml`, and `NAME.txt` for what is said of it.
//! `STREAMGAUGE_GOLDEN=1` writes the texts anew.

use std::fs;
use std::path::PathBuf;

use streamgauge_tests::build::workspace;
use streamgauge_tests::command::run;
use tempfile::TempDir;

use super::{config, spawn};

fn golden() -> PathBuf {
    workspace().join("tests/tests/configuration/golden")
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let mut tried = 0;
    let mut files: Vec<_> = fs::read_dir(golden()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let (code, out, err) = config(&golden(), &["check", name], &[]);
        assert_eq!((code, out.as_str()), (1, ""), "{name}: {err}");
        let expected = file.with_extension("txt");
        if std::env::var_os("STREAMGAUGE_GOLDEN").is_some() {
            fs::write(&expected, &err).unwrap();
        }
        assert_eq!(err, fs::read_to_string(&expected).unwrap_or_default(), "{name}");
        // A server says the same, and is none.
        let mut server = spawn(&golden(), &["--config", name], &[]);
        assert_eq!(server.exit_code(), 2, "{name}");
        assert_eq!(server.stderr(), err, "{name}");
        tried += 1;
    }
    assert!(tried >= 8, "{tried} files");
}

#[test]
fn what_variables_say_is_checked_too() {
    let folder = TempDir::new().unwrap();
    let variables = [
        ("STREAMGAUGE_MAX_DEPTH", "many"),
        ("STREAMGAUGE_NO_BRIDGE", "maybe"),
        ("STREAMGAUGE_ALLOW_HOST", "a, b"),
        ("STREAMGAUGE_MAX_NAMES", ""),
    ];
    let (code, out, err) = config(folder.path(), &["check"], &variables);
    assert_eq!((code, out.as_str()), (1, ""));
    assert_eq!(
        err,
        "error: STREAMGAUGE_NO_BRIDGE: must be true or false\n\
         error: STREAMGAUGE_MAX_DEPTH: \"many\": must be a whole number, 0 or more\n"
    );
    // One that nobody reads is said where it is nearly one that somebody does.
    let variables = [("STREAMGAUGE_MAX_DEPHT", "1"), ("STREAMGAUGE_SOMETHING", "1"), ("STREAMGAUGE_URL", "x")];
    let (code, out, err) = config(folder.path(), &["check"], &variables);
    assert_eq!((code, out.as_str()), (0, "fine\n"));
    assert_eq!(err, "warning: STREAMGAUGE_MAX_DEPHT is not read by anybody: did you mean STREAMGAUGE_MAX_DEPTH?\n");
}

#[test]
fn what_cannot_be_together_is_said_with_where_it_is_from() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("a.toml"), "[server]\nqueue-bytes = '1MiB'\nsync = 'interval:1s'\n").unwrap();
    let (code, _, err) = config(folder.path(), &["check", "a.toml"], &[]);
    assert_eq!(code, 1);
    assert!(err.contains("--data-dir"), "{err}");
    let variables = [("STREAMGAUGE_MAX_BYTES", "2MiB"), ("STREAMGAUGE_DATA_DIR", "kept")];
    let (code, _, err) = config(folder.path(), &["check", "a.toml"], &variables);
    assert_eq!(code, 1);
    assert_eq!(
        err,
        "error: --queue-bytes 1048576 must be at least --max-bytes 2097152 (--max-bytes: STREAMGAUGE_MAX_BYTES) \
         (--queue-bytes: a.toml:2)\n"
    );
    assert!(!folder.path().join("kept").exists(), "nothing is made");
    let (code, _, err) = config(folder.path(), &["check", "none.toml"], &[]);
    assert_eq!((code, err.as_str()), (1, "error: none.toml: No such file or directory (os error 2)\n"));
}

#[test]
fn what_a_server_would_not_start_with_is_said_and_nothing_is_made() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    for (setting, flag) in [
        ("address = '0.0.0.0'", "--address: whoever reaches 0.0.0.0:8080 could do anything"),
        ("address = '192.0.2.1'", "--address: 192.0.2.1: "),
        ("www = 'none'", "--www: none: No such file or directory"),
        ("www = 'file'", "--www: file: "),
        ("overflow-log = 'none/log'", "--overflow-log: none/log: No such file or directory"),
        ("overflow-log = '.'", "--overflow-log: .: "),
        ("data-dir = 'file'", "--data-dir: file: "),
        ("data-dir = 'file/kept'", "--data-dir: file/kept: "),
        ("user = 'nobody-there'", "--user: there is no user `nobody-there`"),
        ("group = 'nobody-there'", "--group: there is no group `nobody-there`"),
        ("root = 'none'", "--root: none: there is no such folder"),
    ] {
        fs::write(folder.path().join("a.toml"), format!("[server]\n{setting}\n")).unwrap();
        let (code, out, err) = config(folder.path(), &["check", "a.toml"], &[]);
        let name = setting.split(' ').next().unwrap();
        assert_eq!((code, out.as_str()), (1, ""), "{setting}: {err}");
        assert!(err.starts_with(&format!("error: {flag}")), "{err}");
        assert!(err.ends_with(&format!(" (--{name}: a.toml:2)\n")), "{err}");
        assert_eq!(config(folder.path(), &["show", "--config=a.toml"], &[]).0, 0, "{setting}");
    }
    let fine = "[server]\noverflow-log = 'log'\ndata-dir = 'a/kept'\nwww = '.'\naddress = '0.0.0.0'\nopen = true\n";
    fs::write(folder.path().join("a.toml"), fine).unwrap();
    assert_eq!(config(folder.path(), &["check", "a.toml"], &[]), (0, "fine\n".into(), String::new()));
    assert!(["log", "a"].iter().all(|name| !folder.path().join(name).exists()), "nothing is made");
}

#[test]
fn one_fault_hides_no_other() {
    let folder = TempDir::new().unwrap();
    let checked = |text: &str| {
        fs::write(folder.path().join("a.toml"), format!("[server]\n{text}")).unwrap();
        let (code, out, err) = config(folder.path(), &["check", "a.toml"], &[]);
        assert_eq!((code, out.as_str()), (1, ""), "{text}: {err}");
        err
    };
    assert_eq!(
        checked("pubsub-port = 9\nqueue-port = 9\n"),
        "error: --queue-port 9 must be another port than --pubsub-port (--pubsub-port: a.toml:2) (--queue-port: a.toml:3)\n"
    );
    assert_eq!(checked("queue-port = 8080\n").lines().count(), 1);
    for (text, starts) in [
        (
            "tls-cert = 'c'\njwt-audience = ['x']\nuser = 'nobody-there'\nwww = 'none'\nmemory = 1\n",
            &["--jwt-audience needs --jwt-keys", "--tls-cert needs --tls-key", "--memory", "--www: ", "--user: "][..],
        ),
        ("tls-client-ca = 'c'\nqueue-port = 8080\n", &["--tls-client-ca needs ", "--queue-port 8080"]),
        ("memory = 1\nuser = 'nobody-there'\ntls-cert = 'c'\ntls-key = 'k'\n", &["--memory", "--tls-cert", "--user: "]),
    ] {
        let said = checked(text);
        for start in starts {
            let line = said.lines().find(|line| line.contains(start)).unwrap_or_else(|| panic!("no {start}: {said}"));
            let flag = start.split([' ', ':']).next().unwrap();
            assert!(line.contains(&format!(" ({flag}: a.toml:")), "{line}");
        }
    }
}

#[test]
fn what_is_wrong_is_said_without_passwords() {
    let folder = TempDir::new().unwrap();
    let hash = "0".repeat(64);
    fs::write(folder.path().join("tokens"), format!("sha256:{hash} sg_sekret\n")).unwrap();
    fs::write(folder.path().join("a.toml"), "[server]\notlp = 'http://u:sekret@localhost:1/'\n").unwrap();
    fs::write(folder.path().join("b.toml"), "[server]\nengine = 'nats://a,nats://u:sekret@b'\n").unwrap();
    let (code, out, err) =
        config(folder.path(), &["check", "a.toml"], &[("STREAMGAUGE_ENGINE", "nats://u:sekret@h ost")]);
    assert_eq!((code, out.as_str()), (1, ""));
    let (of_otlp, of_engine) = err.split_once('\n').unwrap();
    let file = "a user and a password go into a file: --engine-token-file, or --engine-creds";
    assert_eq!(of_engine, format!("error: STREAMGAUGE_ENGINE: \"nats://***@h ost\": {file}\n"));
    assert!(of_otlp.contains("`http://***@localhost:1/`: a user name is not supported"), "{of_otlp}");
    let (code, out, err) = config(folder.path(), &["show", "--config=b.toml"], &[]);
    assert!(code == 1 && out.is_empty() && err.contains(file) && !err.contains("sekret"), "{err}");
    for (args, variables) in [
        (&["--tokens=tokens"][..], &[][..]),
        (&["--otlp=http://u:sekret@localhost:1/"], &[]),
        (&["--engine=nats://u:sekret@h ost"], &[]),
        (&[], &[("STREAMGAUGE_OTLP", "http://u:sekret@localhost:1/")]),
    ] {
        let mut server = spawn(folder.path(), args, variables);
        assert_eq!(server.exit_code(), 2, "{args:?}");
        assert!(!server.stderr().contains("sekret"), "{}", server.stderr());
    }
    let (code, _, err) = run(&["moments", "--state=rediss://u:sekret@127 .0.0.1:1", "--key=k"], "1\n");
    assert!(code != 0 && !err.contains("sekret"), "{err}");
}

#[test]
fn what_has_no_end_is_no_configuration() {
    let folder = TempDir::new().unwrap();
    let (code, _, err) = config(folder.path(), &["check", "/dev/zero"], &[]);
    assert_eq!((code, err.as_str()), (1, "error: /dev/zero: a configuration has 16 MiB at most\n"));
}

#[test]
fn the_examples_of_the_pages_are_fine() {
    let folder = TempDir::new().unwrap();
    let mut tried = 0;
    let pages = fs::read_dir(workspace().join("host-std/docs")).unwrap().map(|entry| entry.unwrap().path());
    for page in pages.filter(|page| page.extension().is_some_and(|extension| extension == "md")) {
        let text = fs::read_to_string(&page).unwrap();
        for (_, example) in
            text.split("```").filter_map(|block| block.split_once("toml\n").filter(|(mark, _)| mark.is_empty()))
        {
            fs::write(folder.path().join("example.toml"), example).unwrap();
            let checked = config(folder.path(), &["check", "example.toml"], &[]);
            assert_eq!(checked, (0, "fine\n".into(), String::new()), "{}", page.display());
            tried += 1;
        }
    }
    assert!(tried > 0);
}

#[test]
fn the_example_is_fine() {
    let packaging = workspace().join("host-std/packaging");
    assert_eq!(config(&packaging, &["check", "streamgauge.toml"], &[]), (0, "fine\n".into(), String::new()));
    // Also what it has in comments.
    let all: String = fs::read_to_string(packaging.join("streamgauge.toml"))
        .unwrap()
        .lines()
        .map(|line| line.strip_prefix("#: ").unwrap_or(line).to_owned() + "\n")
        .collect();
    // Not everybody who tests it may write there.
    let all = all.replace("/var/lib/streamgauge", "kept");
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("all.toml"), all).unwrap();
    assert_eq!(config(folder.path(), &["check", "all.toml"], &[]), (0, "fine\n".into(), String::new()));
}
