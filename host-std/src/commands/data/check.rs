//! Whether all of a folder is there, and whether a server could start with it.

use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::process::ExitCode;

use clap::Args;
use streamgauge_core::engine::{Command, Engine as _, Kind, Part, Prefix};
use streamgauge_core::wire::units::Rfc3339;

use super::{EXIT_CODES, Folder, Read, ended, read, shown};
use crate::commands::table::Table;
use crate::engine::disk::{AtRest, LogFound, Loss, Salvaged, few};
use crate::terminal::{StartError, output};

/// Read all that is kept, without changing it: whether it is what was written, and whether a server could start with it
#[derive(Debug, Args)]
#[command(after_long_help = EXIT_CODES)]
pub(super) struct Check {
    #[command(flatten)]
    folder: Folder,
}

impl Check {
    pub(super) fn run(&self) -> Result<ExitCode, StartError> {
        let at_rest = self.folder.open()?;
        let mut found = read(&self.folder, &at_rest, Err)?;
        let (starts, is_whole) = (found.starts(), found.is_whole());
        let has_all = at_rest.has_all().map_err(|error| self.folder.wrong(&error))?;
        let mut text = self.told(&at_rest, &found, has_all);
        if !starts {
            found.give_up(&self.folder, &at_rest)?;
        }
        if let Some(state) = &mut found.state {
            text += if starts { "" } else { "\nA repair would leave this:\n" };
            text += &tables(state);
        }
        Ok(ended(output::write(text.as_bytes()), is_whole))
    }

    fn told(&self, at_rest: &AtRest, found: &Read, has_all: bool) -> String {
        let mut text = String::new();
        let mut line = |what: &str, told: &str| text += &format!("{what:<11} {told}\n");
        let Read { wrong, log, messages, state, lost } = found;
        match wrong {
            Some(error) => line("checkpoint", &error.to_string()),
            None => line("checkpoint", &format!("{} bytes", at_rest.checkpoint_bytes().unwrap_or_default())),
        }
        line("log", &told_of(log));
        line("end", how_it_ends(log));
        // Without a checkpoint nothing is executed that could be of no use.
        let damage = match state {
            Some(state) => few(&state.losses, Loss::at),
            None => few(&log.damage, |damage| damage.at),
        };
        damage.iter().for_each(|damage| line("damage", damage));
        few(lost, |lost| lost.at).iter().for_each(|lost| line("damage", lost));
        few(messages, |damage| damage.at).iter().for_each(|damage| line("messages", damage));
        match state {
            Some(state) if state.losses.is_empty() && !(lost.is_empty() && messages.is_empty()) => {
                line("start", "a server starts, and says what is missing to who asks for it");
                line("", &format!("streamgauge data repair {} gives that up", shown(&self.folder.path)));
            }
            Some(state) if state.losses.is_empty() => line("start", "a server starts with all of it"),
            Some(_) => {
                line("start", &format!("no server starts: streamgauge data repair {}", shown(&self.folder.path)))
            }
            None => line("start", &format!("no server starts: {}", self.folder.without_checkpoint(has_all))),
        }
        text
    }
}

fn told_of(log: &LogFound) -> String {
    let LogFound { from, end, segments, entries, bytes, latest, .. } = log;
    let files = if *segments == 1 { "file" } else { "files" };
    let mut text = format!("{entries} entries, {bytes} bytes, {segments} {files}, from ");
    let _ = match from.segment {
        0 => write!(text, "its beginning"),
        _ => write!(text, "{from}"),
    };
    if let Some(at) = end.at {
        let _ = write!(text, " to {at}");
    }
    if let Some(latest) = latest {
        let _ = write!(text, "; the last of {}", Rfc3339(*latest));
    }
    text
}

const fn how_it_ends(log: &LogFound) -> &'static str {
    match (log.end.is_closed, log.end.is_torn) {
        (true, _) => "it was closed",
        (false, true) => "it was not closed, and ends in the middle of what nobody was told of",
        (false, false) => "it was not closed",
    }
}

/// What there is, with its counters.
pub(super) fn tables(state: &mut Salvaged) -> String {
    let number = |name| (name, true);
    let mut topics =
        Table::new([("topic", false)].into_iter().chain(["messages", "bytes", "first", "next"].map(number)));
    let columns =
        ["ready", "leased", "delayed", "dead", "accepted", "acked", "delivered", "overflow", "expired", "purged"];
    let mut queues = Table::new([("queue", false)].into_iter().chain(columns.map(number)));
    let (mut topic_count, mut queue_count) = (0, 0);
    for kind in [Kind::Topic, Kind::Queue] {
        let list = Command::List { kind, prefix: Prefix::cut(b"") };
        state.memory.execute(&list, state.latest, &mut |part: Part<'_>| {
            match part {
                Part::Topic(name, settings, stats) => {
                    let mut stats = *stats;
                    state.histories.tell(&name, settings, state.latest, &mut stats);
                    let cells = [stats.messages, stats.bytes, stats.first, stats.next];
                    topics.row([name.to_string()].into_iter().chain(cells.map(|cell| cell.to_string())));
                    topic_count += 1;
                }
                Part::Queue(name, _, stats) => {
                    let it = &stats.counters;
                    let cells = [it.ready, it.leased, it.delayed, it.dead, it.accepted];
                    let gone = [it.acked, it.delivered, it.overflow, it.expired, it.purged];
                    let cells = cells.into_iter().chain(gone).map(|cell| cell.to_string());
                    queues.row([name.to_string()].into_iter().chain(cells));
                    queue_count += 1;
                }
                _ => {}
            }
            ControlFlow::Continue(())
        });
    }
    let mut text = String::new();
    for (table, count) in [(topics, topic_count), (queues, queue_count)] {
        if count > 0 {
            text += "\n";
            text += &table.text();
        }
    }
    if !state.notes.is_empty() {
        let names: Vec<_> = state.notes.keys().map(ToString::to_string).collect();
        let _ = writeln!(text, "\ngauges: {}", names.join(", "));
    }
    text
}
