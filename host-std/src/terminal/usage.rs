//! What a command's help ends with, and what is wrong with a command line, in one line.

use std::error::Error as _;
use std::ffi::OsString;
use std::num::{IntErrorKind, ParseFloatError, ParseIntError};

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, Error, ErrorKind};
use clap::{Arg, Command};

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

/// What all commands look at beside their flags.
const ENVIRONMENT: &str = "\
Environment:
  STREAMGAUGE_URL         the server's address, where no flag says another one
  STREAMGAUGE_TOKEN       the token that is shown to servers
  STREAMGAUGE_TOKEN_FILE  the file that has it
  STREAMGAUGE_CA_FILE     the certificate authorities that are trusted, and no others
  STREAMGAUGE_CONFIG      the file of serve's settings; each flag of serve is a variable, too: STREAMGAUGE_MAX_DEPTH
  NO_COLOR                print without colours";

/// The same command, each of those under it with its exit codes at the end of its help: its own ones, or those of the command
/// that it is under. What has commands under it tells what they all look at.
pub(crate) fn with_exit_codes(command: Command) -> Command {
    let command = ending_with(command, EXIT_CODES.into());
    if command.has_subcommands() { command.after_long_help(format!("{ENVIRONMENT}\n\n{EXIT_CODES}")) } else { command }
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

/// What to say of the command's line: what is wrong with it, and where to look. Where a command is missing, those that
/// there are.
pub(super) fn wrong(command: &mut Command, error: &Error) -> String {
    let line = match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let help = error.render().to_string();
            if let Some(missing) = missing_command(&help) {
                return missing;
            }
            one_line(&help)
        }
        ErrorKind::UnknownArgument => {
            let line = wrong_value(command, error);
            with_owner(command, error, line)
        }
        _ => wrong_value(command, error),
    };
    format!("{line} (see --help)")
}

/// What is said of a help that is shown for want of a command: which one has none, and the lines of those that there are.
fn missing_command(help: &str) -> Option<String> {
    let usage = help.lines().find_map(|line| line.strip_prefix("Usage: "))?;
    let words: Vec<_> = usage.split(' ').take_while(|word| !word.starts_with(['[', '<'])).collect();
    let commands = help.split_once("\nCommands:\n")?.1;
    let commands: Vec<_> = commands.lines().take_while(|line| !line.is_empty()).collect();
    Some(format!(
        "error: {} needs one of these commands (see --help)\n\nCommands:\n{}",
        words.join(" "),
        commands.join("\n")
    ))
}

/// The command that is run where none is typed; its flags belong behind its name.
const USUAL: &str = "serve";

/// The line, and that a flag is one of the usual command, where no other one is typed before it.
fn with_owner(command: &Command, error: &Error, line: String) -> String {
    let known = |flag: &str| {
        let mut arguments = command.find_subcommand(USUAL)?.get_arguments();
        let is_it = |arg: &Arg| {
            arg.get_long() == Some(flag) || arg.get_all_aliases().is_some_and(|aliases| aliases.contains(&flag))
        };
        arguments.any(is_it).then(|| format!("{line} ({} {USUAL} --{flag} …)", command.get_name()))
    };
    let flag = text(error, ContextKind::InvalidArg).and_then(|arg| arg.strip_prefix("--"));
    // A command that is typed is the one that does not know it.
    let is_first = std::env::args().nth(1).is_some_and(|first| first.starts_with('-'));
    flag.filter(|_| is_first).and_then(known).unwrap_or(line)
}

/// What `error` says of the command's line, without its usage; a value that nobody has typed is told with its variable.
fn wrong_value(command: &mut Command, error: &Error) -> String {
    // What an argument is called is only known then.
    command.build();
    let line = one_line(&error.render().to_string());
    let Some((arg, value)) = text(error, ContextKind::InvalidArg).zip(text(error, ContextKind::InvalidValue)) else {
        return line;
    };
    let line = match error.source().and_then(|why| no_number(why, value)) {
        Some((said, meant)) => line.replace(&said, meant),
        None => line,
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

/// What Rust's library says of a text that is no number, and what that means.
fn no_number(why: &(dyn std::error::Error + 'static), text: &str) -> Option<(String, &'static str)> {
    let meant = match why.downcast_ref::<ParseIntError>().map(ParseIntError::kind) {
        Some(IntErrorKind::PosOverflow) => "is too large",
        Some(IntErrorKind::NegOverflow) => "is too far below 0",
        Some(_) if text.parse::<i64>().is_ok() => "must not be below 0",
        Some(_) => "must be a whole number",
        None => why.is::<ParseFloatError>().then_some("must be a number")?,
    };
    Some((why.to_string(), meant))
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

    #[test]
    fn a_number_that_is_none_is_told_in_plain_words() {
        let command = Command::new("x").arg(Arg::new("n").long("n").value_parser(clap::value_parser!(u64)));
        let mut command = command.arg(Arg::new("f").long("f").value_parser(clap::value_parser!(f64)));
        let mut told = |typed: &str| {
            let error = command.try_get_matches_from_mut(["x", typed]).unwrap_err();
            wrong(&mut command, &error)
        };
        for (typed, line) in [
            ("--n=a", "error: invalid value 'a' for '--n <n>': must be a whole number (see --help)"),
            ("--n=-1", "error: invalid value '-1' for '--n <n>': must not be below 0 (see --help)"),
            (
                "--n=99999999999999999999",
                "error: invalid value '99999999999999999999' for '--n <n>': is too large (see --help)",
            ),
            ("--f=1,5", "error: invalid value '1,5' for '--f <f>': must be a number (see --help)"),
        ] {
            assert_eq!(told(typed), line);
        }
    }

    #[test]
    fn who_types_no_command_is_told_those_that_there_are() {
        let topics = Command::new("topic").about("Look").arg_required_else_help(true).subcommand_required(true);
        let topics = topics.subcommand(Command::new("list").about("Print them")).arg(Arg::new("url").long("url"));
        let mut command = Command::new("gauge").subcommand(topics);
        let error = command.try_get_matches_from_mut(["gauge", "topic"]).unwrap_err();
        assert_eq!(
            wrong(&mut command, &error),
            "error: gauge topic needs one of these commands (see --help)\n\nCommands:\n  list  Print them\n  \
             help  Print this message or the help of the given subcommand(s)"
        );
    }
}
