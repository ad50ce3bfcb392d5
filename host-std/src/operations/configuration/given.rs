//! The command line as it was typed.

use std::ffi::OsString;
use std::marker::PhantomData;

use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};

use super::settings::lenient;

/// The flags of `O` that were typed: what goes together and what is missing is only known with what the other sources say.
#[derive(Debug)]
pub struct Given<O> {
    flags: Vec<(String, Vec<OsString>)>,
    of: PhantomData<fn() -> O>,
}

impl<O> Given<O> {
    /// Their names, and their values.
    pub(crate) fn flags(&self) -> &[(String, Vec<OsString>)] {
        &self.flags
    }

    /// The same with one more, or another value of one.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: Option<OsString>) -> Self {
        if let Some(value) = value {
            self.flags.retain(|(known, _)| known != name);
            self.flags.push((name.to_owned(), vec![value]));
        }
        self
    }
}

impl<O> Default for Given<O> {
    /// Nothing was typed.
    fn default() -> Self {
        Self { flags: Vec::new(), of: PhantomData }
    }
}

impl<O: Args> Args for Given<O> {
    fn augment_args(command: Command) -> Command {
        lenient(O::augment_args(command))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<O: Args> FromArgMatches for Given<O> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut given = Self::default();
        given.update_from_arg_matches(matches)?;
        Ok(given)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        let command = O::augment_args(Command::new(""));
        let typed = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
        let flags = command.get_arguments().filter(|arg| typed(arg.get_id().as_str())).filter_map(|arg| {
            let is_switch = matches!(arg.get_action(), ArgAction::SetTrue);
            let values = matches.get_raw(arg.get_id().as_str()).filter(|_| !is_switch);
            Some((arg.get_long()?.to_owned(), values.into_iter().flatten().map(OsString::from).collect()))
        });
        self.flags = flags.collect();
        Ok(())
    }
}
