//! A flag comes before a variable, that before the file, and that before what is so anyway; for each kind of flag.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{config, serve};

/// Value and source of a setting.
fn shown(folder: &TempDir, args: &[&str], variables: &[(&str, &str)], name: &str) -> (Value, Value) {
    let args = [&["show", "--json"], args].concat();
    let (code, out, err) = config(folder.path(), &args, variables);
    assert_eq!((code, err.as_str()), (0, ""), "{args:?}");
    let all: Value = serde_json::from_str(&out).expect("JSON");
    let found = all["settings"].as_array().unwrap().iter().find(|one| one["name"] == name);
    let found = found.unwrap_or_else(|| panic!("no {name} in {out}"));
    (found["value"].clone(), found["from"].clone())
}

#[test]
fn each_source_comes_before_the_next() {
    let folder = TempDir::new().unwrap();
    let text = "\n[server]\nmax-depth = 1\nno-bridge = true\nallow-host = ['a', 'b']\nwww = 'file'\n";
    fs::write(folder.path().join("s.toml"), text).unwrap();
    let file = |line| json!({"source": "file", "file": "s.toml", "line": line});
    let variable = |variable: &str| json!({"source": "environment", "variable": variable});
    let (default, flag) = (json!({"source": "default"}), json!({"source": "flag"}));
    let at = ["--config", "s.toml"];
    for (name, typed, var, text, [anyway, in_file, in_variable, in_flag], line) in [
        ("max-depth", "--max-depth=3", "MAX_DEPTH", "2", [json!("0"), json!("1"), json!("2"), json!("3")], 3),
        ("www", "--www=flag", "WWW", "var", [Value::Null, json!("file"), json!("var"), json!("flag")], 6),
        ("no-bridge", "--no-bridge", "NO_BRIDGE", "false", [false, true, false, true].map(Value::Bool), 4),
        (
            "allow-host",
            "--allow-host=d",
            "ALLOW_HOST",
            "c, d",
            [json!([]), json!(["a", "b"]), json!(["c", "d"]), json!(["d"])],
            5,
        ),
    ] {
        let name_of = format!("STREAMGAUGE_{var}");
        let variables = [(name_of.as_str(), text)];
        let of = |args: &[&str], variables: &[(&str, &str)]| shown(&folder, args, variables, name);
        assert_eq!(of(&[], &[]), (anyway, default.clone()));
        assert_eq!(of(&at, &[]), (in_file, file(line)));
        assert_eq!(of(&at, &variables), (in_variable.clone(), variable(&name_of)));
        assert_eq!(of(&[], &variables), (in_variable, variable(&name_of)));
        assert_eq!(of(&[&at[..], &[typed]].concat(), &variables), (in_flag, flag.clone()));
    }
    // The file may be named by a variable, and typed flags have both spellings.
    let variables = [("STREAMGAUGE_CONFIG", "s.toml")];
    assert_eq!(shown(&folder, &[], &variables, "max-depth"), (json!("1"), file(3)));
    assert_eq!(shown(&folder, &["--max_depth", "9"], &variables, "max-depth"), (json!("9"), flag));
    // One that is named by a flag comes first.
    let variables = [("STREAMGAUGE_CONFIG", "none.toml")];
    assert_eq!(shown(&folder, &at, &variables, "max-depth"), (json!("1"), file(3)));
}

#[test]
fn what_is_shown_is_a_file_that_says_the_same() {
    let folder = TempDir::new().unwrap();
    let text = "[server]\nmget-item-sep = \"\\t\"\nengine = 'nats://127.0.0.1'\n\
                [queues.'a.b']\nlease = 1.5\nfilter = ['a:1']\n[topics.t]\nbytes = '1MiB'\n";
    fs::write(folder.path().join("s.toml"), text).unwrap();
    let (code, first, err) = config(folder.path(), &["show", "--config=s.toml", "--max-depth=5"], &[]);
    assert_eq!((code, err.as_str()), (0, ""));
    let line = |start: &str| {
        first
            .lines()
            .find(|line| line.starts_with(start))
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    assert_eq!(line("max-depth").as_deref(), Some("max-depth = 5 # flag"));
    assert_eq!(line("mget-item-sep").as_deref(), Some("mget-item-sep = \"\\t\" # s.toml:2"));
    assert_eq!(line("# max-body-bytes").as_deref(), Some("# max-body-bytes = \"5MiB\" # default"));
    assert_eq!(line("[queues").as_deref(), Some("[queues.\"a.b\"] # s.toml:4"));
    fs::write(folder.path().join("again.toml"), &first).unwrap();
    let (code, again, err) = config(folder.path(), &["show", "--config=again.toml"], &[]);
    assert_eq!((code, err.as_str()), (0, ""));
    // But for where it is from.
    let said = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.split("  #").next().unwrap_or_default().trim_end().to_owned()).collect()
    };
    assert_eq!(said(&again), said(&first));
}

#[test]
fn a_server_does_what_each_source_says() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("s.toml"), "[server]\nmax-depth = 2\nno-bridge = true\nmax-mget = 7\n").unwrap();
    let server = serve(folder.path(), &["--config=s.toml", "--max-mget=1"], &[("STREAMGAUGE_NO_BRIDGE", "false")]);
    let mut client = server.connect();
    assert_eq!(client.post("/pub", "a\nb\nc").status, 200);
    assert_eq!(client.get("/mget?items=9").text(), "b", "the bridge is there, the depth is 2, and mget gives 1");
    assert_eq!(server.stop(), 0);
}
