//! What a command's help ends with, and what is wrong with a command line, in one line.

use std::ffi::OsString;

use clap::Command;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, Error};

use super::masked;

/// How servers end, and what says nothing else of itself.
const EXIT_CODES: &str = "\
Exit codes:
  0    all is well, also when a signal ended what has no end
  1    a second signal ended it at once
  2    wrong flags, or something that they name can't be opened, read or written";

/// How commands end that do a thing here, and wait for nobody.
pub(crate) const EXIT_CODES_HERE: &str = "\
Exit codes:
  0    all is well
  2    wrong flags, or something that they name can't be opened, read or written";

/// The same command, each of those under it with its exit codes at the end of its help: its own ones, or those of the command
/// that it is under.
pub(crate) fn with_exit_codes(command: Command) -> Command {
    ending_with(command, EXIT_CODES.into())
}

fn ending_with(command: Command, usual: StyledStr) -> Command {
    let codes = command.get_after_long_help().cloned().unwrap_or(usual);
    command.after_long_help(codes.clone()).mut_subcommands(|command| ending_with(command, codes.clone()))
}

/// The same command without the variables that say nothing: those that are empty, and those of flags that are typed. To clap
/// an empty one is a value, and that of a flag which commands have from the one above them counts there beside the flag.
pub(super) fn without_idle_variables(command: Command, typed: &[OsString]) -> Command {
    let command = command.mut_args(|arg| {
        let is_empty = arg.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
        let is_typed = arg.get_long().is_some_and(|flag| is_among(flag, typed));
        if is_empty || is_typed { arg.env(None) } else { arg }
    });
    command.mut_subcommands(|command| without_idle_variables(command, typed))
}

/// Whether a flag stands on a command line.
fn is_among(flag: &str, typed: &[OsString]) -> bool {
    let flags = typed.iter().take_while(|arg| *arg != "--").filter_map(|arg| arg.to_str()?.strip_prefix("--"));
    flags.map(|arg| arg.split_once('=').map_or(arg, |(name, _)| name)).any(|name| name == flag)
}

/// What `error` says of the command's line, without its usage; a value that nobody has typed is told with its variable.
pub(super) fn wrong(command: &mut Command, error: &Error) -> String {
    // What an argument is called is only known then.
    command.build();
    let line = one_line(&error.render().to_string());
    let Some((arg, value)) = text(error, ContextKind::InvalidArg).zip(text(error, ContextKind::InvalidValue)) else {
        return line;
    };
    let line = line.replace(value, &masked(value));
    let is_typed = |typed: &str| typed.strip_suffix(value).is_some_and(|flag| flag.is_empty() || flag.ends_with('='));
    if std::env::args_os().any(|typed| typed.to_str().is_some_and(is_typed)) {
        return line;
    }
    match variable(command, arg, value) {
        Some(name) => line.replace(&format!("for '{arg}'"), &format!("of the variable {name}")),
        None => line,
    }
}

fn text(error: &Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text),
        _ => None,
    }
}

/// The variable of an argument that has this value, within a command or those under it.
fn variable(command: &Command, arg: &str, value: &str) -> Option<String> {
    let own = command.get_arguments().filter(|known| known.to_string() == arg).find_map(|known| known.get_env());
    let own = own.filter(|name| std::env::var_os(name).is_some_and(|said| said == value));
    own.map(|name| name.to_string_lossy().into_owned())
        .or_else(|| command.get_subcommands().find_map(|command| variable(command, arg, value)))
}

/// The sentences of a clap error, without its usage; what it suggests comes last, in brackets.
pub(crate) fn one_line(text: &str) -> String {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_sentence = |line: &&str| !line.starts_with("tip:") && !line.starts_with("For more information");
    let sentences = lines().take_while(|line| !line.starts_with("Usage:")).filter(is_sentence);
    let mut line = sentences.collect::<Vec<_>>().join(" ");
    if let Some(tip) = lines().find_map(|line| line.strip_prefix("tip: ")) {
        line += &format!(" ({tip})");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_typed_whatever_follows_it() {
        let typed = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        for line in ["topic list --url http://a", "topic --url=http://a list"] {
            assert!(is_among("url", &typed(line)), "{line}");
        }
        for line in ["topic list", "topic list --urls=a", "read --exec -- --url a", "topic show url"] {
            assert!(!is_among("url", &typed(line)), "{line}");
        }
    }

    #[test]
    fn an_error_is_one_line_and_keeps_its_tip() {
        let error = "error: unrecognized subcommand 'qeue'\n\n  tip: a similar subcommand exists: 'queue'\n\n\
                     Usage: streamgauge [COMMAND]\n\nFor more information, try '--help'.\n";
        assert_eq!(one_line(error), "error: unrecognized subcommand 'qeue' (a similar subcommand exists: 'queue')");
        let error = "error: the following required arguments were not provided:\n  --a <A>\n\nUsage: x --a <A>\n";
        assert_eq!(one_line(error), "error: the following required arguments were not provided: --a <A>");
    }
}
