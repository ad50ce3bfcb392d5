//! What a server is told: by flags, by its environment, by a file.
//!
//! | module | idea |
//! | --- | --- |
//! | [`Configuration`] | each setting, its value, and where that is from |
//! | `given` | the command line as it was typed |
//! | `settings` | what can be set: the flags, and nothing else |
//! | `environment`, `file` | what variables and a file say of them |
//! | `declared` | tokens of the file, and topics, queues and gauges, each as what is put at its path |
//! | `show` | all of it as a file that means the same, and as JSON |
//! | `wrong` | what can't be so, and where it stands |
//!
//! The flags of `serve` are the one list of what can be set. A flag `--max-depth` is the variable `STREAMGAUGE_MAX_DEPTH` and
//! the member `max-depth` of the table `[server]`, and its own parser judges all three: a new flag is a new setting.

mod declared;
mod environment;
mod file;
mod given;
mod settings;
mod show;
mod wrong;

pub(crate) use declared::Declared;
pub(crate) use given::Given;
pub(crate) use wrong::Wrong;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, Command, Parser};

use settings::{Settings, Takes};

use super::rights;

/// Everything that may say something: read again, it may say something else.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources {
    /// The flags that were typed, by their names.
    pub(crate) flags: Vec<(String, Vec<OsString>)>,
    /// The environment.
    pub(crate) variables: Vec<(String, OsString)>,
}

/// What is set, and from where.
#[derive(Debug)]
pub(crate) struct Configuration {
    chosen: Vec<Chosen>,
    /// What the file declares beside settings.
    pub(crate) declared: Vec<Declared>,
    /// Variables that are none of ours, and look as if they were meant to be.
    pub(crate) warnings: Vec<String>,
}

/// A setting as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) name: String,
    takes: Takes,
    is_secret: bool,
    /// A switch has one, `true` or `false`; what is not set has none.
    values: Vec<OsString>,
    pub(crate) origin: Origin,
}

/// Where a value is from. The later ones come first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Default,
    /// A line of a file.
    File(String, usize),
    /// A variable.
    Environment(String),
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path, line) => write!(f, "{path}:{line}"),
            Self::Environment(name) => f.write_str(name),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// What one source says of a setting.
#[derive(Debug)]
struct Said {
    name: String,
    values: Vec<OsString>,
    origin: Origin,
}

impl Sources {
    /// Those of this process.
    pub(crate) fn of_process<O>(given: &Given<O>) -> Self {
        let variables = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        Self { flags: given.flags().to_vec(), variables: variables.collect() }
    }

    /// The file that they name.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        let flag = self.flags.iter().find(|(name, _)| name == "config").and_then(|(_, values)| values.last());
        let variable = || {
            let (_, value) = self.variables.iter().find(|(name, _)| *name == environment::variable("config"))?;
            Some(value).filter(|value| !value.is_empty())
        };
        flag.or_else(variable).map(PathBuf::from)
    }
}

impl Configuration {
    /// Reads all sources of the flags `O`.
    ///
    /// # Errors
    /// All that is wrong with them, in the order in which it stands there.
    pub(crate) fn read<O: Args>(sources: &Sources) -> Result<Self, Vec<Wrong>> {
        let Some(path) = sources.file() else { return Self::of::<O>(sources, None) };
        let shown = path.display().to_string();
        match bounded(&path) {
            Ok(bytes) => Self::of::<O>(sources, Some((&shown, &bytes))),
            Err(error) => Err(vec![Wrong::new(shown, "", error)]),
        }
    }

    /// The same with what is in the file, if there is one, and its path.
    pub(crate) fn of<O: Args>(sources: &Sources, file: Option<(&str, &[u8])>) -> Result<Self, Vec<Wrong>> {
        let settings = Settings::of::<O>();
        let mut wrong = Vec::new();
        let (in_file, declared) = match file {
            Some((path, bytes)) => file::read(path, bytes, &settings, &mut wrong),
            None => Default::default(),
        };
        let (in_environment, warnings) = environment::read(&sources.variables, &settings, &mut wrong);
        let flags = sources.flags.iter().map(|(name, values)| {
            let values = if values.is_empty() { vec!["true".into()] } else { values.clone() };
            Said { name: name.clone(), values, origin: Origin::Flag }
        });
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let said: Vec<_> = flags.chain(in_environment).chain(in_file).collect();
        let chosen = settings.all().map(|setting| {
            let first = said.iter().find(|said| said.name == setting.name);
            let (values, origin) = match first {
                Some(said) => (said.values.clone(), said.origin.clone()),
                None => (setting.defaults.clone(), Origin::Default),
            };
            Chosen { name: setting.name.clone(), takes: setting.takes, is_secret: setting.is_secret, values, origin }
        });
        Ok(Self { chosen: chosen.collect(), declared, warnings })
    }

    /// The flags as if all of it had been typed.
    ///
    /// # Errors
    /// In a line, what can't be together.
    pub(crate) fn options<O: Parser>(&self) -> Result<O, String> {
        self.parsed(O::command().mut_args(settings::deaf)).map_err(|error| self.told(&error))
    }

    /// The same where what can't be together is, so that all else that is wrong can be looked for.
    ///
    /// # Errors
    /// There are none: each setting has been judged alone.
    pub(crate) fn options_apart<O: Parser>(&self) -> Result<O, String> {
        self.parsed(settings::lenient(O::command())).map_err(|error| self.told(&error))
    }

    /// All that can't be together, and what is missing beside what there is, a line each.
    pub(crate) fn contradictions<O: Parser>(&self) -> Vec<String> {
        let strict = || O::command().mut_args(settings::deaf);
        let Err(error) = self.parsed::<O>(strict()) else { return Vec::new() };
        let is_set = |flag: &str| self.set().any(|chosen| chosen.name == flag);
        // Which flag it is that needs another one is only known of one that stands alone.
        let missing = self.set().filter_map(|chosen| {
            let error = strict().try_get_matches_from(typed_of([chosen])).err()?;
            let needed = match error.get(ContextKind::InvalidArg) {
                Some(ContextValue::Strings(flags)) if error.kind() == ErrorKind::MissingRequiredArgument => flags,
                _ => return None,
            };
            let needed = needed.iter().filter_map(|flag| flag.strip_prefix("--")?.split(' ').next());
            let needed: Vec<_> = needed.filter(|flag| !is_set(flag)).map(|flag| format!("--{flag}")).collect();
            let line = || self.explain(&format!("--{} needs {}", chosen.name, needed.join(" and ")));
            (!needed.is_empty()).then(line)
        });
        let mut lines: Vec<_> = missing.collect();
        if error.kind() != ErrorKind::MissingRequiredArgument || lines.is_empty() {
            lines.push(self.told(&error));
        }
        lines
    }

    /// What somebody has said.
    fn set(&self) -> impl Iterator<Item = &Chosen> {
        self.chosen.iter().filter(|chosen| chosen.origin != Origin::Default && !chosen.typed().is_empty())
    }

    fn parsed<O: Parser>(&self, command: Command) -> Result<O, clap::Error> {
        let matches = command.try_get_matches_from(typed_of(self.set()));
        matches.and_then(|mut matches| O::from_arg_matches_mut(&mut matches))
    }

    /// What clap says, in a line.
    fn told(&self, error: &clap::Error) -> String {
        let line = crate::terminal::one_line(&error.render().to_string());
        self.explain(line.strip_prefix("error: ").unwrap_or(&line))
    }

    /// What is put at its path: all that is declared but tokens.
    pub(crate) fn puts(&self) -> impl Iterator<Item = &Declared> {
        self.declared.iter().filter(|declared| !declared.is_token())
    }

    /// Whether it declares the same, wherever that stands.
    pub(crate) fn declares(&self, declared: &Declared) -> bool {
        self.declared.iter().any(|own| own.is_like(declared))
    }

    /// The tokens that are declared, each with its name and place.
    pub(crate) fn tokens(&self) -> rights::Declared {
        let token = |declared: &Declared| {
            Some((format!("{}: {}", declared.place(), declared.member()), declared.token()?.ok()?))
        };
        self.declared.iter().filter_map(token).collect()
    }

    #[cfg(test)]
    pub(crate) fn line_of(&self, name: &str) -> String {
        self.chosen.iter().find(|chosen| chosen.name == name).map(Chosen::line).unwrap_or_default()
    }

    /// Where it was said what a setting is.
    pub(crate) fn origin_of(&self, name: &str) -> Origin {
        self.chosen.iter().find(|chosen| chosen.name == name).map_or(Origin::Default, |chosen| chosen.origin.clone())
    }

    /// A line that names flags, and where those are set that nobody has typed.
    pub(crate) fn explain(&self, line: &str) -> String {
        let mut out = line.to_owned();
        for Chosen { name, origin, .. } in &self.chosen {
            if matches!(origin, Origin::File(..) | Origin::Environment(_)) && names(line, name) {
                out += &format!(" (--{name}: {origin})");
            }
        }
        out
    }

    /// The settings that are another one than they were, and their values now.
    pub(crate) fn changed_since<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = (&'a Chosen, &'a Chosen)> {
        let both = before.chosen.iter().zip(&self.chosen);
        both.filter(|(before, now)| before.values != now.values)
    }
}

impl Chosen {
    /// What would have to be typed.
    fn typed(&self) -> Vec<OsString> {
        let name = format!("--{}", self.name);
        if self.takes == Takes::Switch {
            let is_on = self.values.iter().any(|value| value == "true");
            return if is_on { vec![name.into()] } else { Vec::new() };
        }
        let typed = |value: &OsString| [OsStr::new(&name), OsStr::new("="), value].into_iter().collect();
        self.values.iter().map(typed).collect()
    }
}

/// More is no configuration, but what somebody has named by mistake, such as a device that has no end.
const MOST: u64 = 16 << 20;

/// What a file has, if that may be a configuration.
fn bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST { Err(io::Error::other("a configuration has 16 MiB at most")) } else { Ok(bytes) }
}

/// A command line with these.
fn typed_of<'a>(all: impl IntoIterator<Item = &'a Chosen>) -> impl Iterator<Item = OsString> {
    std::iter::once("serve".into()).chain(all.into_iter().flat_map(Chosen::typed))
}

/// Whether a flag is named in a line.
fn names(line: &str, flag: &str) -> bool {
    let is_more = |char: char| char.is_ascii_alphanumeric() || char == '-';
    let flag = format!("--{flag}");
    let mut rest = line.match_indices(&flag).map(|(at, found)| &line[at + found.len()..]);
    rest.any(|rest| !rest.starts_with(is_more))
}
