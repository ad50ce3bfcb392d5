//! Every flag of `serve` can be set by the file and by a variable: also those that are to come.

use std::ffi::OsString;

use clap::{ArgAction, Args as _, Command};

use super::serve;
use crate::operations::configuration::{Configuration, Origin, Sources};

/// What some flag or other takes.
const TAKEN: [&str; 15] = [
    "7",
    "1",
    "json",
    "lines",
    "1GiB",
    "interval:1s",
    "nats://h:1",
    "3s",
    "http://a",
    "127.0.0.1:7",
    "name",
    "always",
    "/dev/null",
    "x=y",
    "EdDSA",
];

#[test]
fn every_flag_is_a_variable_and_a_member() {
    let command = serve::Options::augment_args(Command::new("serve"));
    let mut tried = 0;
    for arg in command.get_arguments() {
        let Some(name) = arg.get_long().filter(|name| !matches!(*name, "help" | "version" | "config")) else {
            continue;
        };
        let variable = format!("STREAMGAUGE_{}", name.to_uppercase().replace('-', "_"));
        let is_switch = matches!(arg.get_action(), ArgAction::SetTrue);
        let values: &[&str] = if is_switch { &["true"] } else { &TAKEN };
        let of = |variables: Vec<(String, OsString)>, text: &str| {
            let sources = Sources { flags: Vec::new(), variables };
            let read = Configuration::of::<serve::Options>(&sources, Some(("file", text.as_bytes())));
            let found = read.map(|all| (all.line_of(name), all.origin_of(name)));
            found.map_err(|wrong| wrong.iter().map(|wrong| format!("{wrong}\n")).collect::<String>())
        };
        let in_file = |value: &str| {
            if is_switch { format!("[server]\n{name} = true") } else { format!("[server]\n{name} = \"{value}\"") }
        };
        let value = values.iter().find(|value| of(Vec::new(), &in_file(value)).is_ok());
        let value = value.unwrap_or_else(|| panic!("--{name} takes none of {values:?}"));
        let (line, origin) = of(Vec::new(), &in_file(value)).unwrap();
        assert!(line.contains(value), "{line}");
        assert_eq!(origin, Origin::File("file".to_owned(), 2), "--{name}");
        let by_variable = of(vec![(variable.clone(), value.into())], &in_file(value)).unwrap();
        assert_eq!(by_variable, (line, Origin::Environment(variable.clone())), "--{name}");
        if is_switch {
            let off = of(vec![(variable.clone(), "false".into())], &in_file(value)).unwrap();
            assert_eq!(off, (format!("{name} = false"), Origin::Environment(variable)));
        }
        tried += 1;
    }
    assert!(tried >= 50, "{tried} flags");
}

#[test]
fn what_is_meant_is_said() {
    let sources = Sources::default();
    let wrong = |text: &str| {
        let read = Configuration::of::<serve::Options>(&sources, Some(("f", text.as_bytes())));
        read.unwrap_err().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        wrong("[server]\nmax_depth = 1\n"),
        ["f:2:1: server.max_depth: there is no such setting: did you mean max-depth?"]
    );
    assert_eq!(wrong("max-depth = 1"), ["f:1:1: max-depth: settings stand in the table [server]"]);
    assert_eq!(wrong("[topcis.a]"), ["f:1:2: topcis: there is no such table: did you mean topics?"]);
    assert_eq!(wrong("[server]\nconfig = 'a'"), ["f:2:1: server.config: there is no such setting"]);
}
