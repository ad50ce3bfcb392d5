//! What can be set: the flags of a command.

use std::error::Error as _;
use std::ffi::{OsStr, OsString};

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Args, Command};

use crate::terminal::json::string;
use crate::terminal::masked;
use crate::terminal::meant::nearest;

/// All settings.
#[derive(Debug)]
pub(super) struct Settings {
    /// The command with these flags, any of which will do alone.
    command: Command,
    all: Vec<Setting>,
}

/// One flag.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) name: String,
    pub(super) takes: Takes,
    pub(super) defaults: Vec<OsString>,
    /// Whether its value is for nobody else, as its name says.
    pub(super) is_secret: bool,
}

/// What a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// Nothing: it is on or off.
    Switch,
    One,
    /// One each time.
    Many,
}

impl Settings {
    /// Those of the flags `O`.
    pub(super) fn of<O: Args>() -> Self {
        let command = lenient(O::augment_args(Command::new("serve")));
        let all = command.get_arguments().filter_map(Setting::of).collect();
        Self { command, all }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Setting> {
        self.all.iter()
    }

    /// Those that may stand in a file: which one that is can't be said in it.
    pub(super) fn in_file(&self) -> impl Iterator<Item = &Setting> {
        self.all().filter(|setting| setting.name != "config")
    }

    pub(super) fn get(&self, name: &str) -> Option<&Setting> {
        self.in_file().find(|setting| setting.name == name)
    }

    /// The name that may have been meant.
    pub(super) fn nearest(&self, name: &str) -> Option<&str> {
        nearest(name, self.in_file().map(|setting| &*setting.name))
    }

    /// What the flag itself says of a value.
    pub(super) fn judge(&self, setting: &Setting, value: &OsStr) -> Result<(), String> {
        let typed =
            [OsStr::new(&format!("--{}", setting.name)), OsStr::new("="), value].into_iter().collect::<OsString>();
        let Err(error) = self.command.clone().try_get_matches_from(["serve".into(), typed]) else { return Ok(()) };
        let why = match (error.source(), error.get(ContextKind::ValidValue)) {
            (Some(source), _) => source.to_string(),
            (None, Some(ContextValue::Strings(known))) => format!("must be {}", known.join(", ")),
            _ if error.kind() == ErrorKind::InvalidUtf8 => "is not UTF-8".to_owned(),
            _ => "must not be empty".to_owned(),
        };
        let shown = value.to_string_lossy();
        let shown = masked(&shown);
        // Some say the value themselves.
        let is_said = setting.is_secret || shown.is_empty() || why.contains(&format!("`{shown}`"));
        Err(if is_said { why } else { format!("{}: {why}", string(&shown)) })
    }
}

impl Setting {
    fn of(arg: &Arg) -> Option<Self> {
        let takes = match arg.get_action() {
            ArgAction::SetTrue => Takes::Switch,
            ArgAction::Set => Takes::One,
            ArgAction::Append => Takes::Many,
            _ => return None,
        };
        let name = arg.get_long()?.to_owned();
        let is_file = arg.get_value_names().into_iter().flatten().any(|name| name == "FILE" || name == "DIR");
        let is_secret =
            !is_file && ["token", "tokens", "password", "secret", "key"].iter().any(|word| name.ends_with(word));
        let defaults = match takes {
            Takes::Switch => vec!["false".into()],
            _ => arg.get_default_values().iter().map(OsString::from).collect(),
        };
        Some(Self { name, takes, defaults, is_secret })
    }
}

/// The command, all of whose flags may stand alone, and none of which looks at the environment.
pub(super) fn lenient(command: Command) -> Command {
    command.mut_args(|arg| {
        let arg = arg.requires(Resettable::Reset).conflicts_with(Resettable::Reset);
        let arg = if arg.get_long().is_some() { arg.required(false) } else { arg };
        deaf(arg)
    })
}

/// The flag without a variable of its own, which is looked at elsewhere.
pub(super) fn deaf(arg: Arg) -> Arg {
    arg.env(Resettable::Reset)
}
