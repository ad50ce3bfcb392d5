//! What is left, in the place of what is damaged.

use std::io::{IsTerminal as _, Write as _, stderr, stdin};
use std::process::ExitCode;

use clap::Args;
use streamgauge_core::engine::Name;
use streamgauge_core::engine::memory::Memory;

use super::check::tables;
use super::{Folder, Read, ended, read, shown};
use crate::commands::serve;
use crate::engine::disk::{AtRest, Damage, Loss, LostItems, Restored, Salvaged, StateError, few, rooms};
use crate::terminal::exit::Failure;
use crate::terminal::{StartError, output, say};

/// The end of its help.
const EXIT_CODES: &str = "\
Exit codes:
  0    it is repaired, or nothing is lost
  1    nothing was repaired
  2    wrong flags; or a server has the folder, nothing is kept there, it can't be read, or stdout can't be written";

/// Go on with what is left of damaged data: say what is lost, ask, and keep the files as they were in DIR/before-repair-N
#[derive(Debug, Args)]
#[command(after_long_help = EXIT_CODES)]
pub(super) struct Repair {
    #[command(flatten)]
    folder: Folder,
    /// Don't ask
    #[arg(long)]
    yes: bool,
    /// If the checkpoint can't be read, execute the log from its beginning, if it is all there; names that nobody has
    /// made get what serve gives without flags
    #[arg(long)]
    from_log: bool,
}

impl Repair {
    pub(super) fn run(&self) -> Result<ExitCode, StartError> {
        let at_rest = self.folder.take()?;
        let has_all = at_rest.has_all().map_err(|error| self.folder.wrong(&error))?;
        let defaults = serve::defaults()?;
        let mut is_new = false;
        let instead = |error: StateError| {
            if !(self.from_log && has_all && error.is_loss()) {
                return Err(error);
            }
            is_new = true;
            Ok(Restored::new(Memory::with_defaults(rooms(), defaults), at_rest.oldest()?))
        };
        let mut found = read(&self.folder, &at_rest, instead)?;
        if found.is_whole() && !is_new {
            return Ok(done(&format!("{}: nothing is lost, and nothing was changed", shown(&self.folder.path))));
        }
        let given_up = found.give_up(&self.folder, &at_rest)?;
        let Read { wrong, messages, state, lost, .. } = found;
        let Some(mut state) = state else {
            let why = wrong.map_or_else(String::new, |error| error.to_string());
            return Ok(Failure::Refused(self.hopeless(&why, has_all)).exit());
        };
        let mut text = lost_of(&state, &lost, &messages);
        text += &told(&state, &given_up);
        if is_new {
            text += "The checkpoint is lost: topics and queues that nobody has made have the settings that serve gives them, and messages of topics that it had have other numbers: who comes back to one gets all that there is.\n";
        }
        text += &tables(&mut state);
        if let Err(failure) = output::write(text.as_bytes()) {
            return Ok(unheard(failure));
        }
        if !self.yes && !self.is_wanted() {
            return Ok(Failure::Refused("nothing was changed (--yes does it)".to_owned()).exit());
        }
        self.go_on(&at_rest, &state)
    }

    fn go_on(&self, at_rest: &AtRest, state: &Salvaged) -> Result<ExitCode, StartError> {
        let before = at_rest.replace(state).map_err(|error| self.folder.wrong(&error))?;
        let text = format!(
            "\nrepaired: a server starts with this; the files as they were are in {}, until you remove it",
            before.display()
        );
        Ok(done(&text))
    }

    fn hopeless(&self, why: &str, has_all: bool) -> String {
        let (folder, help) = (shown(&self.folder.path), self.folder.without_checkpoint(has_all));
        format!("{folder}: {why}: {help}; streamgauge data dump {folder} tells what can be read")
    }

    /// Asks whoever sits in front of it.
    fn is_wanted(&self) -> bool {
        if !stdin().is_terminal() {
            return false;
        }
        // What is lost may be in a file by now, and the question would be too.
        let _ = write!(stderr(), "\nGo on with this in {}? [y/N] ", shown(&self.folder.path));
        let mut answer = String::new();
        stdin().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
    }
}

/// Says what was done: if need be on stderr, as nobody knows it otherwise.
fn done(text: &str) -> ExitCode {
    let said = output::line(text);
    if said.is_err() {
        say(text.trim_start());
    }
    ended(said, true)
}

/// Nobody was told what would be lost.
fn unheard(failure: Failure) -> ExitCode {
    const NOTHING: &str = "nothing was changed, as nobody was told what is lost";
    let failure = match failure {
        Failure::NobodyReads => Failure::Wrong(NOTHING.to_owned()),
        failure => failure.with(|_| format!(": {NOTHING}")),
    };
    ended(Err(failure), false)
}

/// What is lost.
fn lost_of(state: &Salvaged, lost: &[LostItems], messages: &[Damage]) -> String {
    let all = [few(&state.losses, Loss::at), few(lost, |lost| lost.at), few(messages, |damage| damage.at)];
    all.iter().flatten().map(|lost| format!("lost: {lost}\n")).collect()
}

/// What that leads to.
fn told(state: &Salvaged, given_up: &[(Name, u64)]) -> String {
    let mut text = String::new();
    let mut line = |told: String| text += &(told + "\n");
    if !state.losses.is_empty() {
        let Salvaged { before, behind, .. } = state;
        line(format!("{before} entries before it were executed again as they were, and {behind} behind it"));
    }
    if state.skipped > 0 {
        let by = state.skipped;
        line(format!("topics: behind it numbers of messages are higher by {by}, which subscribers are told as a gap"));
    }
    for (topic, messages) in state.again.iter().filter(|_| state.skipped > 0) {
        line(format!("topic {topic}: messages behind it that those may get again who have seen them: {messages}"));
    }
    for (topic, messages) in given_up {
        line(format!("topic {topic}: messages that can't be read, and are told as a gap: {messages}"));
    }
    if state.unpublished > 0 {
        line(format!("topics: messages lost too, as their topics take them no more: {}", state.unpublished));
    }
    for (queue, doubt) in &state.queues {
        let more = [
            ("got or acknowledged that may be there again", doubt.owed),
            ("lent, and ready again, as nobody knows which items those were", doubt.unlent),
            ("lost too, as there is no room for them", doubt.unput),
        ];
        for (what, count) in more.into_iter().filter(|(_, count)| *count > 0) {
            line(format!("queue {queue}: items {what}: {count}"));
        }
    }
    if state.undone > 0 {
        line(format!("queues that were emptied, and are not, as something may have been on lease: {}", state.undone));
    }
    text
}
