//! `streamgauge token`: makes, lists and removes the tokens of a file.

mod file;

use std::io::Write as _;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use jiff::Timestamp;
use streamgauge_core::wire::units::duration;

use self::file::Change;
use super::table::Table;
use crate::operations::rights::tokens::{PREFIX, Token, bytes_a_second, messages, random};
use crate::operations::rights::{BadGrant, Grants, Id, Rates, Terms};
use crate::terminal::{EXIT_CODES_HERE, StartError, meant as words, say};

/// Tokens, and what their owners may do
#[derive(Debug, Parser)]
#[command(after_long_help = EXIT_CODES_HERE)]
pub struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a token, and print it: the file only has its hash, so nobody can print it again
    New(New),
    /// List names, rights and ends, and how the hashes begin
    List(Tokens),
    /// Remove the token of that name, or whose hash begins so
    Remove(Remove),
}

#[derive(Debug, Args)]
struct Tokens {
    /// The file; a server reads it again at SIGHUP
    #[arg(long, value_name = "FILE")]
    tokens: PathBuf,
}

#[derive(Debug, Args)]
struct New {
    #[command(flatten)]
    file: Tokens,
    /// Rights on names: pub, sub, put, get and admin, such as 'pub:clicks sub:clicks.* get:*'
    #[arg(long, value_name = "RIGHTS", value_parser = grants)]
    rights: Grants,
    /// Most messages and items that it may send; beyond: 429
    #[arg(long, value_name = "N/s", value_parser = messages)]
    messages: Option<NonZeroU64>,
    /// Most bytes that it may send; beyond: 429
    #[arg(long, value_name = "BYTES/s", value_parser = bytes_a_second)]
    bytes: Option<NonZeroU64>,
    /// When it ends: a time such as 2027-01-31T12:00:00Z, or in so long, such as 12h or 30d
    #[arg(long, value_name = "TIME", value_parser = end)]
    expires: Option<Timestamp>,
    /// What people call it
    #[arg(long, value_name = "TEXT", value_parser = name)]
    name: Option<String>,
}

#[derive(Debug, Args)]
struct Remove {
    #[command(flatten)]
    file: Tokens,
    /// Its name, or at least 8 digits of its hash
    token: String,
}

/// Does what is asked for.
///
/// # Errors
/// What is wrong with the flags, or the file.
pub fn run(options: &Options) -> Result<ExitCode, StartError> {
    match &options.action {
        Action::New(new) => make(new),
        Action::List(Tokens { tokens }) => {
            let (_, lines) = file::read(tokens)?;
            print(&table(lines.into_iter().map(|(_, line)| line)))
        }
        Action::Remove(remove) => take_out(remove),
    }?;
    Ok(ExitCode::SUCCESS)
}

fn make(new: &New) -> Result<(), StartError> {
    if new.expires.is_some_and(|end| end <= Timestamp::now()) {
        say("warning: --expires is over: the token opens nothing");
    }
    let token = random().map_err(StartError::new)?;
    let rates = Rates { messages: new.messages, bytes: new.bytes };
    let terms = Terms { grants: new.rights.clone(), rates, expires: new.expires, name: new.name.clone() };
    Change::begin(&new.file.tokens)?.append(&Token { id: Id::of(token.as_bytes()), terms })?;
    print(&format!("{token}\n"))
}

fn take_out(Remove { file: Tokens { tokens }, token }: &Remove) -> Result<(), StartError> {
    let change = Change::begin(tokens)?;
    let (text, lines) = file::read(tokens)?;
    let by_hash = token.len() >= 8;
    let is_meant = |line: &Token| {
        line.terms.name.as_deref() == Some(token) || by_hash && line.id.to_string().starts_with(token.as_str())
    };
    let meant: Vec<usize> = lines.iter().filter(|(_, line)| is_meant(line)).map(|(number, _)| *number).collect();
    let [number] = *meant else {
        let how_many = if meant.is_empty() { "no token".to_owned() } else { format!("{} tokens", meant.len()) };
        let names = lines.iter().filter_map(|(_, line)| line.terms.name.as_deref()).filter(|_| meant.is_empty());
        let near = words::meant(words::nearest(token, names));
        // Whoever writes the file may give a name twice, and no hash is.
        let instead =
            if meant.len() > 1 { ": 8 digits or more of a hash, as token list has them, say which" } else { "" };
        let line = format_args!("{how_many} of {} called {token}{near}{instead}", tokens.display());
        return Err(StartError::new(line));
    };
    let left = text.split_inclusive('\n').zip(1..).filter(|(_, at)| *at != number).map(|(line, _)| line);
    change.replace(&left.collect::<String>())
}

fn table(lines: impl Iterator<Item = Token>) -> String {
    let now = Timestamp::now();
    let mut table = Table::new(["hash", "name", "expires", "rights"].map(|name| (name, false)));
    for Token { id, terms } in lines {
        let end = match terms.expires {
            None => "never".to_owned(),
            Some(end) if end <= now => "expired".to_owned(),
            Some(end) => end.to_string(),
        };
        let hash: String = id.to_string().chars().take(8).collect();
        table.row([hash, terms.name.unwrap_or_else(|| "-".to_owned()), end, terms.grants.to_string()]);
    }
    table.text()
}

fn print(text: &str) -> Result<(), StartError> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(StartError::new)
}

fn grants(text: &str) -> Result<Grants, String> {
    text.parse().map_err(|bad: BadGrant| bad.to_string())
}

fn name(text: &str) -> Result<String, String> {
    let fits = !text.is_empty()
        && !text.contains(|letter: char| letter.is_whitespace() || letter == '#' || letter.is_control());
    match text {
        // What a token looks like is refused wherever a name is read.
        _ if text.starts_with(PREFIX) => Err(format!("a text that does not begin with {PREFIX}, as tokens do")),
        _ if fits => Ok(text.to_owned()),
        _ => Err("a text without spaces and #".to_owned()),
    }
}

/// A time, or how long from now.
fn end(text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let long = match text.strip_suffix('d').map(str::parse::<u64>) {
        Some(days) => days.ok().and_then(|days| days.checked_mul(24 * 3_600)).map(std::time::Duration::from_secs),
        None => duration(text.as_bytes()),
    };
    let end = long.filter(|long| !long.is_zero()).and_then(|long| Timestamp::now().checked_add(long).ok());
    // What is less than a second is nobody's concern.
    let whole = end.and_then(|end| Timestamp::from_second(end.as_second()).ok());
    whole.ok_or_else(|| "a time such as 2027-01-31T12:00:00Z, or in how long, such as 12h or 30d".to_owned())
}
